"""What has been read of a journal, in memory: which events hold, what undo and redo would take next, and the labels that follow.

Reading is incremental, and replaying never is: the labels are always worked out from all decisions that hold, in order, in a few array
operations, so that no history of undo and redo can leave a trace in them.
"""
from __future__ import annotations

import bisect
import json
import sqlite3
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from labelnb.class_moves import Moves, moved
from labelnb.classes import LabelSpace
from labelnb.labels import Answers, Decisions, Label, LabelSet

__all__ = ["EventLog", "Damaged", "Step", "UNDOABLE", "STEPS", "STACKED"]

UNDOABLE = ("decision", "accept", "run")
"""What undo takes when it is not told more precisely."""
STEPS = ("board", "graph")
"""Kinds of work that is no label: what a person does with clusters on a board, with the edges of a graph. See `Journal.record`."""
STACKED = (*UNDOABLE, "classes", *STEPS)
"""All that can be undone."""

_NEW = """
SELECT number, kind, n_items, CASE WHEN kind NOT IN ('run', 'note') THEN details END, who, moment, source, run, method,
    event, items, labels, confidence, checksum
FROM events LEFT JOIN decisions ON event = number WHERE number > ? ORDER BY number
"""


class Damaged(ValueError):
    """Something read is not what was written."""


class Step(NamedTuple):
    """A piece of work on a subject that is no label, or goes with one; see `Journal.record`."""

    number: int
    """Of its event."""
    kind: str
    """`board` or `graph`; `decision` or `accept` where it goes with labels."""
    content: Mapping[str, Any]
    """What was done, in the words of whoever did it."""


class Growing:
    """An array that is appended to; room is doubled, so that n single appends cost as much as one of n."""

    def __init__(self, dtype: Any) -> None:
        self._room, self._used = np.empty(256, dtype), 0

    def extend(self, values: Any) -> None:
        """Append an array."""
        end = self._used + len(values)
        if end > len(self._room):
            self._room = np.concatenate([self._room[: self._used], np.empty(max(end, 2 * len(self._room)) - self._used, self._room.dtype)])
        self._room[self._used : end] = values
        self._used = end

    @property
    def array(self) -> np.ndarray:
        """What has been appended; valid until the next append."""
        return self._room[: self._used]


