"""Cards of a review in plain Chromium: there with the widget, words that speak for the class, recordings that are played."""
from __future__ import annotations

from typing import Any

import numpy as np

from labelnb.results import Proposal
from labelnb.widgets.review_grid import ReviewGrid
from tests.widgets.fake_host import NAMES, FakeHost
from tests.widgets.test_review_grid_browser import card, press


def test_the_first_page_comes_with_the_widget_and_asks_for_nothing(mount: Any) -> None:
    host = FakeHost(8, "text")
    grid = ReviewGrid(host, None)
    shown = mount(grid)
    assert shown.page.evaluate("window.sent") == ["open"]
    assert shown.page.locator(".lnb-review-card .lnb-card-text").all_inner_texts() == [host.items.text(i) for i in grid.positions]
    grid.set(0, "cloud")
    shown.settle()
    shown.again()
    shown.settle()
    assert "cloud" in shown.page.locator(".lnb-review-card").nth(8).inner_text(), "a view opened later shows what was decided since"
    assert shown.errors == []


def test_words_that_speak_for_the_class_are_marked_and_follow_the_label(mount: Any) -> None:
    texts = ["a red apple 🍎 <b>pie</b>", "the boat sails", "an apple tree", "a boat on a lake"]
    host = FakeHost(4, "text", NAMES[:2], texts=texts)
    host.items.truth[:] = [0, 1, 0, 1]
    proposal = Proposal(np.eye(2)[[0, 1, 0, 1]], classes=NAMES[:2])
    shown = mount(ReviewGrid(host, proposal, order="position"))
    marks = shown.page.locator(".lnb-review-card mark")
    shown.page.wait_for_function("document.querySelectorAll('.lnb-review-card mark').length > 3")
    assert "apple" in card(shown, 0).locator("mark").all_inner_texts()
    assert card(shown, 0).locator(".lnb-card-text").inner_text() == texts[0], "marks change nothing of the text, whatever signs stand in it"
    assert card(shown, 0).locator("mark").first.evaluate("e => getComputedStyle(e).textDecorationLine") == "underline"
    card(shown, 0).click()
    press(shown, "2")
    shown.page.wait_for_function("!document.querySelector('.lnb-review-card').querySelector('mark')")
    shown.page.get_by_role("button", name="Mark words").click()
    shown.settle()
    assert marks.count() == 0
    assert shown.widget.marked is False
    shown.widget.marked = True
    shown.settle()
    shown.page.wait_for_function("document.querySelectorAll('.lnb-review-card mark').length > 2")
    assert card(shown, 0).get_attribute("data-current") is None, "the cursor stays where it was"
    assert shown.errors == []


def test_recordings_are_played_by_key_and_what_cannot_be_says_so(mount: Any, tmp_path: Any) -> None:
    import labelnb as lnb
    from tests.test_recordings import tone

    for n in range(3):
        tone(tmp_path / f"sound {n}.wav", seconds=60 + n)
    (tmp_path / "sound 3.flac").write_bytes(b"fLaC" + bytes(100))
    host = FakeHost(4)
    host.items = lnb.load(tmp_path)
    shown = mount(ReviewGrid(host, None))
    page = shown.page
    assert page.locator(".lnb-player img").count() == 3
    assert card(shown, 0).locator(".lnb-play-time").inner_text() == "1:00"
    assert "sound 0.wav" in card(shown, 0).inner_text()
    card(shown, 0).locator(".lnb-card-text").click()
    press(shown, "-")
    page.wait_for_function("document.querySelector('.lnb-play').getAttribute('aria-label') === 'Pause sound 0.wav'")
    press(shown, "-")
    page.wait_for_function("document.querySelector('.lnb-play').getAttribute('aria-label') === 'Play sound 0.wav'")
    press(shown, "ArrowRight", "-")
    page.wait_for_function("document.querySelectorAll('.lnb-play')[1].getAttribute('aria-label') === 'Pause sound 1.wav'")
    press(shown, "1")
    assert str(host.labels.label(1)) == "apple"
    last = card(shown, 3)
    said = last.inner_text()
    assert "damaged" in said or "labelnb[media]" in said
    (tmp_path / "sound 2.wav").unlink()
    card(shown, 2).get_by_role("button", include_hidden=True).click()
    page.wait_for_function("document.querySelector('.lnb-play-note:not([hidden])')?.textContent.includes('not there')")
    shown.unmount()
    assert shown.model_listeners() == 0
