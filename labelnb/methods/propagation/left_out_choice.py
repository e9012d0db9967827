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
from labelnb.compute.temperature import fit_temperature
from labelnb.methods.propagation.class_item_graph import Neighbours, class_item_weights, label_strength, node_seeds
from labelnb.methods.propagation.system_proposal import blended

__all__ = ["GridPoint", "judge", "judged_items", "usual", "zlap_grid", "best_point", "Beside", "beside"]

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


def usual(name: str, value: Any, known: np.ndarray) -> Any:
    """The value of zlap's `k`, `alpha` or `gamma`, or the usual one where it is `auto`: the paper's without labels, a farther reach with.

    Raises
    ------
    ValueError
        If it is another text.
    """
    if not isinstance(value, str):
        return value
    if value != "auto":
        raise ValueError(f"{name}: got {value!r}, expected a number or 'auto'")
    return (USUAL_WITH_LABELS if (known >= 0).any() else USUAL)[name]


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


class Beside(NamedTuple):
    """What speaks beside the graph, and how loud."""

    chosen: str
    """`zlap`: nothing does; `blend`: a linear probe, as loud as the graph; `probe`, `names`: these alone."""
    share: float
    """Of the proposal that is theirs: 0, a half or 1."""
    left_out: dict[str, float]
    """Share of the known labels that each gives back."""
    temperature: float = 1.0
    """What makes the proposal's shares as sure as the left-out labels say they should be; it changes no order of classes."""

    def scores(self, x: torch.Tensor, classes: torch.Tensor, known: np.ndarray, rows: torch.Tensor) -> np.ndarray | None:
        """(M, K) shares of what speaks beside the graph for `rows` (M, D); None where nothing does."""
        if self.chosen == "zlap":
            return None
        if self.chosen == "names":
            return _shares_of_names(rows, classes)
        items = np.flatnonzero(known >= 0)
        return np.asarray(probe(x[items], known[items], n_classes=len(classes)).probabilities(rows).cpu().numpy())

    def evidence(self, x: torch.Tensor, classes: torch.Tensor, known: np.ndarray, rows: torch.Tensor) -> dict[str, Any]:
        """What a proposal for `rows` says of it."""
        words = self.scores(x, classes, known, rows)
        made: dict[str, Any] = {"chosen": self.chosen, "left_out": self.left_out}
        return made if words is None else {**made, "beside": words, "beside_share": self.share, "temperature": self.temperature}

    def said(self) -> list[str]:
        """Why the graph was not used, for a proposal's warnings."""
        if self.share < 1:
            return []
        return [
            f"of the known labels, left out in turn, graph and probe together give back {self.left_out['blend']:.0%}, {self.chosen} alone "
            f"{self.left_out[self.chosen]:.0%}, more than chance explains: proposed by {self.chosen} (safe=False proposes by the graph)"
        ]


def beside(system: SeedSystem, x: torch.Tensor, classes: torch.Tensor, known: np.ndarray) -> Beside:
    """Graph and a linear probe, half each; names or probe alone only where these give back more of the known labels by two standard errors.

    Each label is left out in turn on the graph; the names know none; the probe is judged in 10 folds, fewer where labels are.
    Few labels cannot tell two accuracies apart, so that taking the larger one is a draw: the blend stays until the difference, label by
    label, is twice its standard error.
    """
    judged, items = judged_items(x, known), np.flatnonzero(known >= 0)
    truth = known[judged]
    rest = np.maximum(leave_one_out(system, judged + system.first_item, tolerance=1e-7), 0)
    right = {"zlap": (rest.argmax(axis=1) == truth) & (rest.sum(axis=1) > 0)}
    right["names"] = (x[judged] @ classes.T).argmax(1).cpu().numpy() == truth
    if len(np.unique(known[items])) < 2:
        return Beside("zlap", 0.0, {name: float(each.mean()) for name, each in right.items()})
    folds = out_of_fold(x[items], known[items], folds=min(10, len(items)), tolerance=1e-4, n_classes=len(classes))
    words = folds.cpu().numpy()[np.isin(items, judged)]
    # The only label of its class left out, a probe knows no such class: what it says then tells of the folds, not of the probe.
    words = words * (np.bincount(known[items])[truth] > 1)[:, None]
    right["probe"] = (words.argmax(axis=1) == truth) & (words.sum(axis=1) > 0)
    spoken = {"probe": words, "names": _shares_of_names(x[judged], classes), "blend": blended(rest, words, SHARE)}
    right["blend"] = spoken["blend"].argmax(axis=1) == truth
    left_out = {name: float(each.mean()) for name, each in right.items()}
    rival = max(("names", "probe"), key=lambda name: left_out[name])
    lead = right[rival].astype(float) - right["blend"]
    # A sample without a single difference has no spread, yet proves nothing: one difference at least is taken to be in it.
    error = float(np.sqrt(max(lead.var(), 1 / len(lead)) / len(lead)))
    chosen = rival if lead.mean() > LEAD * error else "blend"
    with np.errstate(divide="ignore"):
        said = torch.from_numpy(np.log(np.asarray(spoken[chosen], np.float64)))
    temperature = fit_temperature(said, torch.from_numpy(truth), prior=PRIOR)
    return Beside(chosen, SHARE if chosen == "blend" else 1.0, left_out, temperature)


def _shares_of_names(rows: torch.Tensor, classes: torch.Tensor) -> np.ndarray:
    near = np.maximum((rows @ classes.T).cpu().numpy(), 0)
    return np.asarray(near / np.maximum(near.sum(axis=1, keepdims=True), 1e-12))


USUAL: dict[str, float] = {"k": 5, "alpha": 0.3, "gamma": 5.0}
USUAL_WITH_LABELS: dict[str, float] = {"k": 10, "alpha": 0.9, "gamma": 5.0}
LEAD = 2.0
"""Standard errors by which names or probe alone must be ahead."""
SHARE = 0.5
"""Of a blended proposal that is the probe's."""
PRIOR = 1.0
"""Observations' worth for shares that are right as they are, beside the left-out labels."""
