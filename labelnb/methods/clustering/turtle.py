"""The labelling that linear classifiers find easiest to learn, in one or two encoders' spaces at once.

Source: Gadetsky, Jiang and Brbic 2024, Let Go of Your Labels with Unsupervised Transfer, ICML (arXiv 2406.07236).
Reference code: https://github.com/mlbio-epfl/turtle

The embeddings are frozen in the paper too: nothing stands for a network here. What differs: rows are centred and brought to one mean
length (the reference takes them as the encoder gives them, of lengths in the tens; its learning rates suit those), and far fewer
iterations are the default.
"""
from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import torch

from labelnb.checks import Range, generator, positive_int, unit_rows, within
from labelnb.compute.adam import Adam
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order
from labelnb.results import Clusters, as_array

WIDGET = "clusters"


def turtle(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    other: torch.Tensor | None = None,
    gamma: Annotated[float, Range(0.0, 1000.0)] = 10.0,
    iterations: Annotated[int, Range(1, 100_000)] = 300,
    inner_steps: Annotated[int, Range(1, 1000)] = 10,
    lr: Annotated[float, Range(1e-6, 1.0)] = 0.003,
    length: Annotated[float, Range(0.1, 1000.0)] = 30.0,
    batch_size: int = 1000,
    seed: int = 0,
) -> Clusters:
    """Group items so that classifiers trained for a few steps on the groups err least, in every space given.

    A labelling is the mean over spaces of the softmax of a linear layer (the task encoder). In turn: linear classifiers are trained
    from anew on it for a few steps; the task encoder steps to where their cross-entropy falls, with the entropy of the mean label held
    up so that not all items fall into one class (equations 12 and 13 of the paper, first-order hypergradient).

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : classes to find, from 1 to N
    other : (N, D2) the same items, in the same order, in the space of a second encoder; the paper's best results come from two
    gamma : weight of the entropy of the mean label; 0 lets it collapse
    iterations : steps of the task encoder (6000 in the paper)
    inner_steps : steps of the classifiers in each (M)
    lr : learning rate of both, by Adam (.001 in the paper, over twenty times the steps)
    length : mean length to which rows are brought, after their mean is taken away
    batch_size : items a step (10,000 in the paper)
    seed : of the first weights and the batches

    Returns
    -------
    Clusters with `probabilities` (N, K), the task encoder's. Evidence: `loss` and `entropy` by iteration (the entropy summed over the
    spaces, at most S log K), `agreement` the share of items to which the spaces give the same class (1 with one space).

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or the spaces count different items.

    Notes
    -----
    One iteration costs (inner_steps + 1) x batch x D x K. The groups lean to equal sizes: do not use it where classes are very unequal,
    or lower gamma. With one space it has no second opinion, and finds whatever split is linearly easy.
    """
    k = positive_int("n_clusters", n_clusters)
    positive_int("iterations", iterations), positive_int("inner_steps", inner_steps), positive_int("batch_size", batch_size)
    within("gamma", gamma, 0.0, 1e3), within("lr", lr, 1e-6, 1.0), within("length", length, 0.1, 1e3)
    spaces = [unit_rows(embeddings, keep_double=False)]
    if other is not None:
        spaces.append(unit_rows(other, "other", keep_double=False).to(spaces[0].device))
    n = len(spaces[0])
    if len(spaces[-1]) != n:
        raise ValueError(f"other: got {len(spaces[-1])} rows for {n} items; expected the same items in the same order")
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    order = content_order(spaces[0], seed)                        # batches are drawn by position
    rows = [_scaled(x[order].to(able_device(x.device)), length) for x in spaces]
    task, loss, entropy = _learn(rows, k, gamma, iterations, inner_steps, lr, min(batch_size, n), seed)
    parts = [torch.softmax(x @ task.weight(s).T + task.bias[s], dim=1) for s, x in enumerate(rows)]
    back = torch.argsort(order)
    probabilities = torch.stack(parts).mean(0)[back]
    assigned = probabilities.argmax(1)
    same = float((torch.stack([part.argmax(1) for part in parts]) == parts[0].argmax(1)).all(0).double().mean())
    found = len(torch.unique(assigned))
    warnings = () if found == k else (f"only {found} of {k} classes hold an item: raise gamma or iterations, or ask for fewer",)
    evidence = {"loss": loss, "entropy": entropy, "agreement": same}
    return Clusters(as_array(assigned), as_array(probabilities), evidence=evidence, warnings=warnings)


