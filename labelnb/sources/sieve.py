"""The sieve every source goes through: what is good becomes Items, the rest is set aside by name and position."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.contents import Content
from labelnb.ids import user_ids
from labelnb.items import FrameKind, Items
from labelnb.problems import ItemError, ItemProblem, ItemWarning

__all__ = ["sieve", "labels"]


def sieve(
    content: Content,
    problems: Sequence[ItemProblem],
    good: np.ndarray,
    n: int,
    *,
    ids: Sequence[Any] | None,
    given: Sequence[Any] | None,
    digests: np.ndarray | None = None,
    frame: Any = None,
    frame_kind: FrameKind = "pandas",
    lost: Sequence[ItemProblem] = (),
) -> Items:
    """Items of what is good.

    `ids`, `given` and `frame` are those of all n of the source; `content` and `digests` of the good ones, at the positions `good`.
    `lost` are problems of what is not even among the n, such as broken lines of a file.
    """
    for name, values in (("id", ids), ("label", given)):
        if values is not None and len(values) != n:
            raise ItemError(f"{name}: got {len(values)} values for {n} items; expected one an item")
    problems = [*problems, *lost]
    if n == 0:
        raise ItemError("source: it is empty; there is nothing to label")
    if len(good) == 0:
        listed = "; ".join(map(str, problems[:3]))
        raise ItemError(f"none of the {n} items can be used: {listed}{'; ...' if len(problems) > 3 else ''}")
    whole = len(good) == n
    names = None if ids is None else user_ids([ids[i] for i in good] if not whole else ids)
    kept = None if given is None else labels(given)[good]
    items = Items(
        content,
        ids=names,
        digests=digests,
        frame=frame if frame is None or whole else frame.take(good),
        frame_kind=frame_kind,
        given=kept,
        problems=sorted(problems, key=lambda problem: problem.position),
    )
    if problems:
        first = items.problems[0]
        warnings.warn(
            f"{len(problems)} of {n + len(lost)} items were set aside, the first is {first}. All: items.problems", ItemWarning, stacklevel=4
        )
    return items


def labels(values: Sequence[Any]) -> np.ndarray:
    """Labels as they came in, as texts: 3.0 is `3`; missing, NaN and empty ones are None."""
    made = np.full(len(values), None, dtype=object)
    for i, value in enumerate(values):
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or value != value or value == "":
            continue
        made[i] = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return made
