"""What a review shows: the class filled in for every item, the order of the items, and the groups of a page. Arrays in, arrays out."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.results import Proposal, Ranking

__all__ = ["ORDERS", "Filled", "fill_in", "ordered", "grouped"]

ORDERS: dict[str, str] = {
    "confidence": "surest first",
    "doubt": "least sure first",
    "class": "by class",
    "position": "as loaded",
    "flagged": "flagged first",
}
"""Orders of a review by name, with how the widget calls them; `flagged` is there only for a Ranking."""


@dataclass(frozen=True)
class Filled:
    """What is filled in before a person looks."""

    values: np.ndarray
    """(N,) int64 class positions in the session's classes, -1 where nothing is proposed."""
    confidence: np.ndarray
    """(N,) float32; NaN where the result has none."""
    suggested: np.ndarray
    """(N,) int64: for a Ranking, the class that would stand instead of the present label; -1 where there is none."""
    missing: tuple[str, ...] = ()
    """Proposed class names that the session does not have (any more): nothing is filled in for these."""


def fill_in(result: Proposal | Ranking | None, known: np.ndarray, class_names: Sequence[str]) -> Filled:
    """The class filled in for each item.

    A Proposal fills in its predictions, matched by class name, so that classes added since do not shift it. A Ranking, which
    questions labels, fills in the labels as they stand (`known`, (N,) positions, -1 unknown), and suggests its own class where its
    evidence has `suggested` (N,) positions. No result fills in nothing.
    """
    count = len(known)
    nothing = np.full(count, -1, np.int64)
    blank = np.full(count, np.nan, np.float32)
    if result is None:
        return Filled(nothing, blank, nothing)
    if len(result) != count:
        raise ValueError(f"result: got one over {len(result)} items, expected {count}: one made in this session, from all of its items")
    if isinstance(result, Proposal):
        values, missing = _by_name(result.predictions, result.classes, class_names)
        return Filled(values, np.asarray(result.confidence, np.float32), nothing, missing)
    suggested = result.evidence.get("suggested")
    if suggested is None:
        return Filled(known, blank, nothing)
    suggested = np.asarray(suggested, np.int64)
    return Filled(known, blank, np.where((suggested < len(class_names)) & (suggested != known), suggested, -1))


def _by_name(values: np.ndarray, names: Sequence[str], class_names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    where = {name: position for position, name in enumerate(class_names)}
    table = np.array([where.get(name, -1) for name in names] + [-1], np.int64)     # the last entry is for -1, which abstains
    missing = tuple(name for k, name in enumerate(names) if name not in where and (values == k).any())
    return table[values], missing


def ordered(order: str, filled: Filled, result: Proposal | Ranking | None) -> np.ndarray:
    """(N,) int64 positions in the order of the review. Ties keep the items' own order; items with nothing filled in come last,
    except under `doubt`, where they come first."""
    if order not in ORDERS:
        raise ValueError(f"order: got {order!r}, expected one of {sorted(ORDERS)}")
    count = len(filled.values)
    positions = np.arange(count, dtype=np.int64)
    confidence = np.where(np.isnan(filled.confidence), 0.0, filled.confidence)
    if order == "flagged":
        if not isinstance(result, Ranking):
            raise ValueError("order: 'flagged' needs a Ranking, such as confident_learning gives; use 'confidence' for a Proposal")
        return result.order
    if order == "confidence":
        return positions[np.argsort(-confidence, kind="stable")]
    if order == "doubt":
        return positions[np.argsort(confidence, kind="stable")]
    if order == "class":
        last = np.where(filled.values < 0, np.iinfo(np.int64).max, filled.values)
        return positions[np.lexsort((positions, -confidence, last))]
    return positions


def grouped(positions: np.ndarray, filled: Filled, order: str) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """One page's positions put together by the class filled in, and the groups.

    The larger group comes first; under the order `class`, the classes keep theirs. Orders with a meaning of their own (`position`,
    `flagged`) are left as they are, in one group. A group is `{"class": position or -1, "start", "count", "low", "high"}`, the last two
    its lowest and highest confidence, None where there is none.
    """
    if len(positions) == 0:
        return positions, []
    if order in ("position", "flagged"):
        return positions, [{"class": None, "start": 0, "count": len(positions), "low": None, "high": None}]
    values = filled.values[positions]
    names, counts = np.unique(values, return_counts=True)
    # The larger group first; nothing filled in comes last, since those need the most work.
    by_size = order != "class"
    rank = {int(name): (name < 0, -int(size) if by_size else 0, int(name)) for name, size in zip(names, counts, strict=True)}
    sizes = {int(name): int(size) for name, size in zip(names, counts, strict=True)}
    turn = sorted(range(len(positions)), key=lambda i: rank[int(values[i])])
    arranged = positions[turn]
    groups, start = [], 0
    for name in sorted(rank, key=lambda key: rank[key]):
        size = sizes[name]
        sure = filled.confidence[arranged[start:start + size]]
        known = sure[~np.isnan(sure)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
        groups.append({"class": name, "start": start, "count": size, "low": low, "high": high})
        start += size
    return arranged, groups
