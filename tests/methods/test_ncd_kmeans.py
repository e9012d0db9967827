"""NCD k-means: the reference's inertia on real digits, recovery, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelnb.methods.novel import ncd_kmeans
from labelnb.metrics import adjusted_rand_index, clustering_accuracy
from tests.methods.planted import planted


def test_no_worse_than_the_reference_where_all_unlabelled_are_novel():
    """`k_means_pp(pre_centroids, 3).fit(n_init=10)` of Orange-OpenSource/PracticalNCD at 7a0bd16, seed 2: squared distances
    49.46432084827187, groups of 98, 87 and 81 digits, clustering accuracy .9286."""
    digits = load_digits()
    x, truth = digits.data[:900], digits.target[:900]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    got = ncd_kmeans(x, np.where(truth >= 7, -1, truth), n_novel=3, unlabelled="novel")
    new = truth >= 7
    assert got.evidence["inertia"] < 49.4644 * 1.0005
    np.testing.assert_allclose(got.sizes[7:], [98, 87, 81], atol=4)
    assert clustering_accuracy(got.assignment[new], truth[new]) > 0.92
    np.testing.assert_array_equal(got.assignment[~new], truth[~new])


def test_known_centres_do_not_move():
    """Every unlabelled item lies nearest to its own centre, those of the known classes being the means of their labelled items."""
    data = planted(200, 5, 2, noise=0.35)
    got = ncd_kmeans(data.x, data.labels, n_novel=2)
    known = np.stack([data.x[data.labels == k].mean(0) for k in range(3)])
    new = np.stack([data.x[got.assignment == c].mean(0) for c in (3, 4)])
    distances = ((data.x[:, None] - np.concatenate([known, new])) ** 2).sum(2)
    np.testing.assert_array_equal(distances.argmin(1)[data.free], got.assignment[data.free])
    np.testing.assert_allclose(got.evidence["distances"], distances[np.arange(200), got.assignment], atol=1e-6)


def test_mixed_finds_the_planted_classes_and_novel_calls_all_unlabelled_new():
    data = planted()
    mixed = ncd_kmeans(data.x, data.labels)
    assert adjusted_rand_index(mixed.assignment, data.truth) > 0.95
    novel = ncd_kmeans(data.x, data.labels, n_novel=2, unlabelled="novel")
    assert (novel.assignment[data.free] >= 4).all()


@pytest.mark.parametrize("unlabelled", ["mixed", "novel"])
def test_fewer_unlabelled_items_than_centres(unlabelled):
    data = planted()
    labels = data.truth.copy()
    labels[[0, 1, 2]] = -1
    got = ncd_kmeans(data.x, labels, n_novel=2, unlabelled=unlabelled)
    assert got.sizes.sum() == 300
    np.testing.assert_array_equal(got.assignment[3:], labels[3:])


@pytest.mark.parametrize(("change", "message"), [
    ({"unlabelled": "old"}, "unlabelled: got 'old'"),
    ({"unlabelled": "novel", "n_novel": 0}, "n_novel: got 0, expected 1"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"n_novel": 500}, "n_novel: got 500"),
    ({"starts": 0}, "starts: got 0"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        ncd_kmeans(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
