"""Pictures for saved notebooks, drawn with PIL: bars, points, lines, contact sheets. Dark ink on white, at twice their shown size."""
from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labelnb.widgets.palette import NEUTRAL, class_colour, rgb

__all__ = ["SCALE", "WIDTH", "bars", "scatter", "lines", "sheet", "stack", "encode"]

SCALE = 2
"""Pixels of the picture for one of the page, so that it is sharp on dense screens and in print."""
WIDTH = 640
"""Width on the page."""
INK, QUIET, HAIRLINE, PAPER = (22, 25, 29), (95, 100, 108), (222, 224, 227), (255, 255, 255)
TINTS = (0, 1, 2)
"""Sure, likely, unsure: from strong to pale."""
NAME_WIDTH = 168
Colour = tuple[int, int, int]
Points = list[tuple[float, float]]
ROW = 22


@functools.cache
def _font(size: float) -> Any:
    return ImageFont.load_default(size * SCALE)


def _canvas(height: float, width: float = WIDTH) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (int(width * SCALE), max(1, int(height * SCALE))), PAPER)
    return image, ImageDraw.Draw(image)


def _write(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, *, size: float = 12, colour: Colour = INK, anchor: str = "lm",
    room: float | None = None,
) -> None:
    text = " ".join(str(text).split())
    font = _font(size)
    if room is not None and draw.textlength(text, font=font) > room * SCALE:
        while len(text) > 1 and draw.textlength(text + "…", font=font) > room * SCALE:
            text = text[:-1]
        text += "…"
    draw.text((x * SCALE, y * SCALE), text, fill=colour, font=font, anchor=anchor)


def _box(draw: ImageDraw.ImageDraw, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    draw.rectangle((left * SCALE, top * SCALE, right * SCALE, bottom * SCALE), fill=colour)


def bars(
    rows: Sequence[tuple[str, Sequence[float], int]], *, unit: str = "", most: int = 24, colours: Sequence[str] | None = None,
) -> Image.Image:
    """Horizontal bars: (name, parts, class position). The parts of a bar are its shares from sure to unsure, drawn from strong to pale.
    `colours` by position; those of the classes by default."""
    shown = list(rows)[:most]
    left_out = len(rows) - len(shown)
    image, draw = _canvas(ROW * (len(shown) + bool(left_out)) + 8)
    longest = max((sum(parts) for _, parts, _ in shown), default=1) or 1
    room = WIDTH - NAME_WIDTH - 76
    for k, (name, parts, position) in enumerate(shown):
        y = 4 + ROW * (k + .5)
        _write(draw, NAME_WIDTH - 10, y, name, anchor="rm", room=NAME_WIDTH - 16)
        x = float(NAME_WIDTH)
        for level, part in enumerate(parts):
            width = part / longest * room
            colour = rgb(class_colour(position) if colours is None else colours[position])
            _box(draw, x, y - 6, x + width, y + 6, _paler(colour, level / max(len(parts), 1)))
            x += width
        total = sum(parts)
        _write(draw, x + 7, y, f"{total:,.0f}{unit}" if float(total).is_integer() else f"{total:.3g}{unit}", colour=QUIET, size=11)
    if left_out:
        _write(draw, NAME_WIDTH, 4 + ROW * (len(shown) + .5), f"and {left_out:,} more", colour=QUIET, size=11)
    return image


def scatter(
    xy: np.ndarray, groups: np.ndarray, *, height: float = 380, most: int = 20_000, colours: Sequence[str] | None = None,
    hidden: Sequence[int] = (),
) -> Image.Image:
    """Points (N, 2) in the colours of their groups (classes by default; -1: neutral, drawn first). At most `most` of them, evenly taken.
    The groups in `hidden` are drawn faint, behind the others."""
    step = -(-len(xy) // most) or 1
    xy, groups = np.asarray(xy[::step], np.float64), np.asarray(groups[::step])
    pixels = np.full((int(height * SCALE), WIDTH * SCALE, 3), 255, np.uint8)
    if len(xy):
        at = places_of(xy, height) * SCALE
        radius = int(np.clip(disc_radius(len(xy), height), 1, 4) * SCALE)
        faint = np.isin(groups, list(hidden))
        order = np.lexsort((groups >= 0, ~faint))
        present, which = np.unique(groups[order], return_inverse=True)
        table = [rgb(class_colour(group) if colours is None or group < 0 else colours[group]) for group in present.tolist()]
        shades = [_paler(colour, .86) if group in hidden else colour for group, colour in zip(present.tolist(), table, strict=True)]
        _stamp(pixels, at[order].astype(int), np.array(shades, np.uint8)[which], radius)
    return Image.fromarray(pixels)


def places_of(xy: np.ndarray, height: float, points: np.ndarray | None = None) -> np.ndarray:
    """Where points are drawn on a picture of `height` that all of `xy` fits on, in units of the page, y down; `xy` itself by default."""
    if not len(xy):
        return np.zeros((0, 2))
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    room = np.array([WIDTH - 24, height - 24])
    scale = (room / np.maximum(high - low, 1e-9)).min()
    return ((xy if points is None else points) - (low + high) / 2) * scale * [1, -1] + np.array([WIDTH, height]) / 2


def disc_radius(n_points: int, height: float) -> float:
    """Radius of a point, in units of the page: the more there are the smaller."""
    return float(np.clip(np.sqrt(WIDTH * height / max(1, n_points)) * .3, .8, 4))


def _stamp(pixels: np.ndarray, at: np.ndarray, colours: np.ndarray, radius: int) -> None:
    """Draw a disc at every place; later ones lie over earlier ones."""
    steps = np.arange(-radius, radius + 1)
    dy, dx = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))
    inside = dx**2 + dy**2 <= (radius + .3) ** 2
    # All offsets of one point before the next point: within one assignment NumPy lets the last value win.
    y = np.clip(at[:, 1, None] + dy[inside], 0, pixels.shape[0] - 1).ravel()
    x = np.clip(at[:, 0, None] + dx[inside], 0, pixels.shape[1] - 1).ravel()
    pixels[y, x] = np.repeat(colours, int(inside.sum()), axis=0)


