"""Arrays of whole numbers as short text, for the journal's JSON."""
from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

__all__ = ["pack", "unpack"]

MOST = 1 << 31
"""Bytes that a text may unpack to; a journal that asks for more is damaged."""


def pack(numbers: Any) -> str:
    """(n,) integers in the narrowest type that holds them, deflated, in base64.

    >>> unpack(pack([3, -1, 40_000])).tolist()
    [3, -1, 40000]
    """
    array = np.asarray(numbers, np.int64).ravel()
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kind = next(kind for kind in ("<i1", "<i2", "<i4", "<i8") if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return f"{kind[1:]}:{base64.b64encode(zlib.compress(array.astype(kind).tobytes(), 6)).decode()}"


def unpack(text: str) -> np.ndarray:
    """(n,) int64 that `pack` made text of; ValueError where the text is something else."""
    kind, _, body = text.partition(":")
    if kind not in ("i1", "i2", "i4", "i8"):
        raise ValueError(f"packed numbers: got {text[:20]!r}, expected what pack writes")
    try:
        reader = zlib.decompressobj()
        data = reader.decompress(base64.b64decode(body, validate=True), MOST)
        if not reader.eof:
            raise ValueError("cut off, or too long")
        return np.frombuffer(data, f"<{kind}").astype(np.int64)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"packed numbers: {text[:20]!r}... does not hold what was written ({error})") from error
