"""Several nearest centres as labels of one item, and a loss that judges the right and the wrong ones apart.

Source: An, Yang, Dai, Feng and Deng 2024, Multi-label Cluster Discrimination for Visual Representation Learning, ECCV
(arXiv 2407.17331). Reference models: https://github.com/deepglint/unicom (without the training code).

With frozen embeddings a linear projection of them stands for the network that the paper trains on 400 million pictures, and some tens
of centres a class stand for its million. The clusters returned are k-means in the projected space: the paper itself stops at the
representation. The training code is not public: the loss is written from its description, and was not run beside theirs.
"""
from __future__ import annotations

from typing import Annotated

import torch

from labelnb.checks import Range, generator, positive_int, unit_rows, within
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.train import train
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 97


def mlcd(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    centres: int | None = None,
    positives: Annotated[int, Range(1, 1000)] = 8,
    width: Annotated[int, Range(1, 4096)] = 128,
    scale: Annotated[float, Range(1.0, 1000.0)] = 16.0,
    margin: Annotated[float, Range(0.0, 1.5)] = 0.3,
    negatives: Annotated[float, Range(0.001, 1.0)] = 1.0,
    epochs: Annotated[int, Range(1, 1000)] = 10,
    lr: Annotated[float, Range(1e-6, 1.0)] = 0.001,
    batch_size: int = 256,
    seed: int = 0,
) -> Clusters:
    """Group items in a projection that was taught to know each item's several nearest centres.

    (1) K-means finds many more centres than classes; each item's nearest few are its labels. (2) A linear projection and one direction
    a centre are trained with log(1 + sum over wrong centres of exp(s)) + log(1 + sum over right centres of exp(-s)), s being scaled
    cosines, with a margin on the right ones. (3) K-means of the projected items gives the clusters.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : clusters, from 1 to N
    centres : centres to tell apart (a million in the paper); None for 20 a cluster, at most one for every 5 items
    positives : nearest centres that are right (l); at most half of them
    width : of the projection; it begins at the leading principal axes
    scale : of the cosines (64 in the paper, where it was worse: normalised mutual information with 16 / 64 on Banking77 .800 / .759, on
        2,000 of Fashion-MNIST .603 / .584)
    margin : angle in radians that the right centres are to be nearer than they need
    negatives : share of the wrong centres drawn at each step (r; .1 in the paper, which has a million to spare)
    epochs : passes over the items
    lr : learning rate, by Adam, falling to nothing
    batch_size : items a step
    seed : of the starts and batches

    Returns
    -------
    Clusters with `probabilities` (N, K): softmax of the scaled cosine to the cluster means. Evidence: `projected` (N, width) unit rows,
    `centre_labels` (N, positives) nearest centres, `start_assignment` k-means of the embeddings themselves, `loss` by epoch.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    One epoch costs N x (D x width + width x centres). It was made to learn a representation from pictures; on embeddings that are
    learnt already it is now above k-means (normalised mutual information .800 against .787 on Banking77), now below it (.603 against .613
    on 2,000 of Fashion-MNIST).
    """
    x = unit_rows(embeddings)
    k, n = positive_int("n_clusters", n_clusters), len(x)
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    for name, value in (("positives", positives), ("width", width), ("epochs", epochs), ("batch_size", batch_size)):
        positive_int(name, value)
    within("scale", scale, 1.0, 1e3), within("margin", margin, 0.0, 1.5), within("negatives", negatives, 0.001, 1.0)
    within("lr", lr, 1e-6, 1.0)
    m = max(1, k, min(20 * k, n // 5)) if centres is None else positive_int("centres", centres, low=1, high=n)
    order = content_order(x, seed)
    x = x[order].to(able_device(x.device))
    means = kmeans(x, m, seed=seed, spherical=True, max_iterations=50).centres.to(x)
    right = torch.cat([(block @ means.T).topk(max(1, min(positives, m // 2)), dim=1).indices for block in x.split(4096)])
    projection = _axes(x, min(width, x.shape[1]))
    net, draw = _Centres(projection, means @ projection.T), generator(seed)

    def apart(cosines: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
        counted = torch.rand(m, generator=draw).to(x.device) < negatives
        return separated_loss(cosines, torch.zeros_like(cosines, dtype=torch.bool).scatter_(1, near, True), counted, scale, margin)

    done = train(net, x, right, epochs=epochs, batch_size=min(batch_size, n), lr=lr, optimizer="adamw", weight_decay=0.0,
                 schedule="linear", seed=seed, loss=apart)
    z = torch.nn.functional.normalize(x @ net.projection.detach().T, dim=1)
    z = torch.where(z.isfinite(), z, 0.0)
    found = kmeans(z, k, seed=seed, n_init=10, spherical=False)
    means = torch.nn.functional.normalize(found.centres.to(z), dim=1)
    back = torch.argsort(order).to(x.device)
    probabilities = torch.softmax(scale * 0.25 * (z @ means.T), dim=1)[back]
    start = kmeans(x, k, seed=seed, n_init=10).assignment
    losses = [row["loss"] for row in done.history]
    evidence = {"projected": z[back], "centre_labels": right[back], "start_assignment": start.to(back.device)[back], "loss": losses}
    return Clusters(as_array(found.assignment.to(back.device)[back]), as_array(probabilities), evidence=evidence)


def _axes(x: torch.Tensor, width: int) -> torch.Tensor:
    """(width, D) leading principal axes through the origin."""
    _, axes = torch.linalg.eigh((x.T @ x).double())
    return axes[:, -width:].flip(1).T.to(x).contiguous()


def separated_loss(cosines: torch.Tensor, right: torch.Tensor, counted: torch.Tensor, scale: float, margin: float) -> torch.Tensor:
    """(B,) log(1 + sum_wrong exp(s)) + log(1 + sum_right exp(-s)); `right` and `counted` (B, M) bool, only counted wrong ones enter.

    The margin makes the right ones cos(angle + margin), as in ArcFace.
    """
    angle = torch.arccos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
    nothing = torch.zeros_like(cosines[:, :1])
    wrong = torch.where(right | ~counted, -torch.inf, scale * cosines)
    near = torch.where(right, -scale * torch.cos(angle + margin), -torch.inf)
    return torch.logsumexp(torch.cat([nothing, wrong], 1), 1) + torch.logsumexp(torch.cat([nothing, near], 1), 1)


class _Centres(torch.nn.Module):
    """Cosines of projected rows with centres; both are learned."""

    def __init__(self, projection: torch.Tensor, direction: torch.Tensor) -> None:
        super().__init__()
        self.projection, self.direction = torch.nn.Parameter(projection), torch.nn.Parameter(direction)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = torch.nn.functional.normalize(x @ self.projection.T, dim=1)
        return z @ torch.nn.functional.normalize(self.direction, dim=1).T
