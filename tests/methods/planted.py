"""Groups with a known answer, some of them without any label: what the methods for novel classes are tried on."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

__all__ = ["Planted", "planted", "planted_digits"]


class Planted(NamedTuple):
    """Items, what people have said of them, and the truth."""

    x: np.ndarray
    """(N, D) unit rows."""
    labels: np.ndarray
    """(N,) class positions, -1 where unknown: half of the known classes' items."""
    truth: np.ndarray
    """(N,) class positions."""
    known: tuple[int, ...]
    """Classes that have labels."""

    @property
    def free(self) -> np.ndarray:
        """(N,) bool, items without a label."""
        return self.labels < 0


def planted(n: int = 300, classes: int = 6, novel: int = 2, noise: float = 0.18, width: int = 24, seed: int = 0) -> Planted:
    """Groups around random orthogonal directions; the last `novel` have no label."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    truth[: 2 * classes] = np.arange(2 * classes) % classes
    x = np.linalg.qr(rng.normal(size=(width, width)))[0][truth] + noise * rng.normal(size=(n, width))
    return _planted(x, truth, classes - novel, rng)


def planted_digits(n: int = 1000, known: int = 7, seed: int = 0) -> Planted:
    """Real 8 x 8 digits; 7, 8 and 9 have no label."""
    data = load_digits()
    return _planted(data.data[:n], data.target[:n], known, np.random.default_rng(seed))


def _planted(x: np.ndarray, truth: np.ndarray, known: int, rng: np.random.Generator) -> Planted:
    told = (truth < known) & (rng.random(len(x)) < 0.5)
    told[: 2 * known] |= truth[: 2 * known] < known
    return Planted(x / np.linalg.norm(x, axis=1, keepdims=True), np.where(told, truth, -1), truth, tuple(range(known)))
