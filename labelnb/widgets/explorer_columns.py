"""Columns as colours of the map: categories by a stable palette, numbers and times by a scale. Arrays in, codes out."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.widgets.map_hues import MOST_GROUPS, Numbered, hues

__all__ = ["Coded", "coded", "columns_of", "dense_places", "on_the_wire"]

MOST_CATEGORIES = 60
"""Categories with a colour of their own in the legend; the rarer ones are `other values`."""
MOST_WHOLE = 12
"""Whole numbers with so many distinct values are categories."""
NEAR = 4_096
"""Whole numbers within such a range are counted, not sorted."""
TOP = 254
"""Numbers go from 0 to this."""


@dataclass(frozen=True)
class Coded:
    """A column as the map draws it."""

    codes: np.ndarray
    """(N,) uint8: category, or 0 ... 254 from low to high; 255 no value, and for categories 254 any other value. uint16 for more than 250
    groups: 65,535 no value, 65,534 any other."""
    names: tuple[str, ...]
    """Of the categories, in order; empty for a scale."""
    low: float | None = None
    """What 0 means on a scale."""
    high: float | None = None
    """What 254 means."""
    hues: tuple[int, ...] | None = None
    """Place in the palette of each category; None where it is the category's own place."""


def coded(values: Any, xy: np.ndarray | None = None) -> Coded:
    """Codes of a column; `xy` (N, 2) are the places on the map, so that numbered groups beside each other get different colours.

    Texts, booleans and whole numbers with at most twelve distinct values are categories, by their own order, so that a category keeps its
    colour whatever is filtered; other numbers and times are a scale from their 2nd to their 98th percentile, so that one stray value does
    not take all the colours. NaN, None and NaT are no value.
    """
    if isinstance(values, Numbered):
        return _numbered(values, xy)
    array = np.asarray(values)
    if array.dtype.kind in "mM":
        missing = np.isnat(array)
        return _scale(np.where(missing, np.nan, array.astype("int64").astype(np.float64)))
    if array.dtype.kind == "f" or (array.dtype.kind in "iu" and not _few_values(array)):
        return _scale(array.astype(np.float64))
    if array.dtype.kind == "b":
        positions, code = _whole_categories(array.astype(np.uint8))
        names = [("False", "True")[int(position)] for position in positions]
    else:
        names, code = _whole_categories(array) if array.dtype.kind in "iu" else _categories(array)
    counts = np.bincount(code[code >= 0], minlength=len(names))
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_CATEGORIES])
    table = np.full(len(names) + 1, TOP, np.uint8)
    table[kept] = np.arange(len(kept))
    table[-1] = 255
    return Coded(table[code], tuple(names[k] for k in kept))


def _numbered(values: Numbered, xy: np.ndarray | None) -> Coded:
    groups, numbers, words = values.coded()
    if len(numbers) > MOST_GROUPS:
        kept = np.sort(np.argsort(-np.bincount(groups[groups >= 0], minlength=len(numbers)), kind="stable")[:MOST_GROUPS])
        table = np.full(len(numbers) + 1, -2)
        table[kept], table[-1] = np.arange(len(kept)), -1
        groups, numbers, words = table[groups], numbers[kept], [words[k] for k in kept]
    wide = len(numbers) > 250
    none = 65_535 if wide else 255
    codes = np.where(groups >= 0, groups, np.where(groups == -1, none, none - 1)).astype("<u2" if wide else np.uint8)
    shown = None if xy is None else hues(numbers, xy, groups)
    return Coded(codes, tuple(words), hues=shown)


def _few_values(array: np.ndarray) -> bool:
    """Whether there are at most MOST_WHOLE distinct whole numbers; seen from the first ones where there are many."""
    if not len(array) or len(np.unique(array[:1_000])) > MOST_WHOLE:
        return not len(array)
    low, high = int(array.min()), int(array.max())
    if high - low < NEAR:
        return int((np.bincount(_above_least(array)) > 0).sum()) <= MOST_WHOLE
    return len(np.unique(array)) <= MOST_WHOLE


def _above_least(array: np.ndarray) -> np.ndarray:
    """(N,) int64 difference from the least; small types do not overflow."""
    array = array.astype(np.int64) if array.dtype.kind == "i" else array
    return (array - array.min()).astype(np.int64)


