"""What can happen to the journal's file: another version, damage, a full disk, a read-only folder, a lock, a fork.

Each time a clear error, and nothing lost.
"""
from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from labelnb import journal_file
from labelnb.classes import LabelSpace
from labelnb.journal import Journal, JournalError
from labelnb.labels import Label
from tests.small_disk import make_read_only, small_disk

CLASSES = LabelSpace(("cat", "dog"))
CAT, DOG = Label("class", ("cat",)), Label("class", ("dog",))
IDS = np.array([f"i{n}" for n in range(50)], dtype=object)


def made(path: Path, n: int = 10) -> Path:
    with Journal(path) as journal:
        for name in IDS[:n]:
            journal.decide([name], CAT, who="ada")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "journal.sqlite")


def fill(file: IO[bytes]) -> None:
    """Write until the disk is full."""
    while True:
        file.write(b"x" * 4096)


def known(path: Path, **options) -> int:
    with Journal(path, **options) as journal:
        return journal.replay(IDS, CLASSES).n_known


def test_newer_version(path: Path):
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=2")
    raw.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(JournalError, match=r"newer labelnb \(journal version 2, this one reads up to 1\); update labelnb"):
            Journal(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"id,label\n1,cat\n", b"\0" * 5000, b"SQLite form", b"SQLite format 3\0" + b"\7" * 4080])
def test_not_a_journal(tmp_path: Path, content: bytes):
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"(not a journal|damaged).*Nothing was overwritten"):
        Journal(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]


def test_the_database_of_another_program(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE events (x)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="something else"):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "options", "says"), [
    ("missing/journal.sqlite", {}, "folder does not exist"),
    ("missing.sqlite", {"read_only": True}, "no journal here"),
    (".", {}, "a folder"),
])
def test_places_where_no_journal_can_be(tmp_path: Path, name: str, options: dict, says: str):
    with pytest.raises(JournalError, match=says):
        Journal(tmp_path / name, **options)


