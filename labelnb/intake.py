"""What a session does with what its source brings: labels that came along, and items that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelnb.items import ItemProblem, Items
from labelnb.labels import Label

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["record_given", "without"]


def record_given(session: Session) -> None:
    """Put the labels that came with the items into the journal, as given by the source: one step, and nobody's decision.

    Raises
    ------
    ValueError
        If a label is not among the classes: it is named.
    """
    given = session.items.given
    assert given is not None
    known = [position for position, value in enumerate(given.tolist()) if value is not None]
    strange = sorted({given[position] for position in known} - set(session.classes.names))
    if strange:
        raise ValueError(
            f"label column: {strange[:5]} are not among the classes {list(session.classes.names)[:10]}; "
            "add them to classes=, or leave classes out"
        )
    if known:
        labels = [Label.of(given[position], session.classes) for position in known]
        session.journal.decide(session.items.ids[known].tolist(), labels, who="source", source="given", kind="accept")


def without(items: Items, failed: Sequence[tuple[int, str]]) -> Items:
    """`items` without the positions in `failed`, which are added to its problems with their reasons."""
    gone = np.array([position for position, _ in failed], np.int64)
    problems = [ItemProblem(position, items.path(position) or str(items.ids[position]), why) for position, why in failed]
    kept = items.take(np.setdiff1d(np.arange(len(items)), gone))
    kept.problems = (*items.problems, *problems)
    return kept
