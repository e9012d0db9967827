"""Graphs over the items: from their embeddings, or the user's own in whatever form it comes. One sparse matrix comes out.

Source of the adaptive scale: Zelnik-Manor and Perona 2004, Self-Tuning Spectral Clustering.
"""
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from labelnb.checks import positive_int

__all__ = ["GraphWarning", "neighbour_graph", "user_graph", "geometric_edges", "parts"]


class GraphWarning(UserWarning):
    """Something in a graph was mended; the message says what."""


def neighbour_graph(
    embeddings: Any,
    *,
    k: int = 15,
    mutual: bool = False,
    scale: Literal["cosine", "adaptive"] = "cosine",
    gamma: float = 1.0,
    weights: Mapping[str, float] | None = None,
) -> Any:
    """The graph of nearest neighbours, of one embedding or of several joined.

    Parameters
    ----------
    embeddings : (N, D) vectors, or a mapping of name to (N, D_m) vectors of the same items in several modalities
    k : neighbours that every item names; at most N - 1 count
    mutual : keep only edges that both ends name: fewer bridges between groups, and more items that stand alone
    scale : `cosine` weighs an edge by the positive part of its cosine; `adaptive` by exp(-d^2 / (s_i s_j)), d the distance and s an item's
        distance to its k-th neighbour, so that thin and dense regions hang together equally well
    gamma : power on the weights; above 1, the nearest count for more
    weights : of the modalities, by name; 1 each by default. Each graph is first brought to the same total weight

    Returns
    -------
    scipy CSR (N, N), symmetric, non-negative, without self-loops.

    Raises
    ------
    ValueError
        If a vector is zero or NaN, the modalities are of different numbers of items, or a name has a weight and no vectors.
    """
    from scipy.sparse import csr_array

    from labelnb.checks import unit_rows
    from labelnb.compute import knn_graph

    positive_int("k", k)
    if scale not in ("cosine", "adaptive"):
        raise ValueError(f"scale: got {scale!r}, expected 'cosine' or 'adaptive'")
    several = dict(embeddings) if isinstance(embeddings, Mapping) else {"embeddings": embeddings}
    strange = [name for name in weights or () if name not in several]
    if strange or not several:
        raise ValueError(f"weights: {strange} are not among the embeddings {list(several)}; give a weight to what is there")
    total: Any = None
    for name, vectors in several.items():
        share = float((weights or {}).get(name, 1.0))
        if not 0 <= share < np.inf:
            raise ValueError(f"weights: got {share} for {name}, expected 0 or more")
        rows = unit_rows(vectors, name)
        if total is not None and len(rows) != total.shape[0]:
            raise ValueError(f"{name}: got {len(rows)} rows, the others have {total.shape[0]}; expected one an item in every modality")
        if len(rows) < 2:
            return csr_array((len(rows), len(rows)), dtype=np.float32)
        found = knn_graph(rows, min(k, len(rows) - 1), metric="cosine" if scale == "cosine" else "euclidean")
        made = found.to_scipy("mutual" if mutual else "symmetric", gamma)
        if len(several) > 1:
            made = made * (share * len(rows) / max(float(made.sum()), 1e-300))
        total = made if total is None else total + made
    return csr_array(total, dtype=np.float32)


def user_graph(source: Any, ids: Sequence[str] | np.ndarray) -> Any:
    """The user's own graph as a symmetric sparse matrix over the items.

    Parameters
    ----------
    source : an edge list (pairs or triples with a weight: list, array (E, 2), (E, 3) or (2, E), tensor, table), a networkx graph, a
        scipy sparse matrix, a torch sparse tensor, a KnnGraph, or a `torch_geometric.data.Data` (`geometric_edges`). An array of
        two rows of whole numbers is read as (2, E)
    ids : (N,) ids of the items. Texts among the ends of edges are ids, whole numbers are positions; nodes of a networkx graph are ids
        where they are among them

    Returns
    -------
    scipy CSR (N, N) float32, symmetric, non-negative, without self-loops. An edge given in one direction counts for both; of an edge that
    is given more than once the largest weight stays; where the two directions weigh differently, their mean. Each is mended with a
    GraphWarning that counts what was mended.

    Raises
    ------
    TypeError
        If the source is none of these.
    ValueError
        If a weight is negative, NaN or infinite, an end is unknown, or the numbers of nodes differ; named with what to do.
    """
    names = np.asarray(ids, dtype=object)
    ends, weights, size = _edges_of(source, names)
    if size is not None and size != len(names):
        raise ValueError(f"graph: got {size} nodes for {len(names)} items; expected one node an item, in the items' order")
    rows = _positions(ends, names)
    values = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64).reshape(-1)
    if len(values) != len(rows):
        raise ValueError(f"graph: got {len(values)} weights for {len(rows)} edges; expected one an edge")
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if len(bad):
        a, b = names[rows[bad[0]]]
        what = "negative" if np.isfinite(values[bad[0]]) else "not finite"
        raise ValueError(
            f"graph: the weight {values[bad[0]]:g} of edge {bad[0]} ({a}, {b}) is {what}, and {len(bad) - 1} more; "
            "expected similarities of 0 or more: turn distances into similarities, such as exp(-d), or leave the edges out"
        )
    return _symmetric(rows, values, len(names))


