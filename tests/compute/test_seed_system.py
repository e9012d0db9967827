"""The linear system behind a propagation, solved and questioned, against dense algebra."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.compute.seed_system import contributions, green, paths, reached, seed_system, solve

KINDS = ("spreading", "harmonic", "poisson")


def graph(n: int = 40, seed: int = 0) -> np.ndarray:
    """Two parts that hold seeds, one without, and a node alone."""
    rng = np.random.default_rng(seed)
    w = np.zeros((n, n))
    for a, b in ((0, 24), (24, 32), (32, n - 1)):
        part = rng.random((b - a, b - a)) * (rng.random((b - a, b - a)) < 0.2)
        part += np.diag(np.full(b - a - 1, 0.3), 1)
        w[a:b, a:b] = part + part.T
    np.fill_diagonal(w, 0)
    return w


def seeds(n: int = 40) -> np.ndarray:
    y = np.zeros((n, 3))
    y[[0, 5, 9, 12], [0, 1, 2, 1]] = 1
    y[[25, 28], 2] = 1
    return y


def dense(kind: str, w: np.ndarray, y: np.ndarray) -> np.ndarray:
    degree, known = w.sum(1), y.any(1)
    if kind == "spreading":
        root = np.divide(1, np.sqrt(degree), where=degree > 0, out=np.zeros(len(w)))
        return np.linalg.solve(np.eye(len(w)) - 0.9 * root[:, None] * w * root, y)
    laplacian, made = np.diag(degree) - w, np.zeros_like(y)
    if kind == "harmonic":
        free = ~known & (np.arange(len(w)) < 32)
        made[known] = y[known]
        made[free] = np.linalg.solve(laplacian[np.ix_(free, free)], w[np.ix_(free, known)] @ y[known])
        return made
    part = slice(0, 24)
    source = np.where(known[part, None], y[part] - y[part][known[part]].mean(0), 0)
    u = np.linalg.pinv(laplacian[part, part]) @ source
    made[part] = u - degree[part] @ u / degree[part].sum()
    made[24:32, 2] = 1
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_solution_is_the_dense_one(kind, dtype):
    system = seed_system(kind, scipy.sparse.csr_array(graph().astype(dtype)), seeds(), alpha=0.9)
    made = solve(system, tolerance=1e-9)
    assert made.converged
    np.testing.assert_allclose(made.scores.numpy(), dense(kind, graph(), seeds()), atol=1e-8 if dtype == np.float64 else 1e-5)
    assert made.scores.numpy().dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_are_those_of_the_dense_solution_seed_by_seed(kind):
    w, y = graph(), seeds()
    system = seed_system(kind, scipy.sparse.csr_array(w), y, alpha=0.9)
    whole = dense(kind, w, y)
    for node in range(40):
        rows, classes, amounts = contributions(system, node)
        sums = np.zeros(3)
        np.add.at(sums, classes, amounts)
        np.testing.assert_allclose(sums, whole[node], atol=1e-8)
    if kind != "poisson":                        # there each seed's part is defined by the mean that is taken off
        for lone in np.flatnonzero(y.any(1)):
            one = np.where((np.arange(40) == lone)[:, None], y, 0.0)
            rows, _, amounts = contributions(system, 3)
            clamped = dense(kind, w, one) if kind == "spreading" else _clamped(w, y, one)
            assert amounts[rows == lone].sum() == pytest.approx(clamped[3].sum(), abs=1e-8)


def _clamped(w: np.ndarray, y: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Harmonic scores where all seeds are held, all but one at zero."""
    known, free = y.any(1), ~y.any(1) & (np.arange(40) < 32)
    made = one.copy()
    made[free] = np.linalg.solve((np.diag(w.sum(1)) - w)[np.ix_(free, free)], w[np.ix_(free, known)] @ one[known])
    return made


def test_green_is_symmetric_and_balanced():
    system = seed_system("poisson", scipy.sparse.csr_array(graph()), seeds())
    g = green(system, np.arange(24))[:24]
    np.testing.assert_allclose(g, g.T, atol=1e-8)
    np.testing.assert_allclose(graph()[:24, :24].sum(1) @ g, 0, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_paths_weigh_the_product_of_their_steps(kind):
    w = graph()
    system = seed_system(kind, scipy.sparse.csr_array(w), seeds(), alpha=0.9)
    degree = w.sum(1)
    found = paths(system, 20, system.seed_nodes, n=4)
    assert [weight for _, weight in found] == sorted((weight for _, weight in found), reverse=True)
    for nodes, weight in found:
        assert nodes[-1] == 20
        assert nodes[0] in system.seed_nodes
        expected = 1.0
        for i, j in zip(nodes[1:], nodes[:-1], strict=True):
            expected *= 0.9 * w[i, j] / np.sqrt(degree[i] * degree[j]) if kind == "spreading" else w[i, j] / degree[i]
        assert weight == pytest.approx(expected)
        if kind == "harmonic":
            assert not set(nodes[1:]) & set(system.seed_nodes.tolist())
    assert paths(system, 35, system.seed_nodes) == []


def test_reached_and_an_edit():
    system = seed_system("harmonic", scipy.sparse.csr_array(graph()), seeds())
    np.testing.assert_array_equal(reached(system), np.arange(40) < 32)
    cut = graph()
    cut[20, :] = cut[:, 20] = 0
    edited = system._replace(weights=scipy.sparse.csr_array(cut))
    assert not reached(edited)[20]
    np.testing.assert_array_equal(solve(edited).scores.numpy()[20], 0)


@pytest.mark.parametrize(("change", "message"), [
    ({"kind": "heat"}, "kind: got 'heat'"), ({"alpha": 1.0}, "alpha"), ({"seeds": seeds()[:-1]}, r"seeds: got shape \(39, 3\)"),
    ({"graph": scipy.sparse.csr_array(np.triu(graph()))}, "graph: not symmetric"),
])
def test_what_means_nothing_is_refused(change, message):
    given = {"kind": "spreading", "graph": scipy.sparse.csr_array(graph()), "seeds": seeds(), "alpha": 0.5, **change}
    with pytest.raises(ValueError, match=message):
        seed_system(given.pop("kind"), given.pop("graph"), given.pop("seeds"), **given)


def test_a_node_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="from 0 to 39"):
        contributions(seed_system("harmonic", scipy.sparse.csr_array(graph()), seeds()), 40)
