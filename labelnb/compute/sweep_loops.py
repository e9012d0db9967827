"""The loops of `sweeps`, compiled by numba once and kept on disk. Nodes are worked on one after the other, sixteen classes at a time.

`starts`, `ends`, `place`, `halves` and `at` are unsigned, so that no index is looked at for counting from the end: a quarter of a solve.
"""
from __future__ import annotations

from typing import Any

import numba
import numpy as np

from labelnb.compute.lanes import fetch, get, put, spread
from labelnb.compute.near_order import LIST

__all__ = ["finish", "scaled", "skew", "solve", "split"]

AHEAD = 16
"""Rows of an order that jumps about: so far ahead they are fetched."""
CHUNK = 1024
"""Nodes whose products are added by themselves: inner products in the vectors' own precision."""
LOW = np.uint32(0xFFFF)


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def skew(starts: Any, ends: Any, data: Any) -> float:
    """u^T W v - v^T W u for two vectors of numbers in [0, 1): 0 to rounding where W is symmetric, and by chance only where it is not.

    The numbers are drawn from a node's place, as often as they are needed: much sooner done than looking them up.
    """
    total, half = 0.0, np.uint32(16)
    for first in range(0, len(starts) - 1, CHUNK):
        part = 0.0
        for i in range(first, min(len(starts) - 1, first + CHUNK)):
            a, b = 0.0, 0.0
            for e in range(starts[i], starts[i + 1]):
                drawn = _drawn(ends[e])
                a += data[e] * np.float64(np.int32(drawn >> half))
                b += data[e] * np.float64(np.int32(drawn & LOW))
            drawn = _drawn(i)
            part += np.float64(drawn & LOW) * a - np.float64(drawn >> half) * b
        total += part
    return total / 2.0**32


@numba.njit(nogil=True, cache=True, inline="always")
def _drawn(i: Any) -> Any:
    """Bits that look drawn, from a number: multiplied by odd constants, with the upper bits brought down between (Knuth 1973)."""
    mixed = np.uint32(i) * np.uint32(2_654_435_761)
    return np.uint32((mixed ^ (mixed >> np.uint32(15))) * np.uint32(2_246_822_519))


@numba.njit(nogil=True, cache=True)
def scaled(starts: Any, ends: Any, data: Any, alpha: float, by_degree: bool, scale: Any) -> bool:
    """(N,) what entries are multiplied by on both sides so that the diagonal of I - alpha S is 1; False where it is not all positive.

    `by_degree` drops the diagonal and divides by the square roots of the row sums.
    """
    for i in range(len(scale)):
        total, own = 0.0, 0.0
        for e in range(starts[i], starts[i + 1]):
            if ends[e] == i:
                own += data[e]
            else:
                total += data[e]
        if by_degree:
            scale[i] = 1 / np.sqrt(total) if total > 0 else 0.0
        elif 1 - alpha * own <= 0:
            return False
        else:
            scale[i] = 1 / np.sqrt(1 - alpha * own)
    return True


