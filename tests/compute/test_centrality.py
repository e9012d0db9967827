"""PageRank against a dense solve and NetworkX; the density of a cluster's members against the definition."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute.centrality import cluster_density, pagerank, smoothed_directions
from tests.methods.text_graphs import line_of, planted


def dense(w: np.ndarray, damping: float) -> np.ndarray:
    """The stationary distribution as one linear system: (I - d P^T) p = (1 - d) / N, rows without an edge spread evenly."""
    n = len(w)
    p = np.array([row / row.sum() if row.sum() > 0 else np.full(n, 1 / n) for row in w])
    solved = np.linalg.solve(np.eye(n) - damping * p.T, np.full(n, (1 - damping) / n))
    return solved / solved.sum()


@pytest.mark.parametrize("damping", [0.0, 0.5, 0.85, 0.99])
def test_pagerank_is_the_dense_solution(damping):
    w = planted(60, seed=3).graph.toarray() * np.random.default_rng(0).random((60, 60))
    w = np.maximum(w, w.T)
    w[7] = w[:, 7] = 0
    found = pagerank(scipy.sparse.csr_array(w), damping=damping, max_iterations=5000)
    np.testing.assert_allclose(found, dense(w, damping), atol=1e-9)


def test_pagerank_is_that_of_networkx():
    networkx = pytest.importorskip("networkx")
    graph = planted(80, seed=1).graph
    expected = networkx.pagerank(networkx.from_scipy_sparse_array(graph), tol=1e-12, max_iter=1000)
    np.testing.assert_allclose(pagerank(graph), [expected[i] for i in range(80)], atol=1e-9)


def test_the_middle_of_a_star_has_the_known_share():
    star = scipy.sparse.csr_array(np.array([[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], float))
    # p0 = (1 - d)/4 + 3 d p1 and p1 = (1 - d)/4 + d p0 / 3
    assert pagerank(star)[0] == pytest.approx((0.0375 + 3 * 0.85 * 0.0375) / (1 - 0.85**2), abs=1e-9)


def test_a_damping_or_graph_that_means_nothing_is_refused():
    with pytest.raises(ValueError, match="damping"):
        pagerank(line_of([1.0]), damping=1.0)
    with pytest.raises(ValueError, match="graph"):
        pagerank(scipy.sparse.csr_array(np.array([[0, 1.0], [0, 0]])))


def test_density_is_one_over_one_and_the_distance_to_the_own_centre():
    x = np.array([[0.0, 0], [2, 0], [1, 0], [10, 10], [10, 12], [10, 11]])
    density, cluster = cluster_density(torch.from_numpy(x), 2)
    assert len(set(cluster[:3])) == len(set(cluster[3:])) == 1
    np.testing.assert_allclose(density, [0.5, 0.5, 1, 0.5, 0.5, 1], atol=1e-9)
    everyone, _ = cluster_density(torch.from_numpy(x), 50)
    np.testing.assert_allclose(everyone, 1)


@pytest.mark.parametrize("sparse", [False, True])
def test_directions_are_those_of_the_dense_decomposition(sparse):
    data = planted(60, 3)
    x = data.x if not sparse else np.hstack([data.x[:, :2], np.zeros((60, 40))]) * (np.random.default_rng(0).random((60, 42)) < 0.9)
    x[x.sum(1) == 0, 0] = 1
    w = data.graph.toarray() + np.eye(60)
    a = w / np.sqrt(np.outer(w.sum(1), w.sum(1)))
    z = 0.5 * x + 2 * a @ a @ x
    rank = 2 if sparse else 5
    u, s, _ = np.linalg.svd(z, full_matrices=False)
    slow = u[:, :rank] * s[:rank]
    slow /= np.linalg.norm(slow, axis=1, keepdims=True)
    found = smoothed_directions(data.graph, torch.from_numpy(x), (0.5, 0, 2), rank=rank).numpy()
    np.testing.assert_allclose(found @ found.T, slow @ slow.T, atol=1e-6)        # up to the signs of the directions
