"""The loss of a linear classifier, its value and gradient in one pass over the rows: in memory, or read in blocks from a file."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labelnb.checks import generator
from labelnb.compute.device import halves_are_fast
from labelnb.compute.targets import Described, Targets

__all__ = ["Objective", "Stream", "Streamed"]

CHUNK = 1 << 19
"""Scores formed at a time on a CPU, so that a block stays in its cache between softmax and gradient; a GPU takes 64 times as many."""
WIDE = 64
"""Numbers a row from which half precision repays its copies."""
SAMPLED, HALVED = (1e-3, 100), (1e-4, 25)
"""Relative tolerance, and most steps, on samples and in half precision: what is left then is told by all rows, and by all digits."""
LEAST = 4000
"""From so many rows on a fit begins on samples."""
READ = 16384
"""Rows of a streamed block at most: each costs one addition of the gradient."""


class Objective:
    """(Sum of mass * loss) / total + penalty / 2 |A|^2 at the weights A (R, P) of coordinates (M, R), the bias in the last row."""

    def __init__(self, z: torch.Tensor, problem: Targets, penalty: float, total: float, axes: torch.Tensor | None = None) -> None:
        """`z` (M, R) holds the coordinates; or, with `axes` (D, R), the rows that have them along these: they are taken into the weights.
        In bfloat16 only products are formed: two to three digits of the gradient, which is enough for most of the way."""
        self.z, self.problem, self.penalty, self.total, self.axes, self.count = z, problem, penalty, total, axes, len(z)
        step = max(64, (CHUNK if z.device.type == "cpu" else 64 * CHUNK) // len(problem.present))
        self.blocks = [slice(start, start + step) for start in range(0, len(z), step)]

    def easier(self, near: bool = False) -> Iterator[tuple[Objective, tuple[float, int]]]:
        """The same, and how far to go with it: unless the minimum is `near`, on a sixteenth and on
        a quarter of many rows, then on all in half precision where that is fast. Most of the way is gone on these, at little cost."""
        halves = self.z.dtype == torch.float32 and self.z.shape[1] >= WIDE and halves_are_fast(self.z.device)
        for part in [] if near else _drawn(self.count, self.z.device):
            mass = self.problem.mass[part]
            total = self.total * float(mass.sum()) / float(self.problem.mass.sum())
            problem = self.problem._replace(target=self.problem.target[part], mass=mass)
            z = self.z[part]
            yield Objective(z.bfloat16() if halves else z, problem, self.penalty, total, self.axes), SAMPLED
        if halves and self.count >= LEAST:
            yield Objective(self.z.bfloat16(), self.problem, self.penalty, self.total, self.axes), HALVED

    def __call__(self, point: torch.Tensor) -> tuple[float, torch.Tensor]:
        dtype = torch.float32 if self.z.dtype == torch.bfloat16 else self.z.dtype
        weight, bias = point[:-1].to(dtype), point[-1].to(dtype)
        weight = weight if self.axes is None else self.axes @ weight
        gradient, shifts, value = torch.zeros_like(weight), torch.zeros_like(point[-1]), 0.0
        rounded = weight.to(self.z.dtype)
        for rows in self.blocks:
            z = self.z[rows]
            scores = (z @ rounded).to(dtype).add_(bias)
            lost, left = _residual(scores, self.problem.target[rows], self.problem.mass[rows], self.problem.kind)
            value += lost
            gradient += z.T @ left.to(z.dtype)
            shifts += left.sum(0, dtype=torch.float64)
        slope = gradient if self.axes is None else self.axes.T @ gradient
        full = torch.cat([slope.double() / self.total + self.penalty * point[:-1], (shifts / self.total)[None]])
        return value / self.total + 0.5 * self.penalty * float((point[:-1] ** 2).sum()), full


class Stream:
    """Rows (N, D) as they are stored, read in blocks that fit in `room` bytes; float32, but float64 where they are."""

    def __init__(self, x: torch.Tensor, room: int) -> None:
        if x.ndim != 2 or 0 in x.shape:
            raise ValueError(f"x: got shape {tuple(x.shape)}, expected (N, D) with at least one row and one column")
        self.x, self.room, self.shape, self.device = x, room, tuple(x.shape), x.device
        self.dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        self.row = x.shape[1] * self.dtype.itemsize
        step = max(64, min(READ, room // (8 * self.row)))
        self.blocks = [slice(a, min(a + step, len(x))) for a in range(0, len(x), step)]

    def __len__(self) -> int:
        return len(self.x)

    def block(self, at: slice | torch.Tensor) -> torch.Tensor:
        """Rows in memory."""
        return self.x[at].to(self.dtype)

    def take(self, at: torch.Tensor) -> torch.Tensor:
        """(n, D) the rows `at` in memory."""
        made = torch.empty((len(at), self.shape[1]), dtype=self.dtype, device=self.device)
        for a in range(0, len(at), READ):
            made[a:a + READ] = self.block(at[a:a + READ])
        return made

    def refuse_bad(self) -> None:
        """ValueError where a row holds NaN or infinity: the first such rows are named."""
        bad = [at.start + int(i) for at in self.blocks for i in torch.nonzero(~torch.isfinite(self.block(at)).all(1)).flatten()[:6]]
        if bad:
            first = ", ".join(map(str, bad[:5])) + (" and more" if len(bad) > 5 else "")
            raise ValueError(f"x: NaN or infinity in rows {first}; drop or repair these items")


class Streamed:
    """The same objective over a stream. The axes are taken into the weights, so that no row is turned; block sums are kept in float64."""

    def __init__(
        self, stream: Stream, problem: Described, mean: torch.Tensor, axes: torch.Tensor | None, penalty: float, total: float,
    ) -> None:
        self.stream, self.problem, self.mean, self.penalty, self.total = stream, problem, mean, penalty, total
        self.axes = None if axes is None else axes.double()
        self.count = int(problem.kept.sum())
        scores = len(problem.present) * stream.dtype.itemsize
        step = max(64, min(READ, stream.room // (3 * (2 * stream.row + 3 * scores))))
        self.blocks = [slice(a, min(a + step, len(stream))) for a in range(0, len(stream), step)]

    def easier(self, near: bool = False) -> Iterator[tuple[Objective, tuple[float, int]]]:
        """Samples as in memory, of those that fit there."""
        held = torch.nonzero(self.problem.kept).flatten()
        for part in [] if near else _drawn(self.count, self.stream.device):
            if 2 * len(part) * self.stream.row > self.stream.room // 2:
                return
            z = self.stream.take(held[part]).sub_(self.mean)
            problem = self.problem.taken(held[part])
            share = float(problem.mass.sum(dtype=torch.float64)) / self.problem.total()
            axes = None if self.axes is None else self.axes.to(z.dtype)
            yield Objective(z, problem, self.penalty, self.total * share, axes), SAMPLED

    def __call__(self, point: torch.Tensor) -> tuple[float, torch.Tensor]:
        weight = (point[:-1] if self.axes is None else self.axes @ point[:-1]).to(self.stream.dtype)
        bias = point[-1].to(self.stream.dtype)
        gradient = torch.zeros(weight.shape, dtype=torch.float64, device=weight.device)
        shifts, value = torch.zeros_like(point[-1]), 0.0
        for rows in self.blocks:
            kept = self.problem.kept[rows]
            x = self.stream.block(rows)
            x = (x if bool(kept.all()) else x[kept]) - self.mean
            lost, left = _residual(torch.addmm(bias, x, weight), *self.problem.block(rows), self.problem.kind)
            value += lost
            gradient += x.T @ left
            shifts += left.sum(0, dtype=torch.float64)
        slope = gradient if self.axes is None else self.axes.T @ gradient
        full = torch.cat([slope / self.total + self.penalty * point[:-1], (shifts / self.total)[None]])
        return value / self.total + 0.5 * self.penalty * float((point[:-1] ** 2).sum()), full


def _residual(scores: torch.Tensor, target: torch.Tensor, mass: torch.Tensor, kind: str) -> tuple[float, torch.Tensor]:
    """Sum of mass * loss, and its derivative by the scores (for one class a row written over them)."""
    if kind == "multilabel":
        losses = torch.nn.functional.binary_cross_entropy_with_logits(scores, target, weight=mass, reduction="none")
        return float(losses.sum(dtype=torch.float64)), (torch.sigmoid(scores) - target) * mass
    scores.sub_(scores.amax(1, keepdim=True))
    at = (scores * target).sum(1) if target.ndim == 2 else scores.gather(1, target[:, None])[:, 0]
    scores.exp_()
    weight = scores.sum(1, keepdim=True)
    lost = float((mass * (weight[:, 0].log() - at)).sum(dtype=torch.float64))
    scores.mul_(mass[:, None] / weight)
    if target.ndim == 2:
        scores.addcmul_(target, mass[:, None], value=-1)
    else:
        scores.scatter_add_(1, target[:, None], -mass[:, None])
    return lost, scores


def _drawn(n: int, device: torch.device) -> list[torch.Tensor]:
    """Positions of a sixteenth and of a quarter of many rows."""
    order: Any = torch.randperm(n, generator=generator(0)).to(device) if n >= LEAST else torch.empty(0)
    return [order[: n // share].sort().values for share in (16, 4) if n // share >= LEAST // 4]