def parts(graph: Any) -> np.ndarray:
    """(N,) int64 number of the connected part that each item lies in, the largest part first; an item without an edge is a part alone."""
    from scipy.sparse.csgraph import connected_components

    count, found = connected_components(graph, directed=False)
    order = np.argsort(-np.bincount(found, minlength=count), kind="stable")
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    return place[found]


def geometric_edges(source: Any) -> tuple[np.ndarray, np.ndarray | None, int | None]:
    """Ends (E, 2), weights (E,) or None, and the number of nodes of an object with `edge_index`, such as `torch_geometric.data.Data`.

    Weights are `edge_weight`, else `edge_attr` where that is one number an edge. After `ToSparseTensor` they are read from `adj_t`.

    Raises
    ------
    ValueError
        If there are no edges in either form.
    """
    size, given = getattr(source, "num_nodes", None), source.edge_index
    count = None if size is None else int(size)
    if given is None:
        turned = getattr(source, "adj_t", None)
        if turned is None:
            raise ValueError("graph: edge_index is None and there is no adj_t; expected edges (2, E)")
        turned = turned.to_torch_sparse_coo_tensor() if hasattr(turned, "to_torch_sparse_coo_tensor") else turned
        coo = turned.detach().cpu().to_sparse_coo().coalesce()
        return coo.indices().numpy().T, coo.values().numpy(), count
    weights, attributes = getattr(source, "edge_weight", None), getattr(source, "edge_attr", None)
    if weights is None and attributes is not None:
        shape = np.shape(_plain(attributes))
        if len(shape) == 1 or shape[1:] == (1,):
            weights = attributes
        else:
            warnings.warn(
                f"graph: edge_attr of shape {shape} holds no weights; every edge counts alike (give edge_weight)", GraphWarning,
                stacklevel=4,
            )
    return np.asarray(_plain(given)).T, None if weights is None else np.asarray(_plain(weights)).reshape(-1), count


def _edges_of(source: Any, names: np.ndarray) -> tuple[Any, Any, int | None]:
    """Ends (E, 2), weights or None, and the number of nodes where the source says it."""
    if hasattr(source, "to_scipy"):                             # a KnnGraph
        source = source.to_scipy("symmetric")
    if hasattr(source, "edge_index"):
        return geometric_edges(source)
    if hasattr(source, "is_directed") and hasattr(source, "edges"):
        edges = list(source.edges(data="weight", default=1.0))
        known = set(names.tolist())
        listed = [[str(end) if str(end) in known else end for end in edge[:2]] for edge in edges]
        return np.array(listed, dtype=object).reshape(-1, 2), [edge[2] for edge in edges], None
    if hasattr(source, "is_sparse") and (source.is_sparse or str(getattr(source, "layout", "")).endswith("csr")):
        coo = source.detach().cpu().to_sparse_coo().coalesce()
        return coo.indices().numpy().T, coo.values().numpy(), _square(tuple(coo.shape))
    if hasattr(source, "tocoo"):
        coo = source.tocoo()
        coo.sum_duplicates()
        return np.stack([coo.row, coo.col], axis=1), coo.data, _square(coo.shape)
    return (*_listed(source), None)


