"""UNO: pseudo-labels under given shares, recovery of planted and real classes, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute.kmeans import kmeans
from labelnb.methods.novel import semi_supervised_kmeans, uno
from labelnb.methods.novel.uno import _masses, _relative
from labelnb.metrics import adjusted_rand_index, split_clustering_accuracy
from labelnb.open_world import open_world
from tests.methods.planted import planted, planted_digits


def test_finds_the_planted_classes():
    data = planted()
    got = uno(data.x, data.labels, correction=1.0)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.97
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    np.testing.assert_array_equal(got.assignment[~data.free], data.labels[~data.free])
    np.testing.assert_array_equal(got.probabilities.argmax(1), got.assignment)
    assert got.evidence["loss"][-1] < got.evidence["loss"][0]


def test_above_k_means_and_semi_supervised_k_means_on_digits():
    """Three of ten digits hidden: accuracy of novel classes over two seeds."""
    ours, plain, semi = [], [], []
    for seed in range(2):
        data = planted_digits(seed=seed)
        free = data.free
        assignments = (
            uno(data.x, data.labels, n_novel=3, seed=seed).assignment,
            kmeans(data.x, 10, seed=seed, n_init=5).assignment.numpy(),
            semi_supervised_kmeans(data.x, data.labels, n_novel=3, seed=seed).assignment,
        )
        for kept, assignment in zip((ours, plain, semi), assignments, strict=True):
            kept.append(split_clustering_accuracy(assignment[free], data.truth[free], data.known))
    assert np.mean([each.new for each in ours]) > np.mean([each.new for each in plain]) + 0.1
    assert np.mean([each.all for each in ours]) > max(np.mean([each.all for each in kept]) for kept in (plain, semi))


def test_the_head_learns_the_shares_asked_for():
    data = planted_digits(600)
    got = uno(data.x, data.labels, n_novel=3)
    assert got.evidence["marginal_error"] <= 0.01
    assert (np.abs(got.sizes - 60) <= 12).all()
    np.testing.assert_allclose(got.probabilities.sum(1), 1, atol=1e-5)


def test_the_correction_moves_odds_by_its_factor_at_most():
    data = planted_digits(400)
    settings = {"n_novel": 3, "epochs": 5}
    free = data.free
    plain, held = (uno(data.x, data.labels, correction=c, **settings) for c in (1.0, 1.5))
    one, other = (run.probabilities[free].astype(np.float64)[:, :7] for run in (plain, held))      # known classes keep their columns
    odds = (other / other[:, :1]) / (one / one[:, :1])
    assert odds.max() > 1.01
    assert odds.min() >= 1 / 1.5**2 - 1e-3
    assert odds.max() <= 1.5**2 + 1e-3


def test_masses_by_hand():
    kind = np.arange(80) % 8
    world = open_world(np.eye(8)[kind], np.where(kind < 2, kind, -1))              # two known classes with ten labels each
    assignment = torch.arange(80) % 4
    np.testing.assert_allclose(_masses(world, assignment, 2, "equal"), np.array([10, 10, 20, 20]) / 60)
    np.testing.assert_allclose(_masses(world, assignment, 2, "labels"), np.array([10, 10, 20, 20]) / 60)
    np.testing.assert_allclose(_masses(world, torch.zeros(80, dtype=torch.int64), 2, "found"), np.array([70, 0.4, 0.4, 0.4]) / 71.2)


def test_label_counts_are_believed_as_far_as_chance_cannot_explain_them():
    even = torch.tensor([20.0, 22.0, 18.0, 21.0])
    np.testing.assert_allclose(_relative(even), 1)
    uneven = torch.tensor([10.0, 90.0])
    trust = 1 - 50 / 3200
    np.testing.assert_allclose(_relative(uneven), [1 - 0.8 * trust, 1 + 0.8 * trust], rtol=1e-6)
    np.testing.assert_allclose(_relative(torch.tensor([7.0])), 1)


def test_unequal_classes_that_the_labels_show():
    rng = np.random.default_rng(0)
    truth = rng.choice(5, 600, p=[0.45, 0.05, 0.1, 0.2, 0.2])
    x = np.linalg.qr(rng.normal(size=(24, 24)))[0][truth] + 0.25 * rng.normal(size=(600, 24))
    labels = np.where((truth < 3) & (rng.random(600) < 0.3), truth, -1)
    free = labels < 0
    scores = {
        shares: split_clustering_accuracy(uno(x, labels, n_novel=2, shares=shares).assignment[free], truth[free], range(3)).all
        for shares in ("labels", "equal")
    }
    assert scores["labels"] > scores["equal"] + 0.05
    assert scores["labels"] > 0.9


def test_seed_decides_and_order_does_not():
    data = planted_digits(400)
    one, again = (uno(data.x, data.labels, n_novel=3, epochs=5, seed=2).assignment for _ in range(2))
    np.testing.assert_array_equal(one, again)
    order = np.random.default_rng(0).permutation(400)
    other = uno(data.x[order], data.labels[order], n_novel=3, epochs=5, seed=2).assignment
    assert np.mean(other == one[order]) > 0.98


def test_everything_labelled():
    data = planted(60, 3, 0)
    np.testing.assert_array_equal(uno(data.x, data.truth).assignment, data.truth)


@pytest.mark.parametrize(("change", "message"), [
    ({"shares": "half"}, "shares: got 'half'"),
    ({"n_novel": -1}, "n_novel: got -1"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"neighbours": 0}, "neighbours: got 0"),
    ({"sharpness": 0.0}, "sharpness: got 0.0"),
    ({"correction": 0.5}, "correction: got 0.5"),
    ({"epochs": 1}, "epochs: got 1"),
    ({"updates": 0}, "updates: got 0"),
    ({"lr": 0.0}, "lr: got 0.0"),
    ({"batch_size": 0}, "batch_size: got 0"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        uno(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
