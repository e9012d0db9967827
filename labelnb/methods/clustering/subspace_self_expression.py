"""Groups that lie in subspaces: every item written as a combination of the others, alike in every layer of a small encoder.

Source: Sindicic and Kopriva 2025, Label-independent hyperparameter-free self-supervised single-view deep subspace clustering
(arXiv 2504.18179). Reference code: https://github.com/lovro-sinda/LIHFSS-SVDSC

With frozen embeddings a small dense autoencoder on them stands for the paper's convolutional one on pictures: its input and the layers
of its encoder are the layers that share the representation matrix. The stages are the paper's: pre-training by reconstruction,
fine-tuning by layer-wise self-expression until the coefficients stand still, then by the quality of the clusters. What is ours: an item
may not express itself, the relative error that ends the fine-tuning is that of the coefficients, and items beyond `max_items` are given
to groups by their neighbours.
"""
from __future__ import annotations

import itertools
import math
from typing import Annotated

import torch

from labelnb.checks import Range, generator, positive_int, unit_rows, within
from labelnb.compute.adam import Adam
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.knn import knn_graph
from labelnb.compute.spectral import spectrum
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 129
WIDTH = 64
"""Principal axes that make up the input layer, at most."""


def subspace_self_expression(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    layers: Annotated[int, Range(0, 5)] = 2,
    dimension: Annotated[int, Range(1, 100)] = 9,
    pretraining: Annotated[int, Range(0, 10_000)] = 100,
    most_steps: Annotated[int, Range(1, 10_000)] = 300,
    relative_error: Annotated[float, Range(1e-8, 0.5)] = 0.03,
    quality_steps: Annotated[int, Range(0, 1000)] = 5,
    lr: Annotated[float, Range(1e-6, 1.0)] = 0.001,
    max_items: Annotated[int, Range(10, 20_000)] = 2000,
    seed: int = 0,
) -> Clusters:
    """Group items by the subspaces they span.

    A matrix C of coefficients, the same for all layers Z_l, and the encoder lower sum_l |Z_l - C Z_l|^2; then C lowers the cut of its
    affinity |C| + |C'| to the power 1/2 between the groups of spectral clustering. Each item's `dimension` largest coefficients are kept.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : clusters, from 1 to N
    layers : of the encoder, each twice as wide as the one before; 0 leaves the embeddings alone, and the coefficients fit noise soon
    dimension : of a subspace: coefficients kept an item (9 in the reference, for faces and objects)
    pretraining : steps of the autoencoder
    most_steps : of the self-expression
    relative_error : the change of C in a step as a share of C (Frobenius norms) at which it stops, without any label. Later than that C
        fits the noise: with enough items any item is a combination of the others
    quality_steps : last steps, on the quality of the clusters; each costs a spectral clustering
    lr : learning rate, by Adam
    max_items : widest C: above it a sample is clustered, and the other items go with the majority of their 10 nearest in it
    seed : of the weights, the sample and the starts

    Returns
    -------
    Clusters without probabilities. Evidence: `coefficients` (S, S) of the S items at positions `sample`, `loss` by step, `steps`,
    `stopped` whether by the relative error, `energy` share of |C| between groups.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or an ingredient is not what it should be: each is named.

    Notes
    -----
    Memory: some ten matrices of max_items^2 numbers (160 MB at 2,000, 4 GB at 10,000). A step costs
    6 max_items^2 x 64 x (2^(layers + 1) - 1).
    Do not use it where groups are clouds around means, which span no subspace of their own: k-means is better and far cheaper.
    """
    x = unit_rows(embeddings, keep_double=False)
    k, n = positive_int("n_clusters", n_clusters), len(x)
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    for name, value, low in (("layers", layers, 0), ("dimension", dimension, 1), ("pretraining", pretraining, 0),
                             ("most_steps", most_steps, 1), ("quality_steps", quality_steps, 0), ("max_items", max_items, 10)):
        positive_int(name, value, low=low)
    within("relative_error", relative_error, 1e-8, 0.5), within("lr", lr, 1e-6, 1.0)
    x = x.to(able_device(x.device))
    order = content_order(x, seed)
    draw = generator(seed)
    picked = torch.randperm(n, generator=draw)[:max_items].sort().values.to(x.device) if n > max_items else torch.arange(n, device=x.device)
    if k > len(picked):
        raise ValueError(f"n_clusters: got {k} for a sample of {len(picked)}; raise max_items")
    sample = order[picked]
    model = _Expression(_axes(x[sample]), layers, lr, draw)
    model.pretrain(pretraining)
    loss, stopped = model.express(most_steps, relative_error)
    groups = spectral(affinity(model.c, dimension), k, seed)
    for _ in range(quality_steps if k > 1 else 0):
        model.improve(groups, k)
        groups = spectral(affinity(model.c, dimension), k, seed)
    size = model.c.abs()
    between = float(size[groups[:, None] != groups].sum() / size.sum().clamp_min(1e-30))
    warnings = () if stopped else (f"self-expression had not settled after {most_steps} steps: raise most_steps or relative_error",)
    evidence = {"coefficients": model.c, "sample": sample, "loss": loss, "steps": len(loss), "stopped": stopped, "energy": between}
    return Clusters(as_array(_all_items(x, sample, groups, k)), evidence=evidence, warnings=warnings)


def _axes(x: torch.Tensor) -> torch.Tensor:
    """Rows in their leading principal axes, not centred: subspaces go through the origin. Mean square of the rows 1."""
    if x.shape[1] > WIDTH:
        _, axes = torch.linalg.eigh((x.T @ x).double())
        x = x @ axes[:, -WIDTH:].to(x)
    return x


