"""A map of the items: two numbers for each (or a few more), near for what is alike.

UMAP: McInnes, Healy and Melville 2018 (arXiv 1802.03426), laid out by umap-learn on our own neighbours, so that they are searched once.
"""
from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, positive_int
from labelnb.compute.device import able_device
from labelnb.compute.knn import KnnGraph, knn_graph

__all__ = ["Projection", "project"]

SMALLEST_UMAP = 4
"""Rows below which there is nothing to lay out and `umap` gives the principal components."""


class Projection(NamedTuple):
    """Where each item lies on the map."""

    xy: torch.Tensor
    """(N, 2) float32, or as many columns as asked for."""
    method: str
    """What ran: `umap` or `pca`."""


def project(
    x: Any,
    *,
    method: Literal["umap", "pca"] = "umap",
    dimensions: int = 2,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    graph: Any = None,
    progress: bool = True,
) -> Projection:
    """Lay the rows of `x` out in the plane.

    Parameters
    ----------
    x : (N, D) vectors; UMAP compares them by cosine, PCA as they are
    method : `pca` is linear and ready at once; `umap` keeps neighbourhoods
    dimensions : numbers an item; 2 to be drawn, a few more to be clustered
    n_neighbors : neighbours that shape the map, the row itself counted as in umap-learn; fewer where there are fewer rows
    min_dist : how close UMAP may pack points
    seed : the same seed gives the same map
    graph : neighbours found already, a KnnGraph; or the user's own sparse (N, N) weights, which are then laid out as they are
    progress : show a progress bar when the layout takes more than a second

    Returns
    -------
    Projection on the device of `x`. With fewer than 4 rows UMAP gives the principal components, and `method` says so.

    Raises
    ------
    ValueError
        If shapes do not fit, or a row holds NaN, infinity or, for UMAP, only zeros.
    ModuleNotFoundError
        If UMAP is asked for and umap-learn is not installed.

    Notes
    -----
    umap-learn compiles itself for some seconds in every new process; show `pca` meanwhile. PCA costs N D^2, or N^2 D where N < D.
    """
    if method not in ("umap", "pca"):
        raise ValueError(f"method: got {method!r}, expected 'umap' or 'pca'")
    positive_int("n_neighbors", n_neighbors, low=2), positive_int("dimensions", dimensions)
    rows = as_tensor(x, "x")
    home, rows = rows.device, rows.to(able_device(rows.device))
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"x: got shape {tuple(rows.shape)}, expected (N, D) with at least one row and one column")
    if not torch.isfinite(rows).all():
        bad = torch.nonzero(~torch.isfinite(rows).all(1)).flatten()
        raise ValueError(f"x: NaN or infinity in {len(bad)} rows, the first at {bad[:5].tolist()}; drop or repair them")
    if isinstance(graph, KnnGraph) and (len(graph.indices) != len(rows) or graph.n_rows != len(rows)):
        raise ValueError(f"graph: neighbours of {len(graph.indices)} rows among {graph.n_rows}, but x has {len(rows)} rows")
    if scipy.sparse.issparse(graph) and graph.shape != (len(rows), len(rows)):
        raise ValueError(f"graph: got shape {graph.shape}, expected ({len(rows)}, {len(rows)})")
    start = _pca(rows, dimensions)
    if method == "pca" or len(rows) < SMALLEST_UMAP:
        return Projection(start.to(home), "pca")
    xy = _umap(rows, start.cpu().numpy(), graph, min(n_neighbors, len(rows)), min_dist, seed, progress)
    return Projection(torch.from_numpy(xy).to(home), "umap")


def _pca(x: torch.Tensor, k: int) -> torch.Tensor:
    """The first k principal components, each turned so that its largest entry is positive; zeros where there are fewer."""
    centred = (x - x.double().mean(0).to(x.dtype)).to(torch.float32)
    n, d = centred.shape
    if n >= d:
        _, axes = torch.linalg.eigh((centred.T @ centred).double())              # ascending
        xy = centred @ axes[:, -k:].flip(1).to(centred.dtype)
    else:
        values, vectors = torch.linalg.eigh((centred @ centred.T).double())
        xy = (vectors[:, -k:] * values[-k:].clamp_min(0).sqrt()).flip(1).to(centred.dtype)
    xy = torch.cat([xy, xy.new_zeros(n, k - xy.shape[1])], dim=1)
    largest = xy.gather(0, xy.abs().argmax(0, keepdim=True))
    return xy * torch.where(largest < 0, -1.0, 1.0)


def _umap(x: torch.Tensor, start: np.ndarray, graph: Any, n_neighbors: int, min_dist: float, seed: int, progress: bool) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)                      # that TensorFlow is missing, which is not used
            from umap import umap_
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("method='umap' needs umap-learn: pip install umap-learn, or take method='pca'") from error
    state = np.random.RandomState(seed)                                          # umap-learn takes no newer generator
    if scipy.sparse.issparse(graph):
        strength = graph.tocoo().astype(np.float32)
        strength.data = strength.data / max(strength.data.max(initial=0), 1e-30)
    else:
        found = graph if isinstance(graph, KnnGraph) else knn_graph(x, n_neighbors - 1)
        indices, distances = _with_self(found, n_neighbors)
        strength = umap_.fuzzy_simplicial_set(
            start, indices.shape[1], state, "precomputed", knn_indices=indices, knn_dists=distances,
        )[0]
    a, b = umap_.find_ab_params(1.0, min_dist)
    xy, _ = umap_.simplicial_set_embedding(
        start, strength, start.shape[1], 1.0, a, b, 1.0, 5, None, _spread(start, seed), state, "euclidean", {}, False, {}, False,
        tqdm_kwds={"disable": not progress, "delay": 1.0, "mininterval": 0.5, "desc": "map", "leave": False},
    )
    return np.ascontiguousarray(xy, dtype=np.float32)


def _with_self(graph: KnnGraph, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours and distances as umap-learn wants them: the row itself first, at distance 0."""
    indices = graph.indices[:, : n_neighbors - 1].cpu().numpy()
    near = graph.similarities[:, : n_neighbors - 1].cpu().numpy().astype(np.float32)
    distances = np.maximum(1 - near if graph.metric == "cosine" else -near, 0)
    rows = np.arange(len(indices))[:, None]
    return np.hstack([rows, indices]).astype(np.int32), np.hstack([np.zeros_like(distances[:, :1]), distances])


def _spread(start: np.ndarray, seed: int) -> np.ndarray:
    """Principal components with a little noise, so that no two points begin in one place and no axis is flat."""
    width = np.ptp(start, axis=0)
    width[width == 0] = max(width.max(), 1.0)
    return (start + np.random.default_rng(seed).normal(scale=1e-4, size=start.shape) * width).astype(np.float32)
