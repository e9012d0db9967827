"""Several looks at one item have to agree, and its true neighbours, sought step by step, are labels beside its cluster's.

Source: Wang, Yang, Wu, Qi and Lei 2023, Self-similarity Driven Scale-invariant Learning for Weakly Supervised Person Search, ICCV
(arXiv 2302.12986). Its multi-label branch builds on Wang and Zhang 2020, Unsupervised Person Re-identification via Multi-label
Classification, CVPR (arXiv 2004.09228). Reference code: https://github.com/kennethwdk/MLCReID (of the latter; the former has none).

With frozen embeddings a linear projection stands for the paper's network, and there is no picture to rescale: an item's exemplars at
several scales are its patches where there are some, else the means of its nearest 2, 5 and 10 neighbours, ever coarser versions of it.
The threshold on similarity is a share of the neighbour lists, so that it means the same in every encoder's space. There is no public code
of the whole: the parts are written from their description.
"""
from __future__ import annotations

from typing import Annotated, Any

import torch

from labelnb.checks import Range, as_tensor, generator, positive_int, unit_rows, within
from labelnb.compute.adam import Adam
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.knn import knn_graph
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 16
COARSER = (2, 5, 10)
"""Neighbours averaged to stand for an item at a coarser scale."""
LARGEST = 50_000
"""Items above which a batch against all of them costs too much."""


def self_similarity_multilabel(
    embeddings: torch.Tensor,
    patches: torch.Tensor | None = None,
    *,
    n_clusters: int,
    neighbours: Annotated[int, Range(1, 200)] = 20,
    first_share: Annotated[float, Range(0.0, 1.0)] = 0.1,
    last_share: Annotated[float, Range(0.0, 1.0)] = 0.5,
    delta: Annotated[float, Range(0.0, 100.0)] = 5.0,
    hard: Annotated[float, Range(0.0001, 1.0)] = 0.01,
    temperature: Annotated[float, Range(0.001, 1.0)] = 0.05,
    width: Annotated[int, Range(1, 4096)] = 128,
    epochs: Annotated[int, Range(1, 1000)] = 5,
    lr: Annotated[float, Range(1e-6, 1.0)] = 0.0003,
    batch_size: int = 256,
    seed: int = 0,
) -> Clusters:
    """Group items in a projection in which their exemplars agree and their true neighbours lie near.

    Each epoch: the projected items are kept in a memory; k-means of it gives every item a cluster; pairs that list each other among
    their nearest, and are more alike than a threshold that falls from epoch to epoch, are one another's labels. The projection then
    lowers (a) the cross-entropy of the cluster, judged by the item's hardest exemplar too, (b) the multi-label loss
    delta * mean_right (1 - s)^2 + mean_hard_wrong (1 + s)^2 over the memory, (c) (1 - s)^2 between an item and its hardest exemplar.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    patches : (N, P, D) vectors of parts or other scales of each item, in the same space; None for means of its neighbours
    n_clusters : clusters, from 1 to N (the paper leaves their number to DBSCAN)
    neighbours : length of the lists in which true neighbours are sought
    first_share, last_share : share of the listed pairs that is alike enough, in the first and the last epoch
    delta : weight of the right labels (5 in Wang and Zhang)
    hard : share of the wrong labels that counts, the most alike ones (.01 in Wang and Zhang)
    temperature : of the cosines to the clusters' means
    width : of the projection; it begins at the leading principal axes
    epochs : passes over the items
    lr : learning rate, by Adam
    batch_size : items a step
    seed : of the starts and batches

    Returns
    -------
    Clusters with `probabilities` (N, K) by cosine to the cluster means. Evidence: `projected` (N, width) unit rows, `true_neighbours`
    (N,) how many labels each item had in the last epoch, `loss` by epoch, `start_assignment` k-means of the embeddings themselves.

    Raises
    ------
    ValueError
        If there are more than 50,000 items, fewer than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    One epoch costs N^2 x width, in batches (no N x N matrix). Do not use it where neighbours are often wrong: it believes them more and
    more.
    """
    x = unit_rows(embeddings, keep_double=False)
    k, n = positive_int("n_clusters", n_clusters), len(x)
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    if n > LARGEST:
        raise ValueError(f"embeddings: got {n} items, expected at most {LARGEST}: cluster a sample, or take k_means or sela")
    for name, value in (("neighbours", neighbours), ("width", width), ("epochs", epochs), ("batch_size", batch_size)):
        positive_int(name, value)
    within("first_share", first_share, 0.0, 1.0), within("last_share", last_share, 0.0, 1.0), within("delta", delta, 0.0, 100.0)
    within("hard", hard, 1e-4, 1.0), within("temperature", temperature, 1e-3, 1.0), within("lr", lr, 1e-6, 1.0)
    parts = None if patches is None else _patches(patches, x)
    order = content_order(x, seed)
    x = x[order].to(able_device(x.device))
    looks = exemplars(x) if parts is None else parts.to(x.device)[order]
    model = _Model(x, looks, k, min(width, x.shape[1]), seed)
    loss = []
    for epoch in range(epochs):
        done = epoch / max(1, epochs - 1)
        model.remember(min(neighbours, n - 1), first_share + (last_share - first_share) * done)
        loss.append(model.epoch(min(batch_size, n), delta, hard, temperature, lr))
    found, z = model.clusters(n_init=10)
    back = torch.argsort(order).to(x.device)
    means = torch.nn.functional.normalize(found.centres.to(z), dim=1)
    probabilities = torch.softmax(z @ means.T / temperature, dim=1)[back]
    start = kmeans(x, k, seed=seed, n_init=10).assignment.to(x.device)[back]
    counts = torch.bincount(model.pairs[0], minlength=n)[back]
    evidence = {"projected": z[back], "true_neighbours": counts, "loss": loss, "start_assignment": start}
    return Clusters(as_array(found.assignment.to(x.device)[back]), as_array(probabilities), evidence=evidence)


