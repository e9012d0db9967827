"""Splitting one cluster into parts, and a small map of it.

Source: k-means within the cluster; the number of parts by the mean silhouette, Rousseeuw 1987 "Silhouettes: a graphical aid to the
interpretation and validation of cluster analysis" (doi 10.1016/0377-0427(87)90125-7).
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Parts", "parts_of", "small_map"]

LOOKED_AT = 1_500
"""Items whose silhouettes are formed; a table of all their distances."""


class Parts(NamedTuple):
    """A way to split a cluster."""

    assignment: np.ndarray
    """(n,) int64 part of each item, 0 for the largest."""
    silhouettes: dict[int, float]
    """Mean silhouette, -1 to 1, by the number of parts that was tried; the larger, the clearer the parts."""


def parts_of(vectors: Any, k: int | None = None, *, most: int = 8, seed: int = 0) -> Parts:
    """Split the items of a cluster by spherical k-means.

    Parameters
    ----------
    vectors : (n, D) vectors of its items, 2 at least
    k : number of parts; None takes the one from 2 to `most` with the largest mean silhouette
    seed : of the starts, and of the items looked at

    Raises
    ------
    ValueError
        If there are too few items, or all are the same.
    """
    from labelnb.compute import kmeans

    rows: np.ndarray = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 0, lengths, 1)
    distinct = len(np.unique(rows[:LOOKED_AT], axis=0)) if len(rows) > 1 else 0
    if k is not None and not 2 <= k <= len(rows):
        raise ValueError(f"k: got {k} parts of {len(rows)} items, expected 2 to {len(rows)}")
    if distinct < 2:
        raise ValueError(f"split: the {len(rows)} items have {max(distinct, 0)} distinct vectors; nothing tells parts apart")
    tried: dict[int, float] = {}
    made: dict[int, np.ndarray] = {}
    shown = np.sort(np.random.default_rng(seed).permutation(len(rows))[:LOOKED_AT])
    near = rows[shown] @ rows[shown].T
    for parts in [k] if k is not None else range(2, min(most, distinct, len(rows)) + 1):
        made[parts] = kmeans(rows, parts, seed=seed, n_init=3, spherical=True).assignment.numpy()
        tried[parts] = _silhouette(1 - near, made[parts][shown])
    best = max(tried, key=lambda parts: (tried[parts], -parts))
    sizes = np.bincount(made[best], minlength=best)
    if (sizes > 0).sum() < 2:
        raise ValueError(f"split: k-means puts all {len(rows)} items into one part; choose the items yourself")
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(best, np.int64)
    rank[order] = np.arange(best)
    return Parts(rank[made[best]], tried)


def _silhouette(distances: np.ndarray, parts: np.ndarray) -> float:
    """Mean of (b - a) / max(a, b): a the mean distance within the own part, b to the nearest other one; 0 for an item alone."""
    names, places = np.unique(parts, return_inverse=True)
    if len(names) < 2:
        return 0.0
    onehot = np.eye(len(names))[places]
    sums, sizes = distances @ onehot, onehot.sum(0)
    rows = np.arange(len(parts))
    own = sums[rows, places] / np.maximum(sizes[places] - 1, 1)
    means = sums / sizes
    means[rows, places] = np.inf
    other = means.min(1)
    values = np.where(sizes[places] > 1, (other - own) / np.maximum(np.maximum(own, other), 1e-12), 0.0)
    return float(values.mean())


def small_map(vectors: Any) -> np.ndarray:
    """(n, 2) float32 principal components of a cluster's items, each axis within 0 to 1 of one square; zeros for a single item."""
    from labelnb.compute import project

    rows = np.asarray(vectors, np.float32)
    if len(rows) < 2:
        return np.full((len(rows), 2), 0.5, np.float32)
    xy = project(rows, method="pca", progress=False).xy.numpy()
    low, high = xy.min(0), xy.max(0)
    span = float((high - low).max()) or 1.0
    return ((xy - (low + high) / 2) / span + 0.5).astype(np.float32)
