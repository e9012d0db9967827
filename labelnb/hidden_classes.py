"""Hyperparameters for novel classes, chosen by hiding known ones: the labelled items alone, some classes of them played as novel.

Source: Troisemaine et al. 2023, "A Practical Approach to Novel Class Discovery in Tabular Data", section 4, arXiv 2311.05440: k-fold
cross-validation over classes. In every fold the classes of that fold lose all of their labels; here the other classes lose half of
theirs as well, for unlabelled items may belong to a known class.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from labelnb.checks import generator, positive_int
from labelnb.metrics import clustering_accuracy
from labelnb.open_world import OpenWorld

__all__ = ["choose"]

MOST = 1500
"""Labelled items looked at."""


def choose(
    world: OpenWorld,
    candidates: Sequence[Mapping[str, Any]],
    run: Callable[[OpenWorld, Mapping[str, Any], int], torch.Tensor],
    *,
    folds: int = 3,
    seed: int = 0,
) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """The candidate under which hidden known classes are found best, and a table of all: each candidate with its `accuracy`.

    Parameters
    ----------
    world : items and labels
    candidates : hyperparameters by name; the first is taken where nothing can be hidden (fewer than four known classes)
    run : (world with hidden classes, candidate, number of hidden classes) to (N,) places, as the method assigns them
    folds : parts into which the known classes are split
    seed : of what is drawn
    """
    positive_int("folds", folds)
    L = len(world.known)
    if len(candidates) < 2 or L < 4:
        return candidates[0], []
    told = torch.nonzero(~world.free).flatten()
    if len(told) > MOST:
        told = told[torch.linspace(0, len(told) - 1, MOST, dtype=torch.float64).round().long().to(told.device)]
    draw = generator(seed)
    groups = torch.randperm(L, generator=draw).chunk(min(folds, L // 2))
    totals = np.zeros(len(candidates))
    for group in groups:
        small, truth, free = _hide(world, told, group, draw)
        for c, candidate in enumerate(candidates):
            places = run(small, candidate, len(group))
            totals[c] += clustering_accuracy(places[free].cpu().numpy(), truth[free].cpu().numpy()) / len(groups)
    table = [{**candidate, "accuracy": round(float(total), 4)} for candidate, total in zip(candidates, totals, strict=True)]
    return candidates[int(totals.argmax())], table


def _hide(
    world: OpenWorld, told: torch.Tensor, group: torch.Tensor, draw: torch.Generator
) -> tuple[OpenWorld, torch.Tensor, torch.Tensor]:
    """The labelled items with the classes of `group` hidden and every second label of the others, their truth, and who is unlabelled."""
    truth = world.labels[told]
    hidden = torch.isin(truth, group.to(truth.device))
    lost = (torch.rand(len(truth), generator=draw) < 0.5).to(truth.device)
    first = torch.zeros_like(hidden)                              # one label a class stays in any case
    first[torch.tensor([int((truth == k).nonzero()[0]) for k in truth.unique().tolist()], device=truth.device)] = True
    free = hidden | (lost & ~first)
    kept, dense = torch.unique(truth[~free], return_inverse=True)
    labels = torch.full_like(truth, -1)
    labels[~free] = dense
    known = tuple(world.known[k] for k in kept.tolist())
    return OpenWorld(world.x[told], labels, known, torch.arange(len(told), device=truth.device)), truth, free
