"""The training loop: deterministic, weighted, early stopped, equal to torch's optimizers step by step."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute import train
from labelnb.compute.train import Head


def task(n: int = 200, k: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return torch.from_numpy(np.eye(k, 6)[y] + 0.2 * rng.normal(size=(n, 6))), torch.from_numpy(y)


def fresh(**kw) -> Head:
    return Head(6, 3, dtype=torch.float64, **kw)


@pytest.mark.parametrize("kw", [{}, {"hidden": 16}])
def test_learns(kw):
    x, y = task()
    head = fresh(**kw)
    done = train(head, x, y, epochs=40, batch_size=32)
    assert (head(x).argmax(1) == y).double().mean() > 0.98
    assert done.history[-1]["loss"] < 0.2 * done.history[0]["loss"]
    assert (done.epochs, done.seen, done.stopped, done.best_epoch) == (40, 8000, "epochs", 39)


@pytest.mark.parametrize(("name", "peer"), [
    ("sgd", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ("adamw", lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.01)),
])
def test_steps_equal_torch(name, peer):
    x, y = task()
    ours, theirs = fresh(seed=1), fresh(seed=1)
    train(ours, x, y, epochs=15, batch_size=200, lr=0.1, optimizer=name, weight_decay=0.01, schedule="constant")
    steps = peer(theirs.parameters())
    for _ in range(15):
        steps.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        steps.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-9, atol=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    x, y = task()
    heads = [fresh(hidden=8, seed=2) for _ in range(3)]
    for head, seed in zip(heads, (5, 5, 6), strict=True):
        train(head, x, y, epochs=3, batch_size=16, seed=seed)
    assert torch.equal(heads[0].weight, heads[1].weight)
    assert not torch.equal(heads[0].weight, heads[2].weight)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    train(fresh(hidden=4), *task(), epochs=2)
    assert torch.equal(before, torch.get_rng_state())


def test_a_weight_of_two_is_two_copies():
    x, y = task(30)
    ours, copies = fresh(), fresh()
    weights = torch.ones(30)
    weights[:10] = 2
    train(ours, x, y, epochs=20, batch_size=30, weights=weights / weights.mean(), schedule="constant")
    train(copies, torch.cat([x, x[:10]]), torch.cat([y, y[:10]]), epochs=20, batch_size=40, schedule="constant")
    torch.testing.assert_close(ours.weight, copies.weight, rtol=1e-6, atol=1e-9)


def test_soft_targets_and_heads_side_by_side():
    x, y = task()
    soft = torch.nn.functional.one_hot(y, 3).double()
    hard_head, soft_head = fresh(), fresh()
    train(hard_head, x, y, epochs=3)
    train(soft_head, x, soft, epochs=3)
    torch.testing.assert_close(hard_head.weight, soft_head.weight)
    many = Head(6, 3, n_heads=2, dtype=torch.float64)
    train(many, x, torch.stack([y, (y + 1) % 3], dim=1), epochs=40, lr=0.2)
    out = many(x)
    assert out.shape == (200, 2, 3)
    assert (out[:, 0].argmax(1) == y).double().mean() > 0.95
    assert (out[:, 1].argmax(1) == (y + 1) % 3).double().mean() > 0.95


def test_early_stopping_returns_the_best_weights():
    x, y = task(40)
    other = (torch.from_numpy(np.random.default_rng(9).normal(size=(40, 6))), torch.from_numpy(np.random.default_rng(9).integers(0, 3, 40)))
    head = fresh(hidden=32)
    done = train(head, x, y, epochs=200, lr=0.3, validation=other, patience=4)
    assert done.stopped == "patience"
    assert done.epochs == done.best_epoch + 1 + 4
    losses = [row["validation"] for row in done.history]
    assert torch.nn.functional.cross_entropy(head(other[0]), other[1]).item() == pytest.approx(min(losses), rel=1e-9)


def test_callback_relabel_and_view():
    x, y = task(60)
    told, asked = [], []

    def relabel(seen: int) -> torch.Tensor | None:
        asked.append(seen)
        return (y + 1) % 3 if seen == 0 else None

    head = fresh()
    done = train(
        head, x, y, epochs=50, batch_size=20, relabel=relabel, view=lambda at, draw: x[at],
        callback=lambda row: told.append(row) or len(told) == 30,
    )
    assert done.stopped == "callback" and done.epochs == 30
    assert asked[:4] == [0, 20, 40, 60]
    assert (head(x).argmax(1) == (y + 1) % 3).double().mean() > 0.95


def test_the_schedule_falls():
    rates = [row["lr"] for row in train(fresh(), *task(), epochs=10, lr=0.4).history]
    assert rates == sorted(rates, reverse=True) and rates[0] > 0.38 and rates[-1] < 0.02


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"x": torch.zeros(3)}, ValueError, r"expected \(N, D\)"),
    ({"targets": torch.zeros(5, dtype=torch.int64)}, ValueError, "targets: got 5"),
    ({"epochs": 0}, ValueError, "epochs: got 0"),
    ({"lr": -1}, ValueError, "lr: got -1"),
    ({"optimizer": "lbfgs"}, ValueError, "optimizer: got 'lbfgs'"),
    ({"weights": torch.full((200,), -1.0)}, ValueError, "weights: expected"),
    ({"patience": 3}, ValueError, "patience: needs validation"),
    ({"lr": 1e5, "epochs": 60, "weight_decay": 10.0}, FloatingPointError, "lower lr"),
])
def test_bad_input(change, error, message):
    x, y = task()
    with pytest.raises(error, match=message):
        train(fresh(), **{"x": x, "targets": y, **change})
