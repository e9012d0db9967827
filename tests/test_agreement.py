"""Krippendorff's alpha against published values and another implementation; people, overlap and conflicts through a session."""
from __future__ import annotations

import numpy as np
import pytest

import labelnb as lnb
from labelnb.agreement import agreement, alpha_interval, answers_by_person, conflicts, krippendorff_alpha
from labelnb.results import Proposal

X = -1
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
    [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
]
"""Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve units; nominal alpha .743."""
TWO = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
"""The same, section A: two observers, binary data; alpha .095."""
NOMINAL = [[0, 0, 1, 1, 3, 2, 2, 2, 4, 3, 3, 0], [1, 0, 1, 1, 1, 2, 2, 2, 4, 3, 3, 3]]
"""The same, section B: two observers, twelve articles a ... e; alpha .692."""


def slow_alpha(table: np.ndarray) -> float:
    """From the definition: the share of differing pairs within items, over that among all answers that can be paired."""
    columns = [[v for v in column if v >= 0] for column in np.asarray(table).T]
    columns = [column for column in columns if len(column) > 1]
    pool = [v for column in columns for v in column]
    n = len(pool)
    observed = sum(sum(a != b for a in column for b in column) / (len(column) - 1) for column in columns) / n
    expected = sum(a != b for a in pool for b in pool) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize(("table", "published"), [(PUBLISHED, .743), (TWO, .095), (NOMINAL, .692)])
def test_published_values(table: list[list[int]], published: float) -> None:
    assert krippendorff_alpha(table) == pytest.approx(published, abs=5e-4)
    assert krippendorff_alpha(table) == pytest.approx(slow_alpha(np.array(table)), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_definition_and_the_krippendorff_package(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 60)
    table = np.where(rng.random((5, 60)) < .7, truth, rng.integers(0, 4, (5, 60)))
    table[rng.random((5, 60)) < .4] = -1
    assert krippendorff_alpha(table) == pytest.approx(slow_alpha(table), abs=1e-12)
    package = pytest.importorskip("krippendorff", reason="the krippendorff package is not installed")
    theirs = package.alpha(np.where(table < 0, np.nan, table.astype(float)), level_of_measurement="nominal")
    assert krippendorff_alpha(table) == pytest.approx(theirs, abs=1e-9)


def test_order_of_people_items_and_classes_does_not_matter() -> None:
    table, rng = np.array(PUBLISHED), np.random.default_rng(0)
    shuffled = table[rng.permutation(4)][:, rng.permutation(12)]
    renamed = np.where(shuffled >= 0, (shuffled * 3) % 7, -1)
    assert krippendorff_alpha(renamed) == pytest.approx(krippendorff_alpha(table), abs=1e-12)


def test_perfect_none_and_nothing() -> None:
    assert krippendorff_alpha([[0, 1, 2], [0, 1, 2]]) == 1
    assert np.isnan(krippendorff_alpha([[0, 0], [0, 0]]))
    assert np.isnan(krippendorff_alpha([[0, -1], [-1, 1]]))
    assert np.isnan(alpha_interval([[0, -1], [-1, 1]])[0])
    with pytest.raises(ValueError, match="whole numbers"):
        krippendorff_alpha([[.5, 1.5]])
    low, high = alpha_interval(PUBLISHED, draws=200)
    assert low < .743 < high


def words(tmp_path, who: str) -> lnb.Session:
    return lnb.Session([f"word {i}" for i in range(60)], classes=["a", "b", "c"], path=tmp_path / "s.lnb", who=who)


def test_two_people_overlap_blind_and_their_conflicts_are_settled(tmp_path) -> None:
    ann = words(tmp_path, "ann")
    proposal = Proposal(np.tile(np.array([.8, .1, .1], np.float32), (60, 1)), classes=("a", "b", "c"))
    ann.label(slice(0, 60), "b")
    ann.close()
    bob = words(tmp_path, "bob")
    assert bob.review(proposal).counts["left"] == 0
    grid = bob.review(proposal, overlap=.5, page_size=60)
    again = grid.positions.tolist()
    assert 15 <= len(again) <= 45
    assert all(item["label"] is None and item["filled"] == 0 for item in grid._page(0)["items"]), "what ann said is hidden"
    for position in again[:4]:
        grid.set(position, "c")
    for position in again[4:]:
        grid.set(position, "b")
    assert grid.counts["left"] == 0
    said = answers_by_person(bob)
    assert said.sources == ("ann", "bob")
    assert said.coverage.tolist() == [1.0, len(again) / 60]
    report = agreement(bob)
    assert report.values["items"] == len(again)
    assert report.values["alpha"] == pytest.approx(slow_alpha(said.votes.T))
    assert report.tables["conflicts"] == [{"one": "b", "other": "c", "items": 4}]
    queue = conflicts(bob)
    assert sorted(queue.order[:4].tolist()) == sorted(again[:4])
    assert queue.flagged.sum() == 4
    assert queue.reasons[again[0]] == "ann: b; bob: c"
    triage = bob.review(queue)
    triage.set(again[0], "b")
    triage.set(again[1], "a")
    assert bob.labels.values[again[1]] == 0
    assert sorted(np.flatnonzero(conflicts(bob).flagged).tolist()) == sorted(again[2:4]), "what was settled comes up no more"
    assert agreement(bob).values["alpha"] == pytest.approx(report.values["alpha"]), "a settlement is no answer of one's own"


def test_the_same_items_overlap_for_everyone(tmp_path) -> None:
    from labelnb.widgets.review_standing import overlapping

    ids = np.array([f"item {i}" for i in range(4_000)], dtype=object)
    chosen = overlapping(ids, .2)
    assert (overlapping(ids[::-1], .2)[::-1] == chosen).all()
    assert .17 < chosen.mean() < .23
    assert (chosen <= overlapping(ids, .4)).all()
    with pytest.raises(ValueError, match="overlap: got 2"):
        overlapping(ids, 2)
