"""Poisson learning: labels are sources and sinks of a flow over the graph; made for very few labels.

Source: Calder, Cook, Thorpe and Slepcev 2020, Poisson Learning: Graph Based Semi-Supervised Learning At Very Low Label Rates (ICML,
arXiv 2006.11184).
Reference code: https://github.com/jwcalder/GraphLearning
"""
from __future__ import annotations

import scipy.sparse
import torch

from labelnb.methods.propagation.system_proposal import label_system, propose
from labelnb.results import Proposal

WIDGET = "propagation"


def poisson_learning(
    graph: scipy.sparse.csr_array,
    labels: torch.Tensor,
    *,
    n_classes: int | None = None,
) -> Proposal:
    """Propose the class of largest potential: (D - W) F = sum over labels of (y - mean of y), with the mean of F by degree 0.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights; its diagonal is dropped
    labels : (N,) class positions, -1 where unknown
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Proposal; probabilities are a row's scores above its least over their sum: an order of certainty, not a calibrated one. A labelled
    item is proposed its own label; items that no label reaches abstain. Evidence as in `label_spreading`, `scores` may be negative.

    Raises
    ------
    ValueError
        If graph and labels do not fit, nothing is labelled, or n_classes is too small.

    Notes
    -----
    The paper has one connected graph. Where the graph falls apart, each part is solved with the mean over its own labels; in a part
    whose labels are all of one class the equation says nothing, and its items are proposed that class. Differs from
    `harmonic_functions` where labels are few: those are then constant but for spikes, this is not. With many labels the others do as
    well. A class with few labels among others with many is weighed by these numbers: label evenly.
    """
    system, y = label_system("poisson", graph, labels, n_classes)
    return propose(system, y, tolerance=1e-10)
