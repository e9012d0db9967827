"""An item can be labelled with a screen reader: what the accessibility tree says of it before, of what is pressed, and after."""
from __future__ import annotations

from typing import Any

import pytest

from labelnb.widgets import ReviewGrid, VoteMatrix
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_accessibility_browser import a_triage
from tests.widgets.test_review_grid import a_proposal
from tests.widgets.test_vote_matrix import some_votes

pytest.importorskip("playwright")

PATIENT = 60_000


def expect_heard(shown: Any, tree: str) -> None:
    """The tree holds these parts, in this order."""
    from playwright.sync_api import expect

    expect(shown.page.locator("#view")).to_match_aria_snapshot(tree, timeout=PATIENT)


def test_a_review_by_ear(mount: Any) -> None:
    host = FakeHost(6, "text", texts=[f"text number {i}" for i in range(6)])
    shown = mount(ReviewGrid(host, a_proposal(host), order="position"))
    expect_heard(shown, """
      - region "Review":
        - heading "Review" [level=2]
        - progressbar "Reviewed"
        - combobox "Order"
        - button "Mark words" [pressed]
        - group "Label as":
          - button "apple"
          - button "boat"
        - listbox "Items":
          - option /1 of 6. apple, proposed, \\d+% sure. text number 0/ [selected]
          - option /2 of 6. boat, proposed/
        - group "History":
          - button "Undo" [disabled]
        - text: All saved
        - status
        - note "Keys"
    """)
    shown.page.locator(".lnb-frame").focus()
    shown.page.keyboard.press("Home")
    shown.page.keyboard.press("3")
    expect_heard(shown, """
      - listbox "Items":
        - option /1 of 6. cloud, kept, was apple/
        - option /2 of 6. boat, proposed/ [selected]
      - group "History":
        - button "Undo"
      - status: "Kept: cloud."
    """)
    assert shown.page.evaluate("document.activeElement.getAttribute('role')") == "option", "the next item has the focus, and is read"
    assert shown.page.get_by_role("progressbar").get_attribute("aria-valuetext") == "1 of 6 reviewed"


def test_what_is_not_saved_is_said_aloud(mount: Any) -> None:
    host = FakeHost(6, "text")
    shown = mount(ReviewGrid(host, a_proposal(host), order="position"))
    host.fail = "the disk is full"
    shown.page.locator(".lnb-review-card").first.click()
    shown.page.keyboard.press("2")
    expect_heard(shown, """
      - listbox "Items":
        - option /1 of 6. boat, unsaved/
      - button "Try again now"
      - alert: Not saved. Decisions are kept here and sent again.
    """)
    host.fail = None
    shown.page.get_by_role("button", name="Try again now").click()
    expect_heard(shown, """
      - listbox "Items":
        - option /1 of 6. boat, kept/
      - text: All saved
    """)


def test_a_triage_by_ear(mount: Any) -> None:
    shown = mount(a_triage())
    expect_heard(shown, """
      - region "Triage":
        - listbox "Items":
          - option /1 of 24. apple, proposed.*yet its ten neighbours/ [selected]
          - option /2 of 24. apple, proposed, suggested. boat/
        - region "Item in question":
          - paragraph: /yet its ten neighbours/
          - term: Label
    """)
    shown.page.locator(".lnb-review-card").nth(1).click()
    shown.page.keyboard.press(".")
    expect_heard(shown, """
      - listbox "Items":
        - option /2 of 24. boat, kept, was apple/
      - status: "Kept: boat."
    """)


def test_votes_by_ear(mount: Any) -> None:
    host = FakeHost(40)
    shown = mount(VoteMatrix(host, some_votes(host, 3)))
    expect_heard(shown, """
      - region "Votes":
        - group "Items shown":
          - button "all items" [pressed]
        - grid "Votes":
          - row:
            - columnheader "Item"
            - columnheader /rule 0 covers \\d+% not measured/
          - row /apple number 0 rule 0.*no label/ [selected]:
            - rowheader "apple number 0"
            - gridcell /rule 0/
        - status
    """)
    shown.page.locator(".lnb-votes-inner .lnb-votes-row").first.click()
    shown.page.keyboard.press("2")
    expect_heard(shown, """
      - grid "Votes":
        - row /apple number 0 .*label. boat/
        - row /boat number 1/ [selected]
      - status: Kept
    """)
    assert shown.page.evaluate("document.activeElement.dataset.index") == "1"
