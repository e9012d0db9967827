"""Zero-shot label propagation: class names and items are nodes of one graph, and labels travel from names to items.

Source: Stojnic, Kalantidis and Tolias 2024, Label Propagation for Zero-shot Classification with Vision-Language Models (arXiv 2404.04072).
Reference code: https://github.com/vladan-stojnic/ZLaP
"""
from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch

from labelnb.checks import Range, as_tensor, class_labels, class_rows, unit_rows, within
from labelnb.compute.leave_one_out import leave_one_out
from labelnb.compute.propagate import Propagation, normalised
from labelnb.compute.rewire import rewired
from labelnb.compute.seed_system import SeedSystem, reached, solve
from labelnb.methods.propagation.class_item_graph import Neighbours, class_item_weights, label_strength, neighbours, node_seeds
from labelnb.methods.propagation.class_proxies import learn_proxies
from labelnb.methods.propagation.left_out_choice import (
    GridPoint,
    beside,
    best_point,
    judged_items,
    usual,
    zlap_grid,
)
from labelnb.methods.propagation.system_proposal import blended, own_labels
from labelnb.results import Proposal

WIDGET = "propagation"
CATALOGUE = 150


def zlap(
    embeddings: torch.Tensor,
    class_embeddings: torch.Tensor,
    *,
    k: Annotated[int, Range(1, 200)] | Literal["auto", "search"] = "auto",
    alpha: Annotated[float, Range(0.0, 0.999)] | Literal["auto", "search"] = "auto",
    gamma: Annotated[float, Range(0.1, 20.0)] | Literal["auto", "search"] = "auto",
    labels: torch.Tensor | None = None,
    multi_labels: torch.Tensor | None = None,
    label_weight: Annotated[float, Range(0.0, 1000.0)] = 10.0,
    rescale: bool = False,
    proxies: bool = False,
    proxy_temperature: Annotated[float, Range(0.001, 1.0)] = 0.01,
    safe: bool = True,
    graph_edits: torch.Tensor | None = None,
) -> Proposal:
    """Propose the class whose name reaches an item best over the graph of items and names.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items; brought to length 1
    class_embeddings : (K, D) one vector a class, or (K, P, D) one a prompt, from the same encoder
    k : length of the two neighbour lists of an item. As in the reference, an item stands in its own list of items and is then left
        out, so there are k - 1 other items and k classes (all of them where there are fewer)
    alpha : share of a score that comes from the neighbours, in [0, 1); the larger, the farther labels travel
    gamma : power on the similarities between items and classes, which live in a narrower range than those between items.
        `auto` is the paper's setting without labels (5, .3, 5) and a farther reach with them (10, .9, 5). `search`, for any of the three,
        chooses among k 5, 10, 20, alpha .3, .6, .9, .97 and gamma 2, 5 the setting at which the rest of the graph gives back most of the
        labels, each left out in turn (closed form); without labels it is `auto`
    labels : (N,) class positions of items that are known, -1 where not. A known item becomes a seed of its class beside the class's
        name; it is proposed its own label with probability 1, while its row of the scores says what its neighbourhood makes of it
    multi_labels : (N, K) of 1, 0, -1 (unknown) instead of labels, where an item can hold several classes: each 1 is a seed
    label_weight : how much louder a labelled neighbour speaks to an item than the name that lies nearest to it. A name spreads its
        strength of 1 over the many items it is joined to, a labelled item over few, so the seeds' own strength is this times the
        mean of the items' strongest links to a name over the mean of their links among themselves
    rescale : bring all similarities from their least and greatest to 0..1 before the power: the reference's setting for proxies
    proxies : replace the names' vectors by vectors learned from the items that the names find (InMaP), and rescale. It takes the
        classes to be of equal size: right on balanced collections only
    proxy_temperature : softmax temperature at which names find items for the proxies
    safe : where labels of two classes are given, the graph has half a say and a linear probe on the labels the other half; names or probe
        propose alone where, each label left out in turn, they give back more of them by two standard errors (`evidence["chosen"]`)
    graph_edits : (E, 4) edges among the items that people have changed: a, b (-1 for all of a), factor, and what is added in mean weights

    Returns
    -------
    Proposal; probabilities are the scores over their row's sum. Where it is safe they are joined by `beside`, and made as sure as the
    left-out labels say they should be, by one `temperature` that changes no order. Items that no seed reaches abstain.
    Evidence: `scores` (N, K), the graph's own, whatever speaks beside it; `graph`, sparse (K + N, K + N), the normalised S over classes,
    then items; `node_seeds`, sparse (K + N, K); `class_scores` (K, K); `k`, `alpha`, `gamma`, as used; `residual`; `iterations`;
    `knn_recall`; `reached` (N,) bool; `label_strength`, of the labelled items in `node_seeds`; `system`, all of this in one, for `explain`
    and the widgets; where it is safe `chosen` (`blend`, `names`, `probe`, `zlap`), `left_out`, the accuracies by name, `beside` (N, K),
    what speaks beside the graph, `beside_share`, how loud, `temperature`; `grid`, rows of k, alpha, gamma, accuracy, sureness where any was
    searched; `thresholds` (K,) and `holds` (N, K) bool with multi_labels. The solution of (I - alpha graph) F = node_seeds holds
    class_scores, then scores.

    Raises
    ------
    ValueError
        If shapes do not fit, a vector is zero or holds NaN, or a hyperparameter is out of its range.

    Notes
    -----
    The neighbours cost N^2 D below 30,000 items, less above where there are groups; the solve is linear in N k K. Do not use it where the
    items' own neighbours are of mixed classes: it then spreads mistakes. With more than some 25 labels a class a classifier learns more
    from the labels than the graph does: names stay seeds however wrong they are.

    On 10,000 CIFAR-10 images in a weak space (ConSE with half its weight on text; names alone: .379) the paper's defaults, tuned for CLIP,
    reached .402, k=10 with alpha=.9 .445, k=5 with gamma=1 only .366; in a better space (names .518) .555 and .598, on 7,600 AG News texts
    (names .671) .708 and .760: where names are good and there is no label to tell, k=10 and alpha=.9 are worth a try. The label_weight
    of 10 was at or near the best for k 5 to 20, alpha .3 and .9, 1 to 25 labels a class, with 1/2 to 1/50 of the space's weight on text.

    With 1 / 2 / 5 / 10 / 25 labels a class, mean of five draws. CIFAR-10 in the better space: a linear probe .358 / .437 / .546 / .585 /
    .649; the graph with k=5 and alpha=.3 .555 / .557 / .561 / .568 / .577, with k=10 and alpha=.9 .599 / .609 / .616 / .622 / .630; with
    the probe besides, as is the default, .599 / .609 / .619 / .626 / .649. AG News: probe .517 / .556 / .728 / .769 / .822, graph .773 /
    .775 / .796 / .809 / .840, both .776 / .781 / .808 / .823 / .852. To take whichever of graph, names and probe gives back most labels
    is to choose by chance where labels are few: .566 (CIFAR-10, 1 a class), .752 and .777 (AG News, 2 and 5).
    Probabilities, distance from the share that is right (15 bins), mean of three sets and two draws: .31 to .35 as shares, .25 / .22 /
    .04 / .03 / .02 with the temperature, too low rather than too high below 5 labels a class.
    Where names are bad (Fashion-MNIST, .245 alone) the default is .01 to .02 below the probe up to 5 labels a class, .02 above from 10 on.
    """
    x = unit_rows(embeddings)
    classes = class_rows(class_embeddings, x)
    if proxies:
        classes = learn_proxies(x, classes, proxy_temperature)
    else:
        within("proxy_temperature", proxy_temperature, 1e-3, 1.0)
    known, holds = _known(labels, multi_labels, len(x), len(classes))
    rescale = rescale or proxies
    heard = known if label_weight else np.full(len(x), -1)
    near, points = _settings(x, classes, heard, k, alpha, gamma, label_weight, rescale, graph_edits)
    best = best_point(points)
    weights, _ = class_item_weights(near.shortened(best.k), best.gamma, rescale)
    strength = label_strength(weights, len(classes), label_weight)
    if graph_edits is not None:
        weights = rewired(weights, graph_edits, first=len(classes))
    seeds = node_seeds(len(classes), len(x), holds, strength)
    system = SeedSystem("spreading", weights, seeds, within("alpha", best.alpha, 0.0, 0.999), len(classes))
    made = _evidence(system, near, best, strength, x)
    if len(points) > 1:
        made.evidence["grid"] = [point._asdict() for point in points]
    if multi_labels is not None:
        given = as_tensor(multi_labels, "multi_labels", dtype=None).cpu().numpy()
        made.evidence.update(_thresholds(system, made.evidence["scores"], given))
    shown, reached, warnings = made.evidence["scores"], made.evidence["reached"], _warnings(made.solved, made.evidence["reached"])
    if safe and holds.shape[1] and multi_labels is None and label_weight > 0:
        found = beside(system, x, classes, known)
        made.evidence.update(found.evidence(x, classes, known, x))
        if "beside" in made.evidence:
            shown = blended(np.maximum(shown, 0) * reached[:, None], made.evidence["beside"], found.share, found.temperature)
            reached, warnings = (np.ones(len(x), bool), found.said()) if found.share == 1 else (reached, warnings)
    return Proposal.from_scores(own_labels(shown, known), reached=reached, evidence=made.evidence, warnings=warnings)


