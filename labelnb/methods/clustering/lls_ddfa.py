"""Classes found by what shifts together: where their shares differ between domains, items whose domains are alike are of one class.

Source: Roberts, Mani, Garg and Lipton 2022, Unsupervised Learning under Latent Label Shift, NeurIPS (arXiv 2207.13179): discriminate,
discretise, factorise, adjust (DDFA). Reference code: https://github.com/manleyroberts/latentlabelshift

With frozen embeddings a linear probe stands for the paper's domain discriminator network; its probabilities are out of fold, so that
it cannot know an item's domain by heart. The factorisation starts at anchor bins, found by successive projection (Araujo et al. 2001),
in place of random starts.
"""
from __future__ import annotations

import math
from typing import Annotated, Any

import torch

from labelnb.checks import Range, class_labels, positive_int, unit_rows, within
from labelnb.compute.kmeans import kmeans
from labelnb.compute.probe import out_of_fold
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 20
WEAK = 3.0
"""Standard errors over chance below which the discriminator's accuracy is no sign of a shift."""
ALIKE = 100.0
"""Condition number of the classes' shares above which two classes shift all but alike."""


def lls_ddfa(
    embeddings: torch.Tensor,
    domains: torch.Tensor,
    *,
    n_clusters: int,
    bins: int | None = None,
    l2: Annotated[float, Range(1e-6, 1e6)] = 0.1,
    folds: Annotated[int, Range(2, 50)] = 5,
    updates: Annotated[int, Range(1, 100_000)] = 2000,
    seed: int = 0,
) -> Clusters:
    """Group items by the domains they could come from, not by how alike they look.

    A probe learns p(d | x); items are put into bins of like p(d | x); the table of bins by domains, p(bin | d), is factorised into
    p(bin | y) and p(y | d); and p(y | x, d) follows by Bayes' rule.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    domains : (N,) which domain each item comes from: a site, a month, a source; positions 0, 1, ... without gaps
    n_clusters : classes to find (k), at most the number of domains
    bins : groups of like p(d | x) in the table (m), n_clusters at least; None for three a class
    l2 : penalty of the probe
    folds : of the probe
    updates : steps of the factorisation
    seed : of the folds and bins

    Returns
    -------
    Clusters whose `probabilities` (N, K) are p(y | x, d): each item in its own domain. Evidence: `p_y_given_d` (K, R), the share of
    each class in each domain; `p_y_given_x` (N, K) with all domains alike; `p_d_given_x` (N, R); `bins` (N,); `residual` of the
    factorisation; `condition` of p(y | d); `gain`, the discriminator's accuracy over chance.

    Raises
    ------
    ValueError
        If there are fewer domains than clusters, in which case the classes cannot be told apart, or an ingredient is not what it
        should be: each is named.

    Notes
    -----
    What it rests on: p(x | y) is the same in all domains, p(y) is not, and each class has items that are surely its own. Do not use it
    where the looks of a class change with the domain (another camera, another author): it then finds domains, not classes. Without a
    shift of p(y) there is nothing to be found, however clear the groups look; it says so in `warnings`. Two classes that rise and
    fall together become one.
    """
    x = unit_rows(embeddings)
    k = positive_int("n_clusters", n_clusters)
    d = class_labels(domains, len(x), name="domains", unknown=False).to(x.device)
    counts = torch.bincount(d)
    _check(k, len(x), counts)
    positive_int("folds", folds, low=2), positive_int("updates", updates), within("l2", l2, 1e-6, 1e6)
    m = min(3 * k, len(x)) if bins is None else positive_int("bins", bins, low=k, high=len(x))
    if len(counts) == 1:
        p_d_x = x.new_ones(len(x), 1)
    else:
        balance = (len(x) / (len(counts) * counts.to(x.dtype)))[d]                   # domains count alike, whatever their size
        p_d_x = out_of_fold(x, d, folds=folds, l2=l2, seed=seed, weights=balance).to(x)
    right = torch.bincount(d[p_d_x.argmax(1) == d], minlength=len(counts))
    gain = float((right / counts).mean()) - 1 / len(counts)
    place = kmeans(p_d_x, m, seed=seed, n_init=5).assignment.to(x.device)
    table = torch.zeros(m, len(counts), dtype=torch.float64, device=x.device)
    table.index_put_((place, d), torch.ones(1, dtype=torch.float64, device=x.device), accumulate=True)
    p_bin_d = table / counts
    p_y_d, residual = factorise(p_bin_d, updates, anchors(table, k))
    p_y_x, p_y_xd = adjust(p_d_x.double(), p_y_d, d)
    condition = float(torch.linalg.cond(p_y_d))
    evidence = {
        "p_y_given_d": p_y_d, "p_y_given_x": p_y_x, "p_d_given_x": p_d_x, "bins": place, "residual": residual, "condition": condition,
        "gain": gain,
    }
    assigned = p_y_xd.argmax(1)
    return Clusters(as_array(assigned), as_array(p_y_xd), evidence=evidence, warnings=_warnings(gain, condition, k, len(counts), len(x)))