def _scaled(x: torch.Tensor, length: float) -> torch.Tensor:
    f = x - x.mean(0)
    mean = f.norm(dim=1).mean()
    return f * (length / mean) if mean > 1e-6 else f


class _Task(NamedTuple):
    """Linear layers with normalised weights, one a space: weight = scale * direction / |direction|."""

    scale: list[torch.Tensor]
    """(K, 1) each."""
    direction: list[torch.Tensor]
    """(K, D) each."""
    bias: list[torch.Tensor]
    """(K,) each."""

    def weight(self, s: int) -> torch.Tensor:
        return self.scale[s] * torch.nn.functional.normalize(self.direction[s], dim=1)


def _linear(dims: list[int], k: int, draw: torch.Generator, like: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weights and biases within 1 / sqrt(D), as torch begins its linear layers."""
    def uniform(bound: float, *shape: int) -> torch.Tensor:
        return ((torch.rand(*shape, generator=draw) * 2 - 1) * bound).to(like)

    return [uniform(1 / math.sqrt(d), k, d) for d in dims], [uniform(1 / math.sqrt(d), k) for d in dims]


def _learn(
    rows: list[torch.Tensor], k: int, gamma: float, iterations: int, inner_steps: int, lr: float, batch: int, seed: int
) -> tuple[_Task, list[float], list[float]]:
    draw = generator(seed)
    dims = [x.shape[1] for x in rows]
    direction, bias = _linear(dims, k, draw, rows[0])
    task = _Task([v.norm(dim=1, keepdim=True) for v in direction], direction, bias)
    parameters = [*task.scale, *task.direction, *task.bias]
    for each in parameters:
        each.requires_grad_(True)
    outer, losses, entropies = Adam(parameters, lr), [], []
    for _ in range(iterations):
        at = torch.randperm(len(rows[0]), generator=draw)[:batch].to(rows[0].device)
        shown = [x[at] for x in rows]
        with torch.enable_grad():
            parts = [torch.softmax(x @ task.weight(s).T + task.bias[s], dim=1) for s, x in enumerate(shown)]
            labels = torch.stack(parts).mean(0)
            fitted = _classifiers(shown, labels.detach(), inner_steps, lr, draw)
            error = torch.stack([-(labels * logs).sum(1).mean() for logs in fitted]).sum()
            spread = torch.stack([torch.special.entr(part.mean(0)).sum() for part in parts]).sum()
            gradients = torch.autograd.grad(error - gamma * spread, parameters)
        outer.step(list(gradients))
        losses.append(float(error.detach()))
        entropies.append(float(spread.detach()))
    for each in parameters:
        each.requires_grad_(False)
    return task, losses, entropies


@torch.no_grad()
def _classifiers(shown: list[torch.Tensor], labels: torch.Tensor, steps: int, lr: float, draw: torch.Generator) -> list[torch.Tensor]:
    """Log-probabilities of classifiers trained from anew on soft labels; the gradient of the cross-entropy is written out."""
    k, made = labels.shape[1], []
    for x in shown:
        (weight,), (bias,) = _linear([x.shape[1]], k, draw, x)
        adam = Adam([weight, bias], lr)
        for _ in range(steps):
            rest = (torch.softmax(torch.addmm(bias, x, weight.T), dim=1) - labels) / len(x)
            adam.step([rest.T @ x, rest.sum(0)])
        made.append(torch.log_softmax(torch.addmm(bias, x, weight.T), dim=1))
    return made
