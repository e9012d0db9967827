"""Spherical k-means: groups by angle, each around a direction.

Source: Dhillon and Modha 2001, Concept decompositions for large sparse text data using clustering, Machine Learning 42.
"""
from __future__ import annotations

from typing import Annotated

import torch

from labelnb.checks import Range, unit_rows
from labelnb.methods.clustering.k_means import split
from labelnb.results import Clusters

WIDGET = "clusters"


def spherical_kmeans(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    starts: Annotated[int, Range(1, 100)] = 10,
    max_iterations: Annotated[int, Range(1, 10000)] = 300,
    seed: int = 0,
) -> Clusters:
    """Group items around directions: every item belongs to the one of greatest cosine.

    Parameters
    ----------
    embeddings : (N, D) one vector an item; only its direction counts
    n_clusters : clusters, from 1 to N
    starts : k-means++ starts; the one of greatest total cosine is returned
    max_iterations : most steps a start
    seed : of the starts

    Returns
    -------
    Clusters without probabilities. Evidence: `centres` (K, D) unit rows, `inertia` (twice the sum of 1 - cosine), `distances` (N,),
    `iterations`.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    One step costs N x K x D. On unit rows k-means differs from this only in the length of its centres: short centres, those of loose
    groups, win more items there. Do not use it where length means something.
    """
    return split(unit_rows(embeddings), n_clusters, starts, max_iterations, seed, spherical=True)
