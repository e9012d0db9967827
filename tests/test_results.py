"""Results are frozen, read-only and keep their evidence."""

import dataclasses

import numpy as np
import pytest
import torch

from labelnb.results import Clusters, Embeddings, Proposal, Ranking, Report, Votes


def test_proposal_from_scores_is_a_softmax():
    scores = np.array([[1.0, 0.0], [0.0, 0.5]])
    proposal = Proposal.from_scores(torch.tensor(scores), temperature=0.5)
    expected = np.exp(scores / 0.5) / np.exp(scores / 0.5).sum(1, keepdims=True)
    np.testing.assert_allclose(proposal.probabilities, expected, rtol=1e-6)
    assert proposal.predictions.tolist() == [0, 1] and proposal.predictions.dtype == np.int64
    assert proposal.probabilities.dtype == np.float32
    np.testing.assert_array_equal(proposal.evidence["scores"], scores)
    assert proposal.classes == ("0", "1")


def test_rows_of_zeros_abstain():
    proposal = Proposal.from_scores(np.array([[0.0, 0.0], [1.0, 3.0]]))
    assert proposal.predictions.tolist() == [-1, 1]
    assert proposal.confidence.tolist() == [0, 0.75] and proposal.coverage == 0.5
    assert Proposal.from_scores(np.ones((2, 2)), temperature=1.0, reached=[True, False]).predictions.tolist() == [0, -1]
    with pytest.raises(ValueError, match="give a temperature"):
        Proposal.from_scores(np.array([[-1.0, 2.0]]))


def test_a_softmax_of_large_scores_does_not_overflow():
    proposal = Proposal.from_scores(np.array([[1e4, 0.0]]), temperature=0.01)
    assert proposal.probabilities.tolist() == [[1, 0]]


def test_results_cannot_be_changed():
    proposal = Proposal(np.array([[0.5, 0.5]]), evidence={"scores": np.ones((1, 2))})
    with pytest.raises(dataclasses.FrozenInstanceError):
        proposal.classes = ("a", "b")
    with pytest.raises(ValueError, match="read-only"):
        proposal.probabilities[0, 0] = 1
    with pytest.raises(TypeError):
        proposal.evidence["more"] = 1
    with pytest.raises(ValueError, match="read-only"):
        proposal.evidence["scores"][0, 0] = 5


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected \(N, K\)"):
        Proposal(np.ones(3))
    with pytest.raises(ValueError, match="got 1 names for 2 columns"):
        Proposal(np.ones((1, 2)) / 2, classes=("a",))
    with pytest.raises(ValueError, match="expected one of each an item"):
        Ranking(np.ones(3), reasons=("x",))


def test_clusters_count_their_items():
    clusters = Clusters([0, 2, 2, -1])
    assert clusters.n_clusters == 3 and clusters.sizes.tolist() == [1, 0, 2]
    assert Clusters([0, 0], probabilities=np.eye(2, 5)).sizes.tolist() == [2, 0, 0, 0, 0]


def test_ranking_puts_flagged_first_and_unknown_last():
    ranking = Ranking(np.array([0.1, np.nan, 0.9, 0.5]), flagged=[True, False, False, False])
    assert ranking.order.tolist() == [0, 2, 3, 1]


def test_votes_and_embeddings_behave_as_arrays():
    assert Votes(np.array([[0, -1], [1, -1]])).coverage.tolist() == [1, 0]
    made = Embeddings(np.eye(3))
    assert made.shape == (3, 3) and len(made) == 3 and np.asarray(made).dtype == np.float32
    np.testing.assert_array_equal(made[1], [0, 1, 0])
    assert np.asarray(made, dtype=np.float64).dtype == np.float64


def test_report_holds_values():
    assert Report("how good", {"accuracy": 0.5}).values["accuracy"] == 0.5