def lines(figure: Any, *, title: str = "", height: float = 240) -> Image.Image:
    """A chart of a Report: `{"kind": "line" | "bar" | "calibration", "x", "series": {name: values}, "x_label", "y_label"}`."""
    image, draw = _canvas(height)
    names, x = list(figure["series"]), list(figure["x"])
    series = [[float(value) if value is not None else float("nan") for value in figure["series"][name]] for name in names]
    numeric = figure["kind"] != "bar" and all(isinstance(value, int | float | np.number) for value in x)
    places = [float(value) for value in x] if numeric else list(np.arange(len(x), dtype=float))
    known = [value for values in series for value in values if np.isfinite(value)]
    low, high = min([0.0, *known]), max([*known, 0.0]) or 1.0
    left, right, top, bottom = 56.0, WIDTH - 16.0, 34.0, height - 40.0
    aside = 0 if numeric else .5
    x_low, x_high = min(places, default=0) - aside, max(places, default=1) + aside
    if figure["kind"] == "calibration":
        x_low, x_high, low, high = 0.0, 1.0, 0.0, 1.0

    def to_page(px: float, py: float) -> tuple[float, float]:
        return left + (px - x_low) / ((x_high - x_low) or 1) * (right - left), bottom - (py - low) / ((high - low) or 1) * (bottom - top)

    for tick in _ticks(low, high):
        y = to_page(0, tick)[1]
        draw.line((left * SCALE, y * SCALE, right * SCALE, y * SCALE), fill=HAIRLINE, width=1)
        _write(draw, left - 8, y, f"{tick:g}", size=10, colour=QUIET, anchor="rm")
    ticks = _ticks(x_low, x_high) if numeric else places
    room = (right - left) / max(len(ticks), 1) - 4
    for tick, label in zip(ticks, [f"{tick:g}" for tick in ticks] if numeric else [str(value) for value in x], strict=True):
        _write(draw, to_page(tick, 0)[0], bottom + 11, label, size=10, colour=QUIET, anchor="mm", room=room)
    if figure["kind"] == "calibration":
        draw.line([tuple(part * SCALE for part in to_page(v, v)) for v in (0.0, 1.0)], fill=rgb(NEUTRAL), width=SCALE)
    for k, values in enumerate(series):
        points = [(px, py) for px, py in zip(places, values, strict=True) if np.isfinite(py)]
        if figure["kind"] == "bar":
            _bar_series(draw, points, to_page, k, len(series), max(low, 0.0))
        else:
            _line_series(draw, points, to_page, rgb(class_colour(k)))
    _chart_words(draw, names, title, str(figure.get("x_label", "")), str(figure.get("y_label", "")), height)
    return image


def _bar_series(draw: ImageDraw.ImageDraw, points: Points, to_page: Any, k: int, count: int, ground: float) -> None:
    width = .8 / count
    for px, py in points:
        x0, y0 = to_page(px - .4 + k * width, ground)
        x1, y1 = to_page(px - .4 + (k + 1) * width, py)
        _box(draw, x0, min(y0, y1), x1 - 1, max(y0, y1), rgb(class_colour(k)))


