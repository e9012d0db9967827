"""The journal: all decisions and runs of a session, in SQLite, append-only. Labels are its replay; undo appends.

Work that is no label, such as merging clusters or cutting edges, is kept by `record(kind, subject, step)`: the subject says what it is
about, the step what was done, in words that only its reader knows. `steps(subject)` gives back what holds, in order, and the reader
replays it over what a method gave; undo and redo treat it as any decision. A step that goes with labels, such as accepting a cluster,
travels in the decision (`decide(..., step=(subject, step))`), so that the two are one. Several events are one step to undo where the
later ones say `joined_to` the first.
"""
from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.class_moves import Moves
from labelnb.classes import LabelSpace
from labelnb.decision import Decision
from labelnb.event import Event
from labelnb.event_log import STACKED, STEPS, UNDOABLE, Damaged, EventLog, Step
from labelnb.fingerprints import plain_json
from labelnb.journal_file import JournalError, JournalFile
from labelnb.labels import Answers, Label, LabelSet

__all__ = ["Journal", "Event", "JournalError"]


class Journal:
    """A session's journal. May be open in several processes at once; what a method has returned from is durable.

    Undo and redo: `undo` takes the last events that hold; `redo` takes back the last undone. A new decision, accept or run (of anyone)
    ends what could be redone. An event that is redone stands where it stood.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, timeout: float = 10.0) -> None:
        """Open the journal at `path`, a file, or begin one.

        Parameters
        ----------
        path : the SQLite file; its folder must exist
        read_only : never write; needs a journal that is there. Where the file or folder cannot be written, this is so with a warning.
        timeout : seconds to wait for another process that is writing

        Raises
        ------
        JournalError
            If the file is something else, damaged, of a newer version, held by another process, or cannot be made. Nothing is overwritten.
        """
        self.path = Path(path).expanduser().absolute()
        self._lock = threading.RLock()
        self._file = JournalFile(self.path, read_only=read_only, timeout=timeout)
        if self._file.read_only and not read_only:
            cure = "copy the session to another folder to go on labelling"
            warnings.warn(f"{self.path}: may not be written, so it is open for reading only; {cure}", stacklevel=2)
        self._log = EventLog()
        self._seen = self._file.data_version()

    @property
    def read_only(self) -> bool:
        """Whether decisions are refused."""
        return self._file.read_only

    # -- what appends

    def decide(
        self, ids: Sequence[str] | np.ndarray, labels: Sequence[Label | None] | Label | None, *, who: str, source: str = "person",
        run: int | None = None, method: str | None = None, confidence: Any = None, kind: str = "decision", summary: str = "",
        keep_people: bool = False, step: tuple[str, Mapping[str, Any]] | None = None, joined_to: int | None = None,
    ) -> Event:
        """Give labels to items, durably, in one transaction: when this returns, the decision is kept.

        Parameters
        ----------
        ids : of the items; the same one twice needs the same label twice
        labels : one for all, or one an item; None clears
        who : who decides
        source : `person` where a person looked at these items; else what it was: `accept`, `given`, `import`, ...
        run, method : the run whose proposal is followed; the method is that run's where it is not given
        confidence : of the proposal, one number or one an item
        kind : "decision", or "accept" for a bulk accept
        summary : one line for the history; made from the labels where empty
        keep_people : leave out the items whose label a person gave, whoever did so and in whatever process up to this moment
        step : subject and content of the step that goes with it, see `record`
        joined_to : number of the event with which it is one step to undo

        Returns
        -------
        The event; `n_items` is how many items were given a label or cleared. One of no items is kept in the history; undo passes over it.

        Raises
        ------
        JournalError
            If it cannot be kept (full disk, read-only folder, locked, damaged); then nothing of it is.
        """
        if kind not in ("decision", "accept"):
            raise ValueError(f"kind: got {kind!r}, expected 'decision' or 'accept'")
        decision, more = Decision.of(ids, labels, confidence), _more(step, joined_to)
        with self._writing() as db:
            codes = decision.item_codes(db)
            if keep_people:
                self._log.read(db)
                free = np.flatnonzero(~self._log.people_decided(codes))
                codes, decision = codes[free], decision.only(free)
            if run is not None and method is None:
                found = db.execute("SELECT method FROM events WHERE number = ? AND kind = 'run'", (run,)).fetchone()
                method = found[0] if found else None
            told, count = summary or str(decision), len(decision.ids)
            number, moment = _append(db, kind, who, told, count, source=source, run=run, method=method, details=more or None)
            if count:
                decision.write(db, number, codes)
        return Event(number, kind, who, _iso(moment), told, count, run, False, {"source": source, "method": method, **more})

    def record(
        self, kind: str, subject: str, step: Mapping[str, Any], *, who: str = "", summary: str = "", n_items: int = 0,
        joined_to: int | None = None,
    ) -> Event:
        """Keep a step of work that is no label; durable when this returns, undone and redone where `kinds` names its kind.

        Parameters
        ----------
        kind : "board" (clusters named, merged, split) or "graph" (edges cut, added)
        subject : what it is about, such as the fingerprint of the result that is worked on; `steps(subject)` finds it again
        step : JSON-ready values that say what was done
        n_items : how many items it touches, for the history
        joined_to : number of the event with which it is one step to undo
        """
        if kind not in STEPS:
            raise ValueError(f"kind: got {kind!r}, expected one of {list(STEPS)}; labels go through decide")
        details = _more((subject, step), joined_to)
        with self._writing() as db:
            number, moment = _append(db, kind, who, summary, n_items, details=details)
        return Event(number, kind, who, _iso(moment), summary, n_items, None, False, json.loads(plain_json(details)))

    def steps(self, subject: str, *, undone: bool = False) -> list[Step]:
        """The steps on a subject that hold, in order; with `undone`, those too that do not."""
        with self._reading() as db:
            self._log.read(db)
            return [step for step in self._log.steps.get(subject, ()) if undone or step.number not in self._log.undone]

    def class_moves(self) -> list[Step]:
        """Changes of classes' names that hold, in order, each as a step `{"do": "moves", "moves": new names by old one}`."""
        with self._reading() as db:
            self._log.read(db)
            return self._log.holding_moves()

    def subjects(self, prefix: str = "") -> list[str]:
        """Subjects with a step that holds and that begin with `prefix`, the one worked on last first."""
        with self._reading() as db:
            self._log.read(db)
            return self._log.subjects(prefix)

    def record_run(
        self, method: str, provenance: Mapping[str, Any], summary: str, *, result_key: str | None = None, who: str = "",
    ) -> Event:
        """Keep that a method was run; the event's number is the run number.

        `provenance` holds JSON-ready values (`Provenance.to_dict`); `result_key` is the result's key in the store.
        """
        details = {"provenance": dict(provenance), "result_key": result_key, "method": method}
        with self._writing() as db:
            number, moment = _append(db, "run", who, summary, 0, method=method, details=details)
        return Event(number, "run", who, _iso(moment), summary, 0, number, False, json.loads(plain_json(details)))

    def record_classes(
        self, space: LabelSpace, *, who: str = "", moves: Moves | None = None, summary: str = "", joined_to: int | None = None,
    ) -> Event:
        """Keep the classes as they are from now on. Labels keep the names they were given, but for classes in `moves` (new names by old
        one): what was given before is from now on read in terms of the new ones, see `class_moves`."""
        summary = summary or f"{len(space)} classes: {', '.join(space.names[:6])}{', ...' if len(space) > 6 else ''}"
        details = {**space.to_dict(), "moves": {name: list(new) for name, new in (moves or {}).items()}, **_more(None, joined_to)}
        with self._writing() as db:
            number, moment = _append(db, "classes", who, summary, 0, details=details)
        return Event(number, "classes", who, _iso(moment), summary, 0, None, False, details)

    def note(self, text: str, *, who: str = "", details: Mapping[str, Any] | None = None) -> Event:
        """Keep a remark in the history; it changes nothing. `details` are JSON-ready values, found again by `notes`."""
        with self._writing() as db:
            number, moment = _append(db, "note", who, text, 0, details=details)
        return Event(number, "note", who, _iso(moment), text, 0, None, False, json.loads(plain_json(details or {})))

    def undo(self, n: int = 1, *, kinds: Collection[str] | None = None, who: str = "") -> list[Event]:
        """Undo the last `n` steps that hold; all of them, where there are fewer. The labels before them show again.

        Parameters
        ----------
        n : how many; events that were joined are one
        kinds : among `decision`, `accept`, `run`, `classes`, `board`, `graph`; only the first three where it is not said. The first
            classes of all are never undone. An undone run is no longer among the runs; labels accepted from it are decisions of their own.

        Returns
        -------
        The events undone, the last one first; empty where there was nothing to undo.
        """
        return self._turn("undo", n, kinds, who)

    def redo(self, n: int = 1, *, kinds: Collection[str] | None = None, who: str = "") -> list[Event]:
        """Take back the last `n` undone events, the last undone first; see `undo`."""
        return self._turn("redo", n, kinds, who)

    def can_undo(self, kinds: Collection[str] | None = None) -> bool:
        """Whether `undo` would find something."""
        with self._reading() as db:
            self._log.read(db)
            return bool(self._log.to_undo(1, _undoable(kinds)))

    def can_redo(self, kinds: Collection[str] | None = None) -> bool:
        """Whether `redo` would find something."""
        with self._reading() as db:
            self._log.read(db)
            return bool(self._log.to_redo(1, _undoable(kinds)))

    def _turn(self, kind: str, n: int, kinds: Collection[str] | None, who: str) -> list[Event]:
        wanted = _undoable(kinds)
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"n: got {n!r}, expected a whole number of at least 1")
        with self._writing() as db:
            self._log.read(db)                                  # inside the transaction: no other process can come between
            numbers = self._log.to_undo(int(n), wanted) if kind == "undo" else self._log.to_redo(int(n), wanted)
            if not numbers:
                return []
            events = [_event(row, set(numbers) if kind == "undo" else set()) for row in _rows(db, numbers)]
            summary = f"{kind}: {'; '.join(event.summary for event in events[:3])}{'; ...' if len(events) > 3 else ''}"
            _append(db, kind, who, summary, sum(event.n_items for event in events), details={"events": numbers})
        return events

    # -- what reads

    def replay(self, ids: np.ndarray, classes: LabelSpace, frame_kind: str = "pandas") -> LabelSet:
        """The labels of `ids` after all that holds.

        Reads only what is new since the last time; the same `ids` array again saves looking up its texts.

        Parameters
        ----------
        ids : (N,) unique texts; labels of other ids stay in the journal
        classes : the K classes to count in
        frame_kind : "pandas", "polars" or "arrow", for `LabelSet.to_frame`
        """
        ids = ids if isinstance(ids, np.ndarray) else np.asarray(ids, dtype=object)
        with self._reading() as db:
            self._log.read(db)
            return self._log.label_set(db, ids, classes, frame_kind)

    def n_labelled(self) -> int:
        """How many items have a label, whether or not they are still among the session's items."""
        with self._reading() as db:
            self._log.read(db)
            return self._log.n_labelled()

    def classes(self) -> LabelSpace | None:
        """The classes as they were recorded last; None where they never were."""
        with self._reading() as db:
            self._log.read(db)
            rows = db.execute("SELECT number FROM events WHERE kind = 'classes' ORDER BY number").fetchall()
            holding = [(version, number) for version, (number,) in enumerate(rows, 1) if number not in self._log.undone]
            if holding:                                         # a version is never given twice, an undone one neither
                (details,) = db.execute("SELECT details FROM events WHERE number = ?", holding[-1][1:]).fetchone()
                return LabelSpace.from_dict({**json.loads(details), "version": holding[-1][0]})
        return None

    def had_classes(self, space: LabelSpace) -> bool:
        """Whether these were the classes at some time, or are."""
        with self._reading() as db:
            found = db.execute("SELECT details FROM events WHERE kind = 'classes'")
            return any(LabelSpace.from_dict(json.loads(details)) == space for (details,) in found)

    def history(self, limit: int | None = None) -> list[Event]:
        """The events in order, the oldest first; with a `limit`, the last so many."""
        with self._reading() as db:
            self._log.read(db)
            rows = db.execute(f"SELECT {_COLUMNS} FROM events ORDER BY number DESC LIMIT ?", (-1 if limit is None else limit,)).fetchall()
            return [_event(row, self._log.undone) for row in reversed(rows)]

    def runs(self) -> list[Event]:
        """The runs that hold, the oldest first."""
        with self._reading() as db:
            self._log.read(db)
            rows = db.execute(f"SELECT {_COLUMNS} FROM events WHERE kind = 'run' ORDER BY number").fetchall()
            return [_event(row, self._log.undone) for row in rows if row[0] not in self._log.undone]

    def notes(self, about: str) -> list[Event]:
        """The remarks whose details have the entry `about`, the oldest first."""
        with self._reading() as db:
            found = db.execute(f"SELECT {_COLUMNS} FROM events WHERE kind = 'note' AND details IS NOT NULL ORDER BY number").fetchall()
        return [event for event in (_event(row, ()) for row in found) if about in event.details]

    def answers(self, ids: np.ndarray) -> Answers:
        """What every person answered on the items `ids`, in order: several answers an item, where several people or one twice looked.

        Only decisions that hold and that a person made on the item itself; bulk accepts are no answers.
        """
        with self._reading() as db:
            self._log.read(db)
            return self._log.answers(db, ids)

    def last_change(self) -> datetime | None:
        """When the last event was, UTC; None in an empty journal."""
        with self._reading() as db:
            found = db.execute("SELECT moment FROM events ORDER BY number DESC LIMIT 1").fetchone()
        return None if found is None else datetime.fromtimestamp(found[0] / 1e6, UTC)

    def changed(self) -> bool:
        """Whether another connection (another kernel, most likely) has written since this was asked last."""
        with self._lock:
            before, self._seen = self._seen, self._file.data_version()
            return self._seen != before

    def damage(self) -> str:
        """What SQLite's check of the whole file finds (`PRAGMA integrity_check`); empty where it is sound."""
        with self._lock:
            return self._file.damage()

    def close(self) -> None:
        """Close the file. Nothing is waiting to be written: what was acknowledged is there already."""
        with self._lock:
            self._file.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._sound(), self._file.writing() as db:
            yield db

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._sound(), self._file.reading() as db:
            yield db

    @contextlib.contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            yield
        except Damaged as error:
            self._log = EventLog()                              # what was read half is forgotten, so that the next attempt says the same
            cure = "Nothing was overwritten: copy the file away, and restore a backup"
            raise JournalError(f"{self.path}: the journal is damaged: {error}. {cure}") from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r}{', read_only=True' if self.read_only else ''})"


