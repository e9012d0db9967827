"""A map counted coarsely: a few thousand bytes from which a view draws something before all points have come."""
from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["SIDE", "coarse_map"]

SIDE = 160
"""Cells across the map's square."""
MOST_COUNTED = 150_000
"""Of more points every n-th is counted."""
LEVELS = 12
"""Steps of a doubling, of a count in a byte."""
NONE, SCALE, COLOURS = 12, 16, 32
"""Among the 32 colours of the front end (`looks.ts`): what has no value; the first of a scale; how many there are."""


def coarse_map(xy: np.ndarray, looks: np.ndarray) -> dict[str, Any]:
    """What lies in each cell of a coarse grid.

    Parameters
    ----------
    xy : (N, 2) uint16 places
    looks : (N,) uint8 colour of each point among the front end's 32

    Returns
    -------
    `side`; `box`, the points' left, bottom, right and top in shares of the square; `cells`, 4 x side x side bytes, the lowest row first:
    how many points (LEVELS times the binary logarithm of one more), the colour of most of those that have a value (of a scale the mean),
    the share of that colour (of 255) and of those without a value.

    Notes
    -----
    Linear in at most 150,000 points. Do not use it to count: it says what a glance would.
    """
    every = max(1, -(-len(xy) // MOST_COUNTED))
    places, colours = xy[::every].astype(np.uint32), looks[::every]
    present = np.flatnonzero(np.bincount(colours, minlength=COLOURS))
    rank = np.zeros(COLOURS, np.uint32)
    rank[present] = np.arange(len(present), dtype=np.uint32)
    cell = ((places[:, 1] * SIDE >> 16) * SIDE + (places[:, 0] * SIDE >> 16)) * len(present) + rank[colours]
    tally = np.bincount(cell, minlength=SIDE * SIDE * len(present)).reshape(SIDE * SIDE, len(present))
    total = tally.sum(axis=1)
    without = tally[:, present == NONE].sum(axis=1)
    known = tally * (present != NONE)
    steps = known[:, present >= SCALE]
    if steps.shape[1]:
        best = np.rint((steps @ present[present >= SCALE]) / np.maximum(steps.sum(axis=1), 1))
        most = known.sum(axis=1)
    else:
        best, most = present[known.argmax(axis=1)], known.max(axis=1)
    crowd = np.rint(LEVELS * np.log2(total * every + 1.0))
    shares = 255 / np.maximum(total, 1)
    parts = [crowd, np.where(most > 0, best, NONE), most * shares, without * shares]
    box = [*(xy.min(axis=0) / 65_535).tolist(), *(xy.max(axis=0) / 65_535).tolist()]
    return {"side": SIDE, "box": box, "cells": np.stack(parts).clip(0, 255).astype(np.uint8).tobytes()}
