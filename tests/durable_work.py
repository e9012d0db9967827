"""Work that tests run in a process of its own, to end it at any moment: `python durable_work.py <what> <path> [numbers]`.

A line is printed, and flushed, only when what it says was acknowledged.
"""
from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import numpy as np

from labelnb.journal import Journal
from labelnb.labels import Label
from labelnb.store import Store

NAMES = ("cat", "dog", "bird")


def say(*what: object) -> None:
    """One acknowledged line."""
    print(*what, flush=True)


def decide(path: Path, start: int) -> None:
    """Decisions for ever, of one item, now and then of 500; item `start + n` gets class `n % 3`."""
    with Journal(path) as journal:
        for n in count():
            label = Label("class", (NAMES[n % 3],))
            if n % 7 == 3:
                ids = [f"{start + n}", *(f"bulk {start + n} {k}" for k in range(500))]
                journal.decide(ids, label, who="loop", source="accept", kind="accept")
            else:
                journal.decide([f"{start + n}"], label, who="loop", confidence=0.5)
            say(start + n, n % 3)


def decide_some(path: Path, who: int, number: int) -> None:
    """So many decisions as person `who`, beside whoever else is at it; every tenth one is of an item that all want, and is undone."""
    with Journal(path, timeout=60) as journal:
        for n in range(number):
            journal.decide([f"{who} {n}"], Label("class", (NAMES[n % 3],)), who=str(who))
            if n % 10 == 0:
                event = journal.decide(["shared"], Label("class", ("dog",)), who=str(who))
                say("shared", event.number)
    say("done")


def rows(folder: Path, number: int, width: int) -> None:
    """Rows of an array, one after the other, at their leisure so that no machine is done before the kill; row n is all n."""
    import time

    writer = Store(folder).rows("array", (number, width), np.float32)
    for n in np.flatnonzero(~writer.done).tolist():
        writer.write(n, np.full((1, width), n, np.float32))
        writer.flush()
        say(n)
        time.sleep(0.001)
    writer.finish()
    say("finished")


def put(folder: Path, number: int, same: int) -> None:
    """Entries of the cache, `number` of them; under the same keys as others where `same` is 1."""
    import os

    store = Store(folder)
    for n in range(number):
        key = f"entry-{n}" if same else f"entry-{os.getpid()}-{n}"
        store.put(key, {"x": np.full(300_000, n, np.float32), "y": np.arange(n)}, {"n": n})
        say(key)
    say("done")


if __name__ == "__main__":
    work = {"decide": decide, "decide_some": decide_some, "rows": rows, "put": put}[sys.argv[1]]
    work(Path(sys.argv[2]), *(int(number) for number in sys.argv[3:]))
