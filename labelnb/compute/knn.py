"""The graph of nearest neighbours: exact in blocks, or by descent or partitions where there are many rows."""
from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import positive_int, within
from labelnb.compute.descent import begins_by_halves, descent, needed_memory, promising, reach_of
from labelnb.compute.device import free_memory, working_memory
from labelnb.compute.partitions import drawn, plan, search
from labelnb.compute.screening import Rows, exact_lists, screen_added, settle

__all__ = ["KnnGraph", "extend_knn_graph", "knn_graph"]

EXACT_BELOW = 30_000
"""Rows below which `exact=None` searches exactly."""
EXACT_SHARE = 0.3
"""Where a row would have to be compared with more than this share of all rows, `exact=None` searches exactly after all."""


class KnnGraph(NamedTuple):
    """The k nearest rows of every row or query, nearest first."""

    indices: torch.Tensor
    """(Q, k) int64 positions of the neighbours."""
    similarities: torch.Tensor
    """(Q, k) cosines; for the Euclidean metric minus the distance. Never increasing along a row."""
    recall: float
    """Share of the true neighbours found: 1 when exact, else measured on a sample of rows."""
    method: str
    """What ran: `exact`, `descent` (neighbours of neighbours; with `bfloat16` where half precision chose the rows it began with) or
    `partitions` (those within reach)."""
    metric: str
    """`cosine` or `euclidean`."""
    n_rows: int
    """Rows that were searched: the columns of `to_scipy`."""

    def to_scipy(self, mode: Literal["symmetric", "mutual", "directed"] = "symmetric", gamma: float = 1.0) -> scipy.sparse.csr_array:
        """The graph as a sparse matrix of non-negative weights.

        Parameters
        ----------
        mode : `symmetric` averages both directions (an edge that only one end lists weighs half), `mutual` keeps edges that
            both ends list, `directed` is (Q, N) as found
        gamma : power on the weights. A cosine weighs its positive part to this power; a distance d(i, j) weighs
            exp(-d^2 / (s_i s_j)) to this power, with s the distance to a row's last neighbour (Zelnik-Manor and Perona 2004)

        Raises
        ------
        ValueError
            If the mode is unknown, gamma is not positive, or a mode other than `directed` is asked of a search with queries.
        """
        within("gamma", gamma, 0.0, 1e3, open_low=True)
        if mode not in ("symmetric", "mutual", "directed"):
            raise ValueError(f"mode: got {mode!r}, expected 'symmetric', 'mutual' or 'directed'")
        rows, k = self.indices.shape
        if mode != "directed" and rows != self.n_rows:
            raise ValueError(f"mode: {mode!r} needs rows among themselves; {rows} queries into {self.n_rows} rows can only be 'directed'")
        weights = _weights(self, gamma).cpu().numpy()
        kind = scipy.sparse.get_index_dtype(maxval=max(2 * rows * k, self.n_rows))                 # 32 bits where both directions fit
        starts, columns = np.arange(0, rows * k + 1, k, dtype=kind), self.indices.cpu().numpy().ravel().astype(kind)
        directed = scipy.sparse.csr_array((weights.ravel(), columns, starts), shape=(rows, self.n_rows))
        directed.sort_indices()
        if mode == "directed":
            made = directed
        elif mode == "mutual":
            made = directed.minimum(directed.T).tocsr()
        else:
            made = ((directed + directed.T) * weights.dtype.type(0.5)).tocsr()
        made.eliminate_zeros()
        return made


