"""The PropagationGraph in plain Chromium: moving about, deciding, two views, hostile text, clean up."""
from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelnb.results import Proposal
from labelnb.widgets.propagation_graph import PropagationGraph
from tests.widgets.fake_host import NAMES, FakeHost
from tests.widgets.test_propagation_graph import a_proposal
from tests.widgets.test_review_grid_browser import HOSTILE, LEAKS, LONG

PLACE = "e => [e.style.left, e.style.top]"                      # where it is drawn, not how far its way there it is


def shown_graph(mount: Any, host: FakeHost | None = None, width: int = 1100, **options: Any) -> tuple[Any, FakeHost, PropagationGraph]:
    host = host or FakeHost(60)
    proposal = options.pop("proposal") if "proposal" in options else a_proposal(host)
    graph = PropagationGraph(host, proposal, **{"item": 7, **options})
    shown = mount(graph, width=width)
    return shown, host, graph


def press(shown: Any, *keys: str) -> None:
    for key in keys:
        shown.page.keyboard.press(key)
    shown.settle()


def on(shown: Any) -> None:
    """Puts the cursor on the item in view."""
    shown.page.locator('.lnb-node[data-ring="0"]').focus()


def name(shown: Any) -> str:
    return shown.page.locator(".lnb-why-id").first.inner_text()


def test_the_item_its_neighbours_and_the_shares_are_shown(mount: Any) -> None:
    shown, _, graph = shown_graph(mount)
    assert name(shown) == "item-00007"
    nodes = shown.page.locator(".lnb-node")
    assert nodes.count() > 5
    assert shown.page.locator(".lnb-graph-lines line").count() > 5
    assert shown.page.locator(".lnb-why-row").count() > 2
    assert shown.page.locator(".lnb-why-path").count() >= 1
    boxes = [nodes.nth(i).bounding_box() for i in range(nodes.count())]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = max(abs(a["x"] - b["x"]) - (a["width"] if a["x"] < b["x"] else b["width"]),
                        abs(a["y"] - b["y"]) - (a["height"] if a["y"] < b["y"] else b["height"]))
            assert apart > -6, "two nodes cover each other"
    assert graph.result.classes == NAMES
    assert shown.errors == []


def test_a_neighbour_can_be_looked_at_and_left_again(mount: Any) -> None:
    shown, _, graph = shown_graph(mount)
    other = shown.page.locator('.lnb-node[data-ring="1"][data-kind="item"]').first
    other.click()
    shown.settle()
    assert graph.item != 7
    assert name(shown) == f"item-{graph.item:05d}"
    press(shown, "Escape")
    assert graph.item == 7
    assert name(shown) == "item-00007"
    assert shown.page.get_by_role("button", name="Back").is_disabled()
    press(shown, "Escape")
    assert "no item to go back to" in shown.page.locator(".lnb-status").inner_text()


def test_arrows_move_over_nodes_and_enter_looks(mount: Any) -> None:
    shown, _, graph = shown_graph(mount)
    on(shown)
    before = shown.page.locator('.lnb-node[data-ring="0"]').evaluate(PLACE)
    for key in ("ArrowUp", "ArrowLeft", "ArrowRight", "ArrowDown"):
        on(shown)
        press(shown, key)
        assert shown.page.evaluate("document.activeElement.className") == "lnb-node"
    press(shown, "Home")
    at = shown.page.locator('.lnb-node[data-ring="0"]')
    assert at.evaluate("e => e === document.activeElement")
    assert at.evaluate(PLACE) == before
    shown.page.locator('.lnb-node[data-ring="1"][data-kind="item"]').first.focus()
    press(shown, "Enter")
    assert graph.item != 7
    assert shown.page.locator('.lnb-node[data-ring="0"]').evaluate("e => e === document.activeElement")


def test_keys_decide_the_item_in_view(mount: Any) -> None:
    shown, host, graph = shown_graph(mount)
    on(shown)
    press(shown, " ")
    assert host.labels.values[7] == graph.result.predictions[7]
    assert "✓ kept" in shown.page.locator(".lnb-why-label").inner_text()
    press(shown, "4")
    assert str(host.labels.label(7)) == "drum"
    press(shown, "x")
    assert str(host.labels.label(7)) == "not drum"
    press(shown, "?", "0", "Backspace")
    assert not host.labels.known[7]
    press(shown, "u", "u")
    assert str(host.labels.label(7)) == "unsure"
    press(shown, "r")
    assert str(host.labels.label(7)) == "outside"
    press(shown, "n")
    shown.page.keyboard.type("zebra")
    press(shown, "Enter")
    assert str(host.labels.label(7)) == "zebra"
    assert graph.item == 7
    assert shown.errors == []


def test_the_list_leads_from_item_to_item(mount: Any) -> None:
    shown, _, graph = shown_graph(mount, item=None)
    order = graph._orders["doubt"]
    says = [int(position) for position in order if graph.result.predictions[position] >= 0]
    assert graph.item == says[0]
    on(shown)
    press(shown, "PageDown", "PageDown")
    assert shown.page.locator('.lnb-pick-item[aria-current="true"]').count() == 1
    shown.page.locator(".lnb-pick-item").nth(5).click()
    shown.settle()
    assert graph.item == int(order[5])
    shown.page.locator(".lnb-pick input").fill("00042")
    press(shown, "Enter")
    shown.page.locator(".lnb-pick input").blur()
    shown.settle()
    shown.page.locator(".lnb-pick-item").first.click()
    shown.settle()
    assert graph.item == 42
    assert shown.errors == []


