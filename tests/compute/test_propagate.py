"""The solve against a dense one, and what explains it."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute import contributions, knn_graph, propagate, strongest_paths
from labelnb.compute.near_order import near_order
from labelnb.compute.propagate import normalised

METHODS = ["auto", "preconditioned", "cg", "chebyshev", "power"]


def weights(n: int = 120, k: int = 5, seed: int = 0, dtype: type = np.float64) -> scipy.sparse.csr_array:
    x = np.random.default_rng(seed).normal(size=(n, 6))
    return knn_graph(x, k).to_scipy().astype(dtype)


def seeds(n: int = 120, k: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = np.zeros((n, k))
    chosen = rng.permutation(n)[: 3 * k]
    y[chosen, np.arange(3 * k) % k] = rng.uniform(0.5, 2, 3 * k)
    return y


def dense(w: scipy.sparse.csr_array, y: np.ndarray, alpha: float) -> np.ndarray:
    """Straight from the equation."""
    a = w.toarray().astype(np.float64)
    np.fill_diagonal(a, 0)
    degree = a.sum(1)
    root = np.where(degree > 0, 1 / np.sqrt(np.where(degree > 0, degree, 1)), 0)
    return np.linalg.solve(np.eye(len(a)) - alpha * root[:, None] * a * root, y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_solve_the_equation(method, alpha, dtype):
    w, y = weights(), seeds()
    made = propagate(w.astype(dtype), y.astype(dtype), alpha=alpha, method=method, max_iterations=5000)
    np.testing.assert_allclose(made.scores, dense(w, y, alpha), rtol=1e-4, atol=1e-5 / (1 - alpha))
    assert made.residual <= 1e-6
    assert made.converged
    assert made.method == (method if method != "auto" else "cg" if alpha > 0.5 else "chebyshev")
    assert made.scores.dtype == (torch.float64 if dtype == np.float64 else torch.float32)


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-10])
def test_residual_is_the_true_one_and_as_small_as_asked(method, tolerance):
    w, y = weights(), seeds()
    made = propagate(w, y, alpha=0.8, method=method, tolerance=tolerance)
    s = normalised(w).toarray()
    rest = y - (np.eye(len(s)) - 0.8 * s) @ made.scores.numpy()
    assert made.residual == pytest.approx((np.linalg.norm(rest, axis=0) / np.linalg.norm(y, axis=0)).max(), rel=1e-3, abs=1e-14)
    assert made.residual <= tolerance
    assert made.converged


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_solve_cut_short_says_so(method):
    made = propagate(weights(), seeds(), alpha=0.9, method=method, max_iterations=3)
    assert not made.converged
    assert made.iterations == 3
    assert made.residual > 1e-3


def test_chebyshev_and_cg_need_far_fewer_steps_than_power():
    steps = {method: propagate(weights(), seeds(), alpha=0.95, method=method, max_iterations=5000).iterations for method in METHODS[1:]}
    assert 1.5 * steps["preconditioned"] < steps["cg"] <= steps["chebyshev"] < steps["power"] / 3


@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "coo", "torch csr", "torch coo", "KnnGraph", "sparse seeds", "tensor seeds"])
def test_graphs_and_seeds_of_every_kind_give_the_same(kind):
    x = np.random.default_rng(0).normal(size=(120, 6))
    knn = knn_graph(x, 5)
    w, y = knn.to_scipy(), seeds()
    plain = propagate(w, y, alpha=0.5).scores
    coo = w.tocoo()
    sparse = torch.sparse_coo_tensor(np.stack(coo.coords), coo.data, w.shape, check_invariants=True)
    graph = {
        "csr_matrix": scipy.sparse.csr_matrix(w), "coo": coo, "torch coo": sparse, "torch csr": sparse.to_sparse_csr(), "KnnGraph": knn,
    }.get(kind, w)
    start = {"sparse seeds": scipy.sparse.csr_array(y), "tensor seeds": torch.from_numpy(y)}.get(kind, y)
    np.testing.assert_allclose(propagate(graph, start, alpha=0.5).scores, plain, atol=1e-7)


def test_class_blocks_give_the_same():
    n = 3000
    w = weights(n)
    y = seeds(n, 40)
    whole = propagate(w, y, alpha=0.7)
    parts = propagate(w, scipy.sparse.csr_array(y), alpha=0.7, memory=1 << 20)      # blocks of 7 classes
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-6)
    assert parts.residual <= 1e-6


@pytest.mark.parametrize("hubs", [0, 3])
def test_another_order_of_the_nodes_within_changes_nothing(hubs, monkeypatch):
    w = weights(400).tolil()
    w[:hubs] = 0.1                                       # nodes joined to all others
    w[:, :hubs] = 0.1
    w, y = scipy.sparse.csr_array(w), seeds(400)
    plain = propagate(w, y, alpha=0.8)
    monkeypatch.setitem(propagate.__globals__, "_REORDER_ABOVE", 10)
    order = near_order(normalised(w))
    assert sorted(order.tolist()) == list(range(400))
    assert sorted(order[400 - hubs:].tolist()) == list(range(hubs))
    assert propagate(w, y, alpha=0.8).method == "preconditioned"
    for method in METHODS:
        np.testing.assert_allclose(propagate(w, y, alpha=0.8, method=method).scores, plain.scores, atol=1e-5)
        small = propagate(w, scipy.sparse.csr_array(y), alpha=0.8, method=method, memory=1 << 20)
        np.testing.assert_allclose(small.scores, plain.scores, atol=1e-5)


def test_the_order_brings_neighbours_closer():
    x = np.random.default_rng(0).normal(size=(20, 8))[np.arange(6000) % 20] * 3 + np.random.default_rng(1).normal(size=(6000, 8))
    s = normalised(knn_graph(x, 10).to_scipy()).tocoo()
    order = near_order(s.tocsr())
    assert sorted(order.tolist()) == list(range(6000))
    place = np.argsort(order)
    assert np.median(np.abs(place[s.row] - place[s.col])) < np.median(np.abs(s.row - s.col)) / 10


def test_an_order_of_nodes_without_edges_and_of_several_parts():
    w = scipy.sparse.block_diag([np.ones((3, 3)), np.zeros((2, 2)), np.ones((4, 4))]).tocsr()
    w.eliminate_zeros()
    order = near_order(scipy.sparse.csr_array(w)).tolist()
    assert sorted(order) == list(range(9))
    assert sorted(order[:3]) == [0, 1, 2] and sorted(order[-4:]) == [5, 6, 7, 8]


def test_a_diagonal_and_stored_zeros_are_no_edges():
    w = weights(30).toarray()
    stored = scipy.sparse.csr_array(w + np.eye(30))
    expected = w / np.sqrt(w.sum(1)[:, None] * w.sum(1))
    np.testing.assert_allclose(normalised(stored).toarray(), expected, atol=1e-12)
    assert not normalised(stored).diagonal().any() and normalised(stored).data.all()


def test_a_graph_that_is_normalised_already_is_taken_as_it_is():
    w, y = weights(), seeds()
    s = normalised(w)
    np.testing.assert_allclose(propagate(s, y, alpha=0.6, normalise="none").scores, propagate(w, y, alpha=0.6).scores, atol=1e-9)
    expected = np.linalg.solve(np.eye(120) - 0.6 * w.toarray() / 20, y)
    np.testing.assert_allclose(propagate(w / 20, y, alpha=0.6, normalise="none").scores, expected, atol=1e-6)


def test_normalised_drops_the_diagonal_and_has_no_eigenvalue_beyond_one():
    w = weights()
    w.setdiag(5.0)
    s = normalised(w)
    assert s.diagonal().max() == 0
    assert np.abs(np.linalg.eigvalsh(s.toarray())).max() == pytest.approx(1.0)
    np.testing.assert_allclose(normalised(weights()).toarray(), s.toarray(), atol=1e-15)


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_diagonal_of_a_graph_that_is_taken_as_it_is_counts(method):
    w, y = weights() / 20, seeds()
    w.setdiag(np.linspace(0, 0.5, 120))
    made = propagate(w, y, alpha=0.6, normalise="none", method=method, tolerance=1e-9)
    expected = np.linalg.solve(np.eye(120) - 0.6 * w.toarray(), y)
    np.testing.assert_allclose(made.scores, expected, atol=1e-8)
    rest = y - (np.eye(120) - 0.6 * w.toarray()) @ made.scores.numpy()
    assert made.residual == pytest.approx((np.linalg.norm(rest, axis=0) / np.linalg.norm(y, axis=0)).max(), rel=1e-2)
    assert made.residual <= 1e-9


def test_sweeps_refuse_a_diagonal_that_leaves_nothing():
    w = weights() / 20
    w.setdiag(2.0)
    with pytest.raises(ValueError, match="graph: 1 - alpha times an entry of its diagonal"):
        propagate(w, seeds(), alpha=0.6, normalise="none", method="preconditioned")


@pytest.mark.parametrize("k", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_classes_in_any_number_of_threads_gives_the_same(k, threads):
    w, y = weights(), seeds(k=max(k, 4))[:, :k]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        made = propagate(w, y, alpha=0.9, method="preconditioned", tolerance=1e-10)
        few = propagate(w, scipy.sparse.csr_array(y), alpha=0.9, method="preconditioned", tolerance=1e-10, keep=min(k, 3))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(made.scores, dense(w, y, 0.9), atol=1e-8)
    np.testing.assert_allclose(few.scores, -np.sort(-dense(w, y, 0.9), axis=1)[:, :3], atol=1e-8)


def test_nodes_that_no_seed_reaches_score_nothing():
    w = scipy.sparse.block_diag([weights(40), weights(30, seed=2), scipy.sparse.csr_array((1, 1))], format="csr")
    y = np.zeros((71, 2))
    y[[0, 1], [0, 1]] = 1
    made = propagate(w, y, alpha=0.9).scores
    assert (made[:40].sum(1) > 0).all()
    assert (made[40:] == 0).all()


def test_a_class_without_seeds_scores_nothing():
    y = seeds()
    y[:, 2] = 0
    made = propagate(weights(), y, alpha=0.9)
    assert (made.scores[:, 2] == 0).all()
    assert made.converged


def test_order_of_nodes_and_classes_does_not_matter():
    w, y = weights(), seeds()
    rng = np.random.default_rng(5)
    p, r = rng.permutation(120), rng.permutation(4)
    moved = propagate(w[p][:, p], y[p][:, r], alpha=0.8)
    np.testing.assert_allclose(moved.scores, propagate(w, y, alpha=0.8).scores[p][:, r], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 1.0}, "alpha: got 1.0"), ({"alpha": -0.1}, "alpha"), ({"tolerance": 0.0}, "tolerance"),
        ({"max_iterations": 0}, "max_iterations"), ({"normalise": "row"}, "normalise: got"),
        ({"method": "gauss"}, "method: got 'gauss', expected 'auto', 'preconditioned'"),
        ({"seeds": np.ones((3, 2))}, "seeds: got shape"),
        ({"seeds": np.ones(120)}, "seeds: got shape"), ({"seeds": np.full((120, 1), np.nan)}, "seeds: NaN"),
        ({"graph": weights()[:, :-1]}, "graph: got shape"), ({"graph": weights() * -1}, "negative"),
        ({"graph": scipy.sparse.csr_array(np.triu(weights().toarray()))}, "not symmetric"),
    ],
    ids=str,
)
def test_what_means_nothing_is_refused(change, message):
    arguments = {"graph": weights(), "seeds": seeds(), "alpha": 0.5, **change}
    with pytest.raises(ValueError, match=message):
        propagate(arguments.pop("graph"), arguments.pop("seeds"), **arguments)


@pytest.mark.parametrize("apart", [0.0, 1e-7, 1e-3, 1.0])
@pytest.mark.parametrize("sorted_", [True, False])
def test_one_edge_of_many_that_differs_from_its_way_back_is_found(apart, sorted_):
    rng = np.random.default_rng(0)
    edges = scipy.sparse.random_array((6000, 6000), density=1e-3, rng=rng, dtype=np.float64)
    w = scipy.sparse.csr_array(edges + edges.T)
    if not sorted_:
        w = scipy.sparse.csr_array(w @ w)                                       # its rows in the order in which the product found them
        assert not w.has_sorted_indices
    w.data[12_345] *= 1 + apart
    y = np.zeros((6000, 2))
    y[[0, 1], [0, 1]] = 1
    if apart > 1e-5:
        with pytest.raises(ValueError, match="not symmetric"):
            propagate(w, y, alpha=0.5)
    else:
        assert propagate(w, y, alpha=0.5).converged


def test_a_dense_graph_is_refused():
    with pytest.raises(TypeError, match="graph: got a dense tensor"):
        propagate(torch.eye(3), np.eye(3), alpha=0.5)
    with pytest.raises(TypeError, match="graph: got ndarray"):
        propagate(np.eye(3), np.eye(3), alpha=0.5)


# Why a node got its score ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.95])
@pytest.mark.parametrize("node", [0, 57, -1])
def test_contributions_add_up_to_the_scores(alpha, node):
    w, y = weights(), seeds()
    s = normalised(w)
    rows, classes, amounts = contributions(s, scipy.sparse.csr_array(y), node, alpha=alpha)
    totals = np.zeros(4)
    np.add.at(totals, classes, amounts)
    np.testing.assert_allclose(totals, dense(w, y, alpha)[node], atol=1e-8)
    np.testing.assert_allclose(totals, propagate(s, y, alpha=alpha, normalise="none").scores[node], atol=1e-5)
    assert len(rows) == (y != 0).sum()


def test_each_contribution_is_what_the_seed_gives_alone():
    w, y = weights(), seeds()
    rows, classes, amounts = contributions(normalised(w), y, 11, alpha=0.7)
    for row, c, amount in zip(rows, classes, amounts, strict=True):
        alone = np.zeros_like(y)
        alone[row, c] = y[row, c]
        assert amount == pytest.approx(dense(w, alone, 0.7)[11, c], abs=1e-9)


def walked(s: np.ndarray, node: int, starts: list[int], alpha: float) -> list[tuple[list[int], float]]:
    """Every path without a cycle, by trying all of them."""
    found = []
    for size in range(1, len(s) + 1):
        for path in itertools.permutations(range(len(s)), size):
            if path[0] in starts and path[-1] == node:
                weight = np.prod([alpha * s[i, j] for i, j in itertools.pairwise(path)])
                if weight > 0:
                    found.append((list(path), float(weight)))
    return sorted(found, key=lambda each: -each[1])


@pytest.mark.parametrize("node", [0, 3])
@pytest.mark.parametrize("starts", [[1], [2, 5], [0, 6]])
def test_strongest_paths_are_those_found_by_trying_all(node, starts):
    s = normalised(weights(7, 2, seed=4))
    expected = walked(s.toarray(), node, starts, 0.8)
    got = strongest_paths(s, node, starts, alpha=0.8, n=6)
    assert len(got) == min(6, len(expected))
    np.testing.assert_allclose([weight for _, weight in got], [weight for _, weight in expected[:6]], rtol=1e-9)
    assert [path for path, _ in got] == [path for path, _ in expected[: len(got)]]


def test_no_path_from_another_part_of_the_graph():
    s = normalised(scipy.sparse.block_diag([weights(10, 2), weights(10, 2)], format="csr"))
    assert strongest_paths(s, 3, [15, 16], alpha=0.5) == []
    assert strongest_paths(s, 3, [], alpha=0.5) == []
    assert strongest_paths(s, 3, [3], alpha=0.0) == [([3], 1.0)]


def test_a_path_never_weighs_more_than_the_contribution_it_is_part_of():
    s, y = normalised(weights()), seeds()
    rows, _, amounts = contributions(s, y, 40, alpha=0.9)
    for path, weight in strongest_paths(s, 40, rows, alpha=0.9, n=8):
        assert weight * y[path[0]].max() <= amounts[rows == path[0]].max() + 1e-12
    assert path[-1] == 40


def test_there_is_no_such_node():
    with pytest.raises(IndexError, match="node: got 120"):
        contributions(normalised(weights()), seeds(), 120, alpha=0.5)


@pytest.mark.parametrize("by_degree", [True, False])
def test_what_the_memory_held_before_does_not_matter(monkeypatch, by_degree):
    def anything(shape, dtype):
        return np.full(shape, np.nan, dtype)

    w, y = weights(400) + 0.1 * scipy.sparse.eye_array(400), seeds(400, 20)          # with a diagonal, and sixteen classes and four
    monkeypatch.setattr("labelnb.compute.sweeps._vectors", anything)
    s = scipy.sparse.csr_array(w if by_degree else w / (1.01 * w.sum(1).max()))
    made = propagate(s, y, alpha=0.8, method="preconditioned", normalise="symmetric" if by_degree else "none")
    expected = propagate(s, y, alpha=0.8, method="cg", normalise="symmetric" if by_degree else "none")
    np.testing.assert_allclose(made.scores, expected.scores, atol=1e-5)


@pytest.mark.parametrize("memory", [None, 1 << 20])
@pytest.mark.parametrize("n", [120, 6000])
def test_the_largest_scores_are_those_of_all(n, memory):
    rng = np.random.default_rng(5)
    edges = scipy.sparse.random_array((n, n), density=6 / n, rng=rng, dtype=np.float64)
    w = scipy.sparse.csr_array(edges + edges.T)
    seeds = scipy.sparse.random_array((n, 40), density=0.05, rng=rng, dtype=np.float64).tocsr()
    whole = propagate(w, seeds.toarray(), alpha=0.8, tolerance=1e-10).scores.numpy()
    made = propagate(w, seeds, alpha=0.8, tolerance=1e-10, keep=4, memory=memory)
    order = np.argsort(-whole, axis=1, kind="stable")[:, :4]
    np.testing.assert_allclose(made.scores, np.take_along_axis(whole, order, 1), atol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(whole, made.classes.numpy(), 1), made.scores, atol=1e-9)
    assert made.scores.shape == (n, 4) and made.converged
    everything = propagate(w, seeds, alpha=0.8, keep=99, tolerance=1e-10)
    assert everything.scores.shape == (n, 40) and (everything.classes.sort(1).values == torch.arange(40)).all()
    assert propagate(w, seeds, alpha=0.8).classes is None
    with pytest.raises(ValueError, match="keep: got 0"):
        propagate(w, seeds, alpha=0.8, keep=0)
