"""The Explorer's drawing and its life in plain Chromium: renderers, lost contexts, cleaning up, views, themes and sizes."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.widgets.explorer import Explorer
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_explorer_chromium import CONTEXT, OUTSIDE, drawn, pixels, place_of


def test_points_move_to_new_places(mount: Any) -> None:
    host = FakeHost(40)
    explorer = Explorer(host, host.xy)
    shown = mount(explorer)
    before = pixels(shown)
    host.xy = host.xy[::-1].copy() * [1, .4]
    explorer.set_positions(host.xy)
    for _ in range(300):                                    # the points are on their way for a while
        shown.page.mouse.click(*place_of(shown, host, 11))
        shown.settle()
        if explorer.selection.tolist() == [11]:
            break
    assert explorer.selection.tolist() == [11]
    assert (pixels(shown) != before).any()


@pytest.mark.parametrize("plain", [False, True], ids=["webgl", "canvas"])
def test_both_renderers_draw_the_same_map(mount: Any, plain: bool) -> None:
    host = FakeHost(60)
    host.decide(np.flatnonzero(host.items.truth == 0), "apple")
    shown = mount(Explorer(host, host.xy, plain=plain))
    assert shown.page.locator(".lnb-map-surface").get_attribute("data-renderer") == ("canvas" if plain else "webgl")
    shown.page.evaluate("() => { for (const tag of document.querySelectorAll('.lnb-map-name')) tag.remove(); }")
    x, y = place_of(shown, host, 5)
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    patch = pixels(shown)[int(y - box["y"]), int(x - box["x"])]
    assert np.abs(patch - [0x09, 0x68, 0xBA]).max() < 50


def test_a_lost_graphics_context_comes_back(mount: Any) -> None:
    host = FakeHost(60)
    host.decide(np.arange(60), "apple")
    shown = mount(Explorer(host, host.xy))
    blue = drawn(shown, "#0968ba")
    shown.page.evaluate(f"() => {{ window.lose = {CONTEXT}.getExtension('WEBGL_lose_context'); lose.loseContext(); }}")
    shown.page.wait_for_selector(".lnb-map-note:not([hidden])")
    shown.page.evaluate("lose.restoreContext()")
    shown.page.wait_for_selector(".lnb-map-note", state="hidden")
    shown.settle()
    assert blue > 200 and abs(drawn(shown, "#0968ba") - blue) < blue * .2


def test_a_graphics_context_that_stays_lost_gives_way_to_the_plain_canvas(mount: Any) -> None:
    host = FakeHost(60)
    host.decide(np.arange(60), "apple")
    shown = mount(Explorer(host, host.xy))
    shown.page.evaluate("() => { HTMLCanvasElement.prototype.getContext = new Proxy(HTMLCanvasElement.prototype.getContext, "
                        "{ apply: (f, self, given) => given[0] === 'webgl2' && !self.isConnected ? null : f.apply(self, given) }); "
                        f"{CONTEXT}.getExtension('WEBGL_lose_context').loseContext(); }}")
    shown.page.wait_for_selector(".lnb-map-surface[data-renderer=canvas]", timeout=120_000)
    shown.settle()
    assert drawn(shown, "#0968ba") > 200


def test_cleaning_up_leaves_no_listener_and_no_context(mount: Any) -> None:
    host = FakeHost(30)
    shown = mount(Explorer(host, host.xy))
    for _ in range(3):
        shown.again()
    assert shown.model_listeners() > 0
    shown.page.evaluate("() => { window.contexts = [...document.querySelectorAll('canvas')].map((one) => one.getContext('webgl2')); }")
    shown.unmount()
    assert shown.model_listeners() == 0 and shown.page.locator(".lnb").count() == 0
    assert shown.page.evaluate("contexts.length") == 4 and shown.page.evaluate("contexts.every((context) => context.isContextLost())")
    assert shown.errors == []


def test_two_views_share_the_selection(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    explorer.select([2, 3])
    shown = mount(explorer)
    shown.again()
    counts = shown.page.locator(".lnb-side-count")
    assert counts.all_inner_texts() == ["2", "2"]
    shown.page.locator(".lnb-map-area").first.focus()
    shown.page.keyboard.press("v")
    shown.settle()
    assert counts.all_inner_texts() == ["60", "60"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_fits_its_place_in_both_themes(mount: Any, theme: str, width: int) -> None:
    host = FakeHost(50, classes=("Donaudampfschifffahrtsgesellschaftskapitän", "قارب", "cloud", "drum", "eagle"))
    host.decide(np.arange(10), "قارب")
    explorer = Explorer(host, host.xy)
    explorer.select(np.arange(12))
    shown = mount(explorer, theme=theme, width=width)
    shown.settle()
    assert shown.page.evaluate(OUTSIDE) == []
    assert shown.page.locator(".lnb").get_attribute("data-dark") == ("" if theme == "dark" else None)


def test_no_items_and_a_dead_kernel_are_said(mount: Any) -> None:
    shown = mount(Explorer(FakeHost(0), np.zeros((0, 2))))
    assert "There are no items" in shown.page.locator(".lnb-body").inner_text()
    host = FakeHost(5)
    explorer = Explorer(host, host.xy)
    explorer.first = {}
    explorer.on_map = lambda message, buffers: (_ for _ in ()).throw(RuntimeError("the folder is gone"))  # type: ignore[method-assign]
    shown = mount(explorer)
    said = shown.page.locator(".lnb-body").inner_text()
    assert "could not be drawn" in said and "the folder is gone" in said
