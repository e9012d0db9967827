"""An order of the nodes of a graph in which neighbours stand close, compiled by numba once and kept on disk."""
from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse

from labelnb.compute.lanes import fetch

__all__ = ["near_order", "unsigned"]

HUB = 20
"""A node with so many times the median number of neighbours is joined to everything, and says nothing of who is near."""
STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
"""A node that waits moves up when so many of its neighbours have been taken."""
TAKEN = 255
"""What stands in place of that number once a node is taken itself."""
LIST = 48
"""So much of a list of neighbours is fetched."""
SOON = 2, 4
"""With so many taken neighbours a node comes soon: where its neighbours are listed is fetched, then the list."""


def near_order(graph: scipy.sparse.csr_array) -> np.ndarray:
    """(N,) positions: always the node next that has most neighbours taken already, the latest met of these; hubs come last.

    Maximum cardinality search (Tarjan and Yannakakis 1984), by levels of such numbers. A node of another group is met over one edge or two
    and waits, so that a group is gone through before the next: a product with the graph finds what it needs in the cache. Of 1,000,000
    nodes with 23 edges each, 6% of the edges lead farther than 16,000 places, after Cuthill-McKee or breadth-first patches half of them.
    """
    count, degree = graph.shape[0], np.diff(graph.indptr)
    hub = degree > HUB * max(1.0, float(np.median(degree)))
    met, level = np.where(hub, TAKEN, 0).astype(np.uint8), np.zeros(TAKEN + 1, np.uint8)
    level[list(STEPS)] = np.arange(1, len(STEPS) + 1)
    stack = np.empty(1 + count * len(STEPS), np.uint32)                         # never full: pages that are not used take no memory
    bottom = np.append(0, 1 + count * np.arange(len(STEPS))).astype(np.uintp)
    order = np.empty(count, np.int64)
    taken = count - int(hub.sum())
    _search(unsigned(graph.indptr), unsigned(graph.indices), met, level, stack, bottom, order[:taken])
    order[taken:] = np.flatnonzero(hub)
    return order


def unsigned(numbers: np.ndarray) -> np.ndarray:
    """The same numbers, none of them negative, as unsigned ones: compiled loops need not look whether an index counts from the end."""
    return numbers.view(f"u{numbers.itemsize}")


@numba.njit(nogil=True, cache=True)
def _search(starts: Any, ends: Any, met: Any, level: Any, stack: Any, bottom: Any, order: Any) -> None:
    """Level 0 of the stack has room for one, that is always written over: of nodes that do not move up."""
    top, high, free, one = bottom.copy(), np.uintp(0), np.uintp(0), np.uintp(1)
    for done in range(len(order)):
        node, found = np.uintp(0), False
        while high > 0 and not found:
            at = top[high]
            while at > bottom[high] and not found:                # nodes that moved up have been taken from there
                at -= one
                node = np.uintp(stack[at])
                found = met[node] != TAKEN
            top[high] = at
            if not found:
                high -= one
        if not found:
            while met[free] == TAKEN:
                free += one
            node = free
        order[done], met[node] = node, TAKEN
        for e in range(starts[node], starts[node + one]):
            other = ends[e]                                       # without a branch, which no processor could foresee
            times = met[other]
            times += np.uint8(times < TAKEN - 1)
            met[other] = times
            to = level[times]
            stack[top[to]] = other
            top[to] += np.uintp(to > 0)
            high = max(high, np.uintp(to))
            if times == SOON[0]:
                fetch(starts, other)
            if times == SOON[1]:
                for line in range(0, LIST, 16):
                    fetch(ends, starts[other] + line)