class _Expression:
    """The encoder, the decoder and the coefficients."""

    def __init__(self, x: torch.Tensor, layers: int, lr: float, draw: torch.Generator) -> None:
        self.x, self.lr = x, lr
        widths = [x.shape[1]]
        for _ in range(layers):
            widths.append(2 * widths[-1])
        pairs = list(itertools.pairwise(widths))
        self.encoder = [_layer(a, b, draw, x) for a, b in pairs]
        self.decoder = [_layer(b, a, draw, x) for a, b in reversed(pairs)]
        self.c = torch.full((len(x), len(x)), 1e-8, dtype=x.dtype, device=x.device).fill_diagonal_(0.0)

    def encode(self) -> list[torch.Tensor]:
        made = [self.x]
        for weight, bias in self.encoder:
            made.append(torch.relu(torch.addmm(bias, made[-1], weight.T)))
        return made

    def pretrain(self, steps: int) -> None:
        parameters = [part for layer in (*self.encoder, *self.decoder) for part in layer]
        adam = Adam(parameters, 10 * self.lr)
        for _ in range(steps if parameters else 0):
            with torch.enable_grad():
                for part in parameters:
                    part.requires_grad_(True)
                z = self.encode()[-1]
                for turn, (weight, bias) in enumerate(self.decoder):
                    z = torch.addmm(bias, z, weight.T)
                    z = torch.relu(z) if turn < len(self.decoder) - 1 else z
                gradients = torch.autograd.grad(((z - self.x) ** 2).sum(), parameters)
            _still(parameters)
            adam.step(list(gradients))

    def express(self, most: int, relative_error: float) -> tuple[list[float], bool]:
        """Lower the layer-wise self-expression loss until it stands still."""
        parameters = [self.c, *(part for layer in self.encoder for part in layer)]
        adam, losses = Adam(parameters, self.lr), []
        for _ in range(most):
            with torch.enable_grad():
                for part in parameters:
                    part.requires_grad_(True)
                value = expression_loss(self.c, self.encode())
                gradients = list(torch.autograd.grad(value, parameters))
            _still(parameters)
            losses.append(float(value.detach()))
            before = self.c.clone()
            adam.step(gradients)
            self.c.fill_diagonal_(0.0)
            if float((self.c - before).norm()) <= relative_error * float(self.c.norm()):
                return losses, True
        return losses, False

    def improve(self, groups: torch.Tensor, k: int) -> None:
        """One step on the coefficients by the gradient of the cut between groups of the affinity to the power 1/2."""
        with torch.enable_grad():
            self.c.requires_grad_(True)
            (gradient,) = torch.autograd.grad(cut(self.c, groups), [self.c])
        _still([self.c])
        # Coefficients next to zero have an endless slope at power 1/2: steps of Adam's length, cut where they would change the sign.
        step = self.lr * torch.sign(gradient)
        self.c.copy_(torch.where(self.c.abs() <= step.abs(), torch.zeros_like(self.c), self.c - step))


def _layer(a: int, b: int, draw: torch.Generator, like: torch.Tensor) -> list[torch.Tensor]:
    weight = (torch.rand(b, a, generator=draw) * 2 - 1) * math.sqrt(6.0 / (a + b))
    return [weight.to(like), torch.zeros(b).to(like)]


def _still(parameters: list[torch.Tensor]) -> None:
    for part in parameters:
        part.requires_grad_(False)


def expression_loss(c: torch.Tensor, layers: list[torch.Tensor]) -> torch.Tensor:
    """sum_l |Z_l - C Z_l|^2."""
    return torch.stack([((z - c @ z) ** 2).sum() for z in layers]).sum()


def cut(c: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """tr(Q' L Q) of the affinity (|C| + |C'|)^(1/2): its sum over pairs of items in different groups."""
    return ((c.abs() + c.abs().T).clamp_min(1e-12).sqrt() * (groups[:, None] != groups)).sum()


def affinity(c: torch.Tensor, dimension: int) -> torch.Tensor:
    """|C| made symmetric, each row's `dimension` largest kept, and made symmetric again."""
    size = c.abs()
    size = 0.5 * (size + size.T)
    if dimension < size.shape[1]:
        least = size.topk(dimension, dim=1).values[:, -1:]
        size = torch.where(size >= least, size, torch.zeros_like(size))
    return 0.5 * (size + size.T)


def spectral(a: torch.Tensor, k: int, seed: int) -> torch.Tensor:
    """(S,) groups by k-means of the unit rows of the leading eigenvectors."""
    import scipy.sparse

    given = scipy.sparse.csr_array(a.cpu().double().numpy()) if a.device.type == "cpu" else a
    rows = torch.nn.functional.normalize(spectrum(given, k, seed=seed).vectors, dim=1)
    return kmeans(rows, k, seed=seed, n_init=10).assignment.to(a.device)


def _all_items(x: torch.Tensor, sample: torch.Tensor, groups: torch.Tensor, k: int) -> torch.Tensor:
    made = torch.full((len(x),), -1, dtype=torch.int64, device=x.device)
    made[sample] = groups
    rest = torch.nonzero(made < 0).flatten()
    if len(rest):
        near = knn_graph(x[sample], min(10, len(sample)), queries=x[rest])
        votes = torch.zeros(len(rest), k, device=x.device)
        votes.scatter_add_(1, groups[near.indices], near.similarities.to(votes).clamp_min(1e-6))
        made[rest] = votes.argmax(1)
    return made
