"""TAPE: the texts, the answers of an annotator and its reasons are views of a graph's nodes, and a network on each has one vote.

Source: He, Bresson, Laurent, Perold, LeCun and Hooi 2024, Harnessing Explanations: LLM-to-LM Interpreter for Enhanced Text-Attributed Graph
Representation Learning (arXiv 2305.19523).
Reference code: https://github.com/XiaoxinHe/TAPE
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import scipy.sparse
import torch

from labelnb.annotators.answers import Answers, ask
from labelnb.checks import Range, class_labels, finite_rows, positive_int, unit_rows, within
from labelnb.classes import LabelSpace
from labelnb.compute.graph_net import Kind, graph_net, known_kind
from labelnb.methods.propagation.llm_gnn import checked_inputs
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 35


def tape(
    graph: scipy.sparse.csr_array,
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    classes: LabelSpace,
    annotator: Callable[[Any], Any],
    *,
    explanations: np.ndarray | None = None,
    budget: Annotated[int, Range(0, 1_000_000_000)] | None = None,
    network: Kind = "gcn",
    hidden: Annotated[int, Range(1, 4096)] = 64,
    epochs: Annotated[int, Range(1, 10_000)] = 200,
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.5,
    weight_decay: Annotated[float, Range(0.0, 1.0)] = 5e-4,
    seed: int = 0,
) -> Proposal:
    """Propose the class of largest mean probability over the networks on the texts, on the annotator's answers and on its reasons.

    Parameters
    ----------
    graph : (N, N) symmetric weights between the nodes
    embeddings : (N, D) vectors of the nodes' texts (h_orig)
    labels : (N,) class positions of the nodes to learn from, -1 where unknown
    classes : the K names that may be answered
    annotator : callable that takes positions (n,) and returns a class name, None or (name, confidence) for each (`labelnb.annotators`).
        Its answer is a feature (h_pred), not a label: a network learns how far to believe it
    explanations : (N, E) vectors of what the annotator said in explanation (h_expl), from a text encoder. `Answers.explanations` of an
        earlier `labelnb.annotators.ask`, replayed through `Remembered`, saves asking twice. Two networks where not given
    budget : answers to ask for; every node where not given, as in the paper. With fewer, labelled nodes come first, then the nodes of
        most neighbours; a node not asked about has no answer
    network : `gcn`, `sage`, `appnp`, or `gat` by PyTorch Geometric (the extra `graphs`), see `labelnb.compute.graph_net`
    hidden, epochs, dropout, weight_decay : of each network; the reference's are 256 wide with 4 layers, here two
    seed : of the networks

    Returns
    -------
    Proposal; probabilities are the mean over the networks; a node in `labels` gets its label. Evidence: `scores` (N, K), logarithms of
    the mean; `views`, the names of the networks; `by_view` (V, N, K), what each says; `asked`, `answers`, `confidence`, `cost`,
    `spent_budget`; `agreement` (N,), share of the views that say the proposed class.

    Raises
    ------
    labelnb.annotators.AnnotatorError
        If the annotator fails; its `answers` hold what was said before.
    ValueError
        If shapes do not fit, nothing is labelled, or a hyperparameter is out of its range.

    Notes
    -----
    Every node is asked about: N times the price of an answer. Do not use it where that is too dear (`llm_gnn` asks about few), nor where
    the answers are no better than the texts. The paper fine-tunes a language model on texts and reasons before the networks; here the
    vectors are as given.
    """
    x = unit_rows(embeddings)
    weights, space = checked_inputs(graph, x, classes)
    n, k = len(x), len(space.names)
    known = class_labels(labels, n, n_classes=k)
    if not bool((known >= 0).any()):
        raise ValueError("labels: no item is labelled; label one at least")
    positive_int("hidden", hidden, high=4096), positive_int("epochs", epochs, high=10_000)
    within("dropout", dropout, 0.0, 0.95), within("weight_decay", weight_decay, 0.0, 1.0)
    known_kind(network, "network")
    count = n if budget is None else min(n, positive_int("budget", budget, low=0))
    reasons = None if explanations is None else finite_rows(explanations, "explanations").to(x)
    if reasons is not None and len(reasons) != n:
        raise ValueError(f"explanations: got {len(reasons)} rows for {n} items; expected one a node")
    answers = ask(annotator, whom_to_ask(weights, known.cpu().numpy(), count), space)
    views = {"texts": x, "answers": answer_features(answers, n, k).to(x)}
    if reasons is not None:
        views["explanations"] = reasons
    settings: dict[str, Any] = {
        "kind": network, "hidden": hidden, "epochs": epochs, "dropout": dropout, "weight_decay": weight_decay, "seed": seed, "n_classes": k,
    }
    by_view = np.stack([graph_net(weights, view, known, **settings).probabilities.cpu().double().numpy() for view in views.values()])
    return _propose(by_view, tuple(views), answers, known.cpu().numpy(), space)


def whom_to_ask(graph: scipy.sparse.csr_array, known: np.ndarray, count: int) -> np.ndarray:
    """`count` positions: labelled nodes first, without which the network learns nothing of the answers, then by falling degree."""
    return np.lexsort((-np.diff(graph.indptr), known < 0))[:count]


def answer_features(answers: Answers, n: int, k: int) -> torch.Tensor:
    """(N, K + 1) h_pred: the confidence (1 where not said) at the class answered; a last column of 1 where there is no answer."""
    made = torch.zeros((n, k + 1), dtype=torch.float64)
    made[:, k] = 1
    at = answers.positions[answers.usable]
    made[at, k] = 0
    made[at, answers.classes[answers.usable]] = torch.from_numpy(np.nan_to_num(answers.confidence[answers.usable], nan=1.0))
    return made


def _propose(by_view: np.ndarray, views: tuple[str, ...], answers: Answers, known: np.ndarray, space: LabelSpace) -> Proposal:
    mean = by_view.mean(0)
    made = (mean / mean.sum(1, keepdims=True)).astype(np.float32)
    has = known >= 0
    made[has] = np.eye(mean.shape[1], dtype=np.float32)[known[has]]
    said = [] if answers.usable.all() else [f"{int((~answers.usable).sum())} of {len(answers)} answers name none of the classes"]
    evidence = {
        "scores": np.log(np.maximum(mean, 1e-30)), "views": views, "by_view": by_view, "asked": answers.positions, "answers":
        answers.classes,
        "confidence": answers.confidence, "cost": answers.cost, "spent_budget": len(answers),
        "agreement": (by_view.argmax(2) == mean.argmax(1)).mean(0),
    }
    return Proposal(made, classes=space.names, evidence=evidence, warnings=tuple(said))
