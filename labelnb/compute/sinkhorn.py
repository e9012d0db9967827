"""Entropic optimal transport between given marginals: the balanced soft assignment of N items to K places.

Source: Cuturi 2013 (arXiv 1306.0895) for the problem; the solver minimises its dual in the K column potentials (the semi-dual of
Cuturi and Peyre 2018, arXiv 1811.05128) by L-BFGS after a few Sinkhorn steps. Marginals held by a penalty: Chizat, Peyre, Schmitzer and
Vialard 2018 (arXiv 1607.05816); a part of the mass: Benamou et al. 2015 (arXiv 1412.5154). Their rows too are solved exactly in a pass.

Why not the plain iteration: each pass reads all N x K numbers, and near a balanced assignment Sinkhorn's steps shrink the error by a
constant factor close to 1. The semi-dual has the same cost a pass (the rows are solved exactly within it) and needs far fewer passes.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from labelnb.checks import as_tensor, positive_int, within
from labelnb.compute.device import able_device
from labelnb.compute.lbfgs import minimise
from labelnb.compute.marginals import Columns, Rows, masses

__all__ = ["Transport", "sinkhorn"]

CHUNK = 1 << 19
"""Numbers worked on at a time on a CPU, so that a block stays in its cache between its two uses; a GPU takes 64 times as many."""
FUSED_ABOVE = 1 << 22
"""Numbers from which compiled loops read the kernel once a pass; a smaller one stays in the cache, and would not repay their import."""
FUSED_ROWS = 256
"""Rows whose sums are added in the kernel's precision."""
SINKHORN_STEPS = 3
"""Plain steps before L-BFGS: they bring wild column sums within reach of a quadratic model."""

LAST_STEPS = 100
"""Plain steps at the end, where L-BFGS could go no further."""


class Transport(NamedTuple):
    """A plan and how well it keeps its marginals."""

    plan: torch.Tensor
    """(N, K), non-negative: rows sum to `row`, columns to `column`, as far as these are held."""
    marginal_error: float
    """L1 distance of the plan's row and column sums from what was asked; of relaxed ones, from what their penalty asks at this plan."""
    iterations: int
    """Passes over the scores."""
    method: str
    """`scaled` (one kernel served all passes) or `log` (the range was too wide for that: it was formed anew from the logarithms)."""
    potential: torch.Tensor
    """(K,) float64 column potentials h: each row of the plan is in proportion to `exp(scores / temperature + h)`. Use it for new items."""


