"""Explanations are exact: the seeds' contributions sum to the item's scores."""

import numpy as np
import pytest
import scipy.sparse

from labelnb.methods.propagation import harmonic_functions, label_spreading, poisson_learning, zlap
from labelnb.methods.zero_shot import clip
from labelnb.results import Proposal
from tests.methods.graph_twins import few_labels, neighbour_graph
from tests.methods.zlap_twin import planted


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(3, 16))
    truth = rng.integers(0, 3, 60)
    x = centres[truth] + 0.6 * rng.normal(size=(60, 16))
    labels = np.full(60, -1)
    labels[[int(np.flatnonzero(truth == k)[0]) for k in range(3)]] = [0, 1, 2]
    return x, centres, labels


def test_contributions_sum_to_the_scores_by_class(made):
    x, centres, labels = made
    proposal = zlap(x, centres, labels=labels)
    for item in (0, 17, 59):
        why = proposal.explain(item)
        sums = np.zeros(3)
        for row in why.contributions:
            sums[int(row["class"])] += row["contribution"]
        np.testing.assert_allclose(sums, proposal.evidence["scores"][item], atol=1e-5)
        assert why.label == proposal.classes[proposal.predictions[item]]
        assert sum(row["share"] for row in why.rows) <= 1 + 1e-6
        assert why.rows[0]["share"] == max(row["share"] for row in why.rows)
        assert {row["kind"] for row in why.rows} <= {"class", "seed", "classifier"}


@pytest.mark.parametrize("method", [label_spreading, harmonic_functions, poisson_learning])
def test_contributions_sum_to_the_scores_of_every_linear_method(method):
    w, truth = neighbour_graph()
    two = scipy.sparse.csr_array(scipy.sparse.block_diag([w, w[:40][:, :40], w[:3][:, :3]], format="csr"))
    labels = np.concatenate([few_labels(truth), np.where(np.arange(40) == 7, 2, -1), [-1, -1, -1]])
    proposal = method(two, labels)
    for item in (0, 77, 149, 157, 165, 191):
        why, sums = proposal.explain(item), np.zeros(4)
        for row in why.contributions:
            sums[int(row["class"])] += row["contribution"]
        np.testing.assert_allclose(sums, proposal.evidence["scores"][item], atol=1e-5)
        assert all(row["kind"] == "seed" and labels[row["item"]] >= 0 for row in why.rows)
        assert all(path["nodes"][-1] == item and labels[path["nodes"][0]] >= 0 for path in why.paths)
    assert "abstains" in proposal.explain(192).text


def test_paths_run_from_a_seed_to_the_item(made):
    x, centres, labels = made
    why = zlap(x, centres, labels=labels).explain(17)
    assert why.paths
    for path in why.paths:
        assert 17 in (path["nodes"][0], path["nodes"][-1]) and path["weight"] > 0
    assert [p["weight"] for p in why.paths] == sorted((p["weight"] for p in why.paths), reverse=True)


def test_without_a_graph_the_classes_are_compared(made):
    x, centres, _ = made
    proposal = clip(x, centres)
    why = proposal.explain(-1)
    assert why.position == 59 and why.rows[0]["class"] == proposal.classes[proposal.predictions[59]]
    assert why.rows[0]["share"] == pytest.approx(float(proposal.confidence[59]))


def test_abstaining_and_unknown_items():
    proposal = Proposal(np.array([[0.0, 0.0], [0.2, 0.8]]), classes=("<b>a</b>", "b"))
    assert "abstains" in proposal.explain(0).text and proposal.explain(0).label is None
    assert "&lt;b&gt;" in proposal.explain(1)._repr_html_() and "<b>" not in proposal.explain(1)._repr_html_()
    with pytest.raises(IndexError, match="from 0 to 1"):
        proposal.explain(2)
    with pytest.raises(KeyError, match="knows no ids"):
        proposal.explain("x")


def test_compare_counts_and_ranks_differences():
    a = Proposal(np.array([[0.9, 0.1], [0.8, 0.2], [0.0, 0.0], [0.3, 0.7]]))
    b = Proposal(np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0.6, 0.4]]))
    report = a.compare(b)
    assert report.values == {"agreement": pytest.approx(1 / 3), "both": 3, "only_first": 0, "only_second": 1}
    assert [row["item"] for row in report.tables["differences"]] == ["1", "3"]
    with pytest.raises(ValueError, match="same items and classes"):
        a.compare(Proposal(np.ones((4, 3)) / 3))


def test_what_speaks_beside_the_graph_has_its_share_and_no_part_in_the_contributions():
    x, c, truth = planted()
    labels = np.where(np.arange(len(x)) < 40, truth, -1)
    made = zlap(x, c, labels=labels)
    assert made.evidence["chosen"] == "blend"
    why = made.explain(50)
    beside = [row for row in why.rows if row["kind"] == "classifier"]
    assert sum(row["share"] for row in beside) == pytest.approx(0.5, abs=1e-6)
    assert {row["name"] for row in beside} == {"linear probe"}
    assert [row["share"] for row in why.rows] == sorted((row["share"] for row in why.rows), reverse=True)
    sums = dict.fromkeys(made.classes, 0.0)
    for row in why.contributions:
        sums[row["class"]] += row["contribution"]
    np.testing.assert_allclose(list(sums.values()), made.evidence["scores"][50], atol=1e-5)
    assert not [row for row in made.explain(3).rows if row["kind"] == "classifier"], "a labelled item rests on its label"
