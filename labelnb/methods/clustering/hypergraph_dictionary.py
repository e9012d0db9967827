"""Soft labels from a hypergraph of neighbourhoods, and a dictionary whose codes give them back.

Source: Shao, Xing, Yu, Xu, Wang and Liu 2021, SSDL: Self-Supervised Dictionary Learning, ICME (arXiv 2112.01790).

The paper works on features too; no network is stood for. Two things are ours, for the paper leaves them open to whoever has no labels:
the p-Laplacian embedding is found by reweighted eigenproblems (edges anew by |f_u - f_v|^(p-2), then the leading eigenvectors), and the
pseudo-labels are soft by distance to k-means centres in that embedding. There is no public code: it is written from the description.
"""
from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, positive_int, unit_rows, within
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.knn import knn_graph
from labelnb.compute.spectral import spectrum
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 182


def hypergraph_dictionary(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    neighbours: Annotated[int, Range(1, 200)] = 10,
    sparsity: Annotated[float, Range(0.0, 1.0)] = 0.05,
    p: Annotated[float, Range(1.0, 2.0)] = 2.0,
    rounds: Annotated[int, Range(1, 100)] = 5,
    atoms: int | None = None,
    label_weight: Annotated[float, Range(0.0, 1000.0)] = 1.0,
    code_sparsity: Annotated[float, Range(0.0, 1.0)] = 0.01,
    steps: Annotated[int, Range(1, 1000)] = 15,
    seed: int = 0,
) -> Clusters:
    """Group items by a cut of the hypergraph of their neighbourhoods, and smooth the cut by a label-embedded dictionary.

    (1) Every item and its nearest neighbours form a hyperedge; how much a neighbour counts (its attention) is its coefficient when the
    item is written as a sparse non-negative sum of them. (2) The embedding of least p-Laplacian energy on the hypergraph gives soft
    pseudo-labels. (3) A dictionary D and a classifier B are learnt with sparse codes A so that X = D A and labels = B A; an item's final
    scores are B times its code from D alone.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : clusters, from 1 to N
    neighbours : of an item in its hyperedge
    sparsity : l1 penalty of the attention coefficients
    p : exponent of the Laplacian; 2 is spectral clustering of the hypergraph, towards 1 the cuts grow sharper. Sharper was no better:
        adjusted Rand index with 2 / 1.5 .548 / .508 on Banking77, .470 / .463 on Fashion-MNIST, .275 / .263 on CIFAR-10
    rounds : reweighted eigenproblems; 1 stops at p = 2
    atoms : columns of the dictionary; None for four a cluster
    label_weight : of the labels beside the features in the dictionary (0 leaves the labels out: then B means nothing, and the
        pseudo-labels are returned)
    code_sparsity : l1 penalty of the codes
    steps : alternations of codes and dictionary
    seed : of the starts

    Returns
    -------
    Clusters with `probabilities` (N, K), the dictionary's scores cut at 0 and scaled. Evidence: `scores` (N, K), `pseudo_labels` (N, K)
    soft labels of the hypergraph, `hypergraph_assignment` (N,), `attention` sparse (N, N) with a hyperedge a column, `embedding` (N, K),
    `objective` of the dictionary by step.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    Memory: N x (neighbours + 1)^2 pairs at most, no N x N matrix. Do not use it on more clusters than neighbourhoods can hold apart, or
    with neighbours beyond the size of a group.
    """
    x = unit_rows(embeddings)
    k, n = positive_int("n_clusters", n_clusters), len(x)
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    for name, value in (("neighbours", neighbours), ("rounds", rounds), ("steps", steps)):
        positive_int(name, value)
    within("sparsity", sparsity, 0.0, 1.0), within("p", p, 1.0, 2.0), within("label_weight", label_weight, 0.0, 1e3)
    within("code_sparsity", code_sparsity, 0.0, 1.0)
    m = min(4 * k, n) if atoms is None else positive_int("atoms", atoms, high=n)
    order = content_order(x, seed)
    x = x[order].to(able_device(x.device))
    incidence = attention(x, min(neighbours, n - 1), sparsity)
    embedding = p_embedding(incidence, k, p, rounds, seed)
    soft = _soft(embedding, k, seed).to(x)
    found = learn(x.T, soft.T, m, label_weight, code_sparsity, steps, seed)
    scores = (found.classifier @ code(found.dictionary, x.T, code_sparsity)).T if label_weight > 0 else soft
    back = torch.argsort(order).to(x.device)
    scores, soft = scores[back], soft[back]
    positive = scores.clamp_min(0) + 1e-9 * soft.to(scores)
    places = back.cpu().numpy()
    evidence = {
        "scores": scores, "pseudo_labels": soft, "hypergraph_assignment": soft.argmax(1), "attention": incidence[places][:, places],
        "embedding": embedding[back.to(embedding.device)], "objective": found.objective,
    }
    probabilities = positive / positive.sum(1, keepdim=True)
    return Clusters(as_array(probabilities.argmax(1)), as_array(probabilities), evidence=evidence)


def attention(x: torch.Tensor, k: int, sparsity: float) -> scipy.sparse.csr_array:
    """Incidence (N, N): column e holds 1 at item e and, at its neighbours, its coefficients scaled to a largest of 1.

    The coefficients minimise |x_e - sum_j a_j x_j|^2 / 2 + sparsity * sum_j a_j over a >= 0 (projected FISTA, all items at once).
    """
    n = len(x)
    if k == 0:
        return scipy.sparse.eye_array(n, format="csr")
    near = knn_graph(x, k).indices
    weights = torch.cat([_lasso(x[block], x[near[block]], sparsity) for block in torch.arange(n, device=x.device).split(2048)])
    top = weights.amax(1, keepdim=True)
    weights = torch.where(top > 1e-12, weights / top.clamp_min(1e-12), torch.full_like(weights, 1e-3))
    columns = np.repeat(np.arange(n), k)
    made = scipy.sparse.coo_array((weights.double().cpu().numpy().ravel(), (near.cpu().numpy().ravel(), columns)), shape=(n, n))
    return (made.tocsr() + scipy.sparse.eye_array(n)).tocsr()


