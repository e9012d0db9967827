"""Metrics against figures worked out by hand."""

import numpy as np
import pytest

from labelnb import metrics

REFERENCE = (0.6225, 0.6437768240343348, 0.592814371257485)
"""All, old, new."""


def test_accuracy_counts_abstentions_as_wrong_and_leaves_unknown_out():
    assert metrics.accuracy([0, -1, 1, 1], [0, 0, 1, -1]) == pytest.approx(2 / 3)


def test_clustering_accuracy_finds_the_best_match():
    # clusters 2, 0 stand for classes 0, 1; one of five is wrong
    assert metrics.clustering_accuracy([2, 2, 0, 0, 2], [0, 0, 1, 1, 1]) == pytest.approx(0.8)
    # a split class: only one of its two clusters can be matched
    assert metrics.clustering_accuracy([0, 1, 2, 2], [0, 0, 1, 1]) == pytest.approx(0.75)
    assert metrics.clustering_accuracy([-1, 0, 1, 1], [0, 0, 1, 1]) == pytest.approx(0.75)


def test_information_and_rand_of_equal_and_unrelated_partitions():
    assert metrics.normalized_mutual_information([1, 1, 0, 0], [0, 0, 1, 1]) == pytest.approx(1)
    assert metrics.normalized_mutual_information([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(0)
    assert metrics.adjusted_rand_index([1, 1, 0, 0], [0, 0, 1, 1]) == pytest.approx(1)
    assert metrics.adjusted_rand_index([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(-0.5)


def test_old_and_new_share_one_match():
    # Clusters 0 and 1 are both mostly class 2, which is new; the larger overlap of cluster 1 wins it, so that cluster 0 stands for class 0.
    assignment, truth = [0, 0, 0, 1, 1, 1, 2], [0, 2, 2, 2, 2, 2, 1]
    got = metrics.split_clustering_accuracy(assignment, truth, old=[0, 1])
    assert got == pytest.approx((5 / 7, 1.0, 3 / 5))
    # measured on the new items alone the same clusters look different: their match is made anew
    new = [a for a, t in zip(assignment, truth, strict=True) if t == 2]
    assert metrics.clustering_accuracy(new, [2] * 5) == pytest.approx(3 / 5)
    assert metrics.clustering_accuracy(assignment, truth) == pytest.approx(got.all)


def test_old_and_new_agree_with_the_reference_protocol():
    """`split_cluster_acc_v2` of the authors' code (sgvaze/generalized-category-discovery at 831a645) gave these on the same input."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 400)
    assignment = np.where(rng.random(400) < 0.6, (3 * truth + 1) % 8, rng.integers(0, 10, 400))
    got = metrics.split_clustering_accuracy(assignment, truth, old=range(5))
    assert got == pytest.approx(REFERENCE, abs=1e-12)


def test_outliers_and_missing_kinds():
    got = metrics.split_clustering_accuracy([-1, 0, 0], [0, 0, -1], old=[0])
    assert got.all == got.old == 0.5
    assert np.isnan(got.new)
    with pytest.raises(ValueError, match="no item has a known truth"):
        metrics.split_clustering_accuracy([0], [-1], old=[0])


def test_bad_input():
    with pytest.raises(ValueError, match="shape"):
        metrics.accuracy([0], [0, 1])
    with pytest.raises(ValueError, match="no item has a known truth"):
        metrics.accuracy([0], [-1])
