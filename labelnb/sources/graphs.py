"""Graphs: nodes with their edges, and with features or texts where there are some."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from labelnb.contents import Nodes, Texts, Vectors
from labelnb.ids import user_ids
from labelnb.items import Items
from labelnb.problems import ItemError
from labelnb.sources.sieve import labels

__all__ = ["from_graph"]


def from_graph(
    source: Any, *, edges: Any = None, features: Any = None, text: Any = None, image: Any = None, id: Any = None, label: Any = None
) -> Items:
    """Nodes; see `labelnb.load`. Nothing is set aside here: without a node its neighbours would mean something else."""
    if image is not None:
        raise ItemError(f"image={image!r}: nodes with images are not read; embed the images and hand them in as features=")
    names, texts, frame, kind, weights = id, None, None, "pandas", None
    maker = type(source).__module__.split(".")[0]
    if maker == "networkx":
        names = list(source.nodes) if names is None else names
        if edges is None:
            index, listed = {name: i for i, name in enumerate(source.nodes)}, list(source.edges(data="weight", default=1.0))
            edges = np.array([(index[a], index[b]) for a, b, _ in listed], dtype=np.int64).reshape(-1, 2).T
            weights = np.array([weight for *_, weight in listed], dtype=np.float64)
    elif maker == "torch_geometric":
        edges, weights, features, names, label = _of_geometric(source, edges, features, names, label)
    elif source is not None:
        frame, kind, names, texts, label, features = _source(source, text=text, id=id, label=label, features=features)
    elif text is not None and not isinstance(text, str):
        texts = list(text)
    vectors = None if features is None else _features(features)
    n = next((len(part) for part in (texts, vectors, names if not isinstance(names, str) else None, frame) if part is not None), None)
    ids = user_ids(names) if names is not None and not isinstance(names, str) else None
    if weights is None and hasattr(edges, "tocoo"):
        weights = np.asarray(edges.tocoo().data, dtype=np.float64)
    pairs = _edges(edges, ids)
    if n is None:
        n = int(pairs.max()) + 1 if pairs.size else 0
    if n == 0:
        raise ItemError("source: the graph has no nodes; there is nothing to label")
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n):
        raise ItemError(f"edges: positions from {pairs.min()} to {pairs.max()}, but there are {n} nodes")
    for what, part in (("texts", texts), ("features", vectors), ("id", ids), ("label", label)):
        if part is not None and len(part) != n:
            raise ItemError(f"{what}: got {len(part)} for {n} nodes; expected one a node")
    names = np.array([str(i) for i in range(n)], dtype=object) if ids is None else ids
    content = Nodes(
        names,
        texts=None if texts is None else Texts.of([text or "" for text in texts]),
        vectors=None if vectors is None else Vectors(vectors),
    )
    return Items(
        content, ids=names, edges=pairs, edge_weights=_weights(weights, pairs.shape[1]), frame=frame, frame_kind=kind,  # type: ignore[arg-type]
        given=None if label is None else labels(label),
    )


def _of_geometric(source: Any, edges: Any, features: Any, names: Any, label: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Edges, weights, features, names and labels of a `torch_geometric.data.Data`; what was given by hand goes first."""
    from labelnb.graph import geometric_edges

    if not hasattr(source, "num_nodes") or hasattr(source, "node_types"):
        raise ItemError(
            f"source: got a {type(source).__name__} of torch_geometric, expected a Data of one kind of nodes; of several hand in one, "
            "or data.to_homogeneous()"
        )
    weights = None
    if edges is None:
        ends, weights, _ = geometric_edges(source)
        edges = ends.T
    features = getattr(source, "x", None) if features is None else features
    names = [str(i) for i in range(int(source.num_nodes))] if names is None else names
    return edges, weights, features, names, _geometric_labels(source, label) if isinstance(label, str) else label


def _geometric_labels(source: Any, name: str) -> list[str | None]:
    """The attribute `name` (such as y) as labels; only of the nodes in `train_mask`, where there is one."""
    found: Any = getattr(source, name, None)
    if not hasattr(found, "detach"):
        raise ItemError(f"label={name!r}: the graph has no such tensor; it has {sorted(source.keys())}")
    values = np.asarray(found.detach().cpu().numpy())
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        raise ItemError(f"label={name!r}: got shape {values.shape}, expected (N,): one class a node")
    mask = getattr(source, "train_mask", None)
    shown = np.ones(len(values), bool) if mask is None else np.asarray(mask.detach().cpu().numpy(), bool)
    if shown.shape != values.shape:
        raise ItemError(
            f"train_mask: got shape {shown.shape}, expected ({len(values)},): of several splits hand in one, data.train_mask = "
            "data.train_mask[:, 0]"
        )
    known = shown & np.isfinite(values) & (values >= 0)
    return [f"{value:g}" if seen else None for value, seen in zip(values.tolist(), known.tolist(), strict=True)]


