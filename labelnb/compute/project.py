"""A map of the items: two numbers for each (or a few more), near for what is alike.

UMAP: McInnes, Healy and Melville 2018 (arXiv 1802.03426), on our own neighbours and with a loop of our own, which is compiled once and
kept, where umap-learn compiles in every process; densMAP: Narayan, Berger and Cho 2021, by umap-learn; t-SNE: van der Maaten and Hinton
2008, by openTSNE.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, positive_int
from labelnb.compute.device import able_device

if TYPE_CHECKING:
    from labelnb.compute.knn import KnnGraph

__all__ = ["Projection", "project"]

SMALLEST_UMAP = 4
"""Rows below which there is nothing to lay out and `umap` gives the principal components."""
GLIMPSED = 4096
"""Rows that give the axes of the picture shown first."""


class Projection(NamedTuple):
    """Where each item lies on the map."""

    xy: torch.Tensor
    """(N, 2) float32, or as many columns as asked for."""
    method: str
    """What ran: `umap`, `densmap`, `tsne` or `pca`."""
    done: float = 1.0
    """Share of the work behind it: below 1 for a picture on the way, 0 for the principal components shown first."""


def project(
    x: Any,
    *,
    method: Literal["umap", "densmap", "tsne", "pca"] = "umap",
    dimensions: int = 2,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    graph: Any = None,
    previous: Any = None,
    show: Callable[[Projection], None] | None = None,
    progress: bool = True,
) -> Projection:
    """Lay the rows of `x` out in the plane.

    Parameters
    ----------
    x : (N, D) vectors; PCA takes them as they are, all others compare them by cosine
    method : `pca` is linear and ready at once; `umap` keeps neighbourhoods; `densmap` keeps how dense they are as well; `tsne` keeps
        neighbourhoods more finely and takes several times as long (needs openTSNE)
    dimensions : numbers an item; 2 to be drawn, a few more to be clustered
    n_neighbors : neighbours that shape the map, the row itself counted as in umap-learn; fewer where there are fewer rows
    min_dist : how close UMAP may pack points
    seed : the same seed gives the same map
    graph : neighbours found already, a KnnGraph; or the user's own sparse (N, N) weights, which are then laid out as they are
    previous : (N, dimensions) an earlier map of these rows, NaN for rows that it did not have: the new map grows out of it and lies on
        it, so that what was seen stays where it was. For `umap` and `tsne`
    show : called at once with all rows along the principal components (of a sample, where there are many), then with pictures on the way,
        for `umap` and `tsne`; the last is what is returned
    progress : show a progress bar when the layout takes more than a second

    Returns
    -------
    Projection on the device of `x`. With fewer than 4 rows UMAP gives the principal components, and `method` says so.

    Raises
    ------
    ValueError
        If shapes do not fit, or a row holds NaN, infinity or, for UMAP, only zeros.
    ModuleNotFoundError
        If a method is asked for whose package is not installed.

    Notes
    -----
    UMAP's loop is compiled when it first runs on a machine; densMAP compiles for half a minute in every new process. PCA costs N D^2, or
    N^2 D where N < D.
    """
    if method not in ("umap", "densmap", "tsne", "pca"):
        raise ValueError(f"method: got {method!r}, expected 'umap', 'densmap', 'tsne' or 'pca'")
    positive_int("n_neighbors", n_neighbors, low=2), positive_int("dimensions", dimensions)
    if method == "tsne" and dimensions > 2:
        raise ValueError(f"dimensions: got {dimensions}, but t-SNE makes maps of 2 at most; give method='umap'")
    rows = as_tensor(x, "x")
    home, rows = rows.device, rows.to(able_device(rows.device))
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"x: got shape {tuple(rows.shape)}, expected (N, D) with at least one row and one column")
    if not torch.isfinite(rows.sum()) and not torch.isfinite(rows).all():        # one pass where all is well
        bad = torch.nonzero(~torch.isfinite(rows).all(1)).flatten()
        raise ValueError(f"x: NaN or infinity in {len(bad)} rows, the first at {bad[:5].tolist()}; drop or repair them")
    _fitting(graph, len(rows), method)
    before = None if previous is None else _previous(previous, (len(rows), dimensions), method)
    if method == "pca" or len(rows) < SMALLEST_UMAP:
        return Projection(_pca(rows, dimensions).to(home), "pca")
    if show is not None:                                          # before what takes long, the loading of compiled loops included
        first = _glimpse(rows, dimensions, seed) if before is None else torch.from_numpy(before)
        show(Projection(first.to(home), "pca" if before is None else method, 0.0))
    start = _pca(rows, dimensions)
    make = _tsne if method == "tsne" else _umap

    def picture(xy: np.ndarray, done: float) -> None:
        assert show is not None
        show(Projection(torch.from_numpy(np.array(xy, np.float32)).to(home), method, done))

    neighbors = min(n_neighbors, len(rows))
    given = None if show is None else picture
    xy = make(rows, start.cpu().numpy(), graph, neighbors, seed, before, given, method=method, min_dist=min_dist, progress=progress)
    final = Projection(torch.from_numpy(xy).to(home), method)
    if show is not None:
        show(final)
    return final


def _fitting(graph: Any, count: int, method: str) -> None:
    """Refuse a graph of other rows, or one that the method cannot take."""
    if scipy.sparse.issparse(graph):
        if graph.shape != (count, count):
            raise ValueError(f"graph: got shape {graph.shape}, expected ({count}, {count})")
        if method == "tsne":
            raise ValueError("graph: t-SNE takes the distances of a KnnGraph, got weights; give method='umap' to lay weights out")
    elif graph is not None and (len(graph.indices) != count or graph.n_rows != count):
        raise ValueError(f"graph: neighbours of {len(graph.indices)} rows among {graph.n_rows}, but x has {count} rows")


def _previous(previous: Any, shape: tuple[int, int], method: str) -> np.ndarray:
    xy = as_tensor(previous, "previous").cpu().numpy()
    if xy.shape != shape:
        raise ValueError(f"previous: got shape {xy.shape}, expected {shape}: a place for every row, NaN where it had none")
    if np.isfinite(xy).all(1).sum() < 2:
        raise ValueError("previous: fewer than two rows have a place; leave it out to begin anew")
    if method not in ("umap", "tsne"):
        raise ValueError(f"previous: {method!r} begins anew always; give method='umap' or 'tsne', or leave it out")
    return xy


def _glimpse(x: torch.Tensor, k: int, seed: int) -> torch.Tensor:
    """All rows along the first k principal axes of some of them, as `_pca` turns them: of 100,000 x 512 in a quarter of a second."""
    if len(x) <= max(GLIMPSED, 2 * x.shape[1]):
        return _pca(x, k)
    some = x[torch.from_numpy(np.random.default_rng(seed).choice(len(x), max(GLIMPSED, 2 * x.shape[1]), replace=False))].to(torch.float32)
    middle = some.mean(0)
    axes = _axes(some - middle, k)
    return _turned(x.to(torch.float32) @ axes - middle @ axes, k)


def _axes(centred: torch.Tensor, k: int) -> torch.Tensor:
    """(D, k) principal axes of rows about their middle, fewer where D is smaller."""
    return torch.linalg.eigh((centred.T @ centred).double())[1][:, -k:].flip(1).to(centred.dtype)          # ascending


def _pca(x: torch.Tensor, k: int) -> torch.Tensor:
    """The first k principal components, each turned so that its largest entry is positive; zeros where there are fewer."""
    centred = (x - x.mean(0, dtype=torch.float64).to(x.dtype)).to(torch.float32)
    n, d = centred.shape
    if n >= d:
        xy = centred @ _axes(centred, k)
    else:
        values, vectors = torch.linalg.eigh((centred @ centred.T).double())
        xy = (vectors[:, -k:] * values[-k:].clamp_min(0).sqrt()).flip(1).to(centred.dtype)
    return _turned(xy, k)


def _turned(xy: torch.Tensor, k: int) -> torch.Tensor:
    xy = torch.cat([xy, xy.new_zeros(len(xy), k - xy.shape[1])], dim=1)
    largest = xy.gather(0, xy.abs().argmax(0, keepdim=True))
    return xy * torch.where(largest < 0, -1.0, 1.0)


def _umap(
    x: torch.Tensor, start: np.ndarray, graph: Any, n_neighbors: int, seed: int, before: np.ndarray | None, show: Any, *,
    method: str, min_dist: float, progress: bool,
) -> np.ndarray:
    from labelnb.compute.fuzzy import curve, memberships
    from labelnb.compute.layout import aligned, laid_out, started_from

    if method == "densmap":
        return _densmap(x, start, graph, n_neighbors, seed, min_dist, progress)
    if scipy.sparse.issparse(graph):
        strength = scipy.sparse.csr_array(graph).astype(np.float32)
        strength.data = strength.data / max(strength.data.max(initial=0), 1e-30)
    else:
        strength = memberships(*_with_self(_neighbours(x, graph, n_neighbors), n_neighbors))
    a, b = curve(min_dist)
    bar = {"disable": not progress, "delay": 1.0, "mininterval": 0.5, "desc": "map", "leave": False}
    if before is None:
        return laid_out(strength, _spread(start, seed), a, b, seed, show, bar)
    grown = started_from(before, strength, seed)
    return aligned(laid_out(strength, grown, a, b, seed, show, bar, fresh=False), before)


def _densmap(x: torch.Tensor, start: np.ndarray, graph: Any, n_neighbors: int, seed: int, min_dist: float, progress: bool) -> np.ndarray:
    if scipy.sparse.issparse(graph):
        raise ValueError("graph: densMAP takes the distances of a KnnGraph, got weights; give method='umap' to lay weights out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)                      # that TensorFlow is missing, which is not used
            from umap import umap_
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("method='densmap' needs umap-learn: pip install umap-learn, or take method='umap'") from error
    from labelnb.compute.fuzzy import curve

    state = np.random.RandomState(seed)                                          # umap-learn takes no newer generator
    indices, distances = _with_self(_neighbours(x, graph, n_neighbors), n_neighbors)
    strength, _, _, lengths = umap_.fuzzy_simplicial_set(
        start, indices.shape[1], state, "precomputed", knn_indices=indices, knn_dists=distances, return_dists=True,
    )
    options = {"lambda": 2.0, "frac": 0.3, "var_shift": 0.1, "n_neighbors": n_neighbors, "graph_dists": lengths}
    xy, _ = umap_.simplicial_set_embedding(
        start, strength, start.shape[1], 1.0, *curve(min_dist), 1.0, 5, None, _spread(start, seed), state, "euclidean", {}, True, options,
        False, tqdm_kwds={"disable": not progress, "desc": "map", "leave": False},
    )
    return np.ascontiguousarray(xy, dtype=np.float32)


def _tsne(
    x: torch.Tensor, start: np.ndarray, graph: Any, n_neighbors: int, seed: int, before: np.ndarray | None, show: Any, *,
    method: str, min_dist: float, progress: bool,
) -> np.ndarray:
    try:
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("method='tsne' needs openTSNE: pip install openTSNE, or take method='umap'") from error
    from labelnb.compute.layout import aligned, started_from

    indices, distances = (part[:, 1:] for part in _with_self(_neighbours(x, graph, n_neighbors), n_neighbors))
    threads, near = torch.get_num_threads(), PrecomputedNeighbors(indices, distances)
    affinities = PerplexityBasedNN(knn_index=near, perplexity=max(1.0, indices.shape[1] / 3), n_jobs=threads)
    begun = _spread(start, seed) if before is None else started_from(before, affinities.P, seed)
    scale = 1e-4 / begun[:, 0].std() if before is None else 1.0
    forces = "fft" if len(x) > 10_000 else "bh"
    made = TSNEEmbedding(begun * scale, affinities, random_state=seed, n_jobs=threads, negative_gradient_method=forces)
    stages = [(250, 12.0, 0.5), (500, 1.0, 0.8)] if before is None else [(250, 1.0, 0.5)]
    whole, behind = sum(steps for steps, _, _ in stages), 0
    for steps, exaggeration, momentum in stages:
        def tell(step: int, error: float, xy: Any, behind: int = behind) -> None:
            if show is not None and behind + step < whole:
                show(np.asarray(xy), (behind + step) / whole)

        made = made.optimize(steps, exaggeration=exaggeration, momentum=momentum, callbacks=[tell], callbacks_every_iters=50)
        behind += steps
    xy = np.ascontiguousarray(made, dtype=np.float32)
    return xy if before is None else aligned(xy, before)


def _neighbours(x: torch.Tensor, graph: Any, n_neighbors: int) -> KnnGraph:
    from labelnb.compute.knn import KnnGraph, knn_graph

    return graph if isinstance(graph, KnnGraph) else knn_graph(x, n_neighbors - 1)


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
