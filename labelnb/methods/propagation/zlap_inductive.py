"""Zero-shot label propagation for new items: one solve on the collection, then a weighted sum over a new item's neighbours.

Source: Stojnic, Kalantidis and Tolias 2024, Label Propagation for Zero-shot Classification with Vision-Language Models, section 3.4
(arXiv 2404.04072).
Reference code: https://github.com/vladan-stojnic/ZLaP
"""
from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, class_labels, class_rows, unit_rows, within
from labelnb.compute.knn import knn_graph
from labelnb.compute.rewire import rewired
from labelnb.compute.seed_system import SeedSystem, solve
from labelnb.methods.propagation.class_item_graph import class_item_weights, label_strength, link_weights, neighbours, node_seeds
from labelnb.methods.propagation.class_proxies import learn_proxies
from labelnb.methods.propagation.left_out_choice import beside, usual
from labelnb.methods.propagation.system_proposal import blended
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 150


def zlap_inductive(
    embeddings: torch.Tensor,
    class_embeddings: torch.Tensor,
    *,
    new_embeddings: torch.Tensor | None = None,
    k: Annotated[int, Range(1, 200)] | Literal["auto"] = "auto",
    alpha: Annotated[float, Range(0.0, 0.999)] | Literal["auto"] = "auto",
    gamma: Annotated[float, Range(0.1, 20.0)] = 5.0,
    labels: torch.Tensor | None = None,
    label_weight: Annotated[float, Range(0.0, 1000.0)] = 10.0,
    sparse: bool = False,
    rescale: bool = False,
    proxies: bool = False,
    proxy_temperature: Annotated[float, Range(0.001, 1.0)] = 0.01,
    safe: bool = True,
    graph_edits: torch.Tensor | None = None,
) -> Proposal:
    """Propose classes for items that stand outside the graph, as if each were seen alone.

    A new item seeds its neighbours with its similarities y to them; its score of a class is what reaches the class's node, the
    entry of (I - alpha S)^-1 y. S is symmetric, so that is y times the columns of the inverse that belong to the class nodes: these are
    solved once, for all new items (the dual of the transductive form).

    Parameters
    ----------
    embeddings : (N, D) vectors of the items that make the graph
    class_embeddings : (K, D) one vector a class, or (K, P, D) one a prompt, from the same encoder
    new_embeddings : (M, D) vectors to propose for; none proposes for `embeddings` themselves, each its own nearest neighbour
    k : items and classes that a new item is joined to (at most N and K); in the graph, and where it is `auto`, as in `zlap`
    alpha, gamma, labels, label_weight, rescale, proxies, proxy_temperature, graph_edits : as in `zlap`; with labels, the columns are
        those of all seeds of a class
    sparse : keep of each node only its largest entry, as the paper's sparse form does: less memory, near the same accuracy
    safe : as in `zlap`: where labels are given, a linear probe has half a say; it or the names alone propose where they give back more of
        the labels than graph and probe together

    Returns
    -------
    Proposal for the M new items; probabilities are the scores over their row's sum, a row of zeros abstains. Evidence: `scores`
    (M, K), `columns` (K + N, K) what each node carries (sparse where asked), `links`, sparse (M, K + N), y of each new item, so that
    links @ columns are the scores; `residual`, `iterations`, `knn_recall`; `chosen` and `left_out` as in `zlap`.

    Raises
    ------
    ValueError
        If shapes do not fit, a vector is zero or holds NaN, or a hyperparameter is out of its range.

    Notes
    -----
    A new item costs one look-up of its neighbours. As in the reference, a new item's negative similarities count as 0 before `rescale`
    (in the graph itself they are rescaled as they are).
    """
    x = unit_rows(embeddings)
    new = x if new_embeddings is None else unit_rows(new_embeddings, "new_embeddings").to(x)
    if new.shape[1] != x.shape[1]:
        raise ValueError(f"new_embeddings: vectors of {new.shape[1]} numbers, embeddings of {x.shape[1]}; embed both with the same encoder")
    classes = class_rows(class_embeddings, x)
    if proxies:
        classes = learn_proxies(x, classes, proxy_temperature)
    within("proxy_temperature", proxy_temperature, 1e-3, 1.0)
    known = np.full(len(x), -1) if labels is None else class_labels(labels, len(x), n_classes=len(classes)).cpu().numpy()
    loud = known if label_weight else np.full(len(x), -1)
    near_by, alpha = usual("k", k, loud), within("alpha", usual("alpha", alpha, loud), 0.0, 0.999)
    near = neighbours(x, classes, near_by)
    weights, (low, high) = class_item_weights(near, gamma, rescale or proxies)
    items = np.flatnonzero(known >= 0)
    seeds = node_seeds(len(classes), len(x), np.stack([items, known[items]]), label_strength(weights, len(classes), label_weight))
    if graph_edits is not None:
        weights = rewired(weights, graph_edits, first=len(classes))
    system = SeedSystem("spreading", weights, seeds, float(alpha), len(classes))
    evidence: dict[str, Any] = {"knn_recall": near.recall}
    if safe and len(items) and label_weight > 0:
        heard = beside(system, x, classes, known)
        evidence.update(heard.evidence(x, classes, known, new))
    solved = solve(system, tolerance=1e-7, device=x.device)
    columns = solved.scores.cpu().numpy()
    if sparse:
        columns = _largest_only(columns)
    links, found = _links(x, classes, new, near_by, low, high, gamma)
    scores = links @ columns
    scores = np.asarray(scores.toarray() if scipy.sparse.issparse(scores) else scores)
    said = [] if solved.converged else [f"the solve stopped at a relative residual of {solved.residual:.1e}; lower alpha"]
    lost = int((scores.sum(1) == 0).sum())
    if lost:
        said.append(f"{lost} new items are joined to nothing that carries a class and abstain; a larger k may help")
    evidence.update(
        scores=scores, columns=columns, links=links, residual=solved.residual, iterations=solved.iterations,
        knn_recall=min(near.recall, found),
    )
    if "beside" not in evidence:
        return Proposal.from_scores(scores, evidence=evidence, warnings=said)
    shown = blended(np.maximum(scores, 0), evidence["beside"], heard.share, heard.temperature)
    return Proposal.from_scores(shown, evidence=evidence, warnings=heard.said() if heard.share == 1 else said)


def _links(
    x: torch.Tensor, classes: torch.Tensor, new: torch.Tensor, k: int, low: float, high: float, gamma: float,
) -> tuple[scipy.sparse.csr_array, float]:
    """(M, K + N) weights of the new items' links to classes and items, and the recall of the neighbours."""
    to_items = knn_graph(x, min(k, len(x)), queries=new)
    to_classes = knn_graph(classes, min(k, len(classes)), queries=new)
    made = scipy.sparse.hstack([
        link_weights(to_classes.indices, to_classes.similarities.clamp_min(0), len(classes), low, high, gamma),
        link_weights(to_items.indices, to_items.similarities.clamp_min(0), len(x), low, high, 1.0),
    ], format="csr")
    return scipy.sparse.csr_array(made), to_items.recall


def _largest_only(columns: np.ndarray) -> scipy.sparse.csr_array:
    best = columns.argmax(axis=1)
    rows = np.arange(len(columns))
    made = scipy.sparse.csr_array((columns[rows, best], (rows, best)), shape=columns.shape)
    made.eliminate_zeros()
    return made
