"""NCD spectral clustering: the reference's width and eigenvectors, recovery, settings chosen on hidden classes, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from labelnb.methods.novel import ncd_spectral
from labelnb.methods.novel.ncd_spectral import _gaussian, _sparse, spanning_sigma
from labelnb.metrics import adjusted_rand_index, split_clustering_accuracy
from tests.methods.planted import planted, planted_digits


def test_width_and_eigenvectors_are_the_reference_s():
    """Orange-OpenSource/PracticalNCD at 7a0bd16 on the same 150 digits, min_dist .6, 8 components: `estimate_sigma` 0.7656894593439292; of
    `get_spectral_embedding` E, entries of E E' (which does not depend on signs): (0, 1) -0.035837274, (3, 40) 0.008696262, sum of
    absolute values 314.80798 (single precision)."""
    x = load_digits().data[:150]
    x = torch.from_numpy(x / np.linalg.norm(x, axis=1, keepdims=True))
    assert spanning_sigma(torch.cdist(x, x) ** 2, 0.6) == pytest.approx(0.7656894593439292, rel=1e-5)
    vectors = _gaussian(x, 8, 0.6)
    together = (vectors @ vectors.T).numpy()
    assert together[0, 1] == pytest.approx(-0.03583727, abs=1e-5)
    assert together[3, 40] == pytest.approx(0.00869626, abs=1e-5)
    assert np.abs(together).sum() == pytest.approx(314.80798, rel=1e-4)


def test_sparse_eigenvectors_solve_the_eigenproblem():
    """The Laplacian written as loops over the neighbour lists, for small and for large inputs (another solver)."""
    for n in (120, 320):
        data = planted(n, 5, 1, noise=0.3)
        vectors = _sparse(torch.from_numpy(data.x), torch.from_numpy(data.labels), 3, 6).numpy()
        nodes = n + 4
        graph = np.zeros((nodes, nodes))
        cosines = data.x @ data.x.T - 2 * np.eye(n)
        for i in range(n):
            for j in np.argsort(-cosines[i])[:6]:
                if not (data.labels[i] >= 0 and data.labels[j] >= 0 and data.labels[i] != data.labels[j]):
                    graph[i, j] += 1
                    graph[j, i] += 1
            if data.labels[i] >= 0:
                graph[i, n + data.labels[i]] += 1.5
                graph[n + data.labels[i], i] += 1.5
        degree = graph.sum(1)
        values, expected = np.linalg.eigh(graph / np.sqrt(np.outer(degree, degree)))
        expected = expected[:, ::-1][:n, 1:4]
        assert values[-4] - values[-5] > 1e-6
        np.testing.assert_allclose(np.abs(vectors.T @ expected), np.abs(expected.T @ expected), atol=1e-5)


@pytest.mark.parametrize("affinity", ["neighbours", "gaussian"])
def test_finds_the_planted_classes(affinity):
    data = planted()
    got = ncd_spectral(data.x, data.labels, affinity=affinity, n_novel=2)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.97
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    assert got.evidence["coordinates"].shape[0] == 300


def test_hidden_classes_choose_and_every_candidate_is_shown():
    data = planted_digits(600)
    got = ncd_spectral(data.x, data.labels, n_novel=3)
    table = got.evidence["candidates"]
    assert len(table) == 9
    best, chosen = max(table, key=lambda row: row["accuracy"]), got.evidence["chosen"]
    assert (best["neighbours"], best["times"]) == (chosen["neighbours"], chosen["times"])
    free = data.free
    assert split_clustering_accuracy(got.assignment[free], data.truth[free], data.known).all > 0.75
    fixed = ncd_spectral(data.x, data.labels, n_novel=3, folds=0, n_components=12)
    assert "chosen" not in fixed.evidence
    assert fixed.evidence["coordinates"].shape == (600, 12)


@pytest.mark.parametrize(("change", "message"), [
    ({"affinity": "cosine"}, "affinity: got 'cosine'"),
    ({"affinity": "gaussian", "embeddings": np.ones((5001, 3)), "labels": np.arange(5001) % 3 - 1}, "needs 5001 x 5001"),
    ({"n_components": 0}, "n_components: got 0"),
    ({"min_dist": 1.0}, "min_dist: got 1.0"),
    ({"neighbours": 1}, "neighbours: got 1"),
    ({"folds": -1}, "folds: got -1"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        ncd_spectral(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
