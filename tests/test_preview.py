"""A preview is what the method gives when it is run on the changed graph and the changed labels."""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labelnb as lnb
from labelnb.methods.propagation import zlap
from labelnb.methods.zero_shot import clip
from labelnb.preview import preview
from labelnb.results import Proposal

NAMES = ("apple", "boat", "drum", "eagle")
N = 120


@pytest.fixture
def session(tmp_path: Path):
    rng = np.random.default_rng(1)
    truth = np.arange(N) % 4
    vectors = np.eye(4, 8)[truth] + 0.45 * rng.normal(size=(N, 8))
    with lnb.Session([f"item {i}" for i in range(N)], classes=list(NAMES), path=tmp_path / "s.lnb") as made:
        made.embed(vectors, class_embeddings=np.eye(4, 8))
        made.label(np.arange(12), [NAMES[k] for k in truth[:12]])
        yield made


CHANGES: dict[str, dict[str, Any]] = {
    "cut": {"cut": "edge"}, "cut a node": {"cut": [20]}, "weigh": {"weigh": [(20, 0.1)]}, "add": {"add": [(0, 101, 3.0), (1, 101, 3.0)]},
    "flip": {"labels": {0: "drum"}}, "new seed": {"labels": {50: "eagle"}}, "no seed": {"labels": {3: None}},
    "both": {"cut": "edge", "labels": {0: "drum", 60: "boat"}},
}
OPTIONS = {"zlap": {"safe": False}}
METHODS = ("zlap", "label_spreading", "harmonic_functions", "poisson_learning", "p_laplace")


def apply(session: lnb.Session, cut: Any = (), weigh: Any = (), add: Any = (), labels: Any = None) -> None:
    if cut or weigh or add:
        session.graph.edit(cut=cut, weigh=weigh, add=add)
    for item, name in (labels or {}).items():
        session.label(item, name)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("change", CHANGES)
def test_it_is_what_a_run_gives_after_the_change(session: lnb.Session, name: str, change: str) -> None:
    method = getattr(session.propagation, name)
    before = method(**OPTIONS.get(name, {}))
    wanted = dict(CHANGES[change])
    if wanted.get("cut") == "edge":
        graph = before.evidence["graph"].tocsr()
        first = graph.shape[0] - N
        wanted["cut"] = [(20, int(graph.indices[graph.indptr[first + 20]: graph.indptr[first + 21]].max()) - first)]
    events = len(session.history())
    shown = session.graph.preview(before, **wanted)
    assert len(session.history()) == events, "a preview records nothing"
    apply(session, **wanted)
    after = method(**OPTIONS.get(name, {}))
    np.testing.assert_allclose(shown.proposal.probabilities, after.probabilities, atol=2e-3)
    differ = shown.proposal.predictions != after.predictions
    margin = np.sort(after.probabilities, axis=1)[:, -1] - np.sort(after.probabilities, axis=1)[:, -2]
    assert (margin[differ] < 2e-3).all()
    changed = np.flatnonzero(before.predictions != shown.proposal.predictions)
    assert sorted(shown.changed.tolist()) == changed.tolist()
    np.testing.assert_array_equal(shown.before, before.predictions[shown.changed])
    np.testing.assert_array_equal(shown.after, shown.proposal.predictions[shown.changed])
    how = {"p_laplace": "run", "harmonic_functions": "run", "poisson_learning": "solve"}      # class weights come of the whole solution
    assert shown.how == how.get(name, "low rank")
    if shown.how != "run":
        assert shown.residual <= 1e-6
    assert before.provenance.ingredients != after.provenance.ingredients, "a run on a changed graph says so"


@pytest.fixture
def poor_names(session: lnb.Session) -> lnb.Session:
    """The same items with names that lie astray, so that graph and probe are not left for them."""
    astray = np.eye(4, 8) + 0.8 * np.random.default_rng(4).normal(size=(4, 8))
    session.embed(session.embeddings.vectors, class_embeddings=astray)
    session.label(np.arange(12, 24), [NAMES[i % 4] for i in range(12, 24)])
    return session


def shares(proposal: Proposal) -> np.ndarray:
    """The probabilities without the temperature, which a preview holds and a new run learns anew."""
    made = proposal.probabilities.astype(np.float64) ** proposal.evidence["temperature"]
    return made / made.sum(1, keepdims=True)


