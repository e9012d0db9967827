"""Label errors by confident counting: which given labels the predictions of a model that has not seen them contradict.

Source: Northcutt, Jiang and Chuang 2021 (arXiv 1911.00068), with calibration, rounding and pruning as cleanlab 2.9 does them: what is
flagged is the same, item by item. Why not by calling it: it sorts the items of a class once for every other class, where the place of the
cut is enough, and looks at the labels one by one.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["FILTERS", "RANKINGS", "ConfidentCounts", "confident_counts", "label_issues", "label_quality"]

FILTERS = (
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given", "low_self_confidence",
    "low_normalized_margin",
)
RANKINGS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
CLOSE = 1e-6
"""A probability counts as above a threshold, and as the largest, where it misses it by less."""
LEAST = 2 * CLOSE
"""Least threshold."""
COMPILED_ABOVE = 200_000
"""Numbers from which a compiled loop repays its import."""


class ConfidentCounts(NamedTuple):
    """What a count of the confident items gives."""

    joint: np.ndarray
    """(K, K) int64: items by given and by true class, calibrated to the number of labels of each class."""
    guess: np.ndarray
    """(N,) int64: the class an item confidently belongs to, -1 where there is none."""
    agreed: np.ndarray
    """(N,) bool: whether no class is likelier than the given one."""


def confident_counts(labels: np.ndarray, probabilities: np.ndarray) -> ConfidentCounts:
    """Count the items of every given class that belong, above the mean probability of that class's own items, to each class.

    Parameters
    ----------
    labels : (N,) int64 class positions
    probabilities : (N, K) float32 or float64 out-of-sample predictions

    Returns
    -------
    ConfidentCounts; every class keeps one item at least on the diagonal before calibration.
    """
    count, k = probabilities.shape
    own = probabilities[np.arange(count), labels]
    totals = np.bincount(labels, minlength=k)
    parts = [own[rows] for rows in _rows_by_class(labels, k)]
    # A class without labels gets a threshold that no probability reaches. The mean is that of the probabilities' own type.
    least = np.maximum(np.asarray([part.mean() if len(part) else 2 for part in parts]), LEAST)
    guess, agreed = _guessed(labels, probabilities, least - CLOSE)
    sure = guess >= 0
    counts = np.bincount(labels[sure] * k + guess[sure], minlength=k * k).reshape(k, k)
    np.fill_diagonal(counts, counts.diagonal().clip(min=1))
    return ConfidentCounts(_calibrated(counts, totals), guess, agreed)


def _rows_by_class(labels: np.ndarray, k: int) -> list[np.ndarray]:
    """The positions of each class's labels, ascending."""
    order = np.argsort(labels.astype(np.int16 if k < 1 << 15 else np.int64), kind="stable")      # by radix for 16 bits
    return np.split(order, np.cumsum(np.bincount(labels, minlength=k))[:-1])


