"""Fingerprints of values: the same on every run and platform, different where the content differs."""
from __future__ import annotations

import dataclasses
import hashlib
import json
import mmap
import os
import weakref
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

__all__ = ["fingerprint", "plain_json"]

_BLOCK = 8 << 20


def fingerprint(value: Any) -> str:
    """32 hex digits that stand for `value`, for provenance and for keys of the cache.

    Parameters
    ----------
    value : array (NumPy, torch on any device), sparse matrix, text, bytes, number, None, list, tuple, set or mapping of these, or an object
        that has a `fingerprint` of its own (Items, an encoder) or a `to_dict` (LabelSpace, Provenance)

    Notes
    -----
    An array's fingerprint depends on its type, shape and content, and not on its layout in memory or the byte order of the machine;
    BLAKE2b over blocks of 8 MiB, several at once: about 1 GB/s a core. 1, 1.0 and True differ; a NumPy number is its Python number.

    Raises
    ------
    TypeError
        For anything else: what has no stable content (a function, an open file) has no fingerprint.
    """
    lasting = isinstance(value, np.ndarray) and _is_lasting(value)
    held = _made.get(id(value)) if lasting else None
    if held is not None and held[0]() is value:
        return held[1]
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, value)
    made = digest.hexdigest()
    if lasting:
        key = id(value)
        _made[key] = (weakref.ref(value, lambda _: _made.pop(key, None)), made)
    return made


_made: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def _is_lasting(array: np.ndarray) -> bool:
    """Whether nobody can write to the array: it lies in a file that is mapped for reading. Its fingerprint is made once."""
    if array.flags.writeable or array.nbytes <= _BLOCK:
        return False
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return isinstance(owner, mmap.mmap) and memoryview(owner).readonly


def _feed(digest: Any, value: Any) -> None:
    """Put `value` in, each part with its type and length before it, so that no two values read alike."""
    own = getattr(value, "fingerprint", None)
    if hasattr(value, "detach"):
        _feed_tensor(digest, value)
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif hasattr(value, "tocsr") and hasattr(value, "nnz"):
        _feed_sparse(digest, value)
    elif value is None or isinstance(value, (bool, int, float, str, bytes, np.generic, complex, Enum, date, np.dtype, PurePath)):
        _feed_scalar(digest, value)
    elif isinstance(own, str):
        _put(digest, b"own", own.encode())
    elif isinstance(value, Mapping):
        pairs = sorted((fingerprint(key), fingerprint(content)) for key, content in value.items())
        _put(digest, b"mapping", "".join(key + content for key, content in pairs).encode())
    elif isinstance(value, AbstractSet):
        _put(digest, b"set", "".join(sorted(fingerprint(content) for content in value)).encode())
    elif isinstance(value, (list, tuple)):
        _put(digest, b"list", str(len(value)).encode())
        for content in value:
            _feed(digest, content)
    elif hasattr(value, "to_dict"):
        _feed(digest, [type(value).__name__, value.to_dict()])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        _feed(digest, [type(value).__name__, fields])
    else:
        kind = type(value).__name__
        raise TypeError(f"fingerprint: got {kind}, which has no stable content; expected arrays, texts, numbers, lists or mappings of them")


def _put(digest: Any, kind: bytes, content: bytes) -> None:
    digest.update(kind + b":" + str(len(content)).encode() + b":")
    digest.update(content)


def _feed_scalar(digest: Any, value: Any) -> None:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        _put(digest, b"moment", f"{value.dtype.str} {value}".encode())
    elif isinstance(value, np.generic):
        _feed_scalar(digest, value.item())
    elif isinstance(value, Enum):
        _put(digest, b"enum", f"{type(value).__name__}.{value.name}".encode())
    elif isinstance(value, str):
        _put(digest, b"text", value.encode("utf8", "surrogatepass"))
    elif isinstance(value, bytes):
        _put(digest, b"bytes", value)
    elif isinstance(value, PurePath):
        _put(digest, b"path", value.as_posix().encode("utf8", "surrogatepass"))
    elif isinstance(value, date):
        _put(digest, b"date", value.isoformat().encode())
    elif isinstance(value, np.dtype):
        _put(digest, b"dtype", value.newbyteorder("<").str.encode())
    else:                                                       # None, bool, int, float, complex: repr is exact
        _put(digest, type(value).__name__.encode(), repr(value).encode())


def _feed_tensor(digest: Any, tensor: Any) -> None:
    tensor = tensor.detach().cpu()
    if tensor.layout is not _strided(tensor):
        _put(digest, b"sparse tensor", str(tuple(tensor.shape)).encode())
        coalesced = tensor.to_sparse_coo().coalesce()
        _feed_tensor(digest, coalesced.indices())
        _feed_tensor(digest, coalesced.values())
        return
    try:
        array = tensor.numpy()
    except TypeError:                                           # bfloat16 and its like are unknown to NumPy: take their bits
        _put(digest, b"tensor", str(tensor.dtype).encode())
        import torch

        array = tensor.contiguous().view({1: torch.uint8, 2: torch.int16}[tensor.element_size()]).numpy()
    _feed_array(digest, array)


def _strided(tensor: Any) -> Any:
    import torch

    return torch.strided


def _feed_array(digest: Any, array: np.ndarray) -> None:
    if array.dtype == object:
        _put(digest, b"objects", str(array.shape).encode())
        _feed(digest, array.ravel().tolist())
        return
    if array.dtype.hasobject:
        raise TypeError("fingerprint: got a structured array that holds objects; expected plain numbers or texts")
    kind = array.dtype.newbyteorder("<")
    _put(digest, b"array", f"{kind.descr if kind.names else kind.str} {array.shape}".encode())
    plain = np.ascontiguousarray(array).reshape(-1)
    if plain.dtype.byteorder == ">" or (plain.dtype.byteorder == "=" and not _LITTLE):
        plain = plain.astype(plain.dtype.newbyteorder("<"))
    content = plain.view(np.uint8).data if plain.size else memoryview(b"")
    if len(content) <= _BLOCK:
        digest.update(content)
        return
    blocks = [content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for part in pool.map(lambda block: hashlib.blake2b(block, digest_size=16).digest(), blocks):
            digest.update(part)


_LITTLE = np.dtype(np.int32).newbyteorder("<") == np.dtype(np.int32)


def _feed_sparse(digest: Any, matrix: Any) -> None:
    rows = matrix.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    _put(digest, b"sparse", str(tuple(rows.shape)).encode())
    for part in (rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data):
        _feed_array(digest, part)


def plain_json(value: Any) -> str:
    """`value` as JSON text with sorted keys; NumPy's numbers as numbers, small arrays as lists, all else as fingerprint or text."""
    return json.dumps(value, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.size <= 1000 and not value.dtype.hasobject:
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value, key=str)
    if hasattr(value, "to_dict"):
        return value.to_dict()
    try:
        return {"fingerprint": fingerprint(value)} if not isinstance(value, (PurePath, date, Enum)) else str(value)
    except TypeError:
        return str(value)
