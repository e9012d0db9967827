"""The one training loop: small heads on frozen embeddings, deterministic by seed, early stopped, with a teacher, resumed where it ended.

Everything random (first weights, order of batches, views) comes from generators of its own; torch's global one is never touched.
The teacher is the mean of the weights over the last steps: Tarvainen and Valpola 2017, Mean teachers (arXiv 1703.01780).
"""
from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from labelnb.checks import as_tensor, generator, positive_int, within
from labelnb.compute.checkpoint import keep, kept
from labelnb.compute.optimizer import Optimizer

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
    precision: str = "float32"
    """What the products ran in: `bfloat16` where mixed precision was asked for and the rows lie on CUDA, else the parameters' type."""
    resumed: int = 0
    """Items that an earlier, interrupted run had shown already."""


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
    schedule: Literal["cosine", "linear", "constant"] = "cosine",
    warmup: float = 0.0,
    seed: int = 0,
    weights: Any = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
    view: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = None,
    relabel: Callable[[int], torch.Tensor | None] | None = None,
    teacher: torch.nn.Module | None = None,
    ema: float = 0.999,
    validation: tuple[Any, Any] | None = None,
    patience: int | None = None,
    callback: Callable[[dict[str, float]], bool | None] | None = None,
    precision: Literal["full", "mixed"] = "full",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 200,
) -> Training:
    """Train `head` in place on rows and targets.

    Parameters
    ----------
    head : maps (B, D) to scores; its parameters are changed
    x : (N, D) rows
    targets : (N,) classes, (N, K) distributions, or what `loss` takes
    epochs : passes over the rows
    batch_size : rows a step
    lr : highest learning rate
    optimizer : `sgd` with momentum (Nesterov), or `adamw`
    momentum, weight_decay : of the optimizer
    schedule : `cosine` falls from lr to a hundredth of it over the epochs, `linear` to nothing; `constant`
    warmup : share of the steps, 0 to 1, in which the rate first rises evenly to what the schedule says
    seed : of the order of rows and of the views
    weights : (N,) weight of each row in the loss, default 1
    loss : (scores, targets) to (B,) losses
    view : (positions, generator) to (B, D): what is shown instead of `x[positions]`, such as a neighbour or a noisy copy
    relabel : called before each step with the number of rows shown so far; returns new targets, or None to go on
    teacher : a module like `head` (a deep copy) that follows it: set to it at first, then after every step moved to it by a share of
        1 - `ema`. It is what validation measures; `view` and `relabel` may ask it for pseudo-labels
    ema : share of the teacher that stays at a step; less in the first steps, in which the teacher is the plain mean
    validation : (rows, targets) whose loss is measured after every epoch
    patience : stop after so many epochs without a lower validation loss, and go back to the best weights
    callback : called with each epoch's record; returning True stops
    precision : `mixed` forms the products in bfloat16 where the rows lie on CUDA; parameters and losses stay as they are
    checkpoint : a file in which the run is kept; where it is there already, the run goes on from it, on a CPU to the same bits as if it
        had not been interrupted, and a finished one is not run again. `relabel`, `view` and `callback` are not in it: what they
        remember beyond their arguments is theirs to keep
    checkpoint_every : steps between two writings

    Raises
    ------
    ValueError
        Where shapes do not fit, `patience` is given without `validation`, or the checkpoint is of another run or damaged.
    FloatingPointError
        Where the loss is no longer finite: lower `lr`.
    """
    rows = as_tensor(x, "x", dtype=None)
    goal = as_tensor(targets, "targets", dtype=None).to(rows.device)
    _check(rows, goal, epochs, batch_size, lr, patience, validation)
    _check_options(schedule, precision, warmup, ema, checkpoint_every)
    mass = None if weights is None else _weights(weights, rows)
    run = _Run(head, teacher, Optimizer(head, optimizer, lr, momentum, weight_decay), generator(seed), goal, ema)
    settings = (epochs, batch_size, lr, optimizer, momentum, weight_decay, schedule, warmup, seed, ema, teacher is not None, precision)
    mark = "" if checkpoint is None else _mark(rows, goal, mass, validation, patience, settings)
    place = None if checkpoint is None else Path(checkpoint)
    run.resume(place, mark)
    resumed, mixed, measured = run.seen, _autocast(head, rows, precision), head if teacher is None else teacher
    while run.epoch < epochs and not run.stopped:
        order = run.order(len(rows)).to(rows.device)
        while run.behind < len(rows):
            at = order[run.behind : run.behind + batch_size]
            run.optimizer.lr = lr * _rate(schedule, warmup, (run.epoch + run.behind / len(rows)) / epochs, len(at) / len(rows) / epochs)
            run.aim(None if relabel is None else relabel(run.seen))
            with mixed:
                scores = head(rows[at] if view is None else view(at, run.draw))
            losses = loss(scores if scores.dtype != torch.bfloat16 else scores.float(), run.goal[at])
            run.step(losses.mean() if mass is None else (losses * mass[at]).mean(), len(at))
            if run.steps % checkpoint_every == 0:
                run.keep(place, mark)
        run.end_epoch(None if validation is None else _validate(measured, validation, rows, loss), lr)
        if callback is not None and callback(run.history[-1]):
            run.stopped = "callback"
        elif patience is not None and run.epoch - 1 - run.best_epoch >= patience:
            run.stopped = "patience"
    run.stopped = run.stopped or "epochs"
    run.keep(place, mark)
    return run.result(_ran_in(head, rows, precision), resumed)


