"""Classes changed from a board: told before, done on a word, names and labels go along, one step to undo. And known classes on it."""
from __future__ import annotations

import numpy as np
import pytest

import labelnb as lnb
from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from tests.widgets.test_cluster_board import ask
from tests.widgets.three_kinds import TRUTH


@pytest.fixture
def board(s):
    made = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings)
    made.accept(0, "boat")
    made.accept(1, "plane")
    return made


def told(board: ClusterBoard, **change) -> dict:
    return ask(board, "change_classes", **change)


def test_a_preview_tells_and_changes_nothing(s, board):
    s.label([0, 2], [lnb.not_("boat"), lnb.any_of("boat", "old")])
    before, events = s.classes, len(s.history())
    answer = told(board, change="merge", names=["boat", "plane"], into="vehicle", preview=True)
    assert answer["n_items"] == 41
    assert answer["moves"] == [["plane", 20, "vehicle"], ["boat", 19, "vehicle"], ["boat or old", 1, "old or vehicle"], ["not boat", 1, ""]]
    assert answer["conflicts"] == [["not boat", 1, "", "'not boat' says nothing of vehicle"]]
    assert (s.classes, len(s.history())) == (before, events)
    told(board, change="merge", names=["boat", "plane"], into="vehicle")
    assert s.classes.names == ("old", "vehicle")
    assert board.names == {0: "vehicle", 1: "vehicle"}
    assert (s.labels.values == 1).sum() == 39


def test_renaming_from_the_board_is_undone_from_the_board(s, board):
    version = s.classes.version
    told(board, change="rename", names=["boat"], into="ship")
    assert (s.classes.names, board.names[0], s.classes.version) == (("old", "ship", "plane"), "ship", version + 1)
    assert board.undo()
    assert (s.classes.names, board.names[0]) == (("old", "boat", "plane"), "boat")
    assert board.redo()
    assert str(s.labels.label(0)) == "ship"
    assert board.undo(), "the class"
    assert board.undo(), "the second cluster"
    assert s.labels.n_known == 20


def test_a_class_is_split_by_its_clusters(s, board):
    s.label(3, "boat")
    s.label(5, "boat")                                          # in no cluster of boats: which part it is, is open
    part = board.split(0, board.members(0)[:6])
    with pytest.raises(ValueError, match=r"in clusters named \['boat'\]; name the clusters"):
        board.split_class("boat")
    board.name(part, "sailing boat")
    mine = [i for i in board.members(part).tolist() if i != 3]
    answer = told(board, change="split", names=["boat"], into="", preview=True)
    assert answer["moves"][0][1:] == [len(board.members(part)), "sailing boat"]
    assert ["boat", 1, "boat or sailing boat"] in answer["moves"]
    assert s.classes.names == ("old", "boat", "plane")
    told(board, change="split", names=["boat"])
    assert s.classes.names == ("old", "boat", "sailing boat", "plane")
    assert {str(s.labels.label(i)) for i in mine} == {"sailing boat"}
    assert str(s.labels.label(5)) == "boat or sailing boat"
    assert not s.labels.by_person[mine].any(), "accepted in bulk, as before"
    assert s.labels.by_person[3]
    assert board.undo()
    assert s.classes.names == ("old", "boat", "plane")
    assert (s.labels.values == 1).sum() == 21


def test_what_may_be_meant_is_offered(s, board):
    assert ask(board, "name", cluster=0, name="ship")["offer"] == {"change": "rename", "names": ["boat"], "into": "ship"}
    board.undo()
    assert ask(board, "name", cluster=0, name="plane")["offer"] == {"change": "merge", "names": ["boat", "plane"], "into": "plane"}
    board.undo()
    assert ask(board, "name", cluster=2, name="train")["offer"] is None, "nothing of it is labelled"
    assert ask(board, "name", cluster=0, name="boat")["offer"] is None
    part = board.split(0, board.members(0)[:6])
    assert ask(board, "name", cluster=part, name="canoe")["offer"] == {"change": "split", "names": ["boat"], "into": ""}
    assert ask(board, "merge", clusters=[1, 0])["offer"] == {"change": "merge", "names": ["plane", "boat"], "into": "plane"}
    assert ask(board, "merge", clusters=[1, 2])["offer"] is None


