"""Texts, in a list or a file each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.contents import Texts
from labelnb.items import Items
from labelnb.problems import ItemProblem
from labelnb.sources.sieve import sieve

__all__ = ["from_texts"]


def from_texts(
    texts: list[str | None],
    problems: Sequence[ItemProblem] = (),
    *,
    names: Sequence[str] | None = None,
    id: Any = None,
    label: Any = None,
    **fields: Any,
) -> Items:
    """Texts; empty ones are set aside."""
    known = {problem.position for problem in problems}
    good = np.array([i for i, text in enumerate(texts) if text is not None and text.strip()], dtype=np.int64)
    chosen = set(good.tolist())
    more = [
        ItemProblem(i, names[i] if names else "", "the text is empty" if text is not None else "no text")
        for i, text in enumerate(texts)
        if i not in chosen and i not in known
    ]
    kept = [_clean(texts[i]) for i in good]
    return sieve(Texts.of(kept), [*problems, *more], good, len(texts), ids=id, given=label, **fields)


def _clean(text: str | None) -> str:
    return str(text).encode("utf-8", "replace").decode()  # a lone surrogate cannot be stored or hashed
