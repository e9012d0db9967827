"""Changing the classes of a session while its labels go along: add, rename, merge, split. Each is one step, undone like any other."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labelnb.class_moves import Moves, moved
from labelnb.classes import LabelSpace
from labelnb.labels import Label

if TYPE_CHECKING:
    from labelnb.items import Items
    from labelnb.journal import Journal
    from labelnb.labels import LabelSet

__all__ = ["ClassChanges", "Migration", "Conflict", "Move", "reopened_classes"]


class Move(NamedTuple):
    """A label that reads differently after a change of the classes."""

    label: str
    """What it was, in words."""
    n_items: int
    """How many items have it."""
    becomes: str
    """What it is then; empty where it says nothing any more."""


class Conflict(NamedTuple):
    """A label that could not be carried over whole."""

    label: str
    """What it was, in words."""
    n_items: int
    """How many items have it."""
    becomes: str
    """What it is now; empty where it says nothing any more."""
    why: str
    """What was lost."""


@dataclasses.dataclass(frozen=True)
class Migration:
    """What a change of the classes did to the labels there were, or with `preview` would do."""

    classes: LabelSpace
    """The classes as they are then."""
    n_items: int
    """Items whose label reads differently now."""
    conflicts: tuple[Conflict, ...]
    """What could not be carried over whole, the most items first; empty where nothing was lost."""
    moves: tuple[Move, ...] = ()
    """What becomes of which label, the most items first."""

    def __str__(self) -> str:
        lines = [f"classes, version {self.classes.version}: {self.n_items:,} labels went along"]
        lines += [f"{one.n_items:,} x {one.label!r} -> {one.becomes or 'no label'!r}: {one.why}" for one in self.conflicts]
        return "\n  ".join(lines)

    __repr__ = __str__


def reopened_classes(kept: LabelSpace | None, given: Any, journal: Journal) -> tuple[LabelSpace, bool]:
    """The classes of a session that is opened with `given`, and whether these are set aside.

    A cell that is run again gives what it gave the first time: classes that the session had and has gone on from are not gone back to.
    """
    if given is None or kept is None:
        return (kept or LabelSpace()) if given is None else LabelSpace.of(given), False
    wanted = LabelSpace.of(given)
    aside = wanted != kept and journal.had_classes(wanted)
    return (kept, True) if aside else (wanted, False)


class ClassChanges:
    """The part of a session that changes its classes. What undo takes back, labels included, is one step each."""

    if TYPE_CHECKING:
        who: str

        @property
        def classes(self) -> LabelSpace: ...
        @classes.setter
        def classes(self, value: Any) -> None: ...
        @property
        def labels(self) -> LabelSet: ...
        @property
        def journal(self) -> Journal: ...
        @property
        def items(self) -> Items: ...
        def positions(self, ids: Any) -> np.ndarray: ...
        def _changed(self) -> None: ...

    def add_class(self, name: str, prompts: Sequence[str] | str = ()) -> LabelSpace:
        """Add a class at the end; labels and their positions stay as they are."""
        if name in self.classes:
            raise ValueError(f"class {name!r} is there already")
        self.classes = self.classes.with_class(name, prompts)
        return self.classes

    def place_classes(self, parents: Mapping[str, str | None], *, joined_to: int | None = None) -> int | None:
        """See to it that there are these classes, each below its parent where one is given; the event's number, None where all was so."""
        missing = [name for name in parents if name not in self.classes]
        space = self.classes
        for name in missing[:1]:
            space = space.with_class(name)                      # what lacks the new rows is dropped
        space = dataclasses.replace(space, names=(*space.names, *missing[1:]))
        wanted = {name: parent for name, parent in parents.items() if parent and parent != name}
        space = dataclasses.replace(space, parents={**space.parents, **wanted})
        if space == self.classes:
            return None
        number = self.journal.record_classes(space, who=self.who, joined_to=joined_to).number
        self._changed()
        return number

    def rename_class(self, old: str, new: str, *, preview: bool = False) -> Migration:
        """Give a class another name; labels, prompts, description and place go along. `preview` only says what would move.

        Raises
        ------
        KeyError
            If there is no class `old`; close names are listed.
        ValueError
            If `new` is a class already: `merge_classes` puts two together.
        """
        self.classes.position(old)
        wanted = new.strip()
        if wanted in self.classes:
            cure = f"s.merge_classes([{old!r}, {wanted!r}], {wanted!r}) puts them together"
            raise ValueError(f"rename_class: {wanted!r} is a class already; {cure}")
        return self._move({old: [wanted]}, f"class {old} renamed {wanted}", preview)[0]

    def merge_classes(self, names: Sequence[str], into: str, *, preview: bool = False) -> Migration:
        """Put classes together under one name, which may be one of them. `preview` only says what would move.

        What was labelled any of them is labelled `into`. 'Not A' says nothing of A and B together, unless B was ruled out as well: such
        labels are dropped, and listed in `conflicts`.

        Raises
        ------
        KeyError
            If a name is not a class.
        ValueError
            If fewer than two are named, or `into` is a class that is not among them.
        """
        chosen = list(dict.fromkeys([names] if isinstance(names, str) else names))
        for name in chosen:
            self.classes.position(name)
        wanted = into.strip()
        if len(chosen) < 2:
            raise ValueError(f"merge_classes: got {chosen}, expected two classes at least; s.rename_class gives one another name")
        if wanted in self.classes and wanted not in chosen:
            raise ValueError(f"merge_classes: {wanted!r} is another class; name it too: s.merge_classes({[*chosen, wanted]}, {wanted!r})")
        return self._move({name: [wanted] for name in chosen}, f"classes {', '.join(chosen)} merged into {wanted}", preview)[0]

    def split_class(
        self, name: str, parts: Mapping[str, Any] | Sequence[str], *, preview: bool = False, by_hand: bool = True,
    ) -> Migration:
        """Put several classes in the place of one.

        Parameters
        ----------
        name : the class; it is gone afterwards, unless a part keeps its name
        parts : names of the parts, or a mapping of each to the items (ids, positions, a mask) that are known to be of it. Items labelled
            `name` that are in none of them become 'one of the parts'
        preview : only say what would move
        by_hand : False where the parts are groups accepted in bulk, such as clusters: what no person had decided one by one does not
            count as decided so afterwards
        """
        self.classes.position(name)
        items = dict(parts) if isinstance(parts, Mapping) else dict.fromkeys(parts, ())
        wanted = [part.strip() for part in items]
        taken = [part for part in wanted if part in self.classes and part != name]
        if len(set(wanted)) < 2 or taken:
            why = f"{taken} are classes already" if taken else "expected two different names at least"
            raise ValueError(f"split_class: got the parts {wanted}: {why}")
        where = [self.positions(ids) for ids in items.values()]
        people = np.asarray(self.labels.by_person, bool)
        plain = _plainly(self.labels, name)
        made, event = self._move({name: wanted}, f"class {name} split into {', '.join(wanted)}", preview)
        told = _told_apart(made.moves, name, {part: int(plain[some].sum()) for part, some in zip(wanted, where, strict=True)})
        for seen in () if preview else (True, False):
            chosen = [some[(people[some] | by_hand) == seen] for some in where]
            labels = [Label.of(part, self.classes) for part, some in zip(wanted, chosen, strict=True) for _ in some]
            if labels:
                self.journal.decide(
                    self.items.ids[np.concatenate(chosen)].tolist(), labels, who=self.who, joined_to=event,
                    source="person" if seen else "accept", kind="decision" if seen else "accept",
                )
        self._changed()
        return dataclasses.replace(made, moves=told)

    def _move(self, moves: Moves, summary: str, preview: bool) -> tuple[Migration, int]:
        space, before = moved_space(self.classes, moves), self.labels
        if preview:
            return Migration(space, *_outcome(before, moves)), -1
        event = self.journal.record_classes(space, who=self.who, moves=moves, summary=summary)
        self._changed()
        return Migration(self.labels.classes, *_outcome(before, moves)), event.number


