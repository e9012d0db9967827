"""Columns as colours of the map: categories by a stable palette, numbers and times by a scale. Arrays in, codes out."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Coded", "coded", "columns_of", "dense_places", "on_the_wire"]

MOST_CATEGORIES = 60
"""Categories with a colour of their own in the legend; the rarer ones are `other values`."""
TOP = 254
"""Numbers go from 0 to this."""


@dataclass(frozen=True)
class Coded:
    """A column as the map draws it."""

    codes: np.ndarray
    """(N,) uint8: category, or 0 ... 254 from low to high; 255 no value, and for categories 254 any other value."""
    names: tuple[str, ...]
    """Of the categories, in order; empty for a scale."""
    low: float | None = None
    """What 0 means on a scale."""
    high: float | None = None
    """What 254 means."""


def coded(values: Any) -> Coded:
    """Codes of a column.

    Texts, booleans and whole numbers with at most twelve distinct values are categories, by their own order, so that a category keeps its
    colour whatever is filtered; other numbers and times are a scale from their 2nd to their 98th percentile, so that one stray value does
    not take all the colours. NaN, None and NaT are no value.
    """
    array = np.asarray(values)
    if array.dtype.kind in "mM":
        missing = np.isnat(array)
        return _scale(np.where(missing, np.nan, array.astype("int64").astype(np.float64)))
    if array.dtype.kind == "f" or (array.dtype.kind in "iu" and len(np.unique(array)) > 12):
        return _scale(array.astype(np.float64))
    missing = np.array([value is None or value != value for value in array.tolist()], bool)
    texts = np.array([str(value) for value in array.tolist()], dtype=object)
    distinct, inverse, counts = np.unique(texts[~missing].astype(str), return_inverse=True, return_counts=True)
    if array.dtype.kind in "iu":
        by_number = np.argsort([int(name) for name in distinct], kind="stable")
        rank = np.argsort(by_number)
        distinct, counts, inverse = distinct[by_number], counts[by_number], rank[inverse]
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_CATEGORIES])
    table = np.full(len(distinct), TOP)
    table[kept] = np.arange(len(kept))
    codes = np.full(len(array), 255, np.uint8)
    codes[~missing] = table[inverse]
    return Coded(codes, tuple(distinct[kept].tolist()))


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
        array = np.asarray(values)
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
    array = np.asarray(xy.detach().cpu() if hasattr(xy, "detach") else xy, np.float64)
    if array.shape != (n_items, 2):
        raise ValueError(f"xy: got shape {array.shape}, expected ({n_items}, 2): one place on the map an item")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise ValueError(f"xy: {len(bad)} places are not finite, the first at position {bad[0]}; project again without them")
    if not n_items:
        return np.zeros((0, 2), "<u2")
    low, high = array.min(axis=0), array.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.round(((array - (low + high) / 2) / span + 0.5) * 65_535).astype("<u2")


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
