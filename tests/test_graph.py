"""Graphs from embeddings and from whatever form a user has one in."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import networkx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from labelnb.graph import GraphWarning, neighbour_graph, parts, user_graph

IDS = np.array(["ant", "bee", "cat", "dog", "eel"], dtype=object)
EXPECTED = np.zeros((5, 5))
for a, b, weight in ((0, 1, 1.0), (1, 2, 0.5), (3, 4, 2.0)):
    EXPECTED[a, b] = EXPECTED[b, a] = weight


def of_networkx() -> Any:
    graph = networkx.Graph()
    graph.add_weighted_edges_from([("ant", "bee", 1.0), ("bee", "cat", 0.5), ("dog", "eel", 2.0)])
    return graph


def of_pyg(**more: Any) -> Any:
    ends = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])
    return SimpleNamespace(edge_index=ends, num_nodes=5, **more)


FORMS = {
    "pairs of ids with weights": [("ant", "bee", 1.0), ("bee", "cat", 0.5), ("eel", "dog", 2.0)],
    "positions, some without a weight": [(0, 1), (1, 2, 0.5), (3, 4, 2)],
    "array (E, 3)": np.array([[0, 1, 1], [1, 2, 0.5], [3, 4, 2]]),
    "table": pd.DataFrame({"a": ["ant", "bee", "dog"], "b": ["bee", "cat", "eel"], "w": [1.0, 0.5, 2.0]}),
    "networkx": of_networkx(),
    "networkx, positions as nodes": networkx.relabel_nodes(of_networkx(), dict(zip(IDS, range(5), strict=True))),
    "scipy, upper half": scipy.sparse.coo_matrix(np.triu(EXPECTED)),
    "scipy": scipy.sparse.csr_array(EXPECTED),
    "torch sparse": torch.from_numpy(EXPECTED).to_sparse_coo(),
    "edge_index with edge_weight": of_pyg(edge_weight=torch.tensor([1, 1, 0.5, 0.5, 2, 2])),
    "edge_index with edge_attr": of_pyg(edge_attr=torch.tensor([1, 1, 0.5, 0.5, 2, 2])),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_matrix(form: str) -> None:
    made = user_graph(FORMS[form], IDS)
    np.testing.assert_allclose(made.toarray(), EXPECTED)
    assert made.dtype == np.float32


@pytest.mark.parametrize("ends", [
    np.array([[0, 1, 3], [1, 2, 4]]), torch.tensor([[0, 1, 3], [1, 2, 4]]), np.array([[0, 1], [1, 2], [3, 4]]),
])
def test_edges_without_weights_weigh_one(ends: Any) -> None:
    np.testing.assert_array_equal(user_graph(ends, IDS).toarray(), EXPECTED > 0)


def test_features_of_edges_are_no_weights() -> None:
    with pytest.warns(GraphWarning, match="holds no weights"):
        made = user_graph(of_pyg(edge_attr=torch.rand(6, 3)), IDS)
    np.testing.assert_array_equal(made.toarray(), EXPECTED > 0)


def test_no_edge_at_all() -> None:
    for empty in ([], np.empty((0, 2)), networkx.Graph(), scipy.sparse.csr_array((5, 5))):
        assert user_graph(empty, IDS).nnz == 0


@pytest.mark.parametrize(("source", "said", "weights"), [
    ([(0, 0), (0, 1), (1, 2, 0.5), (3, 4, 2)], "1 self-loops left out", EXPECTED),
    ([(0, 1), (1, 2, 0.5), (1, 2, 0.2), (3, 4, 2)], "1 edges given more than once", EXPECTED),
    ([(0, 1), (1, 2, 0.4), (2, 1, 0.6), (3, 4, 2)], "1 edges with two weights", EXPECTED),
])
def test_what_can_be_mended_is_mended_and_said(source: Any, said: str, weights: np.ndarray) -> None:
    with pytest.warns(GraphWarning, match=said):
        made = user_graph(source, IDS)
    np.testing.assert_allclose(made.toarray(), weights, atol=1e-7)


@pytest.mark.parametrize(("source", "said"), [
    ([(0, 1, -0.5)], r"weight -0.5 of edge 0 \(ant, bee\) is negative.*turn distances into similarities"),
    ([(0, 1), (1, 2, np.nan)], r"edge 1 \(bee, cat\) is not finite"),
    ([("ant", "fox")], r"1 ends of edges are no items, such as \['fox'\]"),
    ([(0, 5)], "positions 0 and 5, but there are 5 items"),
    ([(0.5, 1.0)], "no items, such as"),
    (np.array([[0.5, 1.0]]), "fractions or NaN"),
    ([(0, 1, 2, 3)], r"edge 0 is \(0, 1, 2, 3\), expected \(a, b\) or \(a, b, weight\)"),
    (np.ones((5, 5)), r"shape \(5, 5\), expected \(E, 2\)"),
    (scipy.sparse.csr_array((4, 4)), "got 4 nodes for 5 items"),
    (scipy.sparse.csr_array((5, 4)), r"expected \(N, N\)"),
    (SimpleNamespace(edge_index=torch.zeros(2, 3, dtype=torch.long), edge_weight=torch.ones(2), num_nodes=5), "2 weights for 3 edges"),
])
def test_what_cannot_be_meant_is_refused(source: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        user_graph(source, IDS)


@pytest.mark.parametrize("source", ["edges.csv", 7, {"a": "b"}])
def test_what_is_no_graph_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match="expected an edge list"):
        user_graph(source, IDS)


# From embeddings -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    made = np.repeat(np.eye(4, 10), 12, axis=0) + 0.3 * rng.normal(size=(48, 10))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def lists(vectors: np.ndarray, k: int) -> np.ndarray:
    """(N, N) bool: whether row i names column j among its k nearest, from the definition."""
    near = vectors @ vectors.T - 2 * np.eye(len(vectors))
    made = np.zeros(near.shape, bool)
    for i in range(len(near)):
        made[i, np.argsort(-near[i])[:k]] = True
    return made


def test_neighbours_and_mutual_neighbours(vectors: np.ndarray) -> None:
    named = lists(vectors, 5)
    cosine = np.clip(vectors @ vectors.T, 0, None)
    either = neighbour_graph(vectors, k=5).toarray()
    np.testing.assert_allclose(either, cosine * (named + 0.0 + named.T) / 2, atol=1e-6)
    both = neighbour_graph(vectors, k=5, mutual=True).toarray()
    np.testing.assert_allclose(both, cosine * (named & named.T), atol=1e-6)


def test_the_adaptive_scale_is_that_of_the_paper(vectors: np.ndarray) -> None:
    made = neighbour_graph(vectors, k=5, scale="adaptive", gamma=2.0, mutual=True).toarray()
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    last = np.sort(distance + 9 * np.eye(48), axis=1)[:, 4]
    named = lists(vectors, 5)
    expected = np.exp(-2 * distance**2 / (last[:, None] * last)) * (named & named.T)
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_modalities_are_joined_with_equal_say_or_by_weight(vectors: np.ndarray) -> None:
    other = vectors[:, :3] * 100 + 0.1
    one, two = (neighbour_graph(part, k=4).toarray() for part in (vectors, other))
    joined = neighbour_graph({"image": vectors, "text": other}, k=4, weights={"text": 0.5}).toarray()
    np.testing.assert_allclose(joined, one * 48 / one.sum() + 0.5 * two * 48 / two.sum(), rtol=1e-5, atol=1e-7)


def test_parts_come_by_size(vectors: np.ndarray) -> None:
    graph = scipy.sparse.csr_array(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    found = parts(graph)
    assert found[0] == found[1] == 0
    assert sorted(found[2:]) == [1, 2]


def test_small_and_wrong_embeddings(vectors: np.ndarray) -> None:
    assert neighbour_graph(vectors[:1]).shape == (1, 1)
    assert neighbour_graph(vectors[:3], k=15).shape == (3, 3)
    with pytest.raises(ValueError, match="text: got 47 rows, the others have 48"):
        neighbour_graph({"image": vectors, "text": vectors[1:]})
    with pytest.raises(ValueError, match="sound"):
        neighbour_graph({"image": vectors}, weights={"sound": 1})
    with pytest.raises(ValueError, match="scale"):
        neighbour_graph(vectors, scale="own")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="image.*NaN"):
        neighbour_graph({"image": np.where(np.arange(10) == 3, np.nan, vectors)})
