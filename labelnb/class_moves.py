"""What becomes of a label when its classes are renamed, merged or split: a pure rule, applied at every replay of the journal."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from labelnb.labels import Label

__all__ = ["Moves", "Moved", "moved"]

Moves = Mapping[str, Sequence[str]]
"""New names by old name: one where a class was renamed or merged, several where it was split. In a merge every class that goes into the
new one is named, the one whose name it keeps too; classes that are not named stay."""


class Moved(NamedTuple):
    """A label after a change of the classes."""

    label: Label | None
    """None where the new classes say nothing of what it said."""
    lost: str
    """What it said that cannot be said any more; empty where nothing is lost."""


def moved(label: Label, moves: Moves) -> Moved:
    """What `label` says in terms of the new classes, and what is lost.

    A class that was split becomes 'one of its parts'. 'Not A' where A was merged with B says nothing of the two together, for the item may
    be B: that part is dropped. A set of 'A or B' whose classes were merged becomes their class.

    >>> moved(Label("class", ("cat",)), {"cat": ["tabby", "siamese"]}).label
    Label(kind='any', classes=('siamese', 'tabby'), absent=())
    >>> moved(Label("not", ("cat",)), {"cat": ["pet"], "dog": ["pet"]})
    Moved(label=None, lost="'not cat' says nothing of pet")
    """
    named = {*label.classes, *label.absent}
    if named.isdisjoint(moves):
        return Moved(label, "")
    if label.kind == "not":
        gone, lost = _denied(label.classes, moves)
        return Moved(Label("not", gone) if gone else None, lost)
    if label.kind == "multi":
        return _several(label, moves)
    new = sorted({name for old in label.classes for name in moves.get(old, (old,))})
    return Moved(Label("any" if len(new) > 1 else "class", tuple(new)), "")


def _denied(names: Sequence[str], moves: Moves) -> tuple[tuple[str, ...], str]:
    """The new classes that are ruled out where all of `names` are: those all of whose sources are."""
    kept: set[str] = set()
    lost = []
    for old in names:
        for name in moves.get(old, (old,)):
            sources = {one for one, new in moves.items() if name in new} or {old}
            if sources <= set(names):
                kept.add(name)
            else:
                lost.append(f"'not {old}' says nothing of {name}")
    return tuple(sorted(kept)), "; ".join(lost)


def _several(label: Label, moves: Moves) -> Moved:
    absent, lost = _denied(label.absent, moves)
    present, unclear = set(), [lost] if lost else []
    for old in label.classes:
        new = moves.get(old, (old,))
        if len(new) == 1:
            present.add(new[0])
        else:
            unclear.append(f"{old}: which of {', '.join(new)} is open")
    rest = tuple(name for name in absent if name not in present)
    made = Label("multi", tuple(sorted(present)), rest) if present or rest else None
    return Moved(made, "; ".join(unclear))