def _listed(source: Any) -> tuple[Any, Any]:
    """Ends and weights of an edge list."""
    plain = _plain(source)
    if isinstance(plain, str | bytes | Mapping) or not hasattr(plain, "__iter__"):
        raise TypeError(f"graph: got {type(source).__name__}, expected {_FORMS}")
    if not isinstance(plain, np.ndarray):
        rows = [tuple(row) if hasattr(row, "__iter__") and not isinstance(row, str) else (row,) for row in plain]
        strange = next((i for i, row in enumerate(rows) if len(row) not in (2, 3)), None)
        if strange is not None:
            raise ValueError(f"graph: edge {strange} is {rows[strange]!r}, expected (a, b) or (a, b, weight)")
        with_weights = any(len(row) == 3 for row in rows)
        ends = np.array([row[:2] for row in rows], dtype=object).reshape(-1, 2)
        return ends, [row[2] if len(row) == 3 else 1.0 for row in rows] if with_weights else None
    if plain.size == 0:
        return np.empty((0, 2), np.int64), None
    if plain.ndim != 2 or (plain.shape[1] not in (2, 3) and plain.shape[0] != 2):
        raise ValueError(f"graph: got shape {plain.shape}, expected (E, 2), (E, 3) or (2, E): edges, not vectors or a dense matrix")
    if plain.shape[0] == 2 and (plain.shape[1] not in (2, 3) or plain.dtype.kind in "iu"):
        plain = plain.T                                         # two rows of whole numbers are an edge_index
    return plain[:, :2], plain[:, 2] if plain.shape[1] == 3 else None


def _plain(value: Any) -> Any:
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if hasattr(value, "to_numpy") and not isinstance(value, np.ndarray):
        return value.to_numpy()
    return value


def _square(shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"graph: got a matrix of shape {tuple(shape)}, expected (N, N): every item with every item")
    return int(shape[0])


def _positions(ends: Any, names: np.ndarray) -> np.ndarray:
    """(E, 2) int64 positions of ends that are positions or ids."""
    array = np.asarray(ends)
    if array.size == 0:
        return np.empty((0, 2), np.int64)
    if array.dtype.kind in "iuf":
        if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
            raise ValueError("graph: the ends of edges hold fractions or NaN, expected positions or ids")
        found = array.astype(np.int64)
    else:
        index = {str(name): i for i, name in enumerate(names.tolist())}
        flat = array.reshape(-1).tolist()
        whole = [index.get(end, -1) if isinstance(end, str) else int(end) if isinstance(end, int | np.integer) else -1 for end in flat]
        strange = [end for end, at in zip(flat, whole, strict=True) if at < 0]
        if strange:
            raise ValueError(
                f"graph: {len(strange)} ends of edges are no items, such as {strange[:3]!r}; expected ids (as in s.items.ids) or positions"
            )
        found = np.array(whole, np.int64).reshape(-1, 2)
    if found.min() < 0 or found.max() >= len(names):
        raise ValueError(f"graph: edges between positions {found.min()} and {found.max()}, but there are {len(names)} items")
    return found


def _symmetric(rows: np.ndarray, values: np.ndarray, count: int) -> Any:
    from scipy.sparse import csr_array

    loops = rows[:, 0] == rows[:, 1]
    mended = [(int(loops.sum()), "self-loops left out")]
    rows, values = rows[~loops], values[~loops]
    keys = rows[:, 0] * count + rows[:, 1]
    order = np.lexsort((-values, keys))
    keys, values = keys[order], values[order]
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    mended.append((int((~first).sum()), "edges given more than once: the largest weight stays"))
    keys, values = keys[first], values[first]
    one = csr_array((values, (keys // max(count, 1), keys % max(count, 1))), shape=(count, count))
    other = csr_array(one.T)
    both = (one != 0).multiply(other != 0)
    uneven = abs(one - other).multiply(both)
    two = int((uneven > 1e-6 * max(float(values.max(initial=0)), 1e-300)).sum()) // 2
    mended.append((two, "edges with two weights: their mean is taken"))
    made = csr_array(one.maximum(other) - uneven * 0.5, dtype=np.float32)
    made.eliminate_zeros()
    said = "; ".join(f"{n} {what}" for n, what in mended if n)
    if said:
        warnings.warn(f"graph: {said}", GraphWarning, stacklevel=3)
    return made


_FORMS = (
    "an edge list [(a, b), (a, b, weight), ...], an array (E, 2), (E, 3) or (2, E), a networkx graph, a scipy sparse matrix, "
    "or an object with edge_index"
)
