"""Nearest neighbours by descent: a neighbour of a neighbour is likely to be a neighbour.

Source: Dong, Moses and Li 2011, "Efficient k-nearest neighbor graph construction for generic similarity measures" (WWW). Instead of at
random it begins with the partitions that lie near a row, searched by matrix products; what these have compared is not compared again, so
that the descent has only to find the neighbours that lie farther away. Rows lie in memory by partition: what is compared is near in the
cache. Every row reads the lists of the pass before and writes its own: no pass depends on the order in which rows are worked on, nor on
the number of threads.
"""
from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import torch

from labelnb.compute.partitions import Plan
from labelnb.compute.screening import Rows, halves_repay, merge, products

__all__ = ["EFFORTS", "Effort", "begins_by_halves", "descent", "needed_memory", "promising", "reach_of"]


class Effort(NamedTuple):
    """How far a descent looks around."""

    begun: float
    """Share of the true neighbours that the partitions looked into at first should hold."""
    fewest: int
    """Partitions a row looks into at first, at least: from the second on they lead out of the first."""
    partitions: float
    """Most of them, on average."""
    spare: int
    """Places of a list beyond k: what is nearly a neighbour leads to neighbours."""
    width: int
    """Entries of a list that are followed, at least."""
    mends: float
    """How many times fewer neighbours it misses in the end than at first, or more: seen on data of 10 to 1,664 dimensions, with
    groups and without."""


EFFORTS = (Effort(0.97, 3, 10, 10, 20, 4), Effort(0.98, 4, 16, 25, 32, 18))
"""The second is for data in which the first finds too few."""
MOST_PARTITIONS = 24
"""Partitions that any row looks into at first, at most."""
_TOGETHER = 1 << 22
"""Products formed at a time."""
_ROUND = 128
"""What sizes of half-precision products are rounded up to."""
MOST_PASSES = 12
"""The passes end when hardly a list changes; this many is never seen."""
SETTLED = 0.002
"""Share of changed entries at which they end."""


def needed_memory(count: int, dim: int, k: int) -> int:
    """Bytes beside the rows as they are stored."""
    width = max(k, EFFORTS[-1].width)
    return count * (4 * dim + (k + EFFORTS[-1].spare) * 26 + 9 * width + 8 * MOST_PARTITIONS + 64)


def promising(planned: Plan, recall: float) -> list[Effort]:
    """The efforts that can be expected to find this share of the neighbours, given what they begin with; the least first."""
    return [effort for effort in EFFORTS if 1 - planned.found(reach_of(planned, effort)) <= effort.mends * (1 - recall) + 1e-9]


def begins_by_halves(rows: Rows, planned: Plan) -> bool:
    """Whether half precision may screen the partitions: where the processor is fast at it and neighbours differ by more than its error,
    which is that of numbers as large as the spread of a partition."""
    return halves_repay(rows) and planned.gap > planned.spread * 2.0**-8


