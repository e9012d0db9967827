"""LLM-GNN: its measures against the definitions, what it recovers, what it asks and pays, and what a failure leaves."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.annotators import AnnotatorError, Answers, Remembered
from labelnb.compute.centrality import pagerank
from labelnb.methods.propagation import llm_gnn
from labelnb.methods.propagation.llm_gnn import change_of_entropy, post_filter, ranks
from tests.methods.text_graphs import planted

CHOICES = ("pagerank", "degree", "age", "featprop", "density", "random")


def slow_entropy(classes: list[int]) -> float:
    return -sum(classes.count(c) / len(classes) * np.log(classes.count(c) / len(classes)) for c in set(classes)) if classes else 0.0


def test_change_of_entropy_is_the_definition():
    classes = np.array([0, 0, 0, 1, 1, 2, -1, 0])
    used = [int(c) for c in classes if c >= 0]
    for place, c in enumerate(classes):
        if c < 0:
            assert np.isnan(change_of_entropy(classes)[place])
            continue
        rest = used.copy()
        rest.remove(int(c))
        assert change_of_entropy(classes)[place] == pytest.approx(slow_entropy(rest) - slow_entropy(used), abs=1e-12)
    assert change_of_entropy(classes)[0] > change_of_entropy(classes)[5], "one of many is easier to spare than the only one"


def test_ranks_share_what_is_equal():
    np.testing.assert_allclose(ranks(np.array([3.0, 1.0, 3.0, 2.0])), [3.5 / 4, 1 / 4, 3.5 / 4, 2 / 4])


def answers(classes: list[int], confidence: list[float]) -> Answers:
    n = len(classes)
    return Answers(np.arange(n), np.array(classes), np.array(confidence), (None,) * n, ("",) * n)


def test_the_filter_drops_doubt_and_surplus_and_never_a_class():
    given = answers([0, 0, 0, 0, 0, 1, 1, 2, -1], [0.9, 0.1, 0.8, 0.7, 0.6, 0.5, 0.4, 0.05, 0.9])
    np.testing.assert_array_equal(post_filter(given, 0.0), given.usable)
    one = post_filter(given, 0.13)
    assert np.flatnonzero(given.usable & ~one).tolist() == [1], "the least sure of the largest class goes first"
    hard = post_filter(given, 0.9)
    assert set(given.classes[hard]) == {0, 1, 2}
    assert hard[7], "the only answer of a class stays, however doubtful"


@pytest.mark.parametrize("seed", range(3))
def test_the_filter_is_the_slow_one(seed):
    """One answer after the other: sum of the two ranks, written as loops."""
    rng = np.random.default_rng(seed)
    given = answers(rng.integers(0, 4, 30).tolist(), rng.random(30).tolist())
    left = list(range(30))
    for _ in range(9):
        held = [int(given.classes[i]) for i in left]
        whole, best, worst = slow_entropy(held), None, -np.inf
        change = [slow_entropy(held[:j] + held[j + 1:]) - whole for j in range(len(left))]
        for j, i in enumerate(left):
            if held.count(held[j]) == 1:
                continue
            doubt = sum(given.confidence[o] > given.confidence[i] for o in left) + 1
            spare = sum(c < change[j] - 1e-12 for c in change) + (sum(abs(c - change[j]) <= 1e-12 for c in change) + 1) / 2
            if doubt + spare > worst + 1e-9:
                best, worst = i, doubt + spare
        left.remove(best)
    np.testing.assert_array_equal(np.flatnonzero(post_filter(given, 0.3)), left)


def test_the_score_is_the_two_ranks_weighed():
    data = planted()
    made = llm_gnn(data.graph, data.x, data.names, data.annotator(), choice="pagerank", difficulty=0.4, epochs=2)
    evidence = made.evidence
    np.testing.assert_allclose(evidence["centrality"], ranks(pagerank(data.graph)))
    np.testing.assert_allclose(evidence["choice_score"], 0.4 * ranks(evidence["density"]) + 0.6 * evidence["centrality"])
    np.testing.assert_array_equal(np.sort(evidence["choice_score"][evidence["asked"]]), np.sort(evidence["choice_score"])[-80:])


@pytest.mark.parametrize("choice", CHOICES)
def test_planted_groups_are_found_from_a_few_doubtful_answers(choice):
    data = planted(seed=2)
    made = llm_gnn(data.graph, data.x, data.names, data.annotator(0.25, seed=1), budget=60, choice=choice, epochs=100)
    assert np.mean(made.predictions == data.truth) > 0.8
    asked = made.evidence["asked"]
    assert len(asked) == len(set(asked.tolist())) == 60


@pytest.mark.parametrize("budget", [1, 7, 239, 240, 5000])
def test_the_budget_is_kept_to_exactly(budget):
    data = planted()
    annotator = data.annotator(cost=0.5)
    made = llm_gnn(data.graph, data.x, data.names, annotator, budget=budget, choice="featprop", epochs=2)
    assert annotator.asked == len(made.evidence["asked"]) == made.evidence["spent_budget"] == min(budget, 240)
    assert made.evidence["cost"] == pytest.approx(0.5 * min(budget, 240))


def test_people_are_believed_and_their_items_never_asked_about():
    data = planted()
    labels = np.where(np.arange(240) < 100, (data.truth + 1) % 4, -1)
    made = llm_gnn(data.graph, data.x, data.names, data.annotator(), labels=labels, epochs=5)
    assert made.evidence["asked"].min() >= 100
    np.testing.assert_array_equal(made.predictions[:100], labels[:100])
    all_known = llm_gnn(data.graph, data.x, data.names, data.annotator(), labels=data.truth, epochs=5)
    assert len(all_known.evidence["asked"]) == 0


def test_weights_let_sure_answers_speak_louder():
    data = planted(seed=4, blur=2.0)
    annotator = data.annotator(0.4, seed=2, calibration=1.0)
    annotator.confidence = np.where(annotator.answers == data.truth, 1.0, 0.02)
    loud, flat = (
        llm_gnn(data.graph, data.x, data.names, annotator, budget=80, weighted=w, dropped=0.0, epochs=100) for w in (True, False)
    )
    assert np.mean(loud.predictions == data.truth) > np.mean(flat.predictions == data.truth) + 0.03


class Breaks:
    """Fails at its fourth call."""

    reads, batch_size, cost = "positions", 5, 1.0

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, positions: np.ndarray) -> list[str]:
        self.calls += 1
        if self.calls == 4:
            raise TimeoutError("no answer")
        return [f"group {i % 4}" for i in positions]


def test_a_failing_annotator_loses_nothing_that_was_paid_for():
    data, broken = planted(), Breaks()
    with pytest.raises(AnnotatorError, match="failed after 15 answers with TimeoutError") as caught:
        llm_gnn(data.graph, data.x, data.names, broken, budget=40, epochs=2)
    kept = caught.value.answers
    assert len(kept) == kept.cost == 15
    remembered = Remembered(broken, answers=kept)
    made = llm_gnn(data.graph, data.x, data.names, remembered, budget=40, epochs=2)
    assert remembered.spent == 25
    np.testing.assert_array_equal(made.evidence["answers"], made.evidence["asked"] % 4)


def test_an_annotator_that_never_names_a_class_leaves_everything_open():
    data = planted()
    made = llm_gnn(data.graph, data.x, data.names, lambda positions: ["nonsense"] * len(positions), budget=10)
    assert made.coverage == 0
    assert "10 of 10 answers name none of the classes" in made.warnings[0]
    assert any("every item abstains" in each for each in made.warnings)


def test_classes_nobody_named_are_said_to_be_missing():
    data = planted()
    made = llm_gnn(data.graph, data.x, data.names, lambda positions: ["group 1"] * len(positions), budget=10, epochs=5)
    assert "3 of 4 classes have no answer" in made.warnings[0]


@pytest.mark.parametrize(("options", "words"), [
    ({"budget": 0}, "budget"), ({"choice": "best"}, "choice"), ({"difficulty": 1.5}, "difficulty"), ({"dropped": 0.95}, "dropped"),
    ({"network": "transformer"}, "network"), ({"hidden": 0}, "hidden"), ({"epochs": 0}, "epochs"),
])
def test_hyperparameters_that_mean_nothing_are_refused_before_anything_is_paid(options, words):
    data = planted()
    annotator = data.annotator()
    with pytest.raises(ValueError, match=f"^{words}"):
        llm_gnn(data.graph, data.x, data.names, annotator, **options)
    assert annotator.asked == 0


def test_a_graph_of_other_items_and_no_classes_are_refused():
    data = planted()
    with pytest.raises(ValueError, match="graph: got 239 nodes for 240 embeddings"):
        llm_gnn(data.graph[:-1, :-1], data.x, data.names, data.annotator())
    with pytest.raises(ValueError, match="classes: got none"):
        llm_gnn(data.graph, data.x, (), data.annotator())
