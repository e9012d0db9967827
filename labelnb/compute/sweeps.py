"""(I - alpha S) F = Y on a CPU: conjugate gradients preconditioned by a symmetric Gauss-Seidel sweep.

Sources: Young 1971 for the sweeps; Eisenstat 1981 ("Efficient implementation of a class of preconditioned conjugate gradient methods") for
doing without a product of its own: half of the graph is read on the way down, half on the way up, so that a step costs one product, and a
third to a half of the steps of plain conjugate gradients do. Sixteen classes are solved together, in vectors that stay in the cache.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.compute.kept_scores import KeptScores
from labelnb.compute.lanes import WIDTH

__all__ = ["Halves", "halves", "needed_memory", "solved"]

VECTORS = 5
"""Numbers kept a node and class while it is solved."""


class Halves(NamedTuple):
    """alpha S in an order of the nodes in which neighbours stand close, apart by what stands before and after a node."""

    starts: np.ndarray
    """(2 N + 1,): where the entries before node r begin (2 r) and those after it (2 r + 1)."""
    ends: np.ndarray
    weights: np.ndarray
    place: np.ndarray
    """(N,) uint32: the place of each node."""
    back: np.ndarray
    """(N,) what solutions are multiplied by: 1 where S has no diagonal."""


def halves(graph: scipy.sparse.csr_array, alpha: float, by_degree: bool, dtype: Any) -> Halves | None:
    """The two halves of alpha S, where `by_degree` S is made of the weights; None where I - alpha S has a diagonal that is not positive."""
    from labelnb.compute.near_order import near_order, unsigned
    from labelnb.compute.sweep_loops import scaled, split

    count = graph.shape[0]
    scale = np.empty(count)
    matrix = unsigned(graph.indptr), unsigned(graph.indices), graph.data
    if not scaled(*matrix, alpha, by_degree, scale):
        return None
    order = near_order(graph)
    place = np.empty(count, np.uint32)
    place[order] = np.arange(count, dtype=np.uint32)
    starts = np.empty(2 * count + 1, np.uint32 if graph.nnz < 1 << 32 else np.uint64)
    ends, weights = np.empty(graph.nnz, np.uint32), np.empty(graph.nnz, dtype)
    scale = scale[order].astype(dtype)
    split(*matrix, order, place, scale, scale.dtype.type(alpha), starts, ends, weights)
    return Halves(starts, ends, weights, place, np.ones(count, dtype) if by_degree else scale)


def needed_memory(count: int, itemsize: int) -> int:
    """Bytes for one block of classes."""
    return VECTORS * WIDTH * count * itemsize


def solved(graph: Halves, seeds: Any, tolerance: float, most: int, budget: int, kept: KeptScores) -> tuple[float, int]:
    """Solve for all classes, whose scores go to `kept`; the largest relative residual, taken anew, and the steps of the slowest block.

    Raises ValueError where seeds hold NaN or infinity.
    """
    count, k = seeds.shape
    at_once = WIDTH * max(1, min(torch.get_num_threads(), budget // needed_memory(count, graph.weights.itemsize)))
    worst, steps = 0.0, 0
    for a in range(0, k, at_once):
        rows, y = _seed_rows(seeds[:, a:a + at_once])
        if not np.isfinite(y).all():
            raise ValueError("seeds: NaN or infinity; expected finite strengths, 0 where a node is no seed")
        out = kept.scores.numpy()[:, a:a + at_once] if kept.classes is None else np.empty((count, y.shape[1]), graph.weights.dtype)
        left, taken = _solved(graph, rows, y, tolerance, most, out)
        worst, steps = max(worst, left), max(steps, taken)
        if kept.classes is not None:
            kept.add(a, torch.from_numpy(out))
    return worst, steps


def _solved(graph: Halves, rows: np.ndarray, y: np.ndarray, tolerance: float, most: int, out: np.ndarray) -> tuple[float, int]:
    """The same for seeds y of the nodes `rows`, no more classes than there is memory for at once."""
    from labelnb.compute.compiled import by_threads

    blocks = -(-y.shape[1] // WIDTH)
    lined = np.zeros((len(rows), blocks * WIDTH), graph.weights.dtype)
    lined[:, :y.shape[1]] = y * graph.back[graph.place[rows], None]
    seed = np.full(len(graph.place), -1, np.int32)
    seed[graph.place[rows]] = np.arange(len(rows), dtype=np.int32)
    starts = np.ascontiguousarray(lined.reshape(len(rows), blocks, WIDTH).swapaxes(0, 1))
    goal = (0.5 * tolerance) ** 2 * np.square(starts, dtype=np.float64).sum(1)
    squares, taken = np.zeros((blocks, WIDTH)), np.zeros(blocks, np.int64)
    by_threads(_some_blocks, WIDTH * blocks, graph, seed, starts, goal, most, out, squares, taken)
    length = np.sqrt(np.square(y, dtype=np.float64).sum(0))
    left = np.sqrt(squares.ravel()[:len(length)]) / np.where(length == 0, 1, length)      # a class without a seed has the solution 0
    return float(left.max()), int(taken.max())


def _some_blocks(
    low: int, high: int, graph: Halves, seed: np.ndarray, starts: np.ndarray, goal: np.ndarray, most: int, out: np.ndarray,
    squares: np.ndarray, taken: np.ndarray,
) -> None:
    """The blocks from low / 16 to high / 16, one after the other, in vectors of this call's own."""
    from labelnb.compute.sweep_loops import finish, solve

    work = _vectors((VECTORS, len(graph.place), WIDTH), graph.weights.dtype)
    matrix = graph.starts, graph.ends, graph.weights
    for b in range(low // WIDTH, high // WIDTH):
        taken[b] = solve(*matrix, seed, starts[b], goal[b], most, work)
        squares[b] = finish(*matrix, seed, starts[b], work, graph.place, graph.back, b * WIDTH, out)


def _vectors(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """An array whose rows begin where lines of the cache begin."""
    size = int(np.prod(shape)) * dtype.itemsize
    room = np.empty(size + 64, np.uint8)
    skip = -room.ctypes.data % 64
    return room[skip:skip + size].view(dtype).reshape(shape)


def _seed_rows(part: Any) -> tuple[np.ndarray, np.ndarray]:
    """The nodes that are seeds, and their strengths."""
    if scipy.sparse.issparse(part):
        sparse = part.tocsr()
        rows = np.flatnonzero(np.diff(sparse.indptr))
        return rows, sparse[rows].toarray()
    dense = part.numpy()
    rows = np.flatnonzero(dense.any(axis=1))
    return rows, dense[rows]
