"""One head for known and novel classes, trained at once on labels and on balanced pseudo-labels: the one-stage, joint family.

Source: Fini, Sangineto, Lathuiliere, Zhong, Nabi and Ricci 2021, "A Unified Objective for Novel Class Discovery", arXiv 2108.08536, the
joint one-stage approach of Troisemaine et al. 2023, "Novel Class Discovery: an Introduction and Key Concepts", arXiv 2302.12028.
Reference code: https://github.com/DonkeyShot21/UNO

On frozen embeddings there is no picture to augment: an item's nearest neighbours take the part of its views, as in `sela`. The paper's
unlabelled items are all of novel classes; here they may be of known ones, so that pseudo-labels run over all classes.
"""
from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch

from labelnb.checks import Range, positive_int, within
from labelnb.compute.knn import knn_graph
from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.compute.sinkhorn import Transport, sinkhorn
from labelnb.compute.train import Head, train
from labelnb.number_of_classes import opened
from labelnb.open_world import OpenWorld, grouped
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 153


def uno(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    shares: Literal["equal", "labels", "found"] = "equal",
    whiten: bool = True,
    neighbours: Annotated[int, Range(1, 100)] = 10,
    sharpness: Annotated[float, Range(1.0, 200.0)] = 25.0,
    correction: Annotated[float, Range(1.0, 1000.0)] = 2.0,
    epochs: Annotated[int, Range(2, 1000)] = 30,
    updates: Annotated[int, Range(1, 1000)] = 30,
    lr: Annotated[float, Range(0.0001, 10.0)] = 0.5,
    batch_size: int = 256,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes and `n_novel` new ones, by one linear head over all of them.

    In turn: (1) unlabelled items get the pseudo-labels that maximise the head's log-probability under the constraint that the classes
    hold their shares (Sinkhorn-Knopp); labelled items keep their labels; (2) the head is trained on both by one cross-entropy. It
    begins at semi-supervised k-means.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    n_novel : new groups; None estimates their number (`number_of_classes`)
    shares : how many items a class is to hold in all: `equal`, as many in each, as in the paper; `labels`, known classes in proportion to
        their labels where these differ by more than chance, and each new one as many as a known one has on average (only for items that
        were labelled at random, never for those that active learning chose); `found`, as many as semi-supervised k-means puts there
    whiten : work where the known classes are as wide in all directions, instead of on the embeddings as they are
    neighbours : nearest items that stand for an item's augmented views
    sharpness : power of the softmax outputs before balancing (1 / epsilon in the paper)
    correction : by how much, at most, the shares may raise or lower the odds of a class in the final labels; 1 takes the head's own, as in
        the paper
    epochs : passes over the items
    updates : times the pseudo-labels are made anew, more of them early
    lr : first learning rate of the cosine schedule
    batch_size : items a step
    seed : of the first weights and the order of batches

    Returns
    -------
    Clusters with the head's `probabilities`, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class
    position of each cluster, -1 for a new one; `changed` (share of pseudo-labels that changed at each update), `loss` by epoch,
    `marginal_error` of the last pseudo-labels, `n_novel`.

    Raises
    ------
    ValueError
        If no item is labelled, n_novel does not fit, or an ingredient is not what it should be: each is named.

    Notes
    -----
    `correction` 2 beside 1, accuracy of novel classes on three seeds: .676 and .647 on CIFAR-10, .807 and .775 on Fashion-MNIST, .773 and
    .773 on Banking77. Over all classes it was above k-means and sela on these three sets, for novel classes alone clearly so on CIFAR-10
    only, while `class_incd` with its five starts is ahead of it on the other two (tests/benchmarks/accuracy_novel.md). Where classes are
    very unequal the shares move items to where they do not belong, and on groups that are far apart anyway they can only do harm: take
    `shares="found"`, `correction=1` or `semi_supervised_kmeans`. With every second class cut to a third and a fifth of the known items
    labelled, accuracy over all classes with `equal`, `labels` and `found` was .51, .58 and .58 on CIFAR-10, .58, .67 and .73 on
    Fashion-MNIST, and .58 and .73 with `semi_supervised_kmeans`. One epoch costs N x C x d.
    """
    _check(shares, neighbours, epochs, updates, batch_size)
    within("sharpness", sharpness, 0.0, 1e4, open_low=True), within("correction", correction, 1.0, 1e6)
    world, rows, number, facts, warnings = opened(embeddings, labels, n_novel, whiten=whiten, seed=seed)
    L = len(world.known)
    start = seeded_kmeans(rows, world.labels, L + number, seed=seed, n_init=5)
    if not bool(world.free.any()) or L + number < 2 or len(rows) < 3:
        return grouped(world, start.assignment, evidence=facts, warnings=warnings)
    loop = _Pseudo(world, rows, start.assignment, _masses(world, start.assignment, number, shares), neighbours, sharpness)
    loop.times = [t for t in ((torch.linspace(0, 1, updates) ** 2) * (epochs + 0.01) * len(rows)).tolist() if t >= len(rows)]
    loop.head = Head(rows.shape[1], L + number, seed=seed, dtype=rows.dtype, device=rows.device)
    done = train(
        loop.head, loop.f, start.assignment, epochs=epochs, batch_size=min(batch_size, len(rows)), lr=lr, seed=seed, relabel=loop.relabel,
        view=loop.view,
    )
    plan = loop.balance()[1]
    most = math.log(correction)
    assignment, probabilities = loop.predict((plan.potential / sharpness).nan_to_num(neginf=-most).clamp(-most, most))
    loop.note(assignment)
    evidence = {"changed": loop.changed, "loss": [row["loss"] for row in done.history], "marginal_error": plan.marginal_error, **facts}
    return grouped(world, assignment, probabilities=probabilities, evidence=evidence, warnings=warnings)


def _check(shares: str, neighbours: int, epochs: int, updates: int, batch_size: int) -> None:
    if shares not in ("labels", "equal", "found"):
        raise ValueError(f"shares: got {shares!r}, expected 'labels', 'equal' or 'found'")
    positive_int("neighbours", neighbours), positive_int("epochs", epochs, low=2), positive_int("updates", updates)
    positive_int("batch_size", batch_size)


def _masses(world: OpenWorld, assignment: torch.Tensor, number: int, shares: str) -> torch.Tensor:
    """(C,) share of the unlabelled items that each class is to get: what it should hold in all, less the labels it has."""
    k, n = len(world.known) + number, len(world.x)
    labelled = torch.bincount(world.labels[~world.free], minlength=k).double()
    if shares == "found":
        wanted = torch.bincount(assignment, minlength=k).double()
    else:
        wanted = torch.full_like(labelled, n / k)
        if shares == "labels":
            wanted[: len(world.known)] *= _relative(labelled[: len(world.known)])
    left = (wanted - labelled).clamp_min(0.02 * n / k)            # a class that has its share already still gets a few
    return left / left.sum()


def _relative(counts: torch.Tensor) -> torch.Tensor:
    """(L,) sizes of classes relative to their mean, from counts of labels, drawn towards 1 by as much as chance alone explains them.

    Counts of equally large classes vary by about their mean (Poisson); only the variance beyond it says that classes differ (the method
    of moments of empirical Bayes, Efron and Morris 1975). Without this a class with many labels by chance would be given more items still.
    """
    mean = counts.mean()
    spread = counts.var() if len(counts) > 1 else counts.new_zeros(())
    trust = (1 - mean / spread).clamp_min(0) if spread > 0 else 0.0
    return 1 + trust * (counts / mean - 1)


class _Pseudo:
    """The pseudo-labels and how they are made anew: what `train` calls between steps."""

    def __init__(
        self, world: OpenWorld, rows: torch.Tensor, assignment: torch.Tensor, column: torch.Tensor, neighbours: int, sharpness: float
    ) -> None:
        f = rows - rows.mean(0)
        self.f = f / f.norm(dim=1).mean().clamp_min(1e-6)
        self.world, self.labels, self.column, self.sharpness = world, assignment, column, sharpness
        self.near = knn_graph(rows, min(neighbours, len(rows) - 1)).indices
        self.head: Any = None
        self.times: list[float] = []
        self.changed: list[float] = []

    def view(self, at: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """A random neighbour of each unlabelled item; labelled items as they are."""
        picked = torch.randint(self.near.shape[1], (len(at),), generator=draw).to(at.device)
        shown = torch.where(self.world.free[at], self.near[at, picked], at)
        return self.f[shown]

    def relabel(self, seen: int) -> torch.Tensor | None:
        if not self.times or seen < self.times[0]:
            return None
        while self.times and seen >= self.times[0]:
            self.times.pop(0)
        labels = self.balance()[0]
        self.note(labels)
        return labels

    def note(self, labels: torch.Tensor) -> None:
        """Take over new labels, and keep how many changed."""
        self.changed.append(float((labels != self.labels).float().mean()))
        self.labels = labels

    @torch.no_grad()
    def predict(self, shift: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """(N,) labels and (N, C) probabilities of the head, an item's mean with its neighbours; labelled items as they are.

        `shift` (C,) is added to the logarithms: how much likelier a class is than the head has learnt.
        """
        p = torch.cat([torch.softmax(self.head(block), dim=1) for block in self.f.split(8192)])
        p = 0.5 * p + 0.5 * torch.cat([p[block].mean(1) for block in self.near.split(8192)])
        if shift is not None:
            p = torch.softmax(torch.log(p.clamp_min(1e-30)) + shift.to(p), dim=1)
        labels = torch.where(self.world.free, p.argmax(1), self.world.labels)
        told = torch.nn.functional.one_hot(labels, p.shape[1]).to(p.dtype)
        return labels, torch.where(self.world.free[:, None], p, told)

    def balance(self) -> tuple[torch.Tensor, Transport]:
        """(N,) labels that hold the shares, and the transport that made them."""
        free = self.world.free
        logs = torch.log(self.predict()[1].clamp_min(1e-30))[free]
        plan = sinkhorn(logs, column=self.column, temperature=1.0 / self.sharpness, tolerance=0.01, max_iterations=500)
        labels = self.world.labels.clone()
        labels[free] = plan.plan.argmax(1)
        return labels, plan
