"""Digests of contents: what ids and caches are made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["digest", "hash_file", "WHOLE"]

WHOLE = 256 * 1024
"""Files up to this many bytes are hashed whole; of larger ones the size and four blocks of 64 KiB, first and last included."""
_BLOCK = 64 * 1024


def digest(*parts: Any) -> str:
    """Short SHA-256 (16 hex digits) of the parts, joined: bytes or contiguous arrays."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


def hash_file(path: str, look: Callable[[bytes | None, bytes], Any] | None = None) -> tuple[str, Any]:
    """The digest of a file (see WHOLE), and what `look(data, tail)` says of it; data is None for files above WHOLE."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE:
            data = file.read()
            return digest(data), look(data, data[-64:]) if look else None
        blocks = []
        for place in np.linspace(0, size - _BLOCK, 4).astype(np.int64).tolist():
            file.seek(place)
            blocks.append(file.read(_BLOCK))
    return digest(str(size).encode(), *blocks), look(None, blocks[-1]) if look else None