@numba.njit(nogil=True, cache=True)
def split(starts: Any, ends: Any, data: Any, order: Any, place: Any, scale: Any, alpha: float, halves: Any, at: Any, weights: Any) -> None:
    """Rows in that order, scaled: of node r the entries before it from halves[2 r] on, those after it from halves[2 r + 1] on; the
    diagonal is one of these, and 0.

    `scale` is in that order too: what is read of it then lies together.
    """
    free = np.uintp(0)
    for r in range(len(order)):
        i = order[r]
        if r + AHEAD < len(order):
            fetch(starts, order[r + AHEAD])
            soon = starts[order[r + AHEAD // 2]]
            for line in range(soon, soon + LIST, 16):
                fetch(ends, line)
                fetch(data, line)
            soon = order[r + AHEAD // 4]
            for e in range(starts[soon], starts[soon + 1]):
                fetch(place, ends[e])
        factor, halves[2 * r], last = alpha * scale[r], free, free + np.uintp(starts[i + 1] - starts[i])
        after = last
        for e in range(starts[i], starts[i + 1]):                 # without a branch, which no processor could foresee
            other = place[ends[e]]
            before = other < r
            last -= np.uintp(not before)
            to = free if before else last
            at[to], weights[to] = other, factor * data[e] * scale[other] * (other != r)
            free += np.uintp(before)
        halves[2 * r + 1] = free
        free = after
    halves[2 * len(order)] = free


@numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def solve(halves: Any, at: Any, weights: Any, seed: Any, y: Any, goal: Any, most: int, work: Any) -> int:
    """(I - L - L^T) x = y, the rows of y where `seed` says; x is work[0] in the end. Returns the steps, `most` where they did not do.

    In the variables (I - L^T) x the residual r is (I - L)^-1 times the true one. A step moves by a p: what that does to x is t = (I -
    L^T)^-1 p, found downwards from the last node, and to r it is q = t + s, s = (I - L)^-1 (p - t), found upwards. The inner products
    that the next step needs are taken on the way up, so that moving and the next way down are one loop.
    """
    x, r, p, t, s = work
    count, zero, known = (len(halves) - 1) // 2, spread(work.dtype.type(0)), np.zeros((5, 16), work.dtype)
    for i in range(count):
        total = get(y, seed[i]) if seed[i] >= 0 else zero
        for e in range(halves[2 * i], halves[2 * i + 1]):
            total += spread(weights[e]) * get(r, at[e])
        put(r, i, total)
    rr, sums = np.zeros(16), np.zeros((3, 16))
    for step in range(most + 1):
        rr[:], sums[:] = 0, 0
        a, b = get(known, 0), get(known, 1)
        for last in range(count, 0, -CHUNK):
            squares = zero
            for i in range(last - 1, max(-1, last - 1 - CHUNK), -1):
                if step == 0:                                     # the diagonal reads t at i, times 0
                    put(x, i, zero)
                    put(t, i, zero)
                    rest = total = get(r, i)
                else:
                    moved = get(t, i)
                    put(x, i, get(x, i) + a * moved)
                    rest = get(r, i) - a * (moved + get(s, i))
                    put(r, i, rest)
                    total = rest + b * get(p, i)
                squares += rest * rest
                put(p, i, total)
                for e in range(halves[2 * i + 1], halves[2 * i + 2]):
                    total += spread(weights[e]) * get(t, at[e])
                put(t, i, total)
            put(known, 2, squares)
            for c in range(16):
                rr[c] += known[2, c]
        if step == most or (rr <= goal).all():
            break
        for first in range(0, count, CHUNK):
            pq, rq, qq = zero, zero, zero
            for i in range(first, min(count, first + CHUNK)):
                moved, way = get(t, i), get(p, i)
                total = way - moved
                for e in range(halves[2 * i], halves[2 * i + 1]):
                    total += spread(weights[e]) * get(s, at[e])
                put(s, i, total)
                q = total + moved
                pq += way * q
                rq += get(r, i) * q
                qq += q * q
            put(known, 2, pq)
            put(known, 3, rq)
            put(known, 4, qq)
            for c in range(16):
                for one in range(3):
                    sums[one, c] += known[2 + one, c]
        for c in range(16):
            length = rr[c] / sums[0, c] if sums[0, c] > 0 else 0.0
            left = rr[c] - 2 * length * sums[1, c] + length * length * sums[2, c]          # what rr will be
            known[0, c] = length
            known[1, c] = max(left, 0.0) / rr[c] if rr[c] > 0 else 0.0
    return step


@numba.njit(nogil=True, cache=True, fastmath={"contract"})
def finish(halves: Any, at: Any, weights: Any, seed: Any, y: Any, work: Any, place: Any, back: Any, first: int, out: Any) -> Any:
    """(16,) squared length of what the equation leaves over, in its own variables x * back; these are written to `out`, node by node."""
    x, rows, squares = work[0], np.zeros((1, 16), work.dtype), np.zeros(16)
    count, zero, flat = len(place), spread(work.dtype.type(0)), x.reshape(-1)
    for low in range(0, count, CHUNK):
        total = zero
        for i in range(low, min(count, low + CHUNK)):
            rest = (get(y, seed[i]) if seed[i] >= 0 else zero) - get(x, i)
            for e in range(halves[2 * i], halves[2 * i + 2]):
                rest += spread(weights[e]) * get(x, at[e])
            rest = rest * spread(work.dtype.type(1) / back[i])
            total += rest * rest
        put(rows, 0, total)
        for c in range(16):
            squares[c] += rows[0, c]
    for node in range(count):
        if node + AHEAD < count:
            fetch(flat, place[node + AHEAD] * 16)
        i = place[node]
        for c in range(min(16, out.shape[1] - first)):
            out[node, first + c] = x[i, c] * back[i]
    return squares