def sinkhorn(
    scores: Any,
    *,
    row: Any = None,
    column: Any = None,
    temperature: float = 0.05,
    mass: float = 1.0,
    row_penalty: float | None = None,
    column_penalty: float | None = None,
    tolerance: float = 1e-3,
    max_iterations: int = 1000,
    start: torch.Tensor | None = None,
    out: Any = None,
) -> Transport:
    """The plan P that maximises <P, scores> + temperature * entropy(P) with given row and column sums.

    Parameters
    ----------
    scores : (N, K) the higher, the likelier; -inf forbids a place; may be memory-mapped
    row : (N,) mass of each item, default 1/N; non-negative, scaled to total 1
    column : (K,) mass of each place, default 1/K; non-negative, scaled to total 1
    temperature : how soft the assignment is (epsilon of the entropic problem; 1/lambda in Asano et al.), above 0
    mass : share of the items' mass that is assigned, in (0, 1]. Below 1 rows sum to `row` at most, so that the items which fit worst are
        left out, and columns to `mass * column`
    row_penalty, column_penalty : weight of the Kullback-Leibler divergence of the sums from the marginal, in the unit of the scores, where
        sums may differ from it (rho in Chizat et al.); none holds them exactly. Not both a row penalty and a mass below 1
    tolerance : L1 error of the marginals at which to stop; below about 1e-6 give float64 scores
    max_iterations : most passes over the scores; a plan that has not converged says so in `marginal_error`
    start : (K,) potentials to begin from, such as those of an earlier call
    out : (N, K) array or tensor, float32 (float64 for float64 scores), into which the plan is written; a memory-mapped file keeps a plan
        larger than memory

    Returns
    -------
    Transport on the scores' device, in their type (float32 for half types).

    Raises
    ------
    ValueError
        For NaN, an item or place with mass that is wholly forbidden, or masses that are negative or all zero.

    Notes
    -----
    Memory: the plan (`out` where given), and blocks of 2 MB. Do not use it to force equal sizes on data whose groups are known to be
    unequal: give `column`, or a `column_penalty`.
    """
    temperature = within("temperature", temperature, 0.0, float("1e12"), open_low=True)
    tolerance = within("tolerance", tolerance, 0.0, 2.0, open_low=True)
    max_iterations = positive_int("max_iterations", max_iterations)
    s, row_tops = _scores(scores)
    n, k = s.shape
    r, c = masses("row", row, n, s), masses("column", column, k, s)
    used = c > 0
    rows = Rows.of(r, mass, row_penalty, temperature)
    columns = Columns.of(c[used], mass, column_penalty, temperature)
    whole = bool(used.all())
    part = s if whole else s[:, used]
    problem = _SemiDual(part, rows, columns, temperature, _kernel(out if whole else None, part), row_tops if whole else None)
    h = _start(start, k, c)[used]
    best, error, passes = _solve(problem, h, tolerance, max_iterations)
    plan, row_error = problem.plan(best)
    potential = torch.full((k,), -float("inf"), dtype=torch.float64, device=s.device)
    potential[used] = best
    if not whole:
        full = _kernel(out, s).zero_()
        full[:, used] = plan
        plan = full
    return Transport(plan, error + row_error, passes, problem.method, potential)


def _solve(problem: _SemiDual, h: torch.Tensor, tolerance: float, max_iterations: int) -> tuple[torch.Tensor, float, int]:
    """Sinkhorn steps, then L-BFGS, until the columns are right. Returns potentials, the columns' error and the passes."""
    columns = problem.columns
    error, passes = float("inf"), 0
    best = h
    for _ in range(min(SINKHORN_STEPS, max_iterations)):
        _, gradient = problem(h)
        passes += 1
        error, best = float(gradient.abs().sum()), h
        if error <= tolerance:
            return best, error, passes
        h = columns.step(h, gradient)
    if passes >= max_iterations:
        return best, error, passes

    def right(point: torch.Tensor, gradient: torch.Tensor) -> bool:
        nonlocal error, best
        now = float(gradient.abs().sum())
        if now < error:
            error, best = now, point
        return now <= tolerance or passes + problem.calls >= max_iterations

    problem.calls = 0
    minimise(problem, h, tolerance=0.0, max_iterations=max_iterations, curvature=columns.curvature(), stop=right, noise=problem.noise())
    # L-BFGS ends where rounding hides what is left to gain; Sinkhorn's steps need no values to compare and go a little further.
    h = best
    for _ in range(LAST_STEPS):
        if error <= tolerance or passes + problem.calls >= max_iterations:
            break
        _, gradient = problem(h)
        right(h, gradient)
        h = columns.step(h, gradient)
    return best, error, passes + problem.calls