def _patches(patches: Any, x: torch.Tensor) -> torch.Tensor:
    tensor = as_tensor(patches, "patches").to(x)
    if tensor.ndim != 3 or len(tensor) != len(x) or tensor.shape[2] != x.shape[1] or tensor.shape[1] == 0:
        raise ValueError(f"patches: got shape {tuple(tensor.shape)}, expected ({len(x)}, P, {x.shape[1]}): vectors in the items' space")
    return unit_rows(tensor.flatten(0, 1), "patches").view(tensor.shape)


def exemplars(x: torch.Tensor) -> torch.Tensor:
    """(N, S, D) unit means of each row and its nearest 2, 5, 10 others: the row at coarser scales."""
    most = min(COARSER[-1], len(x) - 1)
    if most < 1:
        return x[:, None]
    near = knn_graph(x, most).indices
    sums = torch.stack([x + x[near[:, :m]].sum(1) for m in sorted({min(c, most) for c in COARSER})], dim=1)
    return torch.nn.functional.normalize(sums, dim=2)


def true_neighbours(memory: torch.Tensor, k: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (i, j) that list each other among their k nearest and are among the `share` of listed pairs that are most alike."""
    if k < 1:
        nothing = torch.zeros(0, dtype=torch.int64, device=memory.device)
        return nothing, nothing
    near = knn_graph(memory, k)
    row = torch.arange(len(memory), device=memory.device).repeat_interleave(k)
    column, alike = near.indices.flatten(), near.similarities.flatten()
    mutual = torch.isin(row * len(memory) + column, column * len(memory) + row)
    kept = mutual & (alike >= torch.quantile(alike[:: max(1, len(alike) // 1_000_000)].double(), 1 - share))
    return row[kept], column[kept]


def multilabel_loss(s: torch.Tensor, right: torch.Tensor, delta: float, hard: float) -> torch.Tensor:
    """(B,) delta * mean over the right of (1 - s)^2, plus the mean over the most alike of the wrong of (1 + s)^2."""
    near = (right * (1 - s) ** 2).sum(1) / right.sum(1).clamp_min(1)
    count = max(1, int(hard * s.shape[1]))
    wrong = s.masked_fill(right, -1.0).topk(min(count, s.shape[1]), dim=1).values
    return delta * near + ((1 + wrong) ** 2).mean(1)


class _Model:
    """The projection, the memory and what it says of the items."""

    def __init__(self, x: torch.Tensor, looks: torch.Tensor, k: int, width: int, seed: int) -> None:
        self.x, self.looks, self.k, self.seed = x, looks, k, seed
        _, axes = torch.linalg.eigh((x.T @ x).double())
        self.weight = axes[:, -width:].flip(1).T.to(x).contiguous()
        self.draw, self.adam = generator(seed), Adam([self.weight], 0.0)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(x @ self.weight.T, dim=-1)

    def clusters(self, n_init: int) -> tuple[Any, torch.Tensor]:
        z = self.project(self.x)
        # Where nothing of a row is left, it lies in the direction of the first axis.
        lost = z.norm(dim=1) < 0.5
        z[lost] = torch.eye(z.shape[1], device=z.device)[0]
        return kmeans(z, self.k, seed=self.seed, n_init=n_init), z

    def remember(self, k: int, share: float) -> None:
        found, self.memory = self.clusters(n_init=3)
        self.labels, self.means = found.assignment.to(self.x.device), torch.nn.functional.normalize(found.centres.to(self.x), dim=1)
        self.pairs = true_neighbours(self.memory, k, share)
        counts = torch.bincount(self.pairs[0], minlength=len(self.x))
        self.starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])

    def right(self, at: torch.Tensor) -> torch.Tensor:
        """(B, N) bool: the item itself and its true neighbours."""
        made = torch.zeros(len(at), len(self.x), dtype=torch.bool, device=at.device)
        counts = self.starts[at + 1] - self.starts[at]
        row = torch.arange(len(at), device=at.device).repeat_interleave(counts)
        offset = torch.arange(len(row), device=at.device) - (counts.cumsum(0) - counts)[row]
        made[row, self.pairs[1][self.starts[at][row] + offset]] = True
        made[torch.arange(len(at), device=at.device), at] = True
        return made

    def epoch(self, batch: int, delta: float, hard: float, temperature: float, lr: float) -> float:
        total, self.adam.lr = 0.0, lr
        for at in torch.randperm(len(self.x), generator=self.draw).to(self.x.device).split(batch):
            with torch.enable_grad():
                self.weight.requires_grad_(True)
                z, looks = self.project(self.x[at]), self.project(self.looks[at])
                apart = (z[:, None] * looks).sum(2)
                worst = looks[torch.arange(len(at), device=at.device), apart.argmin(1)]
                cluster = sum(torch.nn.functional.cross_entropy(v @ self.means.T / temperature, self.labels[at]) for v in (z, worst))
                several = multilabel_loss(z @ self.memory.T, self.right(at), delta, hard).mean()
                value = cluster / 2 + several + ((1 - apart.amin(1)) ** 2).mean()
                (gradient,) = torch.autograd.grad(value, [self.weight])
            self.weight.requires_grad_(False)
            self.adam.step([gradient])
            total += float(value.detach()) * len(at)
        return total / len(self.x)
