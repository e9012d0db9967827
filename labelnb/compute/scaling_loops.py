"""The passes of a Sinkhorn solver over a kernel that is larger than the cache, compiled by numba once and kept on disk.

A row is worked on wholly while it lies in the innermost cache, so that a pass reads the kernel from memory once. Threads share no row and
wait for none: on a busy machine this matters more than the arithmetic. Each function works on the blocks of `size` rows from `low` to
`high`, and sums are formed by block, so that no result depends on the number of threads.
"""
from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["form", "scale", "write_plan"]

_LOG2E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_C = tuple(np.float32(c) for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1))
"""Coefficients of exp on +-log(2)/2, from the Cephes library of S. Moshier (expf), to 2e-7."""


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"}, error_model="numpy")
def form(low: int, high: int, kernel: Any, size: int, scores: Any, h: Any, slope: Any, least: Any, heights: Any) -> None:
    """kernel = exp(scores * slope + h - heights), heights the largest of each row; zero below exp(least). All float32 but the heights."""
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    for i in range(low * size, min(high * size, len(kernel))):
        row, given = kernel[i], scores[i]
        top = np.float32(-np.inf)
        for j in range(len(h)):
            t = given[j] * slope + h[j]
            row[j] = t
            top = t if t > top else top
        if top == -np.inf:                                        # wholly forbidden, so without mass: anything finite will do
            row[:] = one
            heights[i] = 0.0
            continue
        heights[i] = top
        for j in range(len(h)):
            x = row[j] - top
            x = x if x > least else least
            n = np.floor(x * _LOG2E + half)
            r = x - n * _LN2_HIGH
            r = r - n * _LN2_LOW
            y = ((((_C[0] * r + _C[1]) * r + _C[2]) * r + _C[3]) * r + _C[4]) * r + _C[5]
            y = y * r * r + (r + one)
            power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
            row[j] = y * power if x > least else zero


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def scale(low: int, high: int, kernel: Any, size: int, v: Any, mass: Any, weights: Any, sums: Any) -> None:
    """Row sums `weights` of kernel * v, and the column sums of the kernel whose rows are scaled by mass / weights: `sums[b]` of block b."""
    for b in range(low, high):
        part = sums[b]
        part[:] = 0
        for i in range(b * size, min(b * size + size, len(kernel))):
            row = kernel[i]
            total = v.dtype.type(0)
            for j in range(len(v)):
                total += row[j] * v[j]
            weights[i] = total
            factor = mass[i] / total
            for j in range(len(v)):
                part[j] += factor * row[j]


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def write_plan(low: int, high: int, kernel: Any, size: int, v: Any, mass: Any, errors: Any) -> None:
    """kernel = kernel * v with every row scaled to its mass, and by how much its sum is still wrong, as rounding makes it."""
    for i in range(low * size, min(high * size, len(kernel))):
        row = kernel[i]
        total = v.dtype.type(0)
        for j in range(len(v)):
            total += row[j] * v[j]
        factor = mass[i] / total
        made = 0.0
        for j in range(len(v)):
            row[j] *= factor * v[j]
            made += np.float64(row[j])
        errors[i] = abs(made - np.float64(mass[i]))
