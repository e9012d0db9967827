"""The Explorer in a real browser, without a kernel: draw, see, label, search, filter, by hand and by key, whatever the names hold."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labelnb.results import Proposal
from labelnb.widgets.explorer import Explorer
from tests.widgets.fake_host import NAMES, FakeHost

pytestmark = pytest.mark.browser
CONTEXT = "document.querySelector('canvas').getContext('webgl2')"
OUTSIDE = """() => {
  const edge = document.querySelector('.lnb').getBoundingClientRect().right + 1;
  const outside = (e) => e.getBoundingClientRect().right > edge && !e.closest('.lnb-map-area');
  return [...document.querySelectorAll('.lnb *')].filter(outside).map((e) => e.className);
}"""
HOSTILE = "<img src=x onerror=\"window.hurt=1\">"


def lasso(shown: Any, share: float = .5, *, key: str | None = None, at: tuple[float, float] = (.5, .5)) -> None:
    """Draw a circle on the map; `share` of the half of its shorter side."""
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    x, y, r = box["x"] + box["width"] * at[0], box["y"] + box["height"] * at[1], min(box["width"], box["height"]) / 2 * share
    mouse = shown.page.mouse
    mouse.move(x + r, y)
    if key:
        shown.page.keyboard.down(key)
    mouse.down()
    for k in range(1, 37):
        mouse.move(x + r * math.cos(k * math.pi / 18), y + r * math.sin(k * math.pi / 18))
    mouse.up()
    if key:
        shown.page.keyboard.up(key)
    shown.settle()


def place_of(shown: Any, host: FakeHost, position: int) -> tuple[float, float]:
    """Where an item is drawn, in pixels of the page: the fit that the view makes, computed anew."""
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    low, high = host.xy.min(axis=0), host.xy.max(axis=0)
    scale = .9 * min(box["width"] / (high - low)[0], box["height"] / (high - low)[1])
    x, y = (host.xy[position] - (low + high) / 2) * scale
    return float(box["x"] + box["width"] / 2 + x), float(box["y"] + box["height"] / 2 - y)


def inside(host: FakeHost, shown: Any, share: float, at: tuple[float, float] = (.5, .5)) -> np.ndarray:
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    places = np.array([place_of(shown, host, i) for i in range(len(host.items))])
    middle = np.array([box["x"] + box["width"] * at[0], box["y"] + box["height"] * at[1]])
    return np.linalg.norm(places - middle, axis=1) / (min(box["width"], box["height"]) / 2 * share)


def status(shown: Any) -> str:
    return shown.page.locator(".lnb-status").inner_text()


def pixels(shown: Any) -> np.ndarray:
    """The map as it is drawn now, (height, width, 3)."""
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(shown.page.locator(".lnb-map-surface").screenshot())).convert("RGB")).astype(int)


def drawn(shown: Any, colour: str) -> int:
    """Pixels near a colour."""
    wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    return int((np.abs(pixels(shown) - wanted).max(axis=2) < 24).sum())


def test_a_lasso_selects_what_lies_inside_and_shift_and_alt_add_and_take_away(mount: Any) -> None:
    host = FakeHost(300)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    away = inside(host, shown, .6)
    lasso(shown, .6)
    got = np.isin(np.arange(300), explorer.selection)
    clear = np.abs(away - 1) > .03
    assert 0 < got.sum() < 300 and (got == (away < 1))[clear].all()
    assert status(shown) == f"{got.sum()} items selected"
    before = len(explorer.selection)
    lasso(shown, .3, key="Shift", at=(.75, .5))
    more = len(explorer.selection)
    assert more > before
    lasso(shown, .6, key="Alt")
    left = inside(host, shown, .6)[explorer.selection]
    assert 0 < len(explorer.selection) < more and (left > .97).all()
    assert shown.errors == []


def test_click_selects_one_and_the_empty_map_none(mount: Any) -> None:
    host = FakeHost(40)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    for position, modifiers in ((7, []), (12, ["Shift"])):
        x, y = place_of(shown, host, position)
        for key in modifiers:
            shown.page.keyboard.down(key)
        shown.page.mouse.click(x, y)
        for key in modifiers:
            shown.page.keyboard.up(key)
        shown.settle()
    assert explorer.selection.tolist() == [7, 12]
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    shown.page.mouse.click(box["x"] + 4, box["y"] + box["height"] - 4)
    shown.settle()
    assert explorer.selection.tolist() == []


def test_digits_label_the_selection_and_u_takes_it_back(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("3")
    shown.settle()
    assert host.log == [] and "Nothing is selected" in status(shown)
    explorer.select([4, 5, 6])
    shown.settle()
    shown.page.keyboard.press("3")
    shown.settle()
    assert host.labels.values[[4, 5, 6]].tolist() == [2, 2, 2] and status(shown) == "3 items labelled cloud"
    assert "3 / 60 labelled" in shown.page.locator(".lnb-foot").inner_text()
    shown.page.keyboard.press("u")
    shown.settle()
    assert host.labels.n_known == 0
    shown.page.keyboard.press("Shift+U")
    shown.settle()
    assert host.labels.n_known == 3
    shown.page.keyboard.press("Backspace")
    shown.settle()
    assert host.labels.n_known == 0


def test_a_new_class_is_added_and_given(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    explorer.select([8])
    shown = mount(explorer)
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("n")
    shown.page.keyboard.type("fern 2")
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert host.classes.names[-1] == "fern 2" and host.labels.values[8] == 5 and len(host.log) == 1
    assert "fern 2" in shown.page.locator(".lnb-map-legend").inner_text()


def test_keys_alone_can_select_and_label(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    press = shown.page.keyboard.press
    shown.page.locator(".lnb-map-area").focus()
    for key in ("+", "+", "ArrowRight", "v"):
        press(key)
        shown.settle()
    some = len(explorer.selection)
    assert 0 < some < 60
    press("f")
    press("v")
    shown.settle()
    assert len(explorer.selection) == 60
    press("Escape")
    shown.settle()
    assert len(explorer.selection) == 0


def test_plain_keys_never_leave_the_widget(mount: Any) -> None:
    shown = mount(Explorer(FakeHost(20), FakeHost(20).xy))
    shown.page.evaluate("() => { window.leaked = []; document.addEventListener('keydown', (event) => leaked.push(event.key)); }")
    shown.page.locator(".lnb-map-area").focus()
    for key in ("a", "b", "d", "x", "z", "5", "Enter", "ArrowDown", "Escape", "/"):
        shown.page.keyboard.press(key)
    shown.page.keyboard.press("Control+s")
    assert shown.page.evaluate("leaked") == ["Control", "s"]


@pytest.mark.parametrize("button", ["More like these", "Clear", "boat", "Undo"])
def test_keys_stay_inside_after_a_button_that_goes_or_greys_out(mount: Any, button: str) -> None:
    host = FakeHost(20)
    explorer = Explorer(host, host.xy)
    explorer.select([1, 2])
    explorer.label("apple")
    shown = mount(explorer)
    shown.page.evaluate("() => { window.leaked = []; document.addEventListener('keydown', (event) => leaked.push(event.key)); }")
    shown.page.locator(".lnb-button", has_text=button).first.click()
    shown.settle()
    for key in ("a", "b", "5"):
        shown.page.keyboard.press(key)
    assert shown.page.evaluate("leaked") == []
    assert shown.page.evaluate("document.querySelector('.lnb').contains(document.activeElement)")


def test_changes_from_python_and_from_other_widgets_show(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    assert drawn(shown, "#f2801e") == 0
    host.decide(np.arange(30), "boat")
    shown.settle()
    assert drawn(shown, "#f2801e") > 300
    assert "boat\n30" in shown.page.locator(".lnb-map-legend").inner_text()
    explorer.select([1, 2, 3])
    shown.settle()
    assert shown.page.locator(".lnb-side-count").inner_text() == "3"
    assert shown.page.locator(".lnb-grid .lnb-card").count() == 3


def test_the_legend_filters_and_what_is_filtered_out_cannot_be_selected(mount: Any) -> None:
    host = FakeHost(100)
    host.decide(np.flatnonzero(host.items.truth == 1), "boat")
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    shown.page.locator(".lnb-chip", has_text="boat").click()
    shown.settle()
    assert explorer.shown == [1]
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("v")
    shown.settle()
    assert (host.items.truth[explorer.selection] == 1).all() and len(explorer.selection) == 20
    explorer.shown = None
    shown.settle()
    shown.page.keyboard.press("v")
    shown.settle()
    assert len(explorer.selection) == 100


def test_colour_by_proposal_and_confidence_from_both_sides(mount: Any) -> None:
    host = FakeHost(60)
    probabilities = np.full((60, 5), .05, np.float32)
    probabilities[np.arange(60), host.items.truth] = .8
    explorer = Explorer(host, host.xy, proposal=Proposal(probabilities, NAMES))
    shown = mount(explorer)
    shown.page.get_by_role("button", name="Proposal").click()
    shown.settle()
    assert explorer.color == "proposal" and "apple\n12" in shown.page.locator(".lnb-map-legend").inner_text()
    explorer.color = "confidence"
    shown.settle()
    assert "71–86%\n60" in shown.page.locator(".lnb-map-legend").inner_text()
    explorer.proposal = None
    shown.settle()
    assert shown.page.get_by_role("button", name="Confidence").is_disabled() and explorer.color == "label"


def test_search_lists_the_best_and_ticked_results_can_be_labelled(mount: Any) -> None:
    host = FakeHost(100)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("drum")
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert shown.page.locator(".lnb-side-count").inner_text() == "50"
    cards = shown.page.locator(".lnb-grid .lnb-card")
    for k in (0, 2):
        cards.nth(k).click()
        shown.settle()
    assert len(explorer.selection) == 2 and set(host.items.truth[explorer.selection]) == {3}
    assert shown.page.locator(".lnb-card[aria-selected=true]").count() == 2
    shown.page.keyboard.press("4")
    shown.settle()
    assert (host.labels.values[explorer.selection] == 3).all()
    shown.page.get_by_role("button", name="Close").click()
    shown.page.get_by_role("button", name="More like these").click()
    shown.settle()
    assert "LIKE 2 ITEMS" in shown.page.locator(".lnb-side").inner_text().upper()


def test_hovering_shows_the_item_and_where_it_stands(mount: Any) -> None:
    host = FakeHost(30)
    host.decide([9], "eagle")
    shown = mount(Explorer(host, host.xy))
    shown.page.mouse.move(*place_of(shown, host, 9))
    shown.page.wait_for_selector(".lnb-hover:not([hidden])")
    shown.settle()
    text = shown.page.locator(".lnb-hover").inner_text()
    assert "item-00009" in text and "eagle" in text and shown.page.locator(".lnb-hover img").count() == 1


def test_hostile_names_and_texts_make_no_element(mount: Any) -> None:
    host = FakeHost(20, "text", classes=(HOSTILE, "b"), texts=[HOSTILE] * 20)
    host.items.ids[:] = [f"{HOSTILE}{k}" for k in range(20)]
    host.decide([0, 1, 2, 3], HOSTILE)
    explorer = Explorer(host, host.xy, title=HOSTILE)
    shown = mount(explorer)
    explorer.select(np.arange(10))
    shown.settle()
    shown.page.mouse.move(*place_of(shown, host, 0))
    shown.page.wait_for_selector(".lnb-hover:not([hidden])")
    explorer.search(HOSTILE)
    host.fail = HOSTILE
    shown.page.locator(".lnb-class").first.click()
    shown.settle()
    assert shown.page.locator(".lnb img").count() == 0 and shown.page.evaluate("window.hurt") is None
    assert HOSTILE in shown.page.locator(".lnb-save").inner_text() and HOSTILE in shown.page.locator(".lnb-class").first.inner_text()


def test_a_decision_that_fails_is_kept_said_and_sent_again(mount: Any) -> None:
    host = FakeHost(20)
    explorer = Explorer(host, host.xy)
    explorer.select([1])
    shown = mount(explorer)
    host.fail = "the disk is full: free some space, then try again"
    shown.page.locator(".lnb-class").first.click()
    shown.settle()
    assert "1 unsaved · the disk is full" in shown.page.locator(".lnb-save").inner_text()
    assert "0 / 20 labelled" in shown.page.locator(".lnb-foot").inner_text()
    host.fail = None
    shown.page.get_by_role("button", name="Try again now").click()
    shown.settle()
    assert "All saved" in shown.page.locator(".lnb-save").inner_text() and status(shown) == "1 item labelled apple"
    assert len(host.log) == 1 and host.labels.values[1] == 0


def test_a_decision_that_python_refuses_is_said_and_dropped(mount: Any) -> None:
    host = FakeHost(20)
    explorer = Explorer(host, host.xy)
    explorer.select([1])
    shown = mount(explorer)
    host.decide = lambda *given, **more: (_ for _ in ()).throw(ValueError("this session is open for reading only"))  # type: ignore[method-assign]
    shown.page.locator(".lnb-class").first.click()
    shown.settle()
    assert "reading only" in shown.page.locator(".lnb-toast[role=alert]").inner_text()
    assert "All saved" in shown.page.locator(".lnb-save").inner_text()
