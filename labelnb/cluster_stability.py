"""How stable each cluster is when the items are drawn anew and clustered again, or over several runs of any method.

Source: Hennig 2007 "Cluster-wise assessment of cluster stability", Computational Statistics and Data Analysis 52
(doi 10.1016/j.csda.2006.11.025): the bootstrap scheme, mean largest Jaccard similarity.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Stability", "cluster_stability", "stability_over", "STABLE", "DISSOLVED"]

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
        best = _largest_jaccard(self._places[drawn], found, len(self._names))
        self._total += np.nan_to_num(best)
        self._seen += ~np.isnan(best)
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


def stability_over(assignment: Any, runs: Sequence[Any]) -> np.ndarray:
    """(C,) how well each cluster is found again in other runs, 0 to 1: the mean of its largest Jaccard similarity in each.

    Parameters
    ----------
    assignment : (N,) cluster of each item, -1 for outliers
    runs : other assignments of the same items, (N,) each, or Clusters: the method under other seeds, say; one at least

    Raises
    ------
    ValueError
        If there is no run, or one is over another number of items.

    Notes
    -----
    The clusters are judged by their own method, unlike in `cluster_stability`, where k-means judges all. Runs on the same items differ by
    their seeds only: a method that hardly depends on its seed is called stable whatever it finds, so prefer runs on parts of the items
    (-1 for those left out) where you can.

    Examples
    --------
    >>> stability_over([0, 0, 0, 1, 1], [[5, 5, 5, 2, 2], [0, 0, 1, 1, 1]]).round(3).tolist()
    [0.833, 0.833]
    """
    given = np.asarray(getattr(assignment, "assignment", assignment), np.int64)
    others = [np.asarray(getattr(run, "assignment", run), np.int64) for run in runs]
    strange = [one.shape for one in others if one.shape != given.shape]
    if strange or not others:
        raise ValueError(f"runs: got {strange or 'none'}, expected assignments of {given.shape} over the same items, one at least")
    count = int(given.max(initial=-1)) + 1
    values = np.full((len(others), count), np.nan)
    for row, other in zip(values, others, strict=True):
        both = (given >= 0) & (other >= 0)
        if both.any():
            row[:] = _largest_jaccard(given[both], np.unique(other[both], return_inverse=True)[1], count)
    seen = ~np.isnan(values)
    return np.divide(np.nansum(values, 0), seen.sum(0), out=np.full(count, np.nan), where=seen.any(0))


def _largest_jaccard(clusters: np.ndarray, found: np.ndarray, count: int) -> np.ndarray:
    """(count,) largest Jaccard similarity of each cluster with one of those found; NaN where a cluster has no item here."""
    table = np.zeros((count, int(found.max()) + 1))
    np.add.at(table, (clusters, found), 1)
    sizes = table.sum(1)
    either = sizes[:, None] + table.sum(0)[None, :] - table
    return np.where(sizes > 0, np.max(table / np.maximum(either, 1), axis=1), np.nan)
