"""VoteMatrix: what it says of sources, its filters, its rows in the browser, labels by key."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Votes
from labelnb.widgets import widget_for
from labelnb.widgets.vote_matrix import VoteMatrix
from labelnb.widgets.vote_rows import Tally
from tests.widgets.fake_host import NAMES, FakeHost

SMALL = np.array([[0, 0, 1], [1, -1, 1], [-1, -1, 2], [-1, -1, -1], [2, 1, 0]])


def some_votes(host: FakeHost, sources: int = 4) -> Votes:
    rng = np.random.default_rng(1)
    count = len(host.items)
    votes = np.where(rng.random((count, sources)) < .7, host.items.truth[:, None], rng.integers(0, 5, (count, sources)))
    votes[rng.random((count, sources)) < .3] = -1
    return Votes(votes, sources=tuple(f"rule {m}" for m in range(sources)), classes=NAMES)


def test_figures_of_sources_by_hand() -> None:
    known = np.array([0, 1, 2, -1, 2])
    tally = Tally(SMALL)
    table = tally.table(known, ["a", "b", "c"])
    assert [row["coverage"] for row in table] == [.6, .4, .8]
    assert [row["overlap"] for row in table] == [.6, .4, .6]
    assert [row["conflict"] for row in table] == [.4, .4, .4]
    assert [(row["checked"], row["accuracy"]) for row in table] == [(3, 1.0), (2, .5), (4, .5)]
    assert table[1]["low"] < .5 < table[1]["high"]
    assert tally.table(np.full(5, -1), ["a", "b", "c"])[0]["accuracy"] is None
    assert tally.division.tolist() == pytest.approx([2 / 3, 0, 0, 0, 1])
    assert tally.majority.tolist() == [0, 1, 2, -1, 0]


def test_the_tally_is_what_counting_each_item_gives() -> None:
    rng = np.random.default_rng(3)
    votes = rng.integers(-2, 300, (400, 7)) % 301 - 1
    votes[rng.random(votes.shape) < .5] %= 3
    tally = Tally(votes)
    for i, row in enumerate(votes.tolist()):
        said = [vote for vote in row if vote >= 0]
        pairs = [(a, b) for n, a in enumerate(said) for b in said[:n]]
        assert tally.division[i] == pytest.approx(sum(a != b for a, b in pairs) / max(len(pairs), 1))
        assert tally.majority[i] == (min(said, key=lambda vote: (-said.count(vote), vote)) if said else -1)
        assert tally.given[i] == len(said)


@pytest.mark.parametrize(("filter", "source", "expected"), [
    ("all", -1, [0, 1, 2, 3, 4]), ("conflict", -1, [0, 4]), ("single", -1, [2]), ("none", -1, [3]), ("unlabelled", -1, [1, 2, 3]),
    ("against", 2, [0, 4]), ("against", 0, []),
])
def test_filters_by_hand(filter: str, source: int, expected: list[int]) -> None:
    assert np.flatnonzero(Tally(SMALL).chosen(np.array([0, -1, -1, -1, 2]), filter, source)).tolist() == expected


def test_votes_open_here_are_matched_by_class_name_and_refused_where_they_do_not_fit() -> None:
    host = FakeHost(5, classes=("boat", "apple"))
    votes = Votes(np.array([[0], [1], [2], [-1], [0]]), sources=("one",), classes=("apple", "boat", "cloud"))
    matrix = widget_for(votes, host=host)
    assert isinstance(matrix, VoteMatrix)
    assert matrix.votes.ravel().tolist() == [1, 0, -1, -1, 1]
    host.add_class("cloud")
    assert matrix.votes.ravel().tolist() == [1, 0, 2, -1, 1]
    with pytest.raises(ValueError, match="votes on 5 items, the session has 6"):
        VoteMatrix(FakeHost(6), votes)
    with pytest.raises(ValueError, match="'against' with one of"):
        matrix.show("against")
    with pytest.raises(ValueError, match="got filter 'some'"):
        matrix.show("some")


def test_accuracy_follows_labels_and_rows_follow_filter_and_order() -> None:
    host = FakeHost(60)
    matrix = VoteMatrix(host, some_votes(host), filter="conflict", sort="conflict")
    shares = Tally(matrix.votes).division[matrix.rows]
    assert (shares > 0).all()
    assert (np.diff(shares) <= 0).all()
    assert matrix.table[0]["accuracy"] is None
    for position in matrix.rows[:5]:
        matrix.set(int(position), NAMES[host.items.truth[position]])
    assert sum(row["checked"] for row in matrix.table) > 0
    matrix.show("against", "rule 1")
    assert (matrix.votes[matrix.rows, 1] >= 0).all()


def test_rows_are_there_as_far_as_they_are_seen_and_keys_label_them(mount: Any) -> None:
    host = FakeHost(5_000)
    matrix = VoteMatrix(host, some_votes(host, 6))
    shown = mount(matrix)
    page = shown.page
    rows = page.locator(".lnb-votes-inner .lnb-votes-row")
    assert rows.count() < 40
    rows.first.click()
    for key in ("3", "?", "ArrowDown", "1"):
        page.keyboard.press(key)
        shown.settle()
    assert [str(host.labels.label(i)) for i in range(4)] == ["cloud", "unsure", "None", "apple"]
    assert "cloud" in rows.nth(0).locator(".lnb-votes-label").inner_text()
    page.keyboard.press("End")
    shown.settle()
    assert page.locator(".lnb-votes-row[data-current]").get_attribute("data-index") == "4999"
    assert page.evaluate("document.activeElement.dataset.index") == "4999"
    assert rows.count() < 60
    page.get_by_role("button", name="sources differ").click()
    shown.settle()
    assert matrix.filter == "conflict"
    assert page.locator(".lnb-votes").get_attribute("aria-rowcount") == str(len(matrix.rows) + 1)
    assert shown.errors == []


def test_a_list_taller_than_a_browser_can_draw_is_seen_to_its_last_row(mount: Any) -> None:
    host = FakeHost(150_000)
    matrix = VoteMatrix(host, some_votes(host, 3))
    shown = mount(matrix)
    page = shown.page
    in_sight = """() => { const box = document.querySelector('.lnb-votes').getBoundingClientRect();
        return [...document.querySelectorAll('.lnb-votes-inner .lnb-votes-row')].filter((row) => { const at = row.getBoundingClientRect();
            return at.top >= box.top && at.bottom <= box.bottom; }).map((row) => Number(row.dataset.index)).sort((a, b) => a - b); }"""
    assert page.evaluate("document.querySelector('.lnb-votes-inner').offsetHeight") == 5_000_000
    page.locator(".lnb-votes-inner .lnb-votes-row").first.click()
    for key, expected in (("End", 149_999), ("ArrowUp", 149_998), ("Home", 0), ("PageDown", None)):
        page.keyboard.press(key)
        shown.settle()
        current = int(page.locator(".lnb-votes-row[data-current]").get_attribute("data-index"))
        assert expected is None or current == expected
        assert current in page.evaluate(in_sight)
    page.evaluate("document.querySelector('.lnb-votes').scrollTop = 2_500_000")
    shown.settle()
    page.wait_for_selector(".lnb-votes-row[data-index='75000']")
    rows = page.evaluate(in_sight)
    assert rows == list(range(rows[0], rows[-1] + 1))
    assert len(rows) > 5
    assert shown.errors == []


def test_space_takes_the_majority_a_source_filters_and_wrong_votes_are_marked(mount: Any) -> None:
    host = FakeHost(30)
    votes = np.tile(np.array([[0, 0, 1]]), (30, 1))
    votes[1] = [0, 1, -1]
    matrix = VoteMatrix(host, Votes(votes, sources=("a", "b", "c"), classes=NAMES))
    shown = mount(matrix)
    page = shown.page
    page.locator(".lnb-votes-inner .lnb-votes-row").first.click()
    for _ in range(2):
        page.keyboard.press(" ")
        shown.settle()
    assert [str(host.labels.label(i)) for i in (0, 1)] == ["apple", "None"]
    assert "tied" in page.locator(".lnb-status").inner_text()
    assert page.locator("[data-wrong]").count() == 1
    assert "0% right of 1" in page.locator(".lnb-votes-source").nth(2).inner_text()
    page.get_by_role("button", name="c", exact=True).click()
    shown.settle()
    assert (matrix.filter, matrix.source) == ("against", 2)
    assert len(matrix.rows) == 29
    page.keyboard.press("u")
    page.locator(".lnb-frame").focus()
    page.keyboard.press("u")
    shown.settle()
    assert host.labels.n_known == 0
    matrix.show("none")
    shown.settle()
    assert "No item fits this filter" in page.locator(".lnb-body").inner_text()
    shown.unmount()
    assert shown.model_listeners() == 0
    assert shown.errors == []
