"""Each step against an independent one: scikit-learn's lasso, Zhou's hypergraph Laplacian as loops, the objective; then recovery."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import Lasso
from sklearn.neighbors import NearestNeighbors

from labelnb.methods.clustering import hypergraph_dictionary, k_means
from labelnb.methods.clustering.hypergraph_dictionary import attention, code, learn, p_embedding
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information


def digits(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return data.data[:n] / np.linalg.norm(data.data[:n], axis=1, keepdims=True), data.target[:n]


def test_attention_is_the_sparse_non_negative_code_on_the_neighbours():
    x, _ = digits(60)
    got = attention(torch.from_numpy(x), 6, 0.02).toarray()
    near = NearestNeighbors(n_neighbors=7, metric="cosine").fit(x).kneighbors(x)[1]
    for e in (0, 17, 59):
        others = [j for j in near[e] if j != e][:6]
        peer = Lasso(alpha=0.02 / 64, positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(x[others].T, x[e]).coef_
        np.testing.assert_allclose(got[others, e], peer / peer.max(), atol=5e-3)
        assert got[e, e] == 1
        assert np.count_nonzero(got[:, e]) <= 7


def rayleigh(incidence: np.ndarray, f: np.ndarray) -> float:
    """Energy of the normalised hypergraph Laplacian (Zhou, Huang and Schoelkopf 2006) without self-pairs, pair by pair."""
    n, degree, total = len(incidence), np.zeros(len(incidence)), 0.0
    weights = np.zeros((n, n))
    for e in range(n):
        for u in range(n):
            for v in range(n):
                if u != v:
                    weights[u, v] += incidence[u, e] * incidence[v, e] / incidence[:, e].sum()
    degree = weights.sum(1)
    for u in range(n):
        for v in range(n):
            total += weights[u, v] * ((f[u] / np.sqrt(degree[u]) - f[v] / np.sqrt(degree[v])) ** 2).sum() / 2
    return total


def test_the_embedding_has_the_least_energy_at_p_2():
    x, _ = digits(30)
    incidence = attention(torch.from_numpy(x), 5, 0.02)
    ours = rayleigh(incidence.toarray(), p_embedding(incidence, 3, 2.0, 1, 0).numpy())
    rng = np.random.default_rng(0)
    found = p_embedding(incidence, 3, 2.0, 1, 0).numpy()
    for scale in (0.01, 0.1, 1.0):
        other = np.linalg.qr(found + scale * rng.normal(size=found.shape))[0]
        assert rayleigh(incidence.toarray(), other) > ours
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=1e-8)


def test_a_smaller_exponent_lowers_its_own_energy():
    x, _ = digits(200)
    incidence = attention(torch.from_numpy(x), 8, 0.05)
    flat = (incidence @ scipy.sparse.diags_array(1 / np.asarray(incidence.sum(0)).ravel()) @ incidence.T).tocoo()
    inside = flat.row != flat.col
    degree = np.bincount(flat.row[inside], flat.data[inside], 200)

    def energy(f: np.ndarray) -> float:
        at = f / np.sqrt(degree)[:, None]
        distance = np.sqrt(((at[flat.row[inside]] - at[flat.col[inside]]) ** 2).sum(1))
        return float((flat.data[inside] * distance**1.2).sum())

    assert energy(p_embedding(incidence, 6, 1.2, 8, 0).numpy()) < energy(p_embedding(incidence, 6, 2.0, 1, 0).numpy())


def test_codes_are_those_of_the_lasso():
    rng = np.random.default_rng(0)
    atoms = rng.normal(size=(12, 8))
    x = rng.normal(size=(12, 5))
    ours = code(torch.from_numpy(atoms), torch.from_numpy(x), 0.3, steps=3000)
    for i in range(5):
        peer = Lasso(alpha=0.3 / 12, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(atoms, x[:, i]).coef_
        np.testing.assert_allclose(ours[:, i], peer, atol=1e-6)


def test_the_dictionarys_objective_falls():
    x, truth = digits(300)
    found = learn(torch.from_numpy(x.T), torch.from_numpy(np.eye(10)[truth].T), 40, 1.0, 0.01, 10, 0)
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in zip(found.objective, found.objective[1:], strict=False))
    np.testing.assert_allclose(found.dictionary.norm(dim=0), 1, atol=1e-9)
    scores = found.classifier @ code(found.dictionary, torch.from_numpy(x.T), 0.01)
    assert (scores.argmax(0).numpy() == truth).mean() > 0.9


def test_above_k_means_on_digits():
    x, truth = digits(1797)
    got = hypergraph_dictionary(x, n_clusters=10)
    plain = normalized_mutual_information(k_means(x, n_clusters=10).assignment, truth)
    assert normalized_mutual_information(got.assignment, truth) > plain + 0.05
    assert normalized_mutual_information(got.evidence["hypergraph_assignment"], truth) > 0.75


def test_without_labels_in_the_dictionary_the_pseudo_labels_come_back():
    x, _ = digits(200)
    got = hypergraph_dictionary(x, n_clusters=5, label_weight=0.0)
    np.testing.assert_array_equal(got.assignment, got.evidence["hypergraph_assignment"])


def test_order_of_items_does_not_matter():
    x, _ = digits(200)
    order = np.random.default_rng(0).permutation(200)
    one, other = hypergraph_dictionary(x, n_clusters=6), hypergraph_dictionary(x[order], n_clusters=6)
    assert adjusted_rand_index(one.assignment[order], other.assignment) > 0.99
    np.testing.assert_allclose(other.evidence["attention"].toarray(), one.evidence["attention"].toarray()[order][:, order], atol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"neighbours": 0}, "neighbours: got 0"), ({"rounds": 0}, "rounds: got 0"),
    ({"steps": 0}, "steps: got 0"), ({"p": 0.5}, "p: got 0.5"), ({"atoms": 0}, "atoms: got 0"), ({"sparsity": -1.0}, "sparsity: got"),
    ({"label_weight": -1.0}, "label_weight"), ({"code_sparsity": 2.0}, "code_sparsity"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        hypergraph_dictionary(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
