"""p_laplace against a slow solver that goes node by node, and the graphlearning package's recorded scores."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.methods.propagation import harmonic_functions, p_laplace
from tests.methods.graph_twins import few_labels, neighbour_graph, p_harmonic

RECORDED = {
    3: {13: [0.006355347, 0.904133581, 0.019621855, 0.090744466], 149: [0.010500565, 0.841619801, 0.032418816, 0.149920428]},
    10: {13: [0.015771974, 0.872284648, 0.043744756, 0.126042858], 149: [0.030135369, 0.755984945, 0.083580126, 0.240821899]},
}
"""Rows of graphlearning 1.7.5's `ssl.plaplace` (fast, which stops at 1e-6) on the same graph and labels, run on 2026-11-21; by p."""


@pytest.mark.parametrize("p", [3.0, 10.0])
def test_scores_are_those_of_the_slow_solver_and_of_graphlearning(p):
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    made = p_laplace(w, labels, p=p, tolerance=1e-9)
    np.testing.assert_allclose(made.evidence["scores"], p_harmonic(w.toarray(), labels, p), atol=1e-7)
    for row, expected in RECORDED[int(p)].items():
        np.testing.assert_allclose(made.evidence["scores"][row], expected, atol=5e-6)


def test_two_is_harmonic():
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    made = p_laplace(w, labels, p=2.0, tolerance=1e-9)
    np.testing.assert_allclose(made.evidence["scores"], harmonic_functions(w, labels).evidence["scores"], atol=1e-6)


def test_scores_on_a_path_fall_evenly_whatever_p():
    line = scipy.sparse.diags_array([np.ones(10), np.ones(10)], offsets=[1, -1], format="csr")
    labels = np.full(11, -1)
    labels[0], labels[-1] = 0, 1
    for p in (2.0, 5.0, 100.0):
        scores = p_laplace(line, labels, p=p, tolerance=1e-9).evidence["scores"]
        np.testing.assert_allclose(scores[:, 1], np.arange(11) / 10, atol=1e-5)


def test_unreached_items_abstain_and_a_stop_before_the_end_is_said():
    w, truth = neighbour_graph()
    apart = scipy.sparse.csr_array(scipy.sparse.block_diag([w, w], format="csr"))
    made = p_laplace(apart, np.append(few_labels(truth), np.full(150, -1)), max_iterations=2)
    np.testing.assert_array_equal(made.predictions[150:], -1)
    assert "stopped after 2 sweeps" in made.warnings[0]
    assert "150 items have no path" in made.warnings[1]
