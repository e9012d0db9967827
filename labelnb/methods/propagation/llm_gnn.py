"""LLM-GNN: a few well-chosen nodes of a graph are annotated, doubtful answers are dropped, and a graph network learns from the rest.

Source: Chen, Mao, Wen, Han, Jin, Zhang, Liu and Tang 2024, Label-free Node Classification on Graphs with Large Language Models (LLMs)
(arXiv 2310.04668).
Reference code: https://github.com/CurryTang/LLMGNN
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse
import scipy.stats
import torch

from labelnb.annotators.answers import Answers, ask
from labelnb.checks import Range, class_labels, positive_int, unit_rows, within
from labelnb.classes import LabelSpace
from labelnb.compute.centrality import cluster_density, pagerank, smoothed_directions
from labelnb.compute.graph_net import GraphFit, Kind, graph_net, known_kind
from labelnb.compute.kmeans import kmeans
from labelnb.compute.propagate import checked_weights
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 60
Choice = Literal["pagerank", "degree", "age", "featprop", "density", "random"]


def llm_gnn(
    graph: scipy.sparse.csr_array,
    embeddings: torch.Tensor,
    classes: LabelSpace,
    annotator: Callable[[Any], Any],
    *,
    labels: torch.Tensor | None = None,
    budget: Annotated[int, Range(1, 10_000_000)] | None = None,
    choice: Choice = "featprop",
    difficulty: Annotated[float, Range(0.0, 1.0)] = 0.0,
    dropped: Annotated[float, Range(0.0, 0.9)] = 0.2,
    weighted: bool = True,
    network: Kind = "gcn",
    hidden: Annotated[int, Range(1, 4096)] = 64,
    epochs: Annotated[int, Range(1, 10_000)] = 30,
    seed: int = 0,
) -> Proposal:
    """Propose classes for all nodes from the annotator's answers on a chosen few.

    Parameters
    ----------
    graph : (N, N) symmetric weights between the nodes
    embeddings : (N, D) features of the nodes
    classes : the K names that may be answered
    annotator : callable that takes positions (n,) and returns a class name, None or (name, confidence) for each (`labelnb.annotators`);
        in a session, one that reads items is bound to the session's items
    labels : (N,) what people have decided, -1 where not: trained on beside the answers, and never asked about
    budget : answers to ask for in all, exactly as many as there are nodes to ask about; 20 a class where not given
    choice : which nodes matter to the network: `pagerank`, `degree`; `age`, PageRank and density in the twice smoothed features together;
        `featprop`, one node for each of as many clusters of these as the budget; `density` alone; `random`
    difficulty : weight (alpha_0) of C-Density, by which annotators err less, beside the choice's own rank. Not used by `random`
    dropped : share of the answers left out after all are in: the least sure, and those that the balance of classes can spare (COE)
    weighted : let an answer count in the loss by its confidence
    network : `gcn`, `sage`, `appnp`, or `gat` by PyTorch Geometric (the extra `graphs`), see `labelnb.compute.graph_net`
    hidden : width of the network
    epochs : of the training; few, since a long training learns the annotator's faults by heart
    seed : of the clusters, the random choice and the network

    Returns
    -------
    Proposal; probabilities of the network; a node in `labels` gets its label. All rows abstain where no answer names a class. Evidence:
    `scores` (N, K) before the softmax; `asked` (n,) positions, in the order of asking; `answers` (n,), -1 where none; `confidence` (n,);
    `kept` (n,) bool; `coe` (n,), the change of entropy by each answer; `cost`; `density`, `centrality`, `choice_score` (N,);
    `spent_budget`.

    Raises
    ------
    labelnb.annotators.AnnotatorError
        If the annotator fails; its `answers` hold what was said before, which is never lost.
    ValueError
        If shapes do not fit or a hyperparameter is out of its range.

    Notes
    -----
    One k-means over the features, one training of the network. Do not use it where neighbours are of unlike classes, nor with a free
    annotator: then ask it of every node. C-Density favours nodes in the middle of a cluster; where the clusters are not the classes it
    narrows what is seen.

    C-Density (`difficulty`, the paper's 0.33) and PageRank, the paper's first choice, are not the defaults since they can hurt. Test
    accuracy on Cora / Citeseer, 20 answers a class, a quarter of them wrong anywhere, five seeds that differ by .01 to .05: `featprop`
    .739 / .612, `random` .742 / .627, `pagerank` with difficulty .33 .662 / .599. Where the annotator errs the more, the sparser the
    place, C-Density finds right answers (.90 / .95 instead of .76 / .74), but of nodes so alike that the network is no better for them:
    .721 / .632, `random` .749 / .644. Filter and weights are worth .03 to .04 with random nodes; choosing nodes is worth nothing here.

    The published code drops the surest answers instead of the least sure at every other step (it sorts ranks of ranks); here it is as in
    the paper's text. The last answer of a class is never dropped.
    """
    x = unit_rows(embeddings)
    weights, space = checked_inputs(graph, x, classes)
    known = np.full(len(x), -1) if labels is None else class_labels(labels, len(x), n_classes=len(space.names)).cpu().numpy()
    within("difficulty", difficulty, 0.0, 1.0), within("dropped", dropped, 0.0, 0.9)
    positive_int("hidden", hidden, high=4096), positive_int("epochs", epochs, high=10_000)
    count = 20 * len(space.names) if budget is None else positive_int("budget", budget, high=10_000_000)
    known_kind(network, "network")
    chosen, measured = choose_nodes(weights, x, len(space.names), min(count, int((known < 0).sum())), choice, difficulty, known < 0, seed)
    answers = ask(annotator, chosen, space)
    kept = post_filter(answers, dropped)
    fit, why = learn(weights, x, answers, kept, known, len(space.names), weighted, network, hidden, epochs, seed)
    evidence = {
        "asked": answers.positions, "answers": answers.classes, "confidence": answers.confidence, "kept": kept,
        "coe": change_of_entropy(answers.classes), "cost": answers.cost, "spent_budget": len(answers), **measured,
    }
    return as_proposal(fit, space, known, evidence, why)


def choose_nodes(
    graph: scipy.sparse.csr_array, x: torch.Tensor, k: int, count: int, choice: str, difficulty: float, free: np.ndarray, seed: int,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """`count` positions among the `free` ones, the best first, and the measures behind the choice, each (N,)."""
    density = np.zeros(len(x)) if choice == "random" else cluster_density(x, k, seed=seed)[0]
    smooth = smoothed_directions(graph, x, (0, 0, 1)) if choice in ("age", "featprop") else x
    if choice == "featprop":
        return _by_clusters(smooth, density, count, difficulty, free, seed)
    if choice == "pagerank":
        own = ranks(pagerank(graph))
    elif choice == "degree":
        own = ranks(np.asarray(graph.sum(axis=1)).ravel())
    elif choice == "age":
        own = (ranks(pagerank(graph)) + ranks(cluster_density(smooth, max(count, 1), seed=seed)[0])) / 2
    elif choice == "density":
        own = ranks(density)
    elif choice == "random":
        own, difficulty = np.random.default_rng(seed).permutation(len(x)) / len(x), 0.0
    else:
        raise ValueError(f"choice: got {choice!r}, expected 'pagerank', 'degree', 'age', 'featprop', 'density' or 'random'")
    score = difficulty * ranks(density) + (1 - difficulty) * own
    order = np.argsort(-np.where(free, score, -np.inf), kind="stable")[:count]
    return order, {"density": density, "centrality": own, "choice_score": score}


def _by_clusters(
    smooth: Any, density: np.ndarray, count: int, difficulty: float, free: np.ndarray, seed: int,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One node for each of `count` clusters of the smoothed features: near its centre, and of high C-Density by its share."""
    rows = np.flatnonzero(free)
    own, score, chosen = np.zeros(len(free)), np.zeros(len(free)), []
    if count:
        found = kmeans(smooth[rows], count, seed=seed)
        assignment = found.assignment.cpu().numpy()
        near = 1 / (1 + (smooth[rows] - found.centres.to(smooth)[found.assignment.to(smooth.device)]).norm(dim=1).double().cpu().numpy())
        own[rows] = ranks(near)
        score[rows] = difficulty * ranks(density[rows]) + (1 - difficulty) * own[rows]
        sizes = np.bincount(assignment, minlength=count)
        for cluster in np.argsort(-sizes, kind="stable"):
            members = rows[assignment == cluster]
            if len(members):
                chosen.append(int(members[score[members].argmax()]))
        rest = [int(i) for i in rows[np.argsort(-score[rows], kind="stable")] if int(i) not in set(chosen)]
        chosen += rest[: count - len(chosen)]                   # a cluster that came out empty gives its place away
    return np.array(chosen, np.int64), {"density": density, "centrality": own, "choice_score": score}


def ranks(values: np.ndarray) -> np.ndarray:
    """(N,) ranks from 1 / N to 1, the larger the value; equal values share their mean rank."""
    return np.asarray(scipy.stats.rankdata(values) / max(len(values), 1), np.float64)


def change_of_entropy(classes: np.ndarray) -> np.ndarray:
    """(n,) COE: the entropy (nats) of the classes without this answer, less that with it. NaN where no class was named.

    The larger, the better the balance of the classes can spare the answer: it is one of many of its class.
    """
    used = classes[classes >= 0]
    counts = np.bincount(used, minlength=1).astype(np.float64)

    def entropy(each: np.ndarray) -> float:
        shares = each[each > 0] / each.sum()
        return float(-(shares * np.log(shares)).sum())

    whole, changes = entropy(counts), np.full(len(counts), np.nan)
    for k in np.flatnonzero(counts):
        less = counts.copy()
        less[k] -= 1
        changes[k] = (entropy(less) if less.sum() else 0.0) - whole
    # Rounded, so that classes of one size stay equal whatever the order in which their shares were added up.
    return np.where(classes >= 0, np.round(changes, 12)[np.maximum(classes, 0)], np.nan)


def post_filter(answers: Answers, share: float) -> np.ndarray:
    """(n,) bool: the answers kept after a share of the usable ones is dropped, one by one, by rank of doubt plus rank of COE."""
    kept = answers.usable.copy()
    sure = np.nan_to_num(answers.confidence, nan=0.0 if np.isnan(answers.confidence).all() else float(np.nanmean(answers.confidence)))
    for _ in range(int(share * kept.sum())):
        at = np.flatnonzero(kept)
        held = answers.classes[at]
        spare = np.bincount(held)[held] > 1                     # the last answer of a class stays
        if not spare.any():
            break
        score = np.where(spare, scipy.stats.rankdata(-sure[at]) + scipy.stats.rankdata(change_of_entropy(held)), -np.inf)
        kept[at[score.argmax()]] = False
    return kept


def learn(
    graph: scipy.sparse.csr_array, x: torch.Tensor, answers: Answers, kept: np.ndarray, known: np.ndarray, k: int, weighted: bool,
    network: Any, hidden: int, epochs: int, seed: int,
) -> tuple[GraphFit | None, list[str]]:
    """The network trained on kept answers and known labels; None where there is nothing to learn from. Warnings beside it."""
    said = [f"{int((~answers.usable).sum())} of {len(answers)} answers name none of the classes"] if not answers.usable.all() else []
    goal, mass = known.copy(), np.ones(len(known))
    at = answers.positions[kept]
    goal[at] = answers.classes[kept]
    if weighted:
        mass[at] = np.clip(np.nan_to_num(answers.confidence[kept], nan=1.0), 0.01, 1.0)
    if not (goal >= 0).any():
        return None, [*said, "no answer names a class, so that nothing was learned; every item abstains"]
    missing = k - len(np.unique(goal[goal >= 0]))
    if missing:
        said.append(f"{missing} of {k} classes have no answer and will hardly be proposed; raise the budget")
    return graph_net(
        graph, x, goal, n_classes=k, weights=mass, kind=network, hidden=hidden, epochs=epochs, seed=seed,
    ), said


def as_proposal(fit: GraphFit | None, space: LabelSpace, known: np.ndarray, evidence: dict[str, Any], said: list[str]) -> Proposal:
    """What the network says of every node, as a proposal in which decided nodes keep their label."""
    count, k = len(known), len(space.names)
    made = np.zeros((count, k), np.float32) if fit is None else fit.probabilities.cpu().numpy().astype(np.float32)
    scores = np.zeros((count, k)) if fit is None else fit.scores.cpu().numpy()
    made = made.copy()
    made[known >= 0] = np.eye(k, dtype=np.float32)[known[known >= 0]]
    return Proposal(made, classes=space.names, evidence={"scores": scores, **evidence}, warnings=tuple(said))


def checked_inputs(graph: Any, x: torch.Tensor, classes: Any) -> tuple[scipy.sparse.csr_array, LabelSpace]:
    """The graph and the classes, checked against the items."""
    weights, space = checked_weights(graph), LabelSpace.of(classes)
    if weights.shape[0] != len(x):
        raise ValueError(f"graph: got {weights.shape[0]} nodes for {len(x)} embeddings; expected one node an item")
    if not space.names:
        raise ValueError("classes: got none, expected the names that may be answered")
    return weights, space
