"""The map as a file: PNG, or SVG with points, names and legend as vectors."""
from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from labelnb.atomic import new_file
from labelnb.widgets.palette import NEUTRAL
from labelnb.widgets.static_chart import SCALE, WIDTH, disc_radius, places_of, scatter
from labelnb.widgets.static_view import map_picture

__all__ = ["MOST_VECTORS", "save_map"]

HEIGHT = 480
MOST_VECTORS = 20_000
"""Up to so many points are circles in an SVG; more are a picture inside it, and the file says so."""
FAINT = 0.14
"""Opacity of what a filter leaves out."""
LONGEST = 48
LINE = 22


def save_map(
    path: Path, xy: np.ndarray, groups: np.ndarray, names: Sequence[str], places: Sequence[tuple[str, float, float]], title: str,
    *, colours: Sequence[str], hidden: Sequence[int] = (),
) -> Path:
    """Write the map to `path`.

    Parameters
    ----------
    xy : (N, 2) positions
    groups : (N,) group of each point, -1 for none
    names : of the groups
    places : (name, x, y) of what is written on the map, in the unit of xy; the first of names that would overlap stays
    title : for screen readers
    colours : `#rrggbb` of the groups
    hidden : groups that a filter leaves out; they stay as a faint layer

    Raises
    ------
    ValueError
        If the ending is neither .png nor .svg.
    """
    ending = path.suffix.lower()
    if ending not in (".png", ".svg"):
        raise ValueError(f"{path}: got the ending {path.suffix!r}, expected .png or .svg")
    content = io.BytesIO()
    if ending == ".png":
        map_picture(xy, groups, list(names), colours=colours, hidden=hidden).save(content, "PNG")
    else:
        content.write(_svg(xy, groups, names, places, title, colours, hidden).encode())
    with new_file(path) as made:
        made.write_bytes(content.getvalue())
    return path


def _svg(
    xy: np.ndarray, groups: np.ndarray, names: Sequence[str], places: Sequence[tuple[str, float, float]], title: str,
    colours: Sequence[str], hidden: Sequence[int],
) -> str:
    legend, depth = _legend(groups, names, colours, hidden)
    height = HEIGHT + depth
    points, note = _circles(xy, groups, colours, hidden), ""
    if points is None:
        points = _raster(xy, groups, colours, hidden)
        height += LINE
        note = (f'<text x="12" y="{height - 8}" font-size="11" fill="#5f646c">{len(xy):,} points, drawn as a picture; up to '
                f"{MOST_VECTORS:,} are drawn one by one</text>")
    halo = 'font-weight="600" text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="3" stroke-linejoin="round"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#16191d"><title>{_said(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{points}<g class="names" font-size="13" {halo}>{_names(xy, places)}</g>'
        f'<g class="legend">{legend}</g>{note}</svg>\n'
    )


def _circles(xy: np.ndarray, groups: np.ndarray, colours: Sequence[str], hidden: Sequence[int]) -> str | None:
    """One circle a point, those without a group and those left out at the back; None where there are too many."""
    if len(xy) > MOST_VECTORS:
        return None
    at = places_of(xy, HEIGHT)
    radius = disc_radius(len(xy), HEIGHT)
    present = np.unique(groups).tolist()
    layers = []
    for group in sorted(present, key=lambda one: (one not in hidden, one >= 0, one)):
        circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2g}"/>' for x, y in at[groups == group].tolist())
        faint = f' opacity="{FAINT}"' if group in hidden else ""
        layers.append(f'<g fill="{colours[group] if group >= 0 else NEUTRAL}"{faint}>{circles}</g>')
    return f'<g class="points">{"".join(layers)}</g>'


def _raster(xy: np.ndarray, groups: np.ndarray, colours: Sequence[str], hidden: Sequence[int]) -> str:
    picture = scatter(xy, groups, height=HEIGHT, most=200_000, colours=colours, hidden=hidden)
    data = io.BytesIO()
    picture.save(data, "PNG")
    code = base64.b64encode(data.getvalue()).decode()
    return f'<image width="{picture.width // SCALE}" height="{picture.height // SCALE}" href="data:image/png;base64,{code}"/>'


def _names(xy: np.ndarray, places: Sequence[tuple[str, float, float]]) -> str:
    if not places:
        return ""
    at = places_of(xy, HEIGHT, np.array([[x, y] for _, x, y in places], np.float64))
    taken: list[tuple[float, float, float]] = []
    texts = []
    for (name, _, _), (x, y) in zip(places, at.tolist(), strict=True):
        half = _breadth(_shortened(name)) * 1.1 / 2
        if all(abs(x - other) > half + wide or abs(y - row) > 18 for other, row, wide in taken):
            taken.append((x, y, half))
            texts.append(f'<text x="{x:.1f}" y="{y + 4:.1f}">{_said(_shortened(name))}</text>')
    return "".join(texts)


def _legend(groups: np.ndarray, names: Sequence[str], colours: Sequence[str], hidden: Sequence[int]) -> tuple[str, int]:
    """The groups that there are, line by line below the map; and how high that is."""
    counts = np.bincount(groups[groups >= 0], minlength=len(names))
    entries = [(name, colours[k], int(counts[k]), k) for k, name in enumerate(names) if counts[k]]
    if (groups < 0).any():
        entries.append(("none", NEUTRAL, int((groups < 0).sum()), -1))
    parts, x, y = [], 12.0, float(HEIGHT + 12)
    for name, colour, count, group in entries:
        text = f"{_shortened(name)}  {count:,}"
        room = 16 + _breadth(text) + 14
        if x > 12 and x + room > WIDTH - 12:
            x, y = 12.0, y + LINE
        faint = ' opacity="0.45"' if group in hidden else ""
        parts.append(f'<g{faint}><rect x="{x:.1f}" y="{y - 5:.1f}" width="10" height="10" rx="2" fill="{colour}"/>'
                     f'<text x="{x + 15:.1f}" y="{y + 4:.1f}">{_said(text)}</text></g>')
        x += room
    return "".join(parts), int(y - HEIGHT + 14) if parts else 0


def _shortened(name: str) -> str:
    name = " ".join(str(name).split())
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _breadth(text: str) -> float:
    """Estimated width in pixels at size 12."""
    return sum(12.5 if unicodedata.east_asian_width(letter) in "WF" else 6.9 for letter in text)


def _said(text: str) -> str:
    """Escaped, without the characters that no XML may hold."""
    return escape("".join(letter for letter in text if letter >= " " and unicodedata.category(letter) not in ("Cc", "Cs", "Cn")))
