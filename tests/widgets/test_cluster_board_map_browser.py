"""The ClusterBoard in plain Chromium: marks gathered, the map followed, classes changed after a preview, new groups and known classes."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labelnb as lnb
from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_accessibility_browser import AXE, RUN
from tests.widgets.test_cluster_board_browser import card, on, press, shown_board
from tests.widgets.test_review_grid_browser import HOSTILE, LONG
from tests.widgets.three_kinds import TRUTH


def strip(shown: Any, which: str) -> Any:
    return shown.page.locator(f".lnb-board-{which}")


def test_what_is_marked_in_several_clusters_becomes_one(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    assert strip(shown, "marks").is_hidden()
    card(shown, 1).locator(".lnb-thumb").nth(0).click()
    card(shown, 2).locator(".lnb-thumb").nth(1).click()
    assert "2 items marked in 2 clusters" in strip(shown, "marks").inner_text()
    chosen = {int(board.members(1)[0]), int(board.members(2)[1])}
    press(shown, "g")
    assert set(board.members(5).tolist()) == chosen
    assert strip(shown, "marks").is_hidden()
    assert card(shown, 5).evaluate("e => e === document.activeElement"), "ready to be named"
    press(shown, "u")
    assert len(board.members(1)) == 20
    board.mark(np.arange(100))
    shown.settle()
    assert "100 items marked in 5 clusters, 5 in none" in strip(shown, "marks").inner_text()
    shown.page.get_by_role("button", name="Let go").click()
    assert strip(shown, "marks").is_hidden()
    press(shown, "g")
    assert "Mark items first" in shown.page.locator(".lnb-status").inner_text()
    assert shown.errors == []


def test_more_than_a_message_carries_is_gathered_whole(mount: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelnb.widgets.cluster_marks.MOST_MARKED", 10)
    shown, _, board = shown_board(mount)
    board.mark(np.arange(40))
    shown.settle()
    assert "40 items marked" in strip(shown, "marks").inner_text()
    shown.page.get_by_role("button", name="New cluster of these").click()
    shown.settle()
    assert sorted(board.members(5)) == list(range(40))


def test_a_selection_on_the_map_is_marked_once_the_map_is_followed(mount: Any, s: lnb.Session) -> None:
    board = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings, sort="number")
    shown = mount(board)
    on(shown, 1)
    press(shown, "l")
    assert "no map of these items is open" in shown.page.locator(".lnb-toast").inner_text()
    explorer = s.explore(method="pca")
    press(shown, "l")
    explorer.select([0, 3, 4])
    shown.settle()
    assert "3 items marked in 2 clusters" in strip(shown, "marks").inner_text()
    follow = shown.page.get_by_role("button", name="Following the map")
    assert follow.get_attribute("aria-pressed") == "true"
    press(shown, "o")
    assert explorer.selection.tolist() == sorted(board.members(1).tolist())
    assert "3 items marked" in strip(shown, "marks").inner_text(), "what was marked stays"
    press(shown, "g")
    assert sorted(board.members(3)) == [0, 3, 4]
    press(shown, "l")
    assert board.linked == 0
    assert shown.page.get_by_role("button", name="Follow the map").get_attribute("aria-pressed") == "false"


def test_a_class_is_renamed_once_it_is_seen_what_moves(mount: Any, s: lnb.Session) -> None:
    board = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings, sort="number")
    board.accept(0, "boat")
    shown = mount(board)
    on(shown, 0)
    press(shown, "n")
    shown.page.keyboard.press("Control+a")
    shown.page.keyboard.type("ship")
    press(shown, "Tab")
    change = strip(shown, "change")
    assert "Is the whole class to be called ship?" in change.inner_text()
    assert "20 labels will read differently" in change.inner_text()
    assert "20 × boat → ship" in change.inner_text()
    assert s.classes.names == ("old", "boat"), "only told"
    on(shown, 0)
    press(shown, "c", "Enter")
    assert s.classes.names == ("old", "ship")
    assert change.is_hidden()
    assert "u takes it back" in shown.page.locator(".lnb-status").inner_text()
    press(shown, "u")
    assert s.classes.names == ("old", "boat")
    assert shown.errors == []


def test_classes_are_merged_by_choice_and_what_is_lost_is_said(mount: Any, s: lnb.Session) -> None:
    board = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings, sort="number")
    board.accept(0, "boat")
    board.accept(1, "plane")
    s.label(2, lnb.not_("boat"))
    shown = mount(board)
    on(shown, 2)
    press(shown, "c")
    page = shown.page
    page.get_by_label("Change", exact=True).select_option("merge")
    page.get_by_label("Class", exact=True).select_option("boat")
    page.get_by_label("And class").select_option("plane")
    page.get_by_label("Name afterwards").fill("vehicle")
    shown.settle()
    told = strip(shown, "change").inner_text()
    assert "41 labels will read differently" in told
    assert "cannot be carried over whole" in told
    assert "1 × not boat: 'not boat' says nothing of vehicle" in told
    page.get_by_label("Name afterwards").fill("old")
    shown.settle()
    assert "is another class" in strip(shown, "change").inner_text()
    assert page.get_by_role("button", name="Change the classes").is_disabled()
    page.get_by_label("Name afterwards").fill("vehicle")
    shown.settle()
    page.get_by_role("button", name="Change the classes").click()
    shown.settle()
    assert s.classes.names == ("old", "vehicle")
    on(shown, 2)
    press(shown, "c", "Escape")
    assert strip(shown, "change").is_hidden()
    assert card(shown, 2).evaluate("e => e === document.activeElement")
    press(shown, "u")
    assert s.classes.names == ("old", "boat", "plane")


def test_new_groups_stand_before_known_classes(mount: Any) -> None:
    host = FakeHost(100)
    clusters = Clusters(host.items.truth, evidence={"classes": np.array([0, 1, -1, -1, -1])})
    shown = mount(ClusterBoard(host, clusters, embeddings=host.xy))
    heads = shown.page.locator(".lnb-board-section")
    assert heads.all_inner_texts() == ["NEW GROUPS", "KNOWN CLASSES"] or [one.lower() for one in heads.all_inner_texts()] == [
        "new groups", "known classes"]
    order = [one.get_attribute("data-cluster") for one in shown.page.locator(".lnb-cluster").all()]
    assert order == ["2", "3", "4", "0", "1"]
    assert card(shown, 0).locator("input.lnb-cluster-name").input_value() == "apple"
    shown.page.get_by_label("Order", exact=True).select_option("number")
    shown.settle()
    assert heads.count() == 0
    assert "a known class" in card(shown, 0).inner_text()
    assert shown.errors == []


def test_a_bank_of_names_is_looked_in_by_key(mount: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelnb.cluster_banks.BANKS", {"emoji": lambda: ["a boat", "a drum"]})
    shown, _, board = shown_board(mount)
    on(shown, 1)
    press(shown, "b")
    chip = card(shown, 1).locator(".lnb-cluster-chip", has_text="a boat")
    chip.wait_for()
    assert "bank" in chip.inner_text()
    chip.click()
    shown.settle()
    assert board.names == {1: "a boat"}


def test_a_board_that_cannot_be_read_says_why_and_tries_again(mount: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost(60)
    board = ClusterBoard(host, Clusters(host.items.truth), embeddings=host.xy)
    real = ClusterBoard.on_cards

    def fails(*asked: Any) -> Any:
        raise OSError("the disk does not answer")

    board.on_cards = fails
    shown = mount(board)
    state = shown.page.locator(".lnb-state")
    assert "The clusters cannot be shown" in state.inner_text()
    assert "the disk does not answer" in state.inner_text()
    board.on_cards = lambda *asked: real(board, *asked)
    shown.page.get_by_role("button", name="Try again").click()
    shown.settle()
    assert shown.page.locator(".lnb-cluster").count() == 5
    assert shown.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_strips_are_sound_with_long_and_hostile_names(mount: Any, s: lnb.Session, theme: str) -> None:
    board = ClusterBoard(s, Clusters(TRUTH), embeddings=s.embeddings, sort="number")
    board.accept(0, LONG * 2)
    board.accept(1, HOSTILE)
    shown = mount(board, width=360, theme=theme)
    board.mark([0, 1, 2])
    on(shown, 0)
    press(shown, "c")
    shown.page.get_by_label("Name afterwards").fill(HOSTILE + LONG)
    shown.settle()
    assert shown.page.evaluate("window.hacked") is None
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 360")
    wider = shown.page.evaluate("""() => [...document.querySelectorAll('.lnb-board-strip, .lnb-board-strip *')].filter((e) =>
        e.tagName !== 'INPUT' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.className || e.tagName)""")
    assert wider == []
    if AXE.exists():
        shown.page.add_script_tag(content=AXE.read_text(encoding="utf8"))
        found = [one for one in shown.page.evaluate(RUN) if one["impact"] in ("serious", "critical")]
        assert found == [], "\n".join(f"{one['id']}: {one['nodes'][:3]}" for one in found)
