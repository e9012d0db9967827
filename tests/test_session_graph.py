"""The session's graph: made, given, edited; every edit in the journal, undone and redone like a label, and in every run after it."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import labelnb as lnb
from labelnb.graph import neighbour_graph

NAMES = ("apple", "boat", "drum")


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    made = np.eye(3, 8)[np.arange(30) % 3] + 0.25 * rng.normal(size=(30, 8))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def session(tmp_path: Path, vectors: np.ndarray):
    with lnb.Session([f"item {i}" for i in range(30)], classes=list(NAMES), path=tmp_path / "s.lnb", who="ada") as made:
        made.embed(vectors, class_embeddings=np.eye(3, 8))
        yield made


def first_edge(graph: scipy.sparse.csr_array) -> tuple[int, int]:
    return 0, int(graph.indices[graph.indptr[0]])


def test_without_a_word_it_is_the_graph_of_the_nearest(session: lnb.Session, vectors: np.ndarray) -> None:
    np.testing.assert_allclose(session.graph.matrix.toarray(), neighbour_graph(vectors, k=15).toarray(), atol=1e-6)
    np.testing.assert_array_equal(session.ingredients.get("graph").toarray(), session.graph.matrix.toarray())
    assert session.ingredients.get("graph_edits").shape == (0, 4)
    assert session.graph.matrix is session.graph.matrix, "made once"


def test_building_and_giving_are_steps_that_can_be_undone(session: lnb.Session, vectors: np.ndarray) -> None:
    before = session.graph.matrix.toarray()
    session.graph.build(k=4, mutual=True, scale="adaptive")
    built = session.graph.matrix.toarray()
    np.testing.assert_allclose(built, neighbour_graph(vectors, k=4, mutual=True, scale="adaptive").toarray(), atol=1e-6)
    session.graph.use([(session.items.ids[0], session.items.ids[1], 2.0), (2, 3)])
    assert session.graph.matrix.nnz == 4
    assert session.graph.matrix[1, 0] == 2
    assert len(session.graph.alone()) == 26
    session.undo()
    np.testing.assert_array_equal(session.graph.matrix.toarray(), built)
    session.undo()
    np.testing.assert_array_equal(session.graph.matrix.toarray(), before)
    session.redo(2)
    assert session.graph.matrix.nnz == 4


def test_modalities_join_and_are_there_after_a_restart(session: lnb.Session, vectors: np.ndarray) -> None:
    sound = np.random.default_rng(3).normal(size=(30, 4))
    session.graph.build(k=4, modalities={"sound": sound}, weights={"sound": 0.5})
    expected = neighbour_graph({"embeddings": vectors, "sound": sound}, k=4, weights={"sound": 0.5}).toarray()
    session.close()
    with lnb.Session.open(session.folder.path) as again:
        np.testing.assert_allclose(again.graph.matrix.toarray(), expected, atol=1e-6)


def test_edits_hold_in_order_on_whatever_graph_there_is(session: lnb.Session) -> None:
    base = session.graph.matrix.toarray()
    a, b = first_edge(session.graph.matrix)
    session.graph.cut(a, session.items.ids[b])
    assert session.graph.matrix[a, b] == session.graph.matrix[b, a] == 0
    session.graph.weigh(a, factor=0.5)
    rest = np.arange(30) != b
    np.testing.assert_allclose(session.graph.matrix.toarray()[a][rest], base[a][rest] / 2, rtol=1e-6)
    session.graph.add(a, b, weight=2.0)
    assert session.graph.matrix[a, b] == pytest.approx(2 * base[base > 0].mean(), rel=1e-5)
    assert [str(edit).partition(" ")[0] for edit in session.graph.edits] == ["cut", "weighed", "joined"]
    session.graph.build(k=3)
    assert session.graph.matrix[a, b] > 0, "edits stay when the graph is made anew"


def test_an_edit_is_one_step_in_the_journal_and_labels_are_left_alone(session: lnb.Session) -> None:
    session.label([0, 1], ["apple", "boat"])
    labels = session.labels.values.copy()
    a, b = first_edge(session.graph.matrix)
    number = session.graph.edit(cut=[(a, b)], weigh=[(2, 0.5), (3, 4, 0.1)], add=[(5, 6)])
    event = session.history()[-1]
    assert (event.kind, event.number, event.who, event.n_items) == ("graph", number, "ada", len({a, b, 2, 3, 4, 5, 6}))
    assert len(session.graph.edits) == 4
    np.testing.assert_array_equal(session.labels.values, labels)
    assert [done.kind for done in session.undo()] == ["graph"]
    assert session.graph.edits == ()
    np.testing.assert_array_equal(session.labels.values, labels)
    session.redo()
    assert len(session.graph.edits) == 4
    session.label(3, "drum")
    assert [done.kind for done in session.undo(2)] == ["decision", "graph"]


def test_edits_survive_a_restart_and_reach_another_kernel(session: lnb.Session) -> None:
    a, b = first_edge(session.graph.matrix)
    with lnb.Session.open(session.folder.path) as other:
        session.graph.cut(a, b)
        assert [str(edit) for edit in other.graph.edits] == [f"cut {session.items.ids[a]} and {session.items.ids[b]}"]
        other.embed(session.embeddings.vectors, class_embeddings=np.eye(3, 8))
        np.testing.assert_array_equal(other.graph.matrix.toarray(), session.graph.matrix.toarray())
        other.undo()
        assert session.graph.edits == ()
        other.redo()
    session.close()
    with lnb.Session.open(session.folder.path) as again:
        assert len(again.graph.edits) == 1
        assert again.graph.matrix[a, b] == 0


def test_nothing_is_recorded_of_what_cannot_be(session: lnb.Session) -> None:
    before = len(session.history())
    for wrong, said in (
        (lambda: session.graph.cut("no such item", 1), "no such item"), (lambda: session.graph.cut(0, 30), "expected 0 to 29"),
        (lambda: session.graph.cut(4, 4), "twice"), (lambda: session.graph.weigh(0, 1, factor=-1), "factor: got -1"),
        (lambda: session.graph.add(0, 1, np.inf), "weight: got inf"), (lambda: session.graph.edit(), "nothing to change"),
        (lambda: session.graph.build(k=0), "k"), (lambda: session.graph.use([(0, 99)]), "there are 30 items"),
        (lambda: session.graph.build(weights={"sound": 1}), "sound"),
    ):
        with pytest.raises((ValueError, KeyError, IndexError), match=said):
            wrong()
    assert len(session.history()) == before


def test_a_graph_that_is_gone_from_the_store_is_asked_for_again(session: lnb.Session) -> None:
    import shutil

    session.graph.use([(0, 1)])
    shutil.rmtree(session.folder.store.folder)
    session.ingredients._kept.clear()
    with pytest.raises(lnb.ingredients.MissingIngredient, match="give it again with s.graph.use"):
        _ = session.graph.matrix


def test_nodes_of_a_loaded_graph_are_joined_as_they_came(tmp_path: Path) -> None:
    items = lnb.load(["a", "b", "c"], edges=[(0, 1), (1, 2)])
    with lnb.Session(items, path=tmp_path / "n.lnb") as session:
        np.testing.assert_array_equal(session.graph.matrix.toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
        session.graph.cut(0, 1)
        assert session.graph.alone().tolist() == [0]
        assert "1 alone; 1 edits" in repr(session.graph)
