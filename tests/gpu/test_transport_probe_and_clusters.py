"""Transport, k-means, the probe, the training loop and the methods on them give on CUDA what they give on the CPU."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute import kmeans, out_of_fold, probe, sinkhorn, train
from labelnb.compute.train import Head
from labelnb.methods.clustering import sela
from labelnb.methods.noisy import confident_learning
from labelnb.methods.pseudo_label import curriculum_labeling
from labelnb.metrics import adjusted_rand_index

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def task(n: int = 900, k: int = 6, d: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % k
    x = 2.5 * rng.normal(size=(k, d))[y] / np.sqrt(d) * 3 + rng.normal(size=(n, d))
    return torch.from_numpy((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)), torch.from_numpy(y)


@pytest.mark.parametrize("temperature", [0.1, 0.005])
def test_the_plan_is_the_same(temperature):
    x, _ = task()
    scores = x @ x[:20].T
    here, there = (sinkhorn(s, temperature=temperature, tolerance=1e-5) for s in (scores, scores.cuda()))
    assert there.plan.is_cuda
    torch.testing.assert_close(there.plan.cpu(), here.plan, atol=1e-3 * float(here.plan.max()), rtol=0)


@pytest.mark.parametrize("options", [{}, {"spherical": True}, {"balanced": True}])
def test_clusters_are_the_same(options):
    x, _ = task()
    here, there = kmeans(x, 6, n_init=3, **options), kmeans(x.cuda(), 6, n_init=3, **options)
    assert there.assignment.is_cuda
    assert there.inertia == pytest.approx(here.inertia, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_probe_is_the_same(dtype):
    x, y = task()
    here, there = probe(x.to(dtype), y, tolerance=1e-8), probe(x.to(dtype).cuda(), y.cuda(), tolerance=1e-8)
    assert there.weight.is_cuda
    assert there.loss == pytest.approx(here.loss, abs=1e-5)
    torch.testing.assert_close(there.probabilities(x.cuda()).cpu(), here.probabilities(x), atol=2e-3, rtol=0)
    folds = out_of_fold(x.to(dtype).cuda(), y)
    torch.testing.assert_close(folds.cpu(), out_of_fold(x.to(dtype), y), atol=5e-3, rtol=0)


def test_training_learns_the_same():
    x, y = task()
    here, there = Head(32, 6), Head(32, 6, device="cuda")
    train(here, x, y, epochs=5)
    train(there, x.cuda(), y.cuda(), epochs=5)
    torch.testing.assert_close(there.weight.cpu(), here.weight, atol=1e-3, rtol=1e-3)


def test_methods_say_the_same():
    x, y = task()
    assert adjusted_rand_index(sela(x.cuda(), n_clusters=6).assignment, sela(x, n_clusters=6).assignment) > 0.97
    labels = torch.where(torch.arange(len(y)) % 30 < 6, y, -1)
    here, there = curriculum_labeling(x, labels), curriculum_labeling(x.cuda(), labels)
    assert np.mean(here.predictions == there.predictions) > 0.99
    wrong = torch.where(torch.arange(len(y)) % 25 == 0, (y + 1) % 6, y)
    found = [confident_learning(wrong, None, embeddings=rows).flagged for rows in (x.cuda(), x)]
    assert np.mean(found[0] == found[1]) > 0.99


def test_mixed_precision_learns_the_same_classes():
    x, y = task()
    full, mixed = (Head(32, 6, hidden=32, device="cuda") for _ in range(2))
    assert train(full, x.cuda(), y, epochs=20).precision == "float32"
    assert train(mixed, x.cuda(), y, epochs=20, precision="mixed").precision == "bfloat16"
    assert mixed.weight.dtype == torch.float32
    assert (full(x.cuda()).argmax(1) == mixed(x.cuda()).argmax(1)).double().mean() > 0.97