def _weights(weights: Any, count: int) -> np.ndarray | None:
    """(E,) weights; None where every edge counts alike."""
    if weights is None or (np.asarray(weights) == 1).all():
        return None
    values = np.asarray(weights, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if len(bad):
        raise ItemError(f"edges: the weight {values[bad[0]]:g} of edge {bad[0]}, {len(bad) - 1} more; expected similarities of 0 or more")
    if len(values) != count:
        raise ItemError(f"edges: got {len(values)} weights for {count} edges; expected one an edge")
    return values

def _source(source: Any, *, text: Any, id: Any, label: Any, features: Any) -> tuple[Any, str, Any, Any, Any, Any]:
    """Frame, its kind, names, texts, labels and features out of the nodes' own source."""
    from labelnb.sources.tables import arrow, roles, strings

    if hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if isinstance(source, (str, os.PathLike)):
        raise ItemError("source: for a graph hand in the nodes as a table, a list of texts or an array of features, beside edges=")
    if isinstance(source, np.ndarray) and source.dtype.kind in "fiub":
        if features is not None:
            raise ItemError("features: given twice, as the source and as features=")
        return None, "pandas", id, None, label, source
    frame = arrow(source)
    if frame is None:
        listed = list(source)
        strange = [i for i, value in enumerate(listed) if not isinstance(value, str)]
        if strange:
            raise ItemError(f"source: nodes {strange[:5]} are not texts; expected a list of texts, an array of features or a table")
        return None, "pandas", id, listed, label, features
    found = roles(
        frame,
        text=text,
        image=None,
        id=id if isinstance(id, str) else None,
        label=label if isinstance(label, str) else None,
        modality=None if text else "row",
    )
    names = frame.table.column(found.id).to_pylist() if found.id and (id is None or isinstance(id, str)) else id
    given = frame.table.column(found.label).to_pylist() if found.label else label
    texts: list[str] | None = None
    if found.text:
        columns = [strings(frame.table.column(name)) for name in found.text]
        texts = ["\n".join(part for part in parts if part) for parts in zip(*columns, strict=True)]
    return frame.table, frame.kind, names, texts, given, features


def _features(features: Any) -> np.ndarray:
    if hasattr(features, "detach"):
        features = features.detach().cpu().numpy()
    if hasattr(features, "toarray"):
        features = features.toarray()
    vectors = np.ascontiguousarray(features, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ItemError(f"features: got shape {vectors.shape}, expected (N, D): one vector a node")
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ItemError(
            f"features: NaN or infinity at nodes {bad[:5].tolist()}; repair them: a node cannot be left out without changing the graph"
        )
    return vectors


def _edges(edges: Any, ids: np.ndarray | None) -> np.ndarray:
    """(2, E) int64 positions."""
    if edges is None:
        return np.empty((2, 0), np.int64)
    if hasattr(edges, "detach"):
        edges = edges.detach().cpu().numpy()
    if hasattr(edges, "tocoo"):
        if edges.shape[0] != edges.shape[1]:
            raise ItemError(f"edges: a sparse matrix of shape {edges.shape}; expected (N, N)")
        coo = edges.tocoo()
        return np.stack([coo.row, coo.col]).astype(np.int64)
    if hasattr(edges, "to_numpy") and not isinstance(edges, np.ndarray):
        edges = edges.to_numpy()
    array = np.asarray(edges if isinstance(edges, np.ndarray) else list(edges))
    if array.size == 0:
        return np.empty((2, 0), np.int64)
    if array.ndim != 2 or 2 not in array.shape:
        raise ItemError(f"edges: got shape {array.shape}, expected (2, E) or (E, 2)")
    if array.shape[0] != 2:
        array = array.T
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64)
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        return array.astype(np.int64)
    if ids is None:
        raise ItemError(f"edges: got {array.dtype}, expected positions; for pairs of ids give the ids too: id=[...]")
    index = {name: i for i, name in enumerate(ids.tolist())}
    strange = sorted({str(name) for name in array.ravel() if str(name) not in index})
    if strange:
        raise ItemError(f"edges: {len(strange)} ends are not among the ids, such as {strange[:5]}")
    return np.array([[index[str(name)] for name in row] for row in array], dtype=np.int64)
