"""The strongest paths by which labels travel from seeds to a node."""
from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from labelnb.checks import positive_int, within
from labelnb.compute.propagate import checked_weights

__all__ = ["strongest_paths", "strongest_walks"]

MOST_TRIED = 20_000
"""Partial paths looked at before the search gives what it has."""


def strongest_paths(graph: Any, node: int, seeds: Sequence[int] | np.ndarray, *, alpha: float, n: int = 5) -> list[tuple[list[int], float]]:
    """The strongest paths without a cycle from any of the seeds to a node.

    The score of a node is a sum over all walks from the seeds; a walk weighs the product of alpha S_ij over its edges. These are the
    paths of largest weight, found best first with the exact distance to the nearest seed as the guide.

    Parameters
    ----------
    graph : (N, N) S as it was solved with
    node : where the paths end
    seeds : positions where a path may begin
    alpha : as in the solve
    n : paths at most

    Returns
    -------
    list of (nodes from the seed to the node, weight), strongest first; empty where no seed reaches the node. A node that is a seed
    itself begins with the path of itself alone, of weight 1.
    """
    s = checked_weights(graph)
    positive_int("n", n)
    within("alpha", alpha, 0.0, 1.0, open_high=True)
    return strongest_walks(scipy.sparse.csr_array(s.astype(np.float64) * alpha), int(node), np.asarray(seeds, np.int64), n)


def strongest_walks(steps: scipy.sparse.csr_array, node: int, seeds: np.ndarray, n: int) -> list[tuple[list[int], float]]:
    """As `strongest_paths`; entry i, j of `steps` is the weight, at most 1, of a step by which i takes from j."""
    targets = np.unique(seeds)
    costs = scipy.sparse.csr_array(steps, copy=True)
    costs.eliminate_zeros()
    if not len(targets) or not costs.nnz:
        return [([node], 1.0)] if node in targets else []
    costs.data = -np.log(np.minimum(costs.data, 1.0))
    to_seed = scipy.sparse.csgraph.dijkstra(scipy.sparse.csr_array(costs.T), directed=True, indices=targets, min_only=True)
    if not np.isfinite(to_seed[node]):
        return []
    found = _best_first(costs, node, set(targets.tolist()), to_seed, n)
    return [([int(i) for i in reversed(path)], math.exp(-cost)) for path, cost in found]


def _best_first(
    costs: scipy.sparse.csr_array, node: int, targets: set[int], to_seed: np.ndarray, n: int,
) -> list[tuple[tuple[int, ...], float]]:
    """Paths from `node` outwards to a target, cheapest first. The queue holds, a path, only its best extension not yet tried."""
    found: list[tuple[tuple[int, ...], float]] = [((node,), 0.0)] if node in targets else []
    queue: list[tuple[float, int, int, tuple[int, ...], float, np.ndarray, np.ndarray]] = []

    def extend(path: tuple[int, ...], cost: float) -> None:
        at = slice(costs.indptr[path[-1]], costs.indptr[path[-1] + 1])
        next_nodes, steps = costs.indices[at], costs.data[at]
        fresh = ~np.isin(next_nodes, path) & np.isfinite(to_seed[next_nodes])
        next_nodes, steps = next_nodes[fresh], steps[fresh]
        order = np.argsort(steps + to_seed[next_nodes], kind="stable")
        if len(order):
            push(path, cost, next_nodes[order], steps[order], 0)

    def push(path: tuple[int, ...], cost: float, nodes: np.ndarray, steps: np.ndarray, which: int) -> None:
        estimate = cost + float(steps[which] + to_seed[nodes[which]])
        heapq.heappush(queue, (estimate, next(ticket), which, path, cost, nodes, steps))

    ticket = iter(range(1 << 62))
    extend((node,), 0.0)
    tried = 0
    while queue and len(found) < n and tried < MOST_TRIED:
        tried += 1
        _, _, which, path, cost, nodes, steps = heapq.heappop(queue)
        if which + 1 < len(nodes):
            push(path, cost, nodes, steps, which + 1)
        longer, spent = (*path, int(nodes[which])), cost + float(steps[which])
        if longer[-1] in targets:
            found.append((longer, spent))
        extend(longer, spent)
    return found[:n]
