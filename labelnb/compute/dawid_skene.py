"""Votes of many sources: the class of every item and the confusion matrix of every source, by expectation and maximisation.

Source: Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm" (Applied Statistics 28);
pseudo-counts as a Dirichlet prior, so that each step raises the posterior, not only the likelihood.

Why sparse: a step costs K operations a vote that was cast, not a cell of the table. With A (N, M L) holding a one where an item's vote
stands, the expectation is A log(confusion) and the maximisation A^T probabilities, two sparse products. Items with the same votes have
the same probabilities and are worked on once.
"""
from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, class_labels, generator, positive_int, within
from labelnb.compute.device import able_device

__all__ = ["DawidSkene", "dawid_skene"]


class DawidSkene(NamedTuple):
    """What the votes say of items, sources and classes."""

    probabilities: torch.Tensor
    """(N, K) float64 probability of each class; the prior for an item nobody voted on."""
    confusion: torch.Tensor
    """(M, K, K) float64: source, true class, vote. Rows sum to 1: how the source votes where it does not abstain."""
    prior: torch.Tensor
    """(K,) float64 share of each class."""
    iterations: int
    """EM steps."""
    log_likelihood: float
    """Of all votes, in nats, under `confusion` and `prior` (the sum over items of the logarithm of the mixture)."""
    trace: torch.Tensor
    """(iterations,) float64 objective after each step: log-likelihood plus the logarithm of the Dirichlet priors. Never falling."""
    converged: bool
    """Whether the last step raised the objective by no more than the tolerance a vote."""


def dawid_skene(
    votes: Any,
    n_classes: int | None = None,
    *,
    labels: Any = None,
    prior: Any = None,
    prior_counts: float = 0.0,
    confusion_counts: Any = 0.01,
    tolerance: float = 1e-6,
    max_iterations: int = 200,
) -> DawidSkene:
    """Estimate classes and confusion matrices from votes, by EM from the majority's shares.

    Parameters
    ----------
    votes : (N, M) int64 class positions, -1 abstains; or scipy sparse (N, M) with the class position + 1 where a vote was cast
    n_classes : K; default the largest vote + 1
    labels : (N,) class positions known for certain, -1 elsewhere: they are kept, and teach what the sources are worth
    prior : (K,) shares of the classes, kept as given; none estimates them
    prior_counts : pseudo-items of every class, 0 or more, for the estimated shares
    confusion_counts : pseudo-votes, 0 or more, in every cell of every confusion matrix: a number, (K, K) or (M, K, K). A diagonal above
        the rest says that sources are better than chance, which matters where votes are few
    tolerance : stop when a step raises the objective by no more than this much a vote, in nats (as `tol` of crowd-kit)
    max_iterations : EM steps at most

    Returns
    -------
    DawidSkene on the votes' device (CPU for arrays).

    Raises
    ------
    ValueError
        If shapes do not fit, a vote is below -1 or not below K, nobody voted at all, or a count is negative.

    Notes
    -----
    Sources are taken to err independently of one another given the class; copies of one source count double. Do not use it with one or
    two sources, or a handful of votes each: confusion matrices have K (K - 1) numbers, and the majority is safer then.
    """
    within("tolerance", tolerance, 0.0, 1e3)
    positive_int("max_iterations", max_iterations)
    within("prior_counts", prior_counts, 0.0, 1e12)
    table = _Table(votes, n_classes, labels)
    given = None if prior is None else _shares(prior, table)
    extra = _counts(confusion_counts, table)
    p = table.majority()
    trace: list[float] = []
    converged = False
    while not converged and len(trace) < max_iterations:
        share, confusion = _maximise(table, p, given, prior_counts, extra)
        p, likelihood = table.expect(share, confusion)
        trace.append(likelihood + _log_prior(share, confusion, 0.0 if given is not None else prior_counts, extra))
        converged = len(trace) > 1 and trace[-1] - trace[-2] <= tolerance * table.count
    matrix = confusion.transpose(1, 2).contiguous()
    return DawidSkene(table.spread(p).to(table.home), matrix.to(table.home), share.to(table.home), len(trace), likelihood,
                      torch.tensor(trace, dtype=torch.float64), converged)


