"""Neighbours, propagation, the map and zlap on CUDA equal those on the CPU."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute import knn_graph, project, propagate
from labelnb.methods.propagation import zlap, zlap_inductive
from labelnb.methods.zero_shot import clip

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def rows(n: int = 2000, d: int = 64) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy((2 * rng.normal(size=(20, d))[rng.integers(0, 20, n)] + rng.normal(size=(n, d))).astype(np.float32))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_neighbours_are_the_same(metric, dtype):
    x = rows().to(dtype)
    here, there = knn_graph(x, 9, metric=metric), knn_graph(x.cuda(), 9, metric=metric)
    assert there.indices.is_cuda
    assert torch.equal(there.indices.cpu(), here.indices)
    torch.testing.assert_close(there.similarities.cpu(), here.similarities, atol=1e-6, rtol=1e-6)


def test_partitions_reach_the_recall():
    x = rows(5000)
    found, true = knn_graph(x.cuda(), 9, exact=False), knn_graph(x, 9)
    reached = np.mean([len(set(a) & set(b)) / 9 for a, b in zip(found.indices.tolist(), true.indices.tolist(), strict=True)])
    assert reached >= 0.97
    assert found.recall == pytest.approx(reached, abs=0.02)


@pytest.mark.parametrize("method", ["cg", "chebyshev", "power"])
@pytest.mark.parametrize("alpha", [0.3, 0.95])
def test_propagation_is_the_same(method, alpha):
    w = knn_graph(rows(), 9).to_scipy()
    y = torch.eye(10).repeat(200, 1) * (torch.arange(2000) < 50)[:, None]
    here, there = (propagate(w, each, alpha=alpha, method=method) for each in (y, y.cuda()))
    assert there.scores.is_cuda
    assert there.converged
    torch.testing.assert_close(there.scores.cpu(), here.scores, atol=1e-5, rtol=1e-4)


def test_methods_give_the_same():
    x, c = rows(), rows(7)
    labels = torch.where(torch.arange(2000) < 20, torch.arange(2000) % 7, -1)
    for run in (lambda a, b: clip(a, b), lambda a, b: zlap(a, b, labels=labels), lambda a, b: zlap_inductive(a, b, new_embeddings=x[:99])):
        np.testing.assert_allclose(run(x.cuda(), c.cuda()).probabilities, run(x, c).probabilities, atol=1e-4)


def test_the_map_is_the_same():
    x = rows(300)
    np.testing.assert_allclose(project(x.cuda(), method="pca").xy.cpu(), project(x, method="pca").xy, atol=1e-2)
    assert project(x.cuda(), progress=False).xy.is_cuda
