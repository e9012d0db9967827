"""Vectors compared in blocks: float32 products find candidates, float64 settles which of them are nearest.

Candidates are screened by a matrix product in float32, scored again in float64 and ordered; a row whose choice the screening error
could have touched is searched in full. So the answer depends on the vectors alone, not on block sizes, threads or the order of
summation, and equal similarities go by position.
"""
from __future__ import annotations

from typing import Any

import torch

from labelnb.checks import as_tensor
from labelnb.compute.device import able_device, halves_are_fast

__all__ = ["Rows", "empty_lists", "exact_lists", "halves_repay", "products", "merge", "screen_added", "settle", "search_full"]

_SPARE = 8
"""Candidates kept beyond k, so that few rows have to be searched in full."""
_COARSE_SPARE = 16
"""The same where half precision screens."""
_COARSE_ABOVE = 8192
"""Rows from which that is worth its while."""
_DOUBTS = 0.05
"""Share of rows that half precision may leave in doubt: each costs a search of its own in single precision."""
_GATHERED = 1 << 21
"""Numbers gathered at a time when candidates are scored again: about what stays in a processor's cache."""
_ERROR = 1e-5
"""More than a float32 product of unit rows can be wrong by (some 1e-7 times the square root of the dimension)."""


class Rows:
    """Vectors as they are stored, handed out in blocks. `home` is the device they came from, `device` where they are worked on."""

    def __init__(self, value: Any, name: str, metric: str) -> None:
        given = as_tensor(value, name, dtype=None)
        self.home, self.stored = given.device, given.to(able_device(given.device))
        if self.stored.ndim != 2 or 0 in self.stored.shape:
            raise ValueError(f"{name}: got shape {tuple(self.stored.shape)}, expected (N, D) with at least one row and one column")
        if not self.stored.dtype.is_floating_point:
            self.stored = self.stored.to(torch.float32)
        self.metric, self.device = metric, self.stored.device
        self.count, self.dim = self.stored.shape
        self.dtype = torch.float64 if self.stored.dtype == torch.float64 else torch.float32
        step = max(1, (1 << 19) // self.dim)
        # Written in place: small results kept between large temporaries would hold the memory of these.
        self.lengths = torch.empty(self.count, dtype=torch.float64, device=self.device)
        for a in range(0, self.count, step):
            self.lengths[a:a + step] = self.stored[a:a + step].double().norm(dim=1)
        bad = torch.nonzero(~torch.isfinite(self.lengths) | ((self.lengths == 0) & (metric == "cosine"))).flatten()
        if len(bad):
            what = "NaN, infinity or only zeros" if metric == "cosine" else "NaN or infinity"
            raise ValueError(f"{name}: {what} in {len(bad)} rows, the first at {bad[:5].tolist()}; drop or repair them")

    def block(self, at: slice | torch.Tensor) -> torch.Tensor:
        """float32 rows, of length 1 for cosines."""
        taken = self.stored[at]
        if self.metric == "cosine":
            taken = taken.to(self.dtype) / self.lengths[at, None].to(self.dtype)
        return taken.float()

    def coarse(self) -> tuple[torch.Tensor, float]:
        """The unit rows in bfloat16, and a bound on what their products can be wrong by before they are rounded themselves."""
        made, farthest = torch.empty(self.stored.shape, dtype=torch.bfloat16, device=self.device), 0.0
        step = max(1, (1 << 19) // self.dim)
        for a in range(0, self.count, step):
            block = self.block(slice(a, a + step))
            made[a:a + step] = block
            farthest = max(farthest, float((block - made[a:a + step]).norm(dim=1).max()))
        return made, farthest * (2 + farthest) + 2 * _ERROR

    @property
    def error(self) -> float:
        """Bound on what screening can be wrong by, in the units of what is screened."""
        return _ERROR * (1.0 if self.metric == "cosine" else 4 * float(self.lengths.max()) ** 2)


def exact_lists(
    rows: Rows, queries: Rows, k: int, same: bool, budget: int, at: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions and similarities (Q, k) of the k nearest rows of every query, or of those `at`; `same`: a query is not its own."""
    kept, side = min(k + _SPARE, rows.count - same), _side(rows, budget)
    if at is None and same:
        made = _by_halves(rows, k, side, budget)
        if made is not None:
            return made
        values, indices = _screen_same(rows, kept, side)
    else:
        values, indices = _screen(rows, queries, kept, side, same, at)
    return settle(rows, queries, k, same, values, indices, budget, at=at)


def halves_repay(rows: Rows) -> bool:
    """Whether half precision is several times faster here, and there is enough to multiply."""
    return halves_are_fast(rows.device) and rows.count >= _COARSE_ABOVE and rows.dim >= 64


def _by_halves(rows: Rows, k: int, side: int, budget: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The same lists of the rows among themselves, screened in half precision where the processor multiplies it several times faster;
    None where it does not, or where the neighbours of many rows lie closer together than its error."""
    able = halves_repay(rows) and rows.metric == "cosine" and rows.dtype == torch.float32
    if not able or 4 * rows.count * rows.dim > budget:
        return None
    halves, error = rows.coarse()
    kept, sample = min(k + _COARSE_SPARE, rows.count - 1), torch.arange(0, rows.count, rows.count // 256)
    values, indices = _screen(rows, rows, kept, side, True, sample, halves)
    scored = _rescore(rows, rows, sample, indices).topk(k, dim=1).values
    if float(_in_doubt(rows, scored, values, error).double().mean()) > _DOUBTS:
        return None
    values, indices = _screen_same(rows, kept, side, halves)
    return settle(rows, rows, k, True, values, indices, budget, error=error)


def _in_doubt(rows: Rows, similarities: torch.Tensor, screened: torch.Tensor, error: float | None) -> torch.Tensor:
    """(Q,) whether a row that was not kept could be nearer than the k-th neighbour, given how far wrong screening can be.

    An `error` is that of products of half precision, which are then rounded to it: by 2^-9 of their size at most."""
    last, worst = similarities[:, -1].double(), screened.amin(1).double()
    slack = rows.error if error is None else error + worst.abs() * 2.0**-9
    return (last if rows.metric == "cosine" else -last.square()) <= worst + slack


def _side(rows: Rows, budget: int) -> int:
    """Rows of a block."""
    largest = 2048 if rows.device.type == "cpu" else 8192                       # what a processor's cache holds, what fills a card
    return max(64, min(largest, int((budget / 16) ** 0.5), budget // (16 * rows.dim)))


def products(a: torch.Tensor, b: torch.Tensor, metric: str) -> torch.Tensor:
    """What screening compares: cosines, or minus squared distances."""
    if a.dtype == torch.bfloat16:
        return (a @ b.T).float()
    if metric == "cosine":
        return a @ b.T
    return torch.addmm(-(a * a).sum(1, keepdim=True) - (b * b).sum(1), a, b.T, alpha=2.0)


def merge(
    values: torch.Tensor, indices: torch.Tensor, at: slice | torch.Tensor, found: torch.Tensor, members: torch.Tensor, *,
    across: bool = False,
) -> None:
    """Put the best of the block `found` into the lists of the queries `at`.

    The rows of `found` are the queries, its columns the rows `members`; `across`, the other way round.
    """
    if values.device.type == "cpu":
        _merge_compiled(values, indices, at, found, members, across)
        return
    mine, known = values[at], indices[at]
    kept, worst = mine.shape[1], mine.amin(1)
    better = found > (worst if across else worst[:, None])
    # Once the lists are filled, few of a block are better than what they hold: these alone are looked at.
    few = torch.count_nonzero(better) <= 2 * kept * len(mine)
    if few:
        row, column = torch.nonzero(better, as_tuple=True)
        best = found[row, column]
        if across:
            order = column.argsort(stable=True)
            row, column, best = column[order], row[order], best[order]
        counts = torch.bincount(row, minlength=len(mine))
        width = int(counts.max()) if len(row) else 0
    if not few or width > 8 * kept:
        best, where = (found.T.contiguous() if across else found).topk(min(kept, len(members)), dim=1, sorted=False)
        candidates = members[where]
    elif width:
        place = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
        candidates = indices.new_full((len(mine), width), -1)
        candidates[row, place] = members[column]
        best = values.new_full((len(mine), width), -torch.inf).index_put_((row, place), best)
    else:
        return
    chosen, taken = torch.cat([mine, best], dim=1).topk(kept, dim=1, sorted=False)
    indices[at] = torch.cat([known, candidates], dim=1).gather(1, taken)
    values[at] = chosen


def _merge_compiled(
    values: torch.Tensor, indices: torch.Tensor, at: slice | torch.Tensor, found: torch.Tensor, members: torch.Tensor, across: bool,
) -> None:
    from labelnb.compute.compiled import by_threads, merge_columns, merge_rows

    lists = torch.arange(len(values))[at] if isinstance(at, slice) else at
    work, count = (merge_columns, found.shape[1]) if across else (merge_rows, found.shape[0])
    parts = (found.contiguous(), lists.contiguous(), members.contiguous(), values, indices)
    by_threads(work, count, *(part.numpy() for part in parts))


def empty_lists(count: int, kept: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of nothing found yet: minus infinity at position -1."""
    return torch.full((count, kept), -torch.inf, device=device), torch.full((count, kept), -1, dtype=torch.int64, device=device)


def _screen(
    rows: Rows, queries: Rows, kept: int, side: int, same: bool, at: torch.Tensor | None, halves: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Candidates of the queries, or of those `at`; by the `halves` of rows that are the queries too, where these are given."""
    everyone = torch.arange(rows.count, device=rows.device)
    asked = torch.arange(queries.count, device=rows.device) if at is None else at
    values, indices = empty_lists(len(asked), kept, rows.device)
    for a in range(0, len(asked), side):
        left = queries.block(asked[a:a + side]) if halves is None else halves[asked[a:a + side]]
        for b in range(0, rows.count, side):
            right = rows.block(slice(b, b + side)) if halves is None else halves[b:b + side]
            found, members = products(left, right, rows.metric), everyone[b:b + side]
            if same:
                found.masked_fill_(asked[a:a + side, None] == members, -torch.inf)
            merge(values, indices, slice(a, a + side), found, members)
    return values, indices


def _screen_same(rows: Rows, kept: int, side: int, halves: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows among themselves: every block serves its rows and its columns, so half the products suffice."""
    everyone = torch.arange(rows.count, device=rows.device)
    values, indices = empty_lists(rows.count, kept, rows.device)
    for a in range(0, rows.count, side):
        left = rows.block(slice(a, a + side)) if halves is None else halves[a:a + side]
        for b in range(a, rows.count, side):
            right = left if a == b else rows.block(slice(b, b + side)) if halves is None else halves[b:b + side]
            found = products(left, right, rows.metric)
            if a == b:
                found.fill_diagonal_(-torch.inf)
            else:
                merge(values, indices, slice(b, b + side), found, everyone[a:a + side], across=True)
            merge(values, indices, slice(a, a + side), found, everyone[b:b + side])
    return values, indices


def screen_added(rows: Rows, similarities: torch.Tensor, known: torch.Tensor, budget: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Candidates of all rows, given the lists (M, k) of the first M among themselves; no pair of these is compared again."""
    old, k = known.shape
    values, indices = empty_lists(rows.count, min(k + _SPARE, rows.count - 1), rows.device)
    near = similarities if rows.metric == "cosine" else -similarities.square()
    # Spare places of the old lists take only what might be nearer than the last neighbour, so that most lists stay as they are.
    values[:old] = near[:, -1:].float() - 2 * rows.error
    values[:old, :k], indices[:old, :k] = near.float(), known
    everyone, side = torch.arange(rows.count, device=rows.device), _side(rows, budget)
    starts = [*range(0, old, side), *range(old, rows.count, side)]
    blocks = [slice(a, min(a + side, old if a < old else rows.count)) for a in starts]
    for first in (b for b in blocks if b.start >= old):
        left = rows.block(first)
        for second in (b for b in blocks if b.start < old or b.start >= first.start):
            found = products(left, left if second == first else rows.block(second), rows.metric)
            if second == first:
                found.fill_diagonal_(-torch.inf)
            else:
                merge(values, indices, second, found, everyone[first], across=True)
            merge(values, indices, first, found, everyone[second])
    return values, indices


def settle(
    rows: Rows, queries: Rows, k: int, same: bool, values: torch.Tensor, indices: torch.Tensor, budget: int, *,
    at: torch.Tensor | None = None, certain: bool = True, error: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k nearest among the candidates (Q, kept) of every query, or of those `at`.

    With `certain`, all are scored again, and a query whose k-th neighbour is no further above the worst candidate than screening can
    err is searched in full, or, where half precision screened with an `error`, in single precision. Without, float32 rows keep their
    screened scores: what was left out weighs more than the last digit.
    """
    count, kept = indices.shape
    asked = torch.arange(count, device=rows.device) if at is None else at
    out_i = torch.empty((count, k), dtype=torch.int64, device=rows.device)
    out_s = torch.empty((count, k), dtype=rows.dtype, device=rows.device)
    if not certain and rows.dtype == torch.float32:
        screened = values if rows.metric == "cosine" else -(-values).clamp_min(0).sqrt()
        return _order(indices, screened, k, rows.dtype)
    step = max(1, min(budget // 20, _GATHERED) // (kept * rows.dim))
    for a in range(0, count, step):
        part = slice(a, a + step)
        out_i[part], out_s[part] = _order(indices[part], _rescore(rows, queries, asked[part], indices[part]), k, rows.dtype)
    if certain and kept < rows.count - same:
        doubtful = torch.nonzero(_in_doubt(rows, out_s, values, error)).flatten()
        if error is None:
            search_full(rows, queries, doubtful, k, same, budget, out_i, out_s, at=asked[doubtful])
        elif len(doubtful):
            out_i[doubtful], out_s[doubtful] = exact_lists(rows, queries, k, same, budget, asked[doubtful])
    return out_i, out_s


def _rescore(rows: Rows, queries: Rows, asked: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Cosines, or minus distances, of queries to their candidates (n, m), in float64."""
    if rows.device.type == "cpu" and rows.stored.dtype == queries.stored.dtype and rows.stored.dtype in (torch.float32, torch.float64):
        from labelnb.compute.compiled import by_threads, rescored

        out = torch.empty(indices.shape, dtype=torch.float64)
        parts = (rows.stored, queries.stored, asked, indices, rows.lengths, queries.lengths)
        by_threads(rescored, len(indices), *(part.numpy() for part in parts), rows.metric == "cosine", out.numpy())
        return out
    known = indices.clamp_min(0)
    left, right = queries.stored[asked].double(), rows.stored[known].double()
    if rows.metric == "cosine":
        scored = torch.bmm(right, left[:, :, None]).squeeze(2) / (queries.lengths[asked, None] * rows.lengths[known])
    else:
        scored = -right.sub_(left[:, None, :]).square_().sum(2).sqrt_()
    return scored.masked_fill_(indices < 0, -torch.inf)


def _order(indices: torch.Tensor, scored: torch.Tensor, k: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best of each row, nearest first, equal ones (to float32, or to 1e-12 of float64) by position."""
    key = scored.float() if dtype == torch.float32 else (scored * 2.0**40).round()
    if scored.device.type == "cpu":
        from labelnb.compute.compiled import best_of, by_threads

        out_i, out_s = indices.new_empty(len(indices), k), scored.new_empty(len(indices), k)
        parts = (key, indices.contiguous(), scored, out_i, out_s)
        by_threads(best_of, len(indices), *(part.numpy() for part in parts))
        return out_i, out_s.to(dtype)
    by_position = indices.argsort(dim=1)
    place = by_position.gather(1, key.gather(1, by_position).argsort(dim=1, descending=True, stable=True)[:, :k])
    return indices.gather(1, place), scored.gather(1, place).to(dtype)


def search_full(
    rows: Rows, queries: Rows, lists: torch.Tensor, k: int, same: bool, budget: int, out_i: torch.Tensor, out_s: torch.Tensor, *,
    at: torch.Tensor | None = None,
) -> None:
    """Fill the given `lists` by comparing their queries (those `at`, else of the same number) with every row in float64."""
    asked = lists if at is None else at
    chunk = max(1, budget // (40 * rows.count))
    step = max(1, budget // (20 * rows.dim))
    everyone = torch.arange(rows.count, device=rows.device)
    for a in range(0, len(lists), chunk):
        who = asked[a:a + chunk]
        left = queries.stored[who].double()
        scored = torch.empty((len(who), rows.count), dtype=torch.float64, device=rows.device)
        for b in range(0, rows.count, step):
            right = rows.stored[b:b + step].double()
            if rows.metric == "cosine":
                scored[:, b:b + step] = left @ right.T / (queries.lengths[who, None] * rows.lengths[b:b + step])
            else:
                scored[:, b:b + step] = -torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")
        if same:
            scored.masked_fill_(who[:, None] == everyone, -torch.inf)
        out_i[lists[a:a + chunk]], out_s[lists[a:a + chunk]] = _order(everyone.expand(len(who), -1), scored, k, rows.dtype)
