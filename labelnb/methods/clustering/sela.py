"""Clusters of equal size by self-labelling: balanced assignment in turn with training a head.

Source: Asano, Rupprecht and Vedaldi 2020, "Self-labelling via simultaneous clustering and representation learning",
arXiv 1911.05371. Reference code: https://github.com/yukimasano/self-label

With frozen embeddings there is no network to learn and no picture to augment, and the plain alternation then settles near its first,
random labels. Two things stand in here, both optional: an item's nearest neighbours take the part of its augmented views, in training
and in labelling; and the first labels come from k-means. `neighbours=0, start="random"` is the paper's own loop on a head.

The loop ends near where it began, so that one start is a matter of luck: of several heads, each from a start of its own, the one of least
objective is returned. No label enters that choice. Normalised mutual information beside k-means with ten starts, means of five seeds:
CIFAR-10 test .392 / .377, Fashion-MNIST test .650 / .615, Banking77 .807 / .792 (one head there: .379, .589, .798). On 2,000 items of
CIFAR-10 it depends on which: on five draws .368, .379, .399, .416, .380 beside .394, .383, .386, .392, .373. Table:
tests/benchmarks/accuracy_clustering.md.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch

from labelnb.checks import Range, positive_int, unit_rows, within
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.knn import knn_graph
from labelnb.compute.marginals import masses
from labelnb.compute.sinkhorn import Transport, sinkhorn
from labelnb.compute.train import Head, train
from labelnb.results import Clusters, as_array

WIDGET = "clusters"
CATALOGUE = 202
WIDTH = 256
"""Principal axes in which the heads see wider embeddings."""
BLOCK = 1 << 23
"""Numbers of neighbours gathered at a time (32 MB)."""


def sela(
    embeddings: torch.Tensor,
    *,
    n_clusters: int,
    heads: int = 8,
    marginals: Sequence[float] | None = None,
    sharpness: Annotated[float, Range(1.0, 200.0)] = 25.0,
    epochs: Annotated[int, Range(1, 1000)] = 40,
    updates: Annotated[int, Range(1, 1000)] = 40,
    spread: Literal["quadratic", "linear"] = "quadratic",
    start: Literal["kmeans", "random"] = "kmeans",
    neighbours: Annotated[int, Range(0, 100)] = 10,
    hidden: Annotated[int, Range(0, 4096)] = 0,
    lr: Annotated[float, Range(0.0001, 10.0)] = 0.5,
    batch_size: int = 256,
    tolerance: Annotated[float, Range(1e-6, 0.5)] = 0.01,
    seed: int = 0,
) -> Clusters:
    """Group items into clusters of given sizes that a linear head can tell apart.

    In turn: (1) every item gets the label that maximises the head's log-probability, under the constraint that the clusters hold the
    masses asked for (an optimal transport problem, solved by Sinkhorn-Knopp on the softmax outputs to the power `sharpness`); (2) the
    head is trained on these labels by cross-entropy. Both lower the same objective (equation 6 of the paper).

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    n_clusters : clusters a head (K in the paper), from 1 to N
    heads : clusterings trained side by side, each from its own start; the one of least objective is returned, all are in the evidence
    marginals : (K,) share of the items each cluster is to hold; None for equal shares
    sharpness : power of the softmax outputs before balancing (lambda in the paper); larger comes closer to the hard optimum
    epochs : passes over the items
    updates : times the labels are optimised, spread over the epochs (`nopts` of the reference, 100 in 200 epochs)
    spread : `quadratic`, more of them early, as the reference has it; `linear`
    start : first labels by `kmeans`, or `random` as in the paper
    neighbours : nearest items that stand for an item's augmented views; 0 for none
    hidden : width of a hidden layer shared by the heads; 0 for linear heads
    lr : first learning rate of the cosine schedule
    batch_size : items a step
    tolerance : L1 error of the marginals at which Sinkhorn-Knopp stops
    seed : of the first weights, first labels and the order of batches

    Returns
    -------
    Clusters whose `assignment` meets the marginals up to rounding and the residual, and whose `probabilities` (N, K) are the head's,
    shifted by the potentials of the last assignment. Evidence: `marginal_error` (L1, of the last assignment), `scores` (N, K)
    log-probabilities of the head, `objective` (H,), `head`, `head_assignments` (H, N), `sinkhorn_iterations`, `changed` (share of
    labels that changed at each update), `loss` by epoch.

    Raises
    ------
    ValueError
        If there are fewer items than clusters, or the marginals do not fit.

    Notes
    -----
    The clusters are of equal size unless you say otherwise: on classes of very unequal size give `marginals`, or more clusters than
    classes. Do not use it with equal shares where groups differ manifold in size: no number of epochs mends that. 50 synthetic groups
    of 204 to 1,592 parts in 20,000: NMI .873, .876 and .876 after 2, 10 and 40 epochs, .986 by k-means; 120 points in each of them: .984
    and 1 after 2 and 10 epochs, .985 by k-means. One update costs N x D x K x H; memory is about four times N x K numbers (3 GB for
    200,000 items and 1,000 clusters).
    """
    x = unit_rows(embeddings)
    x = x.to(able_device(x.device))
    n = len(x)
    k, heads = positive_int("n_clusters", n_clusters), positive_int("heads", heads)
    if k > n:
        raise ValueError(f"n_clusters: got {k} for {n} items; expected at most one cluster an item")
    _check_options(sharpness, epochs, updates, spread, start, neighbours, hidden)
    shares = None if marginals is None else masses("marginals", marginals, k, x)
    # Batches, first labels and starts are drawn by position: sorted by content, the result does not depend on the caller's order.
    order = content_order(x, seed)
    x = x[order]
    f = _leading(_centred(x))
    near = knn_graph(x, min(neighbours, n - 1)).indices if min(neighbours, n - 1) > 0 else None
    head = Head(f.shape[1], k, n_heads=heads, hidden=hidden, seed=seed, dtype=f.dtype, device=f.device)
    loop = _Labelling(f, head, near, shares, sharpness, tolerance, _schedule(n, epochs, updates, spread, start))
    loop.labels = _first_labels(f, k, heads, start, seed)
    done = train(
        head, f, loop.labels, epochs=epochs, batch_size=min(batch_size, n), lr=lr * heads, weight_decay=1e-5, seed=seed,
        relabel=loop.relabel, view=loop.view if near is not None else None,
    )
    assigned, objective, (scores, plan) = loop.assign()            # the last update
    loop.note(assigned.T)
    best = int(torch.tensor(objective).argmin())
    back = torch.empty_like(order)
    back[order] = torch.arange(n, device=order.device)
    return _clusters(scores[back], plan, assigned[:, back], best, objective, loop, done, k, sharpness, tolerance)


def _check_options(sharpness: float, epochs: int, updates: int, spread: str, start: str, neighbours: int, hidden: int) -> None:
    within("sharpness", sharpness, 0.0, 1e4, open_low=True)
    positive_int("epochs", epochs), positive_int("updates", updates)
    positive_int("neighbours", neighbours, low=0), positive_int("hidden", hidden, low=0)
    if spread not in ("quadratic", "linear"):
        raise ValueError(f"spread: got {spread!r}, expected 'quadratic' or 'linear'")
    if start not in ("kmeans", "random"):
        raise ValueError(f"start: got {start!r}, expected 'kmeans' or 'random'")


def _centred(x: torch.Tensor) -> torch.Tensor:
    """Rows about their mean, of mean length 1: embeddings lie in a narrow cone, and a head learns slowly what all of them share."""
    f = x - x.mean(0)
    length = f.norm(dim=1).mean()
    return f / length if length > 1e-6 else x


def _leading(f: torch.Tensor) -> torch.Tensor:
    """Rows in their leading principal axes where they are wider: the steps cost in proportion, and what is left out is mostly noise."""
    if min(f.shape) <= WIDTH:
        return f
    _, axes = torch.linalg.eigh((f.T @ f).double())
    return f @ axes[:, -WIDTH:].to(f)


def _schedule(n: int, epochs: int, updates: int, spread: str, start: str) -> list[float]:
    """Numbers of items shown at which the labels are optimised, in order. The reference begins at 0, before any training."""
    steps = torch.linspace(0, 1, updates, dtype=torch.float64) if updates > 1 else torch.zeros(1, dtype=torch.float64)
    times = (steps**2 if spread == "quadratic" else steps) * (epochs + 0.01) * n
    # Labels by k-means must be learnt before an untrained head may replace them.
    return [t for t in times.tolist() if not (start == "kmeans" and t < n)]


def _first_labels(f: torch.Tensor, k: int, heads: int, start: str, seed: int) -> torch.Tensor:
    """(N, H) labels to begin with: k-means, or balanced at random (the reference: positions modulo K, shuffled)."""
    made = []
    for h in range(heads):
        if start == "kmeans":
            made.append(kmeans(f, k, seed=seed + 1000 * h, n_init=3 if h == 0 else 1, max_iterations=50).assignment)
        else:
            shuffled = torch.randperm(len(f), generator=torch.Generator().manual_seed(seed + 1000 * h))
            made.append(shuffled.to(f.device) % k)
    return torch.stack(made, dim=1)


class _Labelling:
    """The labels and how they are optimised: what `train` calls between steps."""

    def __init__(
        self, f: torch.Tensor, head: Head, near: torch.Tensor | None, marginals: Any, sharpness: float, tolerance: float,
        times: list[float],
    ) -> None:
        self.f, self.head, self.near, self.marginals = f, head, near, marginals
        self.sharpness, self.tolerance, self.times = sharpness, tolerance, times
        self.labels: torch.Tensor = torch.empty(0)
        self.changed: list[float] = []

    def view(self, at: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """A random neighbour of each item."""
        assert self.near is not None
        picked = torch.randint(self.near.shape[1], (len(at),), generator=draw).to(at.device)
        return self.f[self.near[at, picked]]

    def relabel(self, seen: int) -> torch.Tensor | None:
        if not self.times or seen < self.times[0]:
            return None
        while self.times and seen >= self.times[0]:
            self.times.pop(0)
        labels = self.assign()[0].T.contiguous()
        self.note(labels)
        return labels

    def note(self, labels: torch.Tensor) -> None:
        """Take over new labels, and keep how many changed."""
        self.changed.append(float((labels != self.labels).float().mean()))
        self.labels = labels

    @torch.no_grad()
    def assign(self) -> tuple[torch.Tensor, list[float], tuple[torch.Tensor, Transport]]:
        """(H, N) labels, each head's objective (the mean of -log p of its labels), and scores and transport of the best head.

        Heads are taken one after the other, so that memory holds a few times N x K numbers, whatever their number.
        """
        labels, objective, best = [], [], None
        for h in range(self.labels.shape[1]):
            logs = self._scores(h)
            plan = sinkhorn(logs, column=self.marginals, temperature=1.0 / self.sharpness, tolerance=self.tolerance, max_iterations=500)
            labels.append(plan.plan.argmax(1))
            objective.append(float(-logs.gather(1, labels[-1][:, None]).mean()))
            if best is None or objective[-1] < min(objective[:-1]):
                best = logs, plan._replace(plan=plan.plan[:0])
        assert best is not None
        return torch.stack(labels), objective, best

    def _scores(self, h: int) -> torch.Tensor:
        """(N, K) log-probabilities of one head, over the item and its neighbours where these stand for its views."""
        head, rows = self.head, slice(h * self.head.outputs, (h + 1) * self.head.outputs)
        logs = self.f.new_empty(len(self.f), head.outputs)
        for at in torch.arange(len(self.f), device=self.f.device).split(8192):
            x = self.f[at]
            if head.hidden_weight is not None:
                x = torch.relu(torch.nn.functional.linear(x, head.hidden_weight, head.hidden_bias))
            logs[at] = torch.log_softmax(torch.nn.functional.linear(x, head.weight[rows], head.bias[rows]), dim=1)
        return logs if self.near is None else _smoothed(logs, self.near)


def _smoothed(logs: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """Log of the mean of an item's probabilities and its neighbours' mean: the expectation over its views. Written over `logs`."""
    p, tiny = logs.exp(), torch.finfo(logs.dtype).tiny
    for at in torch.arange(len(logs), device=logs.device).split(max(1, BLOCK // (near.shape[1] * logs.shape[1]))):
        logs[at] = torch.log((0.5 * p[at] + 0.5 * p[near[at]].mean(1)).clamp_min(tiny))
    return logs


def _clusters(
    scores: torch.Tensor, plan: Transport, assigned: torch.Tensor, best: int, objective: list[float], loop: _Labelling, done: Any,
    k: int, sharpness: float, tolerance: float,
) -> Clusters:
    # The plan's rows are softmax(sharpness * scores + potential): at power 1 the same order of clusters, less extreme.
    probabilities = torch.softmax(scores + (plan.potential / sharpness).to(scores), dim=1)
    warnings = []
    if plan.marginal_error > tolerance:
        warnings.append(
            f"the last assignment stopped at a marginal error of {plan.marginal_error:.2g}, above {tolerance:g}: sizes are not as asked"
        )
    empty = torch.nonzero(torch.bincount(assigned[best], minlength=k) == 0).flatten().tolist()
    if empty:
        warnings.append(f"clusters {empty} are empty; ask for fewer clusters, or lower sharpness")
    evidence = {
        "marginal_error": plan.marginal_error, "sinkhorn_iterations": plan.iterations, "scores": scores, "objective": objective,
        "head": best, "head_assignments": assigned, "changed": loop.changed, "loss": [row["loss"] for row in done.history],
    }
    return Clusters(as_array(assigned[best]), as_array(probabilities), evidence=evidence, warnings=tuple(warnings))
