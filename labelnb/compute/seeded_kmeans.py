"""K-means beside known classes: labelled rows stay in their class, new groups are looked for among the others.

Source: Vaze, Han, Vedaldi and Zisserman 2022, "Generalized Category Discovery", section 3.3 (arXiv 2201.02609); reference code
https://github.com/sgvaze/generalized-category-discovery. The constrained form is of Basu, Banerjee and Mooney 2002, "Semi-supervised
clustering by seeding". Starts of the new centres by greedy k-means++ that counts the known centres as taken.
"""
from __future__ import annotations

from typing import Any

import torch

from labelnb.checks import class_labels, finite_rows, generator, positive_int, within
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import KMeans, content_order, kmeans, nearest_centres, plus_plus

__all__ = ["seeded_kmeans", "class_means"]


def seeded_kmeans(
    x: Any,
    labels: Any,
    k: int,
    *,
    seed: int = 0,
    n_init: int = 1,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> KMeans:
    """Split N rows into K clusters, the first of which are the known classes.

    Parameters
    ----------
    x : (N, D) rows, any length
    labels : (N,) int64 0 to L - 1 for rows of a known class, each of which needs one; -1 for the others
    k : clusters in all, L at least; the first L hold the labelled rows
    seed : of the starts. The result depends on the rows, not on their order
    n_init : starts; the one of least inertia is returned
    max_iterations : most Lloyd steps a start
    tolerance : stop where the squared movement of the centres is below this share of the mean variance

    Raises
    ------
    ValueError
        Where a class below the largest label has no row, or k does not fit.

    Notes
    -----
    One step costs N x K x D. Unlike `kmeans(fixed=...)` the centres of the known classes move with the rows that join them.
    """
    rows = finite_rows(x)
    rows = rows.to(able_device(rows.device))
    y = class_labels(labels, len(rows)).to(rows.device)
    known = class_means(rows, y)
    free = torch.nonzero(y < 0).flatten()
    k = positive_int("k", k, low=max(1, len(known)), high=len(known) + len(free))
    n_init, max_iterations = positive_int("n_init", n_init), positive_int("max_iterations", max_iterations)
    tolerance = within("tolerance", tolerance, 0.0, 1.0)
    if not len(known):
        return kmeans(rows, k, seed=seed, n_init=n_init, max_iterations=max_iterations, tolerance=tolerance)
    threshold = tolerance * float(rows.var(0, correction=0).mean())
    draw, best = generator(seed), None
    ordered = rows[free][content_order(rows[free], seed)] if len(free) else rows[free]
    for _ in range(n_init if k > len(known) else 1):
        centres = plus_plus(ordered, k, known, draw) if k > len(known) else known
        run = _lloyd(rows, y, free, centres, max_iterations, threshold)
        best = run if best is None or run.inertia < best.inertia else best
    assert best is not None
    return best


def class_means(rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(L, D) mean of the labelled rows of each class. Raises ValueError where a class has none."""
    inside = labels >= 0
    if not bool(inside.any()):
        return rows[:0]
    count = int(labels.max()) + 1
    sizes = torch.bincount(labels[inside], minlength=count)
    if bool((sizes == 0).any()):
        missing = torch.nonzero(sizes == 0).flatten().tolist()
        raise ValueError(f"labels: classes {missing} have no labelled row; number the known classes from 0 on")
    return _sums(rows[inside], labels[inside], count) / sizes[:, None].to(rows.dtype)


def _sums(rows: torch.Tensor, places: torch.Tensor, k: int) -> torch.Tensor:
    if k <= 64:                                                   # few clusters: a product with indicators beats scattered additions
        return torch.nn.functional.one_hot(places, k).to(rows.dtype).T @ rows
    return rows.new_zeros(k, rows.shape[1]).index_add_(0, places, rows)


def _lloyd(rows: torch.Tensor, y: torch.Tensor, free: torch.Tensor, centres: torch.Tensor, most: int, threshold: float) -> KMeans:
    lengths = (rows[free] * rows[free]).sum(1)
    pinned = _sums(rows[y >= 0], y[y >= 0], len(centres))         # what the labelled rows bring to each centre never changes
    counts = torch.bincount(y[y >= 0], minlength=len(centres))
    part, moved, converged, steps = rows[free], torch.full_like(free, -1), False, 0
    for _ in range(most):
        steps += 1
        before, (moved, _away) = moved, nearest_centres(part, centres, lengths)
        if torch.equal(before, moved):
            converged = True
            break
        sizes = counts + torch.bincount(moved, minlength=len(centres))
        means = (pinned + _sums(part, moved, len(centres))) / sizes.clamp_min(1)[:, None].to(rows.dtype)
        new = torch.where(sizes[:, None] > 0, means, centres)     # an empty group stays where it is, as in the reference
        shift, centres = float(((new - centres) ** 2).sum()), new
        if shift <= threshold:
            converged = True
            break
    moved, away = nearest_centres(part, centres, lengths)
    assignment = y.clone()
    assignment[free] = moved
    own = ((rows[y >= 0] - centres[y[y >= 0]]) ** 2).sum(dtype=torch.float64)
    return KMeans(assignment, centres, float(away.sum(dtype=torch.float64) + own), steps, converged)