def _line_series(draw: ImageDraw.ImageDraw, points: Points, to_page: Any, colour: Colour) -> None:
    page = [tuple(part * SCALE for part in to_page(px, py)) for px, py in points]
    if len(page) > 1:
        draw.line(page, fill=colour, width=2 * SCALE, joint="curve")
    if len(page) <= 40:
        for px, py in page:
            draw.ellipse((px - 3 * SCALE, py - 3 * SCALE, px + 3 * SCALE, py + 3 * SCALE), fill=colour)


def _chart_words(draw: ImageDraw.ImageDraw, names: Sequence[str], title: str, x_label: str, y_label: str, height: float) -> None:
    _write(draw, 8, 13, title or y_label, size=12, room=260)
    _write(draw, WIDTH / 2, height - 9, x_label, size=10.5, colour=QUIET, anchor="mm", room=WIDTH - 40)
    x = WIDTH - 16.0
    for k, name in reversed(list(enumerate(names[:6]))):
        width = min(120.0, draw.textlength(str(name), font=_font(10.5)) / SCALE)
        _write(draw, x - width, 13, name, size=10.5, colour=QUIET, room=122)
        _box(draw, x - width - 14, 9, x - width - 6, 17, rgb(class_colour(k)))
        x -= width + 26


def sheet(rows: Sequence[tuple[str, int, Sequence[Image.Image]]], *, side: float = 52) -> Image.Image:
    """A contact sheet: (name, class position, thumbnails) a row."""
    gap = 6
    image, draw = _canvas((side + gap) * len(rows) + gap)
    for k, (name, position, pictures) in enumerate(rows):
        y = gap + k * (side + gap)
        _write(draw, NAME_WIDTH - 28, y + side / 2, name, anchor="rm", room=NAME_WIDTH - 34)
        _box(draw, NAME_WIDTH - 20, y + side / 2 - 5, NAME_WIDTH - 10, y + side / 2 + 5, rgb(class_colour(position)))
        for n, picture in enumerate(pictures):
            small = picture.convert("RGB")
            small.thumbnail((int(side * SCALE), int(side * SCALE)))
            x = NAME_WIDTH + n * (side + gap)
            image.paste(small, (int(x * SCALE + (side * SCALE - small.width) / 2), int(y * SCALE + (side * SCALE - small.height) / 2)))
    return image


def stack(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures below each other."""
    whole = Image.new("RGB", (WIDTH * SCALE, max(1, sum(picture.height for picture in pictures))), PAPER)
    y = 0
    for picture in pictures:
        whole.paste(picture, (0, y))
        y += picture.height
    return whole


def encode(picture: Image.Image, limit: int) -> bytes:
    """PNG of at most `limit` bytes: in few colours, and smaller where it must be."""
    while True:
        out = io.BytesIO()
        _in_few_colours(picture).save(out, "PNG", compress_level=7)
        if out.tell() <= limit or picture.width < 160:
            return out.getvalue()
        share = max(.4, .93 * (limit / out.tell()) ** .5)
        picture = picture.resize((int(picture.width * share), max(1, int(picture.height * share))), Image.Resampling.BOX)


def _in_few_colours(picture: Image.Image) -> Image.Image:
    """The picture in a palette that holds the classes' colours and greys exactly; what is left goes to the thumbnails."""
    used = picture.getcolors(256)
    if used is not None:
        colours: list[Any] = [colour for _, colour in used]
    else:
        colours = [PAPER, INK, QUIET, HAIRLINE, rgb(NEUTRAL), *((grey, grey, grey) for grey in range(24, 256, 24))]
        colours += [_paler(rgb(class_colour(k)), level / len(TINTS)) for k in range(12) for level in TINTS]
        small = picture.resize((max(1, picture.width // 4), max(1, picture.height // 4)), Image.Resampling.NEAREST)
        room = 256 - len(colours)
        found = small.quantize(room, method=Image.Quantize.MEDIANCUT).getpalette() or []
        colours += [tuple(found[k : k + 3]) for k in range(0, min(len(found), 3 * room), 3)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in colours for part in colour])
    few = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    if PAPER in colours:  # PIL looks colours up in coarse steps and may take a near white
        red, green, blue = (np.asarray(channel) == 255 for channel in picture.split())   # four times faster than .all(axis=2)
        few.paste(colours.index(PAPER), mask=Image.fromarray(red & green & blue))
    return few


def _paler(colour: Colour, share: float) -> Colour:
    red, green, blue = (int(part + (255 - part) * share * .8) for part in colour)
    return red, green, blue


def _ticks(low: float, high: float) -> list[float]:
    """Some five round numbers from low to high."""
    if not high > low:
        return [low]
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = np.ceil(low / step - 1e-9)
    return [float(round(step * (first + k), 10)) for k in range(int((high - first * step) / step + 1e-9) + 1)]
