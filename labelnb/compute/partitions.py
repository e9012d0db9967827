"""Nearest neighbours without looking at all pairs: rows are split into partitions, and a row looks into those that lie near it.

How near is settled beforehand: the true neighbours of some rows are found exactly, which tells what share of them lies within any reach,
and what that reach costs. Within a partition the search is a matrix product, exact. The search ends with a measurement on other rows,
whose true neighbours were found with those of the first. Inverted files with a reach by margin: Jegou et al. 2011 (product
quantization, section V); Chen et al. 2018 for the margin.
"""
from __future__ import annotations

from typing import NamedTuple

import torch

from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.screening import Rows, empty_lists, exact_lists, merge, products, search_full, settle

__all__ = ["Plan", "Truth", "drawn", "plan", "search"]

_SAMPLE = 256
"""Rows whose true neighbours measure the recall; those of half as many others set the reach."""
_PER_PARTITION = 32
"""Rows a partition that are clustered to place the centres."""
_BEYOND = 7
"""Places after the k-th whose distance from it says how finely a search has to tell rows apart."""


class Truth(NamedTuple):
    """Some queries and their true neighbours."""

    at: torch.Tensor
    """(S,) positions of the queries."""
    indices: torch.Tensor
    """(S, k) their neighbours."""
    last: torch.Tensor
    """(S,) similarity of the k-th."""
    beyond: torch.Tensor
    """(S,) similarity of one some places after it."""

    def recall(self, similarities: torch.Tensor) -> float:
        """The share of the true neighbours found by a search with these similarities (Q, k).

        A neighbour as near as the true k-th counts, whichever of several equal ones it is.
        """
        return float((similarities[self.at] >= (self.last - 1e-6 * self.last.abs())[:, None]).double().mean())


class Plan(NamedTuple):
    """Partitions, and what a sample says of the neighbours within any reach of a row.

    The reach is how much less similar than the nearest centre the centre of a partition may be for a row to look into it.
    """

    centres: torch.Tensor
    """(C, D) centres of the partitions, about the square root of N."""
    spread: float
    """Mean squared distance of a row from the mean of its partition."""
    gaps: torch.Tensor
    """Ascending: the reach that each of the true neighbours of the sample needs."""
    steps: torch.Tensor
    """Ascending: the reach at which a row of the sample would look into one more partition."""
    cost: torch.Tensor
    """Share of all rows that a row is compared with at each of these, on average."""
    gap: float
    """Similarity of the k-th neighbour less that of one some places after it, the median of the sample; for the Euclidean metric half
    the difference of their squared distances."""
    checked: Truth
    """Rows that set nothing here: they measure what a search finds."""

    def reach(self, recall: float) -> float:
        """Within which this share of the true neighbours lies."""
        return float(self.gaps[min(len(self.gaps) - 1, int(recall * len(self.gaps)))])

    def affordable(self, share: float) -> float:
        """The reach within which a row is compared with no more than this share of all rows, on average."""
        return float(self.steps[max(0, int((self.cost <= share).sum()) - 1)])

    def found(self, reach: float) -> float:
        """The share of the true neighbours within reach."""
        return float((self.gaps <= reach).double().mean())

    def share(self, reach: float) -> float:
        """Share of all rows that a row is compared with."""
        return float(self.cost[max(0, int((self.steps <= reach).sum()) - 1)])


def _truth(rows: Rows, queries: Rows, k: int, same: bool, budget: int, at: torch.Tensor) -> Truth:
    """The true neighbours of the queries `at`."""
    wanted = min(k + _BEYOND, rows.count - same)
    indices, similarities = exact_lists(rows, queries, wanted, same, budget, at)
    return Truth(at, indices[:, :k], similarities[:, k - 1], similarities[:, -1])


def drawn(rows: Rows, k: int, budget: int) -> Truth:
    """The true neighbours of a sample of the rows among themselves."""
    order = content_order(rows.stored, 1)
    return _truth(rows, rows, k, True, budget, _spread_out(order, _SAMPLE))


