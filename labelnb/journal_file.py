"""The SQLite file under the journal: opening it safely, transactions, and errors that say what to do.

Write-ahead log, full sync: a transaction that has returned survives kill -9 and a power cut. The log rests on memory that processes of
one machine share, so on a network file system SQLite's rollback journal is used instead: slower, and as safe as that system's locks are.
Nothing is written before the file is known to be a journal of a version that this code reads.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from labelnb.file_systems import is_shared

__all__ = ["JournalFile", "JournalError"]

VERSION = 1
"""Version of the schema; a higher one in a file is refused."""
APPLICATION = 0x6C6E626A
"""Marks a SQLite file as a journal: `lnbj`."""

SCHEMA = """
CREATE TABLE events (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, who TEXT NOT NULL, moment INTEGER NOT NULL, summary TEXT NOT NULL,
    n_items INTEGER NOT NULL, source TEXT, run INTEGER, method TEXT, details TEXT);
CREATE TABLE decisions (event INTEGER PRIMARY KEY, items BLOB NOT NULL, labels BLOB NOT NULL, confidence BLOB, checksum INTEGER NOT NULL);
CREATE TABLE items (code INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE labels (code INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);
"""
"""Events in order; the items and labels of each decision as int32 codes (little-endian; 0 clears; one label stands for all items),
confidence as float32 or float64; ids and distinct labels once each. Moments are microseconds since 1970, UTC."""


class JournalError(OSError):
    """The journal cannot be read or written; what was acknowledged before is kept. The message says what to do."""


class JournalFile:
    """One connection to the journal's file; not for use from several threads at once."""

    def __init__(self, path: Path, *, read_only: bool, timeout: float) -> None:
        self.path, self.timeout = path, timeout
        self.read_only = read_only or (path.exists() and not _writable(path))
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._process = os.getpid()
        _check_head(path, must_exist=read_only)
        with self._translated("open"):
            self.connection = self._open_to_read() if self.read_only else self._connect("rwc")
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise
        self._identity = _identity(path)
        _open_files.add(self)

    def _connect(self, mode: str, path: Path | None = None) -> sqlite3.Connection:
        uri = f"{(path or self.path).absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=self.timeout, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout={int(self.timeout * 1000)}")
        return connection

    def _open_to_read(self) -> sqlite3.Connection:
        connection = self._connect("ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.OperationalError as error:
            connection.close()
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or _writable(self.path):
                raise
        # The write-ahead log needs a file beside it, which a folder that cannot be written does not allow: read a copy, log included.
        self._copy = tempfile.TemporaryDirectory(prefix="labelnb-journal-")
        for suffix in ("", "-wal"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                shutil.copyfile(source, Path(self._copy.name) / source.name)
        return self._connect("rw", Path(self._copy.name) / self.path.name)

    def _prepare(self) -> None:
        """Refuse what is not ours; make the tables in a new file."""
        with self._transaction("DEFERRED"):                     # one view: another process may be making the tables in this moment
            application, version = self._marks()
            tables = self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if (tables or application) and application != APPLICATION:
            raise JournalError(f"{self.path}: a SQLite file of something else, not a journal; choose another path. Nothing was changed")
        if version > VERSION:
            raise JournalError(
                f"{self.path}: written by a newer labelnb (journal version {version}, this one reads up to {VERSION}); "
                "update labelnb (pip install -U labelnb). Nothing was changed"
            )
        if self.read_only:
            if not application:
                raise JournalError(f"{self.path}: an empty file, not a journal; begin one in a folder that you may write to")
            return
        self._use_log()
        self.connection.execute("PRAGMA synchronous=FULL")
        if not application:
            self._create()

    def _marks(self) -> tuple[int, int]:
        ask = self.connection.execute
        return ask("PRAGMA application_id").fetchone()[0], ask("PRAGMA user_version").fetchone()[0]

    def _use_log(self) -> None:
        mode = "DELETE" if is_shared(self.path) else "WAL"
        # Two processes that switch a new file at once do not wait for each other by themselves.
        end = time.monotonic() + self.timeout
        while True:
            try:
                self.connection.execute(f"PRAGMA journal_mode={mode}")
                return
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _create(self) -> None:
        with self._transaction("IMMEDIATE") as connection:
            if self._marks()[0]:
                return                                          # another process was first
            for statement in SCHEMA.strip().split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            connection.execute(f"PRAGMA user_version={VERSION}")
        _sync_folder(self.path.parent)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is durable when the block ends, or none of it is kept and an error says why."""
        if self.read_only:
            cure = "copy the session to a folder that you may write to, and open that"
            raise JournalError(f"{self.path}: open for reading only, so nothing can be decided here; {cure}")
        with self._translated("write to"):
            if _identity(self.path) != self._identity:
                cure = "put it back, or open the session where it is now"
                raise JournalError(f"{self.path}: moved, deleted or replaced while it was open. Nothing of this was kept: {cure}")
            with self._transaction("IMMEDIATE") as connection:
                yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the file; inside `writing`, that transaction."""
        with self._translated("read"):
            if self.connection.in_transaction:
                yield self.connection
            else:
                with self._transaction("DEFERRED") as connection:
                    yield connection

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        self.connection.execute(f"BEGIN {kind}")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:                  # a full disk has rolled back already
                self.connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        if os.getpid() != self._process:
            raise JournalError(f"{self.path}: opened in another process; open the session again in this one")
        try:
            yield
        except sqlite3.ProgrammingError as error:
            if "closed" not in str(error):
                raise
            raise JournalError(f"{self.path}: the journal is closed; open the session again") from error
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: cannot {doing} the journal: {self._cure(error)}") from error

    def _cure(self, error: sqlite3.Error) -> str:
        code = _code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return f"another process has held it for {self.timeout:g} seconds. Nothing of this was kept: wait, or end it, and do it again"
        if code == sqlite3.SQLITE_FULL:
            return "the disk is full. Nothing of this was kept, all before it is safe: free some space, and do it again"
        if code == sqlite3.SQLITE_READONLY:
            return "the file or its folder may not be written. Nothing of this was kept: copy the session to a folder that you may write to"
        if code == sqlite3.SQLITE_CANTOPEN:
            return "the file cannot be opened; check that its folder exists and may be written"
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or code is None:
            cure = "copy the file away, and restore a backup, or rescue what there is with `sqlite3 journal.sqlite .recover`"
            return f"it is damaged ({error}). Nothing was overwritten: {cure}"
        return f"{error}. Nothing of this was kept: check the disk, and do it again"

    def damage(self) -> str:
        """What SQLite's own check of the whole file finds; empty where it is sound. Reads all of it."""
        with self._translated("read"):
            rows = self.connection.execute("PRAGMA integrity_check").fetchall()
        return "" if rows == [("ok",)] else "; ".join(row[0] for row in rows)

    def data_version(self) -> int:
        """A number that changes when another connection has written."""
        with self._translated("read"):
            return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if os.getpid() == self._process:
            self.connection.close()
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    def __del__(self) -> None:
        if hasattr(self, "connection"):                         # else it was not even opened
            self.close()


_open_files: weakref.WeakSet[JournalFile] = weakref.WeakSet()
_kept_after_fork: list[sqlite3.Connection] = []


def _keep_connections() -> None:
    # SQLite must not be used, nor closed, on the far side of a fork: a data loader's workers inherit the connection and let it be.
    _kept_after_fork.extend(file.connection for file in _open_files)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_connections)


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code; None where SQLite itself did not raise, as for text that is not UTF-8."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _check_head(path: Path, *, must_exist: bool) -> None:
    if not path.exists():
        if must_exist:
            raise JournalError(f"{path}: there is no journal here; expected the journal.sqlite of a session")
        if not path.parent.is_dir():
            raise JournalError(f"{path}: its folder does not exist; make it first")
        return
    if path.is_dir():
        raise JournalError(f"{path}: a folder, expected the path of the journal's file, such as {path / 'journal.sqlite'}")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if head and head != b"SQLite format 3\0":
        cure = "Nothing was overwritten: restore a backup, or choose another path"
        raise JournalError(f"{path}: not a journal, or one whose beginning is damaged. {cure}")


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this is; None where there is none. SQLite itself would go on writing to one that has no name any more."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _writable(path: Path) -> bool:
    """Whether the file may be written, and its log made beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable, where the system has folders that can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
