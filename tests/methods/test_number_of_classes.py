"""How many novel classes: planted numbers found, the parts against slow twins, and what is refused."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_samples

from labelnb.methods.novel import number_of_classes
from labelnb.number_of_classes import SAMPLE, Estimate, _sample, _with_shares, by_shares, estimate_novel, settled, silhouette
from labelnb.open_world import open_world, whitened
from tests.methods.planted import planted, planted_digits


@pytest.mark.parametrize("novel", [0, 1, 3])
def test_finds_the_planted_number(novel):
    data = planted(400, 5 + novel, novel)
    got = number_of_classes(data.x, data.labels, method="all")
    assert abs(got.values["novel classes"] - novel) <= (novel == 3)      # of the three, one is larger than a known class is on average
    assert got.values["from"] <= novel <= got.values["to"]
    assert got.values["known classes"] == 5
    found = {row["method"]: row["novel classes"] for row in got.tables["estimates"]}
    assert set(found) == {"hidden", "shares", "silhouette", "stability"}
    assert abs(found["silhouette"] - novel) <= 2


def test_by_shares_classes_are_counted_by_how_many_items_are_new():
    data = planted(1200, 30, 10, noise=0.08, width=40)
    world = open_world(data.x, data.labels)
    numbers = by_shares(world, repeats=6, seed=0)
    assert numbers.shape == (6,)
    assert abs(numbers.mean() - 10) < 2
    made = estimate_novel(world, method="shares", repeats=6)
    assert made.low <= made.number <= made.high
    assert made.number == round(float(numbers.mean()))
    assert made.scores.shape == (6, len(made.counts))
    # What it rests on: with a third of the items of the novel classes it counts a third of the classes.
    kept = (data.truth < 20) | (np.random.default_rng(0).random(1200) < 1 / 3)
    fewer = by_shares(open_world(data.x[kept], data.labels[kept]), repeats=6, seed=0).mean()
    assert 2 < fewer < 6


def test_the_shares_decide_where_the_curve_is_flat_and_not_where_it_is_sharp():
    rng = np.random.default_rng(0)
    counts, noise = np.arange(30), 0.01 * rng.normal(size=(12, 30))
    shares = np.array([9.0, 10.0, 11.0])
    flat = Estimate(*settled(counts, noise), counts, noise)
    both = _with_shares(flat, shares)
    assert abs(both.number - 10) <= 2
    assert both.low <= min(flat.low, 6)
    assert both.high >= max(flat.high, 14)
    peak = noise - 0.1 * np.abs(counts - 20)
    sharp = Estimate(*settled(counts, peak), counts, peak)
    assert _with_shares(sharp, shares).number == sharp.number == 20
    assert _with_shares(sharp, shares).low <= 6


def test_within_one_on_real_digits_with_three_hidden():
    data = planted_digits()
    assert abs(number_of_classes(data.x, data.labels).values["novel classes"] - 3) <= 1


def test_many_classes_are_searched_coarsely_and_then_finely():
    data = planted(900, 45, 20, noise=0.08, width=60)
    world = open_world(data.x, data.labels)
    made = estimate_novel(world, repeats=2)
    assert abs(made.number - 20) <= 2
    assert {made.number - 1, made.number, made.number + 1} <= set(made.counts.tolist())
    assert len(made.counts) < made.counts[-1]


def test_the_number_is_the_middle_of_the_flat_top_and_the_range_two_standard_errors():
    counts = np.array([0, 1, 2, 3, 4, 5])
    rng = np.random.default_rng(0)
    common = rng.normal(size=(16, 1))                             # what all numbers share in a repetition says nothing
    own = rng.normal(size=(16, 6)) * 0.01
    scores = common + own + np.array([0.0, 0.5, 0.9, 0.9, 0.9, 0.4])
    assert settled(counts, scores) == (3, 2, 4)

    behind = scores[:, [scores.mean(0).argmax()]] - scores
    error = behind.std(0, ddof=1) / 4
    noisy = scores + np.where(np.arange(6) == 5, 4.0, 0.0) * rng.normal(size=(16, 6))
    assert settled(counts, noisy)[2] == 5                         # too unsure to be left out
    assert (behind.mean(0)[[0, 1, 5]] > 2 * error[[0, 1, 5]]).all()
    assert settled(counts, scores[:1])[0] in (2, 3, 4)


def test_silhouette_agrees_with_scikit_learn():
    data = planted(120, 4, 0, noise=0.4)
    assignment = data.truth.copy()
    assignment[0] = 4                                             # alone in its cluster
    at = np.arange(0, 120, 2)
    got = silhouette(torch.from_numpy(data.x), torch.from_numpy(assignment), torch.from_numpy(at))
    assert got == pytest.approx(silhouette_samples(data.x, assignment)[at].mean(), abs=1e-9)


def test_whitening_makes_known_classes_round():
    data = planted_digits()
    centred = data.x - data.x.mean(0)
    rows = whitened(torch.from_numpy(data.x), torch.from_numpy(data.labels), shrinkage=0.3).numpy()

    # The definition with NumPy: rows times the inverse root of the shrunken covariance about the class means, brought to length 1.
    told = data.labels >= 0
    apart = np.concatenate([centred[data.labels == k] - centred[data.labels == k].mean(0) for k in data.known])
    covariance = apart.T @ apart / told.sum()
    covariance = 0.7 * covariance + 0.3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    expected = centred @ vectors @ np.diag(values**-0.5) @ vectors.T
    np.testing.assert_allclose(rows, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-8)


def test_wide_embeddings_are_cut_to_their_principal_axes():
    data = planted(150, 4, 1)
    wide = data.x @ np.random.default_rng(0).normal(size=(24, 300))
    unit = torch.from_numpy(wide / np.linalg.norm(wide, axis=1, keepdims=True))
    assert whitened(unit, torch.from_numpy(data.labels), width=20).shape == (150, 20)


def test_one_label_a_class_leaves_the_rows_alone():
    data = planted()
    x = torch.from_numpy(data.x)
    labels = torch.full((300,), -1)
    labels[:4] = torch.arange(4)
    assert whitened(x, labels) is x


def test_large_inputs_are_sampled_evenly():
    data = planted(SAMPLE + 500, 4, 1)
    world = _sample(open_world(data.x, data.labels))
    assert len(world.x) == len(world.labels) == SAMPLE
    assert sorted(world.order.tolist()) == list(range(SAMPLE))


def test_an_answer_at_the_edge_is_warned_of():
    data = planted(300, 8, 4)
    got = number_of_classes(data.x, data.labels, most=2)
    assert got.values["novel classes"] == 2
    assert "raise most" in got.warnings[0]
    figure = got.figures["hidden"]
    assert figure["x"] == [0, 1, 2]
    assert len(figure["series"]["mean"]) == 3


@pytest.mark.parametrize(("change", "message"), [
    ({"method": "elbow"}, "method: got 'elbow'"),
    ({"repeats": 1}, "repeats: got 1"),
    ({"most": -1}, "most: got -1"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"labels": np.r_[np.zeros(9, int), np.full(291, -1)]}, "needs two known classes"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        number_of_classes(**{"embeddings": data.x, "labels": data.labels, **change})
