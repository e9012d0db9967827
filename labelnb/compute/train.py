"""The one training loop: small heads on frozen embeddings, deterministic by seed, with early stopping.

Everything random (first weights, order of batches, views) comes from generators of its own; torch's global one is never touched.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch

from labelnb.checks import as_tensor, generator, positive_int, within
from labelnb.compute.adam import Adam

__all__ = ["Head", "Training", "train"]


class Training(NamedTuple):
    """What happened; the head itself is changed in place."""

    history: list[dict[str, float]]
    """One row an epoch: `epoch`, `loss`, `lr`, and `validation` where there is any."""
    epochs: int
    """Epochs run."""
    seen: int
    """Items shown, repeats counted."""
    stopped: str
    """`epochs`, `patience` or `callback`."""
    best_epoch: int
    """Epoch whose weights the head holds: the last, or the one of least validation loss."""


class Head(torch.nn.Module):
    """Linear layer, or one hidden layer with ReLU and then linear; several of them side by side on request.

    Input (B, D); output (B, K), or (B, H, K) with `n_heads`. The hidden layer is shared by the heads.
    """

    def __init__(
        self, dim: int, outputs: int, *, n_heads: int | None = None, hidden: int = 0, seed: int = 0,
        dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        draw = generator(seed)
        inner = hidden or dim

        def uniform(bound: float, *shape: int) -> torch.nn.Parameter:
            return torch.nn.Parameter(((torch.rand(*shape, generator=draw, dtype=torch.float64) * 2 - 1) * bound).to(device, dtype))

        self.many, self.outputs = n_heads is not None, outputs
        self.hidden_weight: torch.nn.Parameter | None = None
        self.hidden_bias: torch.nn.Parameter | None = None
        if hidden:
            self.hidden_weight = uniform(math.sqrt(6.0 / dim), hidden, dim)              # He et al. 2015, for ReLU
            self.hidden_bias = torch.nn.Parameter(torch.zeros(hidden, dtype=dtype, device=device))
        self.weight = uniform(1.0 / math.sqrt(inner), (n_heads or 1) * outputs, inner)
        self.bias = torch.nn.Parameter(torch.zeros((n_heads or 1) * outputs, dtype=dtype, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores before the softmax."""
        if self.hidden_weight is not None:
            x = torch.relu(torch.nn.functional.linear(x, self.hidden_weight, self.hidden_bias))
        scores = torch.nn.functional.linear(x, self.weight, self.bias)
        return scores.view(len(x), -1, self.outputs) if self.many else scores


def cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(B,) cross-entropy of scores (B, K) with classes (B,) or distributions (B, K); of (B, H, K) the mean over the heads."""
    if scores.ndim == 3:
        losses = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(0, 1), reduction="none")
        return losses.view(scores.shape[:2]).mean(1)
    return torch.nn.functional.cross_entropy(scores, targets, reduction="none")


def train(
    head: torch.nn.Module,
    x: Any,
    targets: Any,
    *,
    epochs: int = 100,
    batch_size: int = 256,
    lr: float = 0.1,
    optimizer: Literal["sgd", "adamw"] = "sgd",
    momentum: float = 0.9,
    weight_decay: float = 1e-5,
    schedule: Literal["cosine", "constant"] = "cosine",
    seed: int = 0,
    weights: Any = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
    view: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = None,
    relabel: Callable[[int], torch.Tensor | None] | None = None,
    validation: tuple[Any, Any] | None = None,
    patience: int | None = None,
    callback: Callable[[dict[str, float]], bool | None] | None = None,
) -> Training:
    """Train `head` in place on rows and targets.

    Parameters
    ----------
    head : maps (B, D) to scores; its parameters are changed
    x : (N, D) rows
    targets : (N,) classes, (N, K) distributions, or what `loss` takes
    epochs : passes over the rows
    batch_size : rows a step
    lr : first learning rate
    optimizer : `sgd` with momentum (Nesterov), or `adamw`
    momentum, weight_decay : of the optimizer
    schedule : `cosine` falls from lr to a hundredth of it over the epochs; `constant`
    seed : of the order of rows and of the views
    weights : (N,) weight of each row in the loss, default 1
    loss : (scores, targets) to (B,) losses
    view : (positions, generator) to (B, D): what is shown instead of `x[positions]`, such as a neighbour or a noisy copy
    relabel : called before each step with the number of rows shown so far; returns new targets, or None to go on
    validation : (rows, targets) whose loss is measured after every epoch
    patience : stop after so many epochs without a lower validation loss, and go back to the best weights
    callback : called with each epoch's record; returning True stops

    Raises
    ------
    ValueError
        Where shapes do not fit, or `patience` is given without `validation`.
    FloatingPointError
        Where the loss is no longer finite: lower `lr`.
    """
    rows = as_tensor(x, "x", dtype=None)
    goal = as_tensor(targets, "targets", dtype=None).to(rows.device)
    _check(rows, goal, epochs, batch_size, lr, patience, validation)
    mass = None if weights is None else _weights(weights, rows)
    draw, made = generator(seed), _Optimizer(head, optimizer, lr, momentum, weight_decay)
    history, seen, best, best_epoch, best_state, stopped = [], 0, math.inf, 0, None, "epochs"
    for epoch in range(epochs):
        order = torch.randperm(len(rows), generator=draw).to(rows.device)
        total = 0.0
        for start in range(0, len(rows), batch_size):
            if schedule == "cosine":
                made.lr = _cosine(lr, (epoch + start / len(rows)) / epochs)
            new = relabel(seen) if relabel is not None else None
            goal = goal if new is None else new
            at = order[start : start + batch_size]
            losses = loss(head(rows[at] if view is None else view(at, draw)), goal[at])
            value = losses.mean() if mass is None else (losses * mass[at]).mean()
            made.step(torch.autograd.grad(value, made.parameters))
            seen += len(at)
            total += value.item() * len(at)
        record = {"epoch": float(epoch), "loss": total / len(rows), "lr": made.lr}
        if not math.isfinite(record["loss"]):
            raise FloatingPointError(f"training: the loss became {record['loss']} in epoch {epoch}; lower lr (now {lr:g})")
        history.append(record)
        if validation is not None:
            record["validation"] = _validate(head, validation, rows, loss)
            if record["validation"] < best:
                best, best_epoch = record["validation"], epoch
                best_state = {name: value.detach().clone() for name, value in head.state_dict().items()}
        if callback is not None and callback(record):
            stopped = "callback"
            break
        if patience is not None and epoch - best_epoch >= patience:
            stopped = "patience"
            break
    if best_state is not None:
        head.load_state_dict(best_state)
    return Training(history, len(history), seen, stopped, best_epoch if best_state is not None else len(history) - 1)


def _check(
    rows: torch.Tensor, goal: torch.Tensor, epochs: int, batch_size: int, lr: float, patience: int | None, validation: Any
) -> None:
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"x: got shape {tuple(rows.shape)}, expected (N, D) with at least one row and one column")
    if len(goal) != len(rows):
        raise ValueError(f"targets: got {len(goal)}, expected one for each of the {len(rows)} rows")
    positive_int("epochs", epochs), positive_int("batch_size", batch_size)
    within("lr", lr, 0.0, 1e6, open_low=True)
    if patience is not None:
        positive_int("patience", patience)
        if validation is None:
            raise ValueError("patience: needs validation=(rows, targets) to measure; give it, or leave patience out")


def _weights(weights: Any, rows: torch.Tensor) -> torch.Tensor:
    mass = as_tensor(weights, "weights", dtype=rows.dtype).to(rows.device)
    if mass.shape != (len(rows),) or not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
        raise ValueError(f"weights: expected ({len(rows)},) finite numbers of 0 or more, got shape {tuple(mass.shape)}")
    return mass


def _cosine(lr: float, done: float) -> float:
    """From lr to a hundredth of it."""
    return lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


class _Optimizer:
    """SGD with Nesterov momentum, or AdamW (Loshchilov and Hutter 2019); not `torch.optim`'s, for the reason that `compute.adam` gives."""

    def __init__(self, head: torch.nn.Module, name: str, lr: float, momentum: float, weight_decay: float) -> None:
        if name not in ("sgd", "adamw"):
            raise ValueError(f"optimizer: got {name!r}, expected 'sgd' or 'adamw'")
        self.parameters = [p for p in head.parameters() if p.requires_grad]
        self.name, self.lr, self.momentum, self.weight_decay = name, lr, momentum, weight_decay
        self.velocity = [torch.zeros_like(p) for p in self.parameters] if name == "sgd" else []
        self.adam = Adam(self.parameters, lr) if name == "adamw" else None

    @torch.no_grad()
    def step(self, gradients: tuple[torch.Tensor, ...]) -> None:
        if self.adam is not None:
            for parameter in self.parameters:
                parameter.mul_(1 - self.lr * self.weight_decay)
            self.adam.lr = self.lr
            self.adam.step(gradients)
            return
        for parameter, gradient, velocity in zip(self.parameters, gradients, self.velocity, strict=True):
            full = gradient.add(parameter, alpha=self.weight_decay)
            velocity.mul_(self.momentum).add_(full)
            parameter.sub_(full.add_(velocity, alpha=self.momentum), alpha=self.lr)


@torch.no_grad()
def _validate(
    head: torch.nn.Module, validation: tuple[Any, Any], rows: torch.Tensor, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> float:
    x = as_tensor(validation[0], "validation rows", dtype=None).to(rows)
    goal = as_tensor(validation[1], "validation targets", dtype=None).to(rows.device)
    head.eval()                                                 # a head with dropout is measured without
    measured = float(loss(head(x), goal).mean())
    head.train()
    return measured
