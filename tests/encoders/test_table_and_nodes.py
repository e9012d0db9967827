"""Rows of tables and nodes of graphs as vectors."""

import numpy as np
import pandas
import pytest
import scipy.sparse

import labelnb as lnb
from labelnb.encoders.graph_nodes import node_vectors
from labelnb.encoders.table import table_vectors


def test_columns_weigh_alike_and_missing_numbers_stand_at_the_mean():
    frame = pandas.DataFrame(
        {
            "size": [1.0, 3.0, np.nan, 2.0],
            "weight": [100.0, 300.0, 200.0, 200.0],
            "kind": ["a", "b", "a", "b"],
            "same": [7, 7, 7, 7],
        }
    )
    x = table_vectors(lnb.load(frame, modality="row"))
    assert x.shape == (4, 2 + 2 + 1)
    np.testing.assert_allclose(x[:, :2].mean(0), 0, atol=1e-6)
    assert x[2, 0] == 0  # the missing size
    np.testing.assert_allclose(x[:, 1].std(), 1, rtol=1e-6)
    np.testing.assert_allclose((x[:, 2:4] ** 2).sum() / 4, 1, rtol=1e-6)  # a category column weighs as much as a number


def test_names_and_free_text_are_left_out():
    frame = pandas.DataFrame({"name": [f"person {i}" for i in range(60)], "age": np.arange(60.0)})
    assert table_vectors(lnb.load(frame, modality="row")).shape == (60, 2)
    with pytest.raises(ValueError, match="holds numbers or a few categories"):
        table_vectors(lnb.load(frame[["name"]], modality="row"))


def test_a_table_goes_through_a_session(tmp_path):
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"a": np.r_[rng.normal(0, 1, 20), rng.normal(6, 1, 20)], "b": rng.normal(size=40)})
    with lnb.Session(lnb.load(frame, modality="row"), path=tmp_path / "t.lnb") as s:
        assert s.embed().shape == (40, 3)
        clusters = s.clustering.sela(n_clusters=2)
        assert lnb.metrics.clustering_accuracy(clusters.assignment, np.repeat([0, 1], 20)) > 0.9


def two_communities():
    rng = np.random.default_rng(1)
    a = (rng.random((40, 40)) < np.where(np.equal.outer(np.arange(40) // 20, np.arange(40) // 20), 0.4, 0.02)).astype(float)
    a = np.triu(a, 1)
    return scipy.sparse.csr_array(a + a.T)


def test_communities_lie_apart_and_the_same_graph_gives_the_same_vectors():
    graph = two_communities()
    x = node_vectors(graph, dim=4)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-5)
    near = x @ x.T
    assert near[:20, :20].mean() > near[:20, 20:].mean() + 0.2
    np.testing.assert_array_equal(x, node_vectors(graph, dim=4))


def test_the_leading_vector_is_the_known_one():
    graph = two_communities()
    degree = np.asarray(graph.sum(1)).ravel()
    x = node_vectors(graph, dim=1)  # eigenvector of eigenvalue 1: square roots of the degrees, then unit rows
    np.testing.assert_allclose(x[degree > 0, 0], 1, atol=1e-6)


def test_lonely_nodes_get_a_vector_of_their_own():
    graph = scipy.sparse.block_diag([two_communities(), scipy.sparse.csr_array((2, 2))], format="csr")
    x = node_vectors(graph, dim=4)
    np.testing.assert_array_equal(x[40:, -1], [1, 1])
    assert (x[:40, -1] == 0).all()
    with pytest.raises(ValueError, match="three nodes and an edge"):
        node_vectors(scipy.sparse.csr_array((5, 5)))


def test_a_graph_goes_through_a_session(tmp_path):
    edges = np.array(two_communities().nonzero())
    with lnb.Session(lnb.load(edges=edges), path=tmp_path / "g.lnb") as s:
        assert s.embed().shape[0] == len(s.items)
        assert s.ingredients.get("graph").shape == (len(s.items), len(s.items))
