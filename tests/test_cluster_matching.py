"""Matching of clusterings, against all permutations."""
from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from labelnb.cluster_matching import keep_numbers, match_clusters


@pytest.mark.parametrize("seed", range(8))
def test_no_permutation_shares_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.integers(-1, 4, 60), rng.integers(-1, 5, 60)
    found = match_clusters(before, after)
    best = max(
        sum(int(((before == k) & (after == other)).sum()) for k, other in enumerate(order)) for order in permutations(range(5), 4)
    )
    assert found.shared.sum() == best
    for old, new, shared, overlap in zip(*found, strict=True):
        one, other = set(np.flatnonzero(before == old)), set(np.flatnonzero(after == new))
        assert shared == len(one & other)
        assert overlap == pytest.approx(len(one & other) / len(one | other))
    assert (np.diff(found.overlap) <= 0).all()


def test_renumbered_clusters_keep_their_numbers() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 30, 3_000)
    shuffled = rng.permutation(30)
    np.testing.assert_array_equal(keep_numbers(before, shuffled[before]), before)


def test_what_is_new_gets_a_number_never_given() -> None:
    before = np.array([0, 0, 0, 0, 7, 7, -1])
    after = np.array([1, 1, 1, 2, 0, 0, -1])
    assert keep_numbers(before, after).tolist() == [0, 0, 0, 8, 7, 7, -1]
    assert keep_numbers(before, after, minimum=0.8).tolist() == [8, 8, 8, 9, 7, 7, -1]


def test_nothing_shared_matches_nothing() -> None:
    assert len(match_clusters([0, 0, -1], [-1, -1, 3]).before) == 0
    assert keep_numbers([-1, -1], [-1, -1]).tolist() == [-1, -1]
    with pytest.raises(ValueError, match="over the same items"):
        match_clusters([0, 1], [0])
    with pytest.raises(ValueError, match="Jaccard overlap from 0 to 1"):
        match_clusters([0], [0], minimum=2)
