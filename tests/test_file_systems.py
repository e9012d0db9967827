"""Which file system a path lies on, and that the journal goes without shared memory where it must."""
from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from labelnb import file_systems, journal_file
from labelnb.file_systems import file_system, is_shared
from labelnb.journal import Journal
from labelnb.labels import Label

MOUNTS = """22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw,relatime shared:1 - nfs4 server:/srv rw,vers=4.2
31 30 8:2 / /srv/ada/fast rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/two\\040words rw - cifs //server/share rw
33 22 0:42 / /later rw - ext4 /dev/sdc1 rw
34 22 0:43 / /later rw - fuse.sshfs ada@server: rw
broken line
"""


@pytest.fixture
def mounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/var/x", "ext4", False),
        ("/srv", "nfs4", True),
        ("/srv/ada/work.lnb/journal.sqlite", "nfs4", True),
        ("/srv/ada/fast/work.lnb", "xfs", False),
        ("/service/x", "ext4", False),
        ("/mnt/two words/x", "cifs", True),
        ("/later/x", "fuse.sshfs", True),
    ],
)
def test_the_innermost_mount_counts(mounts: None, path: str, kind: str, shared: bool):
    assert (file_system(Path(path)), is_shared(Path(path))) == (kind, shared)


def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "none")
    assert file_system(tmp_path) == "" and not is_shared(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its mounts so")
def test_this_machine_says(tmp_path: Path):
    assert file_system(tmp_path) != ""


def test_the_journal_on_a_network_goes_without_a_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "journal.sqlite"

    def mode() -> str:
        with sqlite3.connect(path) as raw:
            found = raw.execute("PRAGMA journal_mode").fetchone()[0]
        raw.close()
        return found

    cat = Label("class", ("cat",))
    monkeypatch.setattr(journal_file, "is_shared", lambda path: False)
    with Journal(path) as journal:
        journal.decide(["a"], cat, who="ada")
    assert mode() == "wal"
    monkeypatch.setattr(journal_file, "is_shared", lambda path: True)       # the folder was moved to a server
    with Journal(path) as first, Journal(path) as second:
        first.decide(["b"], cat, who="ada")
        assert second.changed()
        second.decide(["c"], cat, who="bob")
        assert mode() == "delete" and not path.with_name("journal.sqlite-wal").exists()
        assert first.n_labelled() == 3
    monkeypatch.setattr(journal_file, "is_shared", lambda path: False)      # and back
    with Journal(path) as journal:
        assert journal.n_labelled() == 3 and journal.damage() == ""
    assert mode() == "wal"