def _lasso(x: torch.Tensor, near: torch.Tensor, sparsity: float, steps: int = 300) -> torch.Tensor:
    gram, right = near @ near.transpose(1, 2), (near @ x[:, :, None])[:, :, 0] - sparsity
    rate = 1 / gram.abs().sum(2).amax(1, keepdim=True).clamp_min(1e-12)                # Gershgorin: no step is too long
    a = ahead = torch.zeros_like(right)
    t = 1.0
    for _ in range(steps):
        new = (ahead + rate * (right - (gram @ ahead[:, :, None])[:, :, 0])).clamp_min(0)
        grown = 0.5 * (1 + (1 + 4 * t * t) ** 0.5)
        ahead, a, t = new + (t - 1) / grown * (new - a), new, grown
    return a


def p_embedding(incidence: scipy.sparse.csr_array, k: int, p: float, rounds: int, seed: int) -> torch.Tensor:
    """(N, K) orthonormal columns of low energy sum over hyperedges and their pairs of h_u h_v / delta_e * |f_u - f_v|^p."""
    delta = np.asarray(incidence.sum(0)).ravel()
    flat = (incidence @ scipy.sparse.diags_array(1 / delta) @ incidence.T).tocoo()     # a pair's terms share |f_u - f_v|
    inside = flat.row != flat.col
    row, column, weight = flat.row[inside], flat.col[inside], flat.data[inside]
    now, f = weight, torch.empty(0)
    for turn in range(rounds):
        graph = scipy.sparse.csr_array((now, (row, column)), shape=flat.shape)
        f = spectrum(graph, k, seed=seed).vectors.cpu()
        if turn == rounds - 1 or p == 2 or not len(weight):
            break
        at = f.numpy() / np.sqrt(np.maximum(np.asarray(graph.sum(1)).ravel(), 1e-12))[:, None]
        square = ((at[row] - at[column]) ** 2).sum(1)
        scale = max(square.mean(), 1e-300)
        now = weight * (square / scale + 1e-2) ** ((p - 2) / 2)
    return f


def _soft(embedding: torch.Tensor, k: int, seed: int) -> torch.Tensor:
    """(N, K) by squared distance to k-means centres of the embedding's unit rows, in units of the mean one to the own centre."""
    rows = torch.nn.functional.normalize(embedding, dim=1)
    found = kmeans(rows, k, seed=seed, n_init=10)
    square = torch.cdist(rows, found.centres.to(rows)) ** 2
    scale = square.gather(1, found.assignment.to(square.device)[:, None]).mean().clamp_min(1e-6)
    return torch.softmax(-square / (2 * scale), dim=1)


class Dictionary(NamedTuple):
    """Atoms and what they say of the classes."""

    dictionary: torch.Tensor
    """(D, M) columns of length 1 at most."""
    classifier: torch.Tensor
    """(K, M)."""
    objective: list[float]
    """|X - D A|^2 + label_weight |Y - B A|^2 + 2 code_sparsity |A|_1, over N, after each step."""


def learn(x: torch.Tensor, y: torch.Tensor, m: int, label_weight: float, sparsity: float, steps: int, seed: int) -> Dictionary:
    """Label-embedded dictionary learning: codes by FISTA, then D and B by one pass over their columns."""
    n, root = x.shape[1], label_weight**0.5
    stacked = torch.cat([x, root * y])
    atoms = kmeans(stacked.T, m, seed=seed, max_iterations=20).centres.to(x).T.contiguous()
    atoms = atoms / atoms.norm(dim=0).clamp_min(1e-12)
    a, objective = x.new_zeros(m, n), []
    for _ in range(steps):
        a = code(atoms, stacked, sparsity, a)
        gram, cross = a @ a.T, stacked @ a.T
        for j in range(m):
            if gram[j, j] > 1e-12:
                column = atoms[:, j] + (cross[:, j] - atoms @ gram[:, j]) / gram[j, j]
                atoms[:, j] = column / column.norm().clamp_min(1.0)
        objective.append(float(((stacked - atoms @ a) ** 2).sum() + 2 * sparsity * a.abs().sum()) / n)
    classifier = atoms[len(x):] / root if root > 0 else atoms.new_zeros(len(y), m)
    # Codes of features alone are shorter than those of features and labels: D's columns get length 1, B goes along.
    lengths = atoms[: len(x)].norm(dim=0).clamp_min(1e-6)
    return Dictionary(atoms[: len(x)] / lengths, classifier / lengths, objective)


def code(atoms: torch.Tensor, x: torch.Tensor, sparsity: float, start: torch.Tensor | None = None, steps: int = 60) -> torch.Tensor:
    """(M, N) codes that minimise |x - atoms a|^2 + 2 sparsity |a|_1 by FISTA."""
    gram, right = atoms.T @ atoms, atoms.T @ x
    rate = 1 / float(torch.linalg.eigvalsh(gram.double())[-1].clamp_min(1e-12))
    a = ahead = torch.zeros_like(right) if start is None else start
    t = 1.0
    for _ in range(steps):
        moved = ahead + rate * (right - gram @ ahead)
        new = torch.sign(moved) * (moved.abs() - rate * sparsity).clamp_min(0)
        grown = 0.5 * (1 + (1 + 4 * t * t) ** 0.5)
        ahead, a, t = new + (t - 1) / grown * (new - a), new, grown
    return a
