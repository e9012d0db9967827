"""The graph of nearest neighbours: exact in blocks.

Similarities are screened block by block in float32 (a matrix product), the best candidates of each row are then scored again
in double precision, and a row whose choice the screening error could have touched is searched in full. So the answer depends
on the vectors alone: not on block sizes, threads or the order of summation, and equal similarities go by position.
"""
from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, positive_int, within
from labelnb.compute.device import working_memory

__all__ = ["KnnGraph", "knn_graph"]

EXACT_BELOW = 30_000
"""Rows below which `exact=None` searches exactly."""
_SPARE = 8
"""Candidates kept beyond k, so that few rows have to be searched in full."""
_CACHED = 1 << 21
"""Numbers gathered at a time when candidates are scored again: what stays in a processor's cache."""
_SCREEN_ERROR = 1e-5
"""More than a float32 matrix product of unit rows can be wrong by (some 1e-7 times the square root of the dimension)."""


class KnnGraph(NamedTuple):
    """The k nearest rows of every row or query, nearest first."""

    indices: torch.Tensor
    """(Q, k) int64 positions of the neighbours."""
    similarities: torch.Tensor
    """(Q, k) cosines; for the Euclidean metric minus the distance. Never increasing along a row."""
    recall: float
    """Share of the true neighbours found: 1 when exact, else measured on a sample of rows."""
    method: str
    """What ran: `exact` or `partitions`."""
    metric: str
    """`cosine` or `euclidean`."""
    n_rows: int
    """Rows that were searched: the columns of `to_scipy`."""

    def to_scipy(self, mode: Literal["symmetric", "mutual", "directed"] = "symmetric", gamma: float = 1.0) -> scipy.sparse.csr_array:
        """The graph as a sparse matrix of non-negative weights.

        Parameters
        ----------
        mode : `symmetric` averages both directions (an edge that only one end lists weighs half), `mutual` keeps edges that
            both ends list, `directed` is (Q, N) as found
        gamma : power on the weights. A cosine weighs its positive part to this power; a distance d(i, j) weighs
            exp(-d^2 / (s_i s_j)) to this power, with s the distance to a row's last neighbour (Zelnik-Manor and Perona 2004)

        Raises
        ------
        ValueError
            If the mode is unknown, gamma is not positive, or a mode other than `directed` is asked of a search with queries.
        """
        within("gamma", gamma, 0.0, 1e3, open_low=True)
        if mode not in ("symmetric", "mutual", "directed"):
            raise ValueError(f"mode: got {mode!r}, expected 'symmetric', 'mutual' or 'directed'")
        rows, k = self.indices.shape
        if mode != "directed" and rows != self.n_rows:
            raise ValueError(f"mode: {mode!r} needs rows among themselves; {rows} queries into {self.n_rows} rows can only be 'directed'")
        weights = _weights(self, gamma).cpu().numpy()
        starts, columns = np.arange(0, rows * k + 1, k), self.indices.cpu().numpy().ravel().copy()     # sorted in place below
        directed = scipy.sparse.csr_array((weights.ravel(), columns, starts), shape=(rows, self.n_rows))
        directed.sort_indices()
        if mode == "directed":
            made = directed
        elif mode == "mutual":
            made = directed.minimum(directed.T).tocsr()
        else:
            made = ((directed + directed.T) * weights.dtype.type(0.5)).tocsr()
        made.eliminate_zeros()
        return made


def knn_graph(
    x: Any,
    k: int,
    *,
    queries: Any = None,
    metric: Literal["cosine", "euclidean"] = "cosine",
    exact: bool | None = None,
    recall: float = 0.98,
    memory: int | None = None,
) -> KnnGraph:
    """The k nearest rows of every row of `x`, itself left out, or of every query.

    Parameters
    ----------
    x : (N, D) float16, float32 or float64, array or tensor, memory-mapped too; rows need not be of length 1
    k : neighbours a row, at most N - 1 (N with queries)
    queries : (Q, D) rows to look up in `x`; none looks up `x` in itself
    metric : `cosine` or `euclidean`
    exact : True searches all pairs, False partitions the rows; None is exact below 30,000 rows
    recall : the least share of the true neighbours that an inexact search must find, measured on a sample
    memory : bytes for the blocks, beside input and result; none takes a quarter of what is free, 1 GiB at most on a CPU

    Returns
    -------
    KnnGraph on the device of `x`, similarities in float32 (float64 for float64 rows).

    Raises
    ------
    ValueError
        If shapes do not fit, k is too large for the rows, or a row holds NaN, infinity or, for cosines, only zeros.

    Notes
    -----
    Exact search costs N^2 D operations (half of it when `x` is searched in itself). Equal similarities go to the lower position.
    """
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"metric: got {metric!r}, expected 'cosine' or 'euclidean'")
    within("recall", recall, 0.0, 1.0, open_low=True)
    rows = _Rows(x, "x", metric)
    looked_up = rows if queries is None else _Rows(queries, "queries", metric)
    if looked_up.dim != rows.dim:
        raise ValueError(f"queries: vectors of {looked_up.dim} numbers, x of {rows.dim}; expected the same space")
    most = rows.count - (queries is None)
    positive_int("k", k)
    if k > most:
        others = "other rows" if queries is None else "rows"
        raise ValueError(f"k: got {k}, but there are {most} {others} to be neighbours; give k of at most {most}")
    budget = working_memory(memory, rows.device)
    return _exact(rows, looked_up, k, queries is None, budget)


