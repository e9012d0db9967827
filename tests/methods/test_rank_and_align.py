"""Rank and Align's tools: shifted items are found, the split is what it says, the order follows the data."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.shift import rank_and_align


def foreign(n: int = 300, shifted: float = 0.2, seed: int = 0):
    """Three groups; a model that is right on most, and on the shifted ones, which lie half-way to another group, mostly wrong."""
    rng = np.random.default_rng(seed)
    truth, moved = np.arange(n) % 3, rng.random(n) < shifted
    centres = np.linalg.qr(rng.normal(size=(16, 16)))[0][:3]
    x = centres[truth] + np.where(moved[:, None], 0.6 * centres[(truth + 1) % 3], 0) + 0.12 * rng.normal(size=(n, 16))
    said = np.where(moved & (rng.random(n) < 0.6), (truth + 1) % 3, truth)
    p = 0.7 * np.eye(3)[said] + 0.3 * rng.dirichlet(np.ones(3), n)
    return x, p, truth, moved, said


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    return float(np.mean(scores[positive][:, None] > scores[~positive]))


@pytest.mark.parametrize("seed", range(3))
def test_shifted_items_rank_first_and_the_model_is_right_on_the_harmonic_ones(seed):
    x, p, truth, moved, said = foreign(seed=seed)
    made = rank_and_align(x, p)
    assert area(made.scores, moved) > 0.9
    wrong, harmonic = said != truth, made.evidence["harmonic"]
    assert wrong[harmonic].mean() < 0.5 * wrong[~harmonic].mean()
    np.testing.assert_array_equal(made.flagged, ~harmonic)


def test_scores_are_what_they_say():
    x, p, *_ = foreign()
    evidence = (made := rank_and_align(x, p, harmonic_above=0.2)).evidence
    agrees = evidence["predictions"] == evidence["cluster_class"][evidence["cluster"]]
    np.testing.assert_allclose(made.scores, (1 - evidence["silhouette"]) / 2 + ~agrees)
    np.testing.assert_array_equal(evidence["harmonic"], agrees & (evidence["silhouette"] > 0.2))
    for item in (int(np.flatnonzero(~agrees)[0]), int(np.flatnonzero(evidence["harmonic"])[0])):
        assert ("the model says" in made.reasons[item]) == (not agrees[item])
    assert made.reasons[int(np.flatnonzero(evidence["harmonic"])[0])] == ""


def test_the_order_follows_a_curve_through_the_data():
    angle = np.random.default_rng(0).permutation(np.linspace(0, 2.5, 200))
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    p = np.stack([angle / 2.5, 1 - angle / 2.5], 1)
    place = rank_and_align(x, p).evidence["place"]
    assert abs(np.corrcoef(place, angle)[0, 1]) > 0.99


@pytest.mark.parametrize(("options", "words"), [({"k": 0}, "k"), ({"harmonic_above": 2.0}, "harmonic_above")])
def test_hyperparameters_that_mean_nothing_are_refused_by_name(options, words):
    x, p, *_ = foreign()
    with pytest.raises(ValueError, match=words):
        rank_and_align(x, p, **options)
