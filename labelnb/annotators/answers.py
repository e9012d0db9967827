"""Questions put to an annotator and its answers, as arrays: which items, which classes, how sure, at what cost."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labelnb.classes import LabelSpace

__all__ = ["Answer", "Answers", "AnnotatorError", "ask", "bind"]

_BATCH = 16
"""Items a call where the annotator does not say (`batch_size`): what a failing call can lose is at most this much."""


class Answer(NamedTuple):
    """What an annotator says of one item."""

    label: str | None
    """Class name; None where it declines. A name that is none of the classes is kept as said and counts as no class."""
    confidence: float | None = None
    """How sure it is, from 0 to 1; None where it does not say."""
    explanation: str = ""
    """Why, in its own words."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to n questions, in the order in which they were put."""

    positions: np.ndarray
    """(n,) int64 positions of the items."""
    classes: np.ndarray
    """(n,) int64 class positions, -1 where it declined or named no class of ours."""
    confidence: np.ndarray
    """(n,) float64 from 0 to 1, NaN where it did not say."""
    said: tuple[str | None, ...]
    """(n,) the names as they were said."""
    explanations: tuple[str, ...]
    """(n,) its reasons; empty texts where it gave none."""
    cost: float = 0.0
    """What the answers cost together, in the annotator's own unit."""

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def usable(self) -> np.ndarray:
        """(n,) bool: where a class was named."""
        return self.classes >= 0

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            np.concatenate([self.positions, other.positions]), np.concatenate([self.classes, other.classes]),
            np.concatenate([self.confidence, other.confidence]), self.said + other.said, self.explanations + other.explanations,
            self.cost + other.cost,
        )

    @classmethod
    def none(cls) -> Answers:
        """No answers yet."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), (), ())

    def to_list(self) -> list[Answer]:
        """One `Answer` an item."""
        sure = [None if math.isnan(each) else float(each) for each in self.confidence]
        return [Answer(*each) for each in zip(self.said, sure, self.explanations, strict=True)]


class AnnotatorError(RuntimeError):
    """An annotator failed or answered what cannot be read; `answers` holds everything it had said until then."""

    def __init__(self, message: str, answers: Answers) -> None:
        super().__init__(message)
        self.answers = answers
        """The answers that were had, and paid for, before the failure."""


def ask(annotator: Callable[[Any], Any], positions: Any, classes: Any, *, before: Answers | None = None) -> Answers:
    """Put one question an item, in batches, and read the answers.

    Parameters
    ----------
    annotator : callable that takes an int64 array of positions (see `bind` for one that reads items) and returns one answer for each: a
        class name, None, `(name, confidence)` or `Answer`. Attributes it may have: `cost`, the price of one answer (default 0);
        `batch_size`, items a call (default 16)
    positions : which items; each once
    classes : names that may be said: a LabelSpace or a list. Case and blanks around a name do not matter
    before : answers from earlier calls of the same run, which an error carries too

    Returns
    -------
    Answers in the order of `positions`, without those of `before`.

    Raises
    ------
    TypeError
        If the annotator cannot be called.
    AnnotatorError
        If it raises, or does not give one readable answer an item. Its `answers` are what was said before, so that nothing paid for is
        lost: go on with `annotator=annotators.Remembered(annotator, answers=error.answers)`.
    """
    if not callable(annotator):
        raise TypeError(f"annotator: got {type(annotator).__name__}, expected a callable that takes items and returns class names")
    space, wanted = LabelSpace.of(classes), np.asarray(positions, dtype=np.int64)
    if wanted.ndim != 1 or len(np.unique(wanted)) < len(wanted):
        raise ValueError("positions: expected one axis and every item once")
    places = {name.strip().casefold(): k for k, name in enumerate(space.names)}
    price, size = float(getattr(annotator, "cost", 0.0)), max(1, int(getattr(annotator, "batch_size", _BATCH)))
    had, made = before or Answers.none(), Answers.none()
    for start in range(0, len(wanted), size):
        batch = wanted[start : start + size]
        try:
            given = annotator(batch)
        except AnnotatorError as error:
            raise AnnotatorError(str(error), had + made + error.answers) from error
        except Exception as error:
            message = f"annotator: failed after {len(had) + len(made)} answers with {type(error).__name__}: {error}; {_GO_ON}"
            raise AnnotatorError(message, had + made) from error
        made = made + _read(given, batch, places, price, had + made)
    return made


def bind(annotator: Callable[[Any], Any], items: Any) -> Callable[[Any], Any]:
    """`annotator`, which reads items, as one that takes their positions. One whose `reads` is "positions" comes back as it is.

    Parameters
    ----------
    annotator : callable on items
    items : what it reads, by position: `Items`, a list of texts, an array; it gets `items[positions]`

    Returns
    -------
    Callable on int64 positions, with the annotator's `cost` and `batch_size`.
    """
    return annotator if getattr(annotator, "reads", "items") == "positions" else _Bound(annotator, items)


class _Bound:
    reads = "positions"

    def __init__(self, annotator: Callable[[Any], Any], items: Any) -> None:
        if not callable(annotator):
            raise TypeError(f"annotator: got {type(annotator).__name__}, expected a callable that takes items and returns class names")
        self._annotator, self._items = annotator, items
        self.cost = getattr(annotator, "cost", 0.0)
        self.batch_size = getattr(annotator, "batch_size", _BATCH)

    def __call__(self, positions: np.ndarray) -> Any:
        plain = isinstance(self._items, list | tuple)
        return self._annotator([self._items[int(i)] for i in positions] if plain else self._items[positions])


_GO_ON = "its answers so far are in error.answers: go on with annotator=annotators.Remembered(annotator, answers=error.answers)"


def _read(given: Any, batch: np.ndarray, places: dict[str, int], price: float, had: Answers) -> Answers:
    listed = given.to_list() if isinstance(given, Answers) else list(given) if isinstance(given, Sequence | np.ndarray) else None
    if listed is None or isinstance(given, str) or len(listed) != len(batch):
        got = f"{len(listed)} answers" if listed is not None and not isinstance(given, str) else type(given).__name__
        raise AnnotatorError(f"annotator: got {got} for {len(batch)} items, expected a list with one answer for each; {_GO_ON}", had)
    answers = [_one(each, int(position), had) for each, position in zip(listed, batch, strict=True)]
    classes = np.array([places.get((each.label or "").strip().casefold(), -1) for each in answers], np.int64)
    sure = np.array([math.nan if each.confidence is None else each.confidence for each in answers], np.float64)
    said, why = tuple(each.label for each in answers), tuple(each.explanation for each in answers)
    return Answers(batch, classes, sure, said, why, price * len(batch))


def _one(given: Any, position: int, had: Answers) -> Answer:
    """One answer as an `Answer`; refused with its position where it cannot mean one."""
    made = given if isinstance(given, Answer) else Answer(*given) if isinstance(given, tuple) and len(given) in (1, 2, 3) else Answer(given)
    label, sure = made.label, made.confidence
    good = label is None or isinstance(label, str)
    if good and sure is not None:
        good = isinstance(sure, int | float | np.number) and (0 <= sure <= 1 or math.isnan(sure))
    if not good:
        raise AnnotatorError(
            f"annotator: got {given!r} for item {position}, expected a class name, None or (name, confidence from 0 to 1); {_GO_ON}", had
        )
    return Answer(None if label is None else str(label), None if sure is None else float(sure), str(made.explanation))
