"""What a VoteMatrix says of votes: how far sources cover and contradict each other, and how right they are. Arrays in, arrays out."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.plants import share_interval

__all__ = ["FILTERS", "source_table", "division", "majority", "chosen"]

FILTERS: dict[str, str] = {
    "all": "all items", "conflict": "sources differ", "single": "one vote only", "none": "no vote", "unlabelled": "not labelled",
    "against": "the source is alone or wrong",
}
"""Filters by name, with how the widget calls them; `against` goes with a source."""


def majority(votes: np.ndarray, n_classes: int) -> np.ndarray:
    """(N,) class with the most votes, the first of several; -1 where there is none."""
    counts = _counts(votes, n_classes)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def division(votes: np.ndarray, n_classes: int) -> np.ndarray:
    """(N,) share of the pairs of votes on an item that differ: 0 where all agree or fewer than two voted."""
    counts = _counts(votes, n_classes)
    totals = counts.sum(axis=1)
    pairs = totals * (totals - 1)
    same = (counts * (counts - 1)).sum(axis=1)
    return np.where(pairs > 0, 1 - same / np.maximum(pairs, 1), 0.0)


def source_table(votes: np.ndarray, known: np.ndarray, names: Sequence[str], n_classes: int) -> list[dict[str, Any]]:
    """One row a source.

    Parameters
    ----------
    votes : (N, M) class positions, -1 where a source abstains
    known : (N,) class positions that people decided, -1 unknown
    names : M names

    Returns
    -------
    Rows with `source`, `coverage` (share of items voted on), `overlap` (share on which another voted too), `conflict` (share on which
    another voted otherwise), `checked` (votes on known items), `accuracy` (share of these that are right, None without any), `low` and
    `high` (exact 95% limits).
    """
    voted = votes >= 0
    counts = _counts(votes, n_classes)
    totals = counts.sum(axis=1)
    rows = []
    for m, name in enumerate(names):
        own = voted[:, m]
        same = np.zeros(len(votes), np.int64)
        same[own] = counts[own, votes[own, m]]
        checked = own & (known >= 0)
        right, of = int((votes[checked, m] == known[checked]).sum()), int(checked.sum())
        low, high = share_interval(right, of)
        rows.append({
            "source": name, "coverage": _share(own), "overlap": _share(own & (totals > 1)), "conflict": _share(own & (totals > same)),
            "checked": of, "accuracy": right / of if of else None, "low": low, "high": high,
        })
    return rows


def chosen(votes: np.ndarray, known: np.ndarray, n_classes: int, filter: str, source: int = -1) -> np.ndarray:
    """(N,) bool: the items that a filter leaves."""
    given = (votes >= 0).sum(axis=1)
    if filter == "conflict":
        return division(votes, n_classes) > 0
    if filter == "single":
        return np.asarray(given == 1)
    if filter == "none":
        return np.asarray(given == 0)
    if filter == "unlabelled":
        return np.asarray(known < 0)
    if filter == "against":
        truth = np.where(known >= 0, known, majority(votes, n_classes))
        return (votes[:, source] >= 0) & (votes[:, source] != truth)
    return np.ones(len(votes), bool)


def _counts(votes: np.ndarray, n_classes: int) -> np.ndarray:
    """(N, K) votes a class."""
    counts = np.zeros((len(votes), max(n_classes, int(votes.max(initial=-1)) + 1, 1)), np.int64)
    items, sources = np.nonzero(votes >= 0)
    np.add.at(counts, (items, votes[items, sources]), 1)
    return counts


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if len(mask) else 0.0
