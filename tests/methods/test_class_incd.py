"""Class-incremental discovery: earlier heads stay, tasks get classes of their own, balanced self-labels, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.methods.novel import class_incd
from labelnb.methods.novel.class_incd import _Cosine, _learn, _left, balanced
from labelnb.metrics import adjusted_rand_index
from tests.methods.planted import planted


def test_finds_the_planted_classes_in_one_task():
    data = planted()
    got = class_incd(data.x, data.labels)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.85
    np.testing.assert_array_equal(got.evidence["classes"][:4], [0, 1, 2, 3])
    np.testing.assert_array_equal(got.assignment[~data.free], data.labels[~data.free])
    np.testing.assert_array_equal(got.evidence["task"], np.where(data.free, 0, -1))


def test_tasks_one_after_the_other():
    data = planted(400, 6, 2)
    times = np.where(data.truth == 5, 20.5, 3.0)
    got = class_incd(data.x, data.labels, times, n_novel=1)
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    np.testing.assert_array_equal(got.evidence["task"], np.where(data.free, data.truth == 5, -1))
    assert adjusted_rand_index(got.assignment, data.truth) > 0.85


def test_novel_only_puts_a_task_into_its_own_classes():
    data = planted()
    labels = np.where(data.truth < 4, data.truth, -1)
    got = class_incd(data.x, labels, n_novel=2, unlabelled="novel")
    assert (got.assignment[labels < 0] >= 4).all()
    assert adjusted_rand_index(got.assignment, data.truth) > 0.95
    mixed_up = class_incd(data.x, data.labels, n_novel=2, unlabelled="novel")      # known items among them are called new too
    assert (mixed_up.assignment[data.free] >= 4).all()


def test_earlier_weights_are_not_touched():
    data = planted()
    rows = torch.from_numpy(data.x)
    before = _Cosine(rows[:3].clone(), 0, 0.1)
    kept = before.directions().clone()
    for column in (None, torch.full((5,), 0.2, dtype=torch.float64)):
        after = _learn(rows, before, 2, column, 0.05, 5, 3, 0.1, 0)
        assert after.width == 5
        np.testing.assert_allclose(after.directions()[:3], kept, atol=1e-12)
        np.testing.assert_allclose(after.directions().norm(dim=1), 1, atol=1e-6)


def test_self_labels_hold_their_shares():
    data = planted(200)
    rows = torch.from_numpy(data.x)
    head = _Cosine(rows[:4].clone(), 0, 0.1)
    near = torch.arange(200)[:, None]
    for column in (None, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)):
        labels = balanced(head, rows, near, 0.05, column)
        np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
        np.testing.assert_allclose(labels.mean(0), [0.25] * 4 if column is None else column, atol=0.01)


def test_shares_of_a_task_by_hand():
    # 10 items so far, 14 arrive, 4 classes: 6 each; class 0 has 8 (a few more all the same), class 1 has 2
    got = _left(torch.tensor([0] * 8 + [1] * 2), 4, 14)
    np.testing.assert_allclose(got, np.array([0.12, 4, 6, 6]) / 16.12)


def test_starts_are_joined_and_probabilities_say_what_is_assigned():
    data = planted(noise=0.5)
    got = class_incd(data.x, data.labels, n_novel=2, starts=3)
    single = class_incd(data.x, data.labels, n_novel=2, starts=1)
    assert single.evidence["agreement"] == 1
    assert 0.5 < got.evidence["agreement"] < 1
    np.testing.assert_array_equal(got.probabilities.argmax(1), got.assignment)
    alone = [class_incd(data.x, data.labels, n_novel=2, starts=1, seed=s).assignment for s in (0, 1000, 2000)]
    scores = [adjusted_rand_index(each, data.truth) for each in alone]
    assert adjusted_rand_index(got.assignment, data.truth) > min(scores) - 0.1


def test_an_item_never_joins_a_class_of_a_later_task():
    data = planted(400, 6, 2)
    times = np.where(data.truth == 5, 20.5, 3.0)
    got = class_incd(data.x, data.labels, times, n_novel=1, starts=2)
    later = np.flatnonzero(got.evidence["classes"] < 0)
    early = data.free & (data.truth != 5)
    closed = got.probabilities[early][:, later].min(1)            # one of the two new classes was not there yet
    np.testing.assert_array_equal(closed, 0)


def test_an_estimated_number_is_spread_over_the_tasks():
    data = planted(400, 7, 2)
    got = class_incd(data.x, data.labels, np.where(data.truth == 6, 1, 0))
    assert 1 <= got.evidence["n_novel"] <= 3


@pytest.mark.parametrize(("change", "message"), [
    ({"unlabelled": "old"}, "unlabelled: got 'old'"),
    ({"times": np.zeros(3)}, r"times: got shape \(3,\)"),
    ({"times": np.full(300, np.nan)}, "times: got"),
    ({"temperature": 0.0}, "temperature: got 0.0"),
    ({"sharpness": 0.0}, "sharpness: got 0.0"),
    ({"neighbours": 0}, "neighbours: got 0"),
    ({"epochs": 0}, "epochs: got 0"),
    ({"starts": 0}, "starts: got 0"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        class_incd(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
