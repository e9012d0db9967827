"""The Explorer under other hands and in other places: rectangle, touch, large zoom, long and right-to-left names, very many selected."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labelnb.widgets.explorer import Explorer
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_explorer_chromium import OUTSIDE, drawn, place_of, status

pytestmark = pytest.mark.browser
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
RIGHT_TO_LEFT = "قارب شراعي كبير في الميناء القديم"
SCALE = """() => {
    const [one, other] = [...document.querySelectorAll('.lnb-map-name')].map((tag) => tag.getBoundingClientRect());
    return Math.hypot(one.x - other.x, one.y - other.y);
}"""
OVERLAPS = """() => {
    const shown = [...document.querySelectorAll('.lnb-map-name')].filter((tag) => tag.style.visibility !== 'hidden');
    const boxes = shown.map((tag) => tag.getBoundingClientRect());
    const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return [boxes.length, boxes.reduce((n, a, i) => n + boxes.slice(i + 1).filter((b) => over(a, b)).length, 0)];
}"""


def test_the_rectangle_takes_what_lies_in_it_and_shift_adds(mount: Any) -> None:
    host = FakeHost(200)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("r")
    assert shown.page.get_by_role("button", name="Rectangle").get_attribute("aria-pressed") == "true"
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    places = np.array([place_of(shown, host, i) for i in range(200)])

    def drag(left: float, top: float, right: float, bottom: float) -> np.ndarray:
        corners = np.array([[left, top], [right, bottom]]) * [box["width"], box["height"]] + [box["x"], box["y"]]
        shown.page.mouse.move(*corners[0])
        shown.page.mouse.down()
        shown.page.mouse.move(*corners.mean(axis=0))
        shown.page.mouse.move(*corners[1])
        shown.page.mouse.up()
        shown.settle()
        return np.asarray((corners[0] < places).all(axis=1) & (places < corners[1]).all(axis=1))

    inside = drag(.1, .15, .5, .9)
    assert 0 < inside.sum() < 200
    assert np.setxor1d(explorer.selection, np.flatnonzero(inside)).size <= 2
    shown.page.keyboard.down("Shift")
    more = inside | drag(.5, .15, .9, .9)
    shown.page.keyboard.up("Shift")
    assert more.sum() > inside.sum()
    assert np.setxor1d(explorer.selection, np.flatnonzero(more)).size <= 3


def test_a_finger_draws_a_lasso_and_two_zoom(mount: Any) -> None:
    host = FakeHost(300)
    host.decide(np.arange(300), [host.items.truth_names[k] for k in host.items.truth])
    explorer = Explorer(host, host.xy)
    shown = mount(explorer, has_touch=True)
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"] * .35
    session = shown.page.context.new_cdp_session(shown.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (x + r, y))
    for k in range(1, 24):
        touch("touchMove", (x + r * math.cos(k * math.pi / 12), y + r * math.sin(k * math.pi / 12)))
    touch("touchEnd")
    shown.settle()
    selected = len(explorer.selection)
    assert 0 < selected < 300
    assert status(shown) == f"{selected} items selected"
    apart = shown.page.evaluate(SCALE)
    touch("touchStart", (x - 30, y), (x + 30, y))
    for k in range(1, 9):
        touch("touchMove", (x - 30 - 6 * k, y), (x + 30 + 6 * k, y))
    touch("touchEnd")
    shown.settle()
    assert len(explorer.selection) == selected, "two fingers draw nothing"
    shown.page.evaluate("() => { for (const tag of document.querySelectorAll('.lnb-map-name')) tag.style.visibility = 'visible'; }")
    assert shown.page.evaluate(SCALE) != apart
    assert shown.errors == []


def test_very_many_selected_are_few_cards_and_small_pictures_on_demand(mount: Any) -> None:
    host = FakeHost(5_000)
    explorer = Explorer(host, host.xy)
    asked: list[tuple[int, int]] = []
    answer = explorer.on_items

    def on_items(message: Any, buffers: Any) -> Any:
        asked.append((len(message["positions"]), message["size"]))
        return answer(message, buffers)

    explorer.on_items = on_items  # type: ignore[method-assign]
    explorer.select(np.arange(5_000))
    shown = mount(explorer)
    assert shown.page.locator(".lnb-side-count").inner_text() == "5\u2009000"
    assert 6 <= shown.page.locator(".lnb-grid .lnb-card").count() < 60
    assert sum(n for n, _ in asked) < 100
    assert max(size for _, size in asked) <= 160
    before = len(asked)
    shown.page.locator(".lnb-grid").evaluate("(grid) => { grid.scrollTop = grid.scrollHeight; }")
    shown.page.wait_for_selector(".lnb-grid .lnb-card[aria-posinset='5000']")
    shown.settle()
    assert len(asked) > before
    assert shown.page.locator(".lnb-grid .lnb-card").count() < 60


def test_names_never_lie_over_one_another_at_any_zoom(mount: Any) -> None:
    names = tuple(f"{word} {k}" for k in range(12) for word in ("a rather long name", LONG))
    host = FakeHost(600, classes=names)
    host.decide(np.arange(600), [names[k % 24] for k in range(600)])
    shown = mount(Explorer(host, host.xy))
    shown.page.locator(".lnb-map-area").focus()
    assert shown.page.evaluate(OVERLAPS)[0] > 2
    for _ in range(5):
        assert shown.page.evaluate(OVERLAPS)[1] == 0
        shown.page.keyboard.press("+")
        shown.settle()
    assert {one["name"] for one in shown.widget.names} == set(names)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("zoom", [1.25, 2])
def test_long_and_right_to_left_names_fit_at_a_large_zoom(mount: Any, zoom: float, theme: str) -> None:
    host = FakeHost(60, "text", classes=(LONG, RIGHT_TO_LEFT, "c"), texts=[f"{LONG} {RIGHT_TO_LEFT} {k}" for k in range(60)])
    host.items.ids[:] = [f"{LONG}-{k}" for k in range(60)]
    host.decide(np.arange(40), [(LONG, RIGHT_TO_LEFT)[k % 2] for k in range(40)])
    explorer = Explorer(host, host.xy)
    explorer.select(np.arange(12))
    shown = mount(explorer, theme=theme, width=int(1100 / zoom), device_scale_factor=zoom)
    shown.settle()
    assert shown.page.evaluate(OUTSIDE) == []
    chips = shown.page.locator(".lnb-chip-name")
    assert RIGHT_TO_LEFT in chips.all_inner_texts()
    assert chips.nth(1).evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    assert shown.page.locator(".lnb-chip").evaluate_all("(all) => all.every((one) => one.scrollWidth <= one.clientWidth + 1)")
    shown.page.mouse.move(*place_of(shown, host, 3))
    shown.page.wait_for_selector(".lnb-hover:not([hidden])")
    card, area = (shown.page.locator(name).bounding_box() for name in (".lnb-hover", ".lnb-map-area"))
    assert card["x"] >= area["x"]
    assert card["x"] + card["width"] <= area["x"] + area["width"] + 1
    assert shown.page.locator(".lnb-hover").evaluate("(card) => card.scrollWidth <= card.clientWidth + 1")
    assert shown.errors == []


def test_two_models_of_the_same_items_places_and_colours_change_together(mount: Any) -> None:
    from labelnb.results import Proposal

    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    probabilities = np.eye(5, dtype=np.float32)[host.items.truth]
    explorer.proposal = Proposal(probabilities, tuple(host.classes.names))
    explorer.color = "proposal"
    explorer.set_positions(host.xy[:, ::-1])
    shown.settle()
    shown.page.wait_for_selector(".lnb-map-surface:not([data-moving])")
    host.xy = host.xy[:, ::-1].copy()
    shown.page.mouse.click(*place_of(shown, host, 17))
    shown.settle()
    assert explorer.selection.tolist() == [17]
    assert "apple\n12" in shown.page.locator(".lnb-map-legend").inner_text()


def test_very_many_selected_keep_their_colours(mount: Any) -> None:
    host = FakeHost(3_000)
    host.decide(np.arange(3_000), [host.items.truth_names[k] for k in host.items.truth])
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    shown.page.evaluate("() => document.querySelector('.lnb-map-names').remove()")
    before = {colour: drawn(shown, colour) for colour in ("#0968ba", "#f2801e")}
    explorer.select(np.arange(3_000))
    shown.settle()
    for colour, pixels in before.items():
        assert pixels > 500
        assert drawn(shown, colour) > .8 * pixels


def test_a_filter_takes_names_away_and_ends_with_its_colouring(mount: Any) -> None:
    host = FakeHost(100)
    host.decide(np.arange(100), [host.items.truth_names[k] for k in host.items.truth])
    explorer = Explorer(host, host.xy, columns={"half": np.arange(100) < 50})
    shown = mount(explorer)
    names = "() => [...document.querySelectorAll('.lnb-map-name')].filter((tag) => tag.style.visibility !== 'hidden')"
    names += ".map((tag) => tag.textContent)"
    assert len(shown.page.evaluate(names)) > 1
    explorer.shown = [1]
    shown.settle()
    assert shown.page.evaluate(names) == ["boat"]
    shown.page.get_by_label("Colour by a column").select_option("half")
    shown.settle()
    assert explorer.color == "half"
    assert explorer.shown is None
    explorer.color, explorer.shown = "label", [2]
    shown.settle()
    assert shown.page.locator(".lnb-chip[aria-pressed=true]").all_inner_texts() == ["cloud\n20"]
    assert shown.page.evaluate(names) == ["cloud"]
    assert shown.errors == []
