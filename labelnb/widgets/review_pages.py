"""What a review shows: the class filled in for every item, the order of the items, and the groups of a page. Arrays in, arrays out."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.results import Proposal, Ranking

__all__ = ["ORDERS", "Filled", "fill_in", "disagreement", "along_the_map", "ordered", "grouped"]

ORDERS: dict[str, str] = {
    "confidence": "surest first",
    "doubt": "least sure first",
    "class": "by class",
    "disagreement": "methods differ first",
    "region": "by map region",
    "position": "as loaded",
    "flagged": "flagged first",
    "drawn": "as drawn",
}
"""Orders of a review by name, with how the widget calls them; `flagged` is there only for a Ranking, `drawn` for an audit,
`disagreement` where other proposals are given, `region` where the items have places on a map."""


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


def disagreement(result: Proposal, others: Sequence[Proposal], class_names: Sequence[str]) -> np.ndarray:
    """(N,) share of the other proposals that name another class than `result`; who abstains does not count, nor does a class that the
    session lacks."""
    own, _ = _by_name(result.predictions, result.classes, class_names)
    names = [_by_name(other.predictions, other.classes, class_names)[0] for other in others]
    votes = np.stack(names, axis=1) if names else np.full((len(own), 1), -1)
    said = (votes >= 0) & (own >= 0)[:, None]
    return ((votes != own[:, None]) & said).sum(axis=1) / np.maximum(said.sum(axis=1), 1)


def along_the_map(xy: np.ndarray, bits: int = 8) -> np.ndarray:
    """(N,) int64 positions along a Hilbert curve over the map: neighbours in the list are neighbours there, so that a page is a region.

    Source: Hilbert 1891; the conversion is that of Warren 2012, Hacker's Delight, 16-2.
    """
    array = np.asarray(xy, np.float64)
    if array.ndim == 1:                                         # regions by number: clusters, say
        return np.argsort(array, kind="stable").astype(np.int64)
    low, span = array.min(axis=0, initial=np.inf), max(float(np.ptp(array, axis=0).max()) if len(array) else 0.0, 1e-12)
    x, y = (np.minimum((array - low) / span * 2**bits, 2**bits - 1).astype(np.int64)).T
    along = np.zeros(len(array), np.int64)
    side = 2 ** (bits - 1)
    while side:
        right, up = (x & side) > 0, (y & side) > 0
        along += side * side * ((3 * right) ^ up)
        turn, mirror = ~up, ~up & right
        x, y = np.where(mirror, 2**bits - 1 - x, x), np.where(mirror, 2**bits - 1 - y, y)
        x, y = np.where(turn, y, x), np.where(turn, x, y)
        side //= 2
    return np.argsort(along, kind="stable").astype(np.int64)


def ordered(
    order: str, filled: Filled, result: Proposal | Ranking | None, *, differing: np.ndarray | None = None, xy: np.ndarray | None = None,
    drawn: np.ndarray | None = None,
) -> np.ndarray:
    """(N,) int64 positions in the order of the review. Ties keep the items' own order; items with nothing filled in come last,
    except under `doubt`, where they come first. `differing`, `xy` and `drawn` are what `disagreement`, `region` and `drawn` go by."""
    if order not in ORDERS:
        raise ValueError(f"order: got {order!r}, expected one of {sorted(ORDERS)}")
    count = len(filled.values)
    positions = np.arange(count, dtype=np.int64)
    confidence = np.where(np.isnan(filled.confidence), 0.0, filled.confidence)
    if order == "flagged":
        if not isinstance(result, Ranking):
            raise ValueError("order: 'flagged' needs a Ranking, such as confident_learning gives; use 'confidence' for a Proposal")
        return result.order
    if order == "disagreement":
        if differing is None:
            raise ValueError("order: 'disagreement' needs other proposals to compare with: give others=[...]")
        return positions[np.lexsort((positions, confidence, -differing))]
    if order == "region":
        if xy is None:
            raise ValueError("order: 'region' needs a place on the map for each item: give regions=xy or a cluster for each")
        return along_the_map(xy)
    if order == "drawn":
        return positions if drawn is None else np.concatenate([drawn, np.setdiff1d(positions, drawn)])
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
    `flagged`, `drawn`) are left as they are, in one group. A group is `{"class": position or -1, "start", "count", "low", "high"}`, the
    last two its lowest and highest confidence, None where there is none.
    """
    if len(positions) == 0:
        return positions, []
    if order in ("position", "flagged", "drawn"):
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