@dataclass
class _Run:
    """A run as it stands: what has to be known to go on with it."""

    head: torch.nn.Module
    teacher: torch.nn.Module | None
    optimizer: Optimizer
    draw: torch.Generator
    goal: torch.Tensor
    ema: float
    relabelled: bool = False
    epoch: int = 0
    behind: int = 0
    """Rows of this epoch that were shown."""
    steps: int = 0
    seen: int = 0
    total: float = 0.0
    """Loss of this epoch so far, summed over rows."""
    history: list[dict[str, float]] = field(default_factory=list)
    best: float = math.inf
    best_epoch: int = 0
    best_state: dict[str, torch.Tensor] = field(default_factory=dict)
    stopped: str = ""
    begun: torch.Tensor = field(init=False)
    """The generator before it drew this epoch's order."""

    def __post_init__(self) -> None:
        self.begun = self.draw.get_state()
        if self.teacher is not None:
            self.teacher.load_state_dict(self.head.state_dict())

    def order(self, count: int) -> torch.Tensor:
        """The order of the rows in this epoch: drawn, or, in the middle of a resumed one, drawn once more as it was."""
        if self.behind == 0:
            self.begun = self.draw.get_state()
            return torch.randperm(count, generator=self.draw)
        again = generator(0)
        again.set_state(self.begun)
        return torch.randperm(count, generator=again)

    def aim(self, new: torch.Tensor | None) -> None:
        if new is not None:
            self.goal, self.relabelled = new, True

    def step(self, value: torch.Tensor, shown: int) -> None:
        self.optimizer.step(torch.autograd.grad(value, self.optimizer.parameters))
        self.steps, self.seen, self.behind = self.steps + 1, self.seen + shown, self.behind + shown
        self.total += value.item() * shown
        if self.teacher is not None:
            share = 1 - min(self.ema, self.steps / (self.steps + 1))
            with torch.no_grad():
                for mine, its in zip(self.teacher.parameters(), self.head.parameters(), strict=True):
                    mine.lerp_(its, share)
                for follower, leader in zip(self.teacher.buffers(), self.head.buffers(), strict=True):
                    follower.copy_(leader)

    def end_epoch(self, validation: float | None, lr: float) -> None:
        record = {"epoch": float(self.epoch), "loss": self.total / self.behind, "lr": self.optimizer.lr}
        if not math.isfinite(record["loss"]):
            raise FloatingPointError(f"training: the loss became {record['loss']} in epoch {self.epoch}; lower lr (now {lr:g})")
        self.history.append(record)
        if validation is not None:
            record["validation"] = validation
            if validation < self.best:
                self.best, self.best_epoch = validation, self.epoch
                self.best_state = {name: value.detach().clone() for name, value in self._weights().items()}
        self.epoch, self.behind, self.total = self.epoch + 1, 0, 0.0

    def result(self, precision: str, resumed: int) -> Training:
        if self.best_state:
            self._take(self.best_state)
        last = self.best_epoch if self.best_state else len(self.history) - 1
        return Training(self.history, len(self.history), self.seen, self.stopped, last, precision, resumed)

    def _weights(self) -> dict[str, torch.Tensor]:
        parts = {"head": self.head, **({} if self.teacher is None else {"teacher": self.teacher})}
        return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}

    def _take(self, tensors: dict[str, torch.Tensor]) -> None:
        for part, module in (("head.", self.head), ("teacher.", self.teacher)):
            if module is not None:
                module.load_state_dict({name.removeprefix(part): t for name, t in tensors.items() if name.startswith(part)})

    def keep(self, path: Path | None, mark: str) -> None:
        if path is None:
            return
        tensors = {**self._weights(), **{f"best.{name}": value for name, value in self.best_state.items()}, **self.optimizer.moments()}
        tensors |= {"draw": self.draw.get_state(), "begun": self.begun} | ({"goal": self.goal} if self.relabelled else {})
        keep(path, tensors, {"run": mark, "adam_steps": self.optimizer.adam.steps if self.optimizer.adam else 0, "lr": self.optimizer.lr,
                             **{name: getattr(self, name) for name in _NUMBERS}})

    def resume(self, path: Path | None, mark: str) -> None:
        found = None if path is None else kept(path)
        if found is None:
            return
        tensors, about = found
        if about["run"] != mark:
            raise ValueError(f"checkpoint: {path} is of a run on other data or settings; remove it to begin anew, or give another path")
        self._take(tensors)
        self.best_state = {name.removeprefix("best."): tensors[name].to(self.goal.device) for name in tensors if name.startswith("best.")}
        for name, value in self.optimizer.moments().items():
            value.copy_(tensors[name])
        if self.optimizer.adam is not None:
            self.optimizer.adam.steps = about["adam_steps"]
        self.optimizer.lr = about["lr"]
        self.draw.set_state(tensors["draw"])
        self.begun, self.relabelled = tensors["begun"], "goal" in tensors
        self.goal = tensors["goal"].to(self.goal.device) if self.relabelled else self.goal
        for name in _NUMBERS:
            setattr(self, name, about[name])