@pytest.mark.parametrize("name", ["my photos #1 100%?.lnb", "a%20b", "日本語 é", "quote'\"", "x" * 200, "file:a?mode=memory"])
def test_folders_of_every_name(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    path = made(tmp_path / name / "journal.sqlite")
    assert path.stat().st_size > 0
    assert known(path) == known(path, read_only=True) == 10
    assert [folder.name for folder in tmp_path.iterdir()] == [name]


def test_a_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with Journal("journal.sqlite") as journal:
        monkeypatch.chdir("/")                                  # the notebook goes elsewhere
        journal.decide(["i0"], CAT, who="ada")
    assert known(tmp_path / "journal.sqlite") == 1


def test_an_empty_file_becomes_a_journal(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    path.touch()
    with pytest.raises(JournalError, match="empty file"):
        Journal(path, read_only=True)
    assert path.stat().st_size == 0
    made(path)
    assert known(path) == 10


def test_a_page_that_is_damaged_is_an_error_and_nothing_else_is_lost(path: Path):
    """Every page in turn is overwritten with noise: either it is noticed, or all labels are right."""
    good = path.read_bytes()
    noise = np.random.default_rng(0).bytes(4096)
    noticed = 0
    for page in range(1, len(good) // 4096):
        bad = good[: page * 4096] + noise + good[(page + 1) * 4096 :]
        path.write_bytes(bad)
        said = ""
        try:
            with Journal(path) as journal:
                labels = journal.replay(IDS, CLASSES)
                assert labels.values.tolist() == [0] * 10 + [-1] * 40, page
        except JournalError as error:
            said = str(error)
        assert said == "" or ("damaged" in said and "Nothing was overwritten" in said), page
        noticed += bool(said)
        assert path.read_bytes()[page * 4096 : (page + 1) * 4096] == noise, page
    assert noticed >= 2


@pytest.mark.parametrize("change", [
    "UPDATE decisions SET items = x'02000000' WHERE event = 3",
    "UPDATE decisions SET labels = x'00000000' WHERE event = 3",
    "UPDATE decisions SET checksum = checksum + 1 WHERE event = 10",
    "DELETE FROM decisions WHERE event = 3",
    "UPDATE events SET n_items = 2 WHERE number = 3",
    "UPDATE labels SET value = 'cat'",
    "DELETE FROM labels",
    "INSERT INTO events VALUES (11, 'undo', '', 0, '', 1, NULL, NULL, NULL, '{\"events\": [99]}')",
    "INSERT INTO events VALUES (11, 'redo', '', 0, '', 1, NULL, NULL, NULL, NULL)",
])
def test_a_bit_that_sqlite_does_not_check(path: Path, change: str):
    with sqlite3.connect(path) as raw:
        raw.execute(change)
    raw.close()
    with Journal(path) as journal:
        for _ in range(2):                                      # and again: an error does not wear off
            with pytest.raises(JournalError, match=r"damaged.*Nothing was overwritten"):
                journal.replay(IDS, CLASSES)


def test_its_own_check(path: Path):
    with Journal(path) as journal:
        assert journal.damage() == ""


def test_a_full_disk_by_the_file_s_own_limit(path: Path):
    with Journal(path) as journal:
        pages = journal._file.connection.execute("PRAGMA page_count").fetchone()[0]
        journal._file.connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(JournalError, match="disk is full.*Nothing of this was kept"):
            journal.decide([f"a long name of an item, number {n}" for n in range(2000)], DOG, who="ada")
        with pytest.raises(JournalError, match="disk is full"):
            journal.record_run("m", {"note": "x" * 100_000}, "run")
        assert journal.replay(IDS, CLASSES).n_known == 10
        journal._file.connection.execute("PRAGMA max_page_count=100000")
        assert journal.decide(IDS, DOG, who="ada").number == 11
        assert journal.replay(IDS, CLASSES).counts.tolist() == [0, 50]
        assert journal.damage() == ""


def test_a_full_disk(tmp_path: Path):
    with small_disk(tmp_path / "disk", 2) as disk:
        journal = Journal(made(disk / "journal.sqlite"))
        filler = (disk / "filler").open("wb", buffering=0)
        with pytest.raises(OSError, match="No space left"):
            fill(filler)
        kept, errors = 10, []
        for n in range(200):
            try:
                journal.decide([f"i{n % 40 + 10}", f"another item with a long name {n}"], DOG, who="ada")
                kept += 1
            except JournalError as error:
                errors.append(str(error))
        assert errors
        assert all("full" in error and "Nothing of this was kept" in error for error in errors)
        assert len(journal.history()) == kept
        filler.close()
        (disk / "filler").unlink()
        journal.decide(["i0"], DOG, who="ada")
        journal.close()
        with Journal(disk / "journal.sqlite") as again:
            assert len(again.history()) == kept + 1
            assert again.damage() == ""


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    with small_disk(tmp_path / "disk", 4) as disk:
        path = made(disk / "journal.sqlite")
        make_read_only(disk)
        with pytest.warns(UserWarning, match="open for reading only"):
            journal = Journal(path)
        with journal:
            assert journal.read_only
            assert journal.replay(IDS, CLASSES).n_known == 10
            with pytest.raises(JournalError, match=r"nothing can be decided here; copy the session"):
                journal.decide(["i0"], DOG, who="ada")
            with pytest.raises(JournalError, match="copy the session"):
                journal.undo()
        assert known(path, read_only=True) == 10
        with pytest.raises(JournalError, match=r"cannot open.*may be written"):
            Journal(disk / "new.sqlite")


def test_a_folder_that_cannot_be_written_after_a_crash(tmp_path: Path):
    """What was acknowledged may still be in the write-ahead log; it shows all the same."""
    with small_disk(tmp_path / "disk", 4) as disk:
        open_journal = Journal(made(tmp_path / "journal.sqlite"))
        open_journal.decide(IDS, DOG, who="ada")
        for name in ("journal.sqlite", "journal.sqlite-wal"):   # as they are in the moment of a crash
            shutil.copy(tmp_path / name, disk / name)
        open_journal.close()
        make_read_only(disk)
        with Journal(disk / "journal.sqlite", read_only=True) as journal:
            assert journal.replay(IDS, CLASSES).counts.tolist() == [0, 50]


def test_reading_only_where_the_log_cannot_be_shared(path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same without mounting: SQLite says that it cannot open the log, and a copy is read."""
    connect = sqlite3.connect

    class NoLog(sqlite3.Connection):
        def execute(self, statement, *rest):
            if "sqlite_master" in statement:
                error = sqlite3.OperationalError("unable to open database file")
                error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
                raise error
            return super().execute(statement, *rest)

    def connected(where, **rest):
        return connect(where, **rest, **({"factory": NoLog} if "mode=ro" in where else {}))

    monkeypatch.setattr(journal_file.sqlite3, "connect", connected)
    monkeypatch.setattr(journal_file, "_writable", lambda path: False)
    with pytest.warns(UserWarning, match="open for reading only"):
        journal = Journal(path)
    with journal:
        assert journal.replay(IDS, CLASSES).n_known == 10
        copy = Path(journal._file._copy.name)
        assert copy.exists()
        with pytest.raises(JournalError, match="reading only"):
            journal.note("x")
    assert not copy.exists()


def test_reading_only_beside_one_who_writes(path: Path):
    with Journal(path) as writer, Journal(path, read_only=True) as reader:
        assert reader.replay(IDS, CLASSES).n_known == 10
        writer.decide(IDS, DOG, who="ada")
        assert reader.changed()
        assert reader.replay(IDS, CLASSES).n_known == 50
        with pytest.raises(JournalError, match="reading only"):
            reader.decide(["i0"], CAT, who="bob")


def test_held_for_too_long_by_another(path: Path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Journal(path, timeout=0.2) as journal:                 # opening and reading wait for no one
        assert journal.replay(IDS, CLASSES).n_known == 10
        with pytest.raises(JournalError, match=r"another process has held it for 0.2 seconds. Nothing of this was kept"):
            journal.decide(["i0"], DOG, who="ada")
        other.execute("ROLLBACK")
        journal.decide(["i0"], DOG, who="ada")
        assert journal.replay(IDS, CLASSES).counts.tolist() == [9, 1]
    other.close()


def test_held_for_a_moment_by_another(path: Path):
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    with Journal(path) as journal:
        assert journal.decide(["i0"], DOG, who="ada").number == 11
    release.join()
    other.close()


@pytest.mark.skipif(os.name != "posix", reason="elsewhere an open file cannot be removed")
def test_a_file_that_is_taken_away_while_it_is_open(path: Path, tmp_path: Path):
    with Journal(path) as journal:
        path.rename(tmp_path / "elsewhere.sqlite")
        with pytest.raises(JournalError, match=r"moved, deleted or replaced.*Nothing of this was kept"):
            journal.decide(["i0"], DOG, who="ada")
        shutil.copy(tmp_path / "elsewhere.sqlite", path)        # a copy, as a program that synchronises folders makes it
        with pytest.raises(JournalError, match="replaced"):
            journal.undo()
        path.unlink()
        (tmp_path / "elsewhere.sqlite").rename(path)
        journal.decide(["i0"], DOG, who="ada")
    assert known(path) == 10


def test_the_file_says_what_it_is(path: Path):
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone() == (1,)
    assert raw.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"lnbj", "big"),)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()
    with Journal(path) as journal:
        assert journal._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)    # FULL: each commit is on the disk


def test_an_error_on_the_way_keeps_nothing(path: Path, monkeypatch: pytest.MonkeyPatch):
    from labelnb.decision import Decision

    with Journal(path) as journal:
        monkeypatch.setattr(Decision, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            journal.decide(["i20"], DOG, who="ada")
        monkeypatch.undo()
        assert len(journal.history()) == 10
        assert journal.decide(["i30"], DOG, who="ada").number == 11
        assert journal.replay(IDS, CLASSES).label(20) is None
        assert journal.replay(IDS, CLASSES).label(30) == DOG


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_leaves_the_journal_alone(path: Path):
    with Journal(path) as journal:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                journal.decide(["i0"], DOG, who="child")
            except JournalError as error:
                code = 0 if "opened in another process" in str(error) else 2
            journal.close()
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        journal.decide(["i0"], DOG, who="parent")
        assert journal.damage() == ""
    assert known(path) == 10
