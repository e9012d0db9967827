"""The Python half of the ReviewGrid, and what it shows in which order."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.labels import UNSURE, not_
from labelnb.results import Proposal, Provenance, Ranking
from labelnb.widgets.review_grid import ReviewGrid
from labelnb.widgets.review_pages import fill_in, grouped, ordered
from tests.widgets.fake_host import NAMES, FakeHost


def a_proposal(host: FakeHost, abstain: int | None = None) -> Proposal:
    """The truth, surer the later the item; item `abstain` has none."""
    count, classes = len(host.items), len(NAMES)
    sure = np.linspace(.3, .9, count)
    probabilities = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(count), host.items.truth] = sure
    if abstain is not None:
        probabilities[abstain] = 0
    return Proposal(probabilities.astype(np.float32), classes=NAMES)


def ask(grid: ReviewGrid, kind: str, **message: object) -> dict:
    """One request of the front end, and its answer."""
    sent: list[dict] = []
    grid.send = lambda content, buffers=None: sent.append(content)
    grid._route({"id": "1", "kind": kind, **message}, [])
    return next(answer for answer in sent if answer.get("id") == "1")


def test_fills_in_by_class_name_so_that_added_and_reordered_classes_do_not_shift_it() -> None:
    proposal = Proposal(np.eye(3, dtype=np.float32), classes=("cat", "dog", "emu"))
    filled = fill_in(proposal, np.full(3, -1), ["dog", "new", "cat"])
    assert filled.values.tolist() == [2, 0, -1]
    assert filled.missing == ("emu",)


def test_a_ranking_fills_in_the_labels_as_they_stand_and_suggests_another_class() -> None:
    ranking = Ranking(np.array([.1, .9, .5]), evidence={"suggested": np.array([0, 1, 2])})
    filled = fill_in(ranking, np.array([0, 0, -1]), ["a", "b", "c"])
    assert filled.values.tolist() == [0, 0, -1]
    assert filled.suggested.tolist() == [-1, 1, 2]


def test_a_result_over_other_items_is_refused() -> None:
    with pytest.raises(ValueError, match="one over 3 items, expected 60"):
        ReviewGrid(FakeHost(60), Proposal(np.eye(3, dtype=np.float32)))


@pytest.mark.parametrize(
    ("order", "expected"),
    [("confidence", [1, 0, 3, 2]), ("doubt", [2, 3, 0, 1]), ("class", [1, 3, 0, 2]), ("position", [0, 1, 2, 3])],
)
def test_orders(order: str, expected: list[int]) -> None:
    probabilities = np.array([[.3, .7], [.9, .1], [0, 0], [.6, .4]], np.float32)
    proposal = Proposal(probabilities, classes=("a", "b"))
    filled = fill_in(proposal, np.full(4, -1), ["a", "b"])
    assert ordered(order, filled, proposal).tolist() == expected


def test_flagged_items_come_first_in_a_ranking_and_only_there() -> None:
    host = FakeHost(6)
    ranking = Ranking(np.array([.5, .1, .9, .2, .3, .4]), flagged=np.array([False, True, False, True, False, False]))
    grid = ReviewGrid(host, ranking)
    assert grid.order == "flagged"
    assert grid.positions.tolist() == [3, 1, 2, 0, 5, 4]
    with pytest.raises(ValueError, match="needs a Ranking"):
        ReviewGrid(host, a_proposal(host), order="flagged")
    with pytest.raises(ValueError, match="expected one of"):
        grid.order = "confidence"


def test_a_page_is_grouped_by_class_with_the_larger_group_first_and_what_is_not_filled_in_last() -> None:
    probabilities = np.array([[.3, .7], [.9, .1], [0, 0], [.6, .4]], np.float32)
    filled = fill_in(Proposal(probabilities, classes=("a", "b")), np.full(4, -1), ["a", "b"])
    positions, groups = grouped(np.arange(4), filled, "confidence")
    assert positions.tolist() == [1, 3, 0, 2]
    assert [(group["class"], group["start"], group["count"]) for group in groups] == [(0, 0, 2), (1, 2, 1), (-1, 3, 1)]
    many = fill_in(Proposal(probabilities[[0, 0, 1]], classes=("b", "a")), np.full(3, -1), ["a", "b"])
    assert [group["class"] for group in grouped(np.arange(3), many, "confidence")[1]] == [0, 1]
    assert [group["class"] for group in grouped(np.array([2, 0, 1]), many, "class")[1]] == [0, 1]
    assert groups[0]["low"] == pytest.approx(.6)
    assert groups[0]["high"] == pytest.approx(.9)


def test_pages_turn_and_stop_at_the_ends() -> None:
    grid = ReviewGrid(FakeHost(60), a_proposal(FakeHost(60)), page_size=24)
    assert grid.pages == 3
    grid.go(2)
    assert len(grid.positions) == 12
    grid.go(-3)
    assert grid.page == 0
    grid.page = 99
    assert grid.page == 2
    with pytest.raises(IndexError, match="there are 3"):
        grid.go(3)


def test_accepting_a_page_decides_what_is_open_with_its_confidence_and_leaves_the_rest() -> None:
    host = FakeHost(30)
    proposal = a_proposal(host, abstain=0)
    grid = ReviewGrid(host, proposal, order="position", page_size=10)
    host.decide([1], "drum")
    host.decide([2], not_("apple"))
    assert grid.accept_page() == 7
    positions, values, keywords = host.log[-1]
    assert positions.tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert values == [NAMES[k] for k in host.items.truth[3:10]]
    assert keywords["proposal"] is proposal
    assert keywords["source"] == "person"
    assert np.allclose(keywords["confidence"], proposal.confidence[3:10])
    assert host.labels.values[1] == NAMES.index("drum")
    assert not host.labels.known[0]
    assert grid.counts["reviewed"] == 9
    assert grid.accept_page() == 0


def test_a_correction_is_the_persons_own_and_not_the_results() -> None:
    host = FakeHost(10)
    grid = ReviewGrid(host, a_proposal(host))
    grid.set("item-00003", "apple")
    assert host.log[-1][2]["proposal"] is None
    grid.set(3, NAMES[host.items.truth[3]])
    assert host.log[-1][2]["proposal"] is grid.result
    grid.set(3, UNSURE)
    assert host.labels.label(3) == UNSURE
    grid.set(3, None)
    assert not host.labels.known[3]


def test_filters_hold_still_while_one_works_and_follow_when_refreshed() -> None:
    host = FakeHost(50)
    grid = ReviewGrid(host, a_proposal(host), page_size=10)
    grid.shown_class = "boat"
    assert set(host.items.truth[grid.positions]) == {1}
    assert grid.pages == 1
    grid.unreviewed = True
    before = grid.positions.tolist()
    grid.set(before[0], "drum")
    assert grid.positions.tolist() == before
    grid.refresh()
    assert before[0] not in grid.positions
    grid.shown_class, grid.unreviewed = "drum", False
    assert before[0] in grid.positions


def test_only_some_items_can_be_reviewed() -> None:
    host = FakeHost(50)
    grid = ReviewGrid(host, a_proposal(host), only=["item-00003", "item-00007", "item-00011"])
    assert sorted(grid.positions.tolist()) == [3, 7, 11]
    assert grid.counts["total"] == 3


def test_in_a_ranking_only_decisions_made_after_it_count_as_reviewed() -> None:
    host = FakeHost(6)
    host.decide([0, 1], "apple")
    made = Provenance("noisy.x", "0", {}, None, {}, "cpu", 0.0, when="2100-01-01T00:00:00+00:00")
    assert ReviewGrid(host, Ranking(np.arange(6.0), provenance=made)).counts["reviewed"] == 0
    past = Provenance("noisy.x", "0", {}, None, {}, "cpu", 0.0, when="2000-01-01T00:00:00+00:00")
    assert ReviewGrid(host, Ranking(np.arange(6.0), provenance=past)).counts["reviewed"] == 2
    grid = ReviewGrid(host, Ranking(np.arange(6.0)))
    assert grid.counts["reviewed"] == 0
    grid.set(0, "boat")
    assert grid.counts["reviewed"] == 1


def test_a_bulk_accept_is_shown_but_not_counted_as_reviewed() -> None:
    host = FakeHost(6)
    grid = ReviewGrid(host, a_proposal(host), order="position")
    host.decide([0, 1], "cloud", source="accept")
    page = ask(grid, "page")
    assert page["progress"]["reviewed"] == 0
    assert page["items"][0]["label"] == {"kind": "class", "classes": ["cloud"], "absent": []}
    assert page["items"][0]["reviewed"] is False
    assert grid.accept_page() == 6
    assert host.labels.values[0] == 2
    assert host.log[-1][2]["proposal"] is None


def test_a_decision_sent_twice_is_made_once() -> None:
    host = FakeHost(10)
    grid = ReviewGrid(host, a_proposal(host))
    for _ in range(2):
        assert ask(grid, "answer", uid="a:0", positions=[1], value="drum")["n"] == 1
    assert len(host.log) == 1


def test_what_cannot_be_is_refused_and_what_may_pass_is_an_error() -> None:
    host = FakeHost(10)
    grid = ReviewGrid(host, a_proposal(host))
    refused = ask(grid, "answer", uid="a:0", positions=[1], value="no such class")
    assert refused["ok"] is True
    assert "no such class" in refused["refused"]
    host.fail = "disk full"
    failed = ask(grid, "answer", uid="a:1", positions=[1], value="drum")
    assert failed["ok"] is False
    assert "disk full" in failed["error"]
    host.fail = None
    assert ask(grid, "answer", uid="a:1", positions=[1], value="drum")["ok"] is True
    assert host.labels.values[1] == NAMES.index("drum")


def test_undo_says_what_changed_and_where_it_is() -> None:
    host = FakeHost(50)
    grid = ReviewGrid(host, a_proposal(host), order="position", page_size=10)
    ask(grid, "answer", uid="1", positions=[23, 24], value={"kind": "not", "classes": ["apple"]})
    answer = ask(grid, "take_back")
    assert answer["changed"] == [23, 24]
    assert answer["page"] == 2
    assert not host.labels.known[23]
    assert ask(grid, "take_back", redo=True)["changed"] == [23, 24]
    assert str(host.labels.label(23)) == "not apple"
    ask(grid, "take_back")
    assert ask(grid, "take_back")["refused"] == "nothing to undo"


def test_a_class_added_later_keeps_what_is_filled_in() -> None:
    host = FakeHost(10)
    grid = ReviewGrid(host, a_proposal(host))
    host.add_class("zebra")
    assert ask(grid, "page")["items"][0]["filled"] == host.items.truth[grid.positions[0]]
    assert grid.state["classes"][-1] == "zebra"


def test_one_hundred_thousand_items_send_one_page() -> None:
    host = FakeHost(100_000)
    grid = ReviewGrid(host, a_proposal(host))
    assert grid.pages == 4167
    page = ask(grid, "page")
    assert len(page["items"]) == 24
    assert page["total"] == 100_000


def test_bad_options_are_named() -> None:
    host = FakeHost(10)
    with pytest.raises(ValueError, match="page_size: got 0"):
        ReviewGrid(host, None, page_size=0)
    with pytest.raises(TypeError, match="expected a Proposal, a Ranking or None"):
        ReviewGrid(host, np.zeros(10))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order: got 'sideways'"):
        ReviewGrid(host, None, order="sideways")