class _Table:
    """The votes as sparse products with them: one row a pattern of votes, one column a source and a vote."""

    def __init__(self, votes: Any, n_classes: int | None, labels: Any) -> None:
        (items, sources, voted), (self.n, self.m), self.home = _cast(votes)
        if n_classes is not None:
            positive_int("n_classes", n_classes)
        self.k = n_classes or int(voted.max()) + 1
        if int(voted.max()) >= self.k:
            raise ValueError(f"votes: hold class position {int(voted.max())}, but there are {self.k} classes; give a larger n_classes")
        known = None if labels is None else class_labels(labels, self.n, n_classes=self.k).to(items.device)
        self.count = len(items)
        cells = sources * self.k + voted
        starts = torch.searchsorted(items, torch.arange(self.n + 1, device=items.device))
        first, self.place, self.mass = _patterns(items, cells, starts, known, self.m * self.k)
        if first is not None:                                     # keep the votes of one item a pattern
            lengths = (starts[1:] - starts[:-1])[first]
            rows = torch.repeat_interleave(torch.arange(len(first), device=items.device), lengths)
            offset = torch.arange(len(rows), device=items.device) - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
            cells = cells[starts[first][rows] + offset]
            items, starts = rows, torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
            known = None if known is None else known[first]
        self.rows, self.known = len(starts) - 1, known
        shape = (self.rows, self.m * self.k)
        self.forward = _csr(starts, cells, shape)
        order = torch.argsort(cells, stable=True)
        ends = torch.searchsorted(cells[order], torch.arange(shape[1] + 1, device=cells.device))
        self.backward = _csr(ends, items[order], shape[::-1])

    def majority(self) -> torch.Tensor:
        """(rows, K) shares of the votes; of all votes for a row without any."""
        which = torch.arange(self.k, device=self.mass.device).repeat(self.m)
        shares = self.forward @ torch.nn.functional.one_hot(which, self.k).double()
        total = shares.sum(1, keepdim=True)
        everyone = (self.mass @ shares) / (self.mass @ total)
        return self._certain(torch.where(total > 0, shares / total.clamp_min(1), everyone))

    def expect(self, share: torch.Tensor, confusion: torch.Tensor) -> tuple[torch.Tensor, float]:
        """(rows, K) probabilities, and the log-likelihood of the votes (and of the known labels)."""
        table = confusion.clamp_min(1e-300).log().reshape(self.m * self.k, self.k)
        scores = (self.forward @ table).add_(share.log())
        top = scores.amax(1, keepdim=True)
        p = scores.sub_(top).exp_()
        if self.known is None:
            total = p.sum(1, keepdim=True)
            value = float(self.mass @ (total.log_() + top)[:, 0])
            return p.div_(total.exp_()), value
        seen = self.known >= 0
        chosen = p.gather(1, self.known.clamp_min(0)[:, None])[:, 0]
        value = float(self.mass @ (torch.where(seen, chosen.clamp_min(1e-300), p.sum(1)).log() + top[:, 0]))
        return self._certain(p / p.sum(1, keepdim=True)), value

    def counted(self, p: torch.Tensor) -> torch.Tensor:
        """(M, L, K) how often each source gave each vote to each class."""
        return (self.backward @ (p * self.mass[:, None])).reshape(self.m, self.k, self.k)

    def spread(self, p: torch.Tensor) -> torch.Tensor:
        """From patterns to items."""
        return p if self.place is None else p[self.place]

    def _certain(self, p: torch.Tensor) -> torch.Tensor:
        if self.known is None:
            return p
        sure = torch.nn.functional.one_hot(self.known.clamp_min(0), self.k).to(p)
        return torch.where((self.known >= 0)[:, None], sure, p)


