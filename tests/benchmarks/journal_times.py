"""Times of the journal and the store at 100,000 items: `python tests/benchmarks/journal_times.py [folder on the disk to measure]`.

Best of several runs: wall-clock and CPU milliseconds. On a busy machine CPU time says more.
"""
from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from labelnb.classes import LabelSpace
from labelnb.decision import Decision
from labelnb.journal import Journal, _append
from labelnb.labels import Label
from labelnb.store import Store, fingerprint

N = 100_000
CLASSES = LabelSpace(tuple(f"class {k}" for k in range(10)))
IDS = np.array([f"{n:016x}" for n in range(N)], dtype=object)
LABELS = [Label("class", (CLASSES.names[n % 10],)) for n in range(N)]


def best(what: str, work: Callable[[], object], times: int = 5) -> None:
    """Print the best of some runs of `work`."""
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    print(f"{what:<62} {1000 * min(walls):9.1f} ms wall {1000 * min(cpus):9.1f} ms CPU", flush=True)


def reopened(path: Path) -> None:
    """Open, replay, and close."""
    with Journal(path) as journal:
        labels = journal.replay(IDS, CLASSES)
        assert (labels.values >= 0).all()
        assert len(labels.by_person) == N


def single_decisions(path: Path) -> None:
    """A journal in which each of the N labels is a decision of its own; made in one transaction, to have it soon."""
    with Journal(path) as journal, journal._writing() as db:
        codes = Decision.of(IDS, LABELS, None).item_codes(db)
        for n in range(N):
            number, _ = _append(db, "decision", "ada", "1 item", 1, source="person")
            Decision([IDS[n]], [LABELS[n]], None).write(db, number, codes[n : n + 1])


def main(folder: Path) -> None:
    """All measurements, in `folder`."""
    confidence = np.random.default_rng(0).random(N).astype(np.float32)
    numbers = iter(range(1000))

    def bulk() -> None:
        with Journal(folder / f"bulk {next(numbers)}.sqlite") as journal:
            journal.decide(IDS, LABELS, who="clip", source="accept", kind="accept", confidence=confidence)

    best("one bulk accept of 100,000 new items", bulk)
    journal = Journal(folder / "bulk 0.sqlite")
    best("again, ids known", lambda: journal.decide(IDS, LABELS, who="clip", source="accept", kind="accept", confidence=confidence))
    best("one decision of one item, to disk", lambda: journal.decide(IDS[:1], LABELS[0], who="ada"), 50)
    best("replay, nothing new", lambda: journal.replay(IDS, CLASSES).values)
    best("decision and replay", lambda: (journal.decide(IDS[:1], LABELS[0], who="ada"), journal.replay(IDS, CLASSES).values), 20)
    best("to_frame (pandas)", lambda: journal.replay(IDS, CLASSES).to_frame())
    best("undo and redo of one step", lambda: (journal.undo(), journal.redo()), 20)
    journal.close()
    best("open and replay 100,000 labels of one accept", lambda: reopened(folder / "bulk 1.sqlite"))
    single_decisions(folder / "single.sqlite")
    best("open and replay 100,000 labels of 100,000 decisions", lambda: reopened(folder / "single.sqlite"))
    array = np.random.default_rng(0).standard_normal((N, 512), np.float32)
    best("fingerprint of 100,000 x 512 float32", lambda: fingerprint(array))
    store = Store(folder / "cache")
    best("put of 100,000 x 512 float32, to disk", lambda: store.put(f"put-{next(numbers)}", {"x": array}), 3)
    best("get of it", lambda: store.get(store.keys()[0]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        main(Path(made))
