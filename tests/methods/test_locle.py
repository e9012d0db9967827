"""Locle: its measures against the definitions, rewiring and refinement on cases small enough to see, what it recovers and what it pays."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.annotators import AnnotatorError, Answers, Remembered
from labelnb.methods.propagation import locle
from labelnb.methods.propagation.locle import (
    budget_by_round,
    dirichlet_energy,
    disharmonicity,
    edge_energy,
    entropy,
    first_choice,
    refined,
    rewired,
)
from tests.methods.text_graphs import line_of, planted


def random_rows(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def test_disharmonicity_is_the_row_sum_of_the_random_walk_laplacian():
    graph, p = planted(40).graph, random_rows(40, 3)
    w = graph.toarray()
    for i in range(40):
        mean = sum(w[i, j] * p[j] for j in range(40)) / w[i].sum() if w[i].sum() else p[i]
        assert disharmonicity(p, graph)[i] == pytest.approx(np.abs(p[i] - mean).sum(), abs=1e-12)


def test_energy_is_the_trace_with_the_laplacian_and_the_sum_over_edges():
    graph, p = line_of([1.0, 2.0, 0.5]), random_rows(4, 3)
    w = graph.toarray()
    laplacian = np.diag(w.sum(1)) - w
    assert dirichlet_energy(p, graph) == pytest.approx(np.trace(p.T @ laplacian @ p), abs=1e-12)
    by_hand = sum(weight * ((p[i] - p[i + 1]) ** 2).sum() for i, weight in enumerate([1.0, 2.0, 0.5]))
    assert dirichlet_energy(p, graph) == pytest.approx(by_hand, abs=1e-12)
    assert edge_energy(p, np.array([0]), np.array([1]))[0] == pytest.approx(((p[0] - p[1]) ** 2).sum())


def test_entropy_is_largest_where_all_classes_are_alike():
    np.testing.assert_allclose(entropy(np.array([[1.0, 0], [0.5, 0.5], [0.9, 0.1]])), [0, np.log(2), -0.9 * np.log(0.9) - 0.1 *
    np.log(0.1)])


def test_rewiring_cuts_between_groups_joins_the_like_minded_and_lowers_the_energy():
    data = planted(n=200, between=0.01)
    p = 0.7 * np.eye(4)[data.truth] + 0.3 * random_rows(200, 4)
    made = rewired(data.graph, p, np.arange(20))
    before, after = ((data.truth[each.tocoo().coords[0]] != data.truth[each.tocoo().coords[1]]).sum() for each in (data.graph, made))
    assert after < 0.7 * before
    cut = (data.graph - data.graph.multiply(made > 0)).nnz // 2
    assert cut == int(0.1 * (data.graph.nnz // 2))
    edges = data.graph.nnz // 2
    assert dirichlet_energy(p, made) / (made.nnz // 2) < dirichlet_energy(p, data.graph) / edges
    assert abs(made - made.T).max() == 0
    assert made.diagonal().sum() == 0
    same = rewired(scipy.sparse.csr_array((5, 5)), random_rows(5, 2), np.array([0, 1]))
    assert same.nnz == 0


def test_an_answer_gives_way_where_the_network_is_relatively_surer():
    sure = np.array([0.95, 0.9, 0.6, np.nan, 0.8])
    classes = np.array([0, 0, 0, 0, -1])
    answers = Answers(np.arange(5), classes, sure, (None,) * 5, ("",) * 5)
    view = np.array([[0.4, 0.6], [0.01, 0.99], [0.45, 0.55], [0.1, 0.9], [0.3, 0.7]])
    # Ranks of the answers, unknown the highest: 4 3 1 5 2; of the network's own confidence: 2 5 1 4 3.
    np.testing.assert_array_equal(refined(answers, view, 0.0), [0, 1, 0, 0, 1])
    np.testing.assert_array_equal(refined(answers, view, 0.7), [0, 1, 1, 0, 1])


@pytest.mark.parametrize(("total", "first", "rounds"), [(80, 0.5, 5), (7, 0.5, 5), (1, 0.1, 3), (10, 1.0, 4), (9, 0.3, 1), (0, 0.5, 3)])
def test_the_rounds_share_the_budget_without_a_rest(total, first, rounds):
    shares = budget_by_round(total, first, rounds)
    assert len(shares) == rounds
    assert sum(shares) == total
    assert min(shares) >= 0
    assert max(shares[1:], default=0) - min(shares[1:], default=0) <= 1


def test_the_first_choice_has_every_group_by_its_size():
    data = planted(n=300, k=3)
    import torch

    chosen = first_choice(data.graph, torch.from_numpy(data.x), 3, 30, data.truth >= 0, seed=0)
    assert len(set(chosen.tolist())) == 30
    assert np.bincount(data.truth[chosen], minlength=3).min() >= 5


@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_planted_groups_are_found_from_a_few_doubtful_answers(noise):
    data = planted(seed=2)
    made = locle(data.graph, data.x, data.names, data.annotator(noise, seed=1), budget=60, sure_share=0.08, epochs=60)
    assert np.mean(made.predictions == data.truth) > 0.8
    evidence = made.evidence
    assert len(evidence["asked"]) == len(set(evidence["asked"].tolist())) == 60
    np.testing.assert_array_equal(np.bincount(evidence["round"]), budget_by_round(60, 0.5, 5))
    assert not np.isin(np.flatnonzero(evidence["pseudo"] >= 0), evidence["asked"]).any()
    assert len(evidence["energy"]) == 4


def test_later_rounds_ask_where_the_network_is_at_odds():
    data = planted(seed=5)
    made = locle(data.graph, data.x, data.names, data.annotator(), budget=60, rounds=2, sure_share=0.0, rewire=False, epochs=60)
    first = locle(data.graph, data.x, data.names, data.annotator(), budget=30, rounds=1, epochs=60)
    late = made.evidence["asked"][made.evidence["round"] == 1]
    np.testing.assert_array_equal(made.evidence["asked"][:30], first.evidence["asked"])
    doubt = first.evidence["entropy"]
    assert doubt[late].mean() > doubt.mean()


@pytest.mark.parametrize("budget", [1, 3, 50, 5000])
def test_the_budget_is_kept_to_exactly(budget):
    data = planted(n=120)
    annotator = data.annotator(cost=2.0)
    made = locle(data.graph, data.x, data.names, annotator, budget=budget, epochs=2, sure_share=0.1)
    assert annotator.asked == len(made.evidence["asked"]) == min(budget, 120)
    assert made.evidence["cost"] == 2 * min(budget, 120)


class Breaks:
    """Fails in a later round."""

    reads, batch_size, cost = "positions", 5, 1.0

    def __init__(self, until: int) -> None:
        self.left = until

    def __call__(self, positions: np.ndarray) -> list[str]:
        self.left -= len(positions)
        if self.left < 0:
            raise TimeoutError("no answer")
        return [f"group {i % 4}" for i in positions]


def test_a_failure_in_a_later_round_carries_all_rounds():
    data = planted()
    with pytest.raises(AnnotatorError, match="failed after 30 answers") as caught:
        locle(data.graph, data.x, data.names, Breaks(30), budget=40, epochs=2)
    kept = caught.value.answers
    assert len(kept) == kept.cost == 30
    remembered = Remembered(Breaks(100), answers=kept)
    made = locle(data.graph, data.x, data.names, remembered, budget=40, epochs=2)
    assert remembered.spent == 10
    assert made.evidence["spent_budget"] == 40


def test_people_are_believed_and_their_items_never_asked_about():
    data = planted()
    labels = np.where(np.arange(240) < 100, (data.truth + 1) % 4, -1)
    made = locle(data.graph, data.x, data.names, data.annotator(), labels=labels, epochs=3)
    assert made.evidence["asked"].min() >= 100
    np.testing.assert_array_equal(made.predictions[:100], labels[:100])


def test_an_annotator_that_never_names_a_class_leaves_everything_open():
    data = planted()
    made = locle(data.graph, data.x, data.names, lambda positions: [None] * len(positions), budget=10)
    assert made.coverage == 0
    assert any("every item abstains" in each for each in made.warnings)


@pytest.mark.parametrize(("options", "words"), [
    ({"budget": 0}, "budget"), ({"first": 0.0}, "first"), ({"rounds": 0}, "rounds"), ({"sure_share": -0.1}, "sure_share"),
    ({"least_confidence": 2.0}, "least_confidence"), ({"memory": 1.0}, "memory"), ({"network": "transformer"}, "network"), ({"epochs": 0},
    "epochs"),
])
def test_hyperparameters_that_mean_nothing_are_refused_before_anything_is_paid(options, words):
    data = planted()
    annotator = data.annotator()
    with pytest.raises(ValueError, match=f"^{words}"):
        locle(data.graph, data.x, data.names, annotator, **options)
    assert annotator.asked == 0
