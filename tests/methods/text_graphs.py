"""Graphs with a known answer for the methods that ask an annotator."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse

from labelnb.annotators import SimulatedAnnotator

__all__ = ["Planted", "line_of", "planted"]


class Planted(NamedTuple):
    """Groups joined mostly within themselves, with features that know them a little."""

    graph: scipy.sparse.csr_array
    x: np.ndarray
    truth: np.ndarray
    names: tuple[str, ...]

    def annotator(self, noise: float = 0.0, seed: int = 0, **more: float) -> SimulatedAnnotator:
        """Errs on this share of the nodes."""
        return SimulatedAnnotator(self.truth, self.names, noise=noise, seed=seed, **more)


def planted(n: int = 240, k: int = 4, *, within: float = 0.08, between: float = 0.004, blur: float = 0.9, seed: int = 0) -> Planted:
    """A stochastic block model of k equal groups."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    chance = np.where(truth[:, None] == truth, within, between)
    w = np.triu(rng.random((n, n)) < chance, 1).astype(np.float64)
    x = np.eye(k)[truth] @ rng.normal(size=(k, 12)) + blur * rng.normal(size=(n, 12))
    return Planted(scipy.sparse.csr_array(w + w.T), x, truth, tuple(f"group {c}" for c in range(k)))


def line_of(weights: list[float]) -> scipy.sparse.csr_array:
    """Nodes in a row, joined by edges of these weights."""
    a = np.arange(len(weights))
    half = scipy.sparse.coo_array((weights, (a, a + 1)), shape=(len(weights) + 1,) * 2).tocsr()
    return scipy.sparse.csr_array(half + half.T)