def test_what_cannot_be_changed_is_refused_with_its_cure(board):
    answers: list[dict] = []
    board.send = lambda content, buffers=None: answers.append(content)
    for change, what in (
        ({"change": "rename", "names": ["boat"], "into": " "}, "say what it is to be called"),
        ({"change": "rename", "names": ["boat"], "into": "plane"}, "is a class already"),
        ({"change": "merge", "names": ["boat", "boat"], "into": "x"}, "two classes at least"),
        ({"change": "grow", "names": ["boat"]}, "expected 'rename'"),
    ):
        board._route({"id": "1", "kind": "change_classes", "preview": True, **change}, [])
        assert what in answers[-1]["error"]


def novel_clusters() -> Clusters:
    return Clusters(TRUTH, evidence={"classes": np.array([0, -1, -1]), "n_novel": 2})


def test_known_classes_are_named_and_stand_after_new_groups(s):
    board = ClusterBoard(s, novel_clusters(), embeddings=s.embeddings)
    assert (board.sort, board.names, board.known, board.kept_names) == ("novel", {0: "old"}, {0: "old"}, {})
    cards = ask(board, "cards")["cards"]
    assert [(card["cluster"], card["section"], card["name"]) for card in cards] == [(1, "new", ""), (2, "new", ""), (0, "known", "old")]
    assert board.config["kept"] == 0
    assert "novel" in board.config["sorts"]
    assert board.proposals(0)[0][:2] == ("old", "known")
    board.merge(1, 0)
    assert [card["section"] for card in ask(board, "cards")["cards"]] == ["new", "new"]
    board.undo()
    s.rename_class("old", "ancient")
    assert board.names == {0: "ancient"}
    assert ClusterBoard(s, novel_clusters(), embeddings=s.embeddings).names == {0: "ancient"}
    assert "novel" not in ClusterBoard(s, Clusters(TRUTH)).config["sorts"]


def test_positions_of_classes_from_before_they_changed_are_not_trusted(s):
    s.classes = ["first", "old"]
    s.label(np.flatnonzero(TRUTH == 0)[:8], "old")
    found = s.novel.ncd_kmeans(n_novel=2)
    s.merge_classes(["first", "old"], "old")                    # what was at position 1 is at 0 now
    s.rename_class("old", "aged")
    board = found.widget()
    assert set(board.known.values()) == {"aged"}


def test_stabilities_are_kept_and_shown_again(s, board):
    values = board.stability(3)
    assert set(values) == {0, 1, 2}
    assert min(values.values()) > .75
    assert s.history()[-1].summary == "stability of 3 clusters by 3 bootstrap samples: 3 of them stable"
    again = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings)
    assert all(card["stability"] == pytest.approx(values[card["cluster"]], abs=1e-4) for card in ask(again, "cards")["cards"])
    again.split(2, again.members(2)[:3])
    assert [card["stability"] is None for card in ask(again, "cards", sort="number")["cards"]] == [False, False, True, True]
    again.undo()
    assert all(card["stability"] is not None for card in ask(again, "cards")["cards"]), "the same items, the same value"
    assert "stability" in again.static_bundle()["text/html"]
    assert np.isfinite(again.current().evidence["stability"]).sum() == 3
    assert again.current().evidence["names"][:2] == ["boat", "plane"]


def test_stability_over_runs_of_the_method_itself(s, board):
    other = TRUTH.copy()
    other[TRUTH == 2] = np.where(np.arange(20) < 10, 2, 5)
    found = board.stability(runs=[Clusters(TRUTH), Clusters(other)])
    assert found == {0: 1.0, 1: 1.0, 2: .75}
    assert "by 2 runs" in s.history()[-1].summary


def test_names_are_looked_for_in_a_bank_on_demand(s):
    from tests.widgets.fake_host import FakeHost

    with pytest.raises(ValueError, match="reads no text"):
        ClusterBoard(s, Clusters(TRUTH)).look_in()
    host = FakeHost(60)
    board = ClusterBoard(host, Clusters(host.items.truth), names=["a drum"])
    board.look_in(["a boat"])
    assert next(one for one in board.proposals(1) if one.source == "bank").name == "a boat"
    assert next(one for one in board.proposals(3) if one.source == "bank").name == "a drum"