@pytest.mark.parametrize("change", ["cut", "cut a node", "weigh", "add"])
def test_of_a_safe_zlap_it_is_solved_beside_the_probe_as_it_spoke(poor_names: lnb.Session, change: str) -> None:
    before = poor_names.propagation.zlap()
    assert before.evidence["chosen"] == "blend"
    wanted = {"cut": {"cut": [(40, 41)]}, "cut a node": {"cut": [40]}}.get(change, CHANGES[change])
    shown = poor_names.graph.preview(before, **wanted)
    assert shown.how == "low rank"
    apply(poor_names, **wanted)
    np.testing.assert_allclose(shares(shown.proposal), shares(poor_names.propagation.zlap()), atol=2e-3)
    assert shown.proposal.evidence["temperature"] == before.evidence["temperature"]


def test_where_the_probe_alone_proposes_nothing_hangs_on_the_graph(poor_names: lnb.Session) -> None:
    before = poor_names.propagation.zlap()
    alone = dict(before.evidence, beside_share=1.0, chosen="probe", temperature=1.0)
    words = np.array(alone["beside"])
    words[:24] = before.probabilities[:24]
    proposal = dataclasses.replace(before, probabilities=words, evidence=alone)
    shown = poor_names.graph.preview(proposal, cut=[20, 30])
    assert shown.how == "low rank"
    assert len(shown.changed) == 0
    assert len(poor_names.graph.preview(proposal, labels={51: NAMES[(int(before.predictions[51]) + 1) % 4]}).changed) == 1


def test_a_flipped_label_moves_the_graphs_half_and_the_probe_is_held(poor_names: lnb.Session) -> None:
    before = poor_names.propagation.zlap()
    shown = poor_names.graph.preview(before, labels={0: "drum"}).proposal
    unsafe = poor_names.propagation.zlap(safe=False)
    graph = poor_names.graph.preview(unsafe, labels={0: "drum"}).proposal
    np.testing.assert_allclose(shares(shown)[24:], (graph.probabilities + before.evidence["beside"])[24:] / 2, atol=1e-4)


def test_previews_add_up(session: lnb.Session) -> None:
    proposal = session.propagation.zlap(safe=False)
    one = session.graph.preview(proposal, cut=[20])
    both = session.graph.preview(one.proposal, labels={0: "drum"})
    at_once = session.graph.preview(proposal, cut=[20], labels={0: "drum"})
    np.testing.assert_allclose(both.proposal.probabilities, at_once.proposal.probabilities, atol=1e-4)


def test_an_item_cut_off_abstains_and_explains_itself(session: lnb.Session) -> None:
    proposal = session.propagation.label_spreading()
    shown = session.graph.preview(proposal, cut=[40])
    assert shown.proposal.predictions[40] == -1
    assert 40 in shown.changed
    assert "nothing" in str(shown)
    assert session.items.ids[40] in str(shown)
    assert "abstains" in shown.proposal.explain(40).text
    assert session.items.ids[40] in shown._repr_html_()


def test_explanations_of_a_preview_add_up_to_its_scores(session: lnb.Session) -> None:
    shown = session.graph.preview(session.propagation.zlap(safe=False), cut=[(20, 21)], labels={0: "drum"})
    made = shown.proposal.explain(33).contributions
    for k, name in enumerate(NAMES):
        total = sum(row["contribution"] for row in made if row["class"] == name)
        assert total == pytest.approx(float(shown.proposal.evidence["scores"][33, k]), abs=1e-5)


def test_on_plain_arrays_and_what_cannot_be_previewed(session: lnb.Session) -> None:
    vectors = session.embeddings.vectors
    shown = preview(zlap(vectors, np.eye(4, 8)), edits=[[0, 1, 0, 0]])
    assert shown.how == "low rank"
    with pytest.raises(ValueError, match="no linear system and came through no session"):
        preview(clip(vectors, np.eye(4, 8)), edits=[[0, 1, 0, 0]])
    with pytest.raises(ValueError, match="zero_shot.clip rests on no graph"):
        session.graph.preview(session.zero_shot.clip(), cut=[(0, 1)])
    with pytest.raises(ValueError, match="labels: .*zebra"):
        session.graph.preview(session.propagation.zlap(safe=False), labels={0: "zebra"})
