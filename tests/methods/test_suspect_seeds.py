"""suspect_seeds against solving anew without each label, and labels that were made wrong on purpose."""
from __future__ import annotations

import numpy as np

from labelnb.methods.propagation import label_spreading, suspect_seeds
from tests.methods.graph_twins import neighbour_graph


def test_scores_are_those_of_solving_without_each_label():
    w, truth = neighbour_graph(n=80)
    labels = np.where(np.arange(80) < 24, truth, -1)
    labels[[3, 10]] = (labels[[3, 10]] + 1) % 4
    made = suspect_seeds(w, labels)
    for item in range(24):
        less = labels.copy()
        less[item] = -1
        shares = label_spreading(w, less, n_classes=4).evidence["scores"][item].astype(np.float64)
        shares = shares / np.bincount(less[less >= 0], minlength=4)      # by the labels that each class has left
        shares = shares / shares.sum()
        others = np.delete(shares, labels[item])
        assert abs(made.scores[item] - (others.max() - shares[labels[item]])) < 1e-5
        assert made.evidence["suggested"][item] == shares.argmax()
    assert np.isnan(made.scores[24:]).all()


def test_wrong_labels_come_first_and_are_named():
    w, truth = neighbour_graph(n=400)
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(400) < 200, truth, -1)
    wrong = rng.choice(200, 12, replace=False)
    labels[wrong] = (labels[wrong] + rng.integers(1, 4, 12)) % 4
    made = suspect_seeds(w, labels)
    assert len(set(made.order[:12].tolist()) & set(wrong.tolist())) >= 11
    assert made.flagged[wrong].mean() > 0.9
    assert made.flagged[np.setdiff1d(np.arange(200), wrong)].mean() < 0.05
    first = int(made.order[0])
    assert f"give class {truth[first]}" in made.reasons[first]
    np.testing.assert_array_equal(made.evidence["suggested"][wrong][made.flagged[wrong]], truth[wrong][made.flagged[wrong]])


def test_a_label_alone_on_its_island_is_not_judged():
    w, _ = neighbour_graph(n=60)
    labels = np.full(60, -1)
    labels[7] = 2
    assert np.isnan(suspect_seeds(w, labels).scores).all()
