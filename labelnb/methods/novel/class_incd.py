"""Class-incremental novel class discovery with frozen features: one cosine head a task, self-labelled, and all of them side by side.

Source: Liu, Wang, Zhong, Sebe and Ricci 2023, "Large-scale Pre-trained Models are Surprisingly Strong in Incremental Novel Class
Discovery", arXiv 2303.15975. Reference code: https://github.com/OatmealLiu/MSc-iNCD

As in `uno`, nearest neighbours take the part of augmented views; Sinkhorn's balance is found over all items of a task, not by batch.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import torch

from labelnb.checks import Range, as_tensor, positive_int, within
from labelnb.compute.consensus import joined
from labelnb.compute.kmeans import kmeans
from labelnb.compute.knn import knn_graph
from labelnb.compute.seeded_kmeans import class_means
from labelnb.compute.sinkhorn import sinkhorn
from labelnb.compute.train import train
from labelnb.number_of_classes import resolve
from labelnb.open_world import OpenWorld, grouped, open_world, whitened
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 149


def class_incd(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    times: torch.Tensor | None = None,
    *,
    n_novel: int | None = None,
    unlabelled: Literal["mixed", "novel"] = "mixed",
    starts: Annotated[int, Range(1, 100)] = 5,
    whiten: bool = True,
    temperature: Annotated[float, Range(0.01, 1.0)] = 0.1,
    sharpness: Annotated[float, Range(1.0, 200.0)] = 20.0,
    neighbours: Annotated[int, Range(1, 100)] = 10,
    epochs: Annotated[int, Range(1, 1000)] = 20,
    lr: Annotated[float, Range(0.0001, 10.0)] = 0.1,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes and `n_novel` new ones a task, and never touch the heads of earlier tasks.

    The head of the known classes is trained on the labels. Each task (the unlabelled items of one time) then gets a head of its own for its
    new classes, trained on self-labels that Sinkhorn-Knopp balances; earlier heads stay as they are. Weights have length 1 in all of them,
    so that their cosines can stand beside each other: the largest decides.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    times : (N,) numbers; unlabelled items of one number arrive together, the smallest first. Without it all are one task
    n_novel : new groups a task; None estimates their number among all unlabelled items and spreads it over the tasks
    unlabelled : `mixed`, an item may belong to an earlier class; `novel`, the paper's setting: a task holds new classes only
    starts : heads learnt from starts of their own, whose clusters are matched and whose mean probabilities decide; 1 as in the paper
    whiten : work where the known classes are as wide in all directions, instead of on the embeddings as they are, as in the paper
    temperature : of the softmax over cosines (tau)
    sharpness : power of the softmax outputs before balancing (1 / epsilon, .05 in the paper)
    neighbours : nearest items of the task that stand for an item's augmented views
    epochs : passes over the items of a task
    lr : first learning rate of the cosine schedule
    seed : of the first weights and the order of batches

    Returns
    -------
    Clusters with `probabilities`, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class position of
    each cluster, -1 for a new one; `task` (N,) number of the task of each item, -1 for labelled ones; `cosines` (N,) to the own
    weight, the mean over the starts; `agreement` (share of items on which two starts agree); `n_novel`.

    Raises
    ------
    ValueError
        If no item is labelled, n_novel or times do not fit, or an ingredient is not what it should be: each is named.

    Notes
    -----
    Accuracy of novel classes with three of ten hidden (ten of 77 on Banking77), means of five seeds: with the defaults .67 on CIFAR-10,
    .64 on Fashion-MNIST, .83 on Banking77; with one start on the embeddings as they are (the paper) .58, .60, .76; k-means .49, .61,
    .71. One start is a matter of luck, and five cost five times as much; fifteen were no better on Fashion-MNIST, where a logistic
    regression that is told all labels reaches .75 (tests/benchmarks/accuracy_novel.md). The price of never looking back: a class that
    returns in a later task is grouped anew if its items differ. Classes are taken to be of equal size.
    """
    _check(unlabelled, temperature, sharpness, neighbours, epochs)
    positive_int("starts", starts)
    world = open_world(embeddings, labels, seed=seed)
    task, count = _tasks(times, world)
    total, facts, warnings = resolve(world, n_novel, seed)
    rows = whitened(world.x, world.labels) if whiten else world.x
    x = torch.nn.functional.normalize(rows - rows.mean(0), dim=1)          # cosines about the mean: embeddings lie in a narrow cone
    shares = _shares(total, count, given=n_novel is not None)
    head = _Cosine(class_means(x, world.labels), 0, temperature)
    told = ~world.free
    if len(world.known) > 1:
        train(head, x[told], world.labels[told], epochs=epochs, batch_size=min(256, int(told.sum())), lr=lr, weight_decay=0.0, seed=seed)
    learn = partial(_learn, softness=1 / sharpness, neighbours=neighbours, epochs=epochs, lr=lr)
    made = [_in_turn(x, world, head, task, shares, unlabelled, learn, seed + 1000 * start) for start in range(starts)]
    p, agreement = joined([one[0] for one in made], held=len(world.known))
    places = p.argmax(1)
    cosines = torch.stack([one[1] for one in made]).mean(0)
    facts = {"agreement": agreement, **facts}
    return grouped(world, places, probabilities=p, evidence={"task": task, "cosines": cosines, **facts}, warnings=warnings)


