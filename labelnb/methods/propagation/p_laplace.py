"""p-Laplace learning: scores that change no faster than they must between labels; between averaging and the most even slope.

Source: Calder 2018, The game theoretic p-Laplacian and semi-supervised learning with few labels (arXiv 1711.10144); algorithms: Flores,
Calder and Lerman 2019, Analysis and Algorithms for lp-based Semi-Supervised Learning on Graphs (arXiv 1901.05031).
Reference code: https://github.com/jwcalder/GraphLearning
"""
from __future__ import annotations

from typing import Annotated

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, positive_int, within
from labelnb.compute.device import able_device
from labelnb.compute.seed_system import reached, solve
from labelnb.methods.propagation.system_proposal import label_system, own_labels
from labelnb.results import Proposal

WIDGET = "propagation"


def p_laplace(
    graph: scipy.sparse.csr_array,
    labels: torch.Tensor,
    *,
    p: Annotated[float, Range(2.0, 1000.0)] = 10.0,
    tolerance: Annotated[float, Range(1e-9, 1e-1)] = 1e-5,
    max_iterations: Annotated[int, Range(1, 1_000_000)] = 5000,
    n_classes: int | None = None,
) -> Proposal:
    """Propose the class whose one-against-the-rest solution of the game-theoretic p-Laplace equation is largest.

    At an item without a label, u = (mean of the neighbours + (p - 2) (largest + least of the neighbours) / 2) / (p - 1): the mean is
    weighted by the edges, the extremes are not. p = 2 is `harmonic_functions`; as p grows, spikes at the labels turn into cones.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights; its diagonal is dropped
    labels : (N,) class positions, -1 where unknown
    p : exponent
    tolerance : stop when no score fails the equation by more than this
    max_iterations : sweeps over the edges at most
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Proposal; probabilities are the scores over their row's sum (one-against-the-rest scores need not sum to 1). A labelled item is
    proposed its own label; items that no label reaches abstain. Evidence: `scores` (N, K) in 0..1; `graph`; `reached` (N,) bool;
    `residual`, the largest failure of the equation at the end; `iterations`.

    Raises
    ------
    ValueError
        If graph and labels do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    Costs a sweep over edges times classes an iteration, of which it takes tens to thousands: the linear methods are one solve. Not
    linear in the labels, so there are no exact contributions; `explain` compares the scores. The extremes see edges, not weights: one
    false edge to a far label counts in full.
    """
    within("p", p, 2.0, 1000.0)
    within("tolerance", tolerance, 1e-9, 1e-1)
    positive_int("max_iterations", max_iterations, high=1_000_000)
    system, y = label_system("harmonic", graph, labels, n_classes)
    joined = reached(system)
    start = solve(system._replace(weights=system.weights.astype(np.float64)), tolerance=1e-6).scores.numpy()
    free = np.flatnonzero(joined & (y < 0))
    scores, residual, steps = _sweeps(system.weights, start, free, p, tolerance, max_iterations)
    said = [] if residual <= tolerance else [f"stopped after {steps} sweeps; the equation still fails by {residual:.1e}"]
    if not joined.all():
        said.append(f"{int((~joined).sum())} items have no path to any label and abstain (evidence['reached'])")
    evidence = {"scores": scores, "graph": system.weights, "reached": joined, "residual": residual, "iterations": steps}
    return Proposal.from_scores(own_labels(scores, y), reached=joined, evidence=evidence, warnings=said)


def _sweeps(
    weights: scipy.sparse.csr_array, start: np.ndarray, free: np.ndarray, p: float, tolerance: float, most: int,
) -> tuple[np.ndarray, float, int]:
    """u <- the equation's right side at the free nodes, all at once, from `start`; scores, last change, sweeps."""
    device = able_device("cpu")
    u = torch.from_numpy(start).to(device)
    if not len(free):
        return start, 0.0, 0
    rows = scipy.sparse.csr_array(weights[free], dtype=np.float64)
    lengths = torch.from_numpy(np.diff(rows.indptr).astype(np.int64))
    columns, at = torch.from_numpy(rows.indices.astype(np.int64)), torch.from_numpy(free)
    share = torch.from_numpy(rows.data / np.repeat(np.asarray(rows.sum(axis=1)).ravel(), np.diff(rows.indptr)))[:, None]
    mix, change, steps = (p - 2) / (p - 1), np.inf, 0
    while change > tolerance and steps < most:
        near = u[columns]
        mean = torch.segment_reduce(near * share, "sum", lengths=lengths, axis=0)
        middle = torch.segment_reduce(near, "max", lengths=lengths, axis=0) + torch.segment_reduce(near, "min", lengths=lengths, axis=0)
        after = (1 - mix) * mean + (0.5 * mix) * middle
        change = float((after - u[at]).abs().max())
        u[at] = after
        steps += 1
    return u.numpy(), change, steps