def descent(
    rows: Rows, planned: Plan, k: int, budget: int, effort: Effort = EFFORTS[0], halves: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Screened similarities and positions (N, k + spare) of the near rows of every row, on the CPU, best first."""
    from labelnb.compute.compiled import apart, by_threads, descend, reverse_lists, sort_lists

    looks = _looks(rows, planned, effort, budget, halves)
    order = looks[:, 0].argsort(stable=True)
    x, looks = _copied(rows, order), looks[order]
    kept = min(k + effort.spare, rows.count - 1)
    bias = torch.zeros(rows.count) if rows.metric == "cosine" else torch.linalg.vector_norm(x, dim=1).square_().mul_(-0.5)
    values, indices = _start(x, bias, looks, len(planned.centres), kept, halves)
    fresh = np.ones((rows.count, kept), np.uint8)
    width = min(kept, max(effort.width, k))
    by_threads(sort_lists, rows.count, values, indices, fresh)
    for _ in range(MOST_PASSES):
        back, back_fresh = reverse_lists(values, indices, fresh, width)
        new = values, indices.copy(), fresh.copy()
        given = (x.numpy(), bias.numpy(), looks.numpy(), len(planned.centres), width)
        changes = sum(by_threads(descend, rows.count, *given, indices, fresh, back, back_fresh, *new))
        _, indices, fresh = new
        by_threads(sort_lists, rows.count, values, indices, fresh)
        if changes <= SETTLED * values.size:
            break
    if rows.metric != "cosine":
        by_threads(apart, rows.count, x.numpy(), indices, values)
        by_threads(sort_lists, rows.count, values, indices, fresh)
    return _home(torch.from_numpy(values), torch.from_numpy(indices), order)


def reach_of(planned: Plan, effort: Effort) -> float:
    """Within which an effort begins to look: what it should find there, as far as it may."""
    return min(planned.reach(effort.begun), planned.affordable(effort.partitions / len(planned.centres)))


def _looks(rows: Rows, planned: Plan, effort: Effort, budget: int, halves: bool) -> torch.Tensor:
    """(N, M) the partitions that every row looks into, its own first; -1 in places that are not needed."""
    from labelnb.compute.compiled import by_threads, near_partitions

    looks = torch.full((rows.count, min(MOST_PARTITIONS, len(planned.centres))), -1, dtype=torch.int32)
    step = max(1024, min(budget, 16 << 20) // (4 * len(planned.centres)))
    reach, fewest = reach_of(planned, effort), min(effort.fewest, looks.shape[1])
    middle = planned.centres.mean(0)                              # less what is common to all, half precision has digits for the rest
    inner = (planned.centres - middle).bfloat16() if halves and rows.metric == "cosine" else None
    for a in range(0, rows.count, step):
        part = slice(a, a + step)
        block = rows.block(part)
        near = products(block, planned.centres, rows.metric) if inner is None else (block.bfloat16() @ inner.T).float()
        if rows.metric != "cosine":
            near.neg_().clamp_min_(0).sqrt_().neg_()
        by_threads(near_partitions, len(near), near.numpy(), reach, fewest, looks[part].numpy())
    used = int((looks >= 0).any(0).sum())
    return looks[:, :used].contiguous()


def _copied(rows: Rows, order: torch.Tensor) -> torch.Tensor:
    """The rows in this order. Those of the Euclidean metric from the middle of all, so that no common part of them costs digits."""
    x = torch.empty((rows.count, rows.dim), dtype=torch.float32)
    step = max(1024, (4 << 20) // (4 * rows.dim))
    for a in range(0, rows.count, step):
        x[a:a + step] = rows.block(order[a:a + step])
    if rows.metric != "cosine":
        middle = sum(part.sum(0, dtype=torch.float64) for part in x.split(step))
        assert isinstance(middle, torch.Tensor)
        x -= (middle / rows.count).float()
    return x


def _start(
    x: torch.Tensor, bias: torch.Tensor, looks: torch.Tensor, count: int, kept: int, halves: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Lists from the partitions looked into: products of the rows, plus the bias of the one that is listed."""
    from labelnb.compute.compiled import by_threads, guests, merge_halves, weighed

    values = torch.full((len(x), kept), -torch.inf)
    indices = torch.full((len(x), kept), -1, dtype=torch.int32)
    ends = [0, *torch.bincount(looks[:, 0], minlength=count).cumsum(0).tolist()]
    stops, visitors = (torch.from_numpy(part) for part in guests(looks.numpy(), count))
    everyone, borders = torch.arange(len(x), dtype=torch.int32), stops.tolist()
    room = _Room(x.shape[1], max(b - a for a, b in itertools.pairwise(ends)), halves)
    for c in range(count):
        low, high = ends[c], ends[c + 1]
        if low == high:
            continue
        held, asking = x[low:high], visitors[borders[c]:borders[c + 1]]
        middle = held.mean(0)
        if halves:
            room.inner[:high - low] = held - middle
        beside = bias[low:high] + (held @ middle if halves else 0.0)
        for a in range(0, len(asking), room.most):
            at = asking[a:a + room.most]
            if halves:
                found, along = room.halved(x, at, middle, high - low)
                given = (found.view(torch.int16).numpy(), along.numpy(), beside.numpy(), at.numpy(), low)
                by_threads(merge_halves, len(at), *given, values.numpy(), indices.numpy())
                continue
            found = room.plain(x, at, held).add_(beside)
            first, last = torch.searchsorted(at, torch.tensor([low, high])).tolist()
            mine = torch.arange(first, last)
            found[mine, at[first:last] - low] = -torch.inf
            merge(values, indices, at, found, everyone[low:high])
    made = values.numpy(), indices.numpy()
    if halves:
        by_threads(weighed, len(x), x.numpy(), bias.numpy(), made[1], made[0])
    return made


class _Room:
    """Memory for the products of some rows with a partition, used over and over: taken anew, the system would clear it every time."""

    def __init__(self, dim: int, largest: int, halves: bool) -> None:
        self.most = max(_ROUND, min(4096, _TOGETHER // largest // _ROUND * _ROUND))
        self.asking = torch.empty(self.most, dim)
        if not halves:
            self.found = torch.empty(self.most * largest)
        else:
            self.coarse, self.inner = (torch.zeros(size, dim, dtype=torch.bfloat16) for size in (self.most, _rounded(largest)))
            self.rounded = torch.empty(self.most * _rounded(largest), dtype=torch.bfloat16)

    def plain(self, x: torch.Tensor, at: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        """Products of the rows `at` with those of a partition."""
        asking = torch.index_select(x, 0, at, out=self.asking[:len(at)])
        return torch.mm(asking, held.T, out=self.found[:len(at) * len(held)].view(len(at), -1))

    def halved(self, x: torch.Tensor, at: torch.Tensor, middle: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """In half precision, with the first `size` rows of `inner`, a partition less its middle, of whose products what is left to round is
        small; and what is to be added to each row. Shapes are rounded up, as a library that prepares itself anew for each of them then
        meets few: what stands beyond these rows and `size` means nothing."""
        asking = torch.index_select(x, 0, at, out=self.asking[:len(at)])
        along = asking @ middle - middle @ middle
        self.coarse[:len(at)] = asking.sub_(middle)
        rows, columns = _rounded(len(at)), _rounded(size)
        made = self.rounded[:rows * columns].view(rows, columns)
        return torch.mm(self.coarse[:rows], self.inner[:columns].T, out=made), along


def _rounded(size: int) -> int:
    return -(-size // _ROUND) * _ROUND


def _home(near: torch.Tensor, place: torch.Tensor, order: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of rows in this order as lists of the rows as they were given."""
    values, indices = torch.empty_like(near), torch.empty(near.shape, dtype=torch.int64)
    for a in range(0, len(order), 1 << 16):
        part = place[a:a + (1 << 16)]
        values[order[a:a + (1 << 16)]] = near[a:a + (1 << 16)]
        indices[order[a:a + (1 << 16)]] = torch.where(part >= 0, order[part.clamp_min(0).long()], -1)
    return values, indices