def _in_turn(
    x: torch.Tensor, world: OpenWorld, head: _Cosine, task: torch.Tensor, shares: list[int], unlabelled: str, learn: Callable[..., _Cosine],
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One start through all tasks: (N, C) probabilities among the classes there were when an item came, and (N,) its largest cosine."""
    places, open_to = world.labels.clone(), []
    for number, share in enumerate(shares):
        mine = task == number
        new = min(share, int(mine.sum()))
        if new:
            column = _left(places[places >= 0], head.width + new, int(mine.sum())) if unlabelled == "mixed" else None
            head = learn(x[mine], head, new, column, seed=seed + number)
        open_to.append((head.width - new if new and unlabelled == "novel" else 0, head.width))     # a task's own classes only
        with torch.no_grad():
            low, high = open_to[-1]
            places[mine] = low + head(x[mine])[:, low:high].argmax(1)
    with torch.no_grad():
        scores = head(x)
    for number, (low, high) in enumerate(open_to):
        mine = (task == number)[:, None]
        outside = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
        outside[low:high] = False
        scores = scores.masked_fill(mine & outside, -torch.inf)
    told = ~world.free
    p = torch.softmax(scores, dim=1)
    p[told] = torch.nn.functional.one_hot(world.labels[told], p.shape[1]).to(p.dtype)
    return p, (x * head.directions()[places]).sum(1)


def _check(unlabelled: str, temperature: float, sharpness: float, neighbours: int, epochs: int) -> None:
    if unlabelled not in ("mixed", "novel"):
        raise ValueError(f"unlabelled: got {unlabelled!r}, expected 'mixed' or 'novel'")
    within("temperature", temperature, 0.0, 100.0, open_low=True)
    within("sharpness", sharpness, 0.0, 1e4, open_low=True)
    positive_int("neighbours", neighbours), positive_int("epochs", epochs)


def _tasks(times: torch.Tensor | None, world: OpenWorld) -> tuple[torch.Tensor, int]:
    """(N,) number of the task, -1 for labelled items, and how many tasks there are."""
    task = torch.where(world.free, 0, -1)
    if times is None or not bool(world.free.any()):
        return task, int(world.free.any())
    when = as_tensor(times, "times", dtype=None)
    if when.shape != task.shape or not bool(torch.isfinite(when.double()).all()):
        raise ValueError(f"times: got shape {tuple(when.shape)}, expected ({len(task)},) finite numbers, one an item")
    found, places = torch.unique(when.to(task.device)[world.order][world.free], return_inverse=True)
    task[world.free] = places
    return task, len(found)


def _shares(total: int, count: int, *, given: bool) -> list[int]:
    """New classes of each task: as many as asked for in each, or an estimated total spread over them."""
    return [total] * count if given else [total // count + (i < total % count) for i in range(count)]


class _Cosine(torch.nn.Module):
    """Weights of length 1 on unit rows: those of earlier tasks frozen, those of this one trained."""

    def __init__(self, weight: torch.Tensor, frozen: int, temperature: float) -> None:
        super().__init__()
        self.register_buffer("old", weight[:frozen].detach().clone())
        self.new = torch.nn.Parameter(weight[frozen:].detach().clone())
        self.temperature = temperature

    @property
    def width(self) -> int:
        """Classes so far."""
        return len(self.get_buffer("old")) + len(self.new)

    def directions(self) -> torch.Tensor:
        """(C, D) unit weights of all tasks so far."""
        return torch.nn.functional.normalize(torch.cat([self.get_buffer("old"), self.new]), dim=1).detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C) cosines over the temperature."""
        weight = torch.nn.functional.normalize(torch.cat([self.get_buffer("old"), self.new]), dim=1)
        return x @ weight.T / self.temperature


def _left(places: torch.Tensor, classes: int, arriving: int) -> torch.Tensor:
    """(C,) share of the arriving items that each class is to get: an equal part of all items so far, less what it holds already."""
    wanted = (len(places) + arriving) / classes
    left = (wanted - torch.bincount(places, minlength=classes).double()).clamp_min(0.02 * wanted)
    return left / left.sum()


def _learn(
    rows: torch.Tensor, before: _Cosine, new: int, column: torch.Tensor | None, softness: float, neighbours: int, epochs: int, lr: float,
    seed: int,
) -> _Cosine:
    """The heads so far and one for `new` classes, trained on the rows of a task; beside the earlier heads where these get a share."""
    earlier = before.directions()
    old = earlier if column is not None else earlier[:0]
    if len(old) + new <= len(rows):                               # new weights begin at k-means centres beside the old ones
        start = kmeans(rows, len(old) + new, fixed=old if len(old) else None, seed=seed, n_init=5, spherical=True).centres[len(old):]
    else:
        start = kmeans(rows, new, seed=seed, spherical=True).centres
    head = _Cosine(torch.cat([old, start]), len(old), before.temperature)
    near = knn_graph(rows, min(neighbours, len(rows) - 1)).indices if len(rows) > 1 else torch.zeros(1, 1, dtype=torch.int64)
    near = near.to(rows.device)

    def relabel(seen: int) -> torch.Tensor | None:
        return balanced(head, rows, near, softness, column) if seen and seen % len(rows) == 0 else None

    def view(at: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        return rows[near[at, torch.randint(near.shape[1], (len(at),), generator=draw).to(at.device)]]

    labels = balanced(head, rows, near, softness, column)
    train(head, rows, labels, epochs=epochs, batch_size=min(256, len(rows)), lr=lr, weight_decay=0.0, seed=seed, relabel=relabel, view=view)
    return _Cosine(torch.cat([earlier, head.directions()[len(old):]]), 0, before.temperature)


@torch.no_grad()
def balanced(
    head: torch.nn.Module, rows: torch.Tensor, near: torch.Tensor, softness: float, column: torch.Tensor | None = None
) -> torch.Tensor:
    """(N, C) self-labels: rows of the transport plan with given shares of the classes, of an item's mean with its neighbours."""
    p = torch.softmax(head(rows), dim=1)
    p = 0.5 * p + 0.5 * p[near].mean(1)
    plan = sinkhorn(torch.log(p.clamp_min(1e-30)), column=column, temperature=softness, tolerance=0.01, max_iterations=300).plan
    return plan / plan.sum(1, keepdim=True).clamp_min(1e-30)
