"""The cache of a session: embeddings, graphs and results, under keys made of what they were computed from.

An entry is a folder of .npy files and an `entry.json`, renamed into place when all of it is on disk: it is there whole, or not at all.
Arrays are read by mapping them into memory, never by pickle. What is damaged is set aside with a warning and computed anew.
"""
from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.fingerprints import fingerprint, plain_json
from labelnb.row_writer import RowWriter
from labelnb.store_files import (
    FORMAT,
    Damage,
    StoreError,
    cannot,
    describe,
    open_value,
    plain_array,
    publish,
    read_entry,
    write_entry,
    write_value,
)

__all__ = ["Store", "StoreError", "RowWriter", "fingerprint"]

_OLD = 24 * 3600.0
"""Seconds after which what another machine left half-written is cleaned up."""


class Store:
    """A content-addressed cache in a folder. Safe for several processes: who comes second finds the entry, or writes the same."""

    def __init__(self, folder: str | Path) -> None:
        """The cache in `folder`, which is made when first written to; what processes that are gone left half-written is cleaned up."""
        self.folder = Path(folder).expanduser().absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise StoreError(f"{self.folder}: a file, expected a folder for the cache")
        self._clean()

    def key(self, name: str, /, **parts: Any) -> str:
        """A key for what is computed from `parts`: arrays, texts, numbers, or lists and mappings of them; equal parts give equal keys."""
        prints = {part: fingerprint(value) for part, value in parts.items()}
        digest = hashlib.sha256(plain_json([FORMAT, name, prints]).encode()).hexdigest()
        return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:60].strip('-') or 'entry'}-{digest[:40]}"

    def get(self, key: str) -> dict[str, Any] | None:
        """The arrays of an entry, read-only and mapped into memory (sparse ones as scipy CSR); None where there is none.

        A damaged entry is set aside with a warning, and None is given, so that it is computed anew.
        """
        path = self._path(key)
        try:
            entry = read_entry(path)
            if entry is None:
                return None
            found = {name: open_value(path, kept) for name, kept in entry["arrays"].items()}
            with contextlib.suppress(OSError):                  # for `trim`: when it was last of use; a folder may be read-only
                os.utime(path / "entry.json")
            return found
        except FileNotFoundError:
            if not path.exists():                               # cleared by another process in this very moment
                return None
            self._set_aside(path, "a file is missing")
        except Damage as error:
            self._set_aside(path, str(error))
        except OSError as error:
            raise cannot("read", path, error) from error
        return None

    def meta(self, key: str) -> dict[str, Any]:
        """The JSON values that were put beside the arrays; empty where there is no such entry."""
        try:
            entry = read_entry(self._path(key))
        except (Damage, FileNotFoundError):
            return {}
        return {} if entry is None else entry["meta"]

    def put(self, key: str, arrays: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        """Keep arrays (NumPy, torch, scipy sparse) under `key`, all of them or none, durably when this returns.

        An entry that is there is left as it is: under a key made of what it was computed from, it is the same.

        Raises
        ------
        TypeError
            For arrays of Python objects, which only pickle could keep.
        StoreError
            If it cannot be written (full disk, read-only folder); nothing half-written stays.
        """
        path = self._path(key)
        if self.get(key) is not None:
            return
        plain = {str(name): plain_array(name, value) for name, value in arrays.items()}
        part = self._new_part()
        try:
            part.mkdir(parents=True)
            kept = {name: write_value(part, f"{number}", value) for number, (name, value) in enumerate(plain.items())}
            write_entry(part, kept, meta)
            publish(part, path)
        except OSError as error:
            raise cannot("write", path, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)             # gone already where it was published

    def rows(
        self, key: str, shape: Sequence[int], dtype: Any, *, name: str = "vectors", meta: Mapping[str, Any] | None = None,
    ) -> RowWriter:
        """An array to be filled row by row, which goes on where an earlier attempt was cut off, kill -9 included.

        Parameters
        ----------
        key, shape, dtype : of the array; the first axis is the rows
        name, meta : the array's name in the entry, and JSON values beside it

        Returns
        -------
        RowWriter; its `finish()` makes the entry that `get` finds. Two processes may fill the same rows: they write the same.
        """
        path, size, kind = self._path(key), tuple(int(n) for n in shape), np.dtype(dtype)
        finished = self.get(key)
        if finished is not None:
            return RowWriter.complete(finished[name])

        def finish(part: Path) -> np.ndarray:
            write_entry(part, {name: describe(part, "rows.npy")}, meta)
            publish(part, path)
            (path / "done").unlink(missing_ok=True)             # the marks, of use only while rows were missing
            return (self.get(key) or {})[name]

        return RowWriter(self.folder / f".rows-{key}", self._new_part(), size, kind, finish)

    def __contains__(self, key: str) -> bool:
        return (self._path(key) / "entry.json").exists()

    def keys(self) -> list[str]:
        """The keys of all entries."""
        return sorted(path.parent.name for path in self.folder.glob("[!.]*/entry.json"))

    def size(self) -> int:
        """Bytes on disk, half-written and set-aside ones included."""
        total = 0
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):                  # gone in the meantime
                total += path.stat().st_size if path.is_file() else 0
        return total

    def trim(self, limit: int) -> int:
        """Remove what was longest not of use until at most `limit` bytes are left; what was set aside or left unfinished goes first.

        Nothing is lost but time: an entry that is asked for again is computed again. Rows of an unfinished computation that a process
        touched within a day stay. Returns the bytes that were freed.
        """
        if limit < 0:
            raise ValueError(f"limit: got {limit}, expected a number of bytes, 0 or more")
        parts = []
        for path in self.folder.glob("*") if self.folder.exists() else ():
            with contextlib.suppress(OSError):                  # gone in the meantime
                finished = not path.name.startswith(".")
                mark = path / "entry.json" if finished else path
                used = max((file.stat().st_mtime for file in (mark, *(() if finished else path.iterdir()))), default=0.0)
                if finished or path.name.startswith(".aside-") or time.time() - used > _OLD:
                    parts.append((finished, used, path, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())))
        before = left = self.size()
        for _, _, path, size in sorted(parts, key=lambda part: part[:2]):
            if left <= limit:
                break
            with contextlib.suppress(OSError):
                (path / "entry.json").unlink(missing_ok=True)   # first: without it there is no entry, rather than half of one
            shutil.rmtree(path, ignore_errors=True)
            left -= size
        return before - left

    def clear(self) -> None:
        """Remove everything; labels are not kept here. What is mapped by a living array stays readable to it."""
        for path in list(self.folder.glob("*")):
            shutil.rmtree(path, ignore_errors=True)

    def _path(self, key: str) -> Path:
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,150}", key):
            raise ValueError(f"key: got {key!r}, expected what Store.key gives (letters, digits, '-', '_', '.')")
        return self.folder / key

    def _new_part(self) -> Path:
        """A name for what this process is writing; `_clean` knows whose it was."""
        return self.folder / f".part-{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"

    def _set_aside(self, path: Path, why: str) -> None:
        aside = path.with_name(f".aside-{path.name}-{os.urandom(4).hex()}")
        with contextlib.suppress(OSError):                      # another process has done so, or the folder may not be written
            path.rename(aside)
        done = f"it is set aside as {aside.name} and computed anew. No label is concerned"
        warnings.warn(f"{path}: a damaged cache entry ({why}); {done}", stacklevel=3)

    def _clean(self) -> None:
        """Remove what processes that are gone left half-written; rows that can be continued stay."""
        here = f".part-{socket.gethostname()}-"
        for path in self.folder.glob(".part-*"):
            owner = path.name[len(here) :].split("-")[0] if path.name.startswith(here) else ""
            with contextlib.suppress(OSError):
                if (owner.isdigit() and not _alive(int(owner))) or time.time() - path.stat().st_mtime > _OLD:
                    shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True                                             # only age tells there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
