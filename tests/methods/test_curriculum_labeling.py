"""Curriculum labelling: the reference's selection and weights, gain over the plain probe, honest warnings, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from labelnb.compute import probe
from labelnb.methods.pseudo_label import curriculum_labeling
from labelnb.methods.pseudo_label.curriculum_labeling import _class_weights, _percentile


def digits(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, labels with `per_class` known of each digit, and the truth."""
    data = load_digits()
    x, truth = data.data - data.data.mean(0), data.target
    rng, labels = np.random.default_rng(seed), np.full(len(truth), -1)
    for c in range(10):
        known = rng.choice(np.flatnonzero(truth == c), per_class, replace=False)
        labels[known] = c
    return x / np.linalg.norm(x, axis=1, keepdims=True), labels, truth


def reference_probabilities() -> np.ndarray:
    scores = np.random.default_rng(1).normal(size=(23, 4)) * 2
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


REFERENCE = {
    80: (0.7330200734227988, [7, 8, 14, 17, 20]),
    60: (0.5726296298149427, [3, 5, 6, 7, 8, 10, 14, 17, 20]),
    40: (0.5299432386041757, [0, 3, 5, 6, 7, 8, 10, 13, 14, 15, 16, 17, 20, 21]),
    20: (0.4618957326484846, [0, 1, 3, 5, 6, 7, 8, 10, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22]),
    0: (0.3489210122796113, list(range(23))),
}
"""Threshold and items chosen at each percentile by `do_iteration` of methods/entropy/curriculum_labeling.py, and below the class
weights of `get_label_weights`, in https://github.com/uvavision/Curriculum-Labeling (commit 9ea2227), run on `reference_probabilities()`."""
REFERENCE_WEIGHTS = {
    40: [3.66666667, 3.66666667, 1.33333333, 6.0], 20: [3.5, 3.5, 1.57142857, 5.0], 0: [3.6, 3.6, 1.55555556, 4.75],
}


@pytest.mark.parametrize("percentile", REFERENCE)
def test_selection_equals_the_reference(percentile):
    p = torch.from_numpy(reference_probabilities())
    largest, guess = p.max(1)
    threshold = _percentile(largest, percentile)
    chosen = largest >= threshold
    assert threshold == pytest.approx(REFERENCE[percentile][0], rel=1e-14)
    assert torch.nonzero(chosen).flatten().tolist() == REFERENCE[percentile][1]
    if percentile in REFERENCE_WEIGHTS:
        targets = torch.where(chosen, guess, -1)
        weights = _class_weights(targets, 4, True)
        expected = torch.tensor(REFERENCE_WEIGHTS[percentile], dtype=torch.float64)[targets[chosen]]
        np.testing.assert_allclose(weights[chosen].numpy(), (expected / expected.mean()).numpy(), rtol=1e-7)


def test_percentiles_fall_to_zero_and_the_curve_is_kept():
    x, labels, _ = digits(4, 0)
    curve = curriculum_labeling(x[:400], labels[:400], folds=0).evidence["curve"]
    assert [row["percentile"] for row in curve] == [None, 80, 60, 40, 20, 0]
    unlabelled = int((labels[:400] < 0).sum())
    shares = [row["selected"] / unlabelled for row in curve]
    np.testing.assert_allclose(shares, [0, 0.2, 0.4, 0.6, 0.8, 1.0], atol=0.01)
    assert curve[-1]["selected"] == unlabelled
    odd = curriculum_labeling(x[:400], labels[:400], folds=0, step=30).evidence["curve"]
    assert [row["percentile"] for row in odd] == [None, 70, 40, 10, 0]


def test_above_the_probe_on_the_same_few_labels():
    """On 1,797 real images of digits with 4 and with 10 labels a class, mean of three draws of the labels."""
    for per_class, gain in ((4, 0.03), (10, 0.004)):
        ours, plain = [], []
        for seed in range(3):
            x, labels, truth = digits(per_class, seed)
            rest = labels < 0
            p = probe(x, labels, l2=0.1).probabilities(x).argmax(1).numpy()
            plain.append((p == truth)[rest].mean())
            ours.append((curriculum_labeling(x, labels, folds=0).predictions == truth)[rest].mean())
        assert np.mean(ours) > np.mean(plain) + gain


def test_cycle_0_is_the_probe_alone():
    x, labels, _ = digits(5, 1)
    got = curriculum_labeling(x[:300], labels[:300].clip(0), folds=0, n_classes=10)
    assert len(got.evidence["curve"]) == 1
    expected = probe(x[:300], labels[:300].clip(0), n_classes=10, l2=0.1, tolerance=1e-9).probabilities(x[:300]).numpy()
    np.testing.assert_allclose(got.probabilities, expected, atol=5e-3)
    assert any("every item has a label" in warning for warning in got.warnings)


def test_balance_keeps_the_common_from_crowding_out():
    x, labels, truth = digits(4, 0)
    keep = (truth < 2) | (np.random.default_rng(0).random(len(truth)) < 0.3) | (labels >= 0)
    x, labels = x[keep], labels[keep]
    spread = [np.bincount(curriculum_labeling(x, labels, folds=0, balance=b).predictions, minlength=10).min() for b in (True, False)]
    assert spread[0] >= spread[1]


