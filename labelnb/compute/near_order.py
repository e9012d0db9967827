"""An order of the nodes of a graph in which neighbours stand close, compiled by numba once and kept on disk."""
from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse

from labelnb.compute.lanes import fetch

__all__ = ["near_order"]

PATCH = 1024
"""Nodes that are gathered around one: their rows of scores fit in a processor's near cache."""
SPARE = 128
"""Nodes that a patch reached but did not take of which so many are kept to begin the next ones."""
HUB = 20
"""A node with so many times the median number of neighbours is joined to everything, and says nothing of who is near."""


def near_order(graph: scipy.sparse.csr_array) -> np.ndarray:
    """(N,) positions: patches of nodes gathered breadth first, each beginning where the last one ended; hubs come last.

    A product with the graph then finds most of what it needs in the cache. Reverse Cuthill-McKee keeps the widest edge short; of a graph
    of neighbours in many dimensions the middling edge stays long under it. With 300,000 nodes of 24 edges each: median distance along an
    edge 21,284 by Cuthill-McKee and 777 by patches, in half of the time.
    """
    degree = np.diff(graph.indptr)
    hub = degree > HUB * max(1.0, float(np.median(degree)))
    return np.concatenate([_patches(graph.indptr, graph.indices, hub, PATCH, SPARE), np.flatnonzero(hub)])


@numba.njit(nogil=True, cache=True)
def _patches(starts: Any, ends: Any, hub: Any, size: int, spare: int) -> Any:
    count = len(starts) - 1
    order = np.empty(count - hub.sum(), np.int64)
    patch, taken_all = np.zeros(count, np.int32), np.int32(1 << 30)             # the last patch that has met a node
    for i in range(count):
        if hub[i]:
            patch[i] = taken_all
    queue, waiting = np.empty(count + 1, np.int32), np.empty((count // size + 1) * spare, np.int32)
    done, left, free, number = 0, 0, 0, np.int32(0)
    while done < len(order):
        first = -1
        while left > 0 and first < 0:                             # the nodes that the last patch reached but did not take
            left -= 1
            if patch[waiting[left]] != taken_all:
                first = waiting[left]
        while first < 0:
            if patch[free] != taken_all:
                first = free
            free += 1
        number += np.int32(1)
        queue[0], patch[first] = first, number
        taken, known = 0, 1
        while taken < known and taken < size:
            node = queue[taken]
            order[done], patch[node] = node, taken_all
            taken, done = taken + 1, done + 1
            if taken + 8 < known:
                fetch(starts, queue[taken + 8])
                fetch(ends, starts[queue[taken + 4]])
                fetch(ends, starts[queue[taken + 4]] + 16)
            for e in range(starts[node], starts[node + 1]):
                other = ends[e]                                   # without a branch, which no processor could foresee
                met = patch[other]
                queue[known] = other
                known += met < number
                patch[other] = max(met, number)
        for i in range(min(known, taken + spare) - 1, taken - 1, -1):
            if left < len(waiting):
                waiting[left] = queue[i]
                left += 1
    return order
