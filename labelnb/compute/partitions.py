"""Nearest neighbours without looking at all pairs: rows are split into partitions, and a row looks into those that lie near it.

How near is settled beforehand: the true neighbours of some rows are found exactly, and the reach is set so that the partitions looked
into hold as many of them as asked. Within a partition the search is a matrix product, exact. The search ends with a measurement on
other rows. Inverted files with a reach by margin: Jegou et al. 2011 (product quantization, section V); Chen et al. 2018 for the margin.
"""
from __future__ import annotations

from typing import NamedTuple

import torch

from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.screening import Rows, empty_lists, exact_lists, merge, products, search_full, settle

__all__ = ["Plan", "measured", "place_centres", "plan", "search"]

_SAMPLE = 256
"""Rows whose true neighbours set the reach; as many others measure the recall."""
_PER_PARTITION = 32
"""Rows a partition that are clustered to place the centres."""


class Plan(NamedTuple):
    """Which partitions a row looks into."""

    centres: torch.Tensor
    """(C, D) centres of the partitions."""
    reach: float
    """A row looks into every partition whose centre is at most this much less similar than its nearest centre."""
    share: float
    """Share of all rows that a row is compared with."""
    sample: torch.Tensor
    """(S,) positions of the queries that set the reach."""


def place_centres(rows: Rows) -> torch.Tensor:
    """(C, D) centres of the partitions, about the square root of N, from a sample of the rows."""
    order = content_order(rows.stored, 0)
    count = max(2, min(rows.count // 2, round(rows.count**0.5)))
    some = order[:: max(1, rows.count // (count * _PER_PARTITION))]
    return kmeans(rows.block(some), count, spherical=rows.metric == "cosine", init="random", max_iterations=5).centres.float()


def plan(rows: Rows, queries: Rows, k: int, same: bool, recall: float, budget: int, centres: torch.Tensor | None = None) -> Plan:
    """Place the partitions, unless `centres` are given, and set the reach for this recall."""
    order = content_order(rows.stored, 0)
    centres = place_centres(rows) if centres is None else centres
    count = len(centres)
    among = order if same else content_order(queries.stored, 0)
    sample = among[:: max(1, len(among) // _SAMPLE)][:_SAMPLE]
    found, _ = exact_lists(rows, queries, k, same, budget, sample)
    own = _nearest_centre(rows, centres, budget)
    behind, sizes = _behind(queries.block(sample), centres, rows.metric), torch.bincount(own, minlength=count)
    gaps = behind.gather(1, own[found]).flatten().sort().values
    # Half of what may be missed is kept in hand: the sample is small.
    reach = float(gaps[min(len(gaps) - 1, int((recall + (1 - recall) / 2) * len(gaps)))])
    share = float(((behind <= reach).double() @ sizes.double()).mean()) / rows.count
    return Plan(centres, reach, share, sample)


def search(rows: Rows, queries: Rows, k: int, same: bool, planned: Plan, budget: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Neighbours and similarities (Q, k), and the share of the true neighbours found, measured on rows that the plan has not seen."""
    kept = min(k + 2, rows.count - same)
    values, indices = empty_lists(queries.count, kept, rows.device)
    own = _nearest_centre(rows, planned.centres, budget)
    order, ends = own.argsort(stable=True), torch.bincount(own, minlength=len(planned.centres)).cumsum(0).tolist()
    step = max(1024, budget // (16 * len(planned.centres)))
    for a in range(0, queries.count, step):
        behind = _behind(queries.block(slice(a, a + step)), planned.centres, rows.metric)
        partition, query = torch.nonzero((behind <= planned.reach).T, as_tuple=True)      # by partition
        looking = torch.bincount(partition, minlength=len(ends)).cumsum(0).tolist()
        for c, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            members, into = order[start:end], a + query[looking[c - 1] if c else 0: looking[c]]
            if len(members) and len(into):
                _search_partition(rows, queries, members, into, same, values, indices, budget)
    lacking = torch.nonzero(torch.isinf(values).sum(1) > kept - k).flatten()              # fewer than k rows within reach
    indices, similarities = settle(rows, queries, k, same, values, indices, budget, certain=False)
    search_full(rows, queries, lacking, k, same, budget, indices, similarities)
    return indices, similarities, measured(rows, queries, k, same, similarities, budget, planned.sample)


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
    return near.max(1, keepdim=True).values - near


def measured(
    rows: Rows, queries: Rows, k: int, same: bool, similarities: torch.Tensor, budget: int, apart: torch.Tensor | None = None,
) -> float:
    """The share of the true neighbours found, of a sample of the queries; not of those `apart`."""
    among = content_order(queries.stored, 1)
    seen = torch.zeros(queries.count, dtype=torch.bool, device=among.device)
    if apart is not None:
        seen[apart] = True
    fresh = among[~seen[among]]
    fresh = (fresh if len(fresh) else among)[:: max(1, len(fresh) // _SAMPLE)][:_SAMPLE]
    _, true = exact_lists(rows, queries, k, same, budget, fresh)
    # A neighbour as near as the true k-th counts, whichever of several equal ones it is.
    return float((similarities[fresh] >= true[:, -1:] - 1e-6 * true[:, -1:].abs()).double().mean())