def _guessed(labels: np.ndarray, p: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confident class of each row, -1 for none, and whether the given class is the likeliest, or as good as."""
    if p.size >= COMPILED_ABOVE:
        from labelnb.compute.compiled import by_threads
        from labelnb.compute.confident_loops import guessed

        guess, agreed = np.empty(len(p), np.int64), np.empty(len(p), np.bool_)
        by_threads(guessed, len(p), np.ascontiguousarray(p), labels, above, p.dtype.type(CLOSE), guess, agreed)
        return guess, agreed
    confident = p >= above
    number = confident.sum(1)
    guess = np.where(number > 1, p.argmax(1), np.where(number == 1, confident.argmax(1), -1))
    raised = p.copy()
    raised[np.arange(len(p)), labels] += CLOSE
    return guess, raised.argmax(1) == labels


def label_issues(
    labels: np.ndarray, probabilities: np.ndarray, counts: ConfidentCounts, filter_by: str = "prune_by_noise_rate",
) -> tuple[np.ndarray, list[str]]:
    """Which items to look at, and what to know of it.

    Parameters
    ----------
    labels, probabilities : as counted
    counts : of `confident_counts`
    filter_by : one of FILTERS, as `confident_learning` describes them

    Returns
    -------
    (N,) bool, and a sentence for every class that is too small to be pruned.
    """
    if filter_by not in FILTERS:
        raise ValueError(f"filter_by: got {filter_by!r}, expected one of {', '.join(FILTERS)}")
    off = (counts.guess >= 0) & (counts.guess != labels)
    if filter_by == "predicted_neq_given":
        return (probabilities.argmax(1) != labels) & ~counts.agreed, []
    if filter_by == "confident_learning":
        return off & ~counts.agreed, []
    if filter_by.startswith("low_"):
        flagged = np.zeros(len(labels), np.bool_)
        flagged[np.argsort(label_quality(labels, probabilities, filter_by[4:]))[: int((off & ~counts.agreed).sum())]] = True
        return flagged, []
    return _pruned(labels, probabilities, _removals(counts.joint.T), filter_by, counts.agreed)


def label_quality(labels: np.ndarray, probabilities: np.ndarray, rank_by: str) -> np.ndarray:
    """(N,) how far the predictions bear the given labels out, by one of RANKINGS, as `confident_learning` describes them."""
    at = np.arange(len(probabilities))
    own = probabilities[at, labels]
    if rank_by == "self_confidence":
        return own
    if rank_by == "normalized_margin":
        others = probabilities.copy()
        others[at, labels] = -np.inf
        return (own - others.max(1) + 1) / 2
    from cleanlab.rank import get_label_quality_scores

    return np.asarray(get_label_quality_scores(labels, probabilities, method=rank_by))


def _pruned(labels: np.ndarray, p: np.ndarray, removals: np.ndarray, filter_by: str, agreed: np.ndarray) -> tuple[np.ndarray, list[str]]:
    by_class, by_count = (filter_by in (one, "both") for one in ("prune_by_class", "prune_by_noise_rate"))
    flagged, notes = np.zeros(len(p), np.bool_), []
    for given, rows in enumerate(_rows_by_class(labels, p.shape[1])):
        if len(rows) <= 1:
            notes.append(f"too few labels of class {given} to flag any of them")
            continue
        wanted = removals[:, given]
        few = len(rows) - wanted[given]
        if not by_count and few < 1:
            continue
        part = np.ascontiguousarray(p[rows].T)                     # a class's column in one piece
        mine = _lowest(part[given], few) if by_class else np.ones(len(rows), np.bool_)
        if by_count:
            out = np.zeros(len(rows), np.bool_)
            for other in np.flatnonzero(wanted > 0):
                if other != given:
                    out |= _lowest(-(part[other] - part[given]), wanted[other])
            mine &= out
        flagged[rows] = mine
    return flagged & ~agreed, notes


def _lowest(values: np.ndarray, number: int) -> np.ndarray:
    """The `number` smallest, as a mask: those that sorting would put first."""
    if number < 1:
        return np.zeros(len(values), np.bool_)
    if number >= len(values):
        return np.ones(len(values), np.bool_)
    mask = values <= np.partition(values, number - 1)[number - 1]
    if mask.sum() > number:                                        # equal values at the cut: which of them come first only sorting says
        mask[:] = False
        mask[np.argsort(values)[:number]] = True
    return mask


def _calibrated(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Rows scaled to the labels of each class, the whole to all labels, and rounded so that rows keep their sums."""
    made = (counts.T / counts.sum(1).clip(min=1e-100) * totals).T
    made = made / made.sum().clip(min=1e-100) * totals.sum()
    return np.stack([_rounded(row) for row in made])


def _rounded(row: np.ndarray) -> np.ndarray:
    """Whole numbers with the sum of the row, rounded: what is over or missing goes where rounding moved most."""
    whole, total = row.round(), row.sum().round()
    while abs(whole.sum() - total) > CLOSE:
        lacking = round(total - whole.sum())
        by = 1 if lacking > 0 else -1
        whole[np.argsort(row - whole)[::-by][: min(abs(lacking), len(row))]] += by
    return whole.astype(np.int64)


def _removals(counts: np.ndarray) -> np.ndarray:
    """(K, K) items to remove by true and given class; what the diagonal is raised to keep one item is taken from the others evenly."""
    kept = np.maximum(counts.diagonal(), 1)
    made = counts - (kept - counts.diagonal()) / np.maximum(np.count_nonzero(counts, axis=0) - 1.0, 1.0)
    made[made < 0] = 0
    np.fill_diagonal(made, kept)
    return made.astype(np.int64)
