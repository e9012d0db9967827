"""From the map to classes: what is selected in an Explorer is marked on the board, and becomes a cluster; in the journal, and undone."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labelnb as lnb
from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from tests.widgets.test_cluster_board import ask

TRUTH = np.arange(60) % 3


@pytest.fixture
def s(tmp_path: Path):
    rng = np.random.default_rng(0)
    with lnb.Session([f"thing {i}" for i in range(60)], path=tmp_path / "s.lnb") as session:
        session.embed(np.eye(3, 8)[TRUTH] + .1 * rng.normal(size=(60, 8)))
        yield session


@pytest.fixture
def board(s):
    return ClusterBoard(s, Clusters(np.where(TRUTH == 2, -1, TRUTH)), embeddings=s.embeddings)


def heard(board: ClusterBoard) -> list[dict]:
    sent: list[dict] = []
    board.send = lambda content, buffers=None: sent.append(content)
    return sent


def test_items_of_several_clusters_and_of_none_become_one(s, board):
    chosen = [*board.members(0)[:4], *board.members(1)[:2], *np.flatnonzero(TRUTH == 2)[:3]]
    made = board.gather(chosen)
    assert made == 2
    assert sorted(board.members(made)) == sorted(chosen)
    assert [len(board.members(k)) for k in (0, 1)] == [16, 18]
    assert board.counts["outliers"] == 17
    assert s.history()[-1].summary == "9 items of 2 clusters gathered in a new one"
    again = ClusterBoard(s, board.result, embeddings=s.embeddings)
    assert np.array_equal(again.assignment, board.assignment), "there again when the cell is run again"
    assert board.undo()
    assert np.array_equal(board.assignment, np.where(TRUTH == 2, -1, TRUTH))
    assert board.redo()
    assert sorted(board.members(2)) == sorted(chosen)


def test_what_cannot_be_gathered(board):
    with pytest.raises(ValueError, match="no items were chosen"):
        board.gather()
    with pytest.raises(ValueError, match="these 20 items are cluster 1, whole"):
        board.gather(board.members(1))
    board.gather(np.flatnonzero(TRUTH == 2))
    board.gather([*board.members(0), *board.members(1)])
    assert sorted(set(board.assignment.tolist())) == [2, 3]


def test_the_boards_own_map_is_coloured_by_its_clusters_and_followed(board):
    explorer = board.explore(method="pca")
    assert (explorer.color, board.linked) == ("cluster", 1)
    assert [(one["name"], one["items"]) for one in explorer.names] == [("cluster 0", 20), ("cluster 1", 20)]
    sent = heard(explorer)
    board.name(1, "pears")
    assert [one["name"] for one in explorer.names] == ["cluster 0", "pears"]
    assert [one["notice"] for one in sent].count("column") == 1
    told = heard(board)
    explorer.select([0, 2, 3])
    assert {key: told[-1][key] for key in ("marks", "n")} == {"marks": {"0": [0, 3], "-1": [2]}, "n": 3}
    assert sorted(board.members(board.gather())) == [0, 2, 3]
    assert told[-1]["n"] == 0, "what was gathered is no longer marked"
    board.undo()
    assert explorer.names[0]["items"] == 20


def test_the_newest_open_map_is_followed_by_key_and_let_go(s, board):
    answers = heard(board)
    board._route({"id": "1", "kind": "follow", "on": True}, [])
    assert "no map of these items is open" in answers[-1]["error"]
    older, newer = s.explore(method="pca"), s.explore(method="pca")
    newer.select([1, 4])
    assert ask(board, "follow", on=True)["n"] == 2
    older.select([0])
    assert board._marks()["n"] == 2
    assert board.linked == 1
    ask(board, "follow", on=False)
    newer.select([7])
    assert (board.linked, board._marks()["n"]) == (0, 2)
    newer.close()
    assert ask(board, "follow", on=True)["n"] == 1, "the one that is open still"


def test_a_cluster_is_selected_on_the_map_without_being_marked(board):
    with pytest.raises(ValueError, match="no map is linked"):
        board.show(1)
    explorer = board.explore(method="pca")
    ask(board, "show", cluster=1)
    assert explorer.selection.tolist() == sorted(board.members(1).tolist())
    assert board._marks()["n"] == 0


def test_more_is_marked_than_a_message_carries(board, monkeypatch):
    monkeypatch.setattr("labelnb.widgets.cluster_marks.MOST_MARKED", 4)
    board.mark(np.arange(9))
    marks = ask(board, "marked")
    assert (marks["n"], sum(map(len, marks["marks"].values()))) == (9, 4)
    answers = heard(board)
    board._route({"id": "1", "kind": "gather", "marking": marks["marking"] - 1}, [])
    assert "what is marked has changed" in answers[-1]["error"]
    assert len(board.members(ask(board, "gather", marking=marks["marking"])["cluster"])) == 9


def test_what_was_split_off_or_excepted_is_no_longer_marked(board):
    board.mark([0, 3, 1, 4])
    ask(board, "split", cluster=0, positions=[0, 3])
    assert ask(board, "marked")["marks"] == {"1": [1, 4]}
    ask(board, "accept", cluster=1, name="pear", exceptions=[1])
    assert ask(board, "marked")["n"] == 1


def test_clusters_colour_the_map_of_a_session(s):
    explorer = s.explore(Clusters(TRUTH), method="pca")
    assert [one["items"] for one in explorer.names] == [20, 20, 20]
