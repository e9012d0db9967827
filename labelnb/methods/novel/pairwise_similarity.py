"""Same class or not: a similarity learnt on labelled pairs, and clusters of all items that agree with it: the two-stage family.

Source: Hsu, Lv, Schlosser, Odom and Kira 2019, "Multi-class Classification without Multi-class Labels", arXiv 1901.00544 (the loss);
Hsu, Lv and Kira 2018, "Learning to cluster in order to transfer across domains and tasks", arXiv 1711.10125; the two-stage approach of
Troisemaine et al. 2023, "Novel Class Discovery: an Introduction and Key Concepts", arXiv 2302.12028.
Reference code: https://github.com/GT-RIPL/L2C

The papers train a network from random weights; a linear head on frozen embeddings does not find its way from there, so that it begins
at semi-supervised k-means.
"""
from __future__ import annotations

from typing import Annotated

import torch

from labelnb.checks import Range, generator, positive_int, within
from labelnb.compute.knn import knn_graph
from labelnb.compute.probe import Probe, probe
from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.compute.train import Head, train
from labelnb.number_of_classes import resolve
from labelnb.open_world import OpenWorld, grouped, open_world, whitened
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 153


def pairwise_similarity(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    pairs: Annotated[int, Range(100, 10_000_000)] = 10_000,
    neighbours: Annotated[int, Range(1, 200)] = 10,
    l2: Annotated[float, Range(1e-6, 1000.0)] = 1.0,
    epochs: Annotated[int, Range(1, 1000)] = 10,
    lr: Annotated[float, Range(0.0001, 10.0)] = 0.1,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes and `n_novel` new ones by a learnt similarity of pairs.

    Stage 1 fits a logistic regression that says from the difference of two labelled items whether they are of one class. Stage 2 trains a
    linear head so that the chance that two items fall into one cluster agrees with that similarity (the MCL loss, a binary
    cross-entropy of p_i . p_j), from where semi-supervised k-means leaves it.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label; two known classes at least
    n_novel : new groups; None estimates their number (`number_of_classes`)
    pairs : pairs drawn at random in each stage, beside the nearest neighbours
    neighbours : nearest items paired with each item in stage 2: without them few pairs would be of one class
    l2 : strength of the penalty of the similarity
    epochs : passes over the pairs in stage 2
    lr : first learning rate of the cosine schedule
    seed : of pairs, first weights and the order of batches

    Returns
    -------
    Clusters with the head's `probabilities`, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class
    position of each cluster, -1 for a new one; `pair_accuracy` (balanced, of the similarity on labelled pairs), `loss` by epoch, `n_novel`.

    Raises
    ------
    ValueError
        If fewer than two classes or three items are labelled, n_novel does not fit, or an ingredient is not what it should be.

    Notes
    -----
    A baseline: the similarity cannot be corrected once clustering begins, and its errors on novel classes stay. On 2,000 items of
    CIFAR-10 (one seed) it had .37 of all items right, semi-supervised k-means .56, `uno` .64: do not use it there.
    """
    positive_int("pairs", pairs, low=100), positive_int("neighbours", neighbours), positive_int("epochs", epochs)
    within("l2", l2, 0.0, 1e12, open_low=True)
    world = open_world(embeddings, labels, seed=seed)
    if len(world.known) < 2 or int((~world.free).sum()) < 3:
        raise ValueError("labels: a similarity is learnt from pairs of equal and of different classes; label two classes and three items")
    rows = whitened(world.x, world.labels)
    number, facts, warnings = resolve(world, n_novel, seed)
    draw = generator(seed)
    told = torch.nonzero(~world.free).flatten()
    similar, right = _similarity(rows, world, _random_pairs(told, pairs, draw), l2)
    k = len(world.known) + number
    left, other = _paired(rows, world, pairs, neighbours, draw)
    wanted = similar.probabilities(_difference(rows[left], rows[other]))[:, 1]
    both = ~world.free[left] & ~world.free[other]
    wanted[both] = (world.labels[left] == world.labels[other])[both].to(wanted.dtype)     # what people have said needs no guess
    f = rows - rows.mean(0)
    f = f / f.norm(dim=1).mean().clamp_min(1e-6)
    twins = _Twins(Head(f.shape[1], k, seed=seed, dtype=f.dtype, device=f.device))
    start = seeded_kmeans(rows, world.labels, k, seed=seed, n_init=5).assignment
    train(twins.head, f, start, epochs=10, batch_size=min(256, len(f)), lr=0.5, seed=seed)
    done = train(twins, torch.cat([f[left], f[other]], 1), wanted, epochs=epochs, batch_size=512, lr=lr, seed=seed, loss=likelihood)
    with torch.no_grad():
        p = torch.softmax(twins.head(f), dim=1)
    places = torch.where(world.free, p.argmax(1), world.labels)
    p[~world.free] = torch.nn.functional.one_hot(world.labels[~world.free], k).to(p.dtype)
    evidence = {"pair_accuracy": right, "loss": [row["loss"] for row in done.history], **facts}
    return grouped(world, places, probabilities=p, evidence=evidence, warnings=warnings)


class _Twins(torch.nn.Module):
    """One head for both items of a pair."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2, C) scores of pairs (B, 2 D)."""
        left, right = x.chunk(2, dim=1)
        return torch.stack([self.head(left), self.head(right)], dim=1)


def likelihood(scores: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """(B,) binary cross-entropy of the chance that two items fall into one cluster, p_i . p_j, with the similarity wanted."""
    p = torch.softmax(scores, dim=2)
    same = (p[:, 0] * p[:, 1]).sum(1).clamp(1e-6, 1 - 1e-6)
    return -(wanted * torch.log(same) + (1 - wanted) * torch.log1p(-same))


def _difference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(B, d + 1) what the similarity sees of a pair, whichever is the first: squared differences, and the cosine."""
    return torch.cat([(a - b) ** 2 * a.shape[1] ** 0.5, (a * b).sum(1, keepdim=True)], dim=1)


def _random_pairs(among: torch.Tensor, count: int, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Two different items of `among` a pair."""
    first = torch.randint(len(among), (count,), generator=draw)
    second = (first + 1 + torch.randint(max(1, len(among) - 1), (count,), generator=draw)) % len(among)
    return among[first.to(among.device)], among[second.to(among.device)]


def _similarity(rows: torch.Tensor, world: OpenWorld, drawn: tuple[torch.Tensor, torch.Tensor], l2: float) -> tuple[Probe, float]:
    """The fitted similarity and its balanced accuracy on the pairs it was fitted to, which are of one class as often as chance has it."""
    left, right = drawn
    same = world.labels[left] == world.labels[right]
    # So few pairs may all be of one kind: an item beside itself is the same, two of different classes are not.
    spare = torch.stack([torch.nonzero(world.labels == k).flatten()[0] for k in (0, 1)])
    left, right = torch.cat([left, spare[:1], spare[:1]]), torch.cat([right, spare[:1], spare[1:]])
    same = torch.cat([same, torch.tensor([True, False], device=same.device)])
    x = _difference(rows[left], rows[right])
    fitted = probe(x, same.long(), l2=l2, n_classes=2)
    guess = fitted.probabilities(x)[:, 1] > same.double().mean()
    return fitted, float(0.5 * guess[same].double().mean() + 0.5 * (~guess[~same]).double().mean())


def _paired(
    rows: torch.Tensor, world: OpenWorld, pairs: int, neighbours: int, draw: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The pairs of stage 2: nearest neighbours, as many at random as asked for, and as many of labelled items."""
    every = torch.arange(len(rows), device=rows.device)
    near = knn_graph(rows, min(neighbours, len(rows) - 1)).indices
    left, right = _random_pairs(every, pairs, draw)
    mine, yours = _random_pairs(torch.nonzero(~world.free).flatten(), pairs, draw)
    return torch.cat([every.repeat_interleave(near.shape[1]), left, mine]), torch.cat([near.flatten(), right, yours])
