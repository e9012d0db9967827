"""Known classes and the groups beside them: what the methods that look for novel classes begin and end with.

Unlabelled items may belong to a known class or to one that nobody named (generalized category discovery, Vaze et al. 2022, arXiv
2201.02609). A class is known here when one item at least carries its label.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from labelnb.checks import class_labels, positive_int, unit_rows
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order
from labelnb.results import Clusters, as_array

__all__ = ["OpenWorld", "open_world", "whitened", "principal", "group_count", "grouped"]

WIDTH = 128
"""Principal axes kept before whitening: beyond them a within-class covariance cannot be told from a few hundred labels."""
SHRINKAGE = 0.3
"""Share of the identity in the within-class covariance. From .02 to .5 the accuracy of novel classes moved by less than its spread over
seeds on CIFAR-10, Fashion-MNIST and Banking77."""


class OpenWorld(NamedTuple):
    """Checked items in an order of their content, so that what is drawn at random does not depend on the caller's order."""

    x: torch.Tensor
    """(N, D) unit rows."""
    labels: torch.Tensor
    """(N,) int64 place among the known classes, 0 to L - 1; -1 for the others."""
    known: tuple[int, ...]
    """L class positions: which class each place stands for. Places follow the content of the classes, not the order of their names."""
    order: torch.Tensor
    """(N,) the caller's position of each row."""

    @property
    def free(self) -> torch.Tensor:
        """(N,) bool, the items without a label."""
        return self.labels < 0


def open_world(embeddings: Any, labels: Any, *, seed: int = 0) -> OpenWorld:
    """Check embeddings (N, D) and labels (N,), number the classes that have a label from 0 on, and sort the rows by content.

    Raises
    ------
    ValueError
        If an ingredient is not what it should be, or no item is labelled.
    """
    x = unit_rows(embeddings)
    y = class_labels(labels, len(x))
    x = x.to(able_device(x.device))
    y = y.to(x.device)
    if not bool((y >= 0).any()):
        raise ValueError("labels: no item is labelled; label some of the known classes, or use a method of the clustering family")
    known, places = torch.unique(y[y >= 0], return_inverse=True)
    means = torch.nn.functional.one_hot(places).to(x.dtype).T @ x[y >= 0]
    turn = content_order(means, seed)
    dense = torch.full_like(y, -1)
    dense[y >= 0] = torch.argsort(turn)[places]
    order = content_order(x, seed)
    return OpenWorld(x[order], dense[order], tuple(known[turn].tolist()), order)


def whitened(x: torch.Tensor, labels: torch.Tensor, *, width: int = WIDTH, shrinkage: float = SHRINKAGE) -> torch.Tensor:
    """(N, d) unit rows in a space where the known classes are as wide in all directions (within-class covariance normalisation).

    What varies inside the known classes (pose, light, wording) tends to vary inside novel ones too; dividing by it lets k-means cut
    between classes instead of along such a direction. Source: Hatch, Kajarekar and Stolcke 2006, with a ridge; it is the first half of
    linear discriminant analysis. Without two labels in any class the rows come back as they are.
    """
    inside = labels >= 0
    rows = principal(x - x.mean(0), width)
    y = labels[inside]
    onehot = torch.nn.functional.one_hot(y).to(rows.dtype)
    means = (onehot.T @ rows[inside]) / onehot.sum(0).clamp_min(1)[:, None]
    apart = rows[inside] - means[y]
    covariance = apart.T @ apart / max(1, len(apart))
    scale = float(covariance.diagonal().mean())
    if scale <= 1e-10:
        return x
    ridge = torch.eye(len(covariance), dtype=rows.dtype, device=rows.device) * (shrinkage * scale)
    values, vectors = torch.linalg.eigh((1 - shrinkage) * covariance + ridge)
    # Rotated back: eigenvectors are known up to their sign only, and what is trained from here on must not depend on it.
    return torch.nn.functional.normalize(rows @ (vectors * values.clamp_min(1e-12) ** -0.5) @ vectors.T, dim=1)


def principal(x: torch.Tensor, width: int = WIDTH) -> torch.Tensor:
    """(N, width) coordinates along the principal axes of centred rows, signs by their largest entry; as they are where D is no larger."""
    if x.shape[1] <= width:
        return x
    _, axes = torch.linalg.eigh(x.T @ x)
    axes = axes[:, -width:].flip(1)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return x @ (axes * torch.sign(largest))


def group_count(world: OpenWorld, n_novel: int) -> int:
    """`n_novel` if so many groups can be formed of the unlabelled items; else a ValueError."""
    return positive_int("n_novel", n_novel, low=0, high=int(world.free.sum()))


def grouped(
    world: OpenWorld, places: torch.Tensor, *, probabilities: torch.Tensor | None = None, evidence: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Clusters:
    """Clusters in the caller's order: the known classes by position first, then the novel groups, the largest first; empty ones go.

    Evidence gets `classes` (C,): the class position that each cluster stands for, -1 for a novel one; and `n_novel`.
    """
    L, n = len(world.known), len(places)
    sizes = torch.bincount(places, minlength=L)[L:]
    ranked = torch.argsort(sizes, descending=True, stable=True)
    ranked = ranked[sizes[ranked] > 0]
    target = torch.full((L + len(sizes),), -1, dtype=torch.int64, device=places.device)
    by_class = torch.argsort(torch.tensor(world.known, device=places.device))
    target[by_class] = torch.arange(L, device=places.device)
    target[L + ranked] = L + torch.arange(len(ranked), device=places.device)
    back = torch.empty_like(world.order)
    back[world.order] = torch.arange(n, device=back.device)
    soft = None
    if probabilities is not None:
        columns = probabilities[:, torch.cat([by_class, L + ranked])][back]
        soft = as_array(columns / columns.sum(1, keepdim=True).clamp_min(1e-30))
    facts = {"classes": torch.tensor([*sorted(world.known), *[-1] * len(ranked)]), "n_novel": len(ranked), **dict(evidence or {})}
    rows = {name: value[back] if getattr(value, "shape", ())[:1] == (n,) and isinstance(value, torch.Tensor) else value
            for name, value in facts.items()}
    return Clusters(as_array(target[places][back]), soft, evidence=rows, warnings=warnings)