_COLUMNS = "number, kind, who, moment, summary, n_items, run, source, method, details"


def _event(row: tuple[Any, ...], undone: Collection[int]) -> Event:
    number, kind, who, moment, summary, n_items, run, source, method, details = row
    found = {**({"source": source, "method": method} if kind in ("decision", "accept") else {}), **json.loads(details or "{}")}
    return Event(number, kind, who, _iso(moment), summary, n_items, number if kind == "run" else run, number in undone, found)


def _more(step: tuple[str, Mapping[str, Any]] | None, joined_to: int | None) -> dict[str, Any]:
    """The details by which the log knows a step and what it is joined to."""
    made: dict[str, Any] = {} if step is None else {"subject": str(step[0]), "step": dict(step[1])}
    return made if joined_to is None else {**made, "joined_to": int(joined_to)}


def _rows(db: sqlite3.Connection, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    return [db.execute(f"SELECT {_COLUMNS} FROM events WHERE number = ?", (number,)).fetchone() for number in numbers]


def _append(
    db: sqlite3.Connection, kind: str, who: str, summary: str, n_items: int, *, source: str | None = None, run: int | None = None,
    method: str | None = None, details: Mapping[str, Any] | None = None,
) -> tuple[int, int]:
    if not isinstance(who, str):
        raise TypeError(f"who: got {who!r}, expected a name")
    moment, text = time.time_ns() // 1000, None if details is None else plain_json(details)
    columns = "kind, who, moment, summary, n_items, source, run, method, details"
    row = (kind, who, moment, summary, n_items, source, None if run is None else int(run), method, text)
    cursor = db.execute(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return int(cursor.lastrowid or 0), moment


def _undoable(kinds: Collection[str] | None) -> tuple[str, ...]:
    if kinds is None:
        return UNDOABLE
    wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    strange = [kind for kind in wanted if kind not in STACKED]
    if strange or not wanted:
        raise ValueError(f"kinds: got {list(wanted)}, expected some of {list(STACKED)}")
    return wanted


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat(timespec="milliseconds")