class _SemiDual:
    """F(h) = sum_i A_i(log sum_j exp(scores_ij / temperature + h_j)) + B(h), and its gradient: column sums minus what they should be.

    A_i and B say how rows and columns are held (marginals.py). The kernel holds softmax(scores / temperature + reference) for the
    potentials at which it was last formed, so that a pass is two products with it and no exponential. Potentials that have moved too far
    from the reference for what underflowed to stay negligible have the kernel formed anew around them, from the logarithms.
    """

    def __init__(
        self, scores: torch.Tensor, rows: Rows, columns: Columns, temperature: float, kernel: torch.Tensor, tops: torch.Tensor | None,
    ) -> None:
        self.scores, self.rows, self.columns, self.temperature, self.kernel = scores, rows, columns, temperature, kernel
        step = max(1, (CHUNK if scores.device.type == "cpu" else 64 * CHUNK) // scores.shape[1])
        self.blocks = [slice(start, start + step) for start in range(0, len(scores), step)]
        self.calls, self.formed = 0, 0
        single = kernel.dtype == torch.float32
        self.least, self.reach = (1e-30, 40.0) if single else (1e-280, 300.0)     # least * exp(reach) is far below rounding
        self.barred = _refuse_forbidden(scores, rows.mass, scores.amax(1) if tops is None else tops)
        self.heights = torch.zeros(len(scores), dtype=torch.float64, device=scores.device)
        self.weights = torch.empty(len(scores), dtype=kernel.dtype, device=scores.device)
        self.reference: torch.Tensor | None = None
        self.fused = rows.held and scores.device.type == "cpu" and kernel.numel() >= FUSED_ABOVE

    def noise(self) -> float:
        """Rounding error of the values: they are differences of numbers as large as the potentials and the rows' heights."""
        return torch.finfo(self.kernel.dtype).eps + 4e-16 * float(self.heights.abs().max())

    @property
    def method(self) -> str:
        return "scaled" if self.formed <= 1 else "log"

    def __call__(self, h: torch.Tensor) -> tuple[float, torch.Tensor]:
        self.calls += 1
        move = self._move(h)
        shift = move.max()
        v = torch.exp(move - shift).to(self.kernel.dtype)
        sums = self._fused(v) if self.fused else self._in_blocks(v, shift)
        total = self.rows.value(self.weights.double().log_().add_(self.heights).add_(shift))
        return total + self.columns.value(h), sums * v.double() - self.columns.wanted(h)

    def _in_blocks(self, v: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """(K,) column sums over v; the sums of the rows go to `weights`."""
        sums = torch.zeros(len(v), dtype=torch.float64, device=v.device)
        for at in self.blocks:                                    # the block stays in the cache between its two products
            weight = torch.mv(self.kernel[at], v, out=self.weights[at])
            sums += torch.mv(self.kernel[at].T, self.rows.scale(weight, self.heights[at], shift, at))
        return sums

    def _fused(self, v: torch.Tensor) -> torch.Tensor:
        """The same in one compiled loop."""
        from labelnb.compute.scaling_loops import scale

        parts = self.kernel.new_empty(-(-len(self.kernel) // FUSED_ROWS), len(v))
        self._compiled(scale, v, self.rows.mass, self.weights, parts)
        return parts.sum(0, dtype=torch.float64)

    def _compiled(self, work: Callable[..., None], *arguments: Any) -> None:
        from labelnb.compute.compiled import by_threads

        plain = (part.numpy() if isinstance(part, torch.Tensor) else part for part in arguments)
        by_threads(work, -(-len(self.kernel) // FUSED_ROWS), self.kernel.numpy(), FUSED_ROWS, *plain)

    def _move(self, h: torch.Tensor) -> torch.Tensor:
        """How far h is from the reference, after bringing the reference to h where that is too far."""
        if self.reference is None or float((h - self.reference).max() - (h - self.reference).min()) > self.reach:
            self._form(h)
        assert self.reference is not None
        return h - self.reference

    def _form(self, h: torch.Tensor) -> None:
        """Form the kernel around h. Numbers too small to matter are zeroed: products with denormal numbers are slow."""
        self.formed += 1
        self.reference = h.clone()
        if self.fused and self.scores.dtype == self.kernel.dtype == torch.float32:
            from labelnb.compute.scaling_loops import form

            slope, least = np.float32(1.0 / self.temperature), np.float32(math.log(self.least))
            self._compiled(form, self.scores, h.float(), slope, least, self.heights)
            return
        for at in self.blocks:
            block = self.kernel[at]
            torch.mul(self.scores[at].to(block.dtype), 1.0 / self.temperature, out=block)
            block.add_(h.to(block.dtype))
            top = block.amax(1)
            torch.softmax(block, 1, out=block)
            if self.barred:                                       # a row that is wholly forbidden has no mass: anything finite will do
                none = torch.isinf(top)
                block[none], top[none] = 1.0 / block.shape[1], 0.0
            self.heights[at] = top.double() - block.amax(1).double().log()          # the largest is exp(top) / sum
            torch.threshold_(block, self.least, 0.0)

    def plan(self, h: torch.Tensor) -> tuple[torch.Tensor, float]:
        """The plan, written over the kernel, and the L1 error of its row sums."""
        move, error = self._move(h), 0.0
        shift = move.max()
        v = torch.exp(move - shift).to(self.kernel.dtype)
        if self.fused:
            from labelnb.compute.scaling_loops import write_plan

            errors = torch.empty_like(self.heights)
            self._compiled(write_plan, v, self.rows.mass, errors)
            return self.kernel, float(errors.sum())
        for at in self.blocks:
            block = self.kernel[at].mul_(v)
            weight = block.sum(1)
            scale = self.rows.scale(weight, self.heights[at], shift, at)
            block.mul_(scale[:, None])
            error += float((block.sum(1, dtype=torch.float64) - (scale * weight).double()).abs().sum())
        return self.kernel, error


def _refuse_forbidden(scores: torch.Tensor, row: torch.Tensor, tops: torch.Tensor) -> bool:
    """Whether a row is wholly forbidden (which then has no mass)."""
    barred = torch.isinf(tops)
    rows = barred & (row > 0)
    if bool(rows.any()):
        at = torch.nonzero(rows).flatten()[:5].tolist()
        raise ValueError(f"scores: every place with mass is forbidden (-inf) in rows {at}; allow one, or give these rows no mass")
    columns = torch.isinf(scores.amax(0)) if bool(torch.isinf(scores.min())) else barred[:0]
    if bool(columns.any()):
        at = torch.nonzero(columns).flatten()[:5].tolist()
        raise ValueError(f"scores: every item is forbidden (-inf) in columns {at}; allow one, or give these columns no mass")
    return bool(barred.any())


def _scores(scores: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores as they are stored, and the largest of each row."""
    tensor = as_tensor(scores, "scores", dtype=None)
    if not tensor.dtype.is_floating_point:
        tensor = tensor.to(torch.float32)
    if tensor.ndim != 2 or 0 in tensor.shape:
        raise ValueError(f"scores: got shape {tuple(tensor.shape)}, expected (N, K) with at least one row and one column")
    tensor = tensor.to(able_device(tensor.device))
    tops = tensor.amax(1)                                         # NaN where a row holds NaN
    bad = torch.isnan(tops) | (tops == float("inf"))
    if bool(bad.any()):
        at = torch.nonzero(bad).flatten()[:5].tolist()
        raise ValueError(f"scores: NaN or +infinity in rows {at}; expected finite scores, or -inf to forbid")
    return tensor, tops


def _kernel(out: Any, scores: torch.Tensor) -> torch.Tensor:
    """Where the kernel, and then the plan, is kept."""
    dtype = torch.float64 if scores.dtype == torch.float64 else torch.float32
    if out is None and scores.device.type == "cpu":             # NumPy asks the system for large pages, of which few are to be filled in
        return torch.from_numpy(np.empty(scores.shape, np.float64 if dtype == torch.float64 else np.float32))
    if out is None:
        return torch.empty(scores.shape, dtype=dtype, device=scores.device)
    tensor = out if isinstance(out, torch.Tensor) else torch.from_numpy(out)
    if tensor.shape != scores.shape or tensor.dtype != dtype or tensor.device != scores.device:
        raise ValueError(
            f"out: got shape {tuple(tensor.shape)} of {tensor.dtype} on {tensor.device}, expected {tuple(scores.shape)} of {dtype} on "
            f"{scores.device}"
        )
    return tensor


def _start(start: torch.Tensor | None, k: int, column: torch.Tensor) -> torch.Tensor:
    """Potentials to begin from. With -inf (a column that had no mass before) or none: the logarithm of the column masses."""
    plain = torch.log(column.clamp_min(1e-300))
    if start is None:
        return plain
    if start.shape != (k,):
        raise ValueError(f"start: got shape {tuple(start.shape)}, expected ({k},): one potential a column")
    given = start.to(plain)
    return torch.where(torch.isfinite(given), given, plain)