def _spread_out(order: torch.Tensor, count: int) -> torch.Tensor:
    """So many of these positions, or all, from the first to the last."""
    count = min(count, len(order))
    return order[torch.arange(count, device=order.device) * len(order) // count]


def plan(rows: Rows, queries: Rows, k: int, same: bool, budget: int) -> Plan:
    """Place the partitions, and find the true neighbours of a sample of the queries."""
    order = content_order(rows.stored, 0)
    among = order if same else content_order(queries.stored, 0)
    known = _truth(rows, queries, k, same, budget, _spread_out(among, 3 * _SAMPLE // 2))
    # Neighbours in the order lie near each other: every third one sets the reach, the rest measure. One row alone does both.
    third = torch.arange(len(known.at), device=known.at.device) % 3 == 1
    setting, checked = (Truth(*(part[mine] for part in known)) for mine in ((third, ~third) if len(third) > 1 else (~third, ~third)))
    centres, sizes, spread = _place_centres(rows, order)
    behind = _behind(queries.block(setting.at), centres, rows.metric)
    own = products(rows.block(setting.indices.flatten()), centres, rows.metric).argmax(1)
    gaps = behind.gather(1, own.reshape(setting.indices.shape)).flatten().sort().values
    steps, which = behind.flatten().sort()
    cost = sizes.repeat(len(behind))[which].double().cumsum(0) / (len(behind) * sizes.sum())
    between = setting.last - setting.beyond if rows.metric == "cosine" else (setting.beyond.square() - setting.last.square()) / 2
    return Plan(centres, spread, gaps, steps, cost, float(between.double().median()), checked)


def _place_centres(rows: Rows, order: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """(C, D) centres, (C,) rows of a sample in each partition, and the mean squared distance of these from the mean of theirs."""
    count = max(2, min(rows.count // 2, round(rows.count**0.5)))
    some = order[:: max(1, rows.count // (count * _PER_PARTITION))]
    block = rows.block(some)
    made = kmeans(block, count, spherical=rows.metric == "cosine", init="random", max_iterations=5)
    sizes = torch.bincount(made.assignment, minlength=count)
    means = torch.zeros_like(made.centres).index_add_(0, made.assignment, block) / sizes.clamp_min(1)[:, None]
    spread = float((block - means[made.assignment]).square_().sum(1).double().mean())
    chain = _chain(made.centres.float(), rows.metric)
    return made.centres.float()[chain], sizes[chain], spread


def _chain(centres: torch.Tensor, metric: str) -> torch.Tensor:
    """(C,) each centre followed by the most similar of those left: what lies near is then worked on at about the same time."""
    near = products(centres, centres, metric).cpu()
    order = [0]
    for _ in range(len(near) - 1):
        near[:, order[-1]] = -torch.inf
        order.append(int(near[order[-1]].argmax()))
    return torch.tensor(order, device=centres.device)


def search(rows: Rows, queries: Rows, k: int, same: bool, planned: Plan, reach: float, budget: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Neighbours and similarities (Q, k): every query looks into the partitions within reach."""
    kept = min(k + 2, rows.count - same)
    values, indices = empty_lists(queries.count, kept, rows.device)
    own = _nearest_centre(rows, planned.centres, budget)
    order, ends = own.argsort(stable=True), torch.bincount(own, minlength=len(planned.centres)).cumsum(0).tolist()
    step = max(1024, budget // (16 * len(planned.centres)))
    for a in range(0, queries.count, step):
        near = _behind(queries.block(slice(a, a + step)), planned.centres, rows.metric)
        partition, query = torch.nonzero((near <= reach).T, as_tuple=True)                    # by partition
        looking = torch.bincount(partition, minlength=len(ends)).cumsum(0).tolist()
        for c, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            members, into = order[start:end], a + query[looking[c - 1] if c else 0: looking[c]]
            if len(members) and len(into):
                _search_partition(rows, queries, members, into, same, values, indices, budget)
    lacking = torch.nonzero(torch.isinf(values).sum(1) > kept - k).flatten()              # fewer than k rows within reach
    indices, similarities = settle(rows, queries, k, same, values, indices, budget, certain=False)
    search_full(rows, queries, lacking, k, same, budget, indices, similarities)
    return indices, similarities


def _search_partition(
    rows: Rows, queries: Rows, members: torch.Tensor, into: torch.Tensor, same: bool,
    values: torch.Tensor, indices: torch.Tensor, budget: int,
) -> None:
    held = rows.block(members)
    step = max(1, min(4096, budget // (16 * len(members))))
    for b in range(0, len(into), step):
        at = into[b:b + step]
        found = products(queries.block(at), held, rows.metric)
        if same:
            found.masked_fill_(at[:, None] == members, -torch.inf)
        merge(values, indices, at, found, members)


def _nearest_centre(rows: Rows, centres: torch.Tensor, budget: int) -> torch.Tensor:
    step = max(1024, budget // (16 * len(centres)))
    return torch.cat([products(rows.block(slice(a, a + step)), centres, rows.metric).argmax(1) for a in range(0, rows.count, step)])


def _behind(block: torch.Tensor, centres: torch.Tensor, metric: str) -> torch.Tensor:
    """(B, C) how much less similar each centre is than the nearest one: cosines, or distances."""
    near = products(block, centres, metric)
    if metric != "cosine":
        near = -near.neg_().clamp_min_(0).sqrt_()
    return near.amax(1, keepdim=True).sub(near)