def _weights(graph: KnnGraph, gamma: float) -> torch.Tensor:
    """(Q, k) non-negative edge weights."""
    if graph.metric == "cosine":
        return graph.similarities.clamp_min(0).pow(gamma)
    distances = -graph.similarities
    last = distances[:, -1:]
    # A query has a scale of its own only; among rows, the neighbour's scale counts as much as the row's.
    scales = last * (last[graph.indices, 0] if len(last) == graph.n_rows else last)
    return torch.where(distances == 0, torch.ones_like(distances), (-gamma * distances.square() / scales).exp())


class _Rows:
    """Vectors as they are stored, handed out in blocks."""

    def __init__(self, value: Any, name: str, metric: str) -> None:
        self.stored = as_tensor(value, name, dtype=None)
        if self.stored.ndim != 2 or 0 in self.stored.shape:
            raise ValueError(f"{name}: got shape {tuple(self.stored.shape)}, expected (N, D) with at least one row and one column")
        if not self.stored.dtype.is_floating_point:
            self.stored = self.stored.to(torch.float32)
        self.metric, self.device = metric, self.stored.device
        self.count, self.dim = self.stored.shape
        self.dtype = torch.float64 if self.stored.dtype == torch.float64 else torch.float32
        step = max(1, (64 << 20) // (8 * self.dim))
        self.lengths = torch.cat([self.stored[a:a + step].double().norm(dim=1) for a in range(0, self.count, step)])
        bad = torch.nonzero(~torch.isfinite(self.lengths) | ((self.lengths == 0) & (metric == "cosine"))).flatten()
        if len(bad):
            what = "NaN, infinity or only zeros" if metric == "cosine" else "NaN or infinity"
            raise ValueError(f"{name}: {what} in {len(bad)} rows, the first at {bad[:5].tolist()}; drop or repair them")

    def block(self, at: slice) -> torch.Tensor:
        """float32 rows, of length 1 for cosines."""
        taken = self.stored[at]
        if self.metric == "cosine":
            taken = taken.to(self.dtype) / self.lengths[at, None].to(self.dtype)
        return taken.float()

    @property
    def error(self) -> float:
        """Bound on what screening can be wrong by, in the units of the screened value."""
        return _SCREEN_ERROR * (1.0 if self.metric == "cosine" else 4 * float(self.lengths.max()) ** 2)


def _exact(rows: _Rows, queries: _Rows, k: int, same: bool, budget: int) -> KnnGraph:
    kept = min(k + _SPARE, rows.count - same)
    side = max(64, min(8192, int((budget / (4 * 4)) ** 0.5), int(budget / (16 * rows.dim))))
    values, indices = (_screen_same if same else _screen)(rows, queries, kept, side)
    return KnnGraph(*_settle(rows, queries, k, same, values, indices, budget), 1.0, "exact", rows.metric, rows.count)


def _products(a: torch.Tensor, b: torch.Tensor, metric: str) -> torch.Tensor:
    """What screening compares: cosines, or minus squared distances."""
    if metric == "cosine":
        return a @ b.T
    return torch.addmm(-(a * a).sum(1, keepdim=True) - (b * b).sum(1), a, b.T, alpha=2.0)


def _merge(values: torch.Tensor, indices: torch.Tensor, at: slice, found: torch.Tensor, start: int) -> None:
    """Put the best of the block `found`, whose columns begin at `start`, into the lists of the rows `at`."""
    best, where = found.topk(min(values.shape[1], found.shape[1]), dim=1, sorted=False)
    together = torch.cat([values[at], best], dim=1)
    chosen, place = together.topk(values.shape[1], dim=1, sorted=False)
    indices[at] = torch.cat([indices[at], where + start], dim=1).gather(1, place)
    values[at] = chosen


def _screen(rows: _Rows, queries: _Rows, kept: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.full((queries.count, kept), -torch.inf, device=rows.device)
    indices = torch.full((queries.count, kept), -1, dtype=torch.int64, device=rows.device)
    for a in range(0, queries.count, side):
        left = queries.block(slice(a, a + side))
        for b in range(0, rows.count, side):
            _merge(values, indices, slice(a, a + side), _products(left, rows.block(slice(b, b + side)), rows.metric), b)
    return values, indices


def _screen_same(rows: _Rows, queries: _Rows, kept: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As `_screen` of the rows in themselves: every block serves its rows and its columns, so half the products suffice."""
    values = torch.full((rows.count, kept), -torch.inf, device=rows.device)
    indices = torch.full((rows.count, kept), -1, dtype=torch.int64, device=rows.device)
    for a in range(0, rows.count, side):
        left = rows.block(slice(a, a + side))
        for b in range(a, rows.count, side):
            found = _products(left, left if a == b else rows.block(slice(b, b + side)), rows.metric)
            if a == b:
                found.fill_diagonal_(-torch.inf)
            else:
                _merge(values, indices, slice(b, b + side), found.T.contiguous(), a)
            _merge(values, indices, slice(a, a + side), found, b)
    return values, indices


def _settle(
    rows: _Rows, queries: _Rows, k: int, same: bool, values: torch.Tensor, indices: torch.Tensor, budget: int, *, certain: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Score the candidates again in float64, order them, and with `certain` search rows in full where screening could have erred."""
    count, kept = indices.shape
    out_i = torch.empty((count, k), dtype=torch.int64, device=rows.device)
    out_s = torch.empty((count, k), dtype=rows.dtype, device=rows.device)
    step = max(1, min(budget // 20, _CACHED) // (kept * rows.dim))
    worst = values.min(dim=1).values
    doubtful = []
    for a in range(0, count, step):
        at = slice(a, a + step)
        exact = _rescore(rows, queries, at, indices[at])
        out_i[at], out_s[at] = _order(indices[at], exact, k, rows.dtype)
        if certain and kept < rows.count - same:
            last = out_s[at][:, -1].double()
            edge = last if rows.metric == "cosine" else -last.square()
            doubtful.append(a + torch.nonzero(edge <= worst[at] + rows.error).flatten())
    again = torch.cat(doubtful) if doubtful else torch.empty(0, dtype=torch.int64)
    step = max(1, int(budget / (40 * rows.count)))
    for a in range(0, len(again), step):
        _search_full(rows, queries, again[a:a + step], k, same, budget, out_i, out_s)
    return out_i, out_s


def _rescore(rows: _Rows, queries: _Rows, at: slice, indices: torch.Tensor) -> torch.Tensor:
    """Cosines, or minus distances, of the queries `at` to their candidates (n, m), in float64."""
    known = indices.clamp_min(0)
    left, right = queries.stored[at].double(), rows.stored[known].double()
    if rows.metric == "cosine":
        scored = torch.bmm(right, left[:, :, None]).squeeze(2) / (queries.lengths[at, None] * rows.lengths[known])
    else:
        scored = -right.sub_(left[:, None, :]).square_().sum(2).sqrt_()
    return scored.masked_fill_(indices < 0, -torch.inf)


def _order(indices: torch.Tensor, scored: torch.Tensor, k: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best of each row, nearest first, equal ones (to float32, or to 1e-12 of float64) by position."""
    key = scored.float() if dtype == torch.float32 else (scored * 2.0**40).round()
    by_position = indices.argsort(dim=1)
    place = by_position.gather(1, key.gather(1, by_position).argsort(dim=1, descending=True, stable=True)[:, :k])
    return indices.gather(1, place), scored.gather(1, place).to(dtype)


def _search_full(
    rows: _Rows, queries: _Rows, at: torch.Tensor, k: int, same: bool, budget: int, out_i: torch.Tensor, out_s: torch.Tensor,
) -> None:
    left = queries.stored[at].double()
    scored = torch.empty((len(at), rows.count), dtype=torch.float64, device=rows.device)
    step = max(1, int(budget / (20 * rows.dim)))
    for b in range(0, rows.count, step):
        right = rows.stored[b:b + step].double()
        if rows.metric == "cosine":
            scored[:, b:b + step] = left @ right.T / (queries.lengths[at, None] * rows.lengths[b:b + step])
        else:
            scored[:, b:b + step] = -torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")
    if same:
        scored[torch.arange(len(at)), at] = -torch.inf
    everyone = torch.arange(rows.count, device=rows.device).expand(len(at), -1)
    out_i[at], out_s[at] = _order(everyone, scored, k, rows.dtype)
