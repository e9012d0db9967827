"""How stable each cluster is when the items are drawn anew and clustered again.

Source: Hennig 2007 "Cluster-wise assessment of cluster stability", Computational Statistics and Data Analysis 52
(doi 10.1016/j.csda.2006.11.025): the bootstrap scheme, mean largest Jaccard similarity.
"""
from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Stability", "cluster_stability", "STABLE", "DISSOLVED"]

STABLE = 0.75
"""From here on a cluster counts as stable, by Hennig's rule of thumb; from .6 it shows a pattern, doubtful in its border."""
DISSOLVED = 0.5
"""Below this it is not found again."""
MANY = 100
"""Clusters from which on k-means begins at one random item of each."""


class Stability:
    """The measurement, one bootstrap sample at a time, so that whoever waits can be told how far it is.

    Parameters
    ----------
    vectors : (N, D) one vector an item
    assignment : (N,) cluster of each item, -1 for outliers, which are left out
    replicates : bootstrap samples, 1 or more
    most : items looked at; of more, a random part
    seed : of the samples and of the clustering

    Notes
    -----
    Each sample is clustered by spherical k-means with as many clusters, whatever the clusters came from: a cluster is stable where k-means
    finds it again. With more than 100 clusters it begins at one random item of each (k-means++ would take minutes for 1,000), which
    is kinder to them than a start from nothing. Do not read a low value as wrong where the method finds shapes that k-means cannot
    (HDBSCAN, graphs).
    """

    def __init__(self, vectors: Any, assignment: Any, *, replicates: int = 10, most: int = 20_000, seed: int = 0) -> None:
        given = np.asarray(assignment, np.int64)
        rows = np.asarray(vectors)
        if rows.ndim != 2 or len(rows) != len(given):
            raise ValueError(f"vectors: got shape {rows.shape}, expected ({len(given)}, D): one vector an item")
        if replicates < 1:
            raise ValueError(f"replicates: got {replicates}, expected 1 at least")
        self._rng = np.random.default_rng(seed)
        self.seed, self.replicates, self.done = seed, int(replicates), 0
        inside = np.flatnonzero(given >= 0)
        if len(inside) > most:
            inside = np.sort(self._rng.choice(inside, most, replace=False))
        self._names, self._places = np.unique(given[inside], return_inverse=True)
        lengths = np.linalg.norm(rows[inside], axis=1, keepdims=True)
        self._rows = (rows[inside] / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        self._total, self._seen = np.zeros(len(self._names)), np.zeros(len(self._names))
        self.count = int(given.max(initial=-1)) + 1

    @property
    def ready(self) -> bool:
        """Whether all samples are drawn."""
        return self.done >= self.replicates or len(self._names) == 0

    def work(self) -> bool:
        """Draw and cluster one sample; True once all are done."""
        if self.ready:
            return True
        from labelnb.compute import kmeans

        drawn = np.unique(self._rng.integers(0, len(self._rows), len(self._rows)))     # with replacement, each item once
        found = kmeans(self._rows[drawn], spherical=True, **self._start(drawn)).assignment.numpy()
        table = np.zeros((len(self._names), int(found.max()) + 1))
        np.add.at(table, (self._places[drawn], found), 1)
        sizes = table.sum(1)
        either = sizes[:, None] + table.sum(0)[None, :] - table
        best = np.max(table / np.maximum(either, 1), axis=1)
        self._total += np.where(sizes > 0, best, 0)
        self._seen += sizes > 0
        self.done += 1
        return self.ready

    def _start(self, drawn: np.ndarray) -> dict[str, Any]:
        """Where k-means begins: k-means++, or, for many clusters, at one random item of each, which takes as long as one step."""
        k = min(len(self._names), len(drawn))
        if k <= MANY:
            return {"k": k, "seed": self.seed + self.done + 1, "max_iterations": 25}
        import torch

        mixed = self._rng.permutation(drawn)
        _, first = np.unique(self._places[mixed], return_index=True)
        return {"k": len(first), "init": torch.from_numpy(self._rows[mixed[first]]), "max_iterations": 10}

    @property
    def values(self) -> np.ndarray:
        """(C,) float64 mean Jaccard similarity so far, 0 to 1, by cluster number; NaN where nothing is known."""
        made = np.full(self.count, np.nan)
        made[self._names] = np.divide(self._total, self._seen, out=np.full(len(self._names), np.nan), where=self._seen > 0)
        return made


def cluster_stability(vectors: Any, assignment: Any, **options: Any) -> np.ndarray:
    """(C,) stability of each cluster, 0 to 1; see `Stability` for the options."""
    run = Stability(vectors, assignment, **options)
    while not run.work():
        pass
    return run.values
