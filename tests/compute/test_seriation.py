"""Seriation and silhouettes against a known order and scikit-learn."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute.seriation import cosine_silhouette, seriation
from tests.methods.text_graphs import line_of


def test_the_order_along_a_line_is_found_however_it_was_shuffled():
    order = np.random.default_rng(0).permutation(40)
    graph = line_of(list(np.random.default_rng(1).uniform(0.5, 2, 39)))[order][:, order]
    places = seriation(graph)
    expected = order / 39
    assert np.allclose(places, expected) or np.allclose(places, 1 - expected)


def test_parts_are_ordered_by_themselves():
    two = scipy.sparse.csr_array(scipy.sparse.block_diag([line_of([1.0] * 5), line_of([1.0]), scipy.sparse.csr_array((1, 1))]))
    places = seriation(two)
    assert sorted(places[:6].round(6).tolist()) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    np.testing.assert_allclose(places[6:], 0.5)


def test_a_robinson_matrix_is_put_in_order():
    """Similarity that falls with the distance along a line: the Fiedler order is the line (Atkins et al., theorem 3.3)."""
    at = np.sort(np.random.default_rng(0).random(30))
    order = np.random.default_rng(1).permutation(30)
    w = np.exp(-5 * np.abs(at[:, None] - at))
    np.fill_diagonal(w, 0)
    places = seriation(scipy.sparse.csr_array(w[order][:, order]))
    assert abs(np.corrcoef(places, order)[0, 1]) > 0.99


def test_silhouettes_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)) + 2 * np.eye(5)[np.arange(60) % 3]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assignment = np.where(np.arange(60) < 59, np.arange(60) % 3, 3)       # the last one alone
    expected = metrics.silhouette_samples(x, assignment, metric="cosine")
    np.testing.assert_allclose(cosine_silhouette(torch.from_numpy(x), assignment), expected, atol=1e-9)
    np.testing.assert_array_equal(cosine_silhouette(torch.from_numpy(x), np.zeros(60, int)), 0)