def test_a_path_stands_out_when_it_is_pointed_at(mount: Any) -> None:
    shown, _, _ = shown_graph(mount)
    shown.page.locator(".lnb-why-path").first.focus()
    assert shown.page.locator(".lnb-graph[data-path]").count() == 1
    assert shown.page.locator(".lnb-node[data-on]").count() >= 2
    assert shown.page.locator(".lnb-graph-lines line[data-on]").count() >= 1
    on(shown)
    assert shown.page.locator(".lnb-graph[data-path]").count() == 0


def test_unsaved_is_said_and_sent_again(mount: Any) -> None:
    shown, host, _ = shown_graph(mount)
    on(shown)
    host.fail = "database or disk is full."
    press(shown, "4")
    assert shown.page.locator(".lnb-why-label").get_attribute("data-standing") == "unsaved"
    assert "1 unsaved" in shown.page.locator(".lnb-save").inner_text()
    host.fail = None
    shown.page.locator(".lnb-save button").evaluate("e => e.click()")
    shown.page.wait_for_function("document.querySelector('.lnb-save').dataset.state === 'saved'")
    shown.settle()
    assert host.labels.values[7] == 3
    assert len(host.log) == 1


def test_two_views_and_python_stay_in_step(mount: Any) -> None:
    shown, host, graph = shown_graph(mount)
    shown.again()
    graph.focus(11)
    host.decide([11], "drum")
    shown.settle()
    for view in ("#view", "#second"):
        assert shown.page.locator(f"{view} .lnb-why-id").inner_text() == "item-00011"
        assert "drum" in shown.page.locator(f"{view} .lnb-why-label").inner_text()
    shown.page.locator('#second .lnb-node[data-ring="1"][data-kind="item"]').first.click()
    shown.settle()
    assert graph.item != 11
    assert shown.page.locator("#view .lnb-why-id").inner_text() == f"item-{graph.item:05d}"
    assert shown.errors == []


def test_keys_stay_inside(mount: Any) -> None:
    shown, _, _ = shown_graph(mount)
    shown.page.evaluate(LEAKS)
    on(shown)
    press(shown, "a", "b", "d", "m", " ", "Enter", "Escape", "Control+s")
    assert [key for key in shown.page.evaluate("window.leaked") if not key.startswith("ctrl+") and key != "Control"] == []


def test_hostile_long_and_right_to_left_text_is_only_text(mount: Any) -> None:
    names = (HOSTILE, LONG, "תפוח ירוק", "drum", "eagle")
    host = FakeHost(40, "text", names, texts=[HOSTILE if i % 3 == 0 else LONG * 6 if i % 3 == 1 else "שלום עולם" for i in range(40)])
    shown, _, graph = shown_graph(mount, host, width=420, proposal=dataclasses.replace(a_proposal(host), classes=names), item=6)
    on(shown)
    press(shown, "1", "2", "3")
    assert shown.page.evaluate("window.hacked") is None
    assert shown.page.locator(".lnb img").count() == 0
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 420")
    assert graph.item == 6
    assert shown.errors == []


def test_a_proposal_without_a_graph_an_abstention_and_no_item(mount: Any) -> None:
    host = FakeHost(6)
    probabilities = np.zeros((6, 5), np.float32)
    probabilities[0, 2] = 1
    shown, _, graph = shown_graph(mount, host, proposal=Proposal(probabilities, classes=NAMES), item=0)
    assert "holds no graph" in shown.page.locator(".lnb-why-note").inner_text()
    graph.focus(1)
    shown.settle()
    assert "the method abstains" in shown.page.locator(".lnb-why").inner_text()
    on(shown)
    press(shown, " ")
    assert "Nothing is proposed" in shown.page.locator(".lnb-status").inner_text()
    empty, _, _ = shown_graph(mount, FakeHost(0), proposal=Proposal(np.zeros((0, 5), np.float32), classes=NAMES), item=None)
    assert "No items" in empty.page.locator(".lnb-state").inner_text()
    assert shown.errors == empty.errors == []


def test_a_screen_reader_hears_nodes_shares_and_paths(mount: Any) -> None:
    shown, _, graph = shown_graph(mount)
    said = shown.page.locator('.lnb-node[data-ring="0"]').get_attribute("aria-label")
    assert said.startswith(f"The item: {NAMES[graph.result.predictions[7]]}, proposed")
    assert shown.page.locator('.lnb-node[data-kind="class"]').first.get_attribute("aria-label").startswith("Class ")
    assert "%" in shown.page.locator(".lnb-why-stack").get_attribute("aria-label")
    assert shown.page.locator(".lnb-why-path").first.get_attribute("aria-label").startswith("Path: ")


def test_a_closed_view_leaves_nothing_behind(mount: Any) -> None:
    shown, host, graph = shown_graph(mount)
    shown.unmount()
    assert shown.model_listeners() == 0
    assert shown.page.locator(".lnb").count() == 0
    graph.close()
    assert host.listeners == 0
