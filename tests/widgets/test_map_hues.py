"""Colours of many groups on a map: by number, different from the neighbours', and the same when a group gets a name."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.widgets.explorer import Explorer
from labelnb.widgets.explorer_columns import coded
from labelnb.widgets.map_hues import MOST_GROUPS, NEAR, Numbered, hues
from labelnb.widgets.palette import PALETTE, class_colour, rgb
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_explorer_chromium import drawn


def scattered(groups: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 65_000, size=(groups, 2))
    which = np.repeat(np.arange(groups), 4)
    return centres, centres[which] + rng.normal(size=(len(which), 2)), which


def test_groups_beside_each_other_differ_and_the_others_keep_the_colour_of_their_number() -> None:
    centres, xy, which = scattered(200)
    given = np.array(hues(np.arange(200), xy, which))
    apart = ((centres[:, None] - centres[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, :NEAR]
    assert (given[near] == given[:, None]).mean() < 0.005         # six neighbours, some of them mutual: twelve colours nearly always do
    assert ((np.arange(200)[near] % 12) == (np.arange(200)[:, None] % 12)).mean() > 0.05
    assert (given == np.arange(200) % 12).mean() > 0.4
    assert given[:NEAR].tolist() == list(range(NEAR))
    assert set(given.tolist()) == set(range(len(PALETTE)))


def test_old_groups_keep_their_colours_when_one_is_added() -> None:
    _, xy, which = scattered(40)
    before = hues(np.arange(40), xy, which)
    again = hues(np.arange(41), np.vstack([xy, xy[:4] + 500]), np.append(which, [40] * 4))
    assert again[40] != again[0]
    assert np.mean(np.array(before) == np.array(again[:40])) > 0.9


def test_more_than_sixty_clusters_have_a_colour_each_and_a_name_does_not_change_it() -> None:
    _, xy, which = scattered(300)
    words = [f"cluster {k}" for k in range(300)]
    made = coded(Numbered(which, words), xy)
    assert made.codes.dtype == np.uint16
    np.testing.assert_array_equal(made.codes, which)
    assert made.hues is not None
    assert len(made.hues) == len(made.names) == 300
    named = coded(Numbered(which, [*words[:7], "aardvarks", *words[8:]]), xy)
    assert named.hues == made.hues
    assert named.names[7] == "aardvarks"
    few = coded(Numbered(np.array([2, -1, 0]), ["a", "b", "c"]), xy[:3])
    assert few.codes.tolist() == [1, 255, 0]
    assert few.names == ("a", "c")


def test_groups_of_one_name_are_one_and_the_smallest_of_very_many_are_other_values() -> None:
    made = coded(Numbered(np.array([0, 1, 2, 2]), ["boat", "cat", "boat"]))
    assert (made.codes.tolist(), made.names) == ([0, 1, 0, 0], ("boat", "cat"))
    many = np.append(np.arange(MOST_GROUPS + 5), [*range(MOST_GROUPS), -1])
    made = coded(Numbered(many, [str(k) for k in range(MOST_GROUPS + 5)]), np.zeros((len(many), 2)))
    assert (made.codes == 65_534).sum() == 5
    assert made.codes[-1] == 65_535
    assert len(made.names) == MOST_GROUPS


def test_the_explorer_tells_the_front_end_and_draws_them_itself() -> None:
    host = FakeHost(300)
    numbers = np.arange(300) % 100
    explorer = Explorer(host, host.xy, columns={"cluster": Numbered(numbers, [f"cluster {k}" for k in range(100)])}, color="cluster")
    now = explorer._colouring("cluster")
    assert len(now.about["hues"]) == 100
    np.testing.assert_array_equal(now.looks, np.array(now.about["hues"])[numbers])
    assert now.colours(100) == [class_colour(hue) for hue in now.about["hues"]]
    assert [one["name"] for one in explorer.names[:1]] == ["cluster 0"]
    assert "hues" not in explorer._colouring("label").about


@pytest.mark.browser
def test_a_hundred_clusters_are_drawn_each_in_its_colour_and_the_legend_names_the_largest(mount: Any) -> None:
    host = FakeHost(1200)
    numbers = np.arange(1200) % 100
    rng = np.random.default_rng(1)
    host.xy = rng.uniform(0, 100, (100, 2))[numbers] + 0.6 * rng.normal(size=(1200, 2))
    words = [f"cluster {k}" for k in range(100)]
    explorer = Explorer(host, host.xy, columns={"cluster": Numbered(numbers, words)}, color="cluster")
    shown = mount(explorer)
    legend = shown.page.locator(".lnb-map-legend")
    shown.settle()
    assert "and 40 smaller ones" in legend.inner_text()
    assert legend.locator(".lnb-chip").count() == 60
    hue = explorer._colouring("cluster").about["hues"]
    painted = legend.locator('[data-group="13"] .lnb-swatch').evaluate("square => getComputedStyle(square).backgroundColor")
    assert painted == f"rgb{rgb(class_colour(hue[13]))}"
    assert all(drawn(shown, colour) for colour in PALETTE)
    explorer.set_column("cluster", Numbered(numbers, ["aardvarks", *words[1:]]))
    shown.settle()
    assert "aardvarks" in legend.inner_text()
    assert shown.errors == []
