"""Harmonic functions: an item's score is the chance that a random walk from it meets a label of the class first.

Source: Zhu, Ghahramani and Lafferty 2003, Semi-Supervised Learning Using Gaussian Fields and Harmonic Functions (ICML), eq. 5 and 9.
"""
from __future__ import annotations

import numpy as np
import scipy.sparse
import torch

from labelnb.methods.propagation.system_proposal import label_system, own_labels, propose
from labelnb.results import Proposal

WIDGET = "propagation"


def harmonic_functions(
    graph: scipy.sparse.csr_array,
    labels: torch.Tensor,
    *,
    class_mass: bool = False,
    n_classes: int | None = None,
) -> Proposal:
    """Propose the class that the harmonic extension of the labels gives: F = Y at labels, F = D^-1 W F elsewhere.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights; its diagonal is dropped
    labels : (N,) class positions, -1 where unknown
    class_mass : weigh the classes so that their mass over the unlabelled items is as their share of the labels (class mass
        normalisation, section 4 of the paper): right where labels were drawn at random, wrong where someone chose them
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Proposal; the scores are probabilities already. Items that no label reaches abstain. Evidence as in `label_spreading`; `scores`
    are before the weighing by class mass, `class_weights` (K,) what they were weighed by.

    Raises
    ------
    ValueError
        If graph and labels do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    A labelled item keeps its label whatever its neighbours say: wrong labels stay and spread. With very few labels on a large graph
    the solution is nearly the same everywhere but in spikes at the labels (Nadler, Srebro and Zhou 2009) and one class takes all that
    is far from every label: prefer `poisson_learning` there, or class_mass.
    """
    system, y = label_system("harmonic", graph, labels, n_classes)
    made = propose(system, y, tolerance=1e-10)
    weights = np.ones(made.probabilities.shape[1])
    if class_mass:
        free = (y < 0) & made.evidence["reached"]
        scores = np.asarray(made.evidence["scores"], dtype=np.float64)
        mass = scores[free].sum(axis=0)
        share = (np.bincount(y[y >= 0], minlength=len(weights)) + 1) / ((y >= 0).sum() + len(weights))
        weights = np.divide(share, mass, out=np.zeros_like(mass), where=mass > 0)
        shown = own_labels(scores * weights, y)
        return Proposal.from_scores(
            shown, reached=made.evidence["reached"], evidence={**made.evidence, "class_weights": weights}, warnings=made.warnings
        )
    return Proposal(made.probabilities, evidence={**made.evidence, "class_weights": weights}, warnings=made.warnings)
