"""Label values, one class, 'not X', 'A or B', yes/no/unknown per class; and the LabelSet, the labels of all items at one moment."""
from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from labelnb.classes import LabelSpace

__all__ = ["Label", "LabelSet", "Decisions", "Answers", "not_", "any_of", "UNSURE", "OUTSIDE"]

Kind = Literal["class", "not", "any", "multi", "unsure", "outside"]
_FEWEST = {"class": 1, "not": 1, "any": 2, "multi": 0, "unsure": 0, "outside": 0}
_MOST = {"class": 1, "unsure": 0, "outside": 0}


@dataclass(frozen=True)
class Label:
    """One value that an item can be given. Equal values are equal labels, whatever the order in which classes were named."""

    kind: Kind
    """`class`: this one. `not`: none of these. `any`: one of these. `multi`: yes or no per class. `unsure`: seen, and no one can say.
    `outside`: none of the classes there are."""
    classes: tuple[str, ...] = ()
    """Class names; for `multi` those that the item has."""
    absent: tuple[str, ...] = ()
    """For `multi`, the classes that the item does not have; the rest is unknown."""

    def __post_init__(self) -> None:
        if self.kind not in _FEWEST:
            raise ValueError(f"label: got the kind {self.kind!r}, expected one of {', '.join(_FEWEST)}")
        for what in ("classes", "absent"):
            names = getattr(self, what)
            if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
                raise TypeError(f"label: {what} is {names!r}, expected a tuple of class names")
            object.__setattr__(self, what, tuple(sorted(set(names))) if len(names) > 1 else tuple(names))
        count = len(self.classes)
        if count < _FEWEST[self.kind] or count > _MOST.get(self.kind, count):
            raise ValueError(f"label: the kind {self.kind!r} got {count} classes {list(self.classes)}, expected {_expected(self.kind)}")
        if self.absent and self.kind != "multi":
            raise ValueError(f"label: only the kind 'multi' says which classes are absent; got {list(self.absent)} for {self.kind!r}")
        if self.kind == "multi":
            both = sorted(set(self.classes) & set(self.absent))
            if both or not (self.classes or self.absent):
                why = f"{both} are said to be present and absent" if both else "says nothing of any class; give None to clear"
                raise ValueError(f"label: {why}")

    @classmethod
    def of(cls, value: Any, classes: LabelSpace) -> Label | None:
        """The label that `value` means among `classes`.

        Parameters
        ----------
        value : a class name; a class position; a Label, such as `not_("cat")`, `any_of("cat", "dog")`, UNSURE, OUTSIDE; a set of
            names, one of which is right; a mapping of names to True, False or None (unknown), where an item can hold several
            classes; None, or a mapping that says nothing, for no label.
        classes : where several can hold at once (`classes.multi`), a name or position says that this one does, and nothing of the rest

        Raises
        ------
        KeyError
            If a name is not among the classes; close names are listed.
        IndexError
            If a position is not.
        TypeError
            If the value is of another type, such as a list, which could mean 'one of these' or 'all of these'.
        """
        if value is None:
            return None
        if isinstance(value, Label):
            for name in (*value.classes, *value.absent):
                classes.position(name)
            return value
        if isinstance(value, str):
            name = classes.names[classes.position(str(value))]
            return cls("multi", (name,)) if classes.multi else cls("class", (name,))
        if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
            if not 0 <= value < len(classes):
                raise IndexError(f"label: got the class position {value}, expected 0 to {len(classes) - 1}; give None to clear a label")
            return cls.of(classes.names[value], classes)
        if isinstance(value, Mapping):
            return cls._of_mapping(value, classes)
        if isinstance(value, AbstractSet):
            names = [classes.names[classes.position(name)] for name in value]
            if not names:
                raise ValueError("label: got an empty set, expected the class names of which one is right; give None to clear a label")
            return any_of(*names)
        raise TypeError(
            f"label: got {value!r}, expected a class name or position, a set of names (one of these), a mapping of names to "
            "True, False or None (several at once), not_(...), UNSURE, OUTSIDE, or None to clear"
        )

    @classmethod
    def _of_mapping(cls, value: Mapping[Any, Any], classes: LabelSpace) -> Label | None:
        sides: dict[bool, list[str]] = {True: [], False: []}
        for name, state in value.items():
            place = classes.position(name)
            if state is None:
                continue
            if not isinstance(state, (bool, np.bool_)):
                raise TypeError(f"label: {name!r} is {state!r}, expected True (has it), False (has it not) or None (unknown)")
            sides[bool(state)].append(classes.names[place])
        return cls("multi", tuple(sides[True]), tuple(sides[False])) if sides[True] or sides[False] else None

    def to_json(self) -> str:
        """The label as JSON text, the same for equal labels, such as `{"class":"cat"}` or `{"multi":{"cat":true,"dog":false}}`."""
        content: Any = True if self.kind in ("unsure", "outside") else list(self.classes)
        if self.kind == "class":
            content = self.classes[0]
        elif self.kind == "multi":
            content = {name: name in self.classes for name in sorted((*self.classes, *self.absent))}
        return json.dumps({self.kind: content}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | Mapping[str, Any]) -> Label:
        """The label that `to_json` wrote; ValueError where the text is something else."""
        try:
            content = json.loads(text) if isinstance(text, str) else text
            ((kind, value),) = content.items()
            if kind == "class":
                return cls("class", (value,))
            if kind == "multi":
                return cls("multi", tuple(name for name in value if value[name]), tuple(name for name in value if not value[name]))
            return cls(kind, () if kind in ("unsure", "outside") else tuple(value))  # type: ignore[arg-type]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            expected = "expected what Label.to_json writes, such as '{\"class\":\"cat\"}'"
            raise ValueError(f"label: got {text!r}, {expected} ({error})") from error

    def __str__(self) -> str:
        if self.kind == "any":
            return " or ".join(self.classes)
        if self.kind == "not":
            return "not " + ", ".join(self.classes)
        if self.kind in ("unsure", "outside"):
            return self.kind
        return ", ".join([*self.classes, *(f"not {name}" for name in self.absent)])