def knn_graph(
    x: Any,
    k: int,
    *,
    queries: Any = None,
    metric: Literal["cosine", "euclidean"] = "cosine",
    exact: bool | None = None,
    recall: float = 0.98,
    memory: int | None = None,
) -> KnnGraph:
    """The k nearest rows of every row of `x`, itself left out, or of every query.

    Parameters
    ----------
    x : (N, D) float16, float32 or float64, array or tensor, memory-mapped too; rows need not be of length 1
    k : neighbours a row, at most N - 1 (N with queries)
    queries : (Q, D) rows to look up in `x`; none looks up `x` in itself
    metric : `cosine` or `euclidean`
    exact : True searches all pairs; False follows neighbours of neighbours, or, on a GPU, with queries, or where that finds too few, looks
        into the near ones of many partitions; None is exact below 30,000 rows, for few queries, and where neither would save much
    recall : the least share of the true neighbours that an inexact search must find, measured on a sample
    memory : bytes for the blocks, beside input and result; none takes a quarter of what is free, 1 GiB at most on a CPU

    Returns
    -------
    KnnGraph on the device of `x`, similarities in float32 (float64 for float64 rows).

    Raises
    ------
    ValueError
        If shapes do not fit, k is too large for the rows, or a row holds NaN, infinity or, for cosines, only zeros.

    Notes
    -----
    Exact search costs N^2 D operations (half of it when `x` is searched in itself). Equal similarities go to the lower position.
    """
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"metric: got {metric!r}, expected 'cosine' or 'euclidean'")
    within("recall", recall, 0.0, 1.0, open_low=True)
    rows = Rows(x, "x", metric)
    looked_up = rows if queries is None else Rows(queries, "queries", metric)
    if looked_up.dim != rows.dim:
        raise ValueError(f"queries: vectors of {looked_up.dim} numbers, x of {rows.dim}; expected the same space")
    same = queries is None
    most = rows.count - same
    positive_int("k", k)
    if k > most:
        raise ValueError(f"k: got {k}, but there are {most} {'other ' if same else ''}rows to be neighbours; give k of at most {most}")
    budget = working_memory(memory, rows.device)
    if exact is False or (exact is None and rows.count >= EXACT_BELOW and looked_up.count >= EXACT_BELOW // 10):
        found = _inexact(rows, looked_up, k, same, recall, memory, exact is None)
        if found is not None:
            return found
    indices, similarities = exact_lists(rows, looked_up, k, same, budget)
    return KnnGraph(indices.to(rows.home), similarities.to(rows.home), 1.0, "exact", metric, rows.count)


def _inexact(rows: Rows, queries: Rows, k: int, same: bool, recall: float, memory: int | None, worth: bool) -> KnnGraph | None:
    """By descent where its lists and a copy of the rows fit, else, or where that finds too few, by partitions within reach; None where
    this has to be `worth` its while and is not."""
    budget = working_memory(memory, rows.device)
    planned = plan(rows, queries, k, same, budget)
    room = free_memory(rows.device) // 2 if memory is None else memory
    if same and rows.device.type == "cpu" and len(planned.centres) > 2 and needed_memory(rows.count, rows.dim, k) <= room:
        halves = begins_by_halves(rows, planned)
        for effort in promising(planned, recall):
            if worth and planned.share(reach_of(planned, effort)) > EXACT_SHARE:
                return None
            values, found = descent(rows, planned, k, budget, effort, halves)
            if int((found >= 0).sum(1).min()) < k:
                continue
            indices, similarities = settle(rows, queries, k, same, values, found, budget, certain=False)
            reached = planned.checked.recall(similarities)
            if reached >= recall:
                method = "descent, bfloat16" if halves else "descent"
                return KnnGraph(indices.to(rows.home), similarities.to(rows.home), reached, method, rows.metric, rows.count)
    # Half of what may be missed is kept in hand: the sample is small.
    reach = planned.reach(recall + (1 - recall) / 2)
    if worth and planned.share(reach) > EXACT_SHARE:
        return None
    indices, similarities = search(rows, queries, k, same, planned, reach, budget)
    reached = planned.checked.recall(similarities)
    return KnnGraph(indices.to(rows.home), similarities.to(rows.home), reached, "partitions", rows.metric, rows.count)


def extend_knn_graph(graph: KnnGraph, x: Any, *, memory: int | None = None) -> KnnGraph:
    """The graph with rows added at its end: the new ones are compared with all, the old ones with the new alone.

    Parameters
    ----------
    graph : neighbours of the first rows of `x` among themselves, as `knn_graph` gave them
    x : (N, D) all rows, the old ones first and as they were
    memory : bytes for the blocks, as in `knn_graph`

    Returns
    -------
    KnnGraph of all N rows: what an exact search of all would give where the graph was exact; otherwise with the recall measured anew.
    `method` says what the old lists were made by, such as `exact, added`.

    Raises
    ------
    ValueError
        If the graph is one of queries, or `x` has not more rows than it.

    Notes
    -----
    Costs (N - M) N D operations for M old rows, so search anew where most rows are new. Rows that went away need a new search.
    """
    old, k = graph.indices.shape
    if old != graph.n_rows:
        raise ValueError(f"graph: {old} queries into {graph.n_rows} rows; expected a graph of rows among themselves")
    rows = Rows(x, "x", graph.metric)
    if rows.count <= old:
        raise ValueError(f"x: got {rows.count} rows, but the graph has {old} already; give all rows, the new ones at the end")
    budget = working_memory(memory, rows.device)
    known = graph.similarities.to(rows.device), graph.indices.to(rows.device)
    values, indices = screen_added(rows, *known, budget)
    late = torch.arange(old, rows.count, device=rows.device)
    changed = torch.cat([torch.nonzero((indices[:old] >= old).any(1)).flatten(), late])
    made = settle(rows, rows, k, True, values[changed], indices[changed], budget, at=changed)
    out_i = torch.cat([known[1], known[1].new_zeros(len(late), k)])
    out_s = torch.cat([known[0].to(rows.dtype), known[0].new_zeros(len(late), k).to(rows.dtype)])
    out_i[changed], out_s[changed] = made
    exact = graph.method.partition(",")[0] == "exact"
    reached = 1.0 if exact else drawn(rows, k, budget).recall(out_s)
    method = graph.method if graph.method.endswith(", added") else f"{graph.method}, added"
    return KnnGraph(out_i.to(rows.home), out_s.to(rows.home), reached, method, graph.metric, rows.count)


def _weights(graph: KnnGraph, gamma: float) -> torch.Tensor:
    """(Q, k) non-negative edge weights."""
    if graph.metric == "cosine":
        return graph.similarities.clamp_min(0).pow(gamma)
    distances = -graph.similarities
    last = distances[:, -1:]
    # A query has a scale of its own only; among rows, the neighbour's scale counts as much as the row's.
    scales = last * (last[graph.indices, 0] if len(last) == graph.n_rows else last)
    return torch.where(distances == 0, torch.ones_like(distances), (-gamma * distances.square() / scales).exp())
