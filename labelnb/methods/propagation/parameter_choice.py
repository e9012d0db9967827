"""Which k, alpha and gamma: every setting of a grid judged by leaving each known label out, in closed form; the whole grid is shown.

Source: Allen 1974, The Relationship between Variable Selection and Data Augmentation and a Method for Prediction (Technometrics 16), for
leaving one out in closed form; Zhou et al. 2004 and Stojnic et al. 2024 (arXiv 2404.04072) for what is judged.
"""
from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, class_labels, class_rows, positive_int, unit_rows
from labelnb.compute.knn import knn_graph
from labelnb.compute.leave_one_out import leave_one_out_alphas
from labelnb.methods.propagation.class_item_graph import neighbours
from labelnb.methods.propagation.left_out_choice import GridPoint, best_point, judge, judged_items, zlap_grid
from labelnb.results import Report

WIDGET = "report"


def parameter_choice(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    class_embeddings: torch.Tensor | None = None,
    *,
    judged: Annotated[int, Range(2, 10_000)] = 150,
    n_classes: int | None = None,
) -> Report:
    """Report how the left-out accuracy depends on k, alpha and gamma, and the best setting.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items
    labels : (N,) class positions, -1 where unknown
    class_embeddings : (K, D) or (K, P, D): with them `zlap` is judged, without them `label_spreading` on the graph of k neighbours whose
        cosines are raised to the power gamma
    judged : labels that are judged at most, drawn by content; the others are seeds all the same
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Report. Values: `k`, `alpha`, `gamma`, `accuracy` and `sureness` of the best setting, `labels judged`, `standard error` of its
    accuracy. Table `grid`: all settings. Figures, one a k: accuracy over alpha, a line a gamma (small multiples on one scale).

    Raises
    ------
    ValueError
        If shapes do not fit, or fewer than two classes have a label.

    Notes
    -----
    The best of many settings looks better than it is: settings within one standard error of it are as good. With one label a class
    `label_spreading` cannot be judged at all, as no label of the class is left; `zlap` can, by its names.
    """
    x = unit_rows(embeddings)
    positive_int("judged", judged, low=2, high=10_000)
    classes = None if class_embeddings is None else class_rows(class_embeddings, x)
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    known = class_labels(labels, len(x), n_classes=n_classes if classes is None else len(classes)).cpu().numpy()
    if len(np.unique(known[known >= 0])) < 2:
        raise ValueError("labels: fewer than two classes have a label; label some of another")
    items = judged_items(x, known, judged)
    if classes is not None:
        near = neighbours(x, classes, 20)
        points = zlap_grid(
            near, known, items, ks=(5, 10, 20), alphas=_ALPHAS, gammas=(1.0, 3.0, 5.0, 8.0), label_weight=10.0, rescale=False
        )
    else:
        points = _spreading_grid(x, known, items, int(known.max()) + 1 if n_classes is None else n_classes)
    best = best_point(points)
    error = float(np.sqrt(best.accuracy * (1 - best.accuracy) / len(items)))
    method = "label_spreading" if classes is None else "zlap"
    return Report(
        title=f"k, alpha and gamma of {method}, judged by {len(items)} labels left out in turn",
        values={**best._asdict(), "labels judged": len(items), "standard error": error},
        tables={"grid": [point._asdict() for point in points]},
        figures=_small_multiples(points),
        warnings=tuple(_said(points, known)),
    )


def _spreading_grid(x: torch.Tensor, known: np.ndarray, judged: np.ndarray, n_classes: int) -> list[GridPoint]:
    items, most = np.flatnonzero(known >= 0), min(40, len(x) - 1)
    seeds = scipy.sparse.csr_array((np.ones(len(items)), (items, known[items])), shape=(len(x), n_classes))
    lists, points = knn_graph(x, most), []
    for k in sorted({min(k, most) for k in (5, 10, 20, 40)}):
        part = lists._replace(indices=lists.indices[:, :k], similarities=lists.similarities[:, :k])
        for gamma in (1.0, 3.0, 8.0):
            rows = leave_one_out_alphas(part.to_scipy(gamma=gamma), seeds, _ALPHAS, judged, tolerance=1e-6)
            points += [GridPoint(k, a, gamma, *judge(scores, known[judged])) for a, scores in zip(_ALPHAS, rows, strict=True)]
    return points


def _small_multiples(points: list[GridPoint]) -> dict[str, dict[str, Any]]:
    """One figure a k: accuracy over alpha, a line a gamma."""
    made = {}
    for k in sorted({point.k for point in points}):
        mine = [point for point in points if point.k == k]
        made[f"k = {k}"] = {
            "kind": "line", "x": sorted({point.alpha for point in mine}), "x_label": "alpha", "y_label": "left-out accuracy",
            "series": {
                f"gamma {gamma:g}": [point.accuracy for point in sorted(mine, key=lambda p: p.alpha) if point.gamma == gamma]
                for gamma in sorted({point.gamma for point in mine})
            },
        }
    return made


def _said(points: list[GridPoint], known: np.ndarray) -> list[str]:
    few = np.flatnonzero(np.bincount(known[known >= 0]) == 1)
    said = [f"classes at positions {few[:10].tolist()} have one label: left out, none remains"] if len(few) else []
    values = [point.accuracy for point in points]
    return [*said, "all settings give back as many labels: there is nothing to choose"] if max(values) == min(values) else said


_ALPHAS = (0.3, 0.6, 0.8, 0.9, 0.95, 0.98)
