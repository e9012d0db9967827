"""Which items are meant: ids, positions, masks and slices, as positions; and whether a result is about these items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from labelnb.classes import LabelSpace
    from labelnb.items import Items
    from labelnb.results import Result

__all__ = ["positions_of", "one_each", "check_fits"]


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


def check_fits(result: Result, items: Items, classes: LabelSpace) -> None:
    """Refuse a result that is over other items or classes than the session's.

    Raises
    ------
    ValueError
        With what differs, and what to do.
    """
    count = len(result) if hasattr(result, "__len__") else len(items)
    if count != len(items):
        raise ValueError(f"got a result over {count} items, the session has {len(items)}; run the method again")
    strange = [name for name in getattr(result, "classes", ()) if name not in classes]
    if strange:
        raise ValueError(
            f"the proposal names classes {strange[:5]} that the session does not have; add them with s.add_class, or run the method again"
        )
