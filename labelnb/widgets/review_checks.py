"""The measuring side of a review: planted errors and who caught them, pages that adapt, speed, and what the accepted labels are worth."""
from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.labels import Label
from labelnb.plants import Plants, labels_right, next_page_size, share_interval
from labelnb.widgets.review_pages import Filled

__all__ = ["Pages", "ReviewChecks"]

IDLE = 45.0
"""Seconds after which a pause is no work."""


class Pages:
    """Where the pages of a list begin. Pages that were turned to keep their size; later ones may be cut anew."""

    def __init__(self, total: int, size: int) -> None:
        self.total, self.size = total, size
        self._starts = list(range(0, total, size))

    def __len__(self) -> int:
        return len(self._starts)

    def span(self, number: int) -> slice:
        """The entries of a page; an empty one where there is no such page."""
        if not 0 <= number < len(self._starts):
            return slice(self.total, self.total)
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self.total
        return slice(self._starts[number], end)

    def page_of(self, entry: int) -> int:
        """The page of an entry of the list."""
        return int(np.searchsorted(self._starts, entry, side="right")) - 1

    def resize(self, size: int, after: int) -> None:
        """Cut the pages after page `after` to another size."""
        if size == self.size:
            return
        self.size = size
        kept = self._starts[: after + 1]
        start = self.span(after).stop
        self._starts = [*kept, *range(start, self.total, size)]


class ReviewChecks:
    """What a grid's person did: planted items answered, corrections among what they saw, and when."""

    def __init__(self) -> None:
        self.wrong: dict[int, str] = {}
        """The wrong class that each planted item of the list shows, by position."""
        self.sure: dict[int, float] = {}
        """The confidence that it shows."""
        self.answers: dict[int, Label] = {}
        """What was answered on them, by position, in order."""
        self._past: list[bool] = []
        self._since_resize: list[bool] = []
        self._steps: list[tuple[bool, dict[int, Label | None]]] = []
        self._undone: list[tuple[bool, dict[int, Label | None]]] = []
        self._work: list[tuple[float, int]] = []

    def begin(self, plants: Plants | None, names: Sequence[str]) -> None:
        """A new list: other planted items, or none. What was answered so far counts on."""
        self._past += [self.caught(position) for position in self.answers]
        self.answers.clear()
        self._steps.clear()
        self._undone.clear()
        positions = [] if plants is None else plants.positions.tolist()
        self.wrong = {} if plants is None else dict(zip(positions, [names[k] for k in plants.shown], strict=True))
        self.sure = {} if plants is None else dict(zip(positions, plants.confidence.tolist(), strict=True))

    def filled(self, filled: Filled, names: Sequence[str]) -> Filled:
        """What is filled in, planted items included."""
        if not self.wrong:
            return filled
        values, confidence = filled.values.copy(), filled.confidence.copy()
        place = {name: k for k, name in enumerate(names)}
        for position, name in self.wrong.items():
            values[position], confidence[position] = place.get(name, -1), self.sure[position]
        return dataclasses.replace(filled, values=values, confidence=confidence)

    def split(self, positions: np.ndarray) -> np.ndarray:
        """(n,) bool: which of the positions are planted."""
        if not self.wrong:
            return np.zeros(len(positions), bool)
        return np.isin(positions, np.fromiter(self.wrong, np.int64, len(self.wrong)))

    def caught(self, position: int) -> bool:
        """Whether the answer does not say the class that was shown."""
        label = self.answers[position]
        return not (label.kind in ("class", "multi") and self.wrong[position] in label.classes)

    def take(self, given: dict[int, Label | None], decided: bool) -> None:
        """Answers on planted items, and whether the same step decided others too."""
        self._steps.append((decided, {position: self.answers.get(position) for position in given}))
        self._undone.clear()
        self._apply(given)

    def back(self, redo: bool) -> tuple[bool, dict[int, Label | None]] | None:
        """Undo or redo the last step as far as planted items go: whether it decided others too, and the answers that now hold; None where
        this grid has no such step."""
        source, target = (self._undone, self._steps) if redo else (self._steps, self._undone)
        if not source:
            return None
        decided, before = source.pop()
        target.append((decided, {position: self.answers.get(position) for position in before}))
        self._apply(before)
        return decided, before

    def worked(self, items: int) -> None:
        """Items were decided just now."""
        self._work.append((time.monotonic(), items))

    def per_minute(self) -> float | None:
        """Items a minute over the last three minutes of work; None before three steps and ten seconds."""
        worked, items, steps = 0.0, 0, 0
        for (before, _), (at, count) in zip(self._work[-2::-1], self._work[:0:-1], strict=False):
            if worked >= 180:
                break
            if at - before <= IDLE:
                worked, items, steps = worked + at - before, items + count, steps + 1
        return None if steps < 2 or worked < 10 else 60 * items / worked

    def page_size(self, size: int) -> int:
        """The size of the pages to come; counts from anew where it is another one."""
        new = next_page_size(size, self._since_resize)
        if new != size:
            self._since_resize.clear()
        return new

    def quality(self, filled: Filled, labels: Any, seen: np.ndarray) -> dict[str, Any]:
        """What the answers say: `seen` (n,) positions with a class filled in that a person decided in this review."""
        corrected = int((labels.values[seen] != filled.values[seen]).sum())
        outcomes = [*self._past, *(self.caught(position) for position in self.answers)]
        planted, caught = len(outcomes), sum(outcomes)
        low, high = share_interval(caught, planted)
        right, least = None, None
        if planted and len(seen):
            right = labels_right(len(seen), corrected, caught / planted)
            least = labels_right(len(seen), corrected, low)
        return {
            "seen": len(seen), "corrected": corrected, "proposal_right": 1 - corrected / len(seen) if len(seen) else None,
            "mixed_in": len(self.wrong), "planted": planted, "caught": caught, "catch_rate": caught / planted if planted else None,
            "catch_low": low, "catch_high": high, "labels_right": right, "labels_right_low": least, "per_minute": self.per_minute(),
        }

    def details(self, ids: np.ndarray, names: Sequence[str], known: np.ndarray, positions: Sequence[int]) -> list[dict[str, Any]]:
        """What the journal keeps of planted items."""
        found = []
        for position in positions:
            label = self.answers.get(position)
            entry: dict[str, Any] = {"item": str(ids[position]), "shown": self.wrong[position], "known": names[known[position]]}
            answer = {"answer": str(label), "caught": self.caught(position)} if label is not None else {"answer": None}
            found.append({**entry, **answer})
        return found

    def _apply(self, given: dict[int, Label | None]) -> None:
        for position, label in given.items():
            self.answers.pop(position, None)
            if label is not None:
                self.answers[position] = label
                self._since_resize.append(self.caught(position))
