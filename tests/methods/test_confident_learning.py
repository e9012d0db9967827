"""Confident learning equals cleanlab 2.9 on the same input, finds planted errors, and says why."""

import json

import numpy as np
import pytest

from labelnb.methods.noisy import confident_learning
from labelnb.methods.noisy.confident_learning import FILTERS, RANKINGS


def made(seed=0, n=600, k=4, noise=0.1):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = 2.2 * np.eye(k)[truth] + rng.normal(size=(n, k))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    given = truth.copy()
    planted = rng.random(n) < noise
    given[planted] = (given[planted] + rng.integers(1, k, planted.sum())) % k
    return given, p, planted


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filter_by", FILTERS)
def test_filters_equal_cleanlab(filter_by, dtype):
    from cleanlab.filter import find_label_issues

    given, p, _ = made()
    p = p.astype(dtype)
    ours = confident_learning(given, p, filter_by=filter_by)
    np.testing.assert_array_equal(ours.flagged, find_label_issues(given, p, filter_by=filter_by, n_jobs=1))
    assert 0 < ours.flagged.sum() < 300


@pytest.mark.parametrize("rank_by", RANKINGS)
def test_rankings_equal_cleanlab(rank_by):
    from cleanlab.rank import get_label_quality_scores

    given, p, _ = made(1)
    ours = confident_learning(given, p, rank_by=rank_by)
    np.testing.assert_allclose(ours.evidence["quality"], get_label_quality_scores(given, p, method=rank_by), rtol=1e-12)
    flagged_first = ours.flagged[ours.order]
    assert flagged_first[: ours.flagged.sum()].all() and not flagged_first[ours.flagged.sum() :].any()


def test_the_confident_joint_by_its_definition():
    given, p, _ = made(2, n=200, k=3)
    thresholds = np.array([p[given == k, k].mean() for k in range(3)])
    counts = np.zeros((3, 3))
    for i in range(200):
        above = [k for k in range(3) if p[i, k] >= thresholds[k] - 1e-6]
        if above:
            counts[given[i], max(above, key=lambda k: p[i, k])] += 1
    calibrated = counts / counts.sum(1, keepdims=True) * np.bincount(given)[:, None]
    found = confident_learning(given, p)
    assert np.abs(found.evidence["confident_joint"] - calibrated).max() <= 1  # whole numbers: rounded
    np.testing.assert_allclose(found.evidence["thresholds"], thresholds)
    assert found.evidence["joint"].sum() == pytest.approx(1)


def test_planted_errors_come_first():
    given, p, planted = made(3, n=2_000, noise=0.08)
    found = confident_learning(given, p)
    first = found.order[: planted.sum()]
    assert planted[first].mean() > 0.6 > 5 * planted.mean()
    assert planted[found.flagged].mean() > 0.5


def test_probabilities_are_made_from_embeddings():
    rng = np.random.default_rng(4)
    truth = np.arange(240) % 3
    x = rng.normal(size=(3, 8))[truth] + 0.4 * rng.normal(size=(240, 8))
    given = truth.copy()
    wrong = rng.choice(240, 15, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    found = confident_learning(given, None, embeddings=x)
    assert np.isin(wrong, np.flatnonzero(found.flagged)).mean() > 0.8
    with pytest.raises(ValueError, match="or embeddings="):
        confident_learning(given, None)


def test_the_only_label_of_a_class_is_not_judged_by_cross_validation():
    rng = np.random.default_rng(4)
    truth = np.arange(120) % 3
    x = rng.normal(size=(3, 8))[truth] + 0.4 * rng.normal(size=(120, 8))
    given = truth.copy()
    given[7] = 3
    found = confident_learning(given, None, embeddings=x, classes=["a", "b", "c", "odd"])
    assert np.isnan(found.scores[7]) and not found.flagged[7]
    assert found.reasons[7] == "The only label of its class: nothing to judge it by."
    assert any("odd (1)" in warning and "not judged" in warning for warning in found.warnings)
    with pytest.raises(ValueError, match="fewer than two classes"):
        confident_learning(np.full(120, -1), None, embeddings=x)


def test_on_a_real_test_set_equal_to_cleanlab_and_confirmed_by_people():
    """CIFAR-10's test labels, out-of-sample probabilities and five people's judgement of each suspect, all of Northcutt et al. 2021."""
    from cleanlab.filter import find_label_issues

    from tests.real_data import real_data

    with np.load(real_data("labelerrors_cifar10.npz"), allow_pickle=False) as data:
        given, p = data["labels"].astype(np.int64), data["pred_probs"]
    found = confident_learning(given, p)
    np.testing.assert_array_equal(found.flagged, find_label_issues(given, p, n_jobs=1))
    judged = json.loads(real_data("labelerrors_cifar10_mturk.json").read_text(encoding="utf8"))
    wrong = [each["id"] for each in judged if each["mturk"]["given"] < 3]
    assert len(wrong) == 54                                       # as the paper counts them
    assert found.flagged.sum() == 284 and found.flagged[wrong].sum() == 49


def test_items_without_a_label_are_left_out():
    given, p, _ = made(5)
    some = given.copy()
    some[::3] = -1
    found = confident_learning(some, p)
    assert np.isnan(found.scores[::3]).all() and not found.flagged[::3].any() and found.reasons[0] == ""
    alone = confident_learning(given[some >= 0], p[some >= 0])
    np.testing.assert_array_equal(found.flagged[some >= 0], alone.flagged)
    assert np.isnan(found.scores[found.order[-1]])


def test_reasons_are_sentences_with_the_classes_names():
    found = confident_learning([0, 1, 0, 1], [[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7]], classes=["cat", "dog"])
    assert found.reasons[0] == "Labelled cat (10%), but judged by the other labels it is dog (90%)."
    assert found.reasons[2] == "Labelled cat, and the others' labels say so too (90%)."
    assert any("fewer than 5 labels in cat (2), dog (2)" in warning for warning in found.warnings)


def test_order_of_items_and_classes_does_not_matter():
    given, p, _ = made(6)
    found = confident_learning(given, p)
    mixed = np.random.default_rng(0).permutation(len(given))
    np.testing.assert_array_equal(confident_learning(given[mixed], p[mixed]).flagged, found.flagged[mixed])
    turned = np.array([2, 0, 3, 1])
    np.testing.assert_array_equal(confident_learning(np.argsort(turned)[given], p[:, turned]).flagged, found.flagged)


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 1], [[0.5, 0.5]], r"probabilities: got shape \(1, 2\)"),
        ([0, 2], [[0.5, 0.5]] * 2, "labels: items 1 hold a class position of 2"),
        ([0, 0], [[0.5, 0.5]] * 2, "1 of 2 classes have a label"),
        ([], np.zeros((0, 2)), "no items"),
        ([0, 1], [[0.5, 0.5], [0, 0]], "rows .1. abstain on labelled"),
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], "NaN"),
    ],
)
def test_bad_input_is_refused(labels, probabilities, words):
    with pytest.raises(ValueError, match=words):
        confident_learning(labels, probabilities)


def test_unknown_options_are_refused():
    given, p, _ = made()
    with pytest.raises(ValueError, match="filter_by: got 'magic', expected one of prune_by_noise_rate"):
        confident_learning(given, p, filter_by="magic")
    with pytest.raises(ValueError, match="rank_by: got 'x'"):
        confident_learning(given, p, rank_by="x")
    with pytest.raises(ValueError, match="got 1 names for 4"):
        confident_learning(given, p, classes=["a"])
