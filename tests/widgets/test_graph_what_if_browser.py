"""The PropagationGraph's what-if in plain Chromium, over a real session: cut, preview, commit, undo; the map, the rounds, the keys."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labelnb as lnb
from labelnb.widgets.propagation_graph import PropagationGraph
from tests.widgets.test_accessibility_browser import AXE, RUN
from tests.widgets.test_graph_what_if import N, a_session
from tests.widgets.test_review_grid_browser import LEAKS


@pytest.fixture
def session(tmp_path: Path) -> Iterator[lnb.Session]:
    with a_session(tmp_path / "s.lnb") as made:
        yield made


@pytest.fixture
def graph(session: lnb.Session) -> PropagationGraph:
    return session.propagation.label_spreading(alpha=0.9).widget(item=20)


def press(shown: Any, *keys: str) -> None:
    for key in keys:
        shown.page.keyboard.press(key)
    shown.settle()


def on(shown: Any, ring: int = 0) -> None:
    shown.page.locator(f'.lnb-node[data-ring="{ring}"][data-kind="item"]').first.focus()
    shown.settle()


def summary(shown: Any) -> str:
    return shown.page.locator(".lnb-tried-summary").inner_text()


def test_cut_preview_commit_undo_by_keys(mount: Any, session: lnb.Session, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    assert shown.page.locator(".lnb-whatif").is_hidden()
    on(shown, 1)
    other = int(shown.page.locator("[data-cursor].lnb-node").count())
    assert other == 1
    assert "Edge of weight" in shown.page.locator(".lnb-edge").inner_text()
    events = len(session.history())
    press(shown, "-")
    assert len(graph.pending["cut"]) == 1
    assert graph.pending["cut"][0][0] == 20
    assert len(session.history()) == events
    assert "would change class" in summary(shown)
    assert shown.page.locator('line[data-tried="cut"]').count() == 1
    assert shown.page.locator(".lnb-map").is_visible()
    a, b = graph.pending["cut"][0]
    press(shown, "Shift+K")
    assert graph.pending == {}
    assert [(edit.a, edit.b, edit.factor) for edit in session.graph.edits] == [(session.items.ids[a], session.items.ids[b], 0)]
    assert graph.result.evidence["graph"][a, b] == 0
    assert "Committed: cut" in shown.page.locator(".lnb-status").inner_text()
    assert shown.page.locator(f'line[data-from="{a}"][data-to="{b}"]').count() == 0
    on(shown)
    press(shown, "u")
    assert session.graph.edits == ()
    assert graph.result.evidence["graph"][a, b] > 0
    press(shown, "r")
    assert len(session.graph.edits) == 1
    assert shown.errors == []


def test_what_if_another_class_and_discard(mount: Any, session: lnb.Session, graph: PropagationGraph) -> None:
    graph.focus(0)
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, "Shift+F")
    assert shown.page.evaluate("document.activeElement.tagName") == "SELECT"
    shown.page.locator(".lnb-edge select").select_option(label="drum")
    shown.settle()
    assert graph.pending["labels"] == [[0, "drum"]]
    changed = shown.page.locator(".lnb-changed-row")
    assert changed.count() == min(60, graph.pending["n_changed"]) > 0
    assert "would become" in changed.first.text_content()
    assert "is drum" in shown.page.locator(".lnb-tried").inner_text()
    on(shown)
    press(shown, "Shift+X")
    assert graph.pending == {}
    assert "nothing was changed" in shown.page.locator(".lnb-status").inner_text()
    assert shown.page.locator(".lnb-changed-row").count() == 0
    assert str(session.labels.label(0)) == "apple"
    assert shown.errors == []


def test_several_changes_and_taking_one_out(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, "-")
    on(shown, 1)
    press(shown, ",")
    assert len(graph.pending["cut"]) == len(graph.pending["weigh"]) == 1
    assert shown.page.locator(".lnb-chip").count() == 2
    shown.page.locator(".lnb-chip").first.click()
    shown.settle()
    assert graph.pending["cut"] == []
    on(shown, 1)
    press(shown, ",")
    assert graph.pending == {}, "the same key takes it out again"
    assert shown.errors == []


def test_python_and_two_views_stay_in_step(mount: Any, session: lnb.Session, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    shown.again()
    graph.preview(cut=[20])
    shown.settle()
    for view in ("#view", "#second"):
        assert "would change class" in shown.page.locator(f"{view} .lnb-tried-summary").inner_text()
    graph.discard()
    shown.settle()
    assert "would change" not in shown.page.locator("#second .lnb-tried-summary").inner_text()
    session.graph.cut(20)
    shown.settle()
    assert "the method abstains" in shown.page.locator("#view .lnb-why").inner_text()
    assert shown.errors == []


def test_the_rounds_are_stepped_and_played(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, ".")
    text = shown.page.locator(".lnb-play-text")
    assert text.inner_text().startswith("Round 0")
    assert "8 of 80 items reached" in text.inner_text()
    assert shown.page.locator(".lnb-graph[data-playing]").count() == 1
    press(shown, ".", ".")
    assert text.inner_text().startswith("Round 2")
    shown.page.locator(".lnb-play-slider").focus()
    press(shown, "End")
    assert text.inner_text().startswith("The solution")
    assert shown.page.locator(".lnb-graph[data-playing]").count() == 0
    press(shown, "Home")
    on(shown)
    shown.page.keyboard.press("Shift+P")
    shown.page.wait_for_function("document.querySelector('.lnb-play-text').textContent.startsWith('Round 1')")
    shown.page.keyboard.press("Shift+P")
    shown.settle()
    stopped = text.inner_text()
    shown.page.wait_for_timeout(900)
    assert text.inner_text() == stopped
    assert shown.errors == []


def test_reduced_motion_steps_and_never_runs(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100, reduced_motion="reduce")
    on(shown)
    press(shown, "Shift+P")
    assert shown.page.get_by_role("button", name="Play").count() == 0
    assert shown.page.locator(".lnb-play-text").inner_text().startswith("Round 0")
    shown.page.wait_for_timeout(800)
    assert shown.page.locator(".lnb-play-text").inner_text().startswith("Round 0")


def test_the_map_is_drawn_and_leads_to_items(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    shown.page.get_by_role("button", name="Map").click()
    shown.settle()
    canvas = shown.page.locator(".lnb-map")
    assert canvas.get_attribute("aria-label") == f"Map of {N} items, each a point in the colour of its class"
    pixels = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    assert canvas.evaluate(f"c => {pixels}.filter((value, i) => i % 4 === 3 && value > 0).length") > N
    box = canvas.bounding_box()
    xy = np.asarray(graph.host.graph.layout())
    at = (xy[33] - xy.min(0)) / np.ptp(xy, axis=0).max()
    width, height = np.ptp(xy, axis=0) / np.ptp(xy, axis=0).max()
    size = min((box["width"] - 22) / width, (box["height"] - 22) / height)
    left, top = (box["width"] - 2 - width * size) / 2, (box["height"] - 2 - height * size) / 2
    canvas.click(position={"x": float(left + at[0] * size + 1), "y": float(top + at[1] * size + 1)})
    shown.settle()
    near = np.linalg.norm(xy - xy[33], axis=1)
    assert near[graph.item] < 0.05 * np.ptp(xy)
    assert shown.errors == []


def test_a_problem_is_said_and_nothing_is_lost(mount: Any, session: lnb.Session, graph: PropagationGraph, monkeypatch: Any) -> None:
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, "-")

    def full(*_: object, **__: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(session.graph, "commit", full)
    press(shown, "Shift+K")
    assert "the disk is full" in shown.page.locator(".lnb-toast").inner_text()
    assert graph.pending["cut"] == [[20]]
    monkeypatch.undo()
    press(shown, "Shift+K")
    assert len(session.graph.edits) == 1
    press(shown, "Shift+K")
    assert "Nothing is being tried" in shown.page.locator(".lnb-status").inner_text()


def test_keys_stay_inside_and_nothing_is_left_behind(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=420)
    shown.page.evaluate(LEAKS)
    on(shown)
    press(shown, "-", ",", "+", ".", "Shift+M", "Shift+P", "Shift+X", "Shift+F")
    assert [key for key in shown.page.evaluate("window.leaked") if not key.startswith("ctrl+") and key not in ("Control", "Shift")] == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 420")
    shown.unmount()
    assert shown.model_listeners() == 0
    assert shown.errors == []


def test_checks_lead_to_items_and_say_what_hangs_on_the_settings(mount: Any, session: lnb.Session) -> None:
    session.label(0, "eagle")                                   # an apple
    graph = session.propagation.label_spreading(alpha=0.9).widget(item=20)
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, "Shift+D")
    checks = shown.page.locator(".lnb-checks")
    assert "joins one class" in checks.inner_text()
    checks.get_by_title("labelled eagle").first.click()
    shown.settle()
    assert graph.item == 0
    checks.get_by_role("button", name="How much hangs").click()
    shown.settle()
    assert checks.locator("svg").count() == 2
    assert "alpha 0.9: same class 100%" in checks.locator("svg").first.get_attribute("aria-label")
    session.graph.cut(33)
    shown.settle()
    assert checks.get_by_title("nothing reaches it").count() == 1, "the checks follow what holds"
    assert checks.locator("svg").count() == 0
    assert shown.errors == []


def test_what_would_flip_it_can_be_tried(mount: Any, graph: PropagationGraph) -> None:
    shown = mount(graph, width=1100)
    on(shown)
    press(shown, "Shift+W")
    rows = shown.page.locator(".lnb-flip")
    assert rows.count() > 0
    becomes = rows.first.locator("strong").inner_text()
    rows.first.get_by_role("button", name="Try").click()
    shown.settle()
    position = int(graph.previewed.proposal.predictions[20])
    assert (graph.result.classes[position] if position >= 0 else "nothing") == becomes
    assert "would change class" in summary(shown)
    assert shown.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out(mount: Any, graph: PropagationGraph, theme: str) -> None:
    shown = mount(graph, theme=theme, width=1100)
    on(shown)
    press(shown, "-", "Shift+D", "Shift+W", ".")
    shown.page.locator(".lnb-checks").get_by_role("button", name="How much hangs").click()
    shown.settle()
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in widgets/")
    shown.page.add_script_tag(path=str(AXE))
    found = shown.page.evaluate(RUN)
    serious = [f"{one['id']}: {node}" for one in found if one["impact"] in ("serious", "critical") for node in one["nodes"]]
    assert serious == [], "\n".join(serious)
