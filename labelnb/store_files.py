"""The files of the cache's entries: written so that they are whole, read so that damage shows."""
from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from labelnb.fingerprints import plain_json

__all__ = [
    "StoreError", "Damage", "read_entry", "write_entry", "publish", "plain_array", "write_value", "describe", "open_value", "cannot",
    "npy_header", "write_all", "sync_folder",
]

FORMAT = 1
_ENDS = 64 << 10
"""Bytes at both ends of a file that are compared with what was written: a cut or a never-written end shows there."""
_SMALL = 16 << 10
"""Arrays up to so many bytes are read, not mapped: a mapping costs an open file and a page at least."""


class StoreError(OSError):
    """The cache cannot be read or written; the message says what to do. No label is ever kept in it."""


class Damage(Exception):
    """What is read is not what was written."""


def read_entry(path: Path) -> dict[str, Any] | None:
    """The description of the entry in folder `path`: `format`, `arrays`, `meta`; None where there is none. Raises Damage."""
    try:
        text = _description(path)
        if text is None and path.exists():                      # gone into place between the two looks, unless the second says so too
            text = _description(path)
            if text is None:
                raise Damage("its description is missing")
    except UnicodeDecodeError as error:
        raise Damage("its description is not readable") from error
    if text is None:
        return None
    try:
        entry = json.loads(text)
        content = plain_json([entry["format"], entry["arrays"], entry["meta"]])
        if entry["digest"] != _digest(content.encode()):
            raise Damage("its description was altered")
    except (ValueError, TypeError, KeyError) as error:
        raise Damage("its description is not readable") from error
    if entry["format"] != FORMAT:
        raise Damage(f"written in format {entry['format']}, this labelnb reads {FORMAT}")
    return dict(entry)


def _description(path: Path) -> str | None:
    try:
        return (path / "entry.json").read_text(encoding="utf8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_entry(part: Path, arrays: Mapping[str, Any], meta: Mapping[str, Any] | None) -> None:
    """Write the description that makes the folder `part` an entry, durably."""
    plain = json.loads(plain_json([FORMAT, arrays, dict(meta or {})]))
    entry = {"format": plain[0], "arrays": plain[1], "meta": plain[2], "digest": _digest(plain_json(plain).encode())}
    with (part / "entry.json").open("w", encoding="utf8") as file:
        json.dump(entry, file)
        file.flush()
        os.fsync(file.fileno())


def publish(part: Path, path: Path) -> None:
    """Rename the finished folder into place; where another process has been faster, its entry stays."""
    try:
        part.rename(path)
    except OSError:
        if not (path / "entry.json").exists():
            raise
    sync_folder(path.parent)


def plain_array(name: str, value: Any) -> Any:
    """`value` as an array or a scipy CSR matrix that can be kept without pickle; TypeError where it cannot."""
    if hasattr(value, "tocsr") and hasattr(value, "nnz"):
        return value.tocsr()
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.hasobject:
        raise TypeError(f"store: {name!r} is an array of {array.dtype}, expected numbers or texts of fixed width (array.astype(str))")
    return array


def write_value(part: Path, stem: str, value: Any) -> dict[str, Any]:
    """Write an array or CSR matrix into the folder, durably; returns what `open_value` needs to read and check it."""
    if isinstance(value, np.ndarray):
        return _write_array(part, f"{stem}.npy", value)
    parts = {role: _write_array(part, f"{stem}-{role}.npy", getattr(value, role)) for role in ("data", "indices", "indptr")}
    return {"sparse": type(value).__name__, "shape": [int(n) for n in value.shape], **parts}


def _write_array(part: Path, file_name: str, array: np.ndarray) -> dict[str, Any]:
    turned = array.flags.f_contiguous and not array.flags.c_contiguous
    plain = np.ascontiguousarray(array.T if turned else array)
    # Not by array.tofile: what it says of a full disk is not that the disk is full.
    with (part / file_name).open("wb", buffering=0) as file:
        write_all(file, npy_header(array.shape, array.dtype, turned))
        write_all(file, plain.reshape(-1).view(np.uint8).data if plain.nbytes else b"")
        os.fsync(file.fileno())
    return describe(part, file_name)


def npy_header(shape: tuple[int, ...], dtype: np.dtype, fortran_order: bool = False) -> bytes:
    """The bytes before the content of a .npy file, version 2."""
    made = io.BytesIO()
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": fortran_order, "shape": shape}
    np.lib.format.write_array_header_2_0(made, about)
    return made.getvalue()


def write_all(file: IO[bytes], content: Any) -> None:
    """Write all of `content` to a file without a buffer, which may take it in parts."""
    rest = memoryview(content)
    while len(rest):
        rest = rest[file.write(rest) :]


def describe(part: Path, file_name: str) -> dict[str, Any]:
    """Size and content of both ends of a file that was written."""
    return {"file": file_name, "size": (part / file_name).stat().st_size, "ends": _ends(part / file_name)}


def _ends(path: Path) -> str:
    """A digest of both ends of a file, the .npy header included."""
    with path.open("rb") as file:
        head = file.read(_ENDS)
        file.seek(0, os.SEEK_END)
        file.seek(max(len(head), file.tell() - _ENDS))
        return _digest(head + file.read(_ENDS))


def open_value(path: Path, kept: Mapping[str, Any]) -> Any:
    """The array or CSR matrix, read-only, large ones mapped into memory. Raises Damage where the file is not what was written."""
    if "sparse" not in kept:
        return _open_array(path, kept)
    from scipy import sparse

    kind = sparse.csr_matrix if kept["sparse"] == "csr_matrix" else sparse.csr_array
    made = kind(tuple(kept["shape"]), dtype=np.dtype("int8"))
    # Set one by one: the constructor would read all indices to find their smallest type, and copy what is mapped.
    made.data, made.indices, made.indptr = (_open_array(path, kept[role]) for role in ("data", "indices", "indptr"))
    return made


def _open_array(path: Path, kept: Mapping[str, Any]) -> np.ndarray:
    file = path / kept["file"]
    size = file.stat().st_size
    if size != kept["size"]:
        raise Damage(f"{file.name} holds {size} bytes, {kept['size']} were written")
    if _ends(file) != kept["ends"]:
        raise Damage(f"{file.name} does not hold what was written")
    try:
        array = np.load(file, mmap_mode=None if size <= _SMALL else "r", allow_pickle=False)
    except ValueError as error:
        raise Damage(f"{file.name}: {error}") from error
    array = np.asarray(array)                                   # a plain array over the mapping, which it keeps open
    array.flags.writeable = False
    return array


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def cannot(doing: str, path: Path, error: OSError) -> StoreError:
    """The error for a cache that cannot be read or written, with the cure."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        cure = "the disk is full; free some space (Store.clear() empties the cache; labels are not in it), and do it again"
    elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        cure = "the folder may not be read or written; keep the session in one that you may write to"
    else:
        cure = f"{error.strerror or error}; check the disk, and do it again"
    return StoreError(f"{path}: cannot {doing} the cache: {cure}")


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable, where the system has folders that can be synced."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
