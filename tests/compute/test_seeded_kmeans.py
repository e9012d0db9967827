"""K-means beside known classes: a slow twin, the reference's inertia on real digits, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from labelnb.compute.seeded_kmeans import class_means, seeded_kmeans
from tests.methods.planted import planted


def twin(x: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's steps with pinned labels, written as loops."""
    assignment = labels.copy()
    for _ in range(100):
        before = assignment.copy()
        for i in np.flatnonzero(labels < 0):
            assignment[i] = min(range(len(centres)), key=lambda k: sum((x[i] - centres[k]) ** 2))
        centres = np.stack([x[assignment == k].mean(0) if (assignment == k).any() else centres[k] for k in range(len(centres))])
        if (assignment == before).all():
            break
    return assignment, centres


def test_ends_where_the_slow_twin_ends():
    data = planted(120, 5, 2, noise=0.3)
    got = seeded_kmeans(data.x, data.labels, 5, seed=1, tolerance=0.0)
    assert got.converged
    assignment, centres = twin(data.x, data.labels, got.centres.numpy())
    np.testing.assert_array_equal(got.assignment.numpy(), assignment)
    np.testing.assert_allclose(got.centres.numpy(), centres, atol=1e-6)
    assert got.inertia == pytest.approx(float(((data.x - centres[assignment]) ** 2).sum()), rel=1e-6)
    # without new groups there is nothing random: the means of the labelled rows are where both begin
    from_means = twin(data.x, data.labels, np.stack([data.x[data.labels == k].mean(0) for k in range(3)]))
    np.testing.assert_array_equal(seeded_kmeans(data.x, data.labels, 3, tolerance=0.0).assignment.numpy(), from_means[0])


def test_no_worse_than_the_reference_on_digits():
    """`K_Means(k=10, n_init=10, random_state=0).fit_mix` of sgvaze/generalized-category-discovery at 831a645 came to 146.98108702977834."""
    digits = load_digits()
    x, truth = digits.data[:900], digits.target[:900]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.where((truth < 7) & (np.arange(900) % 2 == 0), truth, -1)
    got = seeded_kmeans(x, labels, 10, n_init=10)
    assert got.inertia < 146.9811 * 1.001
    np.testing.assert_array_equal(got.assignment.numpy()[labels >= 0], labels[labels >= 0])


def test_order_of_rows_does_not_matter():
    data = planted()
    order = np.random.default_rng(1).permutation(len(data.x))
    one = seeded_kmeans(data.x, data.labels, 6).assignment.numpy()
    np.testing.assert_array_equal(seeded_kmeans(data.x[order], data.labels[order], 6).assignment.numpy(), one[order])


def test_all_labelled_and_none_labelled():
    data = planted(60, 3, 0)
    np.testing.assert_array_equal(seeded_kmeans(data.x, data.truth, 3).assignment.numpy(), data.truth)
    assert len(np.unique(seeded_kmeans(data.x, np.full(60, -1), 4).assignment.numpy())) == 4


@pytest.mark.parametrize(("change", "message"), [
    ({"k": 2}, "k: got 2"),
    ({"k": 10_000}, "k: got 10000"),
    ({"labels": np.full(300, 4)}, r"classes \[0, 1, 2, 3\] have no labelled row"),
    ({"n_init": 0}, "n_init: got 0"),
    ({"max_iterations": 0}, "max_iterations: got 0"),
    ({"tolerance": -1.0}, "tolerance: got -1"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        seeded_kmeans(**{"x": data.x, "labels": data.labels, "k": 6, **change})


def test_class_means():
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [9.0, 9.0]])
    np.testing.assert_allclose(class_means(x, torch.tensor([0, 0, 1, -1])).numpy(), [[2, 0], [0, 5]])
