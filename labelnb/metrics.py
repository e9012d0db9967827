"""How good labels and clusters are, measured against a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "SplitAccuracy", "accuracy", "clustering_accuracy", "split_clustering_accuracy", "normalized_mutual_information",
    "adjusted_rand_index",
]


class SplitAccuracy(NamedTuple):
    """Clustering accuracy over all items, and over those whose true class was known or novel. NaN where there is no such item."""

    all: float
    """Share of all items that agree with the truth."""
    old: float
    """Share of the items of known classes."""
    new: float
    """Share of the items of novel classes."""


def accuracy(predictions: Any, truth: Any) -> float:
    """Share of the items with a known truth (0 or above) whose prediction equals it; an abstention (-1) counts as wrong.

    Parameters
    ----------
    predictions, truth : (N,) int class positions, -1 where there is none

    Raises
    ------
    ValueError
        If the lengths differ, or no truth is known.
    """
    predictions, truth = _pair(predictions, truth)
    known = truth >= 0
    return float((predictions[known] == truth[known]).mean())


def clustering_accuracy(assignment: Any, truth: Any) -> float:
    """Share of the items that agree with the truth under the best one-to-one match of clusters to classes.

    The match is found by the Hungarian method (Kuhn 1955), as in Yang et al. 2010 (Image clustering using local discriminant models).
    With more clusters than classes, the clusters left over count as wrong; outliers (-1) count as wrong.
    """
    assignment, truth = _pair(assignment, truth)
    known = truth >= 0
    return float(_matched(assignment[known], truth[known]).mean())


def split_clustering_accuracy(assignment: Any, truth: Any, old: Sequence[int]) -> SplitAccuracy:
    """Clustering accuracy over all classes, over the known (old) and the novel (new) ones, under one match of clusters to classes.

    One Hungarian match over all items serves the three figures, so that a cluster cannot stand for an old class in one and for a new
    class in another: the protocol of Vaze et al. 2022 (Generalized Category Discovery, section 4.1, arXiv 2201.02609;
    `split_cluster_acc_v2` of their code). Leave out of the arrays the items whose labels the method was given: they would count as found.

    Parameters
    ----------
    assignment : (N,) int clusters, -1 for outliers, which count as wrong
    truth : (N,) int class positions, -1 where unknown, which are left out
    old : the class positions that were known beforehand; all others are novel

    Raises
    ------
    ValueError
        If the lengths differ, or no truth is known.

    Examples
    --------
    >>> split_clustering_accuracy([0, 0, 1, 1, 2, 1], [0, 0, 1, 1, 2, 2], old=[0, 1])
    SplitAccuracy(all=0.8333333333333334, old=1.0, new=0.5)
    """
    assignment, truth = _pair(assignment, truth)
    known = truth >= 0
    right = _matched(assignment[known], truth[known])
    among = np.isin(truth[known], np.asarray(list(old), np.int64))
    parts = [float(right[mask].mean()) if mask.any() else float("nan") for mask in (among, ~among)]
    return SplitAccuracy(float(right.mean()), *parts)


def _matched(assignment: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) bool: whether an item's cluster is the one matched with its class."""
    from scipy.optimize import linear_sum_assignment

    inside = assignment >= 0
    table = np.zeros((int(assignment.max(initial=0)) + 1, int(truth.max()) + 1), np.int64)
    np.add.at(table, (assignment[inside], truth[inside]), 1)
    rows, columns = linear_sum_assignment(-table)
    stands_for = np.full(len(table), -1, np.int64)
    stands_for[rows] = columns
    return inside & (stands_for[np.maximum(assignment, 0)] == truth)


def normalized_mutual_information(assignment: Any, truth: Any) -> float:
    """Mutual information over the mean of the two entropies, 0 to 1 (scikit-learn's `normalized_mutual_info_score`).

    Strehl and Ghosh 2002, "Cluster ensembles", JMLR 3, with the arithmetic mean (Vinh, Epps and Bailey 2010, JMLR 11, table 2). Not
    corrected for chance: it rises with the number of clusters; `adjusted_rand_index` does not.
    """
    from sklearn.metrics import normalized_mutual_info_score

    assignment, truth = _pair(assignment, truth)
    return float(normalized_mutual_info_score(truth[truth >= 0], assignment[truth >= 0]))


def adjusted_rand_index(assignment: Any, truth: Any) -> float:
    """Agreement of pairs, corrected for chance: 0 at random, 1 for the same partition (Hubert and Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    assignment, truth = _pair(assignment, truth)
    return float(adjusted_rand_score(truth[truth >= 0], assignment[truth >= 0]))


def _pair(first: Any, truth: Any) -> tuple[np.ndarray, np.ndarray]:
    first, truth = np.asarray(first, np.int64), np.asarray(truth, np.int64)
    if first.shape != truth.shape or first.ndim != 1:
        raise ValueError(f"got arrays of shape {first.shape} and {truth.shape}, expected two of shape (N,)")
    if not (truth >= 0).any():
        raise ValueError("no item has a known truth (0 or above); nothing can be measured")
    return first, truth
