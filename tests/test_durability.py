"""What was acknowledged is there after kill -9 at any moment, and two processes at once take nothing from each other."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from labelnb.classes import LabelSpace
from labelnb.journal import Journal
from labelnb.store import Store

ROOT = Path(__file__).parents[1]
CLASSES = LabelSpace(("cat", "dog", "bird"))


def begin(*arguments: object) -> subprocess.Popen[str]:
    """Some work of `durable_work.py`, in a process of its own."""
    command = [sys.executable, str(ROOT / "tests" / "durable_work.py"), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def kill_after(work: subprocess.Popen[str], seconds: float) -> list[str]:
    """Lines that were acknowledged until kill -9, which comes so many seconds after the first of them."""
    assert work.stdout is not None
    first = work.stdout.readline()
    assert first, work.stderr.read() if work.stderr else ""
    time.sleep(seconds)
    work.send_signal(signal.SIGKILL)
    rest = work.stdout.read()                                   # not communicate(): it passes over what readline has buffered
    work.communicate(timeout=60)
    lines = (first + rest).splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_a_decision_acknowledged_is_a_decision_kept(tmp_path: Path):
    """20 times kill -9 at a random moment, always on the same journal; then in its middle of recovering it, too."""
    rng = np.random.default_rng(20)
    path = tmp_path / "journal.sqlite"
    acknowledged: dict[str, int] = {}
    for attempt in range(20):
        lines = kill_after(begin("decide", path, attempt * 1_000_000), float(rng.uniform(0, 0.25)))
        assert lines
        acknowledged.update((number, int(value)) for number, value in (line.split() for line in lines))
        with Journal(path) as journal:
            assert journal.damage() == ""
            ids = np.array(list(acknowledged), dtype=object)
            assert journal.replay(ids, CLASSES).values.tolist() == list(acknowledged.values())
            events = journal.history()
            # No half of a bulk accept: all of its items are there, or none.
            assert journal.n_labelled() == sum(event.n_items for event in events)
            assert {event.n_items for event in events} <= {1, 501}
            # One more a kill, at most, was kept and could not be said any more.
            assert len(acknowledged) <= len(events) <= len(acknowledged) + attempt + 1
    assert len(acknowledged) > 40


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_killed_while_it_begins(tmp_path: Path):
    """Killed between the first look at the file and the first decision, the journal is begun by the next."""
    for attempt in range(5):
        path = tmp_path / f"{attempt}.sqlite"
        work = begin("decide", path, 0)
        while not path.exists() and work.poll() is None:
            time.sleep(0.001)
        work.send_signal(signal.SIGKILL)
        work.communicate(timeout=60)
        with Journal(path) as journal:
            assert journal.damage() == ""
            journal.note("begun")


def test_two_processes_write_to_one_journal(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    works = [begin("decide_some", path, who, 60) for who in range(2)]
    with Journal(path, timeout=60) as journal:                  # and this one looks on, and decides too
        seen = 0
        for n in range(20):
            journal.decide([f"2 {n}"], None, who="2")
            if journal.changed():
                seen += 1
            journal.replay(np.array(["shared"], dtype=object), CLASSES)
            time.sleep(0.02)
        outputs = [work.communicate(timeout=120) for work in works]
        assert [work.returncode for work in works] == [0, 0], outputs
        assert [output[0].splitlines()[-1] for output in outputs] == ["done", "done"]
        assert journal.changed() or seen
        ids = np.array([f"{who} {n}" for who in range(2) for n in range(60)] + ["shared"], dtype=object)
        labels = journal.replay(ids, CLASSES)
        assert labels.values.tolist() == [n % 3 for n in range(60)] * 2 + [1]
        assert labels.who.tolist()[:-1] == ["0"] * 60 + ["1"] * 60
        shared = [int(line.split()[1]) for output in outputs for line in output[0].splitlines() if line.startswith("shared")]
        assert len(set(shared)) == 12                           # every event has a number of its own
        assert len(journal.history()) == 2 * 66 + 20
        assert labels.who[-1] == journal.history()[max(shared) - 1].who     # the later of the two decides
        assert journal.damage() == ""


def test_ten_processes_begin_one_journal_at_once(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    works = [begin("decide_some", path, who, 1) for who in range(10)]
    outputs = [work.communicate(timeout=120) for work in works]
    assert [work.returncode for work in works] == [0] * 10, outputs
    with Journal(path) as journal:
        assert journal.n_labelled() == 11


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_rows_go_on_after_kill(tmp_path: Path):
    store, acknowledged = Store(tmp_path), []
    for attempt in range(4):
        lines = kill_after(begin("rows", tmp_path, 3000, 64), 0.01 + 0.01 * attempt)
        acknowledged += [int(line) for line in lines]
        assert len(set(acknowledged)) == len(acknowledged)      # nothing that was acknowledged is done again
        writer = store.rows("array", (3000, 64), np.float32)
        done = np.flatnonzero(writer.done)
        assert set(acknowledged) <= set(done.tolist())
        assert (writer.array[done] == done[:, None]).all()
        writer.close()
    assert 0 < len(acknowledged) < 3000
    with store.rows("array", (3000, 64), np.float32) as writer:
        for n in np.flatnonzero(~writer.done).tolist():
            writer.write(n, np.full((1, 64), n))
        made = writer.finish()
    assert (made == np.arange(3000)[:, None]).all()
    assert store.keys() == ["array"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
def test_an_interrupted_put_leaves_nothing_half(tmp_path: Path):
    for attempt in range(6):
        keys = kill_after(begin("put", tmp_path, 10_000, 0), 0.013 * attempt)
        store = Store(tmp_path)                                 # cleans up what was left half-written
        assert list(tmp_path.glob(".part-*")) == []
        for key in [*keys, *store.keys()]:
            entry = store.get(key)
            assert entry is not None
            assert (entry["x"] == store.meta(key)["n"]).all()
        assert len(store.keys()) >= len(keys)
        store.clear()


def test_two_processes_put_the_same_key(tmp_path: Path):
    works = [begin("put", tmp_path, 25, 1) for _ in range(3)]
    outputs = [work.communicate(timeout=120) for work in works]
    assert [work.returncode for work in works] == [0, 0, 0], outputs
    assert [output[1] for output in outputs] == ["", "", ""]    # no warning, either
    store = Store(tmp_path)
    assert len(store.keys()) == 25
    for n in range(25):
        assert (store.get(f"entry-{n}")["x"] == n).all()
    assert list(tmp_path.glob(".*")) == []
