"""Whether neighbours agree, as far as seeds tell: homophily over the edges between them, and what the rest makes of each seed.

Source: Zhu et al. 2020, Beyond Homophily in Graph Neural Networks (arXiv 2006.11468), for homophily by edges; Platonov et al. 2023,
Characterizing Graph Datasets for Node Classification (arXiv 2209.06177), for its adjustment by class sizes. Leaving one out: see
`labelnb.compute.leave_one_out`.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse

from labelnb.compute.leave_one_out import leave_one_out
from labelnb.compute.seed_system import SeedSystem

__all__ = ["Homophily", "LeftOut", "homophily", "left_out"]


class Homophily(NamedTuple):
    """How far edges between known nodes join one class; NaN where there is no such edge."""

    share: float
    """Of the weight of these edges, what joins two nodes of one class."""
    low: float
    high: float
    """Ends of an interval around the share, by a jackknife that leaves out one node with its edges."""
    adjusted: float
    """0 where edges fall as by chance among the classes, 1 where all agree."""
    edges: int
    """Edges between known nodes."""
    by_class: np.ndarray
    """(K,) the share at the edge ends of each class."""


def homophily(
    weights: scipy.sparse.csr_array, nodes: np.ndarray, label: np.ndarray, n_classes: int, *, confidence: float = 0.95,
) -> Homophily:
    """The homophily of a graph on known nodes.

    Parameters
    ----------
    weights : (M, M) symmetric, without a diagonal
    nodes : (n,) known nodes
    label : (n,) class of each
    n_classes : K
    confidence : of the interval

    Notes
    -----
    The interval is narrow only where many edges join known nodes; nodes that were chosen, not drawn, tell of where they were chosen.
    """
    from statistics import NormalDist

    among = scipy.sparse.triu(weights[nodes][:, nodes].astype(np.float64), k=1).tocoo()
    there = among.data > 0
    a, b, weight = among.coords[0][there], among.coords[1][there], among.data[there]
    same = weight * (label[a] == label[b])
    total, agree, n = float(weight.sum()), float(same.sum()), len(nodes)
    at_total = np.bincount(a, weight, n) + np.bincount(b, weight, n)
    at_same = np.bincount(a, same, n) + np.bincount(b, same, n)
    share = agree / total if total else float("nan")
    half, left = float("nan"), total - at_total > 0
    if total and left.sum() > 1:
        without = (agree - at_same[left]) / (total - at_total[left])
        spread = (left.sum() - 1) / left.sum() * ((without - without.mean()) ** 2).sum()
        half = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.sqrt(spread))
    mass, agreeing = np.bincount(label, at_total, n_classes), np.bincount(label, at_same, n_classes)
    chance = float(((mass / mass.sum()) ** 2).sum()) if total else float("nan")
    adjusted = (share - chance) / (1 - chance) if total and chance < 1 else float("nan")
    by_class = np.divide(agreeing, mass, out=np.full(n_classes, np.nan), where=mass > 0)
    return Homophily(share, max(0.0, share - half), min(1.0, share + half), adjusted, len(weight), by_class)


class LeftOut(NamedTuple):
    """What the rest of the graph makes of seeds, each left out in turn."""

    scores: np.ndarray
    """(n, K) scores without their own seed."""
    shares: np.ndarray
    """(n, K) of the scores by class, each class weighed by the seed it has left; zeros where no other seed reaches."""
    says: np.ndarray
    """(n,) class of the largest share, -1 where no other seed reaches."""
    against: np.ndarray
    """(n,) in -1..1: the largest share of another class less the share of the seed's own; NaN where no other seed reaches."""


def left_out(system: SeedSystem, nodes: np.ndarray, label: np.ndarray, *, tolerance: float = 1e-10) -> LeftOut:
    """Every seed as the others see it.

    Parameters
    ----------
    nodes : (n,) seeds of the system
    label : (n,) their classes
    tolerance : of the solves
    """
    k = system.seeds.shape[1]
    if not len(nodes):
        return LeftOut(np.empty((0, k)), np.empty((0, k)), np.empty(0, np.int64), np.empty(0))
    scores = leave_one_out(system, nodes, tolerance=tolerance)
    shares = scores - scores.min(axis=1, keepdims=True) if system.kind == "poisson" else np.maximum(scores, 0)
    # Without its own seed an item's class has one less than the others, which alone would speak against it where they are few.
    left = np.asarray(system.seeds.sum(axis=0)).ravel() - system.seeds[nodes].toarray()
    shares = np.divide(shares, left, out=np.zeros_like(shares), where=left > 1e-12)
    total = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 1e-12)
    met = total[:, 0] > 1e-12
    own = shares[np.arange(len(label)), label]
    others = shares.copy()
    others[np.arange(len(label)), label] = -1 if k > 1 else 0
    return LeftOut(scores, shares, np.where(met, shares.argmax(axis=1), -1), np.where(met, others.max(axis=1) - own, np.nan))