def _plainly(labels: LabelSet, name: str) -> np.ndarray:
    """(N,) bool: labelled with this class, and only this."""
    used = np.array([isinstance(one, Label) and one == Label("class", (name,)) for one in labels._used], bool)
    return used[labels._compact] if len(used) else np.zeros(len(labels._compact), bool)


def _told_apart(moves: Sequence[Move], name: str, parts: Mapping[str, int]) -> tuple[Move, ...]:
    """Moves of a split where the part of some items is known: these become it, the others 'one of the parts'."""
    made: list[Move] = []
    for one in moves:
        known = parts if one.label == name else {}
        made += [Move(name, count, part) for part, count in known.items() if count and part != name]
        rest = one.n_items - sum(known.values())
        made += [one._replace(n_items=rest)] if rest else []
    return tuple(sorted(made, key=lambda one: (-one.n_items, one.label, one.becomes)))


def moved_space(space: LabelSpace, moves: Moves) -> LabelSpace:
    """The classes after `moves`: new names stand where the first of their old ones stood.

    The metric and the attributes stay where names only change; else they lack rows, and are dropped.
    """
    names = tuple(dict.fromkeys(new for old in space.names for new in moves.get(old, (old,))))
    renamed = len(names) == len(space.names)

    def carried(values: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for old, value in values.items():
            new = moves.get(old, (old,))
            if len(new) == 1:                                   # a part of a class is described by other words than the whole
                made[new[0]] = value if new[0] not in made or old == new[0] else made[new[0]]
        return made

    parents = {child: moves.get(parent, (parent,))[0] for child, parent in carried(space.parents).items()}
    for old, new in moves.items():
        if len(new) > 1:
            parents.update({part: space.parents.get(old, old) for part in new if part != old})
    return dataclasses.replace(
        space, names=names, prompts=carried(space.prompts), descriptions=carried(space.descriptions),
        parents={child: parent for child, parent in parents.items() if child != parent},
        metric=space.metric if renamed else None, attributes=space.attributes if renamed else None,
    )


def _outcome(labels: LabelSet, moves: Moves) -> tuple[int, tuple[Conflict, ...], tuple[Move, ...]]:
    """How many items read differently, what was lost, and what becomes of which label."""
    counts = np.bincount(labels._compact, minlength=len(labels._used)).tolist()
    changed: list[Move] = []
    conflicts = []
    for label, count in zip(labels._used, counts, strict=True):
        if not isinstance(label, Label):
            continue
        made, lost = moved(label, moves)
        becomes = "" if made is None else str(made)
        if made != label:
            changed.append(Move(str(label), count, becomes))
        if lost:
            conflicts.append(Conflict(str(label), count, becomes, lost))
    changed.sort(key=lambda one: (-one.n_items, one.label))
    return sum(one.n_items for one in changed), tuple(sorted(conflicts, key=lambda one: (-one.n_items, one.label))), tuple(changed)
