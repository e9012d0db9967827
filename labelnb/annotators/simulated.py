"""An annotator of known faults: it answers from the truth and is wrong as often, and where, as it was told to be."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.annotators.answers import Answer
from labelnb.checks import class_labels, within

__all__ = ["SimulatedAnnotator"]


class SimulatedAnnotator:
    """Answers the true class, or with a known probability a wrong one; the same item always gets the same answer.

    For measuring what a method makes of a fallible annotator, where the truth is known. Never part of a real labelling.

    Parameters
    ----------
    truth : (N,) true class positions; -1 where there is none, which is answered by a class at random
    classes : the K names
    noise : probability of a wrong answer, in [0, 1]; or (N,) one an item, for an annotator that fails on some items more than on others
    confusion : (K, K) non-negative: row = true class, how likely each wrong answer is beside the others (the diagonal is ignored);
        equally likely where not given
    calibration : from 0 to 1: how much its confidence knows of its faults. Right answers have a confidence drawn from Beta(a, 2), wrong
        ones from Beta(2, a) with a = 2 + 2 calibration: at 0 it is noise, at 1 right and wrong lie well apart (area under the curve .9)
    cost : price of one answer
    seed : of the faults
    """

    reads = "positions"

    def __init__(
        self, truth: Any, classes: Sequence[str], *, noise: Any = 0.2, confusion: Any = None, calibration: float = 0.5, cost: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.classes, self.cost, self.batch_size = tuple(classes), float(cost), 64
        count = len(self.classes)
        labels = class_labels(truth, len(truth), n_classes=count, name="truth").cpu().numpy()
        rate = np.broadcast_to(np.asarray(noise, np.float64), labels.shape)
        if not np.isfinite(rate).all() or (rate < 0).any() or (rate > 1).any():
            raise ValueError(f"noise: got {noise!r}, expected probabilities from 0 to 1, one or one an item")
        rng = np.random.default_rng(seed)
        wrong = rng.random(len(labels)) < rate
        other = _others(confusion, count)
        self.answers = labels.copy()
        """(N,) int64: what it answers of each item."""
        for k in range(count):
            rows = np.flatnonzero(wrong & (labels == k))
            if count > 1:
                self.answers[rows] = rng.choice(count, len(rows), p=other[k])
        nowhere = np.flatnonzero(labels < 0)
        self.answers[nowhere] = rng.integers(0, count, len(nowhere))
        a = 2 + 2 * within("calibration", calibration, 0.0, 1.0)
        right = self.answers == labels
        self.confidence = np.where(right, rng.beta(a, 2, len(labels)), rng.beta(2, a, len(labels)))
        """(N,) float64: how sure it says it is."""
        self.asked = 0
        """Answers given so far."""

    def __call__(self, positions: np.ndarray) -> list[Answer]:
        """One answer for each of the positions."""
        self.asked += len(positions)
        return [Answer(self.classes[self.answers[i]], float(self.confidence[i])) for i in np.asarray(positions)]


def _others(confusion: Any, count: int) -> np.ndarray:
    table = np.ones((count, count)) if confusion is None else np.array(confusion, np.float64)
    if table.shape != (count, count) or not np.isfinite(table).all() or (table < 0).any():
        raise ValueError(f"confusion: got shape {table.shape}, expected ({count}, {count}) numbers of 0 or more")
    np.fill_diagonal(table, 0.0)
    if count > 1 and (table.sum(1) == 0).any():
        raise ValueError(f"confusion: class {int(np.flatnonzero(table.sum(1) == 0)[0])} has no wrong answer; give its row one at least")
    return table / np.maximum(table.sum(1, keepdims=True), 1e-300)
