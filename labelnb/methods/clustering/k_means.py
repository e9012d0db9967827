"""K-means: groups of least squared distance to their means. The bar that every cleverer clustering has to clear.

Source: Lloyd 1982, Least squares quantization in PCM; k-means++ starts by Arthur and Vassilvitskii 2007, with greedy trials.
"""
from __future__ import annotations

from typing import Annotated

import torch

from labelnb.checks import Range, positive_int, unit_rows
from labelnb.compute.kmeans import kmeans
from labelnb.results import Clusters, as_array

WIDGET = "clusters"


def k_means(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    starts: Annotated[int, Range(1, 100)] = 10,
    balanced: bool = False,
    max_iterations: Annotated[int, Range(1, 10000)] = 300,
    seed: int = 0,
) -> Clusters:
    """Group items around means: every item belongs to the nearest one.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : clusters, from 1 to N
    starts : k-means++ starts; the one of least inertia is returned
    balanced : every cluster gets floor(N/K) or ceil(N/K) items
    max_iterations : most Lloyd steps a start
    seed : of the starts

    Returns
    -------
    Clusters without probabilities. Evidence: `centres` (K, D), `inertia`, `distances` (N,) to the own centre, `iterations`.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    One step costs N x K x D. Do not use it where groups differ much in size or spread: it cuts the large ones. Use `sela` or
    `balanced` where groups are of equal size, `hdbscan` where some items belong nowhere.
    """
    x = unit_rows(embeddings)
    return split(x, n_clusters, starts, max_iterations, seed, balanced=balanced)


def split(
    x: torch.Tensor, n_clusters: int, starts: int, max_iterations: int, seed: int, *, balanced: bool = False, spherical: bool = False
) -> Clusters:
    """K-means of checked rows, Euclidean or on the sphere, as Clusters."""
    k = positive_int("n_clusters", n_clusters)
    if k > len(x):
        raise ValueError(f"n_clusters: got {k} for {len(x)} items; expected at most one cluster an item")
    positive_int("starts", starts), positive_int("max_iterations", max_iterations)
    found = kmeans(x, k, seed=seed, n_init=starts, balanced=balanced, spherical=spherical, max_iterations=max_iterations)
    centres = found.centres.to(x)
    rest = torch.cat([(a - centres[b]).norm(dim=1) for a, b in zip(x.split(8192), found.assignment.to(x.device).split(8192), strict=True)])
    warnings = () if found.converged else (f"the best start had not settled after {found.iterations} steps: raise max_iterations",)
    evidence = {"centres": centres, "inertia": found.inertia, "distances": rest, "iterations": found.iterations}
    return Clusters(as_array(found.assignment), evidence=evidence, warnings=warnings)
