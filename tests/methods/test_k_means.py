"""K-means against its definition written as loops, scikit-learn's inertia and real digits."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from labelnb.methods.clustering import k_means
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information


def digits(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    x = data.data[:n] / np.linalg.norm(data.data[:n], axis=1, keepdims=True)
    return x, data.target[:n]


def test_every_item_lies_nearest_to_the_mean_of_its_own_cluster():
    x, _ = digits(200)
    got = k_means(x, n_clusters=6)
    means = [[sum(x[i][d] for i in range(200) if got.assignment[i] == c) / got.sizes[c] for d in range(64)] for c in range(6)]
    np.testing.assert_allclose(got.evidence["centres"], means, atol=1e-9)
    for i in range(200):
        distances = [np.sqrt(sum((x[i][d] - means[c][d]) ** 2 for d in range(64))) for c in range(6)]
        assert got.assignment[i] == int(np.argmin(distances))
        assert got.evidence["distances"][i] == pytest.approx(min(distances), abs=1e-6)
    assert got.evidence["inertia"] == pytest.approx(float((got.evidence["distances"] ** 2).sum()), rel=1e-6)


def test_inertia_is_no_worse_than_scikit_learns():
    x, truth = digits()
    peer = KMeans(10, n_init=10, random_state=0).fit(x)
    got = k_means(x, n_clusters=10)
    assert got.evidence["inertia"] <= peer.inertia_ * 1.01
    assert adjusted_rand_index(got.assignment, peer.labels_) > 0.6
    assert normalized_mutual_information(got.assignment, truth) > 0.65


def test_balanced_sizes_differ_by_one_at_most():
    x, _ = digits(205)
    free, even = (k_means(x, n_clusters=10, balanced=b) for b in (False, True))
    assert even.sizes.max() - even.sizes.min() <= 1 < free.sizes.max() - free.sizes.min()


def test_more_starts_never_raise_the_inertia():
    x, _ = digits()
    few, many = (k_means(x, n_clusters=20, starts=s).evidence["inertia"] for s in (1, 8))
    assert many <= few


def test_a_run_cut_short_says_so():
    x, _ = digits()
    assert "had not settled after 1 steps" in k_means(x, n_clusters=10, max_iterations=1, starts=1).warnings[0]
    assert k_means(x, n_clusters=10).warnings == ()


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"),
    ({"n_clusters": 0}, "n_clusters: got 0"),
    ({"starts": 0}, "starts: got 0"),
    ({"max_iterations": 0}, "max_iterations: got 0"),
    ({"embeddings": np.full((9, 2), np.nan)}, "NaN or infinity"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        k_means(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
