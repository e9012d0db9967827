"""The closed forms against solving anew without each seed."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.compute.leave_one_out import leave_one_out, leave_one_out_alphas
from labelnb.compute.seed_system import SeedSystem, seed_system, solve
from tests.compute.test_seed_system import KINDS, graph, seeds
from tests.methods.graph_twins import few_labels, neighbour_graph, onehot


def brute_force(system: SeedSystem) -> np.ndarray:
    rows = []
    for node in system.seed_nodes:
        y = system.seeds.toarray()
        y[node] = 0
        rows.append(solve(seed_system(system.kind, system.weights, y, alpha=system.alpha), tolerance=1e-12).scores.numpy()[node])
    return np.array(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_brute_force_on_parts(kind):
    system = seed_system(kind, scipy.sparse.csr_array(graph()), seeds(), alpha=0.9)
    np.testing.assert_allclose(leave_one_out(system), brute_force(system), atol=1e-6)
    single = seeds()
    single[28] = 0                                       # the second part has one seed left: nothing reaches it
    lonely = seed_system(kind, scipy.sparse.csr_array(graph()), single, alpha=0.9)
    np.testing.assert_allclose(leave_one_out(lonely), brute_force(lonely), atol=1e-6)
    np.testing.assert_array_equal(leave_one_out(lonely)[-1], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_brute_force_on_neighbours(kind):
    w, truth = neighbour_graph()
    system = seed_system(kind, w, onehot(few_labels(truth, each=6)), alpha=0.97)
    expected = brute_force(system)
    np.testing.assert_allclose(leave_one_out(system), expected, atol=1e-6)
    np.testing.assert_allclose(leave_one_out(system, system.seed_nodes[[5, 2]]), expected[[5, 2]], atol=1e-6)


def test_many_alphas_at_once_and_in_blocks():
    w, truth = neighbour_graph()
    y = scipy.sparse.csr_array(onehot(few_labels(truth)))
    nodes, alphas = np.flatnonzero(y.toarray().any(1)), [0.0, 0.3, 0.9, 0.99, 0.999]
    made = leave_one_out_alphas(w, y, alphas, nodes)
    for alpha, scores in zip(alphas, made, strict=True):
        np.testing.assert_allclose(scores, brute_force(seed_system("spreading", w, y, alpha=alpha)), atol=1e-6)
    np.testing.assert_allclose(leave_one_out_alphas(w, y, alphas, nodes, memory=1 << 20), made, atol=1e-9)


def test_two_seeds_that_are_neighbours_see_each_other():
    w = scipy.sparse.csr_array(np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    system = seed_system("harmonic", w, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(leave_one_out(system), [[0, 1], [1, 0]], atol=1e-9)


def test_a_node_that_is_no_seed_is_refused():
    system = seed_system("harmonic", scipy.sparse.csr_array(graph()), seeds())
    with pytest.raises(ValueError, match=r"nodes: \[3\] are no seeds"):
        leave_one_out(system, [0, 3])
