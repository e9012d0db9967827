"""The Python half of the ClusterBoard: groups, names, what is accepted and taken back."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from labelnb.widgets.cluster_groups import Groups, closeness, purity
from tests.widgets.fake_host import NAMES, FakeHost


def some_clusters(host: FakeHost, count: int = 5) -> Clusters:
    """The truth as clusters; every twentieth item is an outlier."""
    assignment = host.items.truth % count
    assignment[::20] = -1
    return Clusters(assignment)


def a_board(n: int = 100, **options: object) -> tuple[FakeHost, ClusterBoard]:
    host = FakeHost(n)
    return host, ClusterBoard(host, some_clusters(host), embeddings=host.xy, **options)


def ask(board: ClusterBoard, kind: str, **message: object) -> dict:
    sent: list[dict] = []
    board.send = lambda content, buffers=None: sent.append(content)
    board._route({"id": "1", "kind": kind, **message}, [])
    return next(answer for answer in sent if answer.get("id") == "1")


# Groups


def test_groups_merge_split_and_remove() -> None:
    groups = Groups(np.array([0, 0, 1, 1, 2, -1]), 3)
    assert groups.sizes.tolist() == [2, 2, 1]
    assert groups.outliers.tolist() == [5]
    before = groups.key(1)
    assert groups.merge([1, 0]) == 1
    assert groups.key(1) != before
    assert groups.members(1).tolist() == [0, 1, 2, 3]
    assert groups.split(1, [np.array([3, 0]), np.array([1])]) == [3, 4]
    groups.remove(3, [0])
    assert groups.assignment.tolist() == [-1, 4, 1, 3, 2, -1]
    assert groups.sizes.tolist() == [0, 1, 1, 1, 1]
    assert groups.members(3).tolist() == [3]


def test_groups_refuse_what_cannot_be() -> None:
    groups = Groups(np.array([0, 0, 1]), 3)
    with pytest.raises(ValueError, match=r"clusters \[2\] hold no items"):
        groups.merge([0, 2])
    with pytest.raises(ValueError, match="expected two clusters or more"):
        groups.merge([0, 0])
    with pytest.raises(ValueError, match=r"items \[2\] are not in it"):
        groups.split(0, [np.array([0, 2])])
    with pytest.raises(ValueError, match="choose only those that should leave"):
        groups.split(0, [np.array([0, 1])])
    with pytest.raises(ValueError, match="share items"):
        Groups(np.zeros(4, int), 1).split(0, [np.array([0, 1]), np.array([1])])
    with pytest.raises(KeyError, match="expected a number from 0 to 2"):
        groups.members(3)
    assert groups.assignment.tolist() == [0, 0, 1]


def test_closeness_is_the_cosine_to_the_mean_and_else_the_own_probability() -> None:
    vectors = np.array([[1, 0], [0, 1], [3, 0], [-1, 0]], float)
    near = closeness(np.array([0, 1, 2]), vectors=vectors)
    assert near == pytest.approx([2 / 5**.5, 1 / 5**.5, 2 / 5**.5])
    probabilities = np.array([[.2, .8], [.6, .4]], np.float32)
    assert closeness(np.array([0, 1]), probabilities=probabilities, assignment=np.array([0, 0])) == pytest.approx([.2, .6])


def test_purity_counts_only_what_is_labelled() -> None:
    known = np.array([1, 1, 0, -1, 1])
    assert purity(np.arange(5), known) == (.75, 1, 4)
    assert purity(np.array([3]), known) == (None, -1, 0)


# The board


def test_accepting_labels_the_cluster_and_leaves_what_people_decided() -> None:
    host, board = a_board()
    host.decide([1, 6], "drum")
    assert board.accept(1, "boat") == 18
    assert host.labels.values[board.assignment == 1].tolist().count(1) == 18
    assert host.labels.values[[1, 6]].tolist() == [3, 3]
    assert host.log[-1][2]["source"] == "accept"
    assert host.log[-1][2]["proposal"] is board.result
    assert board.counts["labelled"] == 1
    assert board.accept(1, "cloud") == 18, "what the board itself accepted can be accepted anew"
    assert host.labels.values[[1, 6]].tolist() == [3, 3]


def test_a_name_that_is_no_class_becomes_one_and_no_name_is_refused() -> None:
    host, board = a_board()
    with pytest.raises(ValueError, match="cluster 2 has no name"):
        board.accept(2)
    board.name(2, " zebra ")
    assert board.names == {2: "zebra"}
    assert "zebra" not in host.classes
    board.accept(2)
    assert host.classes.names[-1] == "zebra"
    assert host.labels.n_known == (board.assignment == 2).sum()


def test_merge_keeps_a_name_and_split_makes_a_new_cluster() -> None:
    _, board = a_board()
    board.name(3, "drum")
    assert board.merge(1, 3) == 1
    assert board.names == {1: "drum"}
    assert len(board.members(1)) == 40
    made = board.split(1, board.members(1)[:5])
    assert made == 5
    assert len(board.members(5)) == 5
    board.remove(1, board.members(1)[:2])
    assert board.counts["outliers"] == 7
    with pytest.raises(ValueError, match="holds no items"):
        board.accept(3, "drum")


def test_undo_takes_back_step_by_step_groups_names_and_labels() -> None:
    host, board = a_board()
    board.name(1, "boat")
    board.merge(1, 2)
    board.accept(1, "cloud")
    assert host.labels.n_known == 40
    assert board.undo()
    assert host.labels.n_known == 0
    assert board.names == {1: "boat"}
    assert board.undo()
    assert len(board.members(2)) == 20
    assert board.undo()
    assert board.names == {}
    for _ in range(3):
        assert board.redo()
    assert host.labels.n_known == 40
    assert board.names == {1: "cloud"}
    assert len(board.members(1)) == 40


def test_undo_beyond_the_board_takes_back_the_sessions_last_decision() -> None:
    host, board = a_board()
    host.decide([0], "drum")
    assert board.undo()
    assert host.labels.n_known == 0
    assert not board.undo()


def test_a_failed_accept_leaves_no_step_behind() -> None:
    host, board = a_board()
    host.fail = "disk full"
    with pytest.raises(OSError, match="disk full"):
        board.accept(1, "boat")
    assert board.names == {}
    host.fail = None
    assert not board.undo()


def test_accepted_clusters_are_there_again_when_the_cell_is_run_again() -> None:
    host, board = a_board()
    board.accept(1, "boat")
    board.name(2, "cloud")
    again = ClusterBoard(host, board.result, embeddings=host.xy)
    cards = {card["cluster"]: card for card in ask(again, "cards")["cards"]}
    assert cards[1]["name"] == "boat"
    assert cards[1]["labelled"] == cards[1]["size"]
    assert cards[2]["name"] == "cloud", "a name that was not accepted is a step in the journal, too"


def test_cards_show_the_nearest_and_the_farthest() -> None:
    host, board = a_board()
    card = next(card for card in ask(board, "cards")["cards"] if card["cluster"] == 1)
    members = board.members(1)
    rows = host.xy[members] / np.linalg.norm(host.xy[members], axis=1, keepdims=True)
    cosines = rows @ rows.mean(axis=0)
    assert card["exemplars"] == members[:6].tolist()
    assert (np.diff(cosines) <= 1e-6).all()
    assert card["borderline"] == members[:-3:-1].tolist()
    assert set(card["exemplars"]).isdisjoint(card["borderline"])


@pytest.mark.parametrize(("sort", "first"), [("size", 0), ("number", 0), ("purity", 1), ("mixed", 2), ("open", 1)])
def test_sorts(sort: str, first: int) -> None:
    host = FakeHost(12)
    assignment = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    host.decide([5, 6], "boat")
    host.decide([9], "boat")
    host.decide([10], "drum")
    if sort == "open":
        host.decide([0, 1, 2, 3, 4], "apple")
    board = ClusterBoard(host, Clusters(assignment), sort=sort)
    assert ask(board, "cards")["cards"][0]["cluster"] == first


def test_names_are_proposed_by_text_and_by_labels() -> None:
    host, board = a_board(names=["drum", "zebra"])
    while not ask(board, "suggest")["ready"]:
        pass
    for k, name in enumerate(NAMES):
        first = board.proposals(k)[0]
        assert (first.name, first.source) == (name, "encoder")
        assert first.score > 1
    host.decide([2, 7], "eagle")
    card = next(card for card in ask(board, "cards")["cards"] if card["cluster"] == 2)
    assert card["proposals"][0] == {"name": "eagle", "source": "labels", "score": 1.0}
    mute = FakeHost(20, can_search_text=False)
    assert ClusterBoard(mute, some_clusters(mute)).proposals(0) == []


def test_a_name_that_is_hardly_nearer_than_to_all_is_not_proposed() -> None:
    host = FakeHost(100)
    board = ClusterBoard(host, Clusters(np.arange(100) // 5 % 2), embeddings=host.xy)
    assert [board.proposals(k) for k in (0, 1)] == [[], []], "both hold some of every class"


def test_names_of_a_bank_and_words_of_texts() -> None:
    host = FakeHost(40, "text", classes=("other",))
    board = ClusterBoard(host, Clusters(host.items.truth), names=["a boat", "a drum", " "])
    found = {one.source: one for one in board.proposals(1)}
    assert found["bank"].name == "a boat"
    assert found["words"].name == "boat", "'number' is in every cluster"
    board.merge(1, 3)
    assert {one.name for one in board.proposals(1) if one.source == "words"} == {"boat, drum"}


def test_with_many_names_only_the_means_of_clusters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = [a_board()[1].proposals(k)[0] for k in range(5)]
    monkeypatch.setattr("labelnb.widgets.cluster_names.ROOM", 10)
    _, board = a_board()
    for k in range(5):
        assert board.proposals(k)[0].name == exact[k].name
        assert board.proposals(k)[0].score == pytest.approx(exact[k].score, rel=1e-5)
    board.merge(0, 1)
    assert board.proposals(0) == [], "what the mean was of is gone"


def test_an_annotator_is_asked_only_when_told_to() -> None:
    asked = []

    def annotator(items: list) -> list[str]:
        asked.append(items)
        return ["boat", "boat", "ship", "boat"]

    host = FakeHost(40, "text", can_search_text=False)
    board = ClusterBoard(host, Clusters(host.items.truth), embeddings=host.xy, annotator=annotator)
    ask(board, "suggest")
    assert asked == []
    assert ask(board, "ask", cluster=1) == {"id": "1", "ok": True, "name": "boat", "score": .75}
    assert asked == [[host.items.text(i) for i in board.members(1)[:8].tolist()]]
    assert board.proposals(1)[0].source == "annotator"
    assert board.names == {}, "a name is proposed, not given"
    with pytest.raises(ValueError, match="there is no annotator"):
        a_board()[1].ask(1)
    with pytest.raises(ValueError, match="gave no name for cluster 1"):
        ClusterBoard(host, Clusters(host.items.truth), annotator=lambda items: "").ask(1)


def test_sent_items_open_in_a_review_filled_in_with_the_names() -> None:
    host, board = a_board()
    with pytest.raises(ValueError, match="nothing was sent"):
        board.review()
    board.name(1, "boat")
    board.send_to_review(1)
    board.send_to_review(None)
    grid = board.review()
    assert grid.counts["total"] == 25
    assert grid.accept_page() == 20
    assert (host.labels.values[board.members(1)] == 1).all()


def test_a_step_sent_twice_is_done_once() -> None:
    _, board = a_board()
    for _ in range(2):
        assert ask(board, "merge", uid="a:1", clusters=[0, 1])["cluster"] == 0
    assert "hold no items" in ask(board, "merge", uid="a:2", clusters=[0, 1])["refused"]


def test_thousands_of_clusters_send_one_page() -> None:
    host = FakeHost(20_000)
    board = ClusterBoard(host, Clusters(np.arange(20_000) % 5_000), embeddings=host.xy)
    answer = ask(board, "cards", page=400)
    assert len(answer["cards"]) == 12
    assert answer["pages"] == 417
    assert answer["page"] == 400


def test_bad_input_is_named() -> None:
    host = FakeHost(10)
    with pytest.raises(TypeError, match="expected Clusters"):
        ClusterBoard(host, np.zeros(10))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="over 5 items, the session has 10"):
        ClusterBoard(host, Clusters(np.zeros(5, np.int64)))
    with pytest.raises(ValueError, match="one vector an item"):
        ClusterBoard(host, Clusters(np.zeros(10, np.int64)), embeddings=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="sort: got 'colour'"):
        ClusterBoard(host, Clusters(np.zeros(10, np.int64)), sort="colour")
