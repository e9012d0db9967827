"""Targets of a probe: which rows count, over which classes, with what weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from labelnb.checks import as_tensor, class_labels, positive_int

__all__ = ["Described", "Targets", "described", "targets"]


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

    def total(self) -> float:
        """All mass."""
        return float(self.mass.sum())

    def shares(self) -> torch.Tensor:
        """(P,) float64 share of each class in the mass; for multilabel, of what is 1 in what is known."""
        if self.target.ndim == 1:
            sums = torch.zeros(len(self.present), dtype=torch.float64, device=self.mass.device)
            sums.index_add_(0, self.target, self.mass.double())
            return sums / sums.sum()
        if self.kind == "multilabel":
            return (self.mass * self.target).sum(0, dtype=torch.float64) / self.mass.sum(0, dtype=torch.float64)
        sums = (self.mass[:, None] * self.target).sum(0, dtype=torch.float64)
        return sums / sums.sum()


class Described(NamedTuple):
    """What is known of targets that stay where they are, such as in a file: checked, and read again block by block."""

    kept: torch.Tensor
    """(N,) rows that count."""
    y: torch.Tensor
    """(N,) int64 or (N, K), as given."""
    weights: torch.Tensor
    """(N,)."""
    present: torch.Tensor
    """(P,) class positions."""
    n_classes: int
    kind: str
    sums: torch.Tensor
    """(2, P) float64 mass of each class, and, for multilabel, mass known of it."""
    constant: torch.Tensor | None = None
    """(K,) bias of the columns that are not fitted."""

    def total(self) -> float:
        """All mass."""
        return float(self.sums[int(self.kind == "multilabel")].sum())

    def shares(self) -> torch.Tensor:
        """(P,) float64, as in Targets."""
        return self.sums[0] / (self.sums[1] if self.kind == "multilabel" else self.sums[0].sum())

    def block(self, at: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Target and mass, as in Targets, of those of the rows `at` that count."""
        kept = self.kept[at]
        target, mass = self.y[at].to(kept.device)[kept], self.weights[at][kept]
        if target.ndim == 1:
            return torch.searchsorted(self.present, target), mass
        target = target.to(mass.dtype)[:, self.present]
        if self.kind == "multilabel":
            mass = (target >= 0) * mass[:, None]
        return target.clamp_min_(0), mass

    def taken(self, at: torch.Tensor | slice = slice(None)) -> Targets:
        """Of those of the rows `at` that count, in memory."""
        target, mass = self.block(at)
        return Targets(self.kept, target, mass, self.present, self.n_classes, self.kind, self.constant)


def targets(rows: torch.Tensor, y: Any, n_classes: int | None, weights: Any, kind: str, least: int = 2) -> Targets:
    """What `y` and `weights` say of the rows, checked; refused where fewer than `least` classes have an example."""
    return described(len(rows), y, n_classes, weights, kind, least, (slice(None),), rows.dtype, rows.device).taken()


def described(
    count: int, y: Any, n_classes: int | None, weights: Any, kind: str, least: int, blocks: Sequence[slice], dtype: torch.dtype,
    device: torch.device,
) -> Described:
    """The same for targets of `count` rows that are looked at in `blocks`."""
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    target = as_tensor(y, "y", dtype=None)
    mass = torch.ones(count, dtype=dtype, device=device) if weights is None else as_tensor(weights, "weights", dtype=dtype).to(device)
    if mass.shape != (count,) or not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
        raise ValueError(f"weights: got shape {tuple(mass.shape)}, expected ({count},) finite numbers of 0 or more")
    if kind not in ("multinomial", "multilabel"):
        raise ValueError(f"loss: got {kind!r}, expected 'multinomial' or 'multilabel'")
    if kind == "multinomial" and target.ndim != 2:
        return _classes(class_labels(target.to(device), count, n_classes=n_classes, name="y"), mass, n_classes, least)
    if target.ndim != 2 or target.shape[0] != count or (n_classes is not None and target.shape[1] != n_classes):
        wanted = "of 1, 0 and -1 (not known)" if kind == "multilabel" else "one row of soft targets an item"
        raise ValueError(f"y: got shape {tuple(target.shape)}, expected ({count}, {n_classes or 'K'}): {wanted}")
    look = _known if kind == "multilabel" else _soft
    sums = torch.zeros((2, target.shape[1]), dtype=torch.float64, device=device)
    for at in blocks:
        sums += look(target[at].to(device, dtype), mass[at])
    held = Described(mass > 0, target, mass, torch.arange(target.shape[1], device=device), target.shape[1], kind, sums)
    return _fitted(held, blocks) if kind == "multilabel" else _mixed(held, blocks, least)


