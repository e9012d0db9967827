"""Targets of a probe: which rows count, over which classes, with what weight."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from labelnb.checks import as_tensor, class_labels, positive_int

__all__ = ["Targets", "shares", "targets"]


class Targets(NamedTuple):
    """Of the rows that count, over the classes that have an example."""

    kept: torch.Tensor
    target: torch.Tensor
    """(M,) int64 positions among `present`, or (M, P) soft."""
    mass: torch.Tensor
    """(M,) weights, or (M, P) for multilabel."""
    present: torch.Tensor
    """(P,) class positions."""
    n_classes: int
    kind: str
    constant: torch.Tensor | None = None
    """(K,) bias of the columns that are not fitted."""


def targets(rows: torch.Tensor, y: Any, n_classes: int | None, weights: Any, kind: str, least: int = 2) -> Targets:
    """What `y` and `weights` say of the rows, checked; refused where fewer than `least` classes have an example."""
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    target = as_tensor(y, "y", dtype=None).to(rows.device)
    mass = rows.new_ones(len(rows)) if weights is None else as_tensor(weights, "weights", dtype=rows.dtype).to(rows.device)
    if mass.shape != (len(rows),) or not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
        raise ValueError(f"weights: got shape {tuple(mass.shape)}, expected ({len(rows)},) finite numbers of 0 or more")
    if kind == "multilabel":
        return _multilabel(target, mass, rows, n_classes)
    if kind != "multinomial":
        raise ValueError(f"loss: got {kind!r}, expected 'multinomial' or 'multilabel'")
    if target.ndim == 2:
        return _soft(target, mass, rows, n_classes, least)
    target = class_labels(target, len(rows), n_classes=n_classes, name="y")
    k = n_classes or int(target.max()) + 1
    kept = (target >= 0) & (mass > 0)
    counts = torch.bincount(target[kept], minlength=max(k, 1))
    present = torch.nonzero(counts).flatten()
    _refuse_few(present, counts, least)
    place = torch.full((max(k, 1),), -1, dtype=torch.int64, device=rows.device)
    place[present] = torch.arange(len(present), device=rows.device)
    return Targets(kept, place[target[kept]], mass[kept], present, k, kind)


def _refuse_few(present: torch.Tensor, counts: torch.Tensor, least: int) -> None:
    if len(present) < least:
        have = "no class has any" if len(present) == 0 else f"only class {int(present[0])} has some ({int(counts[present[0]])})"
        raise ValueError(f"y: {have}; expected labelled rows of at least {least} classes: label a few items of another class")


def _soft(target: torch.Tensor, mass: torch.Tensor, rows: torch.Tensor, n_classes: int | None, least: int) -> Targets:
    target = target.to(rows.dtype)
    total = target.sum(1)
    if target.shape[0] != len(rows) or (n_classes is not None and target.shape[1] != n_classes):
        raise ValueError(f"y: got shape {tuple(target.shape)}, expected ({len(rows)}, {n_classes or 'K'}): one row of soft targets an item")
    if bool((target < 0).any()) or bool((((total - 1).abs() > 1e-3) & (total != 0)).any()):
        raise ValueError("y: soft targets are to be 0 or more, in rows that sum to 1 (or are all zero, to leave the row out)")
    kept = (total > 0) & (mass > 0)
    sums = target[kept].sum(0)
    present = torch.nonzero(sums > 0).flatten()
    _refuse_few(present, sums, least)
    return Targets(kept, target[kept][:, present], mass[kept], present, target.shape[1], "multinomial")


def _multilabel(target: torch.Tensor, mass: torch.Tensor, rows: torch.Tensor, n_classes: int | None) -> Targets:
    if target.ndim != 2 or target.shape[0] != len(rows) or (n_classes is not None and target.shape[1] != n_classes):
        raise ValueError(f"y: got shape {tuple(target.shape)}, expected ({len(rows)}, {n_classes or 'K'}) of 1, 0 and -1 (not known)")
    target = target.to(rows.dtype)
    known = target >= 0
    if bool((~known & (target != -1)).any()) or bool((target > 1).any()) or bool(torch.isnan(target).any()):
        raise ValueError("y: expected 1, 0 and -1 (not known), or numbers from 0 to 1")
    weight = known * mass[:, None]
    positive, negative = (weight * target.clamp_min(0)).sum(0), (weight * (1 - target)).sum(0)
    present = torch.nonzero((positive > 0) & (negative > 0)).flatten()
    constant = torch.where(positive > 0, float("inf"), -float("inf")).to(rows.dtype)
    kept = weight[:, present].sum(1) > 0
    if len(present) == 0:
        raise ValueError("y: no class has both a row that is 1 and a row that is 0; label a few of each")
    part = target[kept][:, present].clamp_min(0)
    return Targets(kept, part, weight[kept][:, present], present, target.shape[1], "multilabel", constant)


def shares(problem: Targets) -> torch.Tensor:
    """(P,) float64 share of each class in the mass."""
    if problem.target.ndim == 1:
        sums = torch.zeros(len(problem.present), dtype=torch.float64, device=problem.mass.device)
        sums.index_add_(0, problem.target, problem.mass.double())
        return sums / sums.sum()
    if problem.kind == "multilabel":
        return (problem.mass * problem.target).sum(0, dtype=torch.float64) / problem.mass.sum(0, dtype=torch.float64)
    sums = (problem.mass[:, None] * problem.target).sum(0, dtype=torch.float64)
    return sums / sums.sum()


