"""HDBSCAN: groups of any shape and outliers found, its settings kept, and what it says where it finds nothing."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from labelnb.methods.clustering import hdbscan
from labelnb.metrics import adjusted_rand_index


def groups(sizes: tuple[int, ...] = (60, 60, 30), lost: int = 12, noise: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Groups of unit vectors, then items that lie anywhere (truth -1)."""
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    x = np.vstack([centres[truth] + noise * rng.normal(size=(len(truth), 10)), rng.normal(size=(lost, 10))])
    return x / np.linalg.norm(x, axis=1, keepdims=True), np.concatenate([truth, np.full(lost, -1)])


def test_finds_the_number_of_groups_and_the_outliers():
    x, truth = groups()
    got = hdbscan(x, space="pca", min_cluster_size=10)
    assert got.n_clusters == 3
    assert adjusted_rand_index(got.assignment[:150], truth[:150]) > 0.95
    assert (got.assignment[150:] == -1).mean() > 0.7
    np.testing.assert_array_equal(got.evidence["outliers"], got.assignment == -1)
    np.testing.assert_array_equal(got.evidence["strength"] == 0, got.assignment == -1)


def test_agrees_with_scikit_learn_on_the_same_components():
    x, _ = groups(noise=0.2)
    low = PCA(4, svd_solver="full").fit_transform(x)
    peer = HDBSCAN(min_cluster_size=8, min_samples=3, copy=True).fit(low)
    got = hdbscan(x, space="pca", dimensions=4, min_cluster_size=8, min_samples=3)
    assert adjusted_rand_index(got.assignment + 1, peer.labels_ + 1) > 0.99
    np.testing.assert_allclose(got.evidence["space"] @ got.evidence["space"].T, low @ low.T, atol=1e-5)


def test_outliers_can_join_the_group_of_their_nearest_neighbour():
    x, _ = groups()
    kept, given = (hdbscan(x, space="pca", min_cluster_size=10, outliers=o) for o in ("keep", "nearest"))
    inside = kept.assignment >= 0
    np.testing.assert_array_equal(given.assignment[inside], kept.assignment[inside])
    assert (given.assignment >= 0).all()
    low = given.evidence["space"]
    for item in np.flatnonzero(~inside):
        near = np.flatnonzero(inside)[np.argmin(((low[inside] - low[item]) ** 2).sum(1))]
        assert given.assignment[item] == kept.assignment[near]


def test_leaves_are_no_fewer_than_the_lasting_groups():
    x, _ = groups(noise=0.25)
    assert hdbscan(x, space="pca", selection="leaf").n_clusters >= hdbscan(x, space="pca").n_clusters


def test_a_layout_finds_the_groups_too():
    x, truth = groups(lost=0)
    assert adjusted_rand_index(hdbscan(x, outliers="nearest", min_cluster_size=15).assignment, truth) > 0.95


def test_says_where_it_finds_nothing():
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert "too few" in hdbscan(x).warnings[0]
    spread = np.random.default_rng(0).normal(size=(60, 8))
    got = hdbscan(spread, space="pca", min_cluster_size=30)
    assert (got.assignment == -1).all() and "no group is dense enough" in got.warnings[0]


@pytest.mark.parametrize(("change", "message"), [
    ({"min_cluster_size": 1}, "min_cluster_size: got 1"), ({"min_samples": 0}, "min_samples: got 0"),
    ({"dimensions": 0}, "dimensions: got 0"), ({"space": "tsne"}, "space: got 'tsne'"), ({"selection": "x"}, "selection: got 'x'"),
    ({"outliers": "drop"}, "outliers: got 'drop'"), ({"embeddings": np.broadcast_to(np.ones((1, 2)), (50_001, 2))}, "at most 50000"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        hdbscan(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), **change})
