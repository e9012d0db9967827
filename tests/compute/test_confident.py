"""Confident counting beside cleanlab 2.9, item by item, where calls differ in nothing but time: ties, empty classes, both paths."""
from __future__ import annotations

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from labelnb.compute import confident
from labelnb.compute.confident import FILTERS, RANKINGS, confident_counts, label_issues, label_quality


def made(n: int = 3000, k: int = 7, seed: int = 0, places: int | None = None, dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which some are wrong, and probabilities; rounded to so many places they hold many equal numbers."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    logits = 2 * np.eye(k)[truth] + rng.normal(size=(n, k))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p = (p if places is None else p.round(places)).astype(dtype)
    return np.where(rng.random(n) < 0.1, rng.integers(0, k, n), truth), p


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("places", [None, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_filters_flag_what_cleanlab_flags(compiled, dtype, places, seed, monkeypatch):
    monkeypatch.setattr(confident, "COMPILED_ABOVE", 0 if compiled else 1 << 60)
    y, p = made(seed=seed, places=places, dtype=dtype)
    counts = confident_counts(y, p)
    np.testing.assert_array_equal(counts.joint, compute_confident_joint(y, p))
    for filter_by in FILTERS:
        expected = find_label_issues(y, p, filter_by=filter_by, n_jobs=1)
        found, notes = label_issues(y, p, counts, filter_by)
        np.testing.assert_array_equal(found, expected, err_msg=filter_by)
        assert 0 < found.sum() < len(y) / 2 and notes == []


def test_classes_without_labels_and_with_one():
    y, p = made(400, 5)
    y[y == 2] = 1
    y[y == 4] = 3
    y[0] = 4
    counts = confident_counts(y, p)
    np.testing.assert_array_equal(counts.joint, compute_confident_joint(y, p))
    found, notes = label_issues(y, p, counts)
    with pytest.warns(UserWarning, match="May not flag all label issues in class"):
        np.testing.assert_array_equal(found, find_label_issues(y, p, n_jobs=1))
    assert len(notes) == 2 and "class 2" in notes[0] and "class 4" in notes[1]


def test_where_no_item_is_confident_nothing_is_flagged():
    y, p = np.arange(40) % 4, np.full((40, 4), 0.25)
    counts = confident_counts(y, p)
    assert not label_issues(y, p, counts)[0].any()
    np.testing.assert_array_equal(counts.joint.sum(1), [10] * 4)


@pytest.mark.parametrize("rank_by", RANKINGS)
def test_qualities_are_cleanlabs(rank_by):
    y, p = made(dtype=np.float64)
    np.testing.assert_allclose(label_quality(y, p, rank_by), get_label_quality_scores(y, p, method=rank_by), rtol=1e-12)


def test_an_unknown_filter_is_refused():
    y, p = made(50)
    with pytest.raises(ValueError, match="filter_by: got 'magic'"):
        label_issues(y, p, confident_counts(y, p), "magic")
