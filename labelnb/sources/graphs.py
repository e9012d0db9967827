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
    names, texts, frame, kind = id, None, None, "pandas"
    maker = type(source).__module__.split(".")[0]
    if maker == "networkx":
        names = list(source.nodes) if names is None else names
        index = {name: i for i, name in enumerate(source.nodes)}
        edges = np.array([(index[a], index[b]) for a, b in source.edges], dtype=np.int64).reshape(-1, 2).T if edges is None else edges
    elif maker == "torch_geometric":
        edges = source.edge_index if edges is None else edges
        features = getattr(source, "x", None) if features is None else features
        names = [str(i) for i in range(int(source.num_nodes))] if names is None else names
    elif source is not None:
        frame, kind, names, texts, label, features = _source(source, text=text, id=id, label=label, features=features)
    elif text is not None and not isinstance(text, str):
        texts = list(text)
    vectors = None if features is None else _features(features)
    n = next((len(part) for part in (texts, vectors, names if not isinstance(names, str) else None, frame) if part is not None), None)
    ids = user_ids(names) if names is not None and not isinstance(names, str) else None
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
    return Items(content, ids=names, edges=pairs, frame=frame, frame_kind=kind, given=None if label is None else labels(label))  # type: ignore[arg-type]


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
