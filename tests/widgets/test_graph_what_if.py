"""The PropagationGraph's what-if over a real session: previews, commits and undo, what the map and the frames hold, the journal."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labelnb as lnb
from labelnb.widgets.propagation_graph import PropagationGraph

NAMES = ("apple", "boat", "drum", "eagle")
N = 80


@pytest.fixture
def session(tmp_path: Path) -> Iterator[lnb.Session]:
    with a_session(tmp_path / "s.lnb") as made:
        yield made


def a_session(path: Path, count: int = N) -> lnb.Session:
    """Texts in four groups that overlap; two of each labelled."""
    rng = np.random.default_rng(1)
    truth = np.arange(count) % 4
    made = lnb.Session([f"{NAMES[k]} number {i}" for i, k in enumerate(truth)], classes=list(NAMES), path=path, who="ada")
    made.embed(np.eye(4, 8)[truth] + 0.45 * rng.normal(size=(count, 8)), class_embeddings=np.eye(4, 8))
    made.label(np.arange(8), [NAMES[k] for k in truth[:8]])
    return made


@pytest.fixture
def graph(session: lnb.Session) -> PropagationGraph:
    return session.propagation.label_spreading(alpha=0.9).widget()


def ask(graph: PropagationGraph, kind: str, **message: object) -> tuple[dict[str, Any], list[bytes]]:
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    graph.send = lambda content, buffers=None: sent.append((content, list(buffers or [])))
    graph._route({"id": "1", "kind": kind, **message}, [])
    content, buffers = next(each for each in sent if each[0].get("id") == "1")
    assert content["ok"], content
    return content, buffers


def test_a_preview_is_shown_and_nothing_is_recorded(session: lnb.Session, graph: PropagationGraph) -> None:
    events, heard = len(session.history()), []
    graph.observe(lambda change: heard.append(change["new"]), "pending")
    before = graph.result
    found = graph.preview(cut=[5], labels={session.items.ids[0]: "drum"})
    assert graph.pending["n_changed"] == len(found.changed) > 0
    assert graph.pending["cut"] == [[5]]
    assert graph.pending["labels"] == [[0, "drum"]]
    assert heard == [graph.pending]
    assert graph.result is before
    assert len(session.history()) == events
    graph.discard()
    assert graph.pending == {}
    assert graph.previewed is None
    assert len(session.history()) == events


def test_what_stands_beside_the_graph_is_said_to_be_held(session: lnb.Session, graph: PropagationGraph) -> None:
    graph.preview(cut=[20])
    assert graph.pending["held"] == "", "nothing stands beside label spreading"
    proposal = session.propagation.zlap()
    for chosen, share, said in (
        ("blend", 0.5, "what the probe says is held"), ("names", 1.0, "proposed by the class names alone: the graph has no say here"),
    ):
        beside = dataclasses.replace(proposal, evidence={**proposal.evidence, "chosen": chosen, "beside_share": share}).widget()
        beside.preview(cut=[20])
        assert beside.pending["held"] == said


def test_a_commit_is_one_step_and_undo_brings_all_of_it_back(session: lnb.Session, graph: PropagationGraph) -> None:
    before = graph.result.probabilities.copy()
    found = graph.preview(cut=[(9, int(graph.result.evidence["graph"][[9]].indices[0]))], labels={0: "drum"})
    expected = found.proposal.probabilities
    graph.commit()
    assert graph.pending == {}
    np.testing.assert_allclose(graph.result.probabilities, expected, atol=1e-5)
    assert len(session.graph.edits) == 1
    assert str(session.labels.label(0)) == "drum"
    assert session.labels.by_person[0]
    assert graph.state["can_undo"]
    content, _ = ask(graph, "take_back", uid="a")
    assert content["n"] == 2, "both events are one step"
    assert session.graph.edits == ()
    assert str(session.labels.label(0)) == "apple"
    np.testing.assert_allclose(graph.result.probabilities, before, atol=1e-6)
    ask(graph, "take_back", redo=True, uid="b")
    np.testing.assert_allclose(graph.result.probabilities, expected, atol=1e-5)


def test_what_a_commit_made_is_what_the_method_gives_next(session: lnb.Session, graph: PropagationGraph) -> None:
    graph.preview(weigh=[(9, 0.2)], add=[(1, 30, 2.0)])
    graph.commit()
    graph.preview(cut=[10])
    graph.commit()
    again = session.propagation.label_spreading(alpha=0.9)
    np.testing.assert_allclose(graph.result.probabilities, again.probabilities, atol=1e-3)
    assert again.provenance.ingredients["graph"] != graph.base.provenance.ingredients["graph"]


def test_edits_from_python_show_and_a_widget_over_an_old_result_begins_with_them(session: lnb.Session, graph: PropagationGraph) -> None:
    before = graph.result.predictions.copy()
    session.graph.cut(9)
    assert graph.result.predictions[9] == -1
    assert graph.explanation is not None
    second = PropagationGraph(session, graph.base)
    assert second.result.predictions[9] == -1
    session.undo()
    np.testing.assert_array_equal(graph.result.predictions, before)
    assert not graph.stale
    session.graph.build(k=3)
    assert graph.stale
    session.undo()
    assert not graph.stale


def test_an_edit_of_before_the_run_that_is_undone_makes_it_stale(session: lnb.Session) -> None:
    session.graph.cut(9)
    graph = session.propagation.label_spreading().widget()
    assert not graph.stale
    session.journal.undo(kinds="graph")
    assert graph.stale
    assert ask(graph, "map")[0]["stale"]


def test_a_failed_commit_keeps_what_was_being_tried(session: lnb.Session, graph: PropagationGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    graph.preview(cut=[9])

    def full(*_: object, **__: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(session.graph, "commit", full)
    with pytest.raises(OSError, match="full"):
        graph.commit()
    assert graph.pending["cut"] == [[9]]


def test_requests_carry_small_buffers(session: lnb.Session, graph: PropagationGraph) -> None:
    content, (positions, places, classes, sure) = ask(graph, "map")
    assert (content["n"], content["of"]) == (N, N)
    assert np.frombuffer(positions, "<u4").tolist() == list(range(N))
    assert len(places) == 4 * N
    assert np.frombuffer(classes, "<i2").tolist() == graph.result.predictions.tolist()
    assert max(sure) <= 7
    content, (items, old, new) = ask(graph, "preview", cut=[[9]], weigh=[], add=[], labels=[[0, "drum"]])
    assert content["n_changed"] == len(items) // 4 > 0
    at = np.frombuffer(items, "<u4").tolist().index(9)
    assert np.frombuffer(old, "<i2")[at] == graph.result.predictions[9]
    assert np.frombuffer(new, "<i2")[at] == -1
    assert ask(graph, "tried")[1] == [items, old, new]
    assert ask(graph, "commit")[0]["event"] == session.history()[-1].number
    assert ask(graph, "tried")[0]["n_changed"] == 0


def test_frames_are_a_byte_an_item(graph: PropagationGraph) -> None:
    content, frames = ask(graph, "frames", start=0, count=4)
    assert content["rounds"][:4] == [0, 1, 2, 3]
    assert [len(frame) for frame in frames] == [N] * 4
    first = np.frombuffer(frames[0], np.uint8)
    assert ((first >> 3).astype(int) - 1).tolist() == [i % 4 if i < 8 else -1 for i in range(N)]
    rest, last = ask(graph, "frames", start=4, count=24)
    assert len(last) == len(rest["rounds"]) - 4
    assert ((np.frombuffer(last[-1], np.uint8) >> 3).astype(int) - 1).tolist() == graph.result.predictions.tolist()
    assert rest["reached"][0] == 8


def test_what_cannot_be_tried_is_said(graph: PropagationGraph) -> None:
    with pytest.raises(ValueError, match="nothing is being tried"):
        graph.commit()
    with pytest.raises(ValueError, match="nothing to try"):
        graph.preview()
    with pytest.raises(ValueError, match="expected one item or two and a number"):
        graph.preview(weigh=[(1, 2, 3, 0.5)])
    with pytest.raises(ValueError, match="zebra"):
        graph.preview(labels={0: "zebra"})
    with pytest.raises(IndexError, match="expected 0 to"):
        graph.preview(cut=[(0, N)])
    assert graph.pending == {}


def test_checks_and_flips_for_the_front_end(session: lnb.Session, graph: PropagationGraph) -> None:
    session.label(0, "eagle")                                   # an apple
    wrong = session.propagation.label_spreading(alpha=0.9).widget(item=20)
    content, _ = ask(wrong, "checks")
    assert 0 in [row["item"] for row in content["disagree"]]
    assert content["values"]["seeds"] == 8
    row = next(row for row in content["disagree"] if row["item"] == 0)
    assert row["label"] == "eagle"
    session.graph.cut(33)
    assert ask(wrong, "checks")[0]["unreached"] == [33]
    charts = ask(wrong, "sensitivity")[0]["charts"]
    assert {chart["name"] for chart in charts} == {"alpha", "k"}
    assert next(chart for chart in charts if chart["name"] == "alpha")["used"] == 0.9
    flips = ask(wrong, "flips", item=20)[0]["flips"]
    assert flips
    for flip in flips:
        if flip["kind"] == "seed" and min(flip["nodes"]) >= 0:
            found = wrong.preview(labels=dict.fromkeys(flip["nodes"]))
            position = found.proposal.predictions[20]
            assert (found.proposal.classes[position] if position >= 0 else None) == flip["becomes"]
