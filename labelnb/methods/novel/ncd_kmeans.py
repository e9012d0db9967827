"""NCD k-means: new centres are started away from the known classes, and only they move.

Source: Troisemaine, Reiffers-Masson, Gosselin, Lemaire and Vaton 2023, "A Practical Approach to Novel Class Discovery in Tabular Data",
section 3.1, arXiv 2311.05440. Reference code: https://github.com/Orange-OpenSource/PracticalNCD
"""
from __future__ import annotations

from typing import Annotated, Literal

import torch

from labelnb.checks import Range, generator, positive_int
from labelnb.compute.kmeans import KMeans, kmeans, plus_plus
from labelnb.compute.seeded_kmeans import class_means
from labelnb.number_of_classes import opened
from labelnb.open_world import grouped
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 14


def ncd_kmeans(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    unlabelled: Literal["mixed", "novel"] = "mixed",
    whiten: bool = False,
    starts: Annotated[int, Range(1, 100)] = 10,
    max_iterations: Annotated[int, Range(1, 10000)] = 1000,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes, whose centres are the means of their labelled items and stay there, and `n_novel` new ones.

    New centres are drawn by k-means++ that counts the known centres as taken, and only they are moved by Lloyd's steps over the
    unlabelled items.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    n_novel : new groups; None estimates their number (`number_of_classes`)
    unlabelled : `mixed`, an unlabelled item may belong to a known class, whose centre competes for it; `novel`, the paper's setting:
        all unlabelled items are of new classes, and known centres only steer the start
    whiten : work where the known classes are as wide in all directions, instead of on the embeddings as they are
    starts : starts; the one of least inertia is returned
    max_iterations : most Lloyd steps a start
    seed : of the starts

    Returns
    -------
    Clusters, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class position of each cluster, -1 for a
    new one; `distances` (N,) squared distance to the own centre; `inertia`, `iterations`, `n_novel`.

    Raises
    ------
    ValueError
        If no item is labelled, n_novel does not fit, or an ingredient is not what it should be: each is named.

    Notes
    -----
    The paper draws new centres by distance; k-means++ and this do so by its square. With `unlabelled="novel"` n_novel must be 1 or
    more. Do not use that where known classes may be among the unlabelled: all of their items would be called new.
    """
    positive_int("starts", starts), positive_int("max_iterations", max_iterations)
    if unlabelled not in ("mixed", "novel"):
        raise ValueError(f"unlabelled: got {unlabelled!r}, expected 'mixed' or 'novel'")
    world, rows, number, facts, warnings = opened(
        embeddings, labels, n_novel, whiten=whiten, seed=seed, low=1 if unlabelled == "novel" else 0
    )
    centres = class_means(rows, world.labels)
    assignment = world.labels.clone()
    part = rows[world.free]
    if len(part) and number:
        run = _best(part, centres, number, unlabelled, starts, max_iterations, seed)
        assignment[world.free] = run.assignment
        centres = run.centres
        facts = {"inertia": run.inertia, "iterations": run.iterations, **facts}
    elif len(part):
        assignment[world.free] = torch.cdist(part, centres).argmin(1)
    away = ((rows - centres[assignment]) ** 2).sum(1)
    return grouped(world, assignment, evidence={"distances": away, **facts}, warnings=warnings)


def _best(part: torch.Tensor, known: torch.Tensor, number: int, unlabelled: str, starts: int, steps: int, seed: int) -> KMeans:
    """The run of least inertia; assignment and centres count the known classes first."""
    L, k = len(known), len(known) + number
    if unlabelled == "mixed" and k <= len(part):
        return kmeans(part, k, fixed=known, seed=seed, n_init=starts, max_iterations=steps, tolerance=0.0)
    # With fewer unlabelled items than centres (the kernel counts fixed centres among its clusters) items go where they lie nearest.
    draw, best = generator(seed), None
    for _ in range(starts):
        begun = plus_plus(part, k, known, draw)[L:]
        run = kmeans(part, number, init=begun, seed=seed, max_iterations=steps, tolerance=0.0)
        best = run if best is None or run.inertia < best.inertia else best
    assert best is not None
    centres = torch.cat([known, best.centres])
    if unlabelled == "mixed":
        return best._replace(assignment=torch.cdist(part, centres).argmin(1), centres=centres)
    return best._replace(assignment=L + best.assignment, centres=centres)