_NUMBERS = ("epoch", "behind", "steps", "seen", "total", "history", "best", "best_epoch", "stopped")


def _mark(
    rows: torch.Tensor, goal: torch.Tensor, mass: torch.Tensor | None, validation: tuple[Any, Any] | None, patience: int | None,
    settings: tuple[Any, ...],
) -> str:
    """What tells one run from another: data and settings."""
    from labelnb.fingerprints import fingerprint

    held = None if validation is None else [as_tensor(part, "validation", dtype=None) for part in validation]
    return fingerprint([rows, goal, mass, held, patience, list(settings)])


def _autocast(head: torch.nn.Module, rows: torch.Tensor, precision: str) -> AbstractContextManager[Any]:
    return torch.autocast("cuda", torch.bfloat16) if _ran_in(head, rows, precision) == "bfloat16" else nullcontext()


def _ran_in(head: torch.nn.Module, rows: torch.Tensor, precision: str) -> str:
    kind = next((str(p.dtype).removeprefix("torch.") for p in head.parameters()), "float32")
    return "bfloat16" if precision == "mixed" and rows.is_cuda and kind == "float32" else kind


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


def _check_options(schedule: str, precision: str, warmup: float, ema: float, checkpoint_every: int) -> None:
    if schedule not in _SCHEDULES:
        raise ValueError(f"schedule: got {schedule!r}, expected {', '.join(map(repr, _SCHEDULES))}")
    if precision not in ("full", "mixed"):
        raise ValueError(f"precision: got {precision!r}, expected 'full' or 'mixed'")
    within("warmup", warmup, 0.0, 1.0), within("ema", ema, 0.0, 1.0), positive_int("checkpoint_every", checkpoint_every)


def _weights(weights: Any, rows: torch.Tensor) -> torch.Tensor:
    mass = as_tensor(weights, "weights", dtype=rows.dtype).to(rows.device)
    if mass.shape != (len(rows),) or not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
        raise ValueError(f"weights: expected ({len(rows)},) finite numbers of 0 or more, got shape {tuple(mass.shape)}")
    return mass


_SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)),
    "linear": lambda done: 1 - done,
    "constant": lambda done: 1.0,
}
"""By name: the share of the highest rate after so great a share of the steps."""


def _rate(schedule: str, warmup: float, done: float, step: float) -> float:
    """The share of the highest rate for a step that begins at the share `done` of all steps."""
    return _SCHEDULES[schedule](done) * (min(1.0, (done + step) / warmup) if warmup else 1.0)


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
