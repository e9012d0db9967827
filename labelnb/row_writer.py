"""An array that is filled row by row over hours, and goes on where it was cut off."""
from __future__ import annotations

import contextlib
import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from labelnb.store_files import cannot, npy_header, sync_folder, write_all

__all__ = ["RowWriter"]

_EVERY = 0.5
"""Seconds between two times at which rows are made durable: what kill -9 can cost."""


class RowWriter:
    """Rows of one array on disk, and which of them are there. Made by `Store.rows`.

    A row counts as done in the file only after it is on disk: after kill -9, or a power cut, what counts as done is right, and at most the
    last half second of work is done again. While one process fills an array, a second one that wants the same fills a copy of its own.
    """

    def __init__(self, part: Path, spare: Path, shape: tuple[int, ...], dtype: np.dtype, publish: Callable[[Path], np.ndarray]) -> None:
        """Go on in the folder `part`, or begin there; where another process is at it, work in the folder `spare`. Use `Store.rows`.

        `publish` makes the finished folder an entry of the store, and gives its array.
        """
        if not shape or min(shape) < 0 or dtype.hasobject:
            raise ValueError(f"rows: got shape {shape} of {dtype}, expected (N, ...) numbers: the first axis is the rows")
        self.shape, self.dtype = shape, dtype
        self._publish = publish
        self._finished: np.ndarray | None = None
        self._header = npy_header(shape, dtype)
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        self._unsure: list[tuple[int, int]] = []
        self._synced = -np.inf
        try:
            self._open(part, spare)
        except OSError as error:
            raise cannot("write", part, error) from error

    def _open(self, part: Path, spare: Path) -> None:
        if part.exists() and not self._fits(part):
            warnings.warn(f"{part}: a half-filled array that is damaged; it is computed anew", stacklevel=5)
            shutil.rmtree(part)
        if not part.exists():
            self._begin(spare, part)
        marks = _locked(part)
        if marks is None:
            self._begin(spare, None)
            part, marks = spare, (spare / "done").open("r+b", buffering=0)
        self._part, self._marks = part, marks
        self._rows = (part / "rows.npy").open("r+b", buffering=0)
        self._done = np.frombuffer(self._marks.read(self.shape[0]), np.uint8).astype(bool)

    @classmethod
    def complete(cls, array: np.ndarray) -> RowWriter:
        """A writer with nothing left to write: the array is in the store already."""
        made = cls.__new__(cls)
        made.shape, made.dtype, made._finished = array.shape, array.dtype, array
        made._done, made._unsure = np.ones(len(array), bool), []
        return made

    @property
    def done(self) -> np.ndarray:
        """(N,) bool, a copy: the rows that are written."""
        return self._done.copy()

    @property
    def count(self) -> int:
        """How many rows are written."""
        return int(self._done.sum())

    @property
    def array(self) -> np.ndarray:
        """The array as far as it is filled, read-only and mapped into memory."""
        if self._finished is not None:
            return self._finished
        return np.load(self._part / "rows.npy", mmap_mode="r" if self.shape[0] * self._row_bytes else None, allow_pickle=False)

    def write(self, start: int, array: Any) -> None:
        """Write rows `start` to `start + len(array)`.

        Raises
        ------
        ValueError
            If the rows do not fit, or the array is finished.
        StoreError
            If they cannot be written, as on a full disk; rows written before stay.
        """
        rows = np.ascontiguousarray(array.detach().cpu().numpy() if hasattr(array, "detach") else array, dtype=self.dtype)
        stop = start + len(rows)
        if rows.shape[1:] != self.shape[1:] or start < 0 or stop > self.shape[0]:
            wanted = f"rows of shape {self.shape[1:]}, to row {self.shape[0]} at most"
            raise ValueError(f"rows: got shape {rows.shape} at {start}, expected {wanted}")
        if self._finished is not None:
            raise ValueError("rows: the array is finished; nothing can be written to it")
        try:
            # Not through a mapping: on a full disk that would end the process, where writing says so.
            content = rows.reshape(-1).view(np.uint8).data if rows.size else b""
            self._rows.seek(len(self._header) + start * self._row_bytes)
            write_all(self._rows, content)
            self._done[start:stop] = True
            self._unsure.append((start, stop))
            if time.monotonic() - self._synced > _EVERY:
                self.flush()
        except OSError as error:
            raise cannot("write", self._part, error) from error

    def flush(self) -> None:
        """Make what is written durable now."""
        if self._finished is not None or not self._unsure:
            return
        os.fsync(self._rows.fileno())
        for start, stop in self._unsure:
            self._marks.seek(start)
            write_all(self._marks, b"\x01" * (stop - start))
        self._unsure.clear()
        self._synced = time.monotonic()

    def finish(self) -> np.ndarray:
        """Make the filled array an entry of the store; returns it, read-only and mapped into memory.

        Raises ValueError where rows are missing, and names the first.
        """
        if self._finished is None:
            missing = np.flatnonzero(~self._done)
            if len(missing):
                many = f"{len(missing)} of {self.shape[0]}"
                raise ValueError(f"rows: {many} are not written yet, the first is row {missing[0]}; write them, then finish")
            try:
                self.flush()
                self._rows.close()
                if os.name != "posix":
                    self._marks.close()                         # an open file keeps its folder from being renamed there
                finished = self._publish(self._part)
                self._marks.close()                             # only now: the lock keeps others from writing to what is published
            except OSError as error:
                raise cannot("write", self._part, error) from error
            self._finished = finished
            shutil.rmtree(self._part, ignore_errors=True)       # still there where another process was first
        return self._finished

    def close(self) -> None:
        """Make what is written durable, and leave it to be continued another time."""
        if self._finished is None and not self._rows.closed:
            self.flush()
            self._rows.close()
            self._marks.close()

    def _fits(self, part: Path) -> bool:
        try:
            with (part / "rows.npy").open("rb") as rows:
                head = rows.read(len(self._header))
            sizes = (part / "rows.npy").stat().st_size, (part / "done").stat().st_size
        except FileNotFoundError:
            return not part.exists()                            # finished by another process in this moment
        return head == self._header and sizes == (len(self._header) + self.shape[0] * self._row_bytes, self.shape[0])

    def _begin(self, spare: Path, part: Path | None) -> None:
        """Make an empty array in `spare`, and rename it to `part`; where another process has made one, that one stays."""
        spare.mkdir(parents=True, exist_ok=True)
        with (spare / "rows.npy").open("wb") as file:
            file.write(self._header)
            file.truncate(len(self._header) + self.shape[0] * self._row_bytes)
            file.flush()
            os.fsync(file.fileno())
        (spare / "done").write_bytes(bytes(self.shape[0]))
        if part is not None:
            try:
                spare.rename(part)
                sync_folder(part.parent)
            except OSError:
                if not part.exists():
                    raise
                shutil.rmtree(spare)

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_rows"):                              # else it was not even opened
            with contextlib.suppress(OSError):
                self.close()


def _locked(part: Path) -> IO[bytes] | None:
    """The file of marks, locked for this process until it is closed or the process ends; None where another one has it."""
    try:
        file = (part / "done").open("r+b", buffering=0)
    except FileNotFoundError:
        return None                                             # finished by another process in this moment
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            file.seek(1 << 62)                                  # far behind the content: there a lock keeps no one from reading
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)   # type: ignore[attr-defined]
            file.seek(0)
        if os.stat(part / "done").st_ino == os.fstat(file.fileno()).st_ino:
            return file
    except OSError:                                             # held by another process, or finished and gone
        pass
    file.close()
    return None
