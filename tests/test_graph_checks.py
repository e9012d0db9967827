"""Whether to believe a propagation: every figure against what was planted."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import labelnb as lnb
from labelnb.graph_checks import check, sensitivity, used_settings
from labelnb.methods.propagation import harmonic_functions, label_spreading, poisson_learning
from labelnb.results import Proposal


@pytest.fixture
def planted() -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Two cliques of ten, one node joined to all of both (a hub), one node alone; one label in the first clique is wrong."""
    made = np.zeros((22, 22))
    made[:10, :10] = made[10:20, 10:20] = 1
    np.fill_diagonal(made, 0)
    made[20, :20] = made[:20, 20] = 0.05
    ring = np.zeros((60, 60))
    for i in range(60):
        ring[i, (i + 1) % 60] = ring[(i + 1) % 60, i] = 1
    whole = scipy.sparse.csr_array(scipy.sparse.block_diag([made, ring]))
    labels = np.full(82, -1)
    labels[[0, 1, 2, 10, 11, 12]] = [0, 0, 1, 1, 1, 1]
    labels[22] = 0
    return whole, labels


@pytest.mark.parametrize("method", [label_spreading, harmonic_functions, poisson_learning])
def test_the_wrong_label_is_first_and_the_hub_and_the_unreached_are_named(planted, method) -> None:
    graph, labels = planted
    made = check(method(graph, labels))
    assert made.evidence["disagreeing"].tolist()[0] == 2
    row = made.tables["seeds that disagree"][0]
    assert (row["item"], row["label"], row["the others say"]) == ("2", "1", "0")
    assert made.evidence["hubs"].tolist()[0] == 20
    assert made.tables["hubs"][0]["edges"] == 20
    assert made.evidence["unreached"].tolist() == [21]
    assert made.values["seeds"] == 7


def test_homophily_is_the_share_by_weight_over_known_edges(planted) -> None:
    graph, labels = planted
    values = check(label_spreading(graph, labels)).values
    same = sum(graph[a, b] for a in range(82) for b in range(82) if labels[a] >= 0 and labels[a] == labels[b])
    known = sum(graph[a, b] for a in range(82) for b in range(82) if labels[a] >= 0 and labels[b] >= 0)
    assert values["homophily"] == pytest.approx(same / known)
    assert values["known_edges"] == 6


def test_left_out_is_a_run_without_the_label(planted) -> None:
    graph, labels = planted
    found = check(label_spreading(graph, labels, alpha=0.8))
    for row, seed in zip(found.evidence["left_out"], (0, 1, 2, 10, 11, 12, 22), strict=True):
        without = np.where(np.arange(82) == seed, -1, labels)
        expected = label_spreading(graph, without, alpha=0.8, n_classes=2).evidence["scores"][seed]
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_nothing_known_between_neighbours_is_said_as_none(planted) -> None:
    graph, labels = planted
    lonely = np.where(np.isin(np.arange(82), (0, 11)), labels, -1)
    values = check(label_spreading(graph, lonely)).values
    assert values["homophily"] is None
    assert values["known_edges"] == 0


def test_what_is_no_linear_solve_is_refused() -> None:
    with pytest.raises(ValueError, match="no linear solve"):
        check(Proposal(np.eye(3, dtype=np.float32)))
    with pytest.raises(ValueError, match="through no session"):
        sensitivity(Proposal(np.eye(3, dtype=np.float32)))


def test_sensitivity_is_runs_with_other_settings_and_journals_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    vectors = np.eye(3, 8)[truth] + 0.5 * rng.normal(size=(60, 8))
    with lnb.Session([f"item {i}" for i in range(60)], classes=["a", "b", "c"], path=tmp_path / "s.lnb") as s:
        s.embed(vectors, class_embeddings=np.eye(3, 8))
        s.label(np.arange(9), [("a", "b", "c")[k] for k in truth[:9]])
        proposal = s.propagation.label_spreading(alpha=0.5)
        events = len(s.history())
        made = s.graph.sensitivity(proposal)
        assert len(s.history()) == events
        assert set(made.figures) == {"alpha", "k"}
        for row in made.tables["values"]:
            if row["hyperparameter"] == "alpha":
                again = s.propagation.label_spreading(alpha=row["value"])
                assert row["same class"] == pytest.approx((again.predictions == proposal.predictions).mean())
            if row["used"]:
                assert row["same class"] == 1
        own = [row for row in made.tables["values"] if row["hyperparameter"] == "k" and row["value"] == 15]
        assert own[0]["same class"] == 1, "15 neighbours are the session's own graph"
        with pytest.raises(ValueError, match="gamma"):
            s.graph.sensitivity(proposal, ["gamma"])


def test_settings_that_a_method_settled_on_by_itself_are_tried_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 3
    with lnb.Session([f"item {i}" for i in range(60)], classes=["a", "b", "c"], path=tmp_path / "s.lnb") as s:
        s.embed(np.eye(3, 8)[truth] + 0.5 * rng.normal(size=(60, 8)), class_embeddings=np.eye(3, 8))
        s.label(np.arange(9), [("a", "b", "c")[k] for k in truth[:9]])
        proposal = s.propagation.zlap(gamma=3.0)
        assert used_settings(proposal) == {"alpha": 0.9, "k": 10, "gamma": 3.0}
        made = s.graph.sensitivity(proposal, ["alpha"])
        assert [row["value"] for row in made.tables["values"] if row["used"]] == [0.9]
        assert [row["same class"] for row in made.tables["values"] if row["used"]] == [1]
