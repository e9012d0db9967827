"""How central a node is: by PageRank on a graph, and by its distance to the centre of its cluster in space.

Sources: Brin and Page 1998, The Anatomy of a Large-Scale Hypertextual Web Search Engine; the density of a cluster's members as in Cai et
al.
2017, Active Learning for Graph Embedding (arXiv 1705.05085).
"""
from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch

from labelnb.checks import positive_int, within
from labelnb.compute.graph_net import smoothing
from labelnb.compute.kmeans import kmeans
from labelnb.compute.propagate import checked_weights

__all__ = ["cluster_density", "pagerank", "smoothed_directions"]


def pagerank(graph: Any, *, damping: float = 0.85, tolerance: float = 1e-10, max_iterations: int = 1000) -> np.ndarray:
    """(N,) float64 share of the time a random surfer spends at each node; sums to 1.

    p = damping (P^T p + what nodes without an edge hold, spread evenly) + (1 - damping) / N, with P the weights over their row's sum.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights
    damping : chance to follow an edge, in [0, 1); else the surfer starts anew anywhere
    tolerance : stop where the values move by less than this in sum
    max_iterations : most steps; with damping .85 about 140 are needed

    Raises
    ------
    ValueError
        If the graph is not square, symmetric and non-negative, or damping is outside [0, 1).
    """
    within("damping", damping, 0.0, 1.0, open_high=True)
    w = scipy.sparse.csr_array(checked_weights(graph), dtype=np.float64)
    degree, n = np.asarray(w.sum(axis=1)).ravel(), w.shape[0]
    share = np.divide(1.0, degree, out=np.zeros(n), where=degree > 0)
    p = np.full(n, 1 / n)
    for _ in range(positive_int("max_iterations", max_iterations)):
        new = damping * (w.T @ (p * share) + p[degree == 0].sum() / n) + (1 - damping) / n
        moved, p = np.abs(new - p).sum(), new
        if moved < tolerance:
            break
    return p / p.sum()


def cluster_density(x: torch.Tensor, k: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64 1 / (1 + distance to the own centre) among k clusters of rows x (N, D), and (N,) int64 which cluster.

    C-Density of LLM-GNN where x are the features and k the number of classes. k is cut to N.
    """
    found = kmeans(x, min(k, len(x)), seed=seed, n_init=2)
    centres = found.centres.to(x)
    distance = (x - centres[found.assignment.to(x.device)]).norm(dim=1)
    return (1 / (1 + distance.double())).cpu().numpy(), found.assignment.cpu().numpy().astype(np.int64)


def smoothed_directions(graph: Any, x: torch.Tensor, powers: tuple[float, ...], *, rank: int = 32) -> torch.Tensor:
    """(N, R) float64 unit rows: where the nodes lie in the leading directions of Z, the features smoothed along the graph.

    Z = c_0 X + c_1 A X + c_2 A^2 X + ... with A = `smoothing(graph)`. Rows are U S of its truncated singular value decomposition, brought
    to length 1: without that, nodes with few neighbours, whose rows average little away, are the longest and pass for clusters of their
    own.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights
    x : (N, D) features; zeros are not multiplied where most are zeros
    powers : c_0, c_1, ...
    rank : R, cut to what N and D allow
    """
    a, rows = smoothing(graph), x.double().cpu().numpy()
    features = scipy.sparse.csr_array(rows) if np.count_nonzero(rows) < 0.1 * rows.size else rows

    def along(block: np.ndarray) -> np.ndarray:
        made = powers[0] * block
        for weight in powers[1:]:
            block = a @ block
            made = made + weight * block
        return made

    rank = min(rank, min(rows.shape) - 1)
    if rank < 1:
        return torch.nn.functional.normalize(torch.from_numpy(along(rows)), dim=1)
    z = scipy.sparse.linalg.LinearOperator(
        rows.shape, dtype=np.float64, matvec=lambda v: along(features @ v), rmatvec=lambda v: features.T @ along(v),
        matmat=lambda v: along(features @ v), rmatmat=lambda v: features.T @ along(v),
    )
    u, s, _ = scipy.sparse.linalg.svds(z, k=rank, v0=np.ones(min(rows.shape)))
    return torch.nn.functional.normalize(torch.from_numpy(np.ascontiguousarray(u * s)), dim=1)
