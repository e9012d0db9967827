"""A trait that holds a set of positions of items, such as what is selected on a map."""
from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

__all__ = ["Positions"]


class Positions(traitlets.TraitType[np.ndarray, Any]):
    """An observable set of positions: int64, ascending, unique, read-only. Equal sets are no change."""

    info_text = "positions of items"

    def validate(self, obj: Any, value: Any) -> np.ndarray:
        """`value` as positions of the widget's items; a TraitError where it is something else."""
        array = np.asarray(value)
        if array.dtype == bool:
            array = np.flatnonzero(array)
        if array.size and array.dtype.kind not in "iu":
            raise traitlets.TraitError(
                f"selection: got {array.dtype} values, expected integer positions or a mask; ids go through .select(ids)"
            )
        array = array.astype(np.int64).ravel()
        if array.size and not (array[1:] > array[:-1]).all():
            array = np.unique(array)
        n = len(obj.host.items)
        if array.size and (array[0] < 0 or array[-1] >= n):
            raise traitlets.TraitError(f"selection: got positions from {array[0]} to {array[-1]}, expected 0 to {n - 1}")
        array.flags.writeable = False
        return array

    def set(self, obj: Any, value: Any) -> None:
        """Take `value`, and tell observers only where it is another set."""
        new: Any = self._validate(obj, value)
        old: Any = self.get(obj)
        if not np.array_equal(old, new):
            obj._trait_values[self.name] = new
            obj._notify_trait(self.name, old, new)
