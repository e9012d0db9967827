"""Numbers: uint8 arrays as images, rows of numbers as vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from labelnb.contents import PixelImages, Vectors
from labelnb.items import Items, Modality
from labelnb.problems import ItemError, ItemProblem
from labelnb.sources.sieve import sieve

__all__ = ["from_array", "from_rows", "from_vectors"]


def from_array(array: np.ndarray, *, id: Any = None, label: Any = None, modality: Modality | None = None) -> Items:
    """uint8 (N, H, W[, C]) as images, numbers (N, D) as vectors."""
    if array.dtype == np.uint8 and array.ndim in (3, 4) and modality in (None, "image"):
        return _from_pixels(array, id=id, label=label)
    if (
        array.ndim == 2
        and array.dtype.kind in "fiub"
        and (array.dtype != np.uint8 or modality == "vector")
        and modality in (None, "vector")
    ):
        return from_vectors(array, id=id, label=label)
    cure = "images are uint8 (N, H, W) or (N, H, W, C), vectors are floats (N, D)"
    if array.dtype.kind == "f" and array.ndim in (3, 4):
        cure = "for images hand in uint8: (array * 255).astype('uint8') where it runs from 0 to 1"
    elif array.dtype == np.uint8 and array.ndim == 2:
        cure = "for images reshape it to (N, H, W); for vectors array.astype('float32')"
    elif array.ndim == 1:
        cure = "one number an item says little; for vectors hand in (N, D)"
    raise ItemError(f"source: got an array of {array.dtype} of shape {array.shape}; {cure}")


def _from_pixels(array: np.ndarray, *, id: Any, label: Any) -> Items:
    if array.ndim == 3 and array.shape[-1] in (3, 4) and array.shape[0] > 4:
        raise ItemError(f"source: an array of shape {array.shape} looks like one image; for one image: load(array[None])")
    if array.ndim == 3:
        array = array[..., None]
    elif array.shape[-1] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
    if array.shape[-1] not in (1, 3, 4) or 0 in array.shape[1:]:
        raise ItemError(f"source: got an array of shape {array.shape}; expected (N, H, W) or (N, H, W, C) with C of 1, 3 or 4")
    n = len(array)
    return sieve(PixelImages(array), [], np.arange(n), n, ids=id, given=label)


def from_rows(rows: list[Any], problems: list[ItemProblem], *, id: Any = None, label: Any = None) -> Items:
    """A list of rows of numbers; rows of another length than most, and None, are set aside."""
    lengths = Counter(len(row) for row in rows if row is not None)
    most = lengths.most_common(1)[0][0]
    known = {problem.position for problem in problems}
    array = np.zeros((len(rows), most), np.float32)
    fits = np.array([row is not None and len(row) == most for row in rows])
    for i in np.flatnonzero(fits):
        array[i] = rows[i]
    short = [
        ItemProblem(i, f"row {i}", f"{len(row)} numbers, expected {most} as in most rows")
        for i, row in enumerate(rows)
        if row is not None and not fits[i]
    ]
    return from_vectors(array, id=id, label=label, problems=[*problems, *short], skip=known | {problem.position for problem in short})


def from_vectors(
    array: np.ndarray,
    *,
    id: Any = None,
    label: Any = None,
    problems: Sequence[ItemProblem] = (),
    skip: Collection[int] = (),
    **fields: Any,
) -> Items:
    """(N, D) numbers as float32 vectors; rows with NaN or infinity, and rows of zeros, are set aside."""
    if array.shape[1] == 0:
        raise ItemError(f"source: got an array of shape {array.shape}; expected at least one number a row")
    vectors = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    zero: np.ndarray = np.logical_not(vectors.any(axis=1))
    bad = set(np.flatnonzero(~finite).tolist())
    more = [
        ItemProblem(int(i), f"row {i}", "NaN or infinity in the vector" if i in bad else "all zeros: the vector has no direction")
        for i in np.flatnonzero(~finite | zero)
        if int(i) not in skip
    ]
    good = np.flatnonzero(finite & ~zero)
    return sieve(
        Vectors(vectors if len(good) == len(vectors) else vectors[good]),
        [*problems, *more],
        good,
        len(vectors),
        ids=id,
        given=label,
        **fields,
    )
