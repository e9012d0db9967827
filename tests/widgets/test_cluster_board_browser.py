"""The ClusterBoard in plain Chromium: keys, merging and splitting, what is kept, two views, hostile text, clean up."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_accessibility_browser import AXE, RUN
from tests.widgets.test_cluster_board import some_clusters
from tests.widgets.test_review_grid_browser import HOSTILE, LEAKS, LONG


def shown_board(
    mount: Any, host: FakeHost | None = None, width: int = 1000, theme: str = "light", **options: Any
) -> tuple[Any, FakeHost, ClusterBoard]:
    host = host or FakeHost(100)
    board = ClusterBoard(host, options.pop("clusters", None) or some_clusters(host), embeddings=host.xy, **{"sort": "number", **options})
    shown = mount(board, width=width, theme=theme)
    return shown, host, board


def press(shown: Any, *keys: str) -> None:
    for key in keys:
        shown.page.keyboard.press(key)
    shown.settle()


def card(shown: Any, cluster: int) -> Any:
    return shown.page.locator(f'.lnb-cluster[data-cluster="{cluster}"]').first


def on(shown: Any, cluster: int) -> None:
    """Puts the cursor on a card."""
    card(shown, cluster).click(position={"x": 4, "y": 4})
    card(shown, cluster).focus()


def test_a_cluster_is_named_and_accepted_by_keys(mount: Any) -> None:
    shown, host, _ = shown_board(mount)
    on(shown, 1)
    press(shown, "2", "Enter")
    assert card(shown, 1).get_attribute("data-standing") == "kept"
    assert host.labels.n_known == 20
    press(shown, "n")
    shown.page.keyboard.type("zebra")
    press(shown, "Enter")
    assert host.classes.names[-1] == "zebra"
    assert host.labels.n_known == 40
    assert "2 / 5 clusters · 40 / 100 items" in shown.page.locator(".lnb-progress").inner_text()
    press(shown, "u", "u")
    assert host.labels.n_known == 0
    press(shown, "r")
    assert host.labels.n_known == 20
    assert shown.errors == []


def test_proposed_names_are_accepted_with_one_key_and_no_name_asks_for_one(mount: Any) -> None:
    shown, host, _ = shown_board(mount)
    on(shown, 0)
    press(shown, "Enter", "Enter", "Enter")
    assert host.labels.values.tolist().count(2) == 20
    mute = FakeHost(40, can_search_text=False)
    shown, mute, _ = shown_board(mount, mute)
    on(shown, 0)
    press(shown, "Enter")
    assert mute.log == []
    assert card(shown, 0).locator("input.lnb-cluster-name").evaluate("e => e === document.activeElement")
    assert "Name this cluster first" in shown.page.locator(".lnb-status").inner_text()


def test_two_chosen_clusters_merge_and_come_apart_again(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    on(shown, 0)
    press(shown, " ", "ArrowRight", "ArrowRight", " ", "m")
    assert len(board.members(0)) == 35
    assert shown.page.locator(".lnb-cluster").count() == 4
    press(shown, "u")
    assert shown.page.locator(".lnb-cluster").count() == 5
    shown.page.locator(".lnb-cluster input[type=checkbox]").nth(1).check()
    shown.page.locator(".lnb-cluster input[type=checkbox]").nth(3).check()
    shown.page.get_by_role("button", name="Merge 2 clusters").click()
    shown.settle()
    assert len(board.members(1)) == 40
    assert shown.errors == []


def test_a_card_dropped_on_another_merges_them(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    card(shown, 2).drag_to(card(shown, 1), source_position={"x": 100, "y": 8}, target_position={"x": 100, "y": 8})
    shown.settle()
    assert len(board.members(1)) == 40
    assert shown.page.locator(".lnb-cluster").count() == 4


def test_marked_items_are_split_off_or_taken_out(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    thumbs = card(shown, 1).locator(".lnb-thumb")
    thumbs.nth(0).click()
    thumbs.nth(6).click()
    first, last = board.members(1)[[0, -1]].tolist()
    press(shown, "s")
    assert sorted(board.members(5)) == sorted([first, last])
    assert shown.page.locator(".lnb-cluster").nth(2).get_attribute("data-cluster") == "5", "beside the one it came from"
    card(shown, 2).locator(".lnb-thumb").nth(1).click()
    press(shown, "x")
    assert board.counts["outliers"] == 6
    assert "6 items in no cluster" in shown.page.locator(".lnb-board-outliers").inner_text()


def test_an_opened_cluster_shows_all_items_and_marks_them_by_key(mount: Any) -> None:
    shown, _, board = shown_board(mount, FakeHost(700))
    on(shown, 1)
    press(shown, "e")
    everything = shown.page.locator(".lnb-cluster-all .lnb-thumb")
    assert everything.count() == 96
    shown.page.get_by_role("button", name="Show more").click()
    shown.settle()
    assert everything.count() == 140
    everything.nth(0).focus()
    members = board.members(1)
    press(shown, "Shift+ArrowRight", "Shift+ArrowRight", "ArrowRight", "ArrowRight", " ", "s")
    assert sorted(board.members(5)) == sorted(members[[0, 1, 2, 4]])
    assert everything.count() == 96, "opened anew, without them"
    press(shown, "Escape")
    assert everything.count() == 0
    assert card(shown, 1).evaluate("e => e === document.activeElement")
    assert shown.errors == []


def test_unsaved_is_said_and_sent_again(mount: Any) -> None:
    shown, host, _ = shown_board(mount)
    on(shown, 1)
    host.fail = "database or disk is full."
    press(shown, "2", "Enter")
    assert card(shown, 1).get_attribute("data-standing") == "unsaved"
    assert "unsaved · database or disk is full." in shown.page.locator(".lnb-save").inner_text()
    host.fail = None
    retry = shown.page.locator(".lnb-save button")
    assert retry.inner_text() in ("Try again now", "")
    retry.evaluate("e => e.click()")      # it may have been sent again by itself already
    shown.page.wait_for_function("document.querySelector('.lnb-save').dataset.state === 'saved'")
    shown.settle()
    assert card(shown, 1).get_attribute("data-standing") == "kept"
    assert host.labels.n_known == 20


def test_two_views_and_python_stay_in_step(mount: Any) -> None:
    shown, host, board = shown_board(mount)
    shown.again()
    on(shown, 1)
    press(shown, "2", "Enter")
    second = shown.page.locator('#second .lnb-cluster[data-cluster="1"]')
    assert second.get_attribute("data-standing") == "kept"
    board.merge(2, 3)
    host.decide([0], "drum")
    shown.settle()
    for view in ("#view", "#second"):
        assert shown.page.locator(f"{view} .lnb-cluster").count() == 4
        assert "21 / 100 items" in shown.page.locator(f"{view} .lnb-progress").inner_text()
    board.sort = "open"
    shown.settle()
    assert shown.page.locator("#second .lnb-cluster").last.get_attribute("data-cluster") == "1"
    assert shown.errors == []


def test_a_cluster_is_sent_to_review(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    on(shown, 3)
    press(shown, "v")
    assert "20 items sent to review" in shown.page.locator(".lnb-toast").inner_text()
    assert set(board.to_review) == set(board.members(3))


def test_keys_stay_inside_and_typing_a_name_is_typing(mount: Any) -> None:
    shown, host, board = shown_board(mount)
    shown.page.evaluate(LEAKS)
    on(shown, 0)
    press(shown, "a", "b", "d", "n")
    shown.page.keyboard.type("m u e 2")
    shown.settle()
    assert shown.page.evaluate("window.leaked") == []
    assert card(shown, 0).locator("input.lnb-cluster-name").input_value() == "m u e 2"
    assert host.log == []
    press(shown, "Tab")
    assert board.names == {0: "m u e 2"}


def test_hostile_long_and_right_to_left_names_are_only_text(mount: Any) -> None:
    names = (HOSTILE, LONG, "תפוח ירוק", "drum", "eagle")
    host = FakeHost(20, "text", names, texts=[HOSTILE, LONG * 9, "שלום עולם", "kurz"])
    shown, host, _ = shown_board(mount, host, width=420, clusters=Clusters(host.items.truth))
    on(shown, 0)
    press(shown, "1", "Enter", "2", "Enter", "3", "Enter", "e")
    assert host.labels.n_known == 12
    assert shown.page.evaluate("window.hacked") is None
    assert shown.page.locator(".lnb img").count() == 0
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 420")
    assert shown.errors == []


def test_a_screen_reader_hears_what_a_cluster_is(mount: Any) -> None:
    shown, _, _ = shown_board(mount)
    assert card(shown, 1).get_attribute("aria-label") == "Cluster 1, 20 items, proposed name boat"
    on(shown, 1)
    press(shown, "Enter")
    assert card(shown, 1).get_attribute("aria-label") == "Cluster 1, 20 items, named boat, labelled"
    assert shown.page.get_by_role("list", name="Clusters").get_by_role("listitem").count() == 5


def test_no_cluster_at_all(mount: Any) -> None:
    shown, _, _ = shown_board(mount, clusters=Clusters(np.full(100, -1)))
    assert "No clusters" in shown.page.locator(".lnb-state").inner_text()
    press(shown, "Enter", "m", "e", "s", "u", "1")
    assert shown.errors == []


def test_a_closed_view_leaves_nothing_behind(mount: Any) -> None:
    shown, host, board = shown_board(mount)
    shown.unmount()
    assert shown.model_listeners() == 0
    assert shown.page.locator(".lnb").count() == 0
    board.close()
    assert host.listeners == 0


def test_marked_items_are_excepted_in_one_step(mount: Any) -> None:
    shown, host, board = shown_board(mount)
    thumbs = card(shown, 1).locator(".lnb-thumb")
    thumbs.nth(0).click()
    thumbs.nth(7).click()
    wrong = [int(thumbs.nth(i).evaluate("e => e.ariaLabel.match(/[0-9]+/)[0]")) for i in (0, 7)]
    press(shown, "2", "Enter")
    assert host.labels.n_known == 20
    assert [str(host.labels.label(int(i))) for i in wrong] == ["not boat", "not boat"]
    assert (host.labels.values == 1).sum() == 18
    assert "2 left out, not boat" in shown.page.locator(".lnb-status").inner_text()
    press(shown, "u")
    assert host.labels.n_known == 0
    assert len(board.members(1)) == 20
    card(shown, 1).locator(".lnb-thumb").nth(0).click()
    press(shown, "Shift+Enter")
    assert len(board.to_review) == 1
    assert "1 item sent to review" in shown.page.locator(".lnb-board-outliers").inner_text()
    assert shown.errors == []


def test_proposed_names_are_chips_and_p_goes_through_them(mount: Any) -> None:
    shown, _, board = shown_board(mount, names=["a drum", "a boat"])
    shown.page.wait_for_function("document.querySelectorAll('.lnb-cluster-chip').length > 5")
    chips = card(shown, 1).locator(".lnb-cluster-chip")
    assert [text.split("\n")[0] for text in chips.all_inner_texts()] == ["boat", "a boat"]
    assert "encoder" in chips.first.inner_text()
    chips.nth(1).click()
    shown.settle()
    assert board.names == {1: "a boat"}
    on(shown, 3)
    press(shown, "p")
    assert board.names[3] == "drum"
    press(shown, "p")
    assert board.names[3] == "a drum"
    press(shown, "u", "u", "u")
    assert board.names == {}
    assert shown.errors == []


def test_a_cluster_is_split_up_by_key_and_by_the_lasso(mount: Any) -> None:
    shown, host, board = shown_board(mount, clusters=Clusters(np.where(FakeHost(100).items.truth < 2, 0, 1)), names=[])
    on(shown, 0)
    press(shown, "k")
    assert shown.page.locator(".lnb-cluster").count() == 3
    parts = {frozenset(host.items.truth[board.members(c)].tolist()) for c in (0, 2)}
    assert parts == {frozenset({0}), frozenset({1})}
    on(shown, 1)
    press(shown, "e")
    canvas = shown.page.locator(".lnb-cluster-canvas")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle, mouse = box["x"] + box["width"] / 2, shown.page.mouse
    mouse.move(box["x"] + 2, box["y"] + 2)
    mouse.down()
    for x, y in ((middle, box["y"] + 2), (middle, box["y"] + box["height"] - 2), (box["x"] + 2, box["y"] + box["height"] - 2)):
        mouse.move(x, y, steps=3)
    mouse.up()
    shown.settle()
    marked = shown.page.locator('.lnb-cluster-all .lnb-thumb[aria-pressed="true"]').count()
    assert 0 < marked < 60
    press(shown, "s")
    assert len(board.members(3)) == marked
    assert shown.errors == []


def test_groups_fold_unfold_and_are_named_by_key(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    on(shown, 0)
    press(shown, "[", "[")
    assert board.level == 3
    groups = shown.page.locator(".lnb-cluster-group")
    folded = groups.count()
    assert shown.page.locator(".lnb-cluster").count() == 3
    groups.first.focus()
    inside = {int(k) for k in board.groups(3)[0]} if len(board.groups(3)[0]) > 1 else None
    press(shown, "n")
    shown.page.keyboard.type("things")
    press(shown, "Enter")
    assert list(board.broader.values()) == ["things"] * len(board.broader)
    assert len(board.broader) > 1
    assert inside is None or set(board.broader) == inside
    press(shown, "e")
    assert shown.page.locator(".lnb-cluster").count() == 3 + len(board.broader)
    assert groups.first.get_attribute("aria-label").endswith("unfolded")
    press(shown, "e", "]", "]")
    assert folded >= 1
    assert shown.page.locator(".lnb-cluster-group").count() <= folded
    slider = shown.page.get_by_role("slider", name="Groups in the tree")
    slider.focus()
    press(shown, "End")
    assert board.level == 0
    press(shown, "ArrowLeft", "ArrowLeft")
    assert board.level == 3, "the slider has the arrows while it is focused"
    assert shown.errors == []


def test_stability_is_measured_while_it_is_said_how_far_it_is(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    on(shown, 0)
    press(shown, "t")
    shown.page.wait_for_function("/stability [01]\\.[0-9]/.test(document.querySelector('.lnb-board').textContent)")
    shown.settle()
    assert "stability" in card(shown, 1).inner_text()
    assert shown.page.get_by_role("button", name="Measure stability").is_enabled()
    board.sort = "unstable"
    shown.settle()
    assert shown.errors == []


def test_what_python_marks_is_marked_in_every_view(mount: Any) -> None:
    shown, _, board = shown_board(mount)
    shown.again()
    board.mark(board.members(1)[:3])
    shown.settle()
    for view in ("#view", "#second"):
        assert shown.page.locator(f'{view} .lnb-cluster[data-cluster="1"] .lnb-thumb[aria-pressed="true"]').count() == 3
        assert "3 marked" in shown.page.locator(f'{view} .lnb-cluster[data-cluster="1"]').inner_text()


def test_all_named_clusters_are_accepted_at_once(mount: Any) -> None:
    shown, host, board = shown_board(mount)
    board.name(1, "boat")
    board.name(2, "cloud")
    shown.settle()
    shown.page.get_by_role("button", name="Accept all named (2)").click()
    shown.settle()
    assert host.labels.n_known == 40
    press(shown, "u")
    assert host.labels.n_known == 0


def test_nothing_is_wider_than_its_card(mount: Any) -> None:
    names = (LONG * 2, "תפוח ירוק")
    host = FakeHost(40, "text", names, texts=[LONG * 3, "שלום עולם"] * 20, can_search_text=False)
    shown, host, board = shown_board(mount, host, width=360, clusters=Clusters(np.arange(40) % 4))
    board.name(0, LONG * 2)
    board.name_group([0, 1], LONG * 2)
    board.mark([0, 4, 1])
    board.stability(2)
    board.level = 2
    shown.settle()
    board.level = 0
    shown.settle()
    wider = shown.page.evaluate("""() => [...document.querySelectorAll('.lnb-cluster *')].filter((e) => e.tagName !== 'INPUT'
        && !e.closest('.lnb-thumb') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.className)""")
    assert wider == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 360")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_state(mount: Any, theme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `npm ci` in widgets/")
    host = FakeHost(100)
    shown, host, board = shown_board(mount, host, names=["a drum"], theme=theme)
    board.accept(0, "apple")
    board.name_group([1, 2], "things")
    board.stability(2)
    board.mark(board.members(3)[:2])
    on(shown, 1)
    press(shown, "e")
    shown.page.locator(".lnb-cluster-canvas").wait_for()
    shown.page.add_script_tag(content=AXE.read_text(encoding="utf8"))
    for level in (0, 3):
        board.level = level
        shown.settle()
        found = [one for one in shown.page.evaluate(RUN) if one["impact"] in ("serious", "critical")]
        assert found == [], "\n".join(f"{one['id']}: {one['nodes'][:3]}" for one in found)
