"""What known labels say of a choice: every label judged by the rest, for hyperparameters, and beside what needs no graph.

Source: the closed forms are in `labelnb.compute.leave_one_out`; the idea is Allen 1974, The Relationship between Variable Selection and
Data Augmentation and a Method for Prediction (PRESS).
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from labelnb.compute.leave_one_out import leave_one_out, leave_one_out_alphas
from labelnb.compute.probe import out_of_fold, probe
from labelnb.compute.rewire import rewired
from labelnb.compute.seed_system import SeedSystem
from labelnb.methods.propagation.class_item_graph import Neighbours, class_item_weights, label_strength, node_seeds

__all__ = ["GridPoint", "judge", "judged_items", "zlap_grid", "best_point", "safe_choice", "without_graph", "fallback_said"]

MOST_JUDGED = 300
"""Labels that are judged at most; the rest are still seeds."""


class GridPoint(NamedTuple):
    """One setting, and what the labels that were left out say of it."""

    k: int
    alpha: float
    gamma: float
    accuracy: float
    """Share of the judged labels that the rest of the graph gives back."""
    sureness: float
    """Mean share of the score that goes to the known label: tells settings of equal accuracy apart."""


def judge(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Accuracy and sureness of left-out scores (n, K) of items whose labels (n,) are known; a row of zeros is wrong."""
    total = np.maximum(scores, 0).sum(axis=1)
    share = np.divide(np.maximum(scores, 0)[np.arange(len(truth)), truth], total, out=np.zeros(len(truth)), where=total > 0)
    return float(((scores.argmax(axis=1) == truth) & (total > 0)).mean()), float(share.mean())


def judged_items(x: torch.Tensor, known: np.ndarray, most: int = MOST_JUDGED) -> np.ndarray:
    """Positions of the known items that are judged: all, or a sample by their content, whatever their order."""
    items = np.flatnonzero(known >= 0)
    if len(items) <= most:
        return items
    from labelnb.compute.kmeans import content_order

    return np.sort(items[content_order(x[items], 0)[:most].cpu().numpy()])


def zlap_grid(
    near: Neighbours, known: np.ndarray, judged: np.ndarray, *, ks: Sequence[int], alphas: Sequence[float], gammas: Sequence[float],
    label_weight: float, rescale: bool, graph_edits: Any = None,
) -> list[GridPoint]:
    """Every setting of the grid, judged by leaving one label out at a time: a closed form, one run of products with each graph.

    Parameters
    ----------
    near : lists of the largest k of the grid
    known : (N,) class positions, -1 where unknown
    judged : (n,) positions of the known items that are judged
    """
    n, n_classes = len(known), near.classes.n_rows
    items = np.flatnonzero(known >= 0)
    points = []
    for k in ks:
        for gamma in gammas:
            weights, _ = class_item_weights(near.shortened(k), gamma, rescale)
            strength = label_strength(weights, n_classes, label_weight)
            if graph_edits is not None:
                weights = rewired(weights, graph_edits, first=n_classes)
            seeds = node_seeds(n_classes, n, np.stack([items, known[items]]), strength)
            rows = leave_one_out_alphas(weights, seeds, alphas, judged + n_classes, tolerance=1e-6)
            for alpha, scores in zip(alphas, rows, strict=True):
                points.append(GridPoint(int(k), float(alpha), float(gamma), *judge(scores, known[judged])))
    return points


def best_point(points: Sequence[GridPoint]) -> GridPoint:
    """The setting of highest accuracy; among those as good as equal, of highest sureness."""
    if len(points) == 1:
        return points[0]
    top = max(point.accuracy for point in points)
    return max((point for point in points if point.accuracy >= top - 1e-9), key=lambda point: (point.sureness, -point.k))


def safe_choice(system: SeedSystem, x: torch.Tensor, classes: torch.Tensor, known: np.ndarray) -> tuple[str, dict[str, float]]:
    """`zlap`, `names` or `probe`, whichever gives back most of the known labels (the graph where it is as good), and their accuracies.

    Each label is left out in turn on the graph; the names know none; a linear probe is judged in 10 folds, fewer where labels are.
    """
    judged, items = judged_items(x, known), np.flatnonzero(known >= 0)
    rows = leave_one_out(system, judged + system.first_item, tolerance=1e-7)
    nearest = (x[judged] @ classes.T).argmax(1).cpu().numpy()
    left_out = {"zlap": judge(rows, known[judged])[0], "names": float((nearest == known[judged]).mean())}
    if len(np.unique(known[items])) > 1:
        folds: Any = out_of_fold(x[items], known[items], folds=min(10, len(items)), tolerance=1e-4)
        right = folds.argmax(1).cpu().numpy() == known[items]
        left_out["probe"] = float(right[np.isin(items, judged)].mean())
    return max(left_out, key=lambda name: (left_out[name], name == "zlap")), left_out


def without_graph(chosen: str, x: torch.Tensor, classes: torch.Tensor, known: np.ndarray, rows: torch.Tensor) -> np.ndarray:
    """(M, K) what the `names` or a `probe` of the known items say of `rows` (M, D), not negative."""
    items = np.flatnonzero(known >= 0)
    if chosen == "probe":
        return np.asarray(probe(x[items], known[items], n_classes=len(classes)).probabilities(rows).cpu().numpy())
    return np.maximum((rows @ classes.T).cpu().numpy(), 0)


def fallback_said(chosen: str, left_out: dict[str, float]) -> str:
    """Why the graph was not used, for a proposal's warnings."""
    return (
        f"of the known labels, left out in turn, the graph gives back {left_out['zlap']:.0%}, {chosen} alone {left_out[chosen]:.0%}: "
        f"proposed by {chosen} (safe=False proposes by the graph)"
    )
