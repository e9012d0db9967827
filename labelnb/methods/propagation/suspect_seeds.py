"""Labels that their neighbourhood contradicts: each label is left out, and the rest of the graph says what it would be.

Source: Zhou et al. 2004, Learning with Local and Global Consistency (NeurIPS 16), for the scores; leaving one out in closed form follows
Allen 1974, The Relationship between Variable Selection and Data Augmentation and a Method for Prediction (Technometrics 16).
"""
from __future__ import annotations

from typing import Annotated

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, within
from labelnb.compute.seed_agreement import left_out
from labelnb.methods.propagation.system_proposal import label_system
from labelnb.results import Ranking

WIDGET = "triage"


def suspect_seeds(
    graph: scipy.sparse.csr_array,
    labels: torch.Tensor,
    *,
    alpha: Annotated[float, Range(0.0, 0.999)] = 0.9,
    margin: Annotated[float, Range(0.0, 1.0)] = 0.2,
    n_classes: int | None = None,
) -> Ranking:
    """Rank the labelled items by how much more of the left-out score goes to another class than to their own label.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights; its diagonal is dropped
    labels : (N,) class positions, -1 where unknown
    alpha : of `label_spreading`, by which the rest of the labels is propagated
    margin : an item is flagged when another class gets more than its own label by this share of the whole score at least
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Ranking of the items: scores in -1..1, the share of the best other class less that of the label; NaN for items without a label and
    for those that no other label reaches. Evidence: `suggested` (N,), the class that the rest gives, -1 where it gives none;
    `left_out` (N, K), shares by class.

    Raises
    ------
    ValueError
        If graph and labels do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    A hint, not a verdict: items between two classes, and classes with few labels, are contradicted too. Each class is
    weighed by the labels it has left, or a class of many would win everywhere. `s.graph.check(proposal)` says the same of a proposal's own
    system. The cost is one solve of as many columns as there are labels: for tens of thousands of labels, prefer
    `noisy.confident_learning`.
    """
    within("alpha", alpha, 0.0, 0.999)
    within("margin", margin, 0.0, 1.0)
    system, y = label_system("spreading", graph, labels, n_classes, alpha=alpha)
    items = np.flatnonzero(y >= 0)
    rest = left_out(system, items, y[items], tolerance=1e-8)
    own, best = rest.shares[np.arange(len(items)), y[items]], rest.says
    scores, flagged = np.full(len(y), np.nan), np.zeros(len(y), bool)
    scores[items] = rest.against
    flagged[items] = np.nan_to_num(rest.against, nan=-1.0) > margin
    suggested, shown = np.full(len(y), -1), np.zeros((len(y), rest.shares.shape[1]))
    suggested[items], shown[items] = best, rest.shares
    reasons = [""] * len(y)
    for place in np.flatnonzero(flagged[items]):
        share = rest.shares[place, best[place]]
        reasons[items[place]] = f"the other labels give class {best[place]} {share:.0%}, its own {own[place]:.0%}"
    return Ranking(scores, flagged=flagged, reasons=reasons, evidence={"suggested": suggested, "left_out": shown})
