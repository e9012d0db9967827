"""The ClusterBoard over a real session: what is done is in the journal, is there after a restart, and goes along to other clusters."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labelnb as lnb
from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_cluster_board import a_board, ask

GROUPS = 6


@pytest.fixture
def s(tmp_path: Path):
    truth = np.arange(120) % GROUPS
    rng = np.random.default_rng(0)
    centres = np.eye(GROUPS, 8)
    centres[1] += .7 * centres[0]
    centres[3] += .7 * centres[2]
    with lnb.Session([f"thing {t} number {i}" for i, t in enumerate(truth)], classes=["old"], path=tmp_path / "s.lnb") as session:
        session.embed(centres[truth] + .1 * rng.normal(size=(120, 8)))
        yield session


def truth() -> np.ndarray:
    return np.arange(120) % GROUPS


def board_of(session: lnb.Session, assignment: np.ndarray | None = None, **options: object) -> ClusterBoard:
    return ClusterBoard(session, Clusters(truth() if assignment is None else assignment), embeddings=session.embeddings, **options)


def test_a_whole_session_is_restored_by_running_the_cell_again(s):
    board = board_of(s)
    board.name(0, "red")
    board.merge(1, 2)
    new = board.split(3, board.members(3)[:5])
    board.remove(4, board.members(4)[:2])
    board.name_group([0, 1], "warm")
    board.accept(0)
    board.send_to_review(5)
    want = board.assignment, board.names, board.broader, board.to_review
    s.journal.close()
    with lnb.Session.open(s.folder.path) as later:
        again = board_of(later)
        for one, other in zip(want, (again.assignment, again.names, again.broader, again.to_review), strict=True):
            assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
        assert later.classes.parents == {"red": "warm"}
        for _ in range(7):
            assert again.undo()
        assert again.names == {}
        assert np.array_equal(again.assignment, truth())
        assert later.labels.n_known == 0
        assert later.classes.names == ("old",), "the class that accepting made goes with it"
        for _ in range(7):
            assert again.redo()
        assert np.array_equal(again.assignment, want[0])
        assert new in again.assignment


def test_the_sessions_undo_takes_back_what_the_board_did(s):
    board = board_of(s)
    board.merge(0, 1)
    board.accept(2, "blue")
    assert [event.kind for event in s.undo(1)] == ["accept", "classes"], "one step"
    assert [event.kind for event in s.undo(1)] == ["board"]
    assert len(board.members(1)) == 20
    assert s.history()[-1].kind == "undo"
    s.redo(2)
    assert len(board.members(0)) == 40
    assert s.labels.n_known == 20


def test_another_kernel_sees_it_and_a_step_that_came_too_late_is_left_out(s):
    board = board_of(s)
    with lnb.Session.open(s.folder.path) as other:
        theirs = board_of(other)
        theirs.merge(0, 1)
        ask(board, "cards")
        assert len(board.members(0)) == 40
        with pytest.raises(ValueError, match=r"clusters \[1\] hold no items"):
            board.merge(1, 2)
        with pytest.raises(ValueError, match="holds no items"):
            board.accept(1, "red")
    assert len([event for event in s.history() if event.kind == "board"]) == 1


def test_names_go_along_to_new_clusters_of_the_same_items(s):
    board = board_of(s)
    for cluster, name in enumerate(("red", "green", "blue")):
        board.name(cluster, name)
    board.merge(2, 3)
    board.name_group([0], "warm")
    shuffled = np.array([4, 0, 5, 5, 1, 2])[truth()]                      # other numbers; 2 and 3 are one
    shuffled[np.flatnonzero(shuffled == 0)[:4]] = 3                       # four items of "green" went elsewhere
    new = board_of(s, shuffled)
    assert new.names == {4: "red", 0: "green", 5: "blue"}
    assert new.kept_names == {4: ("red", 1.0), 0: ("green", .8), 5: ("blue", 1.0)}
    assert new.broader == {4: "warm"}
    card = next(card for card in ask(new, "cards")["cards"] if card["cluster"] == 0)
    assert (card["name"], card["kept"]) == ("green", .8)
    assert [event.kind for event in s.history()].count("board") == 5, "opening a board writes nothing"
    new.name(0, "")
    assert board_of(s, shuffled).names == {4: "red", 5: "blue"}, "what was taken over stays, and stays taken away"
    assert board_of(s, np.random.default_rng(0).integers(0, 6, 120)).names == {}, "below half of overlap no name is kept"


def test_accepting_with_exceptions_is_one_step(s):
    board = board_of(s)
    wrong = board.members(2)[-3:]
    s.label(wrong[0], "old")
    assert board.accept(2, "blue", exceptions=wrong) == 17
    assert str(s.labels.label(int(wrong[1]))) == "not blue"
    assert str(s.labels.label(int(wrong[0]))) == "old", "what was decided one by one stays"
    assert s.labels.by_person[wrong].all()
    assert board.counts["outliers"] == 3
    assert len(board.to_review) == 0
    assert board.undo()
    assert s.labels.n_known == 1
    assert len(board.members(2)) == 20
    assert s.classes.names == ("old",)
    assert board.redo()
    assert (s.labels.n_known, s.classes.names) == (20, ("old", "blue"))


def test_exceptions_may_be_left_for_review(s):
    board = board_of(s)
    wrong = board.members(2)[-3:]
    board.accept(2, "blue", exceptions=wrong, exceptions_are="review")
    assert board.to_review.tolist() == sorted(wrong.tolist())
    assert s.labels.known[wrong].tolist() == [False] * 3
    with pytest.raises(ValueError, match="all 20 items of cluster 1 are exceptions"):
        board.accept(1, "red", exceptions=board.members(1))
    with pytest.raises(ValueError, match="are not in it"):
        board.accept(1, "red", exceptions=[int(board.members(0)[0])])
    with pytest.raises(ValueError, match="expected 'not' or 'review'"):
        board.accept(1, "red", exceptions=board.members(1)[:1], exceptions_are="maybe")


def test_all_named_clusters_are_accepted_in_one_step(s):
    board = board_of(s)
    for cluster, name in enumerate(("red", "green", "blue")):
        board.name(cluster, name)
    board.name_group([0, 2], "colour")
    assert board.accept_all() == 60
    assert s.classes.names == ("old", "red", "green", "blue")
    assert s.classes.parents == {"red": "colour", "blue": "colour"}
    board.undo()
    assert s.labels.n_known == 0
    assert s.classes.names == ("old",)


def test_a_cluster_splits_into_the_parts_there_are(s):
    board = board_of(s, np.where(truth() < 3, 0, 1))
    board.name_group([0], "all")
    parts = board.split_up(0)
    assert len(parts) == 3
    assert parts[0] == 0
    found = {frozenset(truth()[board.members(part)]) for part in parts}
    assert found == {frozenset([k]) for k in range(3)}
    assert set(board.broader) == set(parts), "the parts are kinds of what the whole was"
    assert len(board.split_up(1, 2)) == 2
    board.undo()
    assert len(board.members(1)) == 60
    with pytest.raises(ValueError, match="come without embeddings"):
        ClusterBoard(s, Clusters(truth())).split_up(0)


def test_the_selection_of_an_explorer_splits_and_marks(s):
    board = board_of(s)
    explorer = s.explore(method="pca")
    sent = []
    board.send = lambda content, buffers=None: sent.append(content)
    board.link(explorer)
    explorer.select([*board.members(2)[:4].tolist(), *board.members(3)[:2].tolist()])
    marks = sent[-1]["marks"]
    assert {key: len(some) for key, some in marks.items()} == {"2": 4, "3": 2}
    made = board.split(2, explorer)
    assert len(board.members(made)) == 4
    with pytest.raises(ValueError, match="nothing of it is selected"):
        board.split(5, explorer)
    board.close()
    told = len(sent)
    explorer.select([1])
    assert len(sent) == told, "a closed board listens to nobody"


def test_groups_fold_and_unfold(s):
    board = board_of(s)
    assert {frozenset(group.tolist()) for group in board.groups(4)} == {frozenset(group) for group in ([0, 1], [2, 3], [4], [5])}
    page = ask(board, "cards", level=4)
    assert sorted(tuple(card.get("clusters", [card.get("cluster")])) for card in page["cards"]) == [(0, 1), (2, 3), (4,), (5,)]
    head = next(card for card in page["cards"] if card.get("group") == 2)
    assert (head["size"], head["unfolded"], head["name"], len(head["exemplars"])) == (40, False, "", 2)
    page = ask(board, "cards", unfolded=[2])
    assert [card.get("group", card.get("cluster")) for card in page["cards"]].count(2) == 2, "its head, and the cluster"
    assert len(page["cards"]) == 6
    board.name_group([2, 3], "cold")
    head = next(card for card in ask(board, "cards")["cards"] if card.get("group") == 2)
    assert head["name"] == "cold"
    board.level = 0
    assert len(ask(board, "cards")["cards"]) == GROUPS
    assert len(board.tree) == GROUPS


def test_stability_is_measured_and_kept_until_the_items_change(s):
    board = board_of(s)
    progress = [ask(board, "measure", begin=True)]
    while not progress[-1]["ready"]:
        progress.append(ask(board, "measure"))
    assert [step["done"] for step in progress] == list(range(1, 11))
    cards = {card["cluster"]: card["stability"] for card in ask(board, "cards")["cards"]}
    assert min(cards.values()) > .75
    board.merge(0, 1)
    cards = {card["cluster"]: card["stability"] for card in ask(board, "cards")["cards"]}
    assert cards[0] is None
    assert cards[2] > .75
    assert set(board.stability(3)) == {0, 2, 3, 4, 5}


def test_a_small_map_of_a_cluster():
    host, board = a_board()
    sent: list = []
    board.send = lambda content, buffers=None: sent.append(buffers)
    board._route({"id": "1", "kind": "map", "cluster": 1}, [])
    positions, places = (np.frombuffer(part, kind) for part, kind in zip(sent[-1], ("<u4", "<u2"), strict=True))
    assert positions.tolist() == board.members(1).tolist()
    assert places.shape == (40,)
    assert places.max() == 65_535
    assert isinstance(host, FakeHost)


def test_a_step_that_cannot_be_written_leaves_nothing(s):
    host, board = a_board()
    host.fail = "disk full"
    for act in (lambda: board.merge(0, 1), lambda: board.name(1, "x"), lambda: board.split_up(2, 2), lambda: board.send_to_review(1)):
        with pytest.raises(OSError, match="disk full"):
            act()
    assert board.names == {}
    assert board.counts["clusters"] == 5
    assert len(board.to_review) == 0


def test_names_on_the_board_follow_the_names_of_classes(s):
    board = board_of(s)
    board.accept(0, "red")
    board.name(1, "red")
    s.rename_class("red", "rouge")
    assert board.names == {0: "rouge", 1: "rouge"}
    board.accept(1)
    assert s.classes.names == ("old", "rouge"), "no class of the name before comes back"
    assert board_of(s).names == {0: "rouge", 1: "rouge"}
    moved = np.roll(np.arange(GROUPS), 1)[truth()]
    other = board_of(s, moved)
    assert set(other.names.values()) == {"rouge"}
    s.rename_class("rouge", "rosso")
    assert set(other.names.values()) == {"rosso"}
    other.name(5, "last")
    s.add_class("red")
    assert set(board_of(s, moved).names.values()) == {"rosso", "last"}
    s.undo(3)
    assert set(board_of(s, moved).names.values()) == {"rouge"}
