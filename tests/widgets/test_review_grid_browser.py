"""The ReviewGrid in plain Chromium: keys, what is kept and what is not, two views, hostile text, clean up."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Proposal, Ranking
from labelnb.widgets.review_grid import ReviewGrid
from tests.widgets.fake_host import NAMES, FakeHost
from tests.widgets.test_review_grid import a_proposal

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmütze"
LEAKS = "window.leaked = []; document.addEventListener('keydown', e => window.leaked.push((e.ctrlKey ? 'ctrl+' : '') + e.key))"
HOSTILE = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>"


def shown_grid(mount: Any, host: FakeHost | None = None, width: int = 1000, **options: Any) -> tuple[Any, FakeHost, ReviewGrid]:
    host = host or FakeHost(60)
    options = {"order": "position", "page_size": 12, **options}
    grid = ReviewGrid(host, options.pop("result", None) or a_proposal(host), **options)
    shown = mount(grid, width=width)
    return shown, host, grid


def press(shown: Any, *keys: str) -> None:
    for key in keys:
        shown.page.keyboard.press(key)
    shown.settle()


def card(shown: Any, n: int) -> Any:
    return shown.page.locator(".lnb-review-card").nth(n)


def standing(shown: Any, n: int) -> tuple[str, str]:
    return card(shown, n).get_attribute("data-standing"), card(shown, n).locator(".lnb-review-name").inner_text()


def current(shown: Any) -> int:
    return int(shown.page.evaluate("[...document.querySelectorAll('.lnb-review-card')].findIndex(c => c.hasAttribute('data-current'))"))


def test_keys_decide_and_the_cursor_goes_on(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    card(shown, 0).click()
    press(shown, "4", "x", "?", "o", " ", "0")
    assert [str(host.labels.label(i)) for i in range(6)] == ["drum", "not boat", "unsure", "outside", "eagle", "outside"]
    assert standing(shown, 0) == ("kept", "drum")
    assert current(shown) == 6
    press(shown, "ArrowLeft", "Backspace")
    assert not host.labels.known[5]
    assert standing(shown, 5)[0] == "open"
    press(shown, "u")
    assert str(host.labels.label(5)) == "outside"
    press(shown, "r")
    assert not host.labels.known[5]
    assert shown.errors == []


def test_arrows_follow_the_cards_on_the_page(mount: Any) -> None:
    shown, _, _ = shown_grid(mount)
    card(shown, 0).click()
    tops = [card(shown, n).bounding_box()["y"] for n in range(12)]
    columns = sum(top == tops[0] for top in tops)
    press(shown, "ArrowDown")
    assert current(shown) == columns
    press(shown, "ArrowRight", "ArrowUp")
    assert current(shown) == 1
    press(shown, "End")
    assert current(shown) == 11
    press(shown, "Home")
    assert current(shown) == 0
    assert card(shown, 0).evaluate("e => e === document.activeElement")


def test_shift_and_arrows_select_several(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    card(shown, 1).click()
    press(shown, "Shift+ArrowRight", "Shift+ArrowRight", "3")
    assert host.labels.values[:5].tolist() == [-1, 2, 2, 2, -1]
    assert len(host.log) == 1
    card(shown, 6).click()
    card(shown, 8).click(modifiers=["Shift"])
    press(shown, "x")
    assert [str(host.labels.label(i)) for i in (6, 7, 8)] == ["not boat", "not cloud", "not drum"]


def test_enter_accepts_the_page_turns_it_and_the_end_says_what_is_left(mount: Any) -> None:
    host = FakeHost(30)
    shown, host, grid = shown_grid(mount, host, result=a_proposal(host, abstain=2))
    card(shown, 0).click()
    press(shown, "4", "Enter")
    assert grid.page == 1
    assert host.labels.values[0] == 3
    assert host.labels.values[1:12].tolist() == [1, -1, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert "1 item of that page has nothing proposed" in shown.page.locator(".lnb-toast").inner_text()
    press(shown, "Enter", "Enter")
    assert host.labels.n_known == 29
    assert "1 item left" in shown.page.locator(".lnb-review-end").inner_text()
    shown.page.locator(".lnb-review-end button").click()
    shown.settle()
    assert shown.page.locator(".lnb-review-card").count() == 1
    press(shown, "1")
    assert host.labels.n_known == 30
    grid.refresh()
    shown.settle()
    assert "All reviewed" in shown.page.locator(".lnb-state").inner_text()
    assert shown.errors == []


def test_undo_leads_back_to_the_page_where_it_changed_something(mount: Any) -> None:
    shown, host, grid = shown_grid(mount)
    card(shown, 5).click()
    press(shown, "1", "PageDown", "PageDown")
    assert grid.page == 2
    press(shown, "u")
    assert grid.page == 0
    assert current(shown) == 5
    assert not host.labels.known[5]


def test_letters_and_typing_reach_classes_beyond_the_ninth(mount: Any) -> None:
    host = FakeHost(24, classes=(*NAMES, *(f"class {n}" for n in range(6, 31)), "Zürich"))
    shown, host, _ = shown_grid(mount, host)
    card(shown, 0).click()
    press(shown, "q", "w")
    assert [str(host.labels.label(i)) for i in (0, 1)] == ["class 10", "class 11"]
    press(shown, "/")
    shown.page.keyboard.type("zur")
    assert shown.page.locator(".lnb-finder-row").first.inner_text().strip() == "Zürich"
    press(shown, "Enter")
    assert str(host.labels.label(2)) == "Zürich"
    press(shown, "n")
    shown.page.keyboard.type("brand new")
    press(shown, "Enter")
    assert host.classes.names[-1] == "brand new"
    assert str(host.labels.label(3)) == "brand new"
    assert shown.errors == []


def test_a_decision_shows_as_saved_only_once_it_is_and_is_kept_until_then(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    card(shown, 0).click()
    host.fail = "database or disk is full."
    press(shown, "2")
    assert standing(shown, 0) == ("unsaved", "boat")
    press(shown, "3")
    assert standing(shown, 1) == ("unsaved", "cloud")
    assert "2 unsaved · database or disk is full." in shown.page.locator(".lnb-save").inner_text()
    host.fail = None
    retry = shown.page.locator(".lnb-save button")
    assert retry.inner_text() in ("Try again now", "")
    retry.evaluate("e => e.click()")      # it may have been sent again by itself already
    shown.page.wait_for_function("document.querySelector('.lnb-save').dataset.state === 'saved'")
    shown.settle()
    assert host.labels.values[:2].tolist() == [1, 2]
    assert [standing(shown, n)[0] for n in (0, 1)] == ["kept", "kept"]
    assert shown.page.locator(".lnb-save").inner_text() == "All saved"


def test_a_lost_connection_is_waiting_then_unsaved_then_sent_again_once(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    card(shown, 0).click()
    shown.page.clock.install()
    shown.page.evaluate("window.frames_dropped = true")
    shown.page.keyboard.press("2")
    assert standing(shown, 0) == ("waiting", "boat")
    shown.page.clock.run_for(9_000)
    assert standing(shown, 0) == ("unsaved", "boat")
    shown.page.evaluate("window.frames_dropped = false")
    shown.page.clock.run_for(3_000)
    shown.page.wait_for_function("document.querySelector('.lnb-review-card').dataset.standing === 'kept'")
    assert len(host.log) == 1
    assert host.labels.values[0] == 1


def test_a_refused_decision_is_said_and_the_item_stays_as_it_was(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    card(shown, 0).click()
    host.decide = lambda *given, **more: (_ for _ in ()).throw(ValueError("this session is read-only"))  # type: ignore[method-assign]
    press(shown, "2")
    assert standing(shown, 0) == ("open", "apple")
    assert "read-only" in shown.page.locator(".lnb-toast").inner_text()


def test_two_views_and_python_stay_in_step(mount: Any) -> None:
    shown, _, grid = shown_grid(mount)
    shown.again()
    second = shown.page.locator("#second")
    card(shown, 0).click()
    press(shown, "2")
    assert second.locator(".lnb-review-card").first.get_attribute("data-standing") == "kept"
    press(shown, "PageDown")
    assert second.locator(".lnb-review-page").input_value() == "2"
    grid.go(0)
    grid.set(1, "eagle")
    shown.settle()
    for view in ("#view", "#second"):
        assert shown.page.locator(f"{view} .lnb-review-name").nth(1).inner_text() == "eagle"
    second.locator(".lnb-review-filters select").first.select_option("class")
    shown.settle()
    assert grid.order == "class"
    assert shown.page.locator("#view .lnb-review-filters select").first.input_value() == "class"
    assert shown.errors == []


def test_a_cell_that_changes_labels_or_classes_shows(mount: Any) -> None:
    shown, host, _ = shown_grid(mount)
    host.add_class("zebra")
    host.decide([0], "zebra")
    shown.settle()
    assert standing(shown, 0) == ("kept", "zebra")
    assert shown.page.locator(".lnb-class").count() == 6
    host.undo_decision()
    shown.settle()
    assert standing(shown, 0) == ("open", "apple")


def test_keys_stay_inside_and_the_notebooks_own_pass(mount: Any) -> None:
    shown, _, _ = shown_grid(mount)
    shown.page.evaluate(LEAKS)
    card(shown, 0).click()
    press(shown, "1", "x", "a", "b", "d", "Enter", "Escape", "Control+s", "Control+Enter")
    leaked = shown.page.evaluate("window.leaked")
    assert [key for key in leaked if not key.startswith("ctrl+") and key != "Control"] == []
    assert "ctrl+s" in leaked
    assert "ctrl+Enter" in leaked


def test_a_ranking_says_why_and_takes_the_suggestion(mount: Any) -> None:
    host = FakeHost(12)
    host.decide(list(range(12)), "apple")
    reasons, evidence = [f"reason {i}" for i in range(12)], {"suggested": host.items.truth}
    ranking = Ranking(np.arange(12.0), flagged=np.arange(12) > 9, reasons=reasons, evidence=evidence)
    shown, host, grid = shown_grid(mount, host, result=ranking, order=None)
    assert card(shown, 0).locator(".lnb-review-reason").inner_text() == "reason 11"
    assert standing(shown, 0) == ("open", "apple")
    card(shown, 0).click()
    press(shown, ".", " ")
    assert [str(host.labels.label(i)) for i in (11, 10)] == ["boat", "apple"]
    assert "was apple" in card(shown, 0).inner_text()
    assert grid.counts["reviewed"] == 2


def test_several_classes_an_item_toggle_between_yes_no_and_unknown(mount: Any) -> None:
    import dataclasses

    host = FakeHost(12)
    host.classes = dataclasses.replace(host.classes, multi=True)
    shown, host, _ = shown_grid(mount, host)
    card(shown, 0).click()
    press(shown, "2", "3", "3")
    assert str(host.labels.label(0)) == "apple, boat, not cloud"
    assert current(shown) == 0
    press(shown, "3")
    assert str(host.labels.label(0)) == "apple, boat"


def test_hostile_long_and_right_to_left_text_is_only_text(mount: Any) -> None:
    names = (HOSTILE, LONG, "תפוח ירוק", "drum", "eagle")
    host = FakeHost(12, "text", names, texts=[HOSTILE, LONG * 9, "שלום עולם, זה טקסט מימין לשמאל", "kurz"])
    probabilities = np.eye(5, dtype=np.float32)[host.items.truth]
    shown, host, _ = shown_grid(mount, host, result=Proposal(probabilities, classes=names), width=420)
    card(shown, 0).click()
    press(shown, "1", "2", "3")
    shown.page.locator(".lnb-finder input").fill(HOSTILE[:8])
    shown.settle()
    assert shown.page.evaluate("window.hacked") is None
    assert shown.page.locator(".lnb img").count() == 0
    assert HOSTILE in shown.page.locator(".lnb-review-list").inner_text()
    assert shown.page.evaluate("document.documentElement.scrollWidth <= 420")
    assert shown.errors == []


def test_a_broken_picture_is_a_card_that_says_so(mount: Any) -> None:
    shown, _, _ = shown_grid(mount, FakeHost(12, broken=3))
    assert "not an image" in card(shown, 3).inner_text()
    assert shown.page.locator(".lnb-review-card img").count() == 11


def test_a_screen_reader_hears_what_an_item_is_and_how_it_stands(mount: Any) -> None:
    shown, _, _ = shown_grid(mount)
    said = card(shown, 0).locator(".lnb-hidden").inner_text()
    assert said.startswith("1 of 12: apple, proposed, 30% sure.")
    card(shown, 0).click()
    press(shown, "2")
    assert card(shown, 0).locator(".lnb-hidden").inner_text().startswith("1 of 12: boat, kept, was apple")
    assert shown.page.get_by_role("listbox", name="Items", exact=True).get_by_role("option").count() == 12
    assert shown.page.get_by_role("progressbar").get_attribute("aria-valuetext") == "1 of 60 reviewed"


def test_decisions_move_nothing_on_the_page(mount: Any) -> None:
    shown, _, _ = shown_grid(mount)
    boxes = "[...document.querySelectorAll('.lnb-review-card')].map(c => JSON.stringify(c.getBoundingClientRect()))"
    card(shown, 0).click()
    before = shown.page.evaluate(boxes)
    press(shown, "2", "x", "?", "0", " ")
    assert shown.page.evaluate(boxes) == before


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_and_one_item(mount: Any, n: int) -> None:
    host = FakeHost(5)
    shown, host, _ = shown_grid(mount, host, only=list(range(n)))
    if n == 0:
        assert "Nothing to review" in shown.page.locator(".lnb-state").inner_text()
        press(shown, "1", "Enter", "u")
        assert host.log == []
    else:
        shown.page.locator(".lnb-frame").focus()
        press(shown, "Enter")
        assert host.labels.n_known == 1
        assert "Everything is reviewed" in shown.page.locator(".lnb-review-end").inner_text()


def test_a_closed_view_leaves_nothing_behind(mount: Any) -> None:
    shown, host, grid = shown_grid(mount)
    assert shown.model_listeners() > 0
    shown.unmount()
    assert shown.model_listeners() == 0
    assert shown.page.locator(".lnb").count() == 0
    grid.close()
    assert host.listeners == 0


def test_the_large_view_follows_the_cursor_and_closes(mount: Any) -> None:
    host = FakeHost(12, "text", texts=["one " * 400, "two", "three"])
    shown, host, _ = shown_grid(mount, host)
    large = shown.page.locator(".lnb-closer")
    card(shown, 0).click()
    press(shown, "+")
    assert large.is_visible()
    assert large.locator(".lnb-card-text").inner_text().startswith("one one")
    press(shown, "2")
    assert str(host.labels.label(0)) == "boat"
    assert large.locator(".lnb-card-text").inner_text() == "two"
    press(shown, "Escape")
    assert not large.is_visible()
    assert card(shown, 1).evaluate("e => e === document.activeElement")
    assert shown.errors == []