def _check(k: int, n: int, counts: torch.Tensor) -> None:
    if bool((counts == 0).any()):
        raise ValueError(f"domains: positions {torch.nonzero(counts == 0).flatten().tolist()} hold no item; number domains without gaps")
    if k > len(counts):
        raise ValueError(
            f"domains: {len(counts)} for n_clusters={k}; classes can be told apart only by as many domains: give more, or ask for fewer"
        )
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")


def _warnings(gain: float, condition: float, k: int, domains: int, n: int) -> tuple[str, ...]:
    said = []
    chance = 1 / domains
    if k > 1 and gain < WEAK * math.sqrt(chance * (1 - chance) / n):
        said.append(
            f"the domains can hardly be told apart (accuracy {gain:+.3f} over chance): no shift of class shares to learn from, and these "
            "clusters mean nothing; use k_means or sela"
        )
    elif k > 1 and condition > ALIKE:
        said.append(f"some classes shift all but alike (condition {condition:.0f}): they cannot be told apart; ask for fewer clusters")
    return tuple(said)


def anchors(table: torch.Tensor, k: int) -> torch.Tensor:
    """(K,) bins that are corners of the others: successive projection on p(d | bin), small bins drawn towards the mean."""
    share = table.sum(0) / table.sum()
    size = table.sum(1, keepdim=True)
    prior = float(table.sum()) / len(table) * 0.1
    rest = (table + prior * share) / (size + prior)                # (M, R)
    rest = rest / table.sum(0).clamp_min(1)                       # domains alike: p(d | bin) under equal p(d)
    rest = rest / rest.sum(1, keepdim=True)
    picked: list[int] = []
    for _ in range(k):
        lengths = rest.norm(dim=1)
        lengths[picked] = -1.0
        picked.append(int(lengths.argmax()))
        direction = torch.nn.functional.normalize(rest[picked[-1]], dim=0)
        rest = rest - (rest @ direction)[:, None] * direction
    return torch.tensor(picked, device=table.device)


def factorise(p_bin_d: torch.Tensor, updates: int, corners: torch.Tensor) -> tuple[torch.Tensor, float]:
    """p(y | d) (K, R) of the non-negative factorisation p(bin | d) = p(bin | y) p(y | d) of least squares, and its relative residual.

    Multiplicative updates (Lee and Seung 2001) from the anchors; columns of both factors are distributions at the end.
    """
    q, tiny = p_bin_d, 1e-12
    w = q[corners] / q[corners].sum(1, keepdim=True).clamp_min(tiny) + 1e-3          # (K, R), an anchor's row is p(y | d) up to scale
    c = (q @ torch.linalg.pinv(w)).clamp_min(1e-4 / len(q))
    before = float("inf")
    for step in range(updates):
        c = c * (q @ w.T) / (c @ (w @ w.T)).clamp_min(tiny)
        w = w * (c.T @ q) / ((c.T @ c) @ w).clamp_min(tiny)
        if step % 50 == 49:
            now = float((q - c @ w).norm())
            if before - now <= 1e-9 * max(now, tiny):
                break
            before = now
    residual = float((q - c @ w).norm() / q.norm())
    w = w * c.sum(0)[:, None]
    return w / w.sum(0).clamp_min(tiny), residual


def adjust(p_d_x: torch.Tensor, p_y_d: torch.Tensor, d: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """p(y | x) with all domains alike, and p(y | x, d) in each item's own: p(d | x) = sum_y p(d | y) p(y | x), solved and cut at 0."""
    p_d_y = (p_y_d / p_y_d.sum(1, keepdim=True).clamp_min(1e-300)).T                 # (R, K)
    p_y_x = _shares(p_d_x @ torch.linalg.pinv(p_d_y).T)
    return p_y_x, _shares(p_y_x * p_d_y[d], p_y_x)


def _shares(rows: torch.Tensor, instead: Any = None) -> torch.Tensor:
    """Rows cut at 0 and scaled to sum 1; a row without anything above 0 is even, or what is given in its place."""
    rows = rows.clamp_min(0)
    total = rows.sum(1, keepdim=True)
    other = torch.full_like(rows, 1 / rows.shape[1]) if instead is None else instead
    return torch.where(total > 1e-12, rows / total.clamp_min(1e-12), other)
