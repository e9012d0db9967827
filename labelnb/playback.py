"""A propagation step by step, for the eye: which class every item would get after 0, 1, 2, ... rounds of hearing from its neighbours.

The rounds are those of the plain power iteration, whose fixed point is the method's solution. Methods solve it faster; they do not travel
the same way there.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.checks import positive_int
from labelnb.results import Proposal

__all__ = ["Playback", "playback"]


@dataclass(frozen=True)
class Playback:
    """Frames of a propagation."""

    rounds: np.ndarray
    """(T,) int64 rounds done at each frame; the last frame is the method's own solution."""
    classes: np.ndarray
    """(T, N) int16 class position of each item, -1 where nothing has reached it yet."""
    confidence: np.ndarray
    """(T, N) float32 share of that class in the item's scores."""
    reached: np.ndarray
    """(T,) int64 items that something has reached."""
    distance: np.ndarray
    """(T,) float64 relative distance of the scores to the solution."""


def playback(proposal: Proposal, *, frames: int = 24) -> Playback:
    """The rounds by which the labels of a proposal travel.

    Parameters
    ----------
    proposal : one of a linear solve (`evidence["system"]`: zlap, label spreading, harmonic functions, Poisson learning)
    frames : at most; the first rounds one by one, later ones farther apart

    Raises
    ------
    ValueError
        If the proposal holds no such system.
    """
    positive_int("frames", frames)
    system = proposal.evidence.get("system")
    if system is None:
        raise ValueError("playback: this proposal is no linear solve on a graph; zlap, label_spreading, harmonic_functions are")
    final = np.asarray(proposal.evidence["scores"], np.float64)
    length = max(float(np.linalg.norm(final)), 1e-300)
    rounds, shown, distances = [], [], []
    wanted = _wanted(max(frames - 1, 1))
    for number, scores in _rounds(system, wanted[-1]):
        if number not in wanted:
            continue
        mine = scores[system.first_item:]
        rounds.append(number)
        distances.append(float(np.linalg.norm(mine - final)) / length)
        shown.append(_standing(mine, system))
        if distances[-1] < _THERE:
            break
    end = proposal.predictions.astype(np.int16), np.asarray(proposal.confidence, np.float32)
    shown, rounds, distances = [*shown, end], [*rounds, rounds[-1] + 1], [*distances, 0.0]
    classes = np.stack([each for each, _ in shown])
    return Playback(
        np.array(rounds), classes, np.stack([sure for _, sure in shown]), (classes >= 0).sum(axis=1).astype(np.int64), np.array(distances)
    )


def _wanted(count: int) -> list[int]:
    """Numbers of rounds to show: 0, 1, 2, ... and, from the eighth on, each a third more than the last."""
    made = [0]
    while len(made) < count:
        made.append(made[-1] + 1 if len(made) < 8 else max(made[-1] + 1, int(made[-1] * 1.34)))
    return made


def _rounds(system: Any, last: int) -> Any:
    """(number, scores (M, K)) after each round of the power iteration."""
    from scipy.sparse import csr_array, diags_array

    from labelnb.compute.propagate import normalised

    y = system.seeds.toarray().astype(np.float64)
    if system.kind == "spreading":
        s, f = normalised(system.weights.astype(np.float64)) * system.alpha, y.copy()
        for number in range(last + 1):
            yield number, f
            f = s @ f + y
        return
    w = system.weights.astype(np.float64)
    degree = np.asarray(w.sum(axis=1)).ravel()
    walk = csr_array(diags_array(np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)) @ w)
    rows = system.seed_nodes
    if system.kind == "harmonic":
        f = y.copy()
        for number in range(last + 1):
            yield number, f
            f = walk @ f
            f[rows] = y[rows]
        return
    # Poisson: u <- P u + D^-1 b, b the seeds less their mean. A lazy step, so that bipartite graphs do not swing.
    b = np.zeros_like(y)
    b[rows] = y[rows] - y[rows].mean(axis=0)
    b = np.divide(b, degree[:, None], out=np.zeros_like(b), where=degree[:, None] > 0)
    f = np.zeros_like(y)
    for number in range(last + 1):
        yield number, f
        f = 0.5 * (f + walk @ f + b)


def _standing(scores: np.ndarray, system: Any) -> tuple[np.ndarray, np.ndarray]:
    """Class and share of each item; a seed shows its own label."""
    reached = np.abs(scores).max(axis=1) > 0
    shares = np.maximum(scores - scores.min(axis=1, keepdims=True), 0) if system.kind == "poisson" else np.maximum(scores, 0)
    nodes = system.seed_nodes[system.seed_nodes >= system.first_item]
    items = nodes - system.first_item
    shares[items] = system.seeds[nodes].toarray() > 0
    reached[items] = True
    total = shares.sum(axis=1)
    classes = np.where(reached & (total > 0), shares.argmax(axis=1), -1).astype(np.int16)
    sure = np.divide(shares.max(axis=1), total, out=np.zeros(len(shares)), where=total > 0)
    return classes, np.where(classes >= 0, sure, 0).astype(np.float32)


_THERE = 1e-3
"""Relative distance to the solution at which the rounds end."""
