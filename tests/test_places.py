"""Where things are kept, and the list of sessions."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from labelnb import places
from labelnb.journal import Journal
from labelnb.labels import Label

CAT = Label("class", ("cat",))


def session(path: Path, n: int = 3, items: int = 10) -> Path:
    """What `Session` leaves at `path`, as far as the list of sessions looks."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "session.json").write_text(json.dumps({"format": 1, "name": path.stem, "modality": "text", "items": items}))
    with Journal(path / "journal.sqlite") as journal:
        journal.decide([f"i{k}" for k in range(n)], CAT, who="ada")
    places.register_session(path)
    return path


def test_folders_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LABELNB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LABELNB_DATA", raising=False)
    assert places.data_folder() == tmp_path / "home"
    assert places.cache_folder() == tmp_path / "home" / "data"
    monkeypatch.setenv("LABELNB_DATA", str(tmp_path / "data"))
    assert places.cache_folder() == tmp_path / "data"
    monkeypatch.setenv("LABELNB_HOME", "~/x")
    assert places.data_folder() == Path("~/x").expanduser()
    monkeypatch.delenv("LABELNB_HOME")
    monkeypatch.delenv("LABELNB_DATA")
    assert places.data_folder().name == "labelnb"
    assert places.data_folder().is_absolute()
    assert places.cache_folder() != places.data_folder()
    assert not (tmp_path / "home").exists()                     # asking makes nothing


def test_new_folders_never_meet(own_folders: Path):
    made = [places.new_session_folder(name) for name in ("My photos!", "My photos!", "../../etc", "", "日本語")]
    assert len(set(made)) == 5
    assert made[0].name == "my-photos.lnb"
    assert made[1].name == "my-photos-2.lnb"
    assert made[4].name == "日本語.lnb"
    assert all(path.parent == own_folders / "sessions" and path.is_dir() for path in made)


def test_no_sessions(own_folders: Path):
    assert places.sessions() == []
    assert list(own_folders.iterdir()) == []


def test_sessions_with_their_counts_the_last_changed_first(tmp_path: Path):
    first = session(tmp_path / "a.lnb", 3, items=10)
    second = session(places.new_session_folder("b"), 5, items=7)
    found = places.sessions()
    assert [(info.path, info.items, info.labels, info.modality, info.problem) for info in found] == [
        (second, 7, 5, "text", ""), (first, 10, 3, "text", ""),
    ]
    assert datetime.now(UTC) - found[0].changed < timedelta(minutes=5)
    assert str(found[1]).startswith(f"{first}: 3 of 10 text items labelled, last change 20")


def test_a_count_is_remembered_until_the_journal_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = session(tmp_path / "a.lnb", 3)
    opened = []
    monkeypatch.setattr("labelnb.journal.Journal.n_labelled", lambda journal, real=Journal.n_labelled: (opened.append(1), real(journal))[1])
    assert [info.labels for info in places.sessions()] == [3]
    places.sessions()
    before = len(opened)
    assert before <= 2
    assert [info.labels for info in places.sessions()] == [3]
    assert len(opened) == before
    with Journal(path / "journal.sqlite") as journal:
        journal.decide(["i0", "new"], [None, CAT], who="ada")
        journal.decide(["newer"], CAT, who="ada")
        assert [info.labels for info in places.sessions()] == [4]   # while it is open, from the write-ahead log
        journal.undo()
        assert [info.labels for info in places.sessions()] == [3]
    assert [info.labels for info in places.sessions()] == [3]


def test_a_folder_that_is_gone_is_left_out(tmp_path: Path):
    path = session(tmp_path / "a.lnb")
    session(tmp_path / "b.lnb")
    shutil.rmtree(path)
    assert [info.path.name for info in places.sessions()] == ["b.lnb"]
    session(path)
    assert sorted(info.path.name for info in places.sessions()) == ["a.lnb", "b.lnb"]


def test_registering_twice_lists_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = session(tmp_path / "a.lnb")
    monkeypatch.chdir(tmp_path)
    places.register_session("a.lnb")
    places.register_session(path)
    places.register_session(places.data_folder() / "sessions" / "never-made.lnb")
    assert [info.path for info in places.sessions()] == [path]


def test_one_that_cannot_be_read_is_listed_with_the_reason(tmp_path: Path):
    bad, good, odd = session(tmp_path / "bad.lnb"), session(tmp_path / "good.lnb"), session(tmp_path / "odd.lnb")
    (bad / "journal.sqlite").write_bytes(b"this is no journal" * 100)
    (odd / "session.json").write_text("[1, 2")
    found = {info.path: info for info in places.sessions()}
    assert found[good].problem == ""
    assert "not a journal" in found[bad].problem
    assert found[bad].labels == 0
    assert found[bad].changed is None
    assert "session.json is not readable" in found[odd].problem
    assert found[odd].labels == 3
    (bad / "journal.sqlite").unlink()
    assert "no journal here" in next(info for info in places.sessions() if info.path == bad).problem


def test_notes_that_are_damaged_cost_nothing(tmp_path: Path):
    session(tmp_path / "a.lnb")
    session(places.new_session_folder("b"))
    places.sessions()
    for note in (places.data_folder() / "known").iterdir():
        note.write_text('{"path": 3, "stamp": [1], "labels": "many"}' if "a" in note.name else "\0")
    assert [info.labels for info in places.sessions()] == [3]    # the one in the data folder is found without its note


def test_a_home_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LABELNB_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="set LABELNB_HOME"):
        places.register_session(tmp_path / "a.lnb")
    assert places.sessions() == []
    with pytest.raises(OSError, match="set LABELNB_HOME"):
        places.new_session_folder("x")


def test_listing_imports_no_framework(tmp_path: Path):
    session(tmp_path / "a.lnb")
    heavy = "{'torch', 'pandas', 'pyarrow', 'scipy', 'sklearn'}"
    code = f"import sys, labelnb; n = len(labelnb.sessions()); print(n, *sorted({heavy} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["1"]


def test_many_labels_are_counted(tmp_path: Path):
    path = session(tmp_path / "a.lnb", 0)
    with Journal(path / "journal.sqlite") as journal:
        ids = np.array([f"item {n}" for n in range(20_000)], dtype=object)
        journal.decide(ids, CAT, who="clip", source="accept", kind="accept")
        journal.decide(ids[:500], None, who="ada")
    assert [info.labels for info in places.sessions()] == [19_500]
