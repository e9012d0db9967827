"""Multi-label cluster discrimination: its loss against loops and autograd, its labels, and groups it has to find."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from labelnb.methods.clustering import mlcd
from labelnb.methods.clustering.mlcd import separated_loss
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information


def groups(n: int = 200, k: int = 4, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.arange(n) % k
    x = np.linalg.qr(rng.normal(size=(12, 12)))[0][:k][truth] + noise * rng.normal(size=(n, 12))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


@pytest.mark.parametrize(("scale", "margin"), [(1.0, 0.0), (8.0, 0.3), (64.0, 0.3)])
def test_loss_is_that_of_the_equation(scale, margin):
    rng = np.random.default_rng(0)
    cosines, right = rng.uniform(-1, 1, (6, 9)), rng.random((6, 9)) < 0.3
    counted = rng.random((6, 9)) < 0.6
    expected = []
    for i in range(6):
        wrong = sum(math.exp(scale * cosines[i, j]) for j in range(9) if not right[i, j] and counted[i, j])
        near = sum(math.exp(-scale * math.cos(math.acos(cosines[i, j]) + margin)) for j in range(9) if right[i, j])
        expected.append(math.log(1 + wrong) + math.log(1 + near))
    got = separated_loss(torch.from_numpy(cosines), torch.from_numpy(right), torch.from_numpy(counted), scale, margin)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_right_and_wrong_centres_are_judged_apart():
    """Of the joint form log(1 + sum_wrong sum_right exp(s_wrong - s_right)) a wrong centre's push would depend on the right ones."""
    right = torch.tensor([[True, False, False]])
    pushes = []
    for near in (0.9, 0.1):
        cosines = torch.tensor([[near, 0.3, -0.2]], dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(separated_loss(cosines, right, torch.ones(1, 3, dtype=torch.bool), 8.0, 0.0).sum(), cosines)
        pushes.append(gradient[0, 1:])
        assert gradient[0, 0] < 0 < gradient[0, 1]
    torch.testing.assert_close(pushes[0], pushes[1])


def test_labels_are_the_nearest_centres():
    x, _ = groups()
    got = mlcd(x, n_clusters=4, centres=12, positives=3)
    labels = got.evidence["centre_labels"]
    assert labels.shape == (200, 3)
    assert all(len(set(row)) == 3 for row in labels.tolist())
    together = adjusted_rand_index(labels[:, 0], labels[:, 0])
    assert together == 1 and labels.max() < 12


def test_recovers_clear_groups():
    x, truth = groups()
    assert adjusted_rand_index(mlcd(x, n_clusters=4).assignment, truth) > 0.97


def test_training_lowers_the_loss_and_keeps_most_of_what_the_digits_show():
    data = load_digits()
    got = mlcd(data.data, n_clusters=10)
    assert got.evidence["loss"][-1] < 0.9 * got.evidence["loss"][0]
    start = normalized_mutual_information(got.evidence["start_assignment"], data.target)
    assert normalized_mutual_information(got.assignment, data.target) > start - 0.05
    np.testing.assert_allclose(np.linalg.norm(got.evidence["projected"], axis=1), 1, atol=1e-5)


def test_order_of_items_does_not_matter():
    x, _ = groups()
    order = np.random.default_rng(0).permutation(200)
    assert adjusted_rand_index(mlcd(x, n_clusters=4).assignment[order], mlcd(x[order], n_clusters=4).assignment) > 0.98


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"centres": 10}, "centres: got 10"), ({"positives": 0}, "positives: got 0"),
    ({"width": 0}, "width: got 0"), ({"epochs": 0}, "epochs: got 0"), ({"scale": 0.0}, "scale: got 0"), ({"margin": -1.0}, "margin: got"),
    ({"negatives": 0.0}, "negatives: got"), ({"lr": 0.0}, "lr: got"), ({"batch_size": 0}, "batch_size: got 0"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        mlcd(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