def test_held_out_labels_are_not_seen_and_measure_every_cycle():
    x, labels, truth = digits(6, 0)
    got = curriculum_labeling(x, labels)
    assert got.evidence["held_out"] == 60
    measured = [row["held_out_accuracy"] for row in got.evidence["curve"]]
    assert all(0 <= a <= 1 for a in measured)
    assert measured[0] < 1 == got.evidence["curve"][0]["labelled_accuracy"]
    actual = (got.predictions == truth)[labels < 0].mean()
    assert abs(measured[-1] - actual) < 0.15


def test_calibration_brings_confidence_to_accuracy():
    x, labels, truth = digits(6, 0)
    rest = labels < 0
    gaps = {}
    for on in (True, False):
        got = curriculum_labeling(x, labels, calibrate=on)
        gaps[on] = abs(got.confidence[rest].mean() - (got.predictions == truth)[rest].mean())
    assert gaps[True] < 0.1
    assert gaps[True] < gaps[False]


def test_it_says_when_the_probe_is_better():
    rng = np.random.default_rng(0)
    truth = np.arange(200) % 2
    x = rng.normal(size=(200, 30))
    x[:, 0] += np.where(truth == 1, 2.0, -2.0) * (np.arange(200) < 60)        # only the labelled part carries the class
    labels = np.where(np.arange(200) < 60, truth, -1)
    got = curriculum_labeling(x, labels, l2=0.01)
    curve = got.evidence["curve"]
    assert curve[-1]["held_out_accuracy"] < curve[0]["held_out_accuracy"]
    assert any("supervised probe is right more often" in warning for warning in got.warnings)
    best = curriculum_labeling(x, labels, l2=0.01, keep="best")
    assert best.evidence["cycle"] == max(range(6), key=lambda c: (curve[c]["held_out_accuracy"], c))
    assert not any("right more often" in warning for warning in best.warnings)


def test_one_label_a_class_cannot_be_held_out():
    x, labels, _ = digits(1, 0)
    got = curriculum_labeling(x, labels)
    assert got.evidence["held_out"] == 0
    assert any("no class has two labels" in warning for warning in got.warnings)


def test_a_class_without_a_label_is_never_proposed():
    x, labels, _ = digits(3, 0)
    labels = np.where(labels == 9, -1, labels)
    got = curriculum_labeling(x, labels, n_classes=12, folds=0)
    assert got.probabilities.shape == (1797, 12)
    assert (got.probabilities[:, 9:] == 0).all()
    assert any("[9, 10, 11] have no label" in warning for warning in got.warnings)


@pytest.mark.parametrize("restart", [True, False])
def test_hidden_layer(restart):
    x, labels, truth = digits(6, 0)
    got = curriculum_labeling(x, labels, hidden=32, restart=restart, folds=0, epochs=30)
    rest = labels < 0
    assert (got.predictions == truth)[rest].mean() > 0.75
    again = curriculum_labeling(x, labels, hidden=32, restart=restart, folds=0, epochs=30)
    np.testing.assert_array_equal(got.probabilities, again.probabilities)


def test_order_of_items_and_classes():
    x, labels, _ = digits(5, 0)
    x, labels = x[:400], labels[:400]
    order, place = np.random.default_rng(0).permutation(400), np.random.default_rng(1).permutation(10)
    one = curriculum_labeling(x, labels, n_classes=10)
    other = curriculum_labeling(x[order], np.where(labels >= 0, place[labels], -1)[order], n_classes=10)
    np.testing.assert_allclose(other.probabilities[:, place], one.probabilities[order], atol=0.02)
    single = curriculum_labeling(x.astype(np.float32), labels, n_classes=10)
    assert np.mean(single.predictions == one.predictions) > 0.98


@pytest.mark.parametrize(("change", "message"), [
    ({"embeddings": np.full((9, 2), np.nan)}, "NaN or infinity"),
    ({"labels": np.zeros(8, int)}, r"labels: got shape \(8,\)"),
    ({"labels": np.full(9, -1)}, "labels: got none; expected labels of at least two classes"),
    ({"labels": np.where(np.arange(9) < 3, 2, -1)}, "labels: got class 2: 3; expected"),
    ({"labels": np.full(9, -2)}, "below -1"),
    ({"n_classes": 2}, "class position of 2 or more"),
    ({"step": 0.0}, "step: got 0.0"),
    ({"l2": 0.0}, "l2: got 0.0"),
    ({"folds": -1}, "folds: got -1"),
    ({"keep": "first"}, "keep: got 'first'"),
    ({"hidden": -1}, "hidden: got -1"),
    ({"epochs": 0}, "epochs: got 0"),
])
def test_bad_input(change, message):
    values = {"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "labels": np.array([0, 1, 2, 0, 1, 2, -1, -1, -1])}
    with pytest.raises(ValueError, match=message):
        curriculum_labeling(**{**values, **change})
