"""PULSE: chances and the share of known classes against their definitions, recovery of planted classes, and what it refuses."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from labelnb.compute.kmeans import kmeans
from labelnb.label_chance import DELTA, GAMMA, class_chances, known_share, label_chances, novelty
from labelnb.methods.novel import pulse
from labelnb.methods.novel.pulse import SHRINKAGE, _step
from labelnb.metrics import adjusted_rand_index, split_clustering_accuracy
from tests.methods.planted import planted, planted_digits


def test_finds_the_planted_classes():
    data = planted(600)
    got = pulse(data.x, data.labels, n_novel=2)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.97
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    np.testing.assert_array_equal(got.assignment[~data.free], data.labels[~data.free])
    np.testing.assert_allclose(got.probabilities.sum(1), 1, atol=1e-5)
    free = data.free
    found = pulse(data.x, data.labels, n_novel=2, shares="found")
    assert adjusted_rand_index(found.assignment, data.truth) > 0.8
    assert abs(found.evidence["share"] - np.isin(data.truth[free], data.known).mean()) < 0.15
    assert got.evidence["novelty"][free & (data.truth > 3)].min() > 0.5
    assert (got.evidence["novelty"][~free] == 0).all()


def test_above_k_means_on_digits():
    """Three of ten digits hidden: accuracy of novel classes over two seeds."""
    ours, plain = [], []
    for seed in range(2):
        data = planted_digits(seed=seed)
        free = data.free
        for kept, assignment in (
            (ours, pulse(data.x, data.labels, n_novel=3, seed=seed).assignment),
            (plain, kmeans(data.x, 10, seed=seed, n_init=5).assignment.numpy()),
        ):
            kept.append(split_clustering_accuracy(assignment[free], data.truth[free], data.known))
    assert np.mean([each.new for each in ours]) > np.mean([each.new for each in plain]) + 0.1
    assert np.mean([each.all for each in ours]) > np.mean([each.all for each in plain]) + 0.1


def test_the_share_of_known_classes_is_the_best_bin_s():
    """Every threshold tried by a loop, as the paper defines the estimate and its bound."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(1, 1, 200), rng.normal(1, 1, 150), rng.normal(-2, 1, 100)])
    labels = np.repeat([0, -1], [200, 250])
    p, u = scores[labels == 0], scores[labels == -1]
    slack = math.sqrt(math.log(4 / DELTA) / 2 / 250) + math.sqrt(math.log(4 / DELTA) / 2 / 200)
    tried = []
    for t in p:
        top, also = np.mean(p >= t), np.mean(u >= t)
        tried.append((also / top + (1 + GAMMA) * slack / top, also / top, top))
    found = known_share(torch.from_numpy(scores), torch.from_numpy(labels))
    assert found.value == pytest.approx(min(tried)[1])
    assert found.top == pytest.approx(min(tried)[2])
    assert found.value == pytest.approx(0.6, abs=4 * found.error)


def test_novelty_is_bayes_rule_and_holds_the_share():
    """Two classes known, one new, of known densities: what the odds of a label say, against Bayes' rule from the densities themselves."""
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(-3, 1, 3000), rng.normal(0, 1, 3000), rng.normal(2, 1, 3000)])
    density = np.exp(-0.5 * (x[:, None] - [-3, 0, 2]) ** 2)
    labelled = 0.4 * density[:, :2]                               # two in five of the known classes' items have a label
    chances = np.column_stack([labelled, density.sum(1) - labelled.sum(1)]) / density.sum(1, keepdims=True)
    expected = density[:, 2] / (density[:, 2] + 0.6 * density[:, :2].sum(1))
    free = rng.random(9000) < chances[:, 2]                       # those without one, as likely as that is where they lie
    got = novelty(torch.from_numpy(chances[free]), 2400, 3600 / 6600).numpy()
    assert np.abs(got - expected[free]).max() < 0.05
    unsure = np.column_stack([0.7 * chances[:, :2], 1 - 0.7 * chances[:, :2].sum(1)])      # a probe that says too little of labels
    got = novelty(torch.from_numpy(unsure[free]), 2400, 3600 / 6600).numpy()
    assert got.mean() == pytest.approx(3000 / 6600, abs=1e-6)


def test_chances_are_out_of_fold_and_labels_given_at_random_give_no_more_than_their_rate():
    data = planted(800, 4, 1, noise=0.3)
    rows, labels = torch.from_numpy(data.x), torch.from_numpy(data.labels)
    p = label_chances(rows, labels)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    known = data.truth < 3
    told = ~data.free
    assert abs(float(1 - p[known & told, 3].mean()) - float(1 - p[known & ~told, 3].mean())) < 0.03
    assert float(1 - p[~known, 3].mean()) < 0.1
    q = class_chances(rows, labels)
    assert (q[known].argmax(1).numpy() == data.truth[known]).mean() > 0.95
    assert class_chances(rows, torch.where(labels == 0, 0, -1)).shape == (800, 1)


def test_one_step_is_expectation_and_maximisation():
    """Means, covariance and shares written as loops."""
    rng = np.random.default_rng(2)
    x, weight = rng.normal(size=(40, 3)), rng.random((40, 1))
    share = rng.dirichlet([1, 1], 40)
    inside = np.eye(3) * 5
    got, _ = _step(*(torch.from_numpy(one) for one in (x, weight, share, inside)), 20)
    mass = [sum(weight[i, 0] * share[i, m] for i in range(40)) for m in range(2)]
    means = [sum(weight[i, 0] * share[i, m] * x[i] for i in range(40)) / mass[m] for m in range(2)]
    scatter = inside + sum(weight[i, 0] * share[i, m] * np.outer(x[i] - means[m], x[i] - means[m]) for i in range(40) for m in range(2))
    covariance = scatter / (sum(mass) + 20)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / 3 * np.eye(3)
    inverse = np.linalg.inv(covariance)
    odds = np.array([[np.exp(-0.5 * (x[i] - means[m]) @ inverse @ (x[i] - means[m])) for m in range(2)] for i in range(40)])
    ratio = (got[:, 0] / got[:, 1]).numpy() / (odds[:, 0] / odds[:, 1])
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)        # one factor a group
    filled = (got.numpy() * weight).sum(0)
    assert filled[0] == pytest.approx(filled[1], rel=1e-3)        # groups of equal mass


def test_without_new_groups_all_is_known_and_with_one_it_is_one():
    data = planted(300)
    none = pulse(data.x, data.labels, n_novel=0)
    assert set(none.assignment.tolist()) == {0, 1, 2, 3}
    one = pulse(data.x, data.labels, n_novel=1, shares="found", neighbours=0, whiten=False)
    assert one.n_clusters == 5
    assert (one.assignment[data.free & (data.truth > 3)] == 4).mean() > 0.9
    assert pulse(data.x, data.truth).assignment.tolist() == data.truth.tolist()


@pytest.mark.parametrize(("change", "message"), [
    ({"shares": "labels"}, "shares: got 'labels'"),
    ({"l2": 0.0}, "l2"),
    ({"folds": 1}, "folds"),
    ({"neighbours": -1}, "neighbours"),
    ({"starts": 0}, "starts"),
    ({"n_novel": 1000}, "n_novel"),
])
def test_refuses(change, message):
    data = planted(60)
    with pytest.raises(ValueError, match=message):
        pulse(data.x, data.labels, **change)
