"""graph_diagnostics against counting by hand, coverage of its interval, and graphs that are broken on purpose."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.methods.propagation import graph_diagnostics, label_spreading
from tests.methods.graph_twins import few_labels, neighbour_graph


def test_homophily_is_that_of_counting():
    w = np.zeros((6, 6))
    for a, b, weight in ((0, 1, 2.0), (1, 2, 1.0), (2, 3, 4.0), (3, 4, 1.0), (4, 5, 5.0)):
        w[a, b] = w[b, a] = weight
    report = graph_diagnostics(scipy.sparse.csr_array(w), [0, 0, 1, 1, 0, -1])
    assert report.values["homophily"] == pytest.approx((2 + 4) / 8)
    assert report.values["edges judged"] == 4
    ends = np.array([2 * 2 + 1 + 1, 1 + 4 * 2 + 1]) / 16
    chance = (ends**2).sum()
    assert report.values["adjusted homophily"] == pytest.approx((0.75 - chance) / (1 - chance))
    assert report.tables["by class"][0] == {"class": 0, "labels": 3, "homophily": pytest.approx(4 / 6)}
    assert "only 4 edges" in report.warnings[0]


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    w, truth = neighbour_graph(n=400, d=3)
    whole = w.tocoo()
    true = whole.data[truth[whole.coords[0]] == truth[whole.coords[1]]].sum() / whole.data.sum()
    held = []
    for seed in range(40):
        labels = np.full(400, -1)
        some = np.random.default_rng(seed).choice(400, 120, replace=False)
        labels[some] = truth[some]
        values = graph_diagnostics(w, labels).values
        held.append(values["homophily low"] <= true <= values["homophily high"])
    assert np.mean(held) > 0.85


def test_accuracy_by_alpha_is_that_of_leaving_each_label_out():
    w, truth = neighbour_graph(n=120, d=3)
    labels = few_labels(truth, each=6)
    report = graph_diagnostics(w, labels)
    figure = report.figures["accuracy by alpha"]
    at = figure["x"].index(0.9)
    right = []
    for item in np.flatnonzero(labels >= 0):
        less = labels.copy()
        less[item] = -1
        right.append(label_spreading(w, less, alpha=0.9, n_classes=4).predictions[item] == labels[item])
    assert figure["series"]["left-out accuracy"][at] == pytest.approx(np.mean(right))
    assert report.values["left-out accuracy"] == max(figure["series"]["left-out accuracy"])


def test_parts_hubs_and_what_is_not_reached():
    w, truth = neighbour_graph()
    star = np.zeros((30, 30))
    star[0, 1:] = star[1:, 0] = 1
    both = scipy.sparse.csr_array(scipy.sparse.block_diag([w, star], format="csr"))
    report = graph_diagnostics(both, np.append(few_labels(truth), np.full(30, -1)))
    assert report.tables["hubs"][0] == {"item": 150, "neighbours": 29, "label": ""}
    assert report.values["unreached"] >= 30
    assert set(range(150, 180)) <= set(report.evidence["unreached"].tolist())
    assert sum(report.figures["degrees"]["series"]["items"]) == 180
    assert {"items": 30, "labelled": 0} in report.tables["parts"]


def test_a_graph_that_says_nothing_is_called_so():
    rng = np.random.default_rng(0)
    w = np.triu((rng.random((200, 200)) < 0.1) * 1.0, 1)
    report = graph_diagnostics(scipy.sparse.csr_array(w + w.T), rng.integers(0, 4, 200))
    assert abs(report.values["adjusted homophily"]) < 0.1
    assert any("little more than by chance" in warning for warning in report.warnings)