class EventLog:
    """The events of a journal as far as they have been read."""

    def __init__(self) -> None:
        self.last = 0
        """Number of the last event read."""
        self.undone: set[int] = set()
        """Events that do not hold at the moment."""
        self._holding: list[int] = []                           # events that undo can take, in order
        self._redoable: list[int] = []                          # events that redo can take, the next one last
        self._kinds: dict[int, set[str]] = {}                   # by the first event of a step
        self._head: dict[int, int] = {}                         # of an event that is one step with an earlier one
        self._members: dict[int, list[int]] = {}
        self.steps: dict[str, list[Step]] = {}
        """Steps by subject, in order, whether or not they hold."""
        self.moves: list[tuple[int, Moves]] = []
        """What became of classes' names, by the event that changed them, whether or not it holds."""
        self._has_classes = False
        self.decisions = Decisions([], [], [], [], [], [])
        self._decision_index: dict[int, int] = {}
        self._table: list[Label | None] = [None]
        self._items, self._labels = Growing(np.int32), Growing(np.int32)
        self._confidence, self._decision_of = Growing(np.float64), Growing(np.int32)
        self._ids: np.ndarray | None = None
        self._place_of_id: dict[str, int] = {}
        self._place_of_item = Growing(np.int64)                 # by item code

    # -- reading

    def read(self, connection: sqlite3.Connection) -> None:
        """Take in what is new; inside one transaction, so that events, items and labels fit together."""
        rows = connection.execute(_NEW, (self.last,)).fetchall()
        if not rows:
            return
        for (value,) in connection.execute("SELECT value FROM labels WHERE code >= ? ORDER BY code", (len(self._table),)):
            try:
                self._table.append(Label.from_json(value))
            except ValueError as error:
                raise Damaged(f"among the distinct labels, {error}") from error
        self._take_decisions([row for row in rows if row[9] is not None])
        for number, kind, n_items, details, *_ in rows:
            self._follow(number, kind, n_items, details)
        self.last = rows[-1][0]

    def _follow(self, number: int, kind: str, n_items: int, details: str | None) -> None:
        """Keep the stacks of undo and redo: a new decision, accept or run, or new classes, end what could be redone."""
        if kind in ("decision", "accept"):
            if not n_items:
                return                                          # a decision on no item is nothing to undo
            if number not in self._decision_index:
                raise Damaged(f"event {number} is there without what it decides")
        elif kind == "classes" and not self._has_classes:
            self._has_classes = True                            # the first classes are where a session begins
            return
        if kind in STACKED:
            self._stack(number, kind, json.loads(details or "{}"))
        elif kind == "undo":
            for target in _numbers(details, self._holding):
                self._holding.remove(target) if self._holding[-1] != target else self._holding.pop()
                self._redoable.append(target)
                self.undone.add(target)
        elif kind == "redo":
            for target in _numbers(details, self._redoable):
                self._redoable.remove(target)
                bisect.insort(self._holding, target)
                self.undone.discard(target)

    def _stack(self, number: int, kind: str, details: Mapping[str, Any]) -> None:
        head = details.get("joined_to")
        if head in self._kinds and head not in self.undone:     # undone by another process in this very moment: a step of its own then
            self._head[number] = head
            self._members.setdefault(head, [head]).append(number)
        self._kinds.setdefault(self._head.get(number, number), set()).add(kind)
        if "subject" in details:
            self.steps.setdefault(details["subject"], []).append(Step(number, kind, details["step"]))
        if details.get("moves"):
            self.moves.append((number, details["moves"]))
        self._holding.append(number)
        self._redoable.clear()

    def _take_decisions(self, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        first = len(self.decisions.numbers)
        numbers, _, counts, _, who, moments, sources, runs, methods, _, items, labels, confidences, totals = zip(*rows, strict=True)
        sums = [zlib.crc32(item + label + (level or b"")) for item, label, level in zip(items, labels, confidences, strict=True)]
        lengths = np.fromiter(map(len, items), np.int64, len(rows)), np.fromiter(map(len, labels), np.int64, len(rows))
        sizes = np.array(counts, np.int64)
        bad = (np.array(sums) != np.array(totals)) | (lengths[0] != 4 * sizes) | ((lengths[1] != 4 * sizes) & (lengths[1] != 4))
        if bad.any():
            raise Damaged(f"event {numbers[int(bad.argmax())]} does not hold what was written")
        for column, values in zip(self.decisions, (numbers, who, moments, sources, runs, methods), strict=True):
            column.extend(values)                               # type: ignore[attr-defined]
        self._decision_index.update(zip(numbers, range(first, first + len(rows)), strict=True))
        self._items.extend(np.frombuffer(b"".join(items), "<i4"))
        # One label stands for all items of its decision.
        self._labels.extend(np.repeat(np.frombuffer(b"".join(labels), "<i4"), np.repeat(sizes // (lengths[1] // 4), lengths[1] // 4)))
        self._confidence.extend(_floats(confidences, counts))
        self._decision_of.extend(np.repeat(np.arange(first, first + len(rows), dtype=np.int32), sizes))

    # -- undo and redo

    def to_undo(self, n: int, kinds: Collection[str]) -> list[int]:
        """The events of the last `n` steps of these kinds that hold, the last one first."""
        return self._last(self._holding, n, kinds)

    def to_redo(self, n: int, kinds: Collection[str]) -> list[int]:
        """The events of the `n` steps of these kinds that were undone last, the last one first."""
        return self._last(self._redoable, n, kinds)

    def subjects(self, prefix: str) -> list[str]:
        """Subjects with a step that holds, the one worked on last first."""
        found = self.steps.items()
        last = {name: max((step.number for step in steps if step.number not in self.undone), default=0) for name, steps in found}
        return sorted((name for name, number in last.items() if number and name.startswith(prefix)), key=lambda name: -last[name])

    def holding_moves(self) -> list[Step]:
        """What became of classes' names, as far as it holds, in order."""
        return [Step(number, "classes", {"do": "moves", "moves": each}) for number, each in self.moves if number not in self.undone]

    def _last(self, stack: Sequence[int], n: int, kinds: Collection[str]) -> list[int]:
        heads: dict[int, None] = {}
        for number in reversed(stack):
            if len(heads) == n:
                break
            head = self._head.get(number, number)
            if not self._kinds[head].isdisjoint(kinds):
                heads[head] = None
        return [number for head in heads for number in reversed(self._members.get(head, [head]))]

    # -- the labels that follow

    def _deciding(self, n_codes: int) -> np.ndarray:
        """(n_codes,) for every item code the entry that decides: the last one that holds and names it; -1 where there is none."""
        items = self._items.array
        if len(items) and (items.min() < 1 or items.max() >= n_codes):
            raise Damaged("a decision names an item that is not in the list of items")
        entries = np.arange(len(items))
        gone = [self._decision_index[number] for number in self.undone if number in self._decision_index]
        if gone:
            holds = np.ones(len(self.decisions.numbers), bool)
            holds[gone] = False
            entries = np.flatnonzero(holds[self._decision_of.array])
        deciding = np.full(n_codes, -1, np.int64)
        deciding[items[entries]] = entries                      # of several entries for one item the last assignment stays
        return deciding

    def people_decided(self, codes: np.ndarray) -> np.ndarray:
        """For item codes, whether the label that holds was given by a person."""
        if not len(self._items.array):
            return np.zeros(len(codes), bool)
        deciding = self._deciding(max(int(self._items.array.max()), int(codes.max(initial=0))) + 1)[codes]
        people = np.array([source == "person" for source in self.decisions.sources])
        return (deciding >= 0) & (self._given(deciding)[0] > 0) & people[self._decision_of.array[deciding]]

    def n_labelled(self) -> int:
        """How many items have a label."""
        if not len(self._items.array):
            return 0
        deciding = self._deciding(int(self._items.array.max()) + 1)
        return int((self._given(deciding[deciding >= 0])[0] > 0).sum())

    def _given(self, entries: np.ndarray) -> tuple[np.ndarray, list[Label | None]]:
        """The labels of these entries as codes, and what the codes stand for: a label given before its class was renamed, merged or
        split is what the new classes make of it."""
        codes, table = self._labels.array[entries], self._table
        if len(codes) and codes.max() >= len(table):
            raise Damaged("a decision gives a label that is not in the list of labels")
        moves = self.holding_moves()
        if not moves:
            return codes, list(table)
        codes, table = codes.copy(), list(table)
        places = {label: code for code, label in enumerate(table)}
        given_by = np.asarray(self.decisions.numbers)[self._decision_of.array[entries]]
        for number, _, content in moves:
            old = given_by < number
            new = np.arange(len(table))
            for code in np.unique(codes[old]).tolist():
                label = table[code]
                made = None if label is None else moved(label, content["moves"]).label
                if made not in places:
                    places[made] = len(table)
                    table.append(made)
                new[code] = places[made]
            codes[old] = new[codes[old]]
        return codes, table

    def label_set(self, connection: sqlite3.Connection, ids: np.ndarray, classes: LabelSpace, frame_kind: str) -> LabelSet:
        """The labels of `ids` as they are after all that holds."""
        place_of_item = self._places(connection, ids)
        deciding = self._deciding(len(place_of_item))
        codes = np.flatnonzero((deciding >= 0) & (place_of_item >= 0))
        entries, places = deciding[codes], place_of_item[codes]
        given, table = self._given(entries)
        entries, places, given = entries[given > 0], places[given > 0], given[given > 0]
        labels, decision_of, confidence = np.zeros(len(ids), np.int32), np.full(len(ids), -1, np.int64), np.full(len(ids), np.nan)
        labels[places], decision_of[places], confidence[places] = given, self._decision_of.array[entries], self._confidence.array[entries]
        columns = Decisions(*[list(column) for column in self.decisions])   # type: ignore[arg-type]
        return LabelSet(
            ids, classes, table=table, codes=labels, decisions=columns, decision_of=decision_of, confidence=confidence,
            frame_kind=frame_kind,
        )

    def answers(self, connection: sqlite3.Connection, ids: np.ndarray) -> Answers:
        """Every answer of a person on `ids` that holds, in order."""
        place_of_item = self._places(connection, ids)
        people = np.array([source == "person" for source in self.decisions.sources], bool)
        people[[self._decision_index[number] for number in self.undone if number in self._decision_index]] = False
        if not people.any():
            return Answers(np.empty(0, np.int64), (), (), np.empty(0, np.int64), ())
        entries = np.flatnonzero(people[self._decision_of.array] & (place_of_item[self._items.array] >= 0))
        decided = self._decision_of.array[entries].tolist()
        numbers, who, methods = self.decisions.numbers, self.decisions.who, self.decisions.methods
        return Answers(
            place_of_item[self._items.array[entries]], [self._table[code] for code in self._labels.array[entries].tolist()],
            [who[k] for k in decided], np.array([numbers[k] for k in decided], np.int64), [methods[k] for k in decided],
        )

    def _places(self, connection: sqlite3.Connection, ids: np.ndarray) -> np.ndarray:
        """For every item code its position in `ids`, -1 where it is not among them. Kept for the next call with the same array."""
        if self._ids is not ids:
            self._place_of_id = {name: place for place, name in enumerate(ids.tolist())}
            if len(self._place_of_id) != len(ids):
                raise ValueError(f"ids: {len(ids) - len(self._place_of_id)} of {len(ids)} appear more than once; expected unique ids")
            self._ids, self._place_of_item = ids, Growing(np.int64)
            self._place_of_item.extend([-1])                    # codes begin at 1
        rows = connection.execute("SELECT code, id FROM items WHERE code >= ? ORDER BY code", (len(self._place_of_item.array),)).fetchall()
        if rows:
            known = len(self._place_of_item.array)
            places = np.full(rows[-1][0] + 1 - known, -1, np.int64)
            find = self._place_of_id.get
            places[np.fromiter((code for code, _ in rows), np.int64, len(rows)) - known] = [find(name, -1) for _, name in rows]
            self._place_of_item.extend(places)
        return self._place_of_item.array


def _numbers(details: str | None, among: Sequence[int]) -> list[int]:
    numbers = json.loads(details or "{}").get("events")
    if not isinstance(numbers, list) or not set(numbers) <= set(among):
        raise Damaged("an undo or redo does not fit what it speaks of")
    return numbers


def _floats(parts: Sequence[bytes | None], counts: Sequence[int]) -> np.ndarray:
    """Confidences, NaN where a decision has none; kept as float32 where that is exact, else as float64."""
    if not any(parts):
        return np.full(sum(counts), np.nan)
    nan = np.array([np.nan], "<f8").tobytes()
    wide = []
    for part, size in zip(parts, counts, strict=True):
        if part is None:
            wide.append(nan * size)
        else:
            wide.append(np.frombuffer(part, "<f4").astype("<f8").tobytes() if len(part) == 4 * size else part)
    return np.frombuffer(b"".join(wide), "<f8")
