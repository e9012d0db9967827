"""Classes nobody has labelled: prototypes of labelled classes travel over a graph of classes, or are mapped from what describes a class.

Source: Chen et al. 2023, Zero-shot and Few-shot Learning with Knowledge Graphs: A Comprehensive Survey (Proceedings of the IEEE, arXiv
2112.10006): its propagation and mapping paradigms. The dense graph of ancestors and descendants: Kampffmeyer et al. 2019, Rethinking
Knowledge Graph Propagation for Zero-Shot Learning (CVPR, arXiv 1805.11724).
"""
from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, class_labels, class_rows, positive_int, unit_rows, within
from labelnb.classes import LabelSpace
from labelnb.compute.seed_system import reached, seed_system, solve
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 37


def class_graph(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    class_embeddings: torch.Tensor,
    classes: LabelSpace | None = None,
    *,
    paradigm: Literal["mapping", "propagation"] = "mapping",
    k: Annotated[int, Range(1, 100)] = 3,
    decay: Annotated[float, Range(0.01, 1.0)] = 0.5,
    seen_penalty: Annotated[float, Range(0.0, 2.0)] = 0.0,
    temperature: Annotated[float, Range(0.001, 1.0)] = 0.05,
) -> Proposal:
    """Propose a class by the nearest prototype, where prototypes of classes without a label come from those with.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items
    labels : (N,) class positions, -1 where unknown; classes without a label are the unseen ones
    class_embeddings : (K, D) or (K, P, D) vectors of the names, in the items' space
    classes : with `parents`, the hierarchy is the graph: a class is joined to every ancestor and descendant; with `metric`, its k nearest
        classes; else the k nearest by `attributes` or name. `attributes`, where there are some, describe the classes for the mapping
    paradigm : `propagation`, an unseen prototype is the harmonic extension of the seen ones over the graph: a weighted mean of those that
        walks meet first. `mapping`, a ridge regression, fitted on the seen classes, from descriptions smoothed over the graph to
        prototypes; where the descriptions are names, to what the prototypes differ from the names by
    k : neighbours of a class, where there is no hierarchy
    decay : of an edge's weight by each further step between ancestor and descendant
    seen_penalty : taken off the cosines of seen classes (calibrated stacking), as prototypes of seen classes lie nearer to all items
    temperature : softmax temperature over cosines

    Returns
    -------
    Proposal. Evidence: `scores` (N, K), cosines less the penalty; `prototypes` (K, D); `seen` (K,) bool; `from_seen` (K, K), with
    `propagation` the weight of each seen class in a class's prototype; `class_weights_graph`, sparse, over the classes and, after them, the
    ancestors that are no classes; `ridge`, the penalty chosen by leaving one class out. Unseen classes that no seen one reaches are
    never proposed by `propagation` (`reached` (K,) bool).

    Raises
    ------
    ValueError
        If shapes do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    Linear: the mapping stands for the paper's graph networks as their linear form does (smoothed features, then regression), which few
    seen classes can bear; its penalty is chosen in closed form. With two or three seen classes the mapping knows little: it then stays
    near the names. Do not use `propagation` where siblings do not look alike: a mean of them is no class.
    """
    within("decay", decay, 0.01, 1.0)
    within("seen_penalty", seen_penalty, 0.0, 2.0)
    within("temperature", temperature, 0.001, 1.0)
    positive_int("k", k, high=100)
    if paradigm not in ("mapping", "propagation"):
        raise ValueError(f"paradigm: got {paradigm!r}, expected 'mapping' or 'propagation'")
    x = unit_rows(embeddings)
    names = class_rows(class_embeddings, x).cpu().double().numpy()
    y = class_labels(labels, len(x), n_classes=len(names)).cpu().numpy()
    if not (y >= 0).any():
        raise ValueError("labels: no item is labelled; label some of a few classes")
    if classes is not None and len(classes) != len(names):
        raise ValueError(f"classes: got {len(classes)} names, class_embeddings of {len(names)} classes")
    seen, prototypes = _seen(x.cpu().double().numpy(), y, len(names))
    described = names if classes is None or classes.attributes is None else _units(np.asarray(classes.attributes, np.float64))
    weights = _graph(described, classes, k, decay)
    evidence: dict[str, object] = {"seen": seen, "class_weights_graph": weights}
    if paradigm == "propagation":
        shares, joined = _shares(weights, seen)
        made = np.where(seen[:, None], prototypes, _units(shares @ prototypes))
        evidence.update(from_seen=shares, reached=joined)
    else:
        smooth = _smoothed(described, weights)
        base = names if described is names else np.repeat(_units(prototypes[seen].mean(0, keepdims=True)), len(names), 0)
        mapped, ridge = _mapped(smooth, prototypes - base, seen)
        made, joined = np.where(seen[:, None], prototypes, _units(base + mapped)), np.ones(len(names), bool)
        evidence.update(ridge=ridge, reached=joined)
    cosines = (x @ torch.from_numpy(made).to(x).T).cpu().numpy() - seen_penalty * seen
    scores = np.where(joined, cosines, -4.0)                     # below every cosine less any penalty
    return Proposal.from_scores(scores, temperature=temperature, evidence={**evidence, "prototypes": made}, warnings=_said(seen, joined))