def _whole_categories(array: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct whole numbers, ascending, and (N,) which of them each is."""
    if len(array) and int(array.max()) - int(array.min()) < NEAR:
        places = _above_least(array)
        present = np.flatnonzero(np.bincount(places))
        rank = np.zeros(NEAR, np.int64)
        rank[present] = np.arange(len(present))
        return [str(int(array.min()) + place) for place in present.tolist()], rank[places]
    distinct, code = np.unique(array, return_inverse=True)
    return [str(value) for value in distinct.tolist()], code


def _categories(array: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct values as texts, in their order, and (N,) which of them each is, -1 where there is no value."""
    first: dict[Any, int] = {}
    values = array.tolist()
    if array.dtype.kind == "O":
        values = [None if value is None or value != value else str(value) for value in values]
    code = np.fromiter((first.setdefault(value, len(first)) for value in values), np.int64, len(values))
    order = sorted(value for value in first if value is not None)
    table = np.full(len(first) + 1, -1)
    table[[first[value] for value in order]] = np.arange(len(order))
    return [str(value) for value in order], table[code]


def columns_of(host: Any, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns that can be shown by name: those given, and the caller's own frame's, one value an item."""
    count = len(host.items)
    found: dict[str, Any] = {}
    frame = getattr(host.items, "frame", None)
    if frame is not None:
        for name in frame.column_names:
            kind = str(frame.schema.field(name).type)
            if kind in ("string", "large_string", "bool", "double", "float") or kind.startswith(("int", "uint", "date", "timestamp")):
                found[str(name)] = frame.column(name)
    for name, values in (given or {}).items():
        array = values if isinstance(values, Numbered) else np.asarray(values)
        if array.shape != (count,):
            raise ValueError(f"columns: {name!r} has shape {array.shape}, expected ({count},): one value an item")
        found[str(name)] = array
    return found


def dense_places(xy: np.ndarray, groups: np.ndarray, n_groups: int, side: int = 32) -> list[tuple[int, float, float, int]]:
    """Where each group is densest, the largest group first: (group, x, y, items); x and y from 0 to 1, y up.

    The mean of the group's points in its fullest cell of a `side` x `side` grid.
    """
    cells = np.minimum(xy.astype(np.int64) * side // 65_536, side - 1)
    cell = cells[:, 1] * side + cells[:, 0]
    found = []
    for group in range(n_groups):
        own = np.flatnonzero(groups == group)
        if len(own):
            fullest = np.bincount(cell[own]).argmax()
            x, y = xy[own[cell[own] == fullest]].mean(axis=0) / 65_535
            found.append((group, float(x), float(y), len(own)))
    return sorted(found, key=lambda one: -one[3])


def on_the_wire(xy: Any, n_items: int) -> np.ndarray:
    """(N, 2) positions as u16 within one square, their proportions kept."""
    array = np.asarray(xy.detach().cpu() if hasattr(xy, "detach") else xy)
    if array.shape != (n_items, 2):
        raise ValueError(f"xy: got shape {array.shape}, expected ({n_items}, 2): one place on the map an item")
    columns = np.array(array.T, np.float64, order="C")
    if not np.isfinite(columns.sum()) and not np.isfinite(columns).all():
        bad = np.flatnonzero(~np.isfinite(columns).all(axis=0))
        raise ValueError(f"xy: {len(bad)} places are not finite, the first at position {bad[0]}; project again without them")
    if not n_items:
        return np.zeros((0, 2), "<u2")
    low, high = columns.min(axis=1), columns.max(axis=1)
    span = float((high - low).max()) or 1.0
    columns -= ((low + high) / 2 - span / 2)[:, None]
    columns *= 65_535 / span
    return np.ascontiguousarray(np.rint(columns, out=columns).astype("<u2").T)


def _scale(values: np.ndarray) -> Coded:
    known = np.isfinite(values)
    if not known.any():
        return Coded(np.full(len(values), 255, np.uint8), (), 0.0, 1.0)
    low, high = (float(one) for one in np.percentile(values[known], [2, 98]))
    if high <= low:
        low, high = float(values[known].min()), float(values[known].max())
    span = high - low or 1.0
    codes = np.full(len(values), 255, np.uint8)
    codes[known] = np.round(np.clip((values[known] - low) / span, 0, 1) * TOP)
    return Coded(codes, (), low, high)
