"""The graph of class names and items that both forms of zlap work on (section 3.2 of the paper): nodes are K classes, then N items."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import positive_int, within
from labelnb.compute.knn import KnnGraph, knn_graph
from labelnb.compute.propagate import normalised

__all__ = ["Neighbours", "neighbours", "class_item_weights", "link_weights", "label_strength", "node_seeds"]


class Neighbours(NamedTuple):
    """The two neighbour lists of every item."""

    items: KnnGraph | None
    """k - 1 other items; None where k is 1 or there is one item."""
    classes: KnnGraph
    """k classes."""

    def shortened(self, k: int) -> Neighbours:
        """The lists for a smaller k, without a new search."""
        return Neighbours(None if self.items is None or k < 2 else _first(self.items, k - 1), _first(self.classes, k))

    @property
    def recall(self) -> float:
        """Share of the true neighbours among the items that were found."""
        return 1.0 if self.items is None else self.items.recall


def neighbours(x: torch.Tensor, classes: torch.Tensor, k: int) -> Neighbours:
    """The lists of unit rows `x` (N, D): k - 1 other items and k classes (all of them where there are fewer)."""
    positive_int("k", k, high=200)
    others = min(k, len(x)) - 1
    return Neighbours(knn_graph(x, others) if others else None, knn_graph(classes, min(k, len(classes)), queries=x))


def class_item_weights(near: Neighbours, gamma: float, rescale: bool) -> tuple[scipy.sparse.csr_array, tuple[float, float]]:
    """The weights W over K classes, then N items, before they are normalised; the range of similarities they were rescaled from."""
    within("gamma", gamma, 0.1, 20.0)
    n, n_classes = len(near.classes.indices), near.classes.n_rows
    low, high = 0.0, 1.0
    if rescale:
        low = min(float(part.similarities.min()) for part in near if part is not None)
        high = 1.0                                              # an item's similarity to itself, in its own list
        if high - low < 1e-12:
            low = 0.0
    links = link_weights(near.classes.indices, near.classes.similarities, n_classes, low, high, gamma)
    among = scipy.sparse.csr_array((n, n), dtype=links.dtype)
    if near.items is not None:
        among = link_weights(near.items.indices, near.items.similarities, n, low, high, 1.0)
    # W + W.T of the directed lists: a pair of items that list each other weighs twice, as in the reference.
    w = scipy.sparse.csr_array(scipy.sparse.block_array([[None, links.T], [links, among + among.T]], format="csr"))
    w.eliminate_zeros()
    return w, (low, high)


def link_weights(
    indices: torch.Tensor, similarities: torch.Tensor, columns: int, low: float, high: float, gamma: float,
) -> scipy.sparse.csr_array:
    """Neighbour lists as a sparse matrix: similarities brought from low..high to 0..1, negative ones dropped, to the power gamma."""
    weights = ((similarities - low) / (high - low)).clamp_min(0).pow(gamma).cpu().numpy()
    rows, k = weights.shape
    starts, ends = np.arange(0, rows * k + 1, k), indices.cpu().numpy().ravel().copy()
    made = scipy.sparse.csr_array((weights.ravel(), ends, starts), shape=(rows, columns))
    made.eliminate_zeros()
    return made


def label_strength(weights: scipy.sparse.csr_array, n_classes: int, label_weight: float) -> float:
    """The strength of a labelled item as a seed at which it is heard `label_weight` times as loud as the nearest name.

    Without it, labels would drown the names where these lie far from the items, as gamma makes the far still farther.
    """
    within("label_weight", label_weight, 0.0, 1000.0)
    graph = normalised(weights)
    names, among = graph[n_classes:, :n_classes], graph[n_classes:, n_classes:]
    if names.nnz == 0 or among.nnz == 0:
        return float(label_weight)
    return float(label_weight * names.max(axis=1).toarray().mean(dtype=np.float64) / among.data.mean(dtype=np.float64))


def node_seeds(n_classes: int, n: int, holds: np.ndarray, strength: float) -> scipy.sparse.csr_array:
    """Y over classes, then items: 1 for each class's own name, `strength` for each class that an item is known to hold, (2, L) pairs."""
    rows = np.concatenate([np.arange(n_classes), holds[0] + n_classes])
    columns = np.concatenate([np.arange(n_classes), holds[1]])
    strengths = np.concatenate([np.ones(n_classes), np.full(holds.shape[1], strength)])
    seeds = scipy.sparse.csr_array((strengths, (rows, columns)), shape=(n_classes + n, n_classes))
    seeds.eliminate_zeros()
    return seeds


def _first(graph: KnnGraph, k: int) -> KnnGraph:
    return graph._replace(indices=graph.indices[:, :k], similarities=graph.similarities[:, :k])