def _expected(kind: str) -> str:
    return {"class": "one", "not": "one at least", "any": "two at least", "unsure": "none", "outside": "none"}.get(kind, "some")


def not_(*names: str) -> Label:
    """The item is none of these classes; which one it is stays open."""
    return Label("not", names)


def any_of(*names: str) -> Label:
    """The item is one of these classes; which one stays open. A single name is that class."""
    return Label("any", names) if len(set(names)) > 1 else Label("class", names[:1])


UNSURE = Label("unsure")
"""Someone has looked, and could not tell."""
OUTSIDE = Label("outside")
"""The item belongs to none of the classes there are."""


class Decisions(NamedTuple):
    """What is known of each decision that gave labels: one entry a decision, in the order of the journal."""

    numbers: Sequence[int]
    """Event number in the journal."""
    who: Sequence[str]
    """Person, or whatever else decided."""
    moments: Sequence[int]
    """Microseconds since 1970, UTC."""
    sources: Sequence[str]
    """`person`, `accept`, ..."""
    runs: Sequence[int | None]
    """Run of the proposal that was followed, or None."""
    methods: Sequence[str | None]
    """Method of that proposal, or None."""


class Answers(NamedTuple):
    """What people answered, one entry a person's look at an item, in the order of the journal."""

    positions: np.ndarray
    """(n,) int64 items."""
    labels: Sequence[Label | None]
    """(n,) the answers; None where a label was cleared."""
    who: Sequence[str]
    """(n,) who answered."""
    numbers: np.ndarray
    """(n,) int64 numbers of the decisions in the journal."""
    methods: Sequence[str | None]
    """(n,) method of the result that was followed, or None."""


