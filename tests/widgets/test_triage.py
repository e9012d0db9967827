"""Triage: one item large beside the queue, with the reason; the keys and the Python side of the review."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Proposal, Ranking
from labelnb.widgets import widget_for
from labelnb.widgets.triage import Triage
from tests.widgets.fake_host import NAMES, FakeHost


def a_ranking(host: FakeHost) -> Ranking:
    """Item 0 most suspicious; every item is called an apple, and suggested to be what it is."""
    count = len(host.items)
    reasons = [f"It is called apple, yet its ten neighbours are called {NAMES[k]}." for k in host.items.truth]
    return Ranking(np.linspace(1, 0, count), flagged=np.arange(count) < 4, reasons=reasons, evidence={"suggested": host.items.truth})


def shown_triage(mount: Any, host: FakeHost | None = None, **options: Any) -> tuple[Any, FakeHost, Triage]:
    host = host or FakeHost(30)
    host.decide(list(range(30)), "apple")
    host.log.clear()
    triage = Triage(host, a_ranking(host))
    return mount(triage, **options), host, triage


def test_a_ranking_opens_in_triage_and_nothing_else_does() -> None:
    host = FakeHost(30)
    assert isinstance(widget_for(a_ranking(host), host=host), Triage)
    with pytest.raises(TypeError, match="got Proposal, expected a Ranking"):
        Triage(host, Proposal(np.eye(5, dtype=np.float32)[host.items.truth], classes=NAMES))   # type: ignore[arg-type]


def test_the_item_in_question_is_large_with_its_reason_and_the_suggestion_is_one_key(mount: Any) -> None:
    shown, host, _ = shown_triage(mount)
    pane = shown.page.locator(".lnb-triage-pane")
    shown.page.locator(".lnb-review-card").nth(1).click()
    shown.settle()
    assert "its ten neighbours are called boat" in pane.inner_text()
    assert pane.locator("img").count() == 1
    assert "boat" in pane.locator("dd").nth(1).inner_text()
    shown.page.keyboard.press(".")
    shown.settle()
    assert str(host.labels.label(1)) == "boat"
    assert "its ten neighbours are called cloud" in pane.inner_text(), "the next item follows"
    for key in (" ", "x", "u"):
        shown.page.keyboard.press(key)
        shown.settle()
    assert [str(host.labels.label(i)) for i in (2, 3)] == ["apple", "apple"]
    assert len(host.log) == 3
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert len(host.log) == 4
    assert len(host.log[-1][0]) == 1, "Enter accepts this item, never a page that was not looked at"
    assert shown.errors == []


def test_a_broken_item_and_a_narrow_cell(mount: Any) -> None:
    shown, _, _ = shown_triage(mount, FakeHost(30, broken=0), width=420)
    shown.page.locator(".lnb-review-card").first.click()
    shown.settle()
    assert "not an image" in shown.page.locator(".lnb-triage-pane .lnb-card-text").inner_text()
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 420")
    assert shown.errors == []


def test_python_sees_the_queue_and_drives_it(mount: Any) -> None:
    shown, _, triage = shown_triage(mount)
    assert triage.positions[:4].tolist() == [0, 1, 2, 3]
    triage.set(0, "boat")
    shown.settle()
    assert shown.page.locator(".lnb-review-card").first.get_attribute("data-standing") == "kept"
    assert triage.counts["reviewed"] == 1
    shown.unmount()
    assert shown.model_listeners() == 0
