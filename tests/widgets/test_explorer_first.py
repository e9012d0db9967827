"""What travels with an Explorer: a small map itself, of a large one a count; drawn though the kernel answers nothing."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.widgets.explorer import WHOLE, Explorer
from labelnb.widgets.map_first import LEVELS, NONE, SIDE, coarse_map
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_explorer_chromium import drawn, lasso, pixels
from tests.widgets.test_explorer_density_chromium import crowded, patch, places

COARSE = ".lnb-map-coarse"


def counted_slowly(xy: np.ndarray, looks: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """The colours that lie in each cell, point by point."""
    found: dict[tuple[int, int], list[int]] = {}
    for (x, y), look in zip(xy.tolist(), looks.tolist(), strict=True):
        found.setdefault((y * SIDE // 65_536, x * SIDE // 65_536), []).append(look)
    return found


@pytest.mark.parametrize("scale", [False, True])
def test_the_count_is_what_counting_point_by_point_gives(scale: bool) -> None:
    rng = np.random.default_rng(0)
    xy = rng.integers(0, 65_536, (3_000, 2), dtype=np.uint16)
    xy[:2_000] //= 64                                            # some cells with many
    looks = rng.choice([16, 18, 22, NONE] if scale else [0, 3, 7, 13, NONE], 3_000).astype(np.uint8)
    made = coarse_map(xy, looks)
    crowd, colour, most, none = np.frombuffer(made["cells"], np.uint8).reshape(4, SIDE, SIDE)
    slowly = counted_slowly(xy, looks)
    assert set(zip(*np.nonzero(crowd), strict=True)) == set(slowly)
    for cell, own in slowly.items():
        known = [one for one in own if one != NONE]
        assert abs(crowd[cell] - LEVELS * np.log2(len(own) + 1)) <= .5
        assert abs(none[cell] - 255 * (len(own) - len(known)) / len(own)) <= 1
        if not known:
            assert (colour[cell], most[cell]) == (NONE, 0)
        elif scale:
            assert abs(colour[cell] - np.mean(known)) <= .5
        else:
            assert known.count(colour[cell]) == max(map(known.count, known))
            assert abs(most[cell] - 255 * known.count(colour[cell]) / len(own)) <= 1
    assert made["box"] == pytest.approx([*(xy.min(axis=0) / 65_535), *(xy.max(axis=0) / 65_535)])


def test_a_sample_of_very_many_points_is_scaled_up() -> None:
    xy = np.full((900_000, 2), 30_000, np.uint16)
    made = coarse_map(xy, np.zeros(len(xy), np.uint8))
    cells = np.frombuffer(made["cells"], np.uint8).reshape(4, -1)
    assert len(np.flatnonzero(cells[0])) == 1
    assert cells[0].max() == round(LEVELS * np.log2(900_001))


def test_what_is_sent_along_is_of_now_or_not_there() -> None:
    host = FakeHost(400)
    explorer = Explorer(host, host.xy, columns={"size": np.arange(400.0)})
    assert explorer.first["by"] == "label"
    assert explorer.first["parts"][0] == explorer._xy.tobytes()
    for change in (
        lambda: explorer.select([3]), lambda: explorer.set_positions(host.xy[::-1]), lambda: setattr(explorer, "color", "size"),
        lambda: explorer.set_column("size", np.zeros(400)), lambda: explorer.similar([3]), explorer.clear_results,
    ):
        change()
        assert explorer.first == {}, "a view would draw what was"
        explorer._repr_mimebundle_()
        assert explorer.first["by"] == explorer.color
    before = explorer._revision
    host.decide([0], "boat")
    assert explorer.first["revision"] == before < explorer._revision, "a view sees that it is of before, and asks"


def test_a_large_map_sends_a_count_of_a_hundred_kilobytes_at_most() -> None:
    host = FakeHost(WHOLE + 1)
    first = Explorer(host, host.xy).first
    assert "map" not in first
    assert len(first["cells"]) == 4 * SIDE * SIDE <= 110_000
    assert Explorer(FakeHost(0), np.zeros((0, 2))).first == {}


@pytest.mark.browser
def test_a_small_map_is_drawn_though_the_kernel_is_busy(mount: Any) -> None:
    host = FakeHost(600)
    host.decide(list(range(50)), "boat")
    explorer = Explorer(host, host.xy)
    explorer.select(range(7))
    explorer._repr_mimebundle_()                                  # as when the cell shows it
    shown = mount(explorer, busy=True)
    assert drawn(shown, "#f2801e") > 20
    assert "boat" in shown.page.locator(".lnb-map-legend").inner_text()
    assert shown.page.locator(".lnb-side-count").inner_text() == "7"
    lasso(shown, .8)
    assert int(shown.page.locator(".lnb-side-count").inner_text()) > 100
    assert shown.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_large_map_begins_as_a_count_and_says_what_it_waits_for(mount: Any, theme: str) -> None:
    _, explorer = crowded()
    shown = mount(explorer, theme=theme, busy=True)
    shown.page.wait_for_selector(COARSE)
    assert "Loading" in shown.page.locator(".lnb-map-note").inner_text()
    shown.page.evaluate("() => document.querySelector('.lnb-map-names').remove()")
    ground = np.array([255, 255, 255]) if theme == "light" else np.array([33, 33, 33])
    for k, (place, colour) in enumerate(zip(places(shown, explorer), ("#0968ba", "#f2801e", "#116243", "#c26081"), strict=True)):
        wanted = np.array([int(colour[c : c + 2], 16) for c in (1, 3, 5)])
        assert np.abs(patch(shown, tuple(place)) - wanted).max() < .5 * np.abs(ground - wanted).max(), f"heap {k}"
    shown.page.wait_for_function("() => document.querySelector('.lnb-map-note').textContent.includes('busy with another cell')")
    assert shown.errors == []


@pytest.mark.browser
def test_the_points_take_the_place_of_the_count(mount: Any) -> None:
    _, explorer = crowded()
    shown = mount(explorer)
    shown.page.wait_for_selector(".lnb-map-surface[data-density]")
    assert shown.page.locator(COARSE).count() == 0
    assert shown.page.locator(".lnb-map-note").is_hidden()
    explorer.first = {}
    shown.again()
    shown.page.wait_for_selector("#second .lnb-map-surface[data-density]")
    assert shown.errors == []


@pytest.mark.browser
def test_a_view_without_a_kernel_says_what_to_do(mount: Any) -> None:
    host = FakeHost(600)
    explorer = Explorer(host, host.xy)
    explorer.first = {}
    shown = mount(explorer, busy=True)
    shown.page.wait_for_function("() => document.querySelector('.lnb-state')?.textContent.includes('run this cell again')")
    assert "Waiting for the kernel" in shown.page.locator(".lnb-state").inner_text()


@pytest.mark.browser
def test_what_python_found_is_marked_before_anything_was_selected(mount: Any) -> None:
    host = FakeHost(60)
    explorer = Explorer(host, host.xy)
    explorer.similar([3])
    explorer._repr_mimebundle_()
    shown = mount(explorer)
    shown.page.evaluate("() => document.querySelectorAll('.lnb-map-over, .lnb-map-names, .lnb-map-tools').forEach((one) => one.remove())")
    assert shown.page.locator(".lnb-side-count").inner_text() == "50"
    assert (pixels(shown).max(axis=2) < 110).sum() > 50, "no dark rings around what was found"


@pytest.mark.browser
def test_recordings_have_room_to_be_played_on_the_side_and_by_key(mount: Any, tmp_path: Any) -> None:
    import wave

    import labelnb as lnb

    for k in range(4):
        with wave.open(str(tmp_path / f"tone{k}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            file.writeframes((9_000 * np.sin(np.arange(8_000) * (k + 1) / 5)).astype("<i2").tobytes())
    with lnb.Session(lnb.load(tmp_path), classes=["low", "high"], path=tmp_path / "tones.lnb") as session:
        explorer = Explorer(session, np.random.default_rng(0).normal(size=(4, 2)))
        explorer.select([0, 1])
        explorer._repr_mimebundle_()
        shown = mount(explorer)
        button = shown.page.locator(".lnb-grid .lnb-play").first
        button.wait_for()
        room = "(e) => e.closest('.lnb-card-picture').getBoundingClientRect().bottom - e.getBoundingClientRect().bottom"
        assert button.evaluate(room) >= -1, "the bar is cut off"
        shown.page.locator(".lnb-grid").focus()
        shown.page.keyboard.press("Space")
        shown.page.wait_for_function("() => window.sent.includes('media')")
        assert shown.errors == []
