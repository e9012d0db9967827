"""Nearest neighbours by descent: a neighbour of a neighbour is likely to be a neighbour.

Source: Dong, Moses and Li 2011, "Efficient k-nearest neighbor graph construction for generic similarity measures" (WWW). Instead of at
random it begins with the partition a row lies in and the next ones, searched by matrix products; rows lie in memory by partition, so that
what is compared is near in the cache. Every row reads the lists of the pass before and writes its own: no pass depends on the order in
which rows are worked on, nor on the number of threads.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from labelnb.compute.screening import Rows, merge, products

__all__ = ["EFFORTS", "Effort", "descent", "needed_memory"]

class Effort(NamedTuple):
    """How far a descent looks around."""

    partitions: int
    """Partitions a row looks into at first."""
    spare: int
    """Places of a list beyond k: what is nearly a neighbour leads to neighbours."""
    width: int
    """Entries of a list that are followed, at least."""


EFFORTS = (Effort(2, 7, 16), Effort(3, 25, 32))
"""The second is for data in which the first finds too few: some three times the work."""
MOST_PASSES = 12
"""The passes end when hardly a list changes; this many is never seen."""
SETTLED = 0.002
"""Share of changed entries at which they end."""


def needed_memory(count: int, dim: int, k: int) -> int:
    """Bytes beside the rows as they are stored."""
    return count * (4 * dim + (k + EFFORTS[-1].spare) * 18 + 5 * max(k, EFFORTS[-1].width) + 64)


def descent(rows: Rows, centres: torch.Tensor, k: int, budget: int, effort: Effort = EFFORTS[0]) -> tuple[torch.Tensor, torch.Tensor]:
    """Screened similarities and positions (N, k + spare) of the near rows of every row, on the CPU."""
    from labelnb.compute.compiled import by_threads, descend, reverse_lists, sort_lists

    first, following = _partitions(rows, centres, effort.partitions, budget)
    order = first.argsort(stable=True)
    x = torch.empty((rows.count, rows.dim), dtype=torch.float32)
    step = max(1024, (32 << 20) // (4 * rows.dim))
    for a in range(0, rows.count, step):
        x[a:a + step] = rows.block(order[a:a + step])
    kept = min(k + effort.spare, rows.count - 1)
    squares = None if rows.metric == "cosine" else (x * x).sum(1)
    values, indices = _start(x, squares, first[order], [part[order] for part in following], len(centres), kept)
    bias = np.zeros(rows.count, np.float32) if squares is None else (-0.5 * squares).numpy()
    fresh = np.ones((rows.count, kept), np.uint8)
    width = min(kept, max(effort.width, k))
    by_threads(sort_lists, rows.count, values, indices, fresh)
    for _ in range(MOST_PASSES):
        back, back_fresh = reverse_lists(values, indices, fresh, width)
        new = values, indices.copy(), fresh.copy()
        changes = sum(by_threads(descend, rows.count, x.numpy(), bias, width, indices, fresh, back, back_fresh, *new))
        _, indices, fresh = new
        by_threads(sort_lists, rows.count, values, indices, fresh)
        if changes <= SETTLED * values.size:
            break
    near = torch.from_numpy(values)
    if squares is not None:
        near.mul_(2).sub_(squares[:, None])
    place = torch.from_numpy(indices)
    out_values, out_indices = torch.empty_like(near), torch.empty(near.shape, dtype=torch.int64)
    out_values[order] = near
    out_indices[order] = torch.where(place >= 0, order[place.clamp_min(0).long()], -1)
    return out_values, out_indices


def _partitions(rows: Rows, centres: torch.Tensor, most: int, budget: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """(N,) the partition of every row, and the ones that come next."""
    wanted = min(most, len(centres))
    near = torch.empty((rows.count, wanted), dtype=torch.int64)
    step = max(1024, min(budget, 64 << 20) // (8 * len(centres)))
    for a in range(0, rows.count, step):
        near[a:a + step] = products(rows.block(slice(a, a + step)), centres, rows.metric).topk(wanted, dim=1).indices
    return near[:, 0].contiguous(), [near[:, c].contiguous() for c in range(1, wanted)]


def _start(
    x: torch.Tensor, squares: torch.Tensor | None, own: torch.Tensor, following: list[torch.Tensor], count: int, kept: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Lists from the own partition, where rows stand in a line, and from the next ones."""
    values = torch.full((len(x), kept), -torch.inf)
    indices = torch.full((len(x), kept), -1, dtype=torch.int32)
    ends = torch.bincount(own, minlength=count).cumsum(0).tolist()
    guests = [(part.argsort(stable=True), torch.bincount(part, minlength=count).cumsum(0).tolist()) for part in following]
    everyone = torch.arange(len(x), dtype=torch.int32)
    for c, (low, high) in enumerate(zip([0, *ends], ends, strict=False)):
        if low == high:
            continue
        held = x[low:high]
        half = None if squares is None else 0.5 * squares[low:high]
        askers = [everyone[low:high].long()]
        askers += [order[(stops[c - 1] if c else 0): stops[c]] for order, stops in guests]
        for which, asking in enumerate(askers):
            for a in range(0, len(asking), 4096):
                at = asking[a:a + 4096]
                found = x[at] @ held.T
                if half is not None:
                    found -= half
                if which == 0:
                    found[torch.arange(len(at)), at - low] = -torch.inf
                merge(values, indices, at, found, everyone[low:high])
    return values.numpy(), indices.numpy()
