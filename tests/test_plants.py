"""Planted errors: where they stand, what they show, and what follows from how many were caught."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import labelnb as lnb
from labelnb.plants import catch_rate, draw_plants, labels_right, next_page_size, share_interval


def a_list(n: int = 100, classes: int = 4) -> tuple[np.ndarray, ...]:
    listed, known = np.arange(n), np.full(n + 40, -1)
    known[n:] = np.arange(40) % classes
    filled = np.concatenate([np.arange(n) * classes // n, np.full(40, -1)])
    return listed, filled, np.linspace(.9, .3, n + 40).astype(np.float32), known


def test_plants_are_known_items_that_show_a_wrong_class_of_their_neighbourhood() -> None:
    listed, filled, confidence, known = a_list()
    plants = draw_plants(listed, filled, confidence, known, 4, share=.1, seed=3)
    assert len(plants.positions) == 10
    assert len(set(plants.positions.tolist())) == 10
    assert (known[plants.positions] >= 0).all()
    assert not np.isin(plants.positions, listed).any()
    assert (plants.shown != known[plants.positions]).all()
    for shown, place, sure in zip(plants.shown, plants.places, plants.confidence, strict=True):
        around = filled[listed[max(place - 10, 0): place + 10]]
        assert shown in around or len(set(around.tolist())) == 1
        assert sure == confidence[listed[place]]
    assert (np.diff(plants.places) > 0).all()
    assert plants.places.max() - plants.places.min() > 70


def test_plants_are_as_many_as_there_are_known_items_and_unused_ones_come_first() -> None:
    listed, filled, confidence, known = a_list()
    known[102:] = -1
    assert len(draw_plants(listed, filled, confidence, known, 4, share=.1).positions) == 2
    assert draw_plants(listed[:10], filled, confidence, known, 4, share=.1, used=[101]).positions.tolist() == [100]
    assert draw_plants(listed[:10], filled, confidence, known, 4, share=.1, used=[100]).positions.tolist() == [101]
    assert len(draw_plants(listed, filled, confidence, known, 1).positions) == 0
    assert len(draw_plants(listed[:0], filled, confidence, known, 4).positions) == 0
    with pytest.raises(ValueError, match=r"share: got 0.9"):
        draw_plants(listed, filled, confidence, known, 4, share=.9)


def test_the_same_seed_plants_the_same() -> None:
    one, other = (draw_plants(*a_list(), 4, seed=5) for _ in range(2))
    assert one.positions.tolist() == other.positions.tolist()
    assert one.shown.tolist() == other.shown.tolist()


@pytest.mark.parametrize("share", [.3, .8, .95])
def test_the_interval_covers_as_often_as_it_says(share: float) -> None:
    n = np.arange(31)
    held = [low <= share <= high for low, high in (share_interval(int(k), 30) for k in n)]
    assert binom.pmf(n, 30, share)[held].sum() >= .95
    assert share_interval(0, 0) == (0, 1)
    assert share_interval(0, 5)[0] == 0
    assert share_interval(5, 5)[1] == 1


def test_what_was_missed_follows_from_what_was_caught() -> None:
    """100 errors among 1,000; a person who catches 80% corrects 80 and leaves 20."""
    assert labels_right(1_000, 80, .8) == pytest.approx(.98)
    assert labels_right(1_000, 80, 1.0) == 1
    assert labels_right(50, 0, .5) == 1
    assert labels_right(50, 3, 0) == 0
    assert labels_right(0, 0, .5) == 1
    with pytest.raises(ValueError, match="corrected"):
        labels_right(5, 6, .5)


def test_pages_shrink_for_who_misses_and_grow_for_who_does_not() -> None:
    assert next_page_size(24, [True] * 4) == 24
    assert next_page_size(24, [True] * 5) == 32
    assert next_page_size(24, [True, False, True, False, True]) == 16
    assert next_page_size(24, [False] * 10 + [True] * 9 + [False]) == 24
    assert next_page_size(60, [True] * 9) == 60
    assert next_page_size(6, [False] * 9) == 6


def test_catch_rates_of_all_reviews_are_read_from_the_journal(tmp_path) -> None:
    s = lnb.Session([f"text {i}" for i in range(40)], classes=["a", "b"], path=tmp_path / "s.lnb", who="ann")
    assert np.isnan(catch_rate(s).values["share"])
    s.label(slice(0, 20), "a")
    proposal = lnb.Proposal(np.tile(np.array([.2, .8], np.float32), (40, 1)), classes=("a", "b"), session=s)
    grid = s.review(proposal, checks=.5, page_size=30)
    planted = sorted(grid._at.checks.wrong)
    assert len(planted) == 10
    assert set(planted) <= set(range(20))
    grid.set(planted[0], "a")
    grid.set(planted[1], lnb.UNSURE)
    grid.accept_page()
    found = catch_rate(s)
    assert (found.values["planted"], found.values["caught"]) == (10, 2)
    assert found.tables["by person"][0]["who"] == "ann"
    assert s.labels.values[:20].tolist() == [0] * 20, "a planted item keeps its label"
    assert s.labels.values[20:].tolist() == [1] * 20
    assert s.planted_before().tolist() == planted
    with lnb.Session.open(tmp_path / "s.lnb") as other:
        assert catch_rate(other, "ann").values["caught"] == 2
        assert catch_rate(other, "bob").values["planted"] == 0
