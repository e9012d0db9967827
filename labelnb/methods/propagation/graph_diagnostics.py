"""What a graph is worth for propagation, as far as the known labels tell: homophily, hubs, parts, and the reach of alpha.

Source: Zhu et al. 2020, Beyond Homophily in Graph Neural Networks (NeurIPS, arXiv 2006.11468), for homophily by edges; Platonov et al.
2023, Characterizing Graph Datasets for Node Classification (NeurIPS, arXiv 2209.06177), for its adjustment by class sizes.
"""
from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import torch

from labelnb.checks import Range, within
from labelnb.compute.leave_one_out import leave_one_out_alphas
from labelnb.compute.seed_agreement import homophily
from labelnb.methods.propagation.left_out_choice import judge
from labelnb.methods.propagation.system_proposal import known_labels
from labelnb.results import Report

WIDGET = "report"


def graph_diagnostics(
    graph: scipy.sparse.csr_array,
    labels: torch.Tensor,
    *,
    confidence: Annotated[float, Range(0.5, 0.999)] = 0.95,
    n_classes: int | None = None,
) -> Report:
    """Report how far the graph joins items of one class, and where it is weak.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights; its diagonal is dropped
    labels : (N,) class positions, -1 where unknown
    confidence : of the interval of the homophily
    n_classes : number of classes K; the largest position in the labels + 1 by default

    Returns
    -------
    Report. Values: `homophily`, share of the weight between known items that joins two of one class, with `homophily low` and
    `homophily high` (jackknife over the known items); `adjusted homophily`, 0 where edges fall as by chance and 1 where all agree;
    `edges judged`; `left-out accuracy`, of the labels by the rest at the best alpha, and `best alpha`; `parts`, `unreached`, items
    that no label reaches; `hub share`, of all edge ends at the 1% of items with most. Tables: `by class`, `hubs`, `parts`. Figures:
    `accuracy by alpha`, `degrees`. Evidence: `unreached` (positions), `degree` (N,).

    Raises
    ------
    ValueError
        If graph and labels do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    Few labels are rarely neighbours: with fewer than about 30 edges judged the interval is wide, and says so; the left-out accuracy uses
    longer paths and says more. Labels that were chosen, not drawn, describe the places they were chosen from. Judges all labels; the
    cost of that grows with their number.
    """
    within("confidence", confidence, 0.5, 0.999)
    weights, y, n_classes = known_labels(graph, labels, n_classes)
    w = scipy.sparse.csr_array(weights - scipy.sparse.diags_array(weights.diagonal()), dtype=np.float64)
    w.eliminate_zeros()
    values, by_class = _homophily(w, y, n_classes, confidence)
    degree = np.diff(w.indptr)
    _, part = scipy.sparse.csgraph.connected_components(w, directed=False)
    lost = ~np.isin(part, part[y >= 0])
    alphas, accuracies = _by_alpha(w, y, n_classes)
    best = int(np.argmax(accuracies))
    first = np.sort(degree)[::-1][: max(1, len(degree) // 100)].sum()
    values.update({
        "left-out accuracy": accuracies[best], "best alpha": alphas[best], "parts": int(part.max()) + 1, "unreached": int(lost.sum()),
        "hub share": float(first / max(degree.sum(), 1)),
    })
    hubs = np.lexsort((np.arange(len(degree)), -degree))[:10]
    sizes, has = np.bincount(part), np.bincount(part, weights=y >= 0)
    largest = np.argsort(-sizes, kind="stable")[:10]
    edges, counts = _histogram(degree)
    return Report(
        title="What the graph is worth for propagation",
        values=values,
        tables={
            "by class": by_class,
            "hubs": [{"item": int(i), "neighbours": int(degree[i]), "label": int(y[i]) if y[i] >= 0 else ""} for i in hubs],
            "parts": [{"items": int(sizes[p]), "labelled": int(has[p])} for p in largest],
        },
        figures={
            "accuracy by alpha": {
                "kind": "line", "x": alphas, "series": {"left-out accuracy": accuracies}, "x_label": "alpha", "y_label": "accuracy",
            },
            "degrees": {"kind": "bar", "x": edges, "series": {"items": counts}, "x_label": "neighbours, up to", "y_label": "items"},
        },
        evidence={"unreached": np.flatnonzero(lost), "degree": degree},
        warnings=tuple(_said(values, lost)),
    )


def _homophily(w: scipy.sparse.csr_array, y: np.ndarray, n_classes: int, confidence: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report's values and its rows by class."""
    known = np.flatnonzero(y >= 0)
    found = homophily(w, known, y[known], n_classes, confidence=confidence)
    values = {
        "homophily": found.share, "homophily low": found.low, "homophily high": found.high, "adjusted homophily": found.adjusted,
        "edges judged": found.edges,
    }
    labels = np.bincount(y[known], minlength=n_classes)
    return values, [{"class": c, "labels": int(labels[c]), "homophily": float(found.by_class[c])} for c in range(n_classes)]


def _by_alpha(w: scipy.sparse.csr_array, y: np.ndarray, n_classes: int) -> tuple[list[float], list[float]]:
    items = np.flatnonzero(y >= 0)
    seeds = scipy.sparse.csr_array((np.ones(len(items)), (items, y[items])), shape=(len(y), n_classes))
    rows = leave_one_out_alphas(w, seeds, _ALPHAS, items, tolerance=1e-6)
    return list(_ALPHAS), [judge(scores, y[items])[0] for scores in rows]


def _histogram(degree: np.ndarray) -> tuple[list[int], list[int]]:
    """Upper ends in powers of two, and the items up to each."""
    ends = [0, *(2**p for p in range(int(np.ceil(np.log2(max(int(degree.max(initial=0)), 1)))) + 1))]
    place = np.searchsorted(ends, degree)
    return ends, np.bincount(place, minlength=len(ends)).tolist()


def _said(values: dict[str, Any], lost: np.ndarray) -> list[str]:
    said = []
    if values["edges judged"] < 30:
        said.append(f"only {values['edges judged']} edges join two known items: the homophily is a rough guess; label neighbours of labels")
    if values["adjusted homophily"] < 0.2:
        said.append("neighbours agree little more than by chance: propagation will spread mistakes on this graph")
    if lost.any():
        said.append(f"{int(lost.sum())} items have no path to any label (evidence['unreached'])")
    return said


_ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
