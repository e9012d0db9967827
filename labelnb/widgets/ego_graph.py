"""The part of a propagation graph around one item that fits a drawing: its neighbours, the strongest paths, the classes they come from."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["ego_graph"]


def ego_graph(
    graph: Any,
    item: int,
    n_classes: int,
    *,
    paths: Sequence[Mapping[str, Any]] = (),
    sources: Sequence[int] = (),
    neighbours: int = 12,
    most: int = 36,
) -> dict[str, Any]:
    """Nodes and edges to draw around `item`.

    Parameters
    ----------
    graph : scipy sparse (M, M), nodes in the order [classes..., items...]
    item : position of the item
    n_classes : K, the class nodes in front
    paths : strongest paths, `{"nodes": [...], "weight"}`; nodes as item positions, classes as -1 - class
    sources : further nodes to show where there is room (classes as -1 - class), such as the seeds with the largest shares
    neighbours : how many of the item's own edges are shown, the strongest first
    most : nodes at most, the item included

    Returns
    -------
    dict with `nodes`: `{"node": item position or -1 - class, "ring": 0 the item, 1 a neighbour, 2 on a path or a source}`, and `edges`:
    `{"from", "to", "weight", "path": index of the strongest path it lies on or None}`; nodes are written as in `paths`. `degree` is the
    number of edges the item has in all.
    """
    row = graph[[item + n_classes]].tocsr() if not hasattr(graph, "indptr") else graph
    start, end = (row.indptr[item + n_classes], row.indptr[item + n_classes + 1]) if row is graph else (row.indptr[0], row.indptr[1])
    near, weights = np.asarray(row.indices[start:end]), np.asarray(row.data[start:end])
    keep = near != item + n_classes
    near, weights = near[keep], weights[keep]
    strongest = np.argsort(-np.abs(weights), kind="stable")[:neighbours]
    rings: dict[int, int] = {item: 0}
    for node in near[strongest]:
        rings.setdefault(_outer(int(node), n_classes), 1)
    for path in paths:
        inside = [int(node) for node in path["nodes"]]
        if len(set(inside) | set(rings)) <= most:
            for node in inside:
                rings.setdefault(node, 2)
    for node in sources:
        if len(rings) < most:
            rings.setdefault(int(node), 2)
    edges = _edges(graph, list(rings), n_classes)
    on_path = _path_edges(paths)
    for edge in edges:
        edge["path"] = on_path.get(frozenset((edge["from"], edge["to"])))
    return {"nodes": [{"node": node, "ring": ring} for node, ring in rings.items()], "edges": edges, "degree": len(near)}


def _outer(node: int, n_classes: int) -> int:
    return node - n_classes if node >= n_classes else -1 - node


def _inner(node: int, n_classes: int) -> int:
    return node + n_classes if node >= 0 else -1 - node


def _edges(graph: Any, nodes: list[int], n_classes: int) -> list[dict[str, Any]]:
    inner = np.array([_inner(node, n_classes) for node in nodes], dtype=np.int64)
    block = graph[inner][:, inner].tocoo()
    heaviest: dict[tuple[int, int], float] = {}
    for a, b, weight in zip(block.row.tolist(), block.col.tolist(), block.data.tolist(), strict=True):
        if a != b:
            # One line a pair, whichever direction holds the larger weight: the drawing has no arrows.
            pair = (min(a, b), max(a, b))
            if abs(weight) > abs(heaviest.get(pair, 0.0)):
                heaviest[pair] = float(weight)
    return [{"from": nodes[a], "to": nodes[b], "weight": weight} for (a, b), weight in heaviest.items()]


def _path_edges(paths: Sequence[Mapping[str, Any]]) -> dict[frozenset[int], int]:
    found: dict[frozenset[int], int] = {}
    for index, path in enumerate(paths):
        nodes = [int(node) for node in path["nodes"]]
        for a, b in itertools.pairwise(nodes):
            found.setdefault(frozenset((a, b)), index)
    return found