def _classes(target: torch.Tensor, mass: torch.Tensor, n_classes: int | None, least: int) -> Described:
    k = n_classes or int(target.max()) + 1
    kept = (target >= 0) & (mass > 0)
    counts = torch.bincount(target[kept], minlength=max(k, 1))
    present = torch.nonzero(counts).flatten()
    _refuse_few(present, counts, least)
    sums = torch.bincount(target[kept], weights=mass[kept].double(), minlength=max(k, 1))[present]
    return Described(kept, target, mass, present, k, "multinomial", torch.stack([sums, sums]))


def _refuse_few(present: torch.Tensor, counts: torch.Tensor, least: int) -> None:
    if len(present) < least:
        have = "no class has any" if len(present) == 0 else f"only class {int(present[0])} has some ({int(counts[present[0]])})"
        raise ValueError(f"y: {have}; expected labelled rows of at least {least} classes: label a few items of another class")


def _soft(target: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
    """(2, K) float64 mass of each class in a block of soft targets, which are checked."""
    total = target.sum(1)
    if bool((target < 0).any()) or not bool((((total - 1).abs() <= 1e-3) | (total == 0)).all()):
        raise ValueError("y: soft targets are to be 0 or more, in rows that sum to 1 (or are all zero, to leave the row out)")
    sums = (target * mass[:, None]).sum(0, dtype=torch.float64)
    return torch.stack([sums, sums])


def _mixed(held: Described, blocks: Sequence[slice], least: int) -> Described:
    """Soft targets: rows of zeros do not count, nor classes that nobody is of."""
    kept = held.kept.clone()
    for at in blocks:
        kept[at] &= (held.y[at] != 0).any(1).to(kept.device)
    present = torch.nonzero(held.sums[0] > 0).flatten()
    _refuse_few(present, held.sums[0], least)
    return held._replace(kept=kept, present=present, sums=held.sums[:, present])


def _known(target: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
    """(2, K) float64 mass that is 1, and that is known, of each class in a block, which is checked."""
    known = target >= 0
    if bool((~known & (target != -1)).any()) or bool((target > 1).any()) or bool(torch.isnan(target).any()):
        raise ValueError("y: expected 1, 0 and -1 (not known), or numbers from 0 to 1")
    weight = known * mass[:, None]
    return torch.stack([(weight * target.clamp_min(0)).sum(0, dtype=torch.float64), weight.sum(0, dtype=torch.float64)])


def _fitted(held: Described, blocks: Sequence[slice]) -> Described:
    """Several classes an item: columns that hold both a 1 and a 0 are fitted, and rows of which one of these is known count."""
    positive, negative = held.sums[0], held.sums[1] - held.sums[0]
    present = torch.nonzero((positive > 0) & (negative > 0)).flatten()
    if len(present) == 0:
        raise ValueError("y: no class has both a row that is 1 and a row that is 0; label a few of each")
    kept = held.kept.clone()
    for at in blocks:
        kept[at] &= (held.y[at].to(kept.device)[:, present] >= 0).any(1)
    constant = torch.where(positive > 0, float("inf"), -float("inf")).to(held.weights.dtype)
    return held._replace(kept=kept, present=present, sums=held.sums[:, present], constant=constant)
