"""label_spreading against the closed form, scikit-learn run to its fixed point on the same graph, and what it must do on broken graphs."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.semi_supervised import LabelSpreading

from labelnb.methods.propagation import label_spreading
from tests.methods.graph_twins import few_labels, neighbour_graph, spreading


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 0.99])
def test_scores_are_the_closed_form(alpha):
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    made = label_spreading(w, labels, alpha=alpha)
    np.testing.assert_allclose(made.evidence["scores"], spreading(w.toarray(), labels, alpha), atol=1e-9)


def test_probabilities_are_those_of_scikit_learn_at_its_fixed_point():
    w, truth = neighbour_graph()
    labels = few_labels(truth)
    model = LabelSpreading(kernel=lambda *_: w.toarray(), alpha=0.9, tol=1e-12, max_iter=20_000)
    model.fit(np.zeros((len(labels), 1)), labels)
    free = labels < 0
    made = label_spreading(w, labels, alpha=0.9)
    np.testing.assert_allclose(made.probabilities[free], model.label_distributions_[free], atol=1e-5)
    np.testing.assert_array_equal(made.predictions[free], model.transduction_[free])


def test_recovers_groups_that_overlap():
    w, truth = neighbour_graph(n=400, d=4)
    labels = few_labels(truth)
    assert (label_spreading(w, labels).predictions == truth).mean() > 0.8


def test_parts_without_a_label_abstain_and_are_listed():
    w, truth = neighbour_graph()
    apart = scipy.sparse.block_diag([w, w[:20][:, :20], [[0.0]]], format="csr")
    labels = np.append(few_labels(truth), np.full(21, -1))
    made = label_spreading(scipy.sparse.csr_array(apart), labels)
    np.testing.assert_array_equal(made.evidence["reached"], np.arange(171) < 150)
    np.testing.assert_array_equal(made.predictions[150:], -1)
    assert made.warnings[0].startswith("21 items have no path to any label and abstain")


def test_a_class_beyond_the_labels_gets_a_column():
    w, truth = neighbour_graph()
    assert label_spreading(w, few_labels(truth), n_classes=6).probabilities.shape == (150, 6)


@pytest.mark.parametrize(("labels", "message"), [
    (np.full(150, -1), "labels: no item is labelled"), (np.zeros(149), "labels: got shape"),
])
def test_labels_that_mean_nothing_are_refused(labels, message):
    w, _ = neighbour_graph()
    with pytest.raises(ValueError, match=message):
        label_spreading(w, labels)
