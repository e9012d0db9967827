"""From a graph and labels to a linear system, and from its solution to a proposal: shared by the methods that are one linear solve."""
from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.sparse

from labelnb.checks import class_labels, positive_int
from labelnb.compute.propagate import Propagation, checked_weights
from labelnb.compute.seed_system import SeedSystem, reached, seed_system, solve
from labelnb.results import Proposal

__all__ = ["label_system", "known_labels", "propose", "own_labels", "blended", "lost"]


def known_labels(graph: Any, labels: Any, n_classes: int | None) -> tuple[scipy.sparse.csr_array, np.ndarray, int]:
    """The graph's weights, labels (N,) int64 and the number of classes, checked together.

    Raises
    ------
    ValueError
        If they do not fit, or no item is labelled.
    """
    weights = checked_weights(graph)
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    y = class_labels(labels, weights.shape[0], n_classes=n_classes).cpu().numpy()
    if not (y >= 0).any():
        raise ValueError("labels: no item is labelled; label one of each class at least, from which labels can travel")
    return weights, y, int(y.max()) + 1 if n_classes is None else int(n_classes)


def label_system(
    kind: Literal["spreading", "harmonic", "poisson"], graph: Any, labels: Any, n_classes: int | None, *, alpha: float = 1.0,
) -> tuple[SeedSystem, np.ndarray]:
    """A system whose seeds are the labelled items, each of strength 1 (1 - alpha for `spreading`), and the labels (N,)."""
    weights, y, k = known_labels(graph, labels, n_classes)
    items = np.flatnonzero(y >= 0)
    strength = 1.0 - alpha if kind == "spreading" else 1.0
    seeds = scipy.sparse.csr_array((np.full(len(items), strength), (items, y[items])), shape=(len(y), k))
    return seed_system(kind, weights, seeds, alpha=alpha), y


def propose(system: SeedSystem, labels: np.ndarray, *, tolerance: float = 1e-7) -> Proposal:
    """The system's solution as a proposal: shares of the scores, its own label for a labelled item, nothing where no seed reaches.

    Nodes beyond the items are seeds that speak for items. Where scores can be negative (`poisson`), a row's least score counts as 0.
    Evidence: `scores`, `system`, `graph`, `node_seeds`, `alpha`, `reached`, `residual`, `iterations`.
    """
    solved = solve(system, tolerance=tolerance)
    scores = solved.scores.numpy()[:len(labels)]
    joined = reached(system)[:len(labels)]
    shares = scores - scores.min(axis=1, keepdims=True) if system.kind == "poisson" and scores.shape[1] > 1 else np.maximum(scores, 0)
    shown = own_labels(shares, labels)
    n = len(labels)
    among = system.weights if system.weights.shape[0] == n else system.weights[:n, :n]
    evidence = {
        "scores": scores, "system": system, "graph": among, "node_seeds": system.seeds,
        "alpha": system.alpha,
        "reached": joined, "residual": solved.residual, "iterations": solved.iterations,
    }
    return Proposal.from_scores(shown, reached=joined, evidence=evidence, warnings=said(solved, joined))


def own_labels(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The scores with the row of every labelled item replaced by its own label."""
    known = np.flatnonzero(labels >= 0)
    made = scores.copy()
    made[known] = 0
    made[known, labels[known]] = 1
    return made


def blended(scores: np.ndarray, words: np.ndarray | None, share: float, temperature: float = 1.0) -> np.ndarray:
    """(N, K) shares of scores that are not negative, joined by what speaks beside them, (N, K) shares of its own.

    Rows without any score get `share` of the words alone where that is all there is to say (`share` 1), else nothing. A temperature
    below 1 makes the shares surer and leaves their order: each to the power of its inverse, over their sum.
    """
    total = scores.sum(axis=1, keepdims=True)
    made: np.ndarray = np.divide(scores, total, out=np.zeros(scores.shape), where=total > 0)
    if words is not None and share > 0:
        made = (1 - share) * made + share * words * ((total > 0) | (share >= 1))
    if temperature == 1:
        return made
    most = made.max(axis=1, keepdims=True)
    made = np.divide(made, most, out=np.zeros(made.shape), where=most > 0) ** (1 / temperature)
    return made / np.maximum(made.sum(axis=1, keepdims=True), 1e-300)


def said(solved: Propagation, joined: np.ndarray) -> list[str]:
    """What a careful reader must know of the solve."""
    warnings = []
    if not solved.converged:
        warnings.append(f"the solve stopped at a relative residual of {solved.residual:.1e} after {solved.iterations} steps")
    return [*warnings, *lost(joined)]


def lost(joined: np.ndarray) -> list[str]:
    """What is said of items that no label reaches."""
    return [] if joined.all() else [
        f"{int((~joined).sum())} items have no path to any label and abstain (evidence['reached']); label one of each part, or join "
        "the parts by a larger k"
    ]
