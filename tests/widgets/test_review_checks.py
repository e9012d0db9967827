"""Review by exception: planted errors among the items, what is said of them, pages that adapt, 'A or B', other orders, the audit's head."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Proposal
from labelnb.widgets.review_checks import Pages
from labelnb.widgets.review_grid import ReviewGrid
from labelnb.widgets.review_pages import along_the_map
from tests.widgets.fake_host import NAMES, FakeHost
from tests.widgets.test_review_grid import a_proposal, ask


def a_checked_grid(n: int = 120, known: int = 40, **options: Any) -> tuple[FakeHost, ReviewGrid]:
    """The first `known` items are labelled with the truth; the rest is to review, one in ten wrongly proposed."""
    host = FakeHost(n)
    for k, name in enumerate(NAMES):
        host.decide(np.flatnonzero((host.items.truth == k) & (np.arange(n) < known)), name)
    host.log.clear()
    proposal = a_proposal(host)
    wrong = np.arange(known + 5, n, 10)
    shifted = proposal.probabilities.copy()
    shifted[wrong] = np.roll(shifted[wrong], 1, axis=1)
    return host, ReviewGrid(host, Proposal(shifted, classes=NAMES), **{"checks": .1, "page_size": 20, **options})


def right_answer(host: FakeHost, position: int) -> str:
    return NAMES[host.items.truth[position]]


def test_planted_items_look_like_others_and_never_become_labels() -> None:
    host, grid = a_checked_grid()
    planted = set(grid._at.checks.wrong)
    assert len(planted) == 8
    assert max(planted) < 40
    listed = grid._listed.tolist()
    assert len(listed) == 88
    assert len(set(listed)) == 88
    items = [item for number in range(grid.pages) for item in ask(grid, "page", number=number)["items"]]
    for item in items:
        if item["position"] in planted:
            assert item["label"] is None
            assert not item["reviewed"]
            assert item["filled"] not in (-1, host.items.truth[item["position"]])
            assert item["confidence"] is not None
    keys = {tuple(sorted(item)) for item in items}
    assert len(keys) == 1, "nothing in what is sent tells a planted item apart"
    before = host.labels.values[:40].tolist()
    for number in range(grid.pages):
        grid.go(number)
        grid.accept_page()
    assert host.labels.values[:40].tolist() == before
    assert set(np.concatenate([where for where, _, _ in host.log]).tolist()).isdisjoint(planted)
    assert (grid.quality["planted"], grid.quality["caught"]) == (8, 0)
    assert sum(len(details["planted"]) for _, details in host.remarks) == 8


def test_catch_rate_precision_and_undo() -> None:
    host, grid = a_checked_grid()
    checks = grid._at.checks
    missed = sorted(checks.wrong)[:2]
    for number in range(grid.pages):
        grid.go(number)
        for position in grid.positions.tolist():
            filled = NAMES[grid._at.filled.values[position]]
            if filled != right_answer(host, position) and position not in missed:
                grid.set(position, right_answer(host, position))
        grid.accept_page()
    said = grid.quality
    assert (said["planted"], said["caught"], said["seen"], said["corrected"]) == (8, 6, 80, 8)
    assert said["catch_low"] < .75 < said["catch_high"]
    assert said["proposal_right"] == pytest.approx(.9)
    assert said["labels_right"] == pytest.approx(1 - 8 * (1 / .75 - 1) / 80)
    assert said["labels_right_low"] < said["labels_right"]
    while ask(grid, "take_back").get("refused") is None:
        pass
    assert not checks.answers
    assert host.labels.n_known <= 40
    assert grid.quality["planted"] == 0


def test_undo_of_an_answer_on_a_planted_item_leaves_labels_alone() -> None:
    host, grid = a_checked_grid()
    planted = next(iter(grid._at.checks.wrong))
    other = int(next(p for p in grid._listed if int(p) not in grid._at.checks.wrong))
    grid.set(other, "drum")
    grid.set(planted, right_answer(host, planted))
    assert grid.quality["caught"] == 1
    ask(grid, "take_back")
    assert grid.quality["planted"] == 0
    assert host.labels.values[other] == NAMES.index("drum")
    ask(grid, "take_back", redo=True)
    assert grid.quality["caught"] == 1
    ask(grid, "take_back")
    ask(grid, "take_back")
    assert not host.labels.known[other]


def test_pages_shrink_after_misses_and_the_next_one_stays_as_it_was() -> None:
    _, grid = a_checked_grid(n=640, known=200, page_size="auto", checks=.3)
    assert grid.page_size == 24
    grid.accept_page()
    next_page = grid._listed[grid._pages.span(1)].tolist()
    grid.page = 1
    assert sorted(grid.positions.tolist()) == sorted(next_page)
    assert grid.page_size == 16
    grid.page = 2
    assert len(grid.positions) == 16
    covered = np.concatenate([grid._listed[grid._pages.span(number)] for number in range(grid.pages)])
    assert covered.tolist() == grid._listed.tolist()


def test_pages_cut_anew_cover_all_entries_once() -> None:
    pages = Pages(100, 24)
    pages.resize(10, after=1)
    assert [pages.span(n).stop - pages.span(n).start for n in range(len(pages))] == [24, 24, 10, 10, 10, 10, 10, 2]
    assert [pages.page_of(entry) for entry in (0, 47, 48, 99)] == [0, 1, 2, 7]
    pages.resize(60, after=7)
    assert len(pages) == 8
    assert len(Pages(0, 5)) == 0


def test_no_known_items_no_plants_and_bad_shares_are_refused() -> None:
    host = FakeHost(30)
    grid = ReviewGrid(host, a_proposal(host), checks=.1)
    assert grid.quality["mixed_in"] == 0
    given = ReviewGrid(host, a_proposal(host), checks=.1, only=range(10, 30), known={0: "apple", 1: "boat"})
    assert set(given._at.checks.wrong) <= {0, 1}
    assert given.quality["mixed_in"] == 2
    with pytest.raises(ValueError, match="checks: got 0.8"):
        ReviewGrid(host, a_proposal(host), checks=.8)
    with pytest.raises(ValueError, match="need a Proposal"):
        ReviewGrid(host, checks=.1)


def test_order_by_disagreement_and_by_region() -> None:
    host = FakeHost(60)
    proposal = a_proposal(host)
    other = proposal.probabilities.copy()
    differing = [7, 21, 40]
    other[differing] = np.roll(other[differing], 1, axis=1)
    grid = ReviewGrid(host, proposal, others=[Proposal(other, classes=NAMES)], order="disagreement", regions=host.xy)
    assert grid._listed[:3].tolist() == differing, "the least sure of them first"
    grid.order = "region"
    along = host.xy[grid._listed]
    steps = np.linalg.norm(np.diff(along, axis=0), axis=1).mean()
    assert steps < np.linalg.norm(np.diff(host.xy, axis=0), axis=1).mean() / 3
    with pytest.raises(ValueError, match="needs other proposals"):
        ReviewGrid(host, proposal, order="disagreement")


def test_the_curve_visits_a_grid_step_by_step() -> None:
    x, y = np.meshgrid(np.arange(16), np.arange(16))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    walk = places[along_the_map(places, bits=4)]
    assert np.abs(np.diff(walk, axis=0)).sum(axis=1).max() == 1
    assert len({tuple(place) for place in walk.tolist()}) == 256
    assert along_the_map(np.array([2, 0, 1, 0])).tolist() == [1, 3, 2, 0]
    assert along_the_map(np.zeros((0, 2))).tolist() == []


def test_the_person_is_told_and_sees_what_was_caught(mount: Any) -> None:
    host, grid = a_checked_grid(order="position", page_size=44)
    shown = mount(grid)
    line = shown.page.locator(".lnb-review-quality")
    assert "Checks are mixed in" in line.inner_text()
    planted = [n for n, p in enumerate(grid.positions.tolist()) if p in grid._at.checks.wrong]
    assert len(planted) == 4
    card = shown.page.locator(".lnb-review-card").nth(planted[0])
    card.click()
    shown.page.keyboard.press("x")
    shown.settle()
    assert card.get_attribute("data-standing") == "kept"
    shown.page.keyboard.press("Enter")
    shown.settle()
    assert "caught 1 of 4 planted errors" in line.inner_text()
    assert "proposal 95% right" in line.inner_text() or "right" in line.inner_text()
    assert host.labels.values[:40].tolist() == host.items.truth[:40].tolist()
    assert shown.errors == []


def test_a_or_b_by_key(mount: Any) -> None:
    host = FakeHost(12)
    grid = ReviewGrid(host, a_proposal(host, abstain=1), order="position", page_size=12)
    shown = mount(grid)
    shown.page.locator(".lnb-review-card").first.click()
    for key in (",", "3"):
        shown.page.keyboard.press(key)
        shown.settle()
    assert str(host.labels.label(0)) == "apple or cloud"
    assert shown.page.evaluate("document.querySelector('[data-current] .lnb-hidden').textContent").startswith("2 of 12")
    for key in (",", "4", "2"):
        shown.page.keyboard.press(key)
        shown.settle()
    assert str(host.labels.label(1)) == "boat or drum"
    for key in (",", "Escape", "5"):
        shown.page.keyboard.press(key)
        shown.settle()
    assert str(host.labels.label(2)) == "eagle"
    shown.page.locator(".lnb-review-card").first.click()
    for key in (",", "5"):
        shown.page.keyboard.press(key)
        shown.settle()
    assert str(host.labels.label(0)) == "apple or cloud or eagle"
    assert shown.errors == []


def test_an_audits_head_shows_the_certificate_and_what_is_missing(mount: Any, tmp_path: Any) -> None:
    import labelnb as lnb

    s = lnb.Session([f"word {i}" for i in range(60)], classes=["a", "b"], path=tmp_path / "s.lnb")
    s.accept(Proposal(np.tile(np.array([.9, .1], np.float32), (60, 1)), classes=("a", "b")))
    shown = mount(s.audit(None, 20, target=.95).review())
    line = shown.page.locator(".lnb-review-quality")
    assert "checked 0 of 20" in line.inner_text()
    shown.page.locator(".lnb-review-card").first.click()
    for _ in range(20):
        shown.page.keyboard.press("1")
    shown.settle()
    assert "checked 20 of 20" in line.inner_text()
    assert "at least 90.0% of 60 right" in line.inner_text()
    assert "more checks for 95%" in line.inner_text()
    assert shown.errors == []
