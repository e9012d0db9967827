"""The inner loop of UMAP's layout, compiled by numba once and kept on disk: neighbours pull, rows drawn at random push.

The two forces depend on the squared distance alone. They are read from tables over its bits, 256 values an octave and straight lines
between them, instead of two powers a pair: some 1e-5 of a force, in steps that are random anyway.
"""
from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["epochs", "forces"]

LEAST, OCTAVES = -20, 36
"""The tables begin at a squared distance of 2**LEAST and end so many octaves further; beyond, their ends hold."""
PUSHES = 5
"""Rows drawn for each pull."""


def forces(a: float, b: float) -> np.ndarray:
    """(2, 256 OCTAVES + 1) float32: pull and push by squared distance, to be multiplied by the difference of the places."""
    step = np.arange(256 * OCTAVES + 1)
    squared = np.ldexp(1 + (step % 256) / 256, LEAST + step // 256)
    falling = 1 + a * squared**b
    return np.stack([2 * a * b * squared ** (b - 1) / falling, 2 * b / ((0.001 + squared) * falling)]).astype(np.float32)


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _force(table: Any, squared: Any) -> Any:
    bits = np.float32(squared).view(np.int32)
    place = (bits >> 15) - ((127 + LEAST) << 8)
    if place < 0:
        return table[0]
    if place >= len(table) - 1:
        return table[len(table) - 1]
    part = np.float32(bits & 0x7FFF) * np.float32(1 / 32768)
    return table[place] + part * (table[place + 1] - table[place])


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def epochs(
    places: Any, starts: Any, ends: Any, rates: Any, due: Any, pull: Any, push: Any, first: int, last: int, whole: int, step: float,
    state: Any,
) -> Any:
    """Run the epochs from `first` to `last` of `whole`; places and due are changed; returns the generator's state.

    Edge e of row i (CSR: `starts`, `ends`) is due `rates[e]` times an epoch. The step falls evenly to nothing.
    """
    count, dims = places.shape
    away = np.empty(dims, np.float32)
    for epoch in range(first, last):
        length = np.float32(step * (1 - epoch / whole))
        for i in range(count):
            mine = places[i]
            for e in range(starts[i], starts[i + 1]):
                due[e] += rates[e]
                if due[e] < 1:
                    continue
                due[e] -= 1
                other = places[ends[e]]
                squared = np.float32(0)
                for c in range(dims):
                    away[c] = other[c] - mine[c]
                    squared += away[c] * away[c]
                if squared > 0:
                    by = _force(pull, squared)
                    for c in range(dims):
                        move = length * min(np.float32(4), max(np.float32(-4), by * away[c]))
                        mine[c] += move
                        other[c] -= move
                for _ in range(PUSHES):
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    other = places[((state >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)]
                    squared = np.float32(0)
                    for c in range(dims):
                        away[c] = mine[c] - other[c]
                        squared += away[c] * away[c]
                    if squared > 0:
                        by = _force(push, squared)
                        for c in range(dims):
                            mine[c] += length * min(np.float32(4), max(np.float32(-4), by * away[c]))
    return state
