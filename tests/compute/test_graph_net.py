"""Graph networks against NumPy twins: scores and gradients from the equations, and the published accuracy on Cora and Citeseer."""
from __future__ import annotations

import os

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute import graph_net
from labelnb.compute.graph_net import GraphNet, Sparse, smoothing
from labelnb.compute.train import cross_entropy
from tests.benchmarks.text_graph_data import planetoid
from tests.real_data import real_data

KINDS = ("gcn", "sage", "appnp")


def small(seed: int = 0, n: int = 30, width: int = 7) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """A weighted graph with one node alone, and features."""
    rng = np.random.default_rng(seed)
    w = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.2), 1)
    w = w + w.T
    w[5] = w[:, 5] = 0
    return scipy.sparse.csr_array(w), rng.normal(size=(n, width))


def dense_smoothing(w: np.ndarray, kind: str) -> np.ndarray:
    n = len(w)
    made = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if kind == "sage":
                made[i, j] = w[i, j] / w[i].sum() if w[i].sum() > 0 else 0
            else:
                made[i, j] = (w[i, j] + (i == j)) / np.sqrt((w[i].sum() + 1) * (w[j].sum() + 1))
    return made


def forward(a: np.ndarray, x: np.ndarray, net: GraphNet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, and the hidden layer before and after its ReLU, as the equations say."""
    first, second = ([weight.detach().numpy() for weight in each] for each in (net.first, net.second))
    b1, b2 = net.first_bias.detach().numpy(), net.second_bias.detach().numpy()
    if net.kind == "gcn":
        before = a @ x @ first[0] + b1
        return a @ np.maximum(before, 0) @ second[0] + b2, before, np.maximum(before, 0)
    if net.kind == "sage":
        before = x @ first[0] + a @ x @ first[1] + b1
        hidden = np.maximum(before, 0)
        return hidden @ second[0] + a @ hidden @ second[1] + b2, before, hidden
    before = x @ first[0] + b1
    hidden = np.maximum(before, 0)
    start = scores = hidden @ second[0] + b2
    for _ in range(10):
        scores = 0.9 * a @ scores + 0.1 * start
    return scores, before, hidden


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sparse", [False, True])
def test_scores_are_those_of_the_equations(kind, sparse):
    graph, x = small()
    a = dense_smoothing(graph.toarray(), kind)
    np.testing.assert_allclose(smoothing(graph, kind).toarray(), a, atol=1e-12)
    given = scipy.sparse.csr_array(x) if sparse else torch.from_numpy(x)
    net = GraphNet(graph, given, 3, kind=kind, hidden=5, dtype=torch.float64).eval()
    expected, _, _ = forward(a, x, net)
    np.testing.assert_allclose(net.scores().detach().numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(net(torch.tensor([[4.0], [9.0]])).detach().numpy(), expected[[4, 9]], atol=1e-12)


def test_gradients_are_those_written_out_by_hand():
    graph, x = small(1)
    a, y, rows = dense_smoothing(graph.toarray(), "gcn"), np.arange(30) % 3, np.arange(0, 30, 2)
    net = GraphNet(graph, scipy.sparse.csr_array(x), 3, hidden=5, dtype=torch.float64).eval()
    loss = cross_entropy(net(torch.from_numpy(rows)), torch.from_numpy(y[rows])).mean()
    got = torch.autograd.grad(loss, [net.first[0], net.first_bias, net.second[0], net.second_bias])
    scores, before, hidden = forward(a, x, net)
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    g = np.zeros_like(scores)
    g[rows] = (shares - np.eye(3)[y])[rows] / len(rows)                 # d loss / d scores
    inner = (a.T @ g @ net.second[0].detach().numpy().T) * (before > 0)
    expected = [x.T @ a.T @ inner, inner.sum(0), hidden.T @ a.T @ g, g.sum(0)]
    for one, two in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), two, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_small_steps(kind):
    graph, x = small(2)
    net = GraphNet(graph, torch.from_numpy(x), 3, kind=kind, hidden=4, dtype=torch.float64).eval()
    y = torch.arange(30) % 3

    def loss() -> torch.Tensor:
        return cross_entropy(net.scores(), y).mean()

    parameter = net.first[-1]
    gradient = torch.autograd.grad(loss(), parameter)[0]
    for place in ((0, 0), (3, 2), (6, 3)):
        values = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                parameter[place] += step
                values.append(float(loss()))
                parameter[place] -= step
        assert float(gradient[place]) == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


def test_dropout_is_for_training_only_and_keeps_the_mean():
    graph, x = small()
    rows = np.abs(np.hstack([x] * 20))
    net = GraphNet(graph, scipy.sparse.csr_array(rows), 3, dropout=0.5, dtype=torch.float64, seed=4)
    weight = torch.ones((140, 1), dtype=torch.float64)
    mean = torch.stack([net._read(weight) for _ in range(3000)]).mean(0)
    np.testing.assert_allclose(mean.numpy()[:, 0], rows.sum(1), rtol=0.02)
    net.eval()
    np.testing.assert_allclose(net._read(weight).numpy()[:, 0], rows.sum(1))


def test_a_product_has_the_gradient_of_the_transpose():
    matrix = np.random.default_rng(0).normal(size=(6, 4)) * (np.random.default_rng(1).random((6, 4)) < 0.5)
    sparse, dense = Sparse(matrix, torch.float64, "cpu"), torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    dense.requires_grad_()
    made = sparse.times(dense)
    np.testing.assert_allclose(made.detach().numpy(), matrix @ dense.detach().numpy(), atol=1e-12)
    weights = torch.arange(18, dtype=torch.float64).view(6, 3)
    (made * weights).sum().backward()
    np.testing.assert_allclose(dense.grad.numpy(), matrix.T @ weights.numpy(), atol=1e-12)


def planted(n: int = 120, seed: int = 0) -> tuple[scipy.sparse.csr_array, np.ndarray, np.ndarray]:
    """Three groups: edges mostly within, features nearly blind."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    chance = np.where(truth[:, None] == truth, 0.2, 0.01)
    w = np.triu(rng.random((n, n)) < chance, 1)
    return scipy.sparse.csr_array((w + w.T).astype(float)), 0.4 * np.eye(3)[truth] + rng.normal(size=(n, 3)), truth


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_what_the_graph_knows_and_the_features_do_not(kind):
    graph, x, truth = planted()
    targets = np.where(np.arange(120) < 30, truth, -1)
    nothing = scipy.sparse.csr_array((120, 120))
    with_graph, without = (graph_net(g, x, targets, kind=kind, seed=1, epochs=100) for g in (graph, nothing))
    right, blind = (np.mean(fit.probabilities.argmax(1).numpy()[30:] == truth[30:]) for fit in (with_graph, without))
    assert right > 0.8
    assert right > blind + 0.2
    np.testing.assert_allclose(with_graph.probabilities.sum(1).numpy(), 1, atol=1e-6)


def test_soft_targets_and_weights_count_as_they_should():
    graph, x, truth = planted()
    hard = np.where(np.arange(120) < 30, truth, -1)
    soft = np.where(hard[:, None] >= 0, np.eye(3)[hard], 0)
    one, two = graph_net(graph, x, hard, epochs=20), graph_net(graph, x, soft, epochs=20)
    np.testing.assert_allclose(one.scores.numpy(), two.scores.numpy(), atol=1e-4)
    wrong = np.where(hard >= 0, hard, (truth + 1) % 3)
    light = graph_net(graph, x, wrong, epochs=20, weights=np.where(hard >= 0, 1.0, 0.0))
    np.testing.assert_allclose(light.scores.numpy(), one.scores.numpy(), atol=1e-4)


def test_the_best_epoch_is_kept_and_a_patient_training_stops():
    graph, x, truth = planted()
    targets, held = np.where(np.arange(120) < 20, (truth + (np.arange(120) % 2)) % 3, -1), np.where(np.arange(120) > 90, truth, -1)
    fit = graph_net(graph, x, targets, n_classes=3, validation=held, patience=5, epochs=400, dropout=0.0, lr=0.1)
    assert fit.training.stopped == "patience"
    losses = [row["validation"] for row in fit.training.history]
    assert fit.training.best_epoch == int(np.argmin(losses)) < len(losses) - 1


@pytest.mark.parametrize(("options", "words"), [
    ({"targets": np.full(30, -1)}, "targets: no node is labelled"), ({"targets": np.zeros(29)}, "targets"),
    ({"x": np.zeros((29, 7))}, "graph: got 30 nodes for 29 rows"), ({"kind": "transformer"}, "kind"), ({"dropout": 1.0}, "dropout"),
    ({"hidden": 0}, "hidden"), ({"weights": np.zeros(30)}, "weights"), ({"x": np.full((30, 7), np.nan)}, "NaN"),
])
def test_what_cannot_be_trained_is_refused_by_name(options, words):
    graph, x = small()
    with pytest.raises(ValueError, match=words):
        graph_net(**{"graph": graph, "x": x, "targets": np.arange(30) % 3, "epochs": 2, **options})


@pytest.mark.skipif(os.environ.get("LABELNB_NIGHTLY") != "1", reason="20 trainings on Cora and Citeseer; LABELNB_NIGHTLY=1 runs them")
@pytest.mark.parametrize(("name", "published"), [("cora", 0.815), ("citeseer", 0.703)])
def test_accuracy_is_the_published_one_on_the_standard_split(name, published):
    """Kipf and Welling 2017, table 2. Rows of words divided by their sum, 200 epochs, the weights of the last."""
    real_data(f"{name}.npz")
    data = planetoid(name)
    x = data.x / data.x.sum(1, keepdims=True)
    found = [
        np.mean((graph_net(data.graph, x, data.train, seed=seed).probabilities.argmax(1).numpy() == data.truth)[data.test])
        for seed in range(10)
    ]
    assert np.mean(found) == pytest.approx(published, abs=0.01)