def _maximise(
    table: _Table, p: torch.Tensor, given: torch.Tensor | None, prior_counts: float, extra: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares (K,) and confusion (M, votes, K) that raise the objective most."""
    counts = table.counted(p) + extra
    total = counts.sum(1, keepdim=True)
    # A source that never met a class says nothing about it: any row will do, and the even one is the same for every order of classes.
    confusion = torch.where(total > 0, counts / total.clamp_min(1e-300), torch.full_like(counts, 1.0 / table.k))
    if given is not None:
        return given, confusion
    share = (table.mass @ p) + prior_counts
    return share / share.sum(), confusion


def _log_prior(share: torch.Tensor, confusion: torch.Tensor, prior_counts: float, extra: torch.Tensor) -> float:
    value = float((extra * confusion.clamp_min(1e-300).log()).sum()) if bool((extra > 0).any()) else 0.0
    return value + (prior_counts * float(share.clamp_min(1e-300).log().sum()) if prior_counts else 0.0)


def _cast(votes: Any) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], tuple[int, int], torch.device]:
    """Items, sources and classes of the votes that were cast, by item and source; the table's shape; the device votes came from."""
    if scipy.sparse.issparse(votes):
        coo = scipy.sparse.coo_array(votes)
        coo.sum_duplicates()
        items, sources = (torch.from_numpy(part.astype(np.int64)) for part in coo.coords)
        value, shape = as_tensor(coo.data, "votes", dtype=None), coo.shape
        order = torch.argsort(items * shape[1] + sources)
        items, sources, value = items[order], sources[order], _whole(value[order]) - 1
        if bool((value < 0).any()):
            raise ValueError("votes: a sparse table holds class positions + 1, so 1 or more; got 0 or less")
        home = torch.device("cpu")
    else:
        dense = as_tensor(votes, "votes", dtype=None)
        if dense.ndim != 2 or 0 in dense.shape:
            raise ValueError(f"votes: got shape {tuple(dense.shape)}, expected (N, M): one row an item, one column a source")
        home, shape = dense.device, tuple(dense.shape)
        dense = _whole(dense.to(able_device(home)))
        if bool((dense < -1).any()):
            at = torch.nonzero((dense < -1).any(1)).flatten()[:5].tolist()
            raise ValueError(f"votes: items {at} hold a value below -1; expected class positions, -1 where a source abstains")
        items, sources = torch.nonzero(dense >= 0, as_tuple=True)
        value = dense[items, sources]
    if not len(items):
        raise ValueError("votes: every source abstains on every item; nothing can be learnt")
    return (items, sources, value), (int(shape[0]), int(shape[1])), home


def _whole(value: torch.Tensor) -> torch.Tensor:
    if value.dtype.is_floating_point and not bool((value == value.round()).all()):
        raise ValueError("votes: got fractions or NaN, expected whole class positions, -1 where a source abstains")
    return value.to(torch.int64)


def _patterns(
    items: torch.Tensor, cells: torch.Tensor, starts: torch.Tensor, known: torch.Tensor | None, width: int,
) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor]:
    """Of items with equal votes (and label): the first of each pattern, each item's pattern, and the items a pattern.

    Patterns are found by a hash of 64 bits and then compared vote by vote. Where they save little, every item stands for itself.
    """
    n = len(starts) - 1
    draw = generator(0)
    code = torch.randint(-(1 << 62), 1 << 62, (width + 1,), generator=draw, dtype=torch.int64).to(cells.device)
    key = torch.zeros(n, dtype=torch.int64, device=cells.device).index_add_(0, items, code[cells])
    if known is not None:
        key += (known + 2) * code[width]
    _, place = torch.unique(key, return_inverse=True)
    count = int(place.max()) + 1
    alone = torch.ones(n, dtype=torch.float64, device=cells.device)
    if 2 * count > n:
        return None, None, alone
    first = torch.full((count,), n, dtype=torch.int64, device=cells.device)
    first = first.scatter_reduce_(0, place, torch.arange(n, device=cells.device), "amin")
    mine = torch.arange(len(cells), device=cells.device) - starts[items]
    twin = first[place]
    same = torch.equal(starts[1:] - starts[:-1], (starts[1:] - starts[:-1])[twin])
    same = same and torch.equal(cells, cells[(starts[twin][items] + mine)]) and (known is None or torch.equal(known, known[twin]))
    if not same:                                                  # two patterns of one hash: rarer than a fault of the machine
        return None, None, alone
    return first, place, torch.zeros(count, dtype=torch.float64, device=cells.device).index_add_(0, place, alone)


def _csr(starts: torch.Tensor, columns: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    ones = torch.ones(len(columns), dtype=torch.float64, device=columns.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(starts, columns, ones, shape, check_invariants=False)


def _shares(prior: Any, table: _Table) -> torch.Tensor:
    share = as_tensor(prior, "prior", dtype=torch.float64).to(table.mass.device)
    if share.shape != (table.k,) or not bool(torch.isfinite(share).all()) or bool((share < 0).any()) or float(share.sum()) <= 0:
        raise ValueError(f"prior: got shape {tuple(share.shape)}, expected ({table.k},) shares of 0 or more, not all zero")
    return share / share.sum()


def _counts(counts: Any, table: _Table) -> torch.Tensor:
    """(M, votes, K) or (1, 1, 1): pseudo-votes as the counts are laid out."""
    number = isinstance(counts, int | float)
    extra = torch.tensor(float(counts), dtype=torch.float64) if number else as_tensor(counts, "confusion_counts", dtype=torch.float64)
    extra = extra.to(table.mass.device)
    allowed = ((), (table.k, table.k), (table.m, table.k, table.k))
    if tuple(extra.shape) not in allowed or not bool(torch.isfinite(extra).all()) or bool((extra < 0).any()):
        raise ValueError(
            f"confusion_counts: got shape {tuple(extra.shape)}, expected a number, ({table.k}, {table.k}) or "
            f"({table.m}, {table.k}, {table.k}), 0 or more"
        )
    full = extra if extra.ndim == 3 else extra.expand(1, table.k, table.k)
    return full.transpose(1, 2).expand(table.m, table.k, table.k)
