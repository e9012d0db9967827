"""TAPE: the vote is the mean of networks trained alone, answers are features and not labels, everything asked is accounted for."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.annotators import AnnotatorError, Answers
from labelnb.compute import graph_net
from labelnb.methods.propagation import tape
from labelnb.methods.propagation.tape import answer_features, whom_to_ask
from tests.methods.text_graphs import planted


def few(data, n: int = 40) -> np.ndarray:
    return np.where(np.arange(len(data.truth)) < n, data.truth, -1)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_the_vote_is_the_mean_of_networks_trained_alone():
    data, reasons = planted(), np.random.default_rng(1).normal(size=(240, 5))
    annotator = data.annotator(0.3, seed=1)
    made = tape(data.graph, data.x, few(data), data.names, annotator, explanations=reasons, epochs=20, hidden=8, seed=3)
    features = np.zeros((240, 5))
    features[np.arange(240), annotator.answers] = annotator.confidence
    alone = [
        graph_net(data.graph, torch.from_numpy(each), few(data), n_classes=4, hidden=8, epochs=20, seed=3).probabilities.numpy()
        for each in (unit(data.x), features, reasons)
    ]
    assert made.evidence["views"] == ("texts", "answers", "explanations")
    np.testing.assert_allclose(made.evidence["by_view"], alone, atol=1e-6)
    np.testing.assert_allclose(made.probabilities[40:], np.mean(alone, 0)[40:], atol=1e-6)
    np.testing.assert_array_equal(made.predictions[:40], data.truth[:40])
    same = [each[50].argmax() == made.predictions[50] for each in alone]
    assert made.evidence["agreement"][50] == pytest.approx(np.mean(same))


def test_an_answer_is_its_confidence_in_the_column_of_its_class():
    answers = Answers(np.array([3, 0, 1]), np.array([2, 1, -1]), np.array([0.4, np.nan, 0.9]), (None,) * 3, ("",) * 3)
    expected = [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0.4, 0]]
    np.testing.assert_allclose(answer_features(answers, 4, 3), expected)


def test_labelled_nodes_are_asked_about_first_and_then_the_best_joined():
    data = planted()
    chosen = whom_to_ask(data.graph, few(data), 60)
    assert set(range(40)) <= set(chosen.tolist())
    degree = np.diff(data.graph.indptr)
    assert degree[chosen[40:]].min() >= np.sort(degree[40:])[-20]


def test_good_answers_help_where_the_texts_say_little():
    data = planted(seed=3, blur=4.0, within=0.05, between=0.015)
    labels = few(data, 24)
    rest = labels < 0
    made = tape(data.graph, data.x, labels, data.names, data.annotator(0.2, seed=1), epochs=100)
    texts = made.evidence["by_view"][0].argmax(1)
    assert np.mean(made.predictions[rest] == data.truth[rest]) > np.mean(texts[rest] == data.truth[rest]) + 0.1


def test_an_answer_is_no_label_a_liar_that_lies_by_rule_is_understood():
    data = planted(seed=3, blur=4.0)
    liar = lambda positions: [data.names[(data.truth[i] + 1) % 4] for i in positions]
    made = tape(data.graph, data.x, few(data), data.names, liar, epochs=100)
    assert np.mean(made.evidence["by_view"][1].argmax(1) == data.truth) > 0.95


@pytest.mark.parametrize("budget", [0, 10, 240, 900])
def test_the_budget_is_kept_to_exactly(budget):
    data = planted()
    annotator = data.annotator(cost=3.0)
    made = tape(data.graph, data.x, few(data), data.names, annotator, budget=budget, epochs=2)
    assert annotator.asked == made.evidence["spent_budget"] == min(budget, 240)
    assert made.evidence["cost"] == 3 * min(budget, 240)


def test_a_failure_carries_what_was_said():
    data = planted()

    def breaks(positions: np.ndarray) -> list[str]:
        if 239 in positions:
            raise OSError("gone")
        return ["group 0"] * len(positions)

    with pytest.raises(AnnotatorError, match="OSError: gone") as caught:
        tape(data.graph, data.x, few(data), data.names, breaks, epochs=2)
    assert len(caught.value.answers) > 0


@pytest.mark.parametrize(("options", "words"), [
    ({"explanations": np.ones((5, 2))}, "explanations: got 5 rows for 240 items"), ({"explanations": np.full((240, 2), np.nan)},
    "explanations"),
    ({"budget": -1}, "budget"), ({"network": "transformer"}, "network"), ({"dropout": 1.0}, "dropout"),
    ({"weight_decay": -1.0}, "weight_decay"),
    ({"labels": np.full(240, -1)}, "labels: no item is labelled"),
])
def test_what_means_nothing_is_refused_before_anything_is_paid(options, words):
    data = planted()
    annotator = data.annotator()
    given = {"labels": few(data), **options}
    with pytest.raises(ValueError, match=words):
        tape(data.graph, data.x, given.pop("labels"), data.names, annotator, **given)
    assert annotator.asked == 0