def _said(seen: np.ndarray, joined: np.ndarray) -> list[str]:
    said = [f"classes at positions {np.flatnonzero(~joined)[:10].tolist()} have no path to a labelled class"] if not joined.all() else []
    return said + (["one class alone is labelled: nothing can be learned about the others"] if seen.sum() < 2 <= len(seen) else [])


def _seen(x: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Which classes have a label, and the mean direction of each that has."""
    sums = np.zeros((n_classes, x.shape[1]))
    np.add.at(sums, y[y >= 0], x[y >= 0])
    return np.bincount(y[y >= 0], minlength=n_classes) > 0, _units(sums)


def _units(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def _graph(described: np.ndarray, classes: LabelSpace | None, k: int, decay: float) -> scipy.sparse.csr_array:
    """Weights over the classes and the ancestors that are no classes themselves."""
    if classes is not None and classes.parents:
        return _hierarchy(classes, decay)
    n = len(described)
    if classes is not None and classes.metric is not None:
        far = np.asarray(classes.metric, np.float64)
        near = np.exp(-far / max(float(np.median(far[far > 0])) if (far > 0).any() else 1.0, 1e-12))
    else:
        near = np.maximum(described @ described.T, 0)
    np.fill_diagonal(near, -1)
    listed = near >= np.sort(near, axis=1)[:, [max(0, n - k)]]   # by value, so that the order of the classes does not matter
    w = np.where(listed & (near > 0), near, 0)
    return scipy.sparse.csr_array(np.maximum(w, w.T))


def _hierarchy(classes: LabelSpace, decay: float) -> scipy.sparse.csr_array:
    place = {name: position for position, name in enumerate(classes.names)}
    rows, columns, values = [], [], []
    waiting = list(classes.names)
    for name in waiting:
        above, steps, passed = classes.parents.get(name), 1, {name}
        while above is not None and above not in passed:
            if above not in place:
                place[above] = len(place)
                waiting.append(above)
            rows.append(place[name])
            columns.append(place[above])
            values.append(decay ** (steps - 1))
            passed.add(above)
            above, steps = classes.parents.get(above), steps + 1
    w = scipy.sparse.csr_array((values, (rows, columns)), shape=(len(place), len(place)))
    return scipy.sparse.csr_array(w + w.T)


def _shares(weights: scipy.sparse.csr_array, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, K) weight of each seen class in each class's prototype, and which classes have any."""
    k = len(seen)
    at = np.flatnonzero(seen)
    seeds = scipy.sparse.csr_array((np.ones(len(at)), (at, at)), shape=(weights.shape[0], k))
    system = seed_system("harmonic", weights.astype(np.float64), seeds)
    return solve(system, tolerance=1e-10).scores.numpy()[:k], reached(system)[:k]


def _smoothed(described: np.ndarray, weights: scipy.sparse.csr_array) -> np.ndarray:
    """Descriptions averaged twice with those of their neighbours, themselves included; ancestors start from their descendants' mean."""
    w = weights.toarray()
    k, extra = len(described), w.shape[0] - len(described)
    below = w[k:, :k]
    start = np.vstack([described, below @ described / np.maximum(below.sum(1, keepdims=True), 1e-12)]) if extra else described
    step = np.eye(len(w)) + w / np.maximum(w.sum(1, keepdims=True), 1e-12)
    step /= step.sum(1, keepdims=True)
    return np.asarray(_units((step @ step @ start)[:k]))


def _mapped(described: np.ndarray, targets: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, float]:
    """(K, D) ridge regression from descriptions to targets, fitted on the seen classes; its penalty by leaving one class out."""
    kernel = described @ described.T
    inner, given = kernel[np.ix_(seen, seen)], targets[seen]
    best, chosen = np.inf, _RIDGES[-1]
    for ridge in _RIDGES:
        hat = inner @ np.linalg.inv(inner + ridge * np.eye(len(inner)))
        missed = (given - hat @ given) / np.maximum(1 - np.diag(hat), 1e-9)[:, None]
        if (error := float((missed**2).sum())) < best * (1 - 1e-9):
            best, chosen = error, ridge
    return kernel[:, seen] @ np.linalg.solve(inner + chosen * np.eye(len(inner)), given), chosen


_RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 1e2, 1e4)
"""Penalties that are tried; the last leaves the prototypes where the names are."""
