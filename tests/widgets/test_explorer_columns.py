"""Colours of columns, names on the map, 'less like', linked maps, and the map as a file."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets

from labelnb.widgets.explorer import Explorer
from labelnb.widgets.explorer_columns import coded, dense_places
from labelnb.widgets.palette import RAMP
from tests.widgets.fake_host import NAMES, FakeHost


def a_map(n: int = 60, **options: Any) -> tuple[FakeHost, Explorer]:
    host = FakeHost(n)
    columns = {"year": 1950 + np.arange(n) * 1.0, "city": np.array(["Rome", "Oslo", None] * (n // 3), object)}
    return host, Explorer(host, host.xy, columns=columns, **options)


def test_categories_keep_their_order_and_missing_values_are_none() -> None:
    made = coded(np.array(["b", "a", None, "b", "c"], object))
    assert made.names == ("a", "b", "c")
    assert made.codes.tolist() == [1, 0, 255, 1, 2]
    assert coded(np.array([True, False])).names == ("False", "True")
    assert coded(np.array([10, 2, 2])).names == ("2", "10")
    for kind in (np.int8, np.uint8, np.int64, np.uint64):
        assert coded(np.array([100, 20, 100, 3], kind)).codes.tolist() == [2, 1, 2, 0]
    assert coded(np.array([-(10**9), 10**9, -(10**9)])).codes.tolist() == [0, 1, 0]
    assert coded(np.array([-100, 100, 0], np.int8)).codes.tolist() == [0, 2, 1]
    many = coded(np.array([f"v{k}" for k in range(80) for _ in range(1 + (k < 60))], object))
    assert len(many.names) == 60
    assert (many.codes == 254).sum() == 20


def test_numbers_are_a_scale_that_one_stray_value_does_not_take() -> None:
    values = np.append(np.linspace(0, 1, 200), [1e9, np.nan])
    made = coded(values)
    assert made.names == ()
    assert made.high is not None
    assert made.high < 1.1
    assert made.codes[0] == 0
    assert made.codes[199] > 250
    assert made.codes[200] == 254
    assert made.codes[201] == 255
    assert coded(np.array([np.nan, np.nan])).codes.tolist() == [255, 255]
    assert set(coded(np.full(20, 3.5)).codes.tolist()) == {0}
    assert coded(np.array(["2020-01-01", "NaT"], "datetime64[D]")).codes.tolist() == [0, 255]


def test_the_densest_place_of_a_group() -> None:
    xy = np.array([[0, 0]] + [[60_000, 60_000]] * 5 + [[30_000, 100]] * 3, np.uint16)
    groups = np.array([0] * 6 + [1] * 3)
    assert [(group, round(x, 2), round(y, 2), n) for group, x, y, n in dense_places(xy, groups, 3)] == [(0, .92, .92, 6), (1, .46, .0, 3)]


def test_columns_colour_and_filter_the_map_and_unknown_ones_are_refused(mount: Any) -> None:
    _, explorer = a_map()
    shown = mount(explorer)
    page = shown.page
    page.get_by_label("Colour by a column").select_option("city")
    shown.settle()
    assert explorer.color == "city"
    legend = page.locator(".lnb-map-legend")
    assert [chip.inner_text().split("\n")[0] for chip in legend.locator(".lnb-chip").all()] == ["Oslo", "Rome", "no value"]
    legend.locator(".lnb-chip").first.click()
    shown.settle()
    assert explorer.shown == [0]
    assert {one["name"]: one["items"] for one in explorer.names} == {"Oslo": 20, "Rome": 20}
    explorer.color = "year"
    shown.settle()
    assert legend.locator(".lnb-chip").count() == 7
    assert explorer.names == []
    with pytest.raises(traitlets.TraitError, match="got 'town', expected one of"):
        explorer.color = "town"
    with pytest.raises(ValueError, match=r"'x' has shape \(3,\), expected \(60,\)"):
        Explorer(FakeHost(60), FakeHost(60).xy, columns={"x": [1, 2, 3]})
    assert shown.errors == []


def test_less_like_moves_items_down_and_the_best_are_numbered(mount: Any) -> None:
    host, explorer = a_map()
    first = explorer.similar([0])
    ranked = explorer.similar([0], less=[int(first[1])])
    assert np.flatnonzero(ranked == first[1])[0] > 10
    shown = mount(explorer)
    assert shown.page.locator(".lnb-map-ranks > span").count() == 9
    explorer.clear_results()
    explorer.select([0])
    shown.settle()
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("s")
    shown.settle()
    explorer.select([5])
    shown.settle()
    shown.page.locator(".lnb-map-area").focus()
    shown.page.keyboard.press("Shift+S")
    shown.settle()
    assert "unlike 1" in shown.page.locator(".lnb-side-head").inner_text().lower()
    assert host.log == []
    assert shown.errors == []


def test_linked_maps_select_together_until_they_are_unlinked() -> None:
    host = FakeHost(60)
    one, other, third = (Explorer(host, xy) for xy in (host.xy, -host.xy, host.xy[:, ::-1]))
    unlink = one.link(other, third)
    third.select([3, 4])
    assert one.selection.tolist() == other.selection.tolist() == [3, 4]
    unlink()
    one.select([7])
    assert other.selection.tolist() == [3, 4]
    with pytest.raises(ValueError, match="maps of"):
        one.link(Explorer(FakeHost(5), FakeHost(5).xy))


def test_the_map_as_a_file(tmp_path: Path) -> None:
    from PIL import Image

    host, explorer = a_map()
    host.decide(np.arange(60), [NAMES[k] for k in host.items.truth])
    host.add_class("<b> & co\x07")
    host.decide([0, 5, 10], "<b> & co\x07")
    with Image.open(explorer.save(tmp_path / "map.png")) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 6
    svg = read_svg(explorer.save(tmp_path / "map.svg"))
    assert "<b> & co" in texts_of(svg, "names")
    assert [text.split("  ")[0] for text in texts_of(svg, "legend")] == [*NAMES, "<b> & co"]
    assert svg.getElementsByTagName("image").length == 0
    circles = [circle for group in part(svg, "points").childNodes for circle in group.childNodes]
    assert len(circles) == 60
    assert all(0 < float(one.getAttribute("cx")) < 640 and 0 < float(one.getAttribute("cy")) < 480 for one in circles)
    with pytest.raises(ValueError, match=r"expected .png or .svg"):
        explorer.save(tmp_path / "map.bmp")


def test_circles_of_an_svg_lie_as_on_the_map_in_their_colours_and_filters_keep_a_faint_layer(tmp_path: Path) -> None:
    host, explorer = a_map(color="city")
    explorer.shown = [1]
    groups = {one.getAttribute("fill"): one for one in part(read_svg(explorer.save(tmp_path / "map.svg")), "points").childNodes}
    assert {colour: one.getAttribute("opacity") for colour, one in groups.items()} == {"#0968ba": "0.14", "#f2801e": "", "#a9adb3": "0.14"}
    drawn = np.array([[float(c.getAttribute(key)) for key in ("cx", "cy")] for c in groups["#f2801e"].childNodes])
    own = host.xy[0::3]                                                                          # Rome
    for axis, sign in ((0, 1), (1, -1)):
        assert np.corrcoef(drawn[:, axis], own[:, axis])[0, 1] * sign > .9999
    explorer.shown, explorer.color = None, "year"
    svg = read_svg(explorer.save(tmp_path / "scale.svg"))
    assert {one.getAttribute("fill") for one in part(svg, "points").childNodes} == set(RAMP)
    assert len(texts_of(svg, "legend")) == 7
    assert texts_of(svg, "names") == []


def test_an_svg_of_very_many_points_holds_a_picture_and_says_so(tmp_path: Path) -> None:
    host = FakeHost(20_001)
    text = Explorer(host, host.xy).save(tmp_path / "map.svg").read_text()
    assert "20,001 points, drawn as a picture" in text
    assert text.count("<image") == 1
    assert text.count("<circle") == 0
    assert len(text) < 2_000_000
    read_svg(tmp_path / "map.svg")


def read_svg(path: Path) -> Any:
    import xml.dom.minidom

    document = xml.dom.minidom.parseString(path.read_bytes())
    assert document.documentElement.tagName == "svg"
    return document


def part(svg: Any, name: str) -> Any:
    return next(group for group in svg.getElementsByTagName("g") if group.getAttribute("class") == name)


def texts_of(svg: Any, name: str) -> list[str]:
    return [text.firstChild.data for text in part(svg, name).getElementsByTagName("text")]


def test_the_picture_button_gives_a_png_with_the_points(mount: Any, tmp_path: Path) -> None:
    from tests.browser.chromium import is_blank

    host, explorer = a_map(600)
    host.decide(np.arange(600), [NAMES[k] for k in host.items.truth])
    shown = mount(explorer)
    shown.page.locator(".lnb-map-area").focus()
    with shown.page.expect_download() as download:
        shown.page.keyboard.press("p")
    download.value.save_as(tmp_path / "map.png")
    assert not is_blank((tmp_path / "map.png").read_bytes())
    assert shown.errors == []


def test_an_svg_of_what_is_seen(mount: Any, tmp_path: Path) -> None:
    host, explorer = a_map()
    host.decide(np.arange(60), [NAMES[k] for k in host.items.truth])
    explorer.select([3])
    shown = mount(explorer)
    with shown.page.expect_download() as download:
        shown.page.get_by_role("button", name="Save as PNG").click(modifiers=["Shift"])
    download.value.save_as(tmp_path / "seen.svg")
    svg = read_svg(tmp_path / "seen.svg")
    assert svg.getElementsByTagName("circle").length == 60
    written = [text.firstChild.data for text in svg.getElementsByTagName("text")]
    assert {"apple", "eagle"} <= set(written)
    assert "apple  12" in written
    assert shown.errors == []
