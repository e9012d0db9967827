"""The order along a graph, and how well points sit in their clusters.

Sources: Atkins, Boman and Hendrickson 1998, A Spectral Algorithm for Seriation and the
Consecutive Ones Problem; Rousseeuw 1987, Silhouettes.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.csgraph
import torch

from labelnb.compute.propagate import checked_weights
from labelnb.compute.spectral import spectrum

__all__ = ["cosine_silhouette", "seriation"]


def seriation(graph: Any) -> np.ndarray:
    """(N,) float64 places from 0 to 1 along the graph: alike nodes stand close together.

    The order of the Fiedler vector (of the second smallest eigenvalue of D - W, scaled by degree), which minimises the weighted squared
    differences along edges. Each connected part is ordered by itself and has the whole range from 0 to 1. Which end is 0 has no meaning.
    A part of one or two nodes is at 0.5.
    """
    w = checked_weights(graph)
    count, part = scipy.sparse.csgraph.connected_components(w, directed=False)
    places = np.full(w.shape[0], 0.5)
    degree = np.asarray(w.sum(axis=1)).ravel()
    for c in range(count):
        nodes = np.flatnonzero(part == c)
        if len(nodes) > 2:
            second = spectrum(w[nodes][:, nodes], 2, tolerance=1e-9).vectors[:, 1].cpu().numpy()
            along = second / np.sqrt(degree[nodes])
            places[nodes] = _mean_rank(along) / (len(nodes) - 1)
    return places


def _mean_rank(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.round(values, 9))) - 1


def cosine_silhouette(x: torch.Tensor, assignment: np.ndarray) -> np.ndarray:
    """(N,) silhouette with the cosine distance: from -1, where another cluster is nearer, to 1; 0 for one alone in its cluster.

    Exact in N x C x D: on rows of length 1 the mean cosine distance to a cluster is 1 less the product with the cluster's mean.

    Parameters
    ----------
    x : (N, D) rows of length 1
    assignment : (N,) cluster of each row, from 0
    """
    rows = x.double().cpu().numpy()
    sizes = np.bincount(assignment).astype(np.float64)
    if (sizes > 0).sum() < 2:
        return np.zeros(len(rows))
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, assignment, rows)
    to_all = sizes - rows @ sums.T                                       # sum of distances to each cluster
    own = sizes[assignment]
    inner = to_all[np.arange(len(rows)), assignment] / np.maximum(own - 1, 1)
    mean = to_all / np.maximum(sizes, 1)
    mean[np.arange(len(rows)), assignment] = np.inf
    mean[:, sizes == 0] = np.inf
    other = mean.min(1)
    return np.where(own > 1, (other - inner) / np.maximum(np.maximum(other, inner), 1e-12), 0.0)
