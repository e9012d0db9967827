"""TURTLE: its first step against the reference's formulas by autograd, recovery, and what a second space is good for."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.methods.clustering import turtle
from labelnb.methods.clustering.turtle import _classifiers, _learn
from labelnb.metrics import adjusted_rand_index, clustering_accuracy

FAST = {"iterations": 150, "lr": 0.005}


def groups(n: int = 160, k: int = 4, noise: float = 0.15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    x = np.linalg.qr(rng.normal(size=(12, 12)))[0][:k][truth] + noise * rng.normal(size=(n, 12))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def test_recovers_clear_groups():
    x, truth = groups()
    got = turtle(x, n_clusters=4, **FAST)
    assert adjusted_rand_index(got.assignment, truth) > 0.97
    assert got.evidence["loss"][-1] < got.evidence["loss"][0]
    assert got.evidence["entropy"][-1] == pytest.approx(np.log(4), abs=0.02)


def test_a_second_space_settles_what_one_leaves_open():
    """Each space shows one true split in two and one that it alone has; only the true one is learnable in both."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    own = rng.integers(0, 2, (2, 300))

    def space(which: int) -> np.ndarray:
        signs = np.stack([2.0 * truth - 1, 1.4 * (2.0 * own[which] - 1)], axis=1)
        return np.hstack([signs, 0.3 * rng.normal(size=(300, 4))])

    first, second = space(0), space(1)
    both = clustering_accuracy(turtle(first, n_clusters=2, other=second, **FAST).assignment, truth)
    alone = [clustering_accuracy(turtle(s, n_clusters=2, **FAST).assignment, truth) for s in (first, second)]
    assert both > 0.95 > max(alone)


def test_classifiers_are_those_of_the_reference():
    """Its inner loop: torch's linear layer and Adam, soft cross-entropy, a few steps."""
    rng = torch.Generator().manual_seed(0)
    x, labels = torch.randn(20, 5, generator=rng), torch.softmax(torch.randn(20, 3, generator=rng), 1)
    got = _classifiers([x], labels, 4, 0.01, torch.Generator().manual_seed(7))[0]
    draw = torch.Generator().manual_seed(7)
    layer = torch.nn.Linear(5, 3)
    with torch.no_grad():
        layer.weight.copy_((torch.rand(3, 5, generator=draw) * 2 - 1) / 5**0.5)
        layer.bias.copy_((torch.rand(3, generator=draw) * 2 - 1) / 5**0.5)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layer(x), labels).backward()
        optimizer.step()
    torch.testing.assert_close(got, torch.log_softmax(layer(x), 1).detach(), atol=1e-5, rtol=1e-4)


def test_first_loss_is_that_of_the_equations():
    x = torch.from_numpy(groups(30)[0]).float()
    _, loss, entropy = _learn([x, x[:, :6]], 3, 10.0, 1, 2, 0.001, 30, 5)
    draw = torch.Generator().manual_seed(5)

    def uniform(bound: float, *shape: int) -> torch.Tensor:
        return (torch.rand(*shape, generator=draw) * 2 - 1) * bound

    weights = [uniform(d**-0.5, 3, d) for d in (12, 6)]
    biases = [uniform(d**-0.5, 3) for d in (12, 6)]
    at = torch.randperm(30, generator=draw)
    shown = [x[at], x[at, :6]]
    parts = [torch.softmax(z @ w.T + b, 1) for z, w, b in zip(shown, weights, biases, strict=True)]
    labels = (parts[0] + parts[1]) / 2
    fitted = _classifiers(shown, labels, 2, 0.001, draw)
    assert loss[0] == pytest.approx(float(sum(-(labels * logs).sum(1).mean() for logs in fitted)), rel=1e-5)
    assert entropy[0] == pytest.approx(float(sum(-(p.mean(0) * p.mean(0).log()).sum() for p in parts)), rel=1e-5)


def test_without_the_entropy_it_collapses_and_says_so():
    x, _ = groups()
    got = turtle(x, n_clusters=4, gamma=0.0, iterations=600, lr=0.01)
    assert got.n_clusters == 4
    assert "classes hold an item" in got.warnings[0]


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"gamma": -1.0}, "gamma: got"), ({"iterations": 0}, "iterations: got 0"),
    ({"inner_steps": 0}, "inner_steps: got 0"), ({"lr": 0.0}, "lr: got"), ({"length": 0.0}, "length: got"),
    ({"batch_size": 0}, "batch_size: got 0"), ({"other": np.ones((8, 3))}, "other: got 8 rows for 9 items"),
    ({"other": np.full((9, 3), np.nan)}, "other: NaN"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        turtle(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
