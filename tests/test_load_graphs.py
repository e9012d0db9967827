"""load: graphs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from labelnb.items import ItemError
from labelnb.load import load

# Graphs -------------------------------------------------------------------------------------------------------------------


def test_graphs():
    items = load(None, edges=np.array([[0, 1, 2], [1, 2, 3]]), features=np.eye(4), label=["a", None, "b", "a"])
    assert items.modality == "node" and items.ids.tolist() == ["0", "1", "2", "3"] and items.edges.shape == (2, 3)
    assert items.vectors.shape == (4, 4) and items[1].tolist() == [0, 1, 0, 0] and items.given.tolist() == ["a", None, "b", "a"]
    assert load(edges=[(0, 1), (1, 2), (2, 0)]).edges.tolist() == [[0, 1, 2], [1, 2, 0]]
    assert load(["t0", "t1", "t2"], edges=csr_matrix(([1, 1], ([0, 2], [1, 0])), shape=(3, 3))).edges.tolist() == [[0, 2], [1, 0]]
    assert load(["t0", "t1"], edges=[("x", "y")], id=["x", "y"]).edges.tolist() == [[0], [1]]
    frame = pd.DataFrame({"id": ["p", "q"], "title": ["first", "second"]})
    items = load(frame, text="title", edges=pd.DataFrame({"from": ["q"], "to": ["p"]}))
    assert items.text(0) == "first" and items.edges.tolist() == [[1], [0]] and items.ids.tolist() == ["p", "q"]


def test_graphs_of_networkx():
    networkx = pytest.importorskip("networkx")
    items = load(networkx.Graph([("a", "b"), ("b", "c")]))
    assert items.ids.tolist() == ["a", "b", "c"] and items.edges.tolist() == [[0, 1], [1, 2]] and items[2] == "c"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"edges": [[0], [5]], "features": np.eye(3)}, "positions from 0 to 5, but there are 3 nodes"),
        ({"edges": np.zeros((3, 3), int)}, r"\(2, E\)"),
        ({"edges": [["a"], ["b"]], "features": np.eye(2)}, "give the ids too"),
        ({"edges": [["a"], ["z"]], "features": np.eye(2), "id": ["a", "b"]}, r"\['z'\]"),
        ({"features": np.array([[1.0], [np.nan]]), "edges": [[0], [1]]}, r"nodes \[1\]"),
        ({"features": np.eye(3), "edges": [[0], [1]], "label": ["a"]}, "got 1 for 3 nodes"),
        ({"edges": np.empty((2, 0), int)}, "no nodes"),
        ({"edges": csr_matrix((2, 3))}, r"\(N, N\)"),
    ],
)
def test_graphs_that_cannot_be(options: dict, said: str):
    with pytest.raises(ItemError, match=said):
        load(None, **options)
