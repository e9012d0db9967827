"""PBN: a latent space that tells known classes apart and still rebuilds every item; new groups are k-means clusters in it.

Source: Troisemaine, Reiffers-Masson, Gosselin, Lemaire and Vaton 2023, "A Practical Approach to Novel Class Discovery in Tabular Data",
section 3.3 (projection-based NCD) and 4, arXiv 2311.05440. Reference code: https://github.com/Orange-OpenSource/PracticalNCD

Batch normalisation and dropout of the reference are left out: on the principal axes of embeddings the net is shallow and narrow.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch

from labelnb.checks import Range, positive_int, within
from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.compute.train import Head, train
from labelnb.hidden_classes import choose
from labelnb.number_of_classes import estimate_novel, resolve
from labelnb.open_world import OpenWorld, grouped, open_world, principal
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 14


def pbn(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    number: Literal["hidden", "silhouette"] = "hidden",
    classification: Annotated[float, Range(0.0, 1.0)] = 0.6,
    latent: Annotated[int, Range(2, 512)] = 32,
    folds: Annotated[int, Range(0, 20)] = 0,
    epochs: Annotated[int, Range(1, 1000)] = 60,
    lr: Annotated[float, Range(0.00001, 1.0)] = 0.003,
    starts: Annotated[int, Range(1, 100)] = 10,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes and `n_novel` new ones, in a latent space learnt from labels and from all items.

    An encoder with one hidden layer leads to the latent space, a linear layer from there to the known classes and a decoder back to the
    item. The loss is `classification` times the cross-entropy of the labelled items, and the rest times the squared error of all.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    n_novel : new groups; None estimates their number
    number : how, where n_novel is None: `hidden` known classes (`number_of_classes`), or the largest `silhouette` in the latent space, as
        in the paper
    classification : weight of the cross-entropy (w in the paper)
    latent : width of the latent space
    folds : parts of the known classes that are hidden in turn to choose `classification` and `latent` (paper); 0 takes them as given
    epochs : passes over the items
    lr : first learning rate of the cosine schedule
    starts : k-means++ starts
    seed : of the first weights, the order of batches and the starts

    Returns
    -------
    Clusters, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class position of each cluster, -1 for a
    new one; `coordinates` (N, latent); `loss` by epoch; `chosen` and `candidates` where hidden classes decided; `n_novel`.

    Raises
    ------
    ValueError
        If no item is labelled, n_novel does not fit, or an ingredient is not what it should be: each is named.

    Notes
    -----
    Made for tables, where no pretrained space is at hand. On embeddings of a pretrained encoder it was far below `uno` on CIFAR-10 and
    Banking77 (one seed, tests/benchmarks/accuracy_novel.md).
    The paper found 60 (w from .06 to .97) settings by search: use `folds`, at its price.
    """
    if number not in ("hidden", "silhouette"):
        raise ValueError(f"number: got {number!r}, expected 'hidden' or 'silhouette'")
    within("classification", classification, 0.0, 1.0)
    positive_int("latent", latent, low=2), positive_int("folds", folds, low=0), positive_int("starts", starts)
    world = open_world(embeddings, labels, seed=seed)
    given = {"classification": classification, "latent": latent}
    wide = [given, *({"classification": w, "latent": d} for w in (0.3, 0.9) for d in (16, 64))]

    def tried(inner: OpenWorld, settings: Mapping[str, Any], count: int) -> torch.Tensor:
        rows, _ = _latent(inner, settings, epochs, lr, seed)
        return seeded_kmeans(rows, inner.labels, len(inner.known) + count, seed=seed, n_init=3).assignment

    chosen, table = choose(world, wide, tried, folds=folds, seed=seed) if folds else (given, [])
    rows, losses = _latent(world, chosen, epochs, lr, seed)
    count, facts, warnings = _count(world, rows, n_novel, number, seed)
    run = seeded_kmeans(rows, world.labels, len(world.known) + count, seed=seed, n_init=starts)
    evidence = {"coordinates": rows, "loss": losses, **({"chosen": dict(chosen), "candidates": table} if table else {}), **facts}
    return grouped(world, run.assignment, evidence=evidence, warnings=warnings)


def _count(
    world: OpenWorld, rows: torch.Tensor, n_novel: int | None, number: str, seed: int
) -> tuple[int, dict[str, Any], tuple[str, ...]]:
    if n_novel is not None or number == "hidden" or not bool(world.free.any()):
        return resolve(world, n_novel, seed)
    made = estimate_novel(world._replace(x=rows), method="silhouette", whiten=False, seed=seed)
    return made.number, {"number": (made.number, made.low, made.high)}, ()


class _Projection(torch.nn.Module):
    """Encoder, classifier and decoder."""

    def __init__(self, width: int, latent: int, classes: int, seed: int, like: torch.Tensor) -> None:
        super().__init__()
        inner, dtype, device = max(latent, width // 2), like.dtype, like.device
        self.encoder = Head(width, latent, hidden=inner, seed=seed, dtype=dtype, device=device)
        self.classifier = Head(latent, classes, seed=seed + 1, dtype=dtype, device=device)
        self.decoder = Head(latent, width, hidden=inner, seed=seed + 2, dtype=dtype, device=device)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """(B, latent) unit rows."""
        return torch.nn.functional.normalize(self.encoder(x), dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, classes + width) scores of the classes, then the item as it is rebuilt."""
        z = self.project(x)
        return torch.cat([self.classifier(z), self.decoder(z)], dim=1)


def _latent(world: OpenWorld, settings: Mapping[str, Any], epochs: int, lr: float, seed: int) -> tuple[torch.Tensor, list[float]]:
    """(N, latent) unit rows of the latent space, and the loss by epoch."""
    x = principal(world.x - world.x.mean(0))
    x = x / x.norm(dim=1).mean().clamp_min(1e-6)
    L, w = len(world.known), settings["classification"]
    net = _Projection(x.shape[1], min(settings["latent"], max(2, x.shape[1])), L, seed, x)
    goal = torch.zeros(len(x), L, dtype=x.dtype, device=x.device)
    told = ~world.free
    goal[told] = torch.nn.functional.one_hot(world.labels[told], L).to(x.dtype)

    def loss(scores: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return objective(scores, wanted, L, w)

    done = train(net, x, torch.cat([goal, x], 1), epochs=epochs, batch_size=min(512, len(x)), lr=lr, optimizer="adamw", weight_decay=0.01,
                 seed=seed, loss=loss)
    with torch.no_grad():
        rows = torch.cat([net.project(block) for block in x.split(8192)])
    return rows, [row["loss"] for row in done.history]


def objective(scores: torch.Tensor, wanted: torch.Tensor, classes: int, weight: float) -> torch.Tensor:
    """(B,) whose mean is weight * cross-entropy + (1 - weight) * squared error: the means over the batch's labelled and over all items.

    `wanted` is (B, classes) one-hot, zeros where there is no label, beside the (B, D) items.
    """
    goal = wanted[:, :classes]
    told = goal.sum(1)
    cross = -(goal * torch.log_softmax(scores[:, :classes], dim=1)).sum(1)
    share = len(told) / told.sum().clamp_min(1)                   # the mean runs over labelled items alone
    squared = ((scores[:, classes:] - wanted[:, classes:]) ** 2).sum(1)
    return weight * share * cross + (1 - weight) * squared
