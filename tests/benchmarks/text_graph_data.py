"""Cora and Citeseer as the benchmarks of graph methods use them: the Planetoid split, bags of words, links without direction."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse

import labelnb as lnb
from tests.real_data import data_folder

__all__ = ["Planetoid", "planetoid"]


class Planetoid(NamedTuple):
    """One data set."""

    graph: scipy.sparse.csr_array
    """(N, N) 0 or 1, symmetric."""
    x: np.ndarray
    """(N, D) float32 bags of words; a paper without words gets one word of its own kind, so that its row has a direction."""
    truth: np.ndarray
    """(N,) class positions, -1 where there is none."""
    names: tuple[str, ...]
    """K class names."""
    train: np.ndarray
    """(N,) truth of the 20 papers a class that the split trains on, -1 elsewhere."""
    validation: np.ndarray
    """(N,) truth of the split's 500, -1 elsewhere."""
    test: np.ndarray
    """(N,) bool: the split's 1,000."""


def planetoid(name: str) -> Planetoid:
    """The data set `cora` or `citeseer` from the folder of measuring data."""
    items = lnb.datasets.load(name, folder=data_folder())
    a, b = items.edges
    ones = np.ones(len(a), np.float32)
    graph = scipy.sparse.csr_array((ones, (a, b)), shape=(len(items), len(items)))
    graph = scipy.sparse.csr_array(((graph + graph.T) > 0).astype(np.float32))
    graph.setdiag(0)
    graph.eliminate_zeros()
    words = np.asarray(items.vectors, np.float32)
    nothing = words.sum(1, keepdims=True) == 0
    if nothing.any():
        words = np.hstack([words, nothing.astype(np.float32)])
    split = np.array([value or "" for value in items.frame["split"].to_pylist()])
    truth = np.asarray(items.truth)
    train, validation = (np.where(split == part, truth, -1) for part in ("train", "val"))
    return Planetoid(graph, words, truth, tuple(items.truth_names), train, validation, (split == "test") & (truth >= 0))
