"""Files of NumPy arrays, read without pickle: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.items import Items
from labelnb.pictures import BROKEN
from labelnb.problems import ItemError
from labelnb.sources.arrays import from_array

__all__ = ["from_numpy_file"]

_NAMES = ("vectors", "embeddings", "features", "images", "X", "x", "arr_0")


def from_numpy_file(path: Path, columns: dict[str, Any]) -> Items:
    """Items of the array in a file. In an .npz it is the one called as in _NAMES, else the only one with two axes or more."""
    try:
        arrays = _read(path)
    except (*BROKEN, zipfile.BadZipFile) as error:
        raise ItemError(f"{path}: cannot be read without pickle ({error}); save plain arrays of numbers or texts") from error
    if path.suffix.lower() == ".npy":
        return from_array(arrays[""], id=columns["id"], label=columns["label"], modality=columns["modality"])
    named = [name for name in _NAMES if name in arrays]
    likely = [name for name, array in arrays.items() if array.ndim >= 2 and array.dtype.kind in "fiu"]
    if not named and len(likely) != 1:
        raise ItemError(f"{path}: holds {sorted(arrays)}, and it is not clear which are the items; hand in the array itself")
    extra: dict[str, Any] = {}
    for role, default in (("id", ("ids", "id")), ("label", ())):
        value = columns[role]
        if isinstance(value, str) and value not in arrays:
            raise ItemError(f"{role}={value!r}: no such array; {path.name} holds {sorted(arrays)}")
        found = [value] if isinstance(value, str) else [name for name in default if name in arrays and value is None]
        extra[role] = arrays[found[0]].tolist() if found else value
    return from_array(arrays[(named or likely)[0]], id=extra["id"], label=extra["label"], modality=columns["modality"])


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix.lower() == ".npy":
        return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
