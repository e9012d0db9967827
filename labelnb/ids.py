"""Ids of items: made from the content, or the user's own, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.problems import ItemError

__all__ = ["content_ids", "user_ids"]


def content_ids(digests: np.ndarray) -> np.ndarray:
    """Ids from digests: the first 12 digits; where they appear again, with `-2`, `-3` behind."""
    seen: dict[str, int] = {}
    made = np.empty(len(digests), dtype=object)
    for i, found in enumerate(digests.tolist()):
        short = found[:12]
        count = seen[short] = seen.get(short, 0) + 1
        made[i] = short if count == 1 else f"{short}-{count}"
    return made


def user_ids(values: Sequence[Any]) -> np.ndarray:
    """The user's own ids as texts. ItemError where one is missing, empty or appears twice: they are named."""
    names = np.empty(len(values), dtype=object)
    bad = []
    for i, value in enumerate(values):
        if value is None or value != value or value == "":
            bad.append(i)
            continue
        names[i] = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if bad:
        raise ItemError(f"id: missing at {len(bad)} positions, the first {bad[:5]}; expected a unique id an item")
    counts: dict[str, int] = {}
    for name in names.tolist():
        counts[name] = counts.get(name, 0) + 1
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ItemError(
            f"id: {len(twice)} appear more than once, such as {twice[:5]}; expected unique ids. Without id=, ids come from the content"
        )
    return names
