"""The leading eigenvectors against NumPy's and scikit-learn's, sparse and dense, and what is refused."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.manifold import spectral_embedding

from labelnb.compute.spectral import spectrum


def graph(n: int = 500, groups: int = 5) -> np.ndarray:
    rng = np.random.default_rng(0)
    truth = np.arange(n) % groups
    a = (rng.random((n, n)) < np.where(truth[:, None] == truth, 0.15, 0.01)) * rng.random((n, n))
    return np.triu(a, 1) + np.triu(a, 1).T


@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.coo_array, torch.from_numpy, np.asarray])
def test_agrees_with_numpy(form):
    a = graph()
    root = 1 / np.sqrt(a.sum(1))
    values, vectors = np.linalg.eigh(root[:, None] * a * root)
    got = spectrum(form(a), 5)
    np.testing.assert_allclose(got.values, values[::-1][:5], atol=1e-7)
    np.testing.assert_allclose(np.abs((got.vectors.numpy() * vectors[:, ::-1][:, :5]).sum(0)), 1, atol=1e-5)
    assert (got.vectors.gather(0, got.vectors.abs().argmax(0, keepdim=True)) > 0).all()


def test_agrees_with_scikit_learns_embedding():
    a = graph()
    peer = spectral_embedding(a, n_components=3, drop_first=True, random_state=0)
    ours = spectrum(scipy.sparse.csr_array(a), 4).vectors.numpy() / np.sqrt(a.sum(1))[:, None]
    for column in range(3):
        assert abs(np.corrcoef(peer[:, column], ours[:, column + 1])[0, 1]) > 0.9999


def test_one_eigenvalue_of_1_for_each_connected_part():
    blocks = scipy.sparse.block_diag([graph(150, 1), graph(170, 1), graph(180, 1)])
    np.testing.assert_allclose(spectrum(blocks, 4).values[:3], 1, atol=1e-6)
    assert spectrum(blocks, 4).values[3] < 0.9


@pytest.mark.parametrize("n", [10, 600])
def test_nodes_without_edges_are_no_trouble(n):
    a = graph(n)
    a[3], a[:, 3] = 0, 0
    got = spectrum(scipy.sparse.csr_array(a), 3)
    assert torch.isfinite(got.vectors).all()


@pytest.mark.parametrize(("affinity", "k", "message"), [
    (np.ones((3, 4)), 1, "affinity: got shape"), (np.ones((3, 3)), 4, "k: got 4"), (-np.ones((3, 3)), 1, "weights of 0 or more"),
    (scipy.sparse.csr_array(np.full((3, 3), np.nan)), 1, "finite weights"),
])
def test_bad_input(affinity, k, message):
    with pytest.raises(ValueError, match=message):
        spectrum(affinity, k)
