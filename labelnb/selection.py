"""Which items are meant: ids, positions, masks and slices, as positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from labelnb.items import Items

__all__ = ["positions_of", "one_each"]


def positions_of(items: Items, ids: Any) -> np.ndarray:
    """(n,) int64 positions of an id, a position, or several of them (list, array, boolean mask, slice).

    Raises
    ------
    KeyError, IndexError, ValueError
        If an id is unknown (close ones are listed), a position is out of range, or a mask has another length.
    """
    count = len(items)
    if isinstance(ids, slice):
        return np.arange(count)[ids]
    array = np.asarray([ids] if isinstance(ids, str | int | np.integer) else ids)
    if array.dtype == bool:
        if array.shape != (count,):
            raise ValueError(f"ids: got a mask of shape {array.shape}, expected ({count},)")
        return np.flatnonzero(array)
    if array.dtype.kind in "iu":
        if array.size and (array.min() < -count or array.max() >= count):
            raise IndexError(f"ids: got positions from {array.min()} to {array.max()}, expected 0 to {count - 1}")
        return array.astype(np.int64).reshape(-1) % count
    if array.size == 0:
        return np.empty(0, np.int64)
    return np.asarray(items.positions([str(one) for one in array.reshape(-1)]), np.int64)


def one_each(value: Any, count: int) -> list[Any]:
    """`value` once for each of `count` items, or the `count` values of a list or array.

    Raises
    ------
    ValueError
        If a list of another length is given.
    """
    if isinstance(value, list | tuple | np.ndarray):
        if len(value) != count:
            raise ValueError(f"value: got {len(value)} values for {count} items; expected one value for all, or one an item")
        return list(value)
    return [value] * count
