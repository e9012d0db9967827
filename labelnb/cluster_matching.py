"""Which cluster of a new clustering is which of an old one: the one-to-one matching with the largest overlap.

Source: the assignment problem, Kuhn 1955 "The Hungarian Method for the Assignment Problem" (doi 10.1002/nav.3800020109), over the table
of shared items, as in Hubert and Arabie 1985 "Comparing partitions".
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Matching", "match_clusters", "keep_numbers"]


class Matching(NamedTuple):
    """Pairs of clusters that belong together, by falling overlap."""

    before: np.ndarray
    """(M,) int64 clusters of the old assignment, each once."""
    after: np.ndarray
    """(M,) int64 the cluster of the new one that each is matched with, each once."""
    shared: np.ndarray
    """(M,) int64 items that the two share, 1 at least."""
    overlap: np.ndarray
    """(M,) float64 Jaccard overlap, 0 to 1: shared items over the items of either."""


def match_clusters(before: Any, after: Any, *, minimum: float = 0.0) -> Matching:
    """Match the clusters of two assignments one to one so that the matched pairs share as many items as possible.

    Parameters
    ----------
    before, after : (N,) int cluster of each item, -1 for outliers; the same items in the same order
    minimum : pairs below this Jaccard overlap (0 to 1) are left out of what comes back; the matching itself does not depend on it

    Raises
    ------
    ValueError
        If the shapes differ, or `minimum` is not in 0 to 1.

    Notes
    -----
    The table has one cell a pair of clusters: 1,000 by 1,000 takes some tens of milliseconds, 10,000 by 10,000 does not fit. Do not use it
    where clusters were split or joined on purpose: one to one, the smaller part stays without a partner.

    Examples
    --------
    >>> match_clusters([0, 0, 0, 1, 1], [5, 5, 2, 2, 2])
    Matching(before=array([0, 1]), after=array([5, 2]), shared=array([2, 2]), overlap=array([0.66666667, 0.66666667]))
    """
    from scipy.optimize import linear_sum_assignment

    old, new = _pair(before, after)
    if not 0 <= minimum <= 1:
        raise ValueError(f"minimum: got {minimum}, expected a Jaccard overlap from 0 to 1")
    inside = (old >= 0) & (new >= 0)
    old_names, rows = np.unique(old[inside], return_inverse=True)
    new_names, columns = np.unique(new[inside], return_inverse=True)
    table = np.zeros((len(old_names), len(new_names)), np.int64)
    np.add.at(table, (rows, columns), 1)
    left, right = linear_sum_assignment(table, maximize=True)
    shared = table[left, right]
    sizes_before = np.bincount(old[old >= 0])[old_names[left]]
    sizes_after = np.bincount(new[new >= 0])[new_names[right]]
    overlap = shared / np.maximum(sizes_before + sizes_after - shared, 1)
    kept = np.flatnonzero((shared > 0) & (overlap >= minimum))
    kept = kept[np.argsort(-overlap[kept], kind="stable")]
    return Matching(old_names[left][kept], new_names[right][kept], shared[kept], overlap[kept])


def keep_numbers(before: Any, after: Any, *, minimum: float = 0.0) -> np.ndarray:
    """(N,) int64 `after` under the numbers of `before`: matched clusters keep theirs, the others get numbers that were never given.

    >>> keep_numbers([0, 0, 0, 1, 1, -1], [1, 1, 1, 0, 0, 2]).tolist()
    [0, 0, 0, 1, 1, 2]
    """
    old, new = _pair(before, after)
    found = match_clusters(old, new, minimum=minimum)
    names = np.unique(new[new >= 0])
    fresh = int(old.max(initial=-1)) + 1
    numbers = np.full(int(new.max(initial=-1)) + 1, -1, np.int64)
    numbers[found.after] = found.before
    rest = names[numbers[names] < 0]
    numbers[rest] = fresh + np.arange(len(rest))
    return np.where(new >= 0, numbers[np.maximum(new, 0)] if len(numbers) else -1, -1).astype(np.int64)


def _pair(before: Any, after: Any) -> tuple[np.ndarray, np.ndarray]:
    old, new = np.asarray(before, np.int64), np.asarray(after, np.int64)
    if old.shape != new.shape or old.ndim != 1:
        raise ValueError(f"before, after: got shapes {old.shape} and {new.shape}, expected two of (N,) over the same items")
    return old, new
