"""Loops over neighbour lists that no tensor operation does well on a CPU, compiled by numba once and kept on disk.

Each works on the rows from `low` to `high` and writes to these alone, so that threads share nothing and the result does not depend on
their number. Lists hold values and positions in no order until they are sorted; minus infinity at position -1 is an empty place.
"""
from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch

from labelnb.compute.lanes import WIDTH, above, above_each, least, lowest

__all__ = [
    "apart", "best_of", "by_threads", "descend", "guests", "merge_columns", "merge_halves", "merge_rows", "near_partitions", "rescored",
    "reverse_lists", "sort_lists", "weighed",
]

EVERY = np.uint64((1 << WIDTH) - 1)
"""The bits of sixteen values that are all above a limit."""


def by_threads(work: Callable[..., Any], count: int, *arguments: Any) -> list[Any]:
    """Run `work(low, high, *arguments)` over parts of range(count), one a thread of torch."""
    threads = max(1, min(torch.get_num_threads(), count // 16))
    ends = np.linspace(0, count, threads + 1).astype(np.int64)
    if threads == 1:
        return [work(0, count, *arguments)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda part: work(part[0], part[1], *arguments), itertools.pairwise(ends)))


@numba.njit(nogil=True, cache=True)
def _worst(values: Any) -> int:
    """The place of the least value, the first of them."""
    count = len(values)
    if count < WIDTH:
        place = 0
        for c in range(1, count):
            place = c if values[c] < values[place] else place
        return place
    low = least(values, count - WIDTH)
    for c in range(0, count - WIDTH, WIDTH):
        low = min(low, least(values, c))
    for c in range(0, count - WIDTH, WIDTH):
        others = above(values, c, low)
        if others != EVERY:
            return c + lowest(~others)
    return count - WIDTH + lowest(~above(values, count - WIDTH, low))


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _floor(row: Any, kept: int) -> Any:
    """A value that at least `kept` numbers of the row exceed, and not many more: found by counting, which takes sixteen at a time."""
    low, high = row[0], row[0]
    for c in range(len(row)):
        high = row[c] if row[c] > high else high
        low = row[c] if row[c] < low else low
    if low < -1e30:                                               # what is masked says nothing of the others
        low = high - np.float32(2) * abs(high) - np.float32(1)
    found = low - np.float32(np.inf)
    for _ in range(12):
        middle = np.float32(0.5) * low + np.float32(0.5) * high   # in the precision of the row, as it is compared
        count = np.int32(0)
        for c in range(len(row)):
            count += np.int32(1) if row[c] > middle else np.int32(0)
        if count < kept:
            high = middle
            continue
        found = low = middle
        if count <= 2 * kept:
            break
    return found


@numba.njit(nogil=True, cache=True)
def merge_rows(low: int, high: int, found: Any, at: Any, members: Any, values: Any, indices: Any) -> None:
    """Row r of `found` holds values of `members` for the list `at[r]`."""
    for r in range(low, high):
        _merge_row(found[r], members, values[at[r]], indices[at[r]])


@numba.njit(nogil=True, cache=True)
def merge_halves(low: int, high: int, found: Any, along: Any, beside: Any, at: Any, first: int, values: Any, indices: Any) -> None:
    """The same for the rows from `first` on, whose values are `found`, the bits of bfloat16, plus along[r] plus beside[c]: no row is
    merged into its own list."""
    members = np.arange(first, first + len(beside)).astype(np.int32)
    row, sixteen = np.empty(len(beside), np.float32), np.uint32(16)
    for r in range(low, high):
        bits, more = found[r], along[r]
        for c in range(len(row)):
            row[c] = np.uint32(np.uint32(bits[c]) << sixteen).view(np.float32) + more + beside[c]
        if first <= at[r] < first + len(row):
            row[at[r] - first] = -np.inf
        _merge_row(row, members, values[at[r]], indices[at[r]])


@numba.njit(nogil=True, cache=True)
def _merge_row(row: Any, members: Any, mine: Any, known: Any) -> None:
    width, place = len(row), _worst(mine)
    floor = _floor(row, len(mine)) if np.isneginf(mine[place]) and width >= 4 * len(mine) else mine[place]
    worst = max(mine[place], floor)
    for start in range(0, width, WIDTH):
        hits = above(row, start, worst) if start + WIDTH <= width else _rest_above(row, start, worst)
        while hits:
            i = start + lowest(hits)
            hits &= hits - np.uint64(1)
            if row[i] > worst:
                mine[place], known[place] = row[i], members[i]
                place = _worst(mine)
                worst = max(mine[place], floor)


@numba.njit(nogil=True, cache=True)
def _rest_above(values: Any, start: int, limit: Any) -> Any:
    """`above` of the last values, fewer than sixteen."""
    bits = np.uint64(0)
    for i in range(start, len(values)):
        bits |= np.uint64(values[i] > limit) << np.uint64(i - start)
    return bits


@numba.njit(nogil=True, cache=True)
def merge_columns(low: int, high: int, found: Any, at: Any, members: Any, values: Any, indices: Any) -> None:
    """Column c of `found` holds values of `members` for the list `at[c]`; this call does the columns from low to high."""
    places = np.empty(high - low, np.int64)
    limits = np.empty(high - low, found.dtype)
    for c in range(low, high):
        places[c - low] = _worst(values[at[c]])
        limits[c - low] = values[at[c], places[c - low]]
    for r in range(found.shape[0]):
        row = found[r, low:high]
        for start in range(0, high - low, WIDTH):
            if start + WIDTH <= high - low and not above_each(row, limits, start):
                continue
            for c in range(start, min(start + WIDTH, high - low)):
                if row[c] > limits[c]:
                    mine = values[at[low + c]]
                    mine[places[c]], indices[at[low + c], places[c]] = row[c], members[r]
                    places[c] = _worst(mine)
                    limits[c] = mine[places[c]]


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def rescored(
    low: int, high: int, rows: Any, queries: Any, asked: Any, indices: Any, row_lengths: Any, query_lengths: Any, cosine: bool, out: Any,
) -> None:
    """Cosines, or minus distances, of queries to their candidates, in float64; minus infinity for an empty place."""
    for q in range(low, high):
        a = queries[asked[q]]
        for c in range(indices.shape[1]):
            j = indices[q, c]
            if j < 0:
                out[q, c] = -np.inf
                continue
            b = rows[j]
            total = 0.0
            if cosine:
                for d in range(len(a)):
                    total += np.float64(a[d]) * np.float64(b[d])
                out[q, c] = total / (query_lengths[asked[q]] * row_lengths[j])
            else:
                for d in range(len(a)):
                    total += (np.float64(a[d]) - np.float64(b[d])) ** 2
                out[q, c] = -np.sqrt(total)


@numba.njit(nogil=True, cache=True)
def best_of(low: int, high: int, keys: Any, indices: Any, scored: Any, out_indices: Any, out_scored: Any) -> None:
    """The entries of highest key of each list, best first, equal keys by position."""
    most = out_indices.shape[1]
    kept = np.empty(most, keys.dtype)
    for i in range(low, high):
        known, scores, taken = out_indices[i], out_scored[i], 0
        for c in range(keys.shape[1]):
            key, index, p = keys[i, c], indices[i, c], min(taken, most - 1)
            if taken == most and (key < kept[p] or (key == kept[p] and index > known[p])):
                continue
            while p > 0 and (kept[p - 1] < key or (kept[p - 1] == key and known[p - 1] > index)):
                kept[p], known[p], scores[p] = kept[p - 1], known[p - 1], scores[p - 1]
                p -= 1
            kept[p], known[p], scores[p] = key, index, scored[i, c]
            taken = min(taken + 1, most)


@numba.njit(nogil=True, cache=True)
def sort_lists(low: int, high: int, values: Any, indices: Any, fresh: Any) -> None:
    """Best first, equal values by position."""
    for i in range(low, high):
        for c in range(1, values.shape[1]):
            value, index, new = values[i, c], indices[i, c], fresh[i, c]
            p = c - 1
            while p >= 0 and (values[i, p] < value or (values[i, p] == value and indices[i, p] > index)):
                values[i, p + 1], indices[i, p + 1], fresh[i, p + 1] = values[i, p], indices[i, p], fresh[i, p]
                p -= 1
            values[i, p + 1], indices[i, p + 1], fresh[i, p + 1] = value, index, new


@numba.njit(nogil=True, cache=True)
def reverse_lists(values: Any, indices: Any, fresh: Any, most: int) -> tuple[Any, Any]:
    """(N, most) who lists a row, the nearest of them, and whether that entry is fresh; -1 in empty places."""
    count = len(indices)
    near = np.full((count, most), -np.inf, values.dtype)
    who = np.full((count, most), -1, np.int32)
    new = np.zeros((count, most), np.uint8)
    taken, limits = np.zeros(count, np.int32), np.full(count, -np.inf, values.dtype)
    for i in range(count):
        for c in range(indices.shape[1]):
            j = indices[i, c]
            if j < 0 or values[i, c] <= limits[j]:
                continue
            p = taken[j] if taken[j] < most else _worst(near[j])
            near[j, p], who[j, p], new[j, p] = values[i, c], i, fresh[i, c]
            taken[j] = min(taken[j] + 1, most)
            if taken[j] == most:
                limits[j] = near[j, _worst(near[j])]
    return who, new


@numba.njit(nogil=True, cache=True)
def near_partitions(low: int, high: int, near: Any, reach: float, fewest: int, looks: Any) -> None:
    """The partitions whose centre is at most `reach` less similar than the nearest one, and the `fewest` nearest anyway, nearest first, as
    many as there are places."""
    most, width = looks.shape[1], near.shape[1]
    kept = np.empty(most, near.dtype)
    for r in range(low, high):
        row, mine = near[r], looks[r]
        limit, taken = near.dtype.type(_greatest(row) - reach), 0
        below = np.nextafter(limit, near.dtype.type(-np.inf))
        worst = near.dtype.type(-np.inf)                          # what is not above it is neither within reach nor of the nearest
        for start in range(0, width, WIDTH):
            hits = above(row, start, worst) if start + WIDTH <= width else _rest_above(row, start, worst)
            while hits:
                c = start + lowest(hits)
                hits &= hits - np.uint64(1)
                p = min(taken, most - 1)
                if row[c] <= worst or (taken == most and row[c] <= kept[p]):
                    continue
                while p > 0 and kept[p - 1] < row[c]:
                    kept[p], mine[p] = kept[p - 1], mine[p - 1]
                    p -= 1
                kept[p], mine[p] = row[c], c
                taken = min(taken + 1, most)
                if taken >= fewest:
                    worst = min(below, kept[fewest - 1])
        for p in range(fewest, taken):
            if kept[p] < limit:
                mine[p] = -1


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _greatest(row: Any) -> Any:
    greatest = row[0]
    for c in range(1, len(row)):
        greatest = row[c] if row[c] > greatest else greatest
    return greatest


@numba.njit(nogil=True, cache=True)
def guests(looks: Any, count: int) -> tuple[Any, Any]:
    """(C + 1,) where those that look into each partition begin in the second array, which names them in ascending order."""
    stops = np.zeros(count + 1, np.int64)
    for i in range(looks.shape[0]):
        for c in looks[i]:
            if c >= 0:
                stops[c + 1] += 1
    stops = np.cumsum(stops)
    free, visitors = stops.copy(), np.empty(stops[count], np.int64)
    for i in range(looks.shape[0]):
        for c in looks[i]:
            if c >= 0:
                visitors[free[c]] = i
                free[c] += 1
    return stops, visitors


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _product(x: Any, i: int, j: int) -> Any:
    total = np.float32(0)
    for d in range(x.shape[1]):
        total += x[i, d] * x[j, d]
    return total


@numba.njit(nogil=True, cache=True)
def weighed(low: int, high: int, x: Any, bias: Any, indices: Any, values: Any) -> None:
    """The values of listed rows anew: the product, and the bias of the row that is listed."""
    for i in range(low, high):
        for c in range(indices.shape[1]):
            j = indices[i, c]
            if j >= 0:
                values[i, c] = bias[j] + _product(x, i, j)


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def apart(low: int, high: int, x: Any, indices: Any, values: Any) -> None:
    """Minus the squared distances of listed rows, from differences: of near rows they keep the digits that products lose."""
    for i in range(low, high):
        for c in range(indices.shape[1]):
            j = indices[i, c]
            if j >= 0:
                total = np.float32(0)
                for d in range(x.shape[1]):
                    total += (x[i, d] - x[j, d]) ** 2
                values[i, c] = -total


@numba.njit(nogil=True, cache=True)
def descend(
    low: int, high: int, x: Any, bias: Any, looks: Any, partitions: int, width: int, indices: Any, fresh: Any, back: Any, back_fresh: Any,
    new_values: Any, new_indices: Any, new_fresh: Any,
) -> int:
    """Look at the neighbours of neighbours: whatever is reached by a fresh entry is compared with the row, and kept if it is nearer.

    What lies in a partition that the row has looked into has been compared before. Reads the first `width` entries of the sorted lists
    as they were before this pass, writes the lists after it; gives the changes.
    """
    seen, looked = np.full(len(x), -1, np.int32), np.full(partitions, -1, np.int32)
    own = looks[:, 0].copy()
    changes = 0
    for i in range(low, high):
        mine, known, marks = new_values[i], new_indices[i], new_fresh[i]
        marks[:] = 0
        for c in looks[i]:
            if c >= 0:
                looked[c] = i
        for c in range(indices.shape[1]):
            if indices[i, c] >= 0:
                seen[indices[i, c]] = i
        place = _worst(mine)
        worst = mine[place]
        for c in range(width + back.shape[1]):
            u = indices[i, c] if c < width else back[i, c - width]
            if u < 0:
                continue
            by_fresh = fresh[i, c] if c < width else back_fresh[i, c - width]
            for e in range(width):
                j = indices[u, e]
                if j < 0 or not (by_fresh or fresh[u, e]) or looked[own[j]] == i or seen[j] == i:
                    continue
                seen[j] = i
                total = bias[j] + _product(x, i, j)
                if total > worst:
                    mine[place], known[place], marks[place] = total, j, 1
                    changes += 1
                    place = _worst(mine)
                    worst = mine[place]
    return changes
