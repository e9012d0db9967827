"""How good labels and clusters are, measured against a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["accuracy", "clustering_accuracy", "normalized_mutual_information", "adjusted_rand_index"]


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
    from scipy.optimize import linear_sum_assignment

    assignment, truth = _pair(assignment, truth)
    known = truth >= 0
    assignment, truth = assignment[known], truth[known]
    inside = assignment >= 0
    table = np.zeros((int(assignment.max(initial=0)) + 1, int(truth.max()) + 1), np.int64)
    np.add.at(table, (assignment[inside], truth[inside]), 1)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(truth))


def normalized_mutual_information(assignment: Any, truth: Any) -> float:
    """Mutual information over the mean of the two entropies, 0 to 1 (scikit-learn's `normalized_mutual_info_score`)."""
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
