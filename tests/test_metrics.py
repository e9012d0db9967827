"""Metrics against figures worked out by hand."""

import pytest

from labelnb import metrics


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


def test_bad_input():
    with pytest.raises(ValueError, match="shape"):
        metrics.accuracy([0], [0, 1])
    with pytest.raises(ValueError, match="no item has a known truth"):
        metrics.accuracy([0], [-1])
