"""harmonic_functions against the closed form, the graphlearning package's recorded scores and a random walk that is really walked."""
from __future__ import annotations

import numpy as np
import scipy.sparse

from labelnb.methods.propagation import harmonic_functions
from tests.methods.graph_twins import few_labels, harmonic, neighbour_graph

RECORDED = {
    13: [0.000126092, 0.98293763, 0.001224315, 0.015711962], 77: [8.4561e-05, 0.988557527, 0.000821058, 0.010536855],
    149: [0.000170974, 0.976864298, 0.001660109, 0.021304619],
}
"""Rows of graphlearning 1.7.5's `ssl.laplace` (tol=1e-12) on the same graph and labels, run on 2026-11-21."""


def test_scores_are_the_closed_form_and_those_of_graphlearning():
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    scores = harmonic_functions(w, labels).evidence["scores"]
    np.testing.assert_allclose(scores, harmonic(w.toarray(), labels), atol=1e-9)
    for row, expected in RECORDED.items():
        np.testing.assert_allclose(scores[row], expected, atol=1e-8)


def test_scores_are_the_chances_of_a_walk_to_end_in_each_class():
    w, truth = neighbour_graph(n=40)
    labels = few_labels(truth, each=1)
    rng, steps = np.random.default_rng(0), w.toarray() / w.sum(1)[:, None]
    start, ends = 30, np.zeros(4)
    for _ in range(4000):
        at = start
        while labels[at] < 0:
            at = int(rng.choice(40, p=steps[at]))
        ends[labels[at]] += 1
    np.testing.assert_allclose(harmonic_functions(w, labels).evidence["scores"][start], ends / 4000, atol=0.03)


def test_class_mass_normalisation_is_that_of_the_paper():
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    labels[np.flatnonzero(labels == 2)[1:]] = -1
    f = harmonic(w.toarray(), labels)
    free = labels < 0
    share = (np.bincount(labels[~free]) + 1) / ((~free).sum() + 4)        # section 4: with Laplace smoothing
    expected = f * share / f[free].sum(0)
    made = harmonic_functions(w, labels)
    np.testing.assert_allclose(made.probabilities[free], (expected / expected.sum(1, keepdims=True))[free], atol=1e-6)
    np.testing.assert_array_equal(made.predictions[~free], labels[~free])


def test_a_classifier_beside_the_graph_is_the_equation_of_the_paper():
    w, truth = neighbour_graph()
    labels, rng, eta = few_labels(truth), np.random.default_rng(0), 0.2
    words = rng.dirichlet(np.ones(4), 150)
    words[20] = 0                                                          # no word on this item
    known, y, p = labels >= 0, np.where(labels[:, None] >= 0, np.eye(4)[labels], 0), w.toarray() / w.sum(1)[:, None]
    share = np.where(known | (np.arange(150) == 20), 0, eta)[:, None]
    # Section 5: f_u = (I - (1 - eta) P_uu)^-1 ((1 - eta) P_ul f_l + eta h_u)
    f = y.copy()
    f[~known] = np.linalg.solve(
        np.eye((~known).sum()) - ((1 - share) * p)[np.ix_(~known, ~known)],
        ((1 - share) * p)[np.ix_(~known, known)] @ y[known] + (share * words)[~known],
    )
    made = harmonic_functions(w, labels, probabilities=words, eta=eta)
    np.testing.assert_allclose(made.evidence["scores"], f, atol=1e-8)
    why = made.explain(40)
    sums = np.zeros(4)
    for row in why.contributions:
        sums[int(row["class"])] += row["contribution"]
    np.testing.assert_allclose(sums, f[40], atol=1e-6)
    assert {row["kind"] for row in why.rows} == {"classifier", "seed"}
    assert all(0 <= node < 150 for path in why.paths for node in path["nodes"])


def test_unreached_items_abstain_and_a_part_with_one_class_is_of_that_class():
    w, truth = neighbour_graph()
    apart = scipy.sparse.csr_array(scipy.sparse.block_diag([w, w[:30][:, :30], w[:10][:, :10]], format="csr"))
    labels = np.concatenate([few_labels(truth), np.where(np.arange(30) == 4, 2, -1), np.full(10, -1)])
    made = harmonic_functions(apart, labels)
    known = made.evidence["reached"][150:180]
    np.testing.assert_allclose(made.evidence["scores"][150:180][known][:, 2], 1, atol=1e-6)
    np.testing.assert_array_equal(made.predictions[180:], -1)
    assert "10 items have no path" in made.warnings[0] or not known.all()