class LabelSet:
    """The labels of all items at one moment. Never changes; a later decision gives a new LabelSet. As an array it is its `values`.

    Everything but the codes is computed when it is first asked for.
    """

    def __init__(
        self, ids: np.ndarray, classes: LabelSpace, *, table: Sequence[Label | None], codes: np.ndarray, decisions: Decisions,
        decision_of: np.ndarray, confidence: np.ndarray, frame_kind: str = "pandas",
    ) -> None:
        """Made by `Journal.replay`, or by `LabelSet.of` from plain values.

        Parameters
        ----------
        ids : (N,) unique texts
        classes : the K classes there are now; labels keep the names of classes that are gone
        table : distinct labels; `table[0]` is None, for no label
        codes : (N,) positions in `table`
        decisions, decision_of : decisions, and (N,) the one that gave each label, -1 where there is none
        confidence : (N,) float64 of the proposal that was followed, NaN where there is none
        frame_kind : "pandas", "polars" or "arrow", what `to_frame` gives
        """
        self.ids = ids
        self.classes = classes
        self.frame_kind = frame_kind
        self.confidence = _frozen(confidence)
        self._table, self._codes, self._decisions, self._decision_of = table, _frozen(codes), decisions, _frozen(decision_of)

    @classmethod
    def of(
        cls, ids: Sequence[str], classes: LabelSpace, labels: Sequence[Any], *, who: str = "", source: str = "person",
        frame_kind: str = "pandas",
    ) -> LabelSet:
        """A LabelSet from plain values, one an item: anything that `Label.of` takes; -1 is no label, too."""
        if len(labels) != len(ids):
            raise ValueError(f"labels: got {len(labels)} for {len(ids)} ids, expected one an item")
        table: dict[Label | None, int] = {None: 0}
        unknown = [isinstance(value, (int, np.integer)) and value == -1 for value in labels]
        values = [None if none else Label.of(value, classes) for none, value in zip(unknown, labels, strict=True)]
        codes = np.array([table.setdefault(value, len(table)) for value in values], np.int64)
        return cls(
            np.asarray(ids, dtype=object), classes, table=tuple(table), codes=codes, decision_of=np.where(codes > 0, 0, -1),
            decisions=Decisions((0,), (who,), (time.time_ns() // 1000,), (source,), (None,), (None,)),
            confidence=np.full(len(ids), np.nan), frame_kind=frame_kind,
        )

    @cached_property
    def known(self) -> np.ndarray:
        """(N,) bool: has a label, of whatever kind, 'unsure' included."""
        return _frozen(self._codes > 0)

    @cached_property
    def n_known(self) -> int:
        """How many items have a label."""
        return int(self.known.sum())

    @cached_property
    def values(self) -> np.ndarray:
        """(N,) int64 class positions; -1 where there is no label, or one that does not say which class."""
        places = {name: k for k, name in enumerate(self.classes.names)}
        of_code = [places.get(label.classes[0], -1) if label is not None and label.kind == "class" else -1 for label in self._used]
        return _frozen(np.array(of_code, np.int64)[self._compact])

    @cached_property
    def candidates(self) -> np.ndarray:
        """(N, K) bool: the classes that the label leaves possible; all of them where there is none."""
        return _frozen(self._rows[0][self._compact])

    @cached_property
    def multi_labels(self) -> np.ndarray:
        """(N, K) int8: 1 has the class, 0 has it not, -1 unknown. Where only one class can hold, the others of a known one are 0."""
        return _frozen(self._rows[1][self._compact])

    @cached_property
    def who(self) -> np.ndarray:
        """(N,) who decided; None where there is no label."""
        return self._of_decision(self._decisions.who)

    @cached_property
    def source(self) -> np.ndarray:
        """(N,) `person`, `accept` (in bulk, from a proposal), ...; None where there is no label."""
        return self._of_decision(self._decisions.sources)

    @cached_property
    def proposal(self) -> np.ndarray:
        """(N,) number of the run whose proposal was followed; None where there is none."""
        return self._of_decision(self._decisions.runs)

    @cached_property
    def method(self) -> np.ndarray:
        """(N,) method of that run, such as `propagation.zlap`; None where there is none."""
        return self._of_decision(self._decisions.methods)

    @cached_property
    def when(self) -> np.ndarray:
        """(N,) datetime64[us], UTC; NaT where there is no label."""
        moments = np.append(np.asarray(self._decisions.moments, np.int64), np.iinfo(np.int64).min)      # the last is NaT, for -1
        return _frozen(moments[self._decision_of].astype("datetime64[us]"))

    @cached_property
    def event(self) -> np.ndarray:
        """(N,) int64 number in the journal of the decision that gave this label; -1 where there is no label."""
        return _frozen(np.append(np.asarray(self._decisions.numbers, np.int64), -1)[self._decision_of])

    @cached_property
    def by_person(self) -> np.ndarray:
        """(N,) bool: a person gave this label, looking at the item; a bulk accept never overwrites it unless asked."""
        people = np.array([source == "person" for source in self._decisions.sources] + [False])
        return _frozen(people[self._decision_of])

    @property
    def counts(self) -> np.ndarray:
        """(K,) int64 items of each class."""
        return np.bincount(self.values[self.values >= 0], minlength=len(self.classes)).astype(np.int64)

    def label(self, item: int | str) -> Label | None:
        """The label of the item at a position, or of an id; None where there is none."""
        position = self._places[item] if isinstance(item, str) else int(item)
        return self._table[self._codes[position]]

    def to_frame(self, *, known_only: bool = False) -> Any:
        """One row an item (or, with `known_only`, one a label) in the caller's type of frame.

        Columns: id, label (text), kind, value (JSON, which `Label.from_json` reads), who, source, when (UTC), method, run, confidence;
        null where there is no label.
        """
        from labelnb.label_frame import label_frame

        return label_frame(self, known_only=known_only)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.ids.tolist())}

    @cached_property
    def _compaction(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self._codes, return_inverse=True)

    @property
    def _compact(self) -> np.ndarray:
        """(N,) positions in `_used`."""
        return self._compaction[1]

    @cached_property
    def _used(self) -> list[Label | None]:
        """The distinct labels that occur: the work is done once for each of them."""
        return [self._table[code] for code in self._compaction[0].tolist()]

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        possible = np.ones((len(self._used), len(self.classes)), bool)
        states = np.full((len(self._used), len(self.classes)), -1, np.int8)
        places = {name: k for k, name in enumerate(self.classes.names)}
        for row, label in enumerate(self._used):
            if label is not None:
                _fill(label, places, self.classes.multi, possible[row], states[row])
        return possible, states

    def _of_decision(self, values: Sequence[Any]) -> np.ndarray:
        table = np.empty(len(values) + 1, object)
        table[:-1] = values
        return _frozen(table[self._decision_of])                # -1 takes the last, None

    def __len__(self) -> int:
        return len(self._codes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype) if copy or dtype not in (None, np.int64) else self.values

    def __repr__(self) -> str:
        text = f"LabelSet: {self.n_known:,} of {len(self):,} items labelled, {int(self.by_person.sum()):,} by people"
        kinds = Counter(dict(zip(self.classes.names, self.counts.tolist(), strict=True)))
        shown = [f"{name} {count:,}" for name, count in kinds.most_common(8) if count]
        other = self.n_known - int((self.values >= 0).sum())
        return "; ".join([text, *([", ".join(shown)] if shown else []), *([f"{other:,} of other kinds"] if other else [])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from labelnb.label_frame import label_table

        return {"text/plain": repr(self), "text/html": label_table(self)}


def _fill(label: Label, places: Mapping[str, int], multi: bool, possible: np.ndarray, states: np.ndarray) -> None:
    """Write what `label` says of each class into one row of candidates and of states."""
    named = [places[name] for name in label.classes if name in places]
    if label.kind == "outside" or (label.kind in ("class", "any") and not multi):
        possible[:], states[:] = False, 0                       # one class at most: what is not named cannot be
    if label.kind == "not":
        possible[named], states[named] = False, 0
    elif label.kind == "any":
        possible[named], states[named] = True, -1
    elif label.kind in ("class", "multi"):
        possible[named], states[named] = True, 1
        absent = [places[name] for name in label.absent if name in places]
        possible[absent], states[absent] = False, 0


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
