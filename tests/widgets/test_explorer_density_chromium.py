"""Very many points in plain Chromium: density from afar, points near by, surroundings kept, with WebGL2 and without."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.widgets.explorer import Explorer
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_explorer_chromium import drawn, lasso, pixels, status

pytestmark = pytest.mark.browser
N = 60_000
CENTRES = np.array([[0, 0], [10, 0], [0, 10], [10, 10.0]])
DENSE = ".lnb-map-surface[data-density]"
BARE = "() => { for (const tag of document.querySelectorAll('.lnb-map-name')) tag.remove(); }"


def crowded(**options: Any) -> tuple[FakeHost, Explorer]:
    """Four round heaps of very many points, each a group of its own."""
    host = FakeHost(N)
    group = np.arange(N) % 4
    host.xy = CENTRES[group] + np.random.default_rng(3).normal(size=(N, 2)) * .7
    return host, Explorer(host, host.xy, columns={"heap": np.array(["a", "b", "c", "d"], object)[group]}, color="heap", **options)


def patch(shown: Any, place: tuple[float, float], reach: int = 6) -> np.ndarray:
    """Mean colour around a share of the map's width and height."""
    picture = pixels(shown)
    y, x = int(picture.shape[0] * place[1]), int(picture.shape[1] * place[0])
    return picture[y - reach : y + reach, x - reach : x + reach].reshape(-1, 3).mean(axis=0)


def places(shown: Any, explorer: Explorer) -> np.ndarray:
    """Where the heaps' middles are drawn, as shares of the map."""
    xy = explorer._xy.astype(float)
    low, high = xy.min(axis=0), xy.max(axis=0)
    box = shown.page.locator(".lnb-map-surface").bounding_box()
    size = np.array([box["width"], box["height"]])
    scale = .9 * (size / (high - low)).min()
    middles = np.array([np.median(xy[np.arange(N) % 4 == k], axis=0) for k in range(4)])
    return ((middles - (low + high) / 2) * scale * [1, -1] + size / 2) / size


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("plain", [False, True], ids=["webgl", "canvas"])
def test_from_afar_there_is_density_in_the_colour_of_the_most_and_near_by_points(mount: Any, theme: str, plain: bool) -> None:
    _, explorer = crowded(plain=plain)
    shown = mount(explorer, theme=theme)
    shown.page.wait_for_selector(DENSE)
    assert "few to many points a pixel" in shown.page.locator(".lnb-map-legend").inner_text()
    shown.page.evaluate(BARE)
    heaps = places(shown, explorer)
    for k, colour in enumerate(("#0968ba", "#f2801e", "#116243", "#c26081")):
        wanted = np.array([int(colour[c : c + 2], 16) for c in (1, 3, 5)])
        middle = patch(shown, tuple(heaps[k]))
        ground = np.array([255, 255, 255]) if theme == "light" else np.array([33, 33, 33])
        assert np.abs(middle - wanted).max() < .5 * np.abs(ground - wanted).max(), f"heap {k}: {middle}"
        edge = patch(shown, (heaps[k][0] + .09 * (1 if k % 2 else -1), heaps[k][1]))
        assert np.abs(edge - ground).sum() < np.abs(middle - ground).sum(), "as strong at the edge as in the middle"
    shown.page.locator(".lnb-map-area").focus()
    for _ in range(9):
        shown.page.keyboard.press("+")
        shown.settle()
    shown.page.wait_for_selector(".lnb-map-surface:not([data-density])")
    assert "few to many" not in shown.page.locator(".lnb-map-legend").inner_text()
    assert shown.errors == []


def test_the_surroundings_of_what_is_picked_or_left_by_a_filter_stay_as_a_faint_layer(mount: Any) -> None:
    _, explorer = crowded()
    shown = mount(explorer)
    shown.page.wait_for_selector(DENSE)
    heaps = places(shown, explorer)
    shown.page.evaluate("() => document.querySelector('.lnb-map-names').style.display = 'none'")

    def strength(k: int) -> float:
        return float(np.abs(patch(shown, tuple(heaps[k])) - 255).sum())

    full = strength(1)
    explorer.shown = [0]
    shown.settle()
    assert 10 < strength(1) < full / 2
    explorer.shown = None
    shown.settle()
    assert abs(strength(1) - full) < 25
    for picked in (np.flatnonzero(np.arange(N) % 4 < 2), np.arange(0, N, 4)[:300]):          # a density of their own; single points
        explorer.select(picked)
        shown.settle()
        assert 10 < strength(3) < full / 2
        assert drawn(shown, "#0968ba") > 100
    assert shown.errors == []


def test_a_lasso_over_density_takes_the_points_themselves(mount: Any) -> None:
    _, explorer = crowded()
    shown = mount(explorer)
    shown.page.wait_for_selector(DENSE)
    heap = places(shown, explorer)[2]
    lasso(shown, .35, at=(float(heap[0]), float(heap[1])))
    assert len(explorer.selection) > 10_000
    assert (explorer.selection % 4 == 2).all()
    assert status(shown).startswith("1")


def test_points_move_as_density_too(mount: Any) -> None:
    host, explorer = crowded()
    shown = mount(explorer)
    shown.page.wait_for_selector(DENSE)
    before = pixels(shown)
    explorer.set_positions(host.xy[:, ::-1] * [1, -1])
    shown.settle()
    shown.page.wait_for_function("() => !document.querySelector('.lnb-map-surface[data-moving]')")
    assert (pixels(shown) != before).any()
    assert shown.page.locator(DENSE).count() == 1
    assert shown.errors == []
