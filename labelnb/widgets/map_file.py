"""The map as a file: PNG, or SVG with the points as a picture and the names as text."""
from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from labelnb.atomic import new_file
from labelnb.widgets.static_chart import SCALE, scatter
from labelnb.widgets.static_view import map_picture

__all__ = ["save_map"]

HEIGHT = 480


def save_map(
    path: Path, xy: np.ndarray, groups: np.ndarray, names: Sequence[str], places: Sequence[tuple[str, float, float]], title: str
) -> Path:
    """Write the map to `path`.

    Parameters
    ----------
    xy : (N, 2) positions
    groups : (N,) group of each point, -1 for none
    names : of the groups
    places : (name, x, y) of what is written on the map, in the unit of xy; the first of names that would overlap stays
    title : for screen readers

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
        map_picture(xy, groups, list(names)).save(content, "PNG")
    else:
        content.write(_svg(xy, groups, places, title).encode())
    with new_file(path) as made:
        made.write_bytes(content.getvalue())
    return path


def _svg(xy: np.ndarray, groups: np.ndarray, places: Sequence[tuple[str, float, float]], title: str) -> str:
    picture = scatter(xy, groups, height=HEIGHT)
    data = io.BytesIO()
    picture.save(data, "PNG")
    width, height = picture.width / SCALE, picture.height / SCALE
    points = np.asarray(xy, np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (np.array([width - 24, height - 24]) / np.maximum(high - low, 1e-9)).min()      # as scatter places the points
    taken: list[tuple[float, float, float]] = []
    texts = []
    for name, x, y in places:
        px, py = (np.array([x, y]) - (low + high) / 2) * scale * [1, -1] + np.array([width, height]) / 2
        half = 4.2 * len(name)
        if all(abs(px - other) > half + wide or abs(py - row) > 18 for other, row, wide in taken):
            taken.append((px, py, half))
            texts.append(f'<text x="{px:.1f}" y="{py:.1f}">{escape(name)}</text>')
    look = "font:600 13px sans-serif;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:3px;fill:#16191d"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
        f"<title>{escape(title)}</title>"
        f'<image width="{width:.0f}" height="{height:.0f}" href="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"/>'
        f'<g style="{look}">{"".join(texts)}</g></svg>'
    )
