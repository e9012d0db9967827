"""Nodes of a graph as vectors: where they have no features, by the leading eigenvectors of the graph.

Source: Ng, Jordan and Weiss 2001, On Spectral Clustering: Analysis and an Algorithm (the embedding step), by `labelnb.compute.spectral`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["node_vectors"]


def node_vectors(graph: Any, *, dim: int = 64) -> np.ndarray:
    """(N, D) float32 unit rows from the structure of a graph.

    Parameters
    ----------
    graph : sparse (N, N), symmetric, non-negative weights
    dim : eigenvectors to take, at most N - 2; the ones of the largest eigenvalues of the normalised adjacency matrix

    Returns
    -------
    Rows of length 1. Nodes without an edge, which the graph tells nothing about, all get one vector of their own.

    Raises
    ------
    ValueError
        If the graph has fewer than three nodes or no edge.

    Notes
    -----
    About N x D x (edges a node) operations. Nodes of one connected part lie together; a node is near its neighbours' neighbours.
    """
    from labelnb.compute.spectral import spectrum

    n = graph.shape[0]
    degree = np.asarray(graph.sum(axis=1)).ravel()
    if n < 3 or not degree.any():
        raise ValueError(
            f"graph: got {n} nodes and {graph.nnz} edges; expected three nodes and an edge at least, or features: load(..., features=)"
        )
    vectors = spectrum(graph, min(dim, n - 2), tolerance=1e-9).vectors.cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1)
    alone = (degree == 0) | (lengths < 1e-12)
    rows = np.column_stack([vectors / np.where(alone, 1.0, lengths)[:, None], np.zeros(n)])
    rows[alone] = 0.0
    rows[alone, -1] = 1.0
    return rows.astype(np.float32)
