"""A graph with some of its edges changed, and the propagation on it solved from what is known of the old one.

F solves A F = Y with A = I - alpha S. After a change of few edges, A' (F + C) = Y' leaves A' C = R with R = Y' - A' F. R is of low rank:
it is zero but in the rows of the touched nodes T, and outside of them a combination of the touched columns of S' - S. So at most
2 |T| columns are solved, or one a class where that is fewer, whatever the number of nodes and classes. (The same identity as
Woodbury's, solved on the new system, so that no error of the old solution is magnified.)
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from labelnb.checks import within
from labelnb.compute.propagate import solve_blocks

__all__ = ["Resolved", "rewired", "checked_edits", "resolve"]


class Resolved(NamedTuple):
    """The solution on the changed system."""

    scores: np.ndarray
    """(M, K) float64."""
    residual: float
    """Largest |Y' - (I - alpha S') F'| / |Y'| of any class, taken anew from the new solution."""
    iterations: int
    """Products with the graph."""
    columns: int
    """Right-hand sides that were solved; 0 where nothing had to be."""


def rewired(weights: Any, edits: Any, *, first: int = 0) -> scipy.sparse.csr_array:
    """Weights with edits, in their order; both directions alike.

    Parameters
    ----------
    weights : (M, M) sparse symmetric, without or with nodes of another kind in front
    edits : (E, 4) rows a, b, factor, strength: the weight of the edge between items a and b becomes `factor` times what it was plus
        `strength` times the mean weight of the edges among items; b = -1 scales all edges of a among items. Cutting is factor 0
    first : node of item 0; the nodes before it (class names) are not items

    Raises
    ------
    ValueError, IndexError
        If an edit has no such form, weighs negative or names an item that is not there.
    """
    w = scipy.sparse.csr_array(weights, copy=True)
    rows = checked_edits(edits, w.shape[0] - first)
    w.sum_duplicates()
    inside = np.repeat(np.arange(w.shape[0]), np.diff(w.indptr)) >= first
    inside &= w.indices >= first
    unit = float(w.data[inside].mean()) if inside.any() else 1.0
    added: dict[tuple[int, int], float] = {}
    for a, b, factor, strength in rows.tolist():
        one = int(a) + first
        if b < 0:
            near = w.indices[w.indptr[one]: w.indptr[one + 1]]
            others = near[near >= first].tolist() + [j for pair in added for i, j in (pair, pair[::-1]) if i == one]
        else:
            others = [int(b) + first]
        for other in others:
            places = _places(w, one, other)
            if places:
                w.data[places] = factor * w.data[places[0]] + strength * unit
            else:
                pair = (min(one, other), max(one, other))
                added[pair] = factor * added.get(pair, 0.0) + strength * unit
    if any(added.values()):
        ends, values = np.array(list(added)), np.array(list(added.values()))
        both = np.concatenate([ends, ends[:, ::-1]]).T
        more = scipy.sparse.coo_array((np.tile(values, 2), (both[0], both[1])), shape=w.shape)
        w = scipy.sparse.csr_array(w + more, dtype=w.dtype)
    w.eliminate_zeros()
    return w


def checked_edits(edits: Any, count: int) -> np.ndarray:
    """`edits` as (E, 4) float64, refused where they cannot be meant for `count` items."""
    array = edits.detach().cpu().numpy() if hasattr(edits, "detach") else np.asarray(edits)
    if array.size == 0:
        return np.empty((0, 4))
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
        raise ValueError(f"graph_edits: got shape {array.shape}, expected (E, 4): item, item or -1, factor, strength")
    rows = array.astype(np.float64)
    ends = rows[:, :2]
    if not np.isfinite(rows).all() or (rows[:, 2:] < 0).any() or (ends != np.floor(ends)).any():
        raise ValueError("graph_edits: got NaN, negative weights or fractions of items; expected whole positions and weights of at least 0")
    if ends[:, 0].min() < 0 or ends[:, 1].min() < -1 or ends.max() >= count:
        raise IndexError(f"graph_edits: got items from {ends.min():g} to {ends.max():g}, expected positions from 0 to {count - 1}")
    if (ends[:, 0] == ends[:, 1]).any() or ((ends[:, 1] < 0) & (rows[:, 3] > 0)).any():
        raise ValueError("graph_edits: an edge joins two items: it cannot be added to one alone")
    return rows


def resolve(old: Any, new: Any, scores: Any, seeds: Any, new_seeds: Any, *, alpha: float, tolerance: float = 1e-6) -> Resolved:
    """F' of (I - alpha S') F' = Y' from F of the old system.

    Parameters
    ----------
    old, new : (M, M) sparse, normalised: S and S'
    scores : (M, K) F, the solution of the old system
    seeds, new_seeds : (M, K) sparse or dense Y and Y'
    alpha : as in the old solve
    tolerance : relative residual to reach
    """
    within("alpha", alpha, 0.0, 1.0, open_high=True)
    s, after = scipy.sparse.csr_array(old, dtype=np.float64), scipy.sparse.csr_array(new, dtype=np.float64)
    f, y = np.asarray(scores, np.float64), _dense(new_seeds)
    length = np.linalg.norm(y, axis=0)
    length[length == 0] = 1.0
    inner = scipy.sparse.csr_array(after * alpha)
    iterations, columns = 0, 0
    left: np.ndarray | None = None
    right = f
    for attempt in range(3):
        rest = y - f + alpha * (after @ f)                      # R: of the old solution first, then what the last attempt left
        residual = float((np.linalg.norm(rest, axis=0) / length).max(initial=0.0))
        if residual <= tolerance or attempt == 2:
            break
        if attempt == 0:
            left, right = _factors(after - s, f, y - _dense(seeds), alpha)
        if attempt == 1 or left is None:
            left, right = rest, np.eye(rest.shape[1])
        solved = solve_blocks(inner, left, 0.1 * tolerance, 10_000, "cpu")
        f = f + solved.scores.numpy() @ right
        iterations, columns = iterations + solved.iterations, columns + left.shape[1]
    return Resolved(f, residual, iterations, columns)


def _factors(
    change: scipy.sparse.csr_array, f: np.ndarray, seeds_change: np.ndarray, alpha: float,
) -> tuple[np.ndarray | None, np.ndarray]:
    """R = left @ right, R = Y' - Y + alpha (S' - S) F, with fewer columns in `left` than classes; None where there is no such."""
    change.eliminate_zeros()
    nodes = _cover(change)
    own = np.union1d(nodes, np.flatnonzero(seeds_change.any(axis=1)))
    if len(own) + len(nodes) >= f.shape[1]:
        return None, f
    columns = change[:, nodes].toarray()
    columns[own] = 0.0                                          # these rows are held whole by the units
    units = np.zeros((len(f), len(own)))
    units[own, np.arange(len(own))] = 1.0
    return np.hstack([units, columns]), np.vstack([seeds_change[own] + alpha * (change[own] @ f), alpha * f[nodes]])


def _cover(change: scipy.sparse.csr_array) -> np.ndarray:
    """Nodes such that every changed entry lies in the row or the column of one of them; the fullest rows first."""
    left, found = change.tocsr(), list[int]()
    counts = np.diff(left.indptr).astype(np.int64)
    while counts.max(initial=0) > 0 and len(found) < _MOST_TOUCHED:
        node = int(counts.argmax())
        found.append(node)
        near = left.indices[left.indptr[node]: left.indptr[node + 1]]
        counts[near] -= 1
        counts[node] = -1 << 30
    return np.array(sorted(found), np.int64)


def _dense(seeds: Any) -> np.ndarray:
    if scipy.sparse.issparse(seeds):
        return np.asarray(seeds.toarray(), np.float64)
    return np.asarray(seeds.detach().cpu() if hasattr(seeds, "detach") else seeds, np.float64)


def _places(w: scipy.sparse.csr_array, a: int, b: int) -> list[int]:
    """Where the entries (a, b) and (b, a) stand in the data; empty where there is no such edge."""
    found = []
    for row, column in ((a, b), (b, a)):
        start, end = w.indptr[row], w.indptr[row + 1]
        at = start + int(np.searchsorted(w.indices[start:end], column))
        if at < end and w.indices[at] == column:
            found.append(int(at))
    return found


_MOST_TOUCHED = 200
"""Nodes after which one column a class is solved instead."""
