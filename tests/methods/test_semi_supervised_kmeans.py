"""Semi-supervised k-means: recovery beside known classes, what the space does, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.methods.novel import semi_supervised_kmeans
from labelnb.metrics import adjusted_rand_index, split_clustering_accuracy
from tests.methods.planted import planted, planted_digits


def test_finds_the_planted_classes_and_their_number():
    data = planted()
    got = semi_supervised_kmeans(data.x, data.labels)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.97
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    number, low, high = got.evidence["number"]
    assert low <= number == 2 <= high


def test_known_clusters_stand_for_their_classes():
    data = planted()
    got = semi_supervised_kmeans(data.x, np.where(data.labels == 1, -1, data.labels), n_novel=3)      # class 1 is no longer known
    np.testing.assert_array_equal(got.evidence["classes"], [0, 2, 3, -1, -1, -1])
    for cluster, label in enumerate(got.evidence["classes"][:3]):
        assert np.mean(data.truth[got.assignment == cluster] == label) > 0.95
    sizes = got.sizes[3:]
    assert (np.diff(sizes) <= 0).all()


def test_labelled_items_stay_in_their_class_even_where_a_label_is_wrong():
    data = planted()
    labels = data.labels.copy()
    labels[np.flatnonzero(data.truth == 5)[:3]] = 0
    got = semi_supervised_kmeans(data.x, labels, n_novel=2)
    np.testing.assert_array_equal(got.assignment[labels >= 0], labels[labels >= 0])


def test_on_the_embeddings_as_they_are_it_is_the_kernel():
    data = planted_digits(500)
    got = semi_supervised_kmeans(data.x, data.labels, n_novel=3, whiten=False, starts=3)
    plain = seeded_kmeans(data.x, data.labels, 10, n_init=10)
    assert got.evidence["inertia"] == pytest.approx(plain.inertia, rel=0.02)
    np.testing.assert_allclose(got.evidence["distances"].sum(), got.evidence["inertia"], rtol=1e-6)


def test_the_whitened_space_helps_known_digits():
    data = planted_digits()
    free, runs = data.free, [semi_supervised_kmeans(data.x, data.labels, n_novel=3, whiten=w) for w in (False, True)]
    plain, white = (split_clustering_accuracy(run.assignment[free], data.truth[free], data.known) for run in runs)
    assert white.all > plain.all + 0.03
    assert white.old > 0.9


def test_nothing_new_and_nothing_free():
    data = planted(60, 3, 0)
    assert semi_supervised_kmeans(data.x, data.labels, n_novel=0).evidence["n_novel"] == 0
    got = semi_supervised_kmeans(data.x, data.truth)
    np.testing.assert_array_equal(got.assignment, data.truth)
    assert got.evidence["n_novel"] == 0


@pytest.mark.parametrize(("change", "message"), [
    ({"n_novel": -1}, "n_novel: got -1"),
    ({"n_novel": 10_000}, "n_novel: got 10000"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"starts": 0}, "starts: got 0"),
    ({"max_iterations": 0}, "max_iterations: got 0"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        semi_supervised_kmeans(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})


def test_steps_that_do_not_suffice_are_said():
    data = planted_digits(600)
    assert "before it converged" in semi_supervised_kmeans(data.x, data.labels, n_novel=3, max_iterations=1).warnings[0]
