"""Zero-shot label propagation: class names and items are nodes of one graph, and labels travel from names to items.

Source: Stojnic, Kalantidis and Tolias 2024, Label Propagation for Zero-shot Classification with Vision-Language Models (arXiv 2404.04072).
Reference code: https://github.com/vladan-stojnic/ZLaP
"""
from __future__ import annotations

from typing import Annotated

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import torch

from labelnb.checks import Range, class_labels, class_rows, positive_int, unit_rows, within
from labelnb.compute.knn import knn_graph
from labelnb.compute.propagate import Propagation, normalised, propagate
from labelnb.compute.rewire import rewired
from labelnb.compute.seed_system import SeedSystem
from labelnb.results import Proposal

WIDGET = "propagation"
CATALOGUE = 150


def zlap(
    embeddings: torch.Tensor,
    class_embeddings: torch.Tensor,
    *,
    k: Annotated[int, Range(1, 200)] = 5,
    alpha: Annotated[float, Range(0.0, 0.999)] = 0.3,
    gamma: Annotated[float, Range(0.1, 20.0)] = 5.0,
    labels: torch.Tensor | None = None,
    label_weight: Annotated[float, Range(0.0, 1000.0)] = 10.0,
    rescale: bool = False,
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
    gamma : power on the similarities between items and classes, which live in a narrower range than those between items
    labels : (N,) class positions of items that are known, -1 where not. A known item becomes a seed of its class beside the class's
        name; it is proposed its own label with probability 1, while its row of the scores says what its neighbourhood makes of it
    label_weight : how much louder a labelled neighbour speaks to an item than the name that lies nearest to it. A name spreads its
        strength of 1 over the many items it is joined to, a labelled item over few, so the seeds' own strength is this times the
        mean of the items' strongest links to a name over the mean of their links among themselves
    rescale : bring all similarities from their least and greatest to 0..1 before the power: the reference's setting for class vectors
        that were learned from images (proxies)
    graph_edits : (E, 4) edges among the items that people have changed: a, b (-1 for all of a), factor, and what is added in mean weights

    Returns
    -------
    Proposal; probabilities are the scores over their row's sum. Items that no seed reaches abstain. Evidence: `scores` (N, K);
    `graph`, sparse (K + N, K + N), the normalised S over classes, then items; `node_seeds`, sparse (K + N, K); `class_scores` (K, K);
    `alpha`; `residual`; `iterations`; `knn_recall`; `reached` (N,) bool; `label_strength`, of the labelled items in `node_seeds`.
    The solution of (I - alpha graph) F = node_seeds holds class_scores, then scores. `system` is all of this in one, with the weights
    before they are normalised, for `explain` and the widgets.

    Raises
    ------
    ValueError
        If shapes do not fit, a vector is zero or holds NaN, or a hyperparameter is out of its range.

    Notes
    -----
    The neighbours cost N^2 D below 30,000 items, less above where there are groups; the solve is linear in N k K. Do not use it where the
    items' own neighbours are of mixed classes: it then spreads mistakes. Nor with more than a few labels a class: names stay seeds
    however wrong they are, and a classifier learns more from the labels.

    On 10,000 CIFAR-10 images in a weak space (ConSE with half its weight on text; names alone: .379) the paper's defaults, tuned for CLIP,
    reached .402, k=10 with alpha=.9 .445, k=5 with gamma=1 only .366. The label_weight of 10 was at or near the best in that space
    for k 5 to 20, alpha .3 and .9, 1 to 25 labels a class, with 1/2, 1/10 and 1/50 of the space's weight on text.
    """
    x = unit_rows(embeddings)
    classes = class_rows(class_embeddings, x)
    weights, recall, _ = class_item_weights(x, classes, k, gamma, rescale)
    strength = label_strength(normalised(weights), len(classes), label_weight)
    if graph_edits is not None:
        weights = rewired(weights, graph_edits, first=len(classes))
    graph = normalised(weights)
    known = None if labels is None else class_labels(labels, len(x), n_classes=len(classes)).cpu().numpy()
    seeds = node_seeds(len(classes), len(x), known, strength)
    solved = solve(graph, seeds, alpha, x)
    scores = solved.scores[len(classes):]
    reached = reached_items(graph, seeds, len(classes))
    evidence = {
        "scores": scores, "graph": graph, "node_seeds": seeds, "class_scores": solved.scores[: len(classes)], "alpha": float(alpha),
        "residual": solved.residual, "iterations": solved.iterations, "knn_recall": recall, "reached": reached,
        "label_strength": strength, "system": SeedSystem("spreading", weights, seeds, float(alpha), len(classes)),
    }
    shown = scores.cpu().numpy()
    if known is not None and (known >= 0).any():
        shown = shown.copy()
        shown[known >= 0] = np.eye(len(classes), dtype=shown.dtype)[known[known >= 0]]
    return Proposal.from_scores(shown, reached=reached, evidence=evidence, warnings=_warnings(solved, reached))


def class_item_weights(
    x: torch.Tensor, classes: torch.Tensor, k: int, gamma: float, rescale: bool,
) -> tuple[scipy.sparse.csr_array, float, tuple[float, float]]:
    """The weights over K classes, then N items (section 3.2 of the paper); recall of the neighbours; range of similarities."""
    positive_int("k", k, high=200)
    within("gamma", gamma, 0.1, 20.0)
    n, n_classes = len(x), len(classes)
    others = min(k, n) - 1
    to_items = knn_graph(x, others) if others else None
    to_classes = knn_graph(classes, min(k, n_classes), queries=x)
    low, high = 0.0, 1.0
    if rescale:
        everything = [to_classes.similarities] if to_items is None else [to_classes.similarities, to_items.similarities]
        low = min(float(part.min()) for part in everything)
        high = 1.0                                              # an item's similarity to itself, in its own list
        if high - low < 1e-12:
            low = 0.0
    links = neighbour_weights(to_classes.indices, to_classes.similarities, n_classes, low, high, gamma)
    among = scipy.sparse.csr_array((n, n), dtype=links.dtype)
    if to_items is not None:
        among = neighbour_weights(to_items.indices, to_items.similarities, n, low, high, 1.0)
    # W + W.T of the directed lists: a pair of items that list each other weighs twice, as in the reference.
    w = scipy.sparse.block_array([[None, links.T], [links, among + among.T]], format="csr")
    w.eliminate_zeros()
    return w, 1.0 if to_items is None else to_items.recall, (low, high)


def neighbour_weights(
    indices: torch.Tensor, similarities: torch.Tensor, columns: int, low: float, high: float, gamma: float,
) -> scipy.sparse.csr_array:
    """Neighbour lists as a sparse matrix: similarities brought from low..high to 0..1, negative ones dropped, to the power gamma."""
    weights = ((similarities - low) / (high - low)).clamp_min(0).pow(gamma).cpu().numpy()
    rows, k = weights.shape
    starts, ends = np.arange(0, rows * k + 1, k), indices.cpu().numpy().ravel().copy()
    made = scipy.sparse.csr_array((weights.ravel(), ends, starts), shape=(rows, columns))
    made.eliminate_zeros()
    return made


def label_strength(graph: scipy.sparse.csr_array, n_classes: int, label_weight: float) -> float:
    """The strength of a labelled item as a seed at which it is heard `label_weight` times as loud as the nearest name.

    Without it, labels would drown the names where these lie far from the items, as gamma makes the far still farther.
    """
    within("label_weight", label_weight, 0.0, 1000.0)
    names, among = graph[n_classes:, :n_classes], graph[n_classes:, n_classes:]
    if names.nnz == 0 or among.nnz == 0:
        return float(label_weight)
    return float(label_weight * names.max(axis=1).toarray().mean(dtype=np.float64) / among.data.mean(dtype=np.float64))


def node_seeds(n_classes: int, n: int, known: np.ndarray | None, strength: float) -> scipy.sparse.csr_array:
    """Y over classes, then items: 1 for each class's own name, `strength` for each known item's class."""
    items = np.empty(0, np.int64) if known is None else np.flatnonzero(known >= 0)
    rows = np.concatenate([np.arange(n_classes), items + n_classes])
    columns = np.concatenate([np.arange(n_classes), np.empty(0, np.int64) if known is None else known[items]])
    strengths = np.concatenate([np.ones(n_classes), np.full(len(items), strength)])
    seeds = scipy.sparse.csr_array((strengths, (rows, columns)), shape=(n_classes + n, n_classes))
    seeds.eliminate_zeros()
    return seeds


def solve(graph: scipy.sparse.csr_array, seeds: scipy.sparse.csr_array, alpha: float, x: torch.Tensor) -> Propagation:
    """F of (I - alpha S) F = Y on the items' device and in their type; never negative, as the true solution is."""
    within("alpha", alpha, 0.0, 0.999)
    start = seeds.astype(np.float64 if x.dtype == torch.float64 else np.float32)
    dense = None if x.device.type == "cpu" else torch.from_numpy(start.toarray()).to(x.device)
    solved = propagate(graph, start if dense is None else dense, alpha=alpha, tolerance=_TOLERANCE, normalise="none")
    return solved._replace(scores=solved.scores.clamp_min_(0))


def reached_items(graph: scipy.sparse.csr_array, seeds: scipy.sparse.csr_array, n_classes: int) -> np.ndarray:
    """(N,) bool: whether any path joins the item to a seed."""
    _, part = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return np.isin(part[n_classes:], part[np.unique(seeds.nonzero()[0])])


def _warnings(solved: Propagation, reached: np.ndarray) -> list[str]:
    said = []
    if not solved.converged:
        said.append(f"the solve stopped at a relative residual of {solved.residual:.1e} after {solved.iterations} steps; lower alpha")
    if not reached.all():
        said.append(f"{int((~reached).sum())} items have no path to any class or label and abstain; a larger k may join them")
    return said


_TOLERANCE = 1e-7
"""Tighter than the reference's 1e-6: scores of items far from every seed are small beside the seeds themselves."""