class _Made(NamedTuple):
    evidence: dict[str, Any]
    solved: Propagation


def _known(labels: Any, multi_labels: Any, n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Single labels (N,), -1 where there is none or several can hold; and every known pair of item and class, (2, L)."""
    if multi_labels is None:
        known = np.full(n, -1) if labels is None else class_labels(labels, n, n_classes=n_classes).cpu().numpy()
        items = np.flatnonzero(known >= 0)
        return known, np.stack([items, known[items]])
    given = as_tensor(multi_labels, "multi_labels", dtype=None).cpu().numpy()
    if given.shape != (n, n_classes) or not np.isin(given, (-1, 0, 1)).all():
        raise ValueError(f"multi_labels: got shape {given.shape}, expected ({n}, {n_classes}) of 1, 0 and -1 for unknown")
    return np.full(n, -1), np.stack(np.nonzero(given == 1))


def _settings(
    x: torch.Tensor, classes: torch.Tensor, known: np.ndarray, k: Any, alpha: Any, gamma: Any, label_weight: float, rescale: bool,
    graph_edits: Any,
) -> tuple[Neighbours, list[GridPoint]]:
    """The neighbours for the largest k that is looked at, and the settings judged; one, not judged, where nothing is to be chosen."""
    given = {"k": k, "alpha": alpha, "gamma": gamma}
    open_ones = [name for name, value in given.items() if isinstance(value, str) and value == "search"]
    fixed: dict[str, Any] = {name: usual(name, "auto" if name in open_ones else value, known) for name, value in given.items()}
    within("alpha", fixed["alpha"], 0.0, 0.999)
    within("gamma", fixed["gamma"], 0.1, 20.0)
    if not open_ones or len(np.unique(known[known >= 0])) < 2:
        near = neighbours(x, classes, fixed["k"])
        return near, [GridPoint(int(fixed["k"]), float(fixed["alpha"]), float(fixed["gamma"]), np.nan, np.nan)]
    grid: dict[str, Any] = {name: _GRID[name] if name in open_ones else (value,) for name, value in fixed.items()}
    near = neighbours(x, classes, max(grid["k"]))
    return near, zlap_grid(
        near, known, judged_items(x, known, _MOST_JUDGED), ks=grid["k"], alphas=grid["alpha"], gammas=grid["gamma"],
        label_weight=label_weight, rescale=rescale, graph_edits=graph_edits,
    )


def _evidence(system: SeedSystem, near: Neighbours, best: GridPoint, strength: float, x: torch.Tensor) -> _Made:
    double = system._replace(weights=system.weights.astype(np.float64 if x.dtype == torch.float64 else np.float32))
    solved = solve(double, tolerance=_TOLERANCE, device=x.device)
    k = system.first_item
    return _Made({
        "scores": solved.scores[k:].cpu().numpy(), "graph": normalised(system.weights), "node_seeds": system.seeds,
        "class_scores": solved.scores[:k], "k": best.k, "alpha": best.alpha, "gamma": best.gamma, "residual": solved.residual,
        "iterations": solved.iterations, "knn_recall": near.recall, "reached": reached(system)[k:], "label_strength": strength,
        "system": system,
    }, solved)


def _thresholds(system: SeedSystem, scores: np.ndarray, given: np.ndarray) -> dict[str, np.ndarray]:
    """By class, the score above which an item is proposed to hold it: the one of best F1 over the items for which it is known.

    An item that is a seed is judged by what the rest of the graph makes of it.
    """
    judged, nodes = scores.astype(np.float64), system.seed_nodes[system.seed_nodes >= system.first_item]
    judged[nodes - system.first_item] = leave_one_out(system, nodes, tolerance=1e-7)
    cuts = np.full(scores.shape[1], np.inf)
    for c in range(scores.shape[1]):
        known = np.flatnonzero(given[:, c] >= 0)
        order = known[np.argsort(-judged[known, c], kind="stable")]
        right = np.cumsum(given[order, c] == 1)
        if len(order) and right[-1]:
            f1 = 2 * right / (np.arange(1, len(order) + 1) + right[-1])
            last = int(f1.argmax())
            ahead = judged[order, c]
            cuts[c] = ahead[last] if last + 1 == len(order) else (ahead[last] + ahead[last + 1]) / 2
    return {"thresholds": cuts, "holds": np.where(given >= 0, given == 1, scores >= cuts)}


def _warnings(solved: Propagation, reached: np.ndarray) -> list[str]:
    said = []
    if not solved.converged:
        said.append(f"the solve stopped at a relative residual of {solved.residual:.1e} after {solved.iterations} steps; lower alpha")
    if not reached.all():
        said.append(f"{int((~reached).sum())} items have no path to any class or label and abstain; a larger k may join them")
    return said


_GRID: dict[str, tuple[Any, ...]] = {"k": (5, 10, 20), "alpha": (0.3, 0.6, 0.9, 0.97), "gamma": (2.0, 5.0)}
_MOST_JUDGED = 150
"""Labels that the grid is judged by at most: its cost is in proportion."""
_TOLERANCE = 1e-7
"""Tighter than the reference's 1e-6: scores of items far from every seed are small beside the seeds themselves."""
