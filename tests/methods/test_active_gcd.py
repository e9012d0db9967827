"""Active GCD: the reference's queries, stable numbers across rounds, fewer answers to find all classes, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.novel import active_gcd
from labelnb.methods.novel.active_gcd import queue
from tests.methods.planted import planted, planted_digits


@pytest.mark.parametrize(("certain", "expected"), [
    (True, [12, 26, 32, 33, 35, 43, 44, 49, 51]), (False, [5, 6, 9, 10, 11, 40, 47, 58, 59]),
])
def test_queries_are_the_reference_s(certain, expected):
    """`NovelMarginSamplingAdaptive.query(9)` of mashijie1028/ActiveGCD at 1213762 on these probabilities, two old and three new classes, in
    an early round (large margins) and in a late one (small margins)."""
    scores = np.random.default_rng(0).normal(size=(60, 5)) * 2
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    top = np.sort(p, axis=1)
    order = queue(p.argmax(1), np.arange(5) >= 2, top[:, -1] - top[:, -2], np.ones(60, bool), certain=certain)
    assert sorted(order[:9].tolist()) == expected
    assert sorted(order.tolist()) == list(range(60))


def test_asks_for_every_new_group_and_never_about_labelled_items():
    data = planted()
    got = active_gcd(data.x, data.labels, n_novel=2, budget=10)
    asked = np.flatnonzero(got.flagged)
    assert len(asked) == 10
    assert set(data.truth[asked].tolist()) >= {4, 5}
    assert np.isnan(got.scores[~data.free]).all()
    assert np.isfinite(got.scores[data.free]).all()
    np.testing.assert_array_equal(got.order[:10], asked[np.argsort(-got.scores[asked])])
    assert "nobody named" in got.reasons[got.order[0]]
    assert got.reasons[int(np.flatnonzero(~data.free)[0])] == ""


def test_two_rounds_find_all_hidden_digits():
    """Hidden 7, 8 and 9: the classes that a person learns of with ten answers, beside ten items drawn at random."""
    data = planted_digits(700)
    got = active_gcd(data.x, data.labels, n_novel=3, budget=9, first="certain")
    assert set(data.truth[got.flagged].tolist()) >= {7, 8, 9}
    labels = np.where(got.flagged, data.truth, data.labels)
    again = active_gcd(data.x, labels, n_novel=0, budget=9, previous=got.evidence["assignment"])
    assert set(np.asarray(again.evidence["classes"]).tolist()) == set(range(10))
    assert not (again.flagged & (labels >= 0)).any()


def test_numbers_of_groups_last_from_round_to_round():
    data = planted_digits(600)
    one = active_gcd(data.x, data.labels, n_novel=3, epochs=5)
    groups = np.asarray(one.evidence["assignment"])
    turned = np.r_[0:7, 9, 7, 8][groups]                          # the same groups under other numbers
    two = active_gcd(data.x, data.labels, n_novel=3, epochs=5, seed=1, previous=turned)
    kept = np.asarray(two.evidence["assignment"])
    assert np.mean(kept == turned) > 0.75
    assert np.mean(kept == turned) > np.mean(np.asarray(two.evidence["assignment"]) == groups)


def test_the_rest_of_the_budget_goes_to_known_classes():
    data = planted(60, 3, 0)
    got = active_gcd(data.x, data.labels, n_novel=0, budget=5)
    assert got.flagged.sum() == min(5, data.free.sum())
    smallest = np.sort(np.asarray(got.evidence["margin"])[data.free])[: int(got.flagged.sum())]
    np.testing.assert_allclose(np.sort(np.asarray(got.evidence["margin"])[got.flagged]), smallest)


@pytest.mark.parametrize(("change", "message"), [
    ({"budget": 0}, "budget: got 0"),
    ({"first": "last"}, "first: got 'last'"),
    ({"previous": [0, 1]}, r"previous: got shape \(2,\)"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"n_novel": -1}, "n_novel: got -1"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        active_gcd(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
