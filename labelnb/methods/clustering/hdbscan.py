"""HDBSCAN: groups where items lie densely, and outliers that belong nowhere.

Source: Campello, Moulavi and Sander 2013, Density-based clustering based on hierarchical density estimates; McInnes and Healy 2017,
Accelerated hierarchical density based clustering (arXiv 1705.07321). It is scikit-learn's HDBSCAN that runs.

Density means nothing in hundreds of dimensions, where all distances are alike: the embeddings are first brought to few dimensions.
"""
from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch

from labelnb.checks import Range, positive_int, unit_rows
from labelnb.compute.kmeans import content_order
from labelnb.compute.project import project
from labelnb.results import Clusters

WIDGET = "clusters"
LARGEST = 50_000
"""Items above which the search for neighbours in the reduced space takes hours."""


def hdbscan(
    embeddings: torch.Tensor,
    *,
    min_cluster_size: int | None = None,
    min_samples: Annotated[int, Range(1, 1000)] = 5,
    space: Literal["umap", "pca"] = "umap",
    dimensions: Annotated[int, Range(1, 100)] = 5,
    selection: Literal["eom", "leaf"] = "eom",
    outliers: Literal["keep", "nearest"] = "keep",
    seed: int = 0,
) -> Clusters:
    """Group items that lie densely together; the number of groups comes out of the data.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    min_cluster_size : least items of a group; None for half a percent of the items, 5 at least
    min_samples : neighbours that have to be near for an item to count as lying densely
    space : where density is measured: a `umap` layout (30 neighbours, packed without a least distance), or the first principal
        components, which are ready at once but rarely dense in groups
    dimensions : of that space
    selection : `eom` keeps the groups that last longest over all densities; `leaf` the finest ones, more and more even in size
    outliers : `keep` leaves items outside every group at -1; `nearest` gives them the group of the nearest item that has one
    seed : of the layout

    Returns
    -------
    Clusters without probabilities; -1 for outliers. Evidence: `strength` (N,) membership of the own group, 0 for outliers;
    `outliers` (N,) bool before any were given to a group; `space` (N, dimensions).

    Raises
    ------
    ValueError
        If there are more than 50,000 items, or an ingredient is not what it should be: each is named.

    Notes
    -----
    A layout is not the data: UMAP tears and joins. Look at the groups before naming them. Do not use it where every item has to get a
    class, or where the number of classes is known: `sela` and `k_means` use that knowledge.
    """
    x = unit_rows(embeddings)
    least = max(5, len(x) // 200) if min_cluster_size is None else positive_int("min_cluster_size", min_cluster_size, low=2)
    positive_int("min_samples", min_samples), positive_int("dimensions", dimensions)
    for name, value, known in (("space", space, ("umap", "pca")), ("selection", selection, ("eom", "leaf")),
                               ("outliers", outliers, ("keep", "nearest"))):
        if value not in known:
            raise ValueError(f"{name}: got {value!r}, expected {' or '.join(map(repr, known))}")
    if len(x) > LARGEST:
        raise ValueError(f"embeddings: got {len(x)} items, expected at most {LARGEST}: cluster a sample, or take k_means or sela")
    if len(x) <= least:
        warning = f"{len(x)} items are too few for a group of {least}; give a smaller min_cluster_size"
        nothing = {"strength": np.zeros(len(x)), "outliers": np.ones(len(x), bool)}
        return Clusters(np.full(len(x), -1), evidence=nothing, warnings=(warning,))
    order = content_order(x, seed)                                # the layout draws by position
    low = project(x[order], method=space, dimensions=dimensions, n_neighbors=30, min_dist=0.0, seed=seed, progress=False).xy.cpu().numpy()
    labels, strength = _dense(low.astype(np.float64), least, min_samples, selection)
    apart = labels < 0
    if outliers == "nearest" and apart.any() and not apart.all():
        labels[apart] = labels[~apart][_nearest(low[apart], low[~apart])]
    back = np.empty(len(x), np.int64)
    back[order.cpu().numpy()] = np.arange(len(x))
    warnings = () if not apart.all() else ("no group is dense enough: lower min_cluster_size or min_samples",)
    return Clusters(labels[back], evidence={"strength": strength[back], "outliers": apart[back], "space": low[back]}, warnings=warnings)


def _dense(low: np.ndarray, least: int, min_samples: int, selection: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import HDBSCAN

    made = HDBSCAN(min_cluster_size=least, min_samples=min(min_samples, len(low)), cluster_selection_method=selection, copy=True).fit(low)
    return made.labels_.astype(np.int64), made.probabilities_


def _nearest(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    from scipy.spatial import KDTree

    return np.asarray(KDTree(rows).query(queries)[1])
