"""Limited-memory BFGS for the smooth convex problems of this package: one loop, full batches, its own stop rule.

Source: Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5; the tolerance to rounding in the line search is the
approximate Wolfe condition of Hager and Zhang 2005. `torch.optim.LBFGS` is not used: it copies its point through parameters, cannot
be preconditioned, and stops on the size of the gradient, which says little about how much the value can still fall.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

__all__ = ["Minimum", "minimise"]

SUFFICIENT = 1e-4
"""Share of the promised decrease that a step must deliver (c1)."""
CURVATURE = 0.9
"""A step whose end is still steeper than this share of its start is too short (c2)."""


class Minimum(NamedTuple):
    """Where the loop stopped."""

    point: torch.Tensor
    value: float
    gradient: torch.Tensor
    iterations: int
    """Steps taken."""
    evaluations: int
    """Passes over the data: steps and trial steps."""
    gap: float
    """Estimate of value minus minimum at the point: half the decrease the quadratic model promises."""
    converged: bool
    memory: Memory
    """What was learnt of the curvature, for a later call on a like function."""


class Memory(NamedTuple):
    """Steps, and the changes of the gradient along them; oldest first."""

    steps: list[torch.Tensor]
    changes: list[torch.Tensor]


def minimise(
    evaluate: Callable[[torch.Tensor], tuple[float, torch.Tensor]],
    start: torch.Tensor,
    *,
    tolerance: float,
    max_iterations: int,
    curvature: torch.Tensor | None = None,
    memory: int = 12,
    known: Memory | None = None,
    relative: bool = False,
    noise: float = 0.0,
    stop: Callable[[torch.Tensor, torch.Tensor], bool] | None = None,
) -> Minimum:
    """Minimise a convex function given by `evaluate(point) -> (value, gradient)`.

    `curvature` is a guess of the Hessian's diagonal, by which the first direction and every later one is scaled; `known` is the memory of
    an earlier call on a function much like this one. The loop stops when
    half the promised decrease is below `tolerance` (`relative`: times the value), when `stop(point, gradient)` says so, or when rounding
    leaves nothing to gain; `noise` is the rounding error of the values that `evaluate` gives: below it, the slopes alone judge a step.
    """
    point = start.clone()
    steps: list[torch.Tensor] = list(known.steps) if known is not None else []
    changes: list[torch.Tensor] = list(known.changes) if known is not None else []
    value, gradient = evaluate(point)
    evaluations, iterations, gap, done = 1, 0, float("inf"), False
    while True:
        direction = -_apply_inverse(gradient, steps, changes, curvature)
        slope = float(torch.dot(gradient.flatten(), direction.flatten()))
        gap = -0.5 * slope
        done = gap <= tolerance * (abs(value) if relative else 1.0) or (stop is not None and stop(point, gradient))
        if done or iterations >= max_iterations:
            break
        if slope >= 0:                                            # rounding has spoilt the model of the curvature: begin it anew
            if not steps:
                break
            steps.clear()
            changes.clear()
            continue
        first = 1.0 if steps or curvature is not None else min(1.0, 1.0 / max(float(gradient.abs().sum()), 1e-30))
        found, used = _search(evaluate, point, value, direction, slope, first, noise)
        evaluations += used
        if found is None:
            if not steps:
                break
            steps.clear()
            changes.clear()
            continue
        length, new_value, new_gradient = found
        step, change = length * direction, new_gradient - gradient
        if float(torch.dot(step.flatten(), change.flatten())) > 1e-12 * float(step.norm() * change.norm()):
            steps.append(step)
            changes.append(change)
            if len(steps) > memory:
                steps.pop(0), changes.pop(0)
        point, value, gradient = point + step, new_value, new_gradient
        iterations += 1
    return Minimum(point, value, gradient, iterations, evaluations, gap, done, Memory(steps, changes))


def _apply_inverse(
    gradient: torch.Tensor, steps: list[torch.Tensor], changes: list[torch.Tensor], curvature: torch.Tensor | None
) -> torch.Tensor:
    """The two-loop recursion: the inverse Hessian's estimate times `gradient`."""
    result, weights = gradient.clone(), []
    products = [float((s * y).sum()) for s, y in zip(steps, changes, strict=True)]
    for step, change, product in zip(reversed(steps), reversed(changes), reversed(products), strict=True):
        weight = float((step * result).sum()) / product
        weights.append(weight)
        result -= weight * change
    if curvature is not None:
        # With pairs at hand the guess is rescaled so that it agrees with the latest one in size; its shape stays.
        scale = products[-1] / float((changes[-1] ** 2 / curvature).sum()) if products else 1.0
        result *= scale / curvature
    elif products:
        result *= products[-1] / float((changes[-1] ** 2).sum())
    for step, change, product, weight in zip(steps, changes, products, reversed(weights), strict=True):
        result += (weight - float((change * result).sum()) / product) * step
    return result


def _search(
    evaluate: Callable[[torch.Tensor], tuple[float, torch.Tensor]],
    point: torch.Tensor, value: float, direction: torch.Tensor, slope: float, first: float, noise: float, most: int = 20,
) -> tuple[tuple[float, float, torch.Tensor] | None, int]:
    """A step length with enough decrease and not too short; None where no step helps. Also the number of evaluations."""
    low, high, length = 0.0, float("inf"), first
    best = None
    for tried in range(1, most + 1):
        new_value, new_gradient = evaluate(point + length * direction)
        new_slope = float(torch.dot(new_gradient.flatten(), direction.flatten()))
        finite = new_value == new_value and abs(new_value) != float("inf")
        enough = finite and (
            new_value <= value + SUFFICIENT * length * slope
            or (new_value <= value + noise and (2 * SUFFICIENT - 1) * slope >= new_slope)
        )
        if not enough:
            high = length
        elif new_slope < CURVATURE * slope:
            best, low = (length, new_value, new_gradient), length
        else:
            return (length, new_value, new_gradient), tried
        if high == float("inf"):
            length *= 2.0
        else:
            length = 0.5 * (low + high) if low > 0 or not finite else _vertex(value, slope, new_value, length)
        if high - low <= 1e-12 * max(high, 1e-30):
            break
    return best, tried


def _vertex(value: float, slope: float, new_value: float, length: float) -> float:
    """The minimum of the parabola through the start and the failed step, kept between a tenth and a half of it."""
    bend = new_value - value - slope * length
    guess = -0.5 * slope * length * length / bend if bend > 0 else 0.5 * length
    return min(max(guess, 0.1 * length), 0.5 * length)
