"""An annotator that never asks twice: answers are kept by item, in memory or in a file that outlives the kernel."""
from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.annotators.answers import AnnotatorError, Answer, Answers

__all__ = ["Remembered"]


class Remembered:
    """Wraps an annotator; a question it has answered is answered from memory and costs nothing more.

    Parameters
    ----------
    annotator : any annotator. In a session it may read items; answers are then kept by id, else by position
    answers : what is known already, such as `error.answers` of an AnnotatorError (kept by position)
    path : a file of JSON lines to read and to append to; each batch is on disk before it is handed on. Text only, one answer a line

    Raises
    ------
    ValueError
        If a line of the file cannot be read; the line is named.
    """

    def __init__(
        self, annotator: Callable[[Any], Any], *, answers: Answers | None = None, path: str | os.PathLike[str] | None = None,
    ) -> None:
        if not callable(annotator):
            raise TypeError(f"annotator: got {type(annotator).__name__}, expected a callable that takes items and returns class names")
        self._annotator = annotator
        self.reads = getattr(annotator, "reads", "items")
        self.batch_size = getattr(annotator, "batch_size", 16)
        self.cost = 0.0
        """Of an answer from memory; what was paid for new ones is in `spent`."""
        self.spent = 0.0
        """What the new answers cost since this object was made."""
        self._path = None if path is None else Path(path).expanduser()
        self._known: dict[str, Answer] = {} if self._path is None or not self._path.exists() else _lines(self._path)
        if answers is not None:
            self._known |= {str(int(i)): each for i, each in zip(answers.positions, answers.to_list(), strict=True)}

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, items: Any) -> list[Answer]:
        """One answer for each item; only those not known yet are asked of the annotator."""
        keys = [str(each) for each in getattr(items, "ids", items)]
        new = [place for place, key in enumerate(keys) if key not in self._known]
        if new:
            given = self._annotator(items[np.array(new)] if hasattr(items, "ids") else np.asarray(items)[new])
            listed = given.to_list() if isinstance(given, Answers) else list(given)
            if len(listed) != len(new):
                raise AnnotatorError(f"annotator: got {len(listed)} answers for {len(new)} items, expected one for each", Answers.none())
            made = [each if isinstance(each, Answer) else Answer(*each) if isinstance(each, tuple) else Answer(each) for each in listed]
            self.spent += float(getattr(self._annotator, "cost", 0.0)) * len(new)
            fresh = {keys[place]: each for place, each in zip(new, made, strict=True)}
            if self._path is not None:
                _append(self._path, fresh)
            self._known |= fresh
        return [self._known[key] for key in keys]


def _lines(path: Path) -> dict[str, Answer]:
    known: dict[str, Answer] = {}
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            known[str(row["item"])] = Answer(row["label"], row.get("confidence"), row.get("explanation", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}, line {number}: not an answer ({error}); mend or delete the line") from error
    return known


def _append(path: Path, answers: dict[str, Answer]) -> None:
    lines = "".join(json.dumps({"item": key, **each._asdict()}, ensure_ascii=False) + "\n" for key, each in answers.items())
    with path.open("a", encoding="utf8") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
