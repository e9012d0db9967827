"""K-means by full or small batches: Euclidean or on the sphere, with fixed centres or with equal cluster sizes where asked.

Source: Lloyd 1982; k-means++ start by Arthur and Vassilvitskii 2007 with the greedy trials of scikit-learn; the spherical variant by
Dhillon and Modha 2001; equal sizes as a transport problem (Bennett, Bradley and Demiriz 2000); small batches: Sculley 2010.
"""
from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch

from labelnb.checks import finite_rows, generator, positive_int, within
from labelnb.compute.device import able_device

__all__ = ["KMeans", "kmeans", "content_order"]

CHUNK = 1 << 22
"""Distances formed at a time (16 MB)."""
BLOCK = 1 << 19
"""Numbers of rows read at a time where each is used once: few enough for the cache, and for memory that is at hand already."""
COARSE_ABOVE = 1 << 33
"""Products a step from which half precision is worth its while."""
FEW_MOVE = 0.002
"""Share of rows that move in a step below which full precision takes over."""


class KMeans(NamedTuple):
    """The best of the starts."""

    assignment: torch.Tensor
    """(N,) int64 cluster of each row."""
    centres: torch.Tensor
    """(K, D) means of the clusters; unit rows where spherical."""
    inertia: float
    """Sum of squared distances to the own centre."""
    iterations: int
    """Lloyd steps of the best start."""
    converged: bool
    """Whether the last step moved no row, or the centres by less than the tolerance."""
    method: str = "float32"
    """What ran: `float32`, `float64`, `bfloat16, float32` (steps while many rows move in half precision, the last ones and the final
    assignment in full), or `batches`."""


def kmeans(
    x: Any,
    k: int,
    *,
    seed: int = 0,
    n_init: int = 1,
    spherical: bool = False,
    init: Literal["k-means++", "random"] | torch.Tensor = "k-means++",
    fixed: Any = None,
    balanced: bool = False,
    batch_size: int | None = None,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> KMeans:
    """Split N rows into K clusters of least squared distance to their means.

    Parameters
    ----------
    x : (N, D) rows, any length
    k : number of clusters, at most N; fixed ones count
    seed : of the starts. The result depends on the rows, not on their order
    n_init : starts; the one of least inertia is returned
    spherical : cosine instead of Euclidean distance: rows and centres are brought to length 1
    init : `k-means++`, `random` rows, or (K, D) centres to begin from
    fixed : (F, D) centres that never move, the first F of the K: known classes beside which new groups are looked for
    balanced : every cluster gets floor(N/K) or ceil(N/K) rows
    batch_size : rows a step instead of all, where one pass over all rows should do most of the work; the inertia ends a few per cent
        higher. None takes all rows
    max_iterations : most Lloyd steps a start, or passes over the rows in batches
    tolerance : stop where the squared movement of the centres is below this share of the mean variance

    Raises
    ------
    ValueError
        Where x is not (N, D), holds NaN, or has fewer rows than clusters.

    Notes
    -----
    One step costs N x K x D. Do not use it for groups of very different size or shape, where it cuts the large ones.
    """
    rows = finite_rows(x)
    rows = rows.to(able_device(rows.device))
    k = positive_int("k", k, high=len(rows))
    n_init, max_iterations = positive_int("n_init", n_init), positive_int("max_iterations", max_iterations)
    tolerance = within("tolerance", tolerance, 0.0, 1.0)
    if spherical:
        rows = torch.nn.functional.normalize(rows, dim=1)
    if batch_size is not None:
        positive_int("batch_size", batch_size)
        if balanced:
            raise ValueError("batch_size: equal sizes need all rows at once; leave out either batch_size or balanced")
    held = rows.new_zeros(0, rows.shape[1]) if fixed is None else _centres("fixed", fixed, rows, k)
    order = content_order(rows, seed)
    work = rows[order]
    draw = generator(seed)
    best: KMeans | None = None
    variance = _variance(work)
    for _ in range(n_init if isinstance(init, str) else 1):
        centres = _start(work, k, init, held, draw)
        if batch_size is None:
            run = _lloyd(work, centres, len(held), spherical, balanced, max_iterations, tolerance * variance)
        else:
            run = _by_batches(work, centres, len(held), spherical, batch_size, max_iterations, tolerance * variance, draw)
        if best is None or run.inertia < best.inertia:
            best = run
    assert best is not None
    assignment = torch.empty_like(best.assignment)
    assignment[order] = best.assignment
    return best._replace(assignment=assignment)


def _variance(rows: torch.Tensor) -> float:
    """Mean variance of the coordinates."""
    total = sum(block.sum(0).double() for block in rows.split(max(1, BLOCK // rows.shape[1])))
    mean, squares = total / len(rows), float(_squares(rows).sum(dtype=torch.float64)) / len(rows)
    return max(0.0, squares - float((mean * mean).sum())) / rows.shape[1]


def _squares(rows: torch.Tensor) -> torch.Tensor:
    """(N,) squared lengths, with no copy of the rows."""
    return torch.linalg.vector_norm(rows, dim=1).square_()


def content_order(x: torch.Tensor, seed: int) -> torch.Tensor:
    """(N,) positions that sort the rows by a random projection: an order that depends on what the rows hold, not on where they stand.

    Whatever draws rows at random after this sort draws the same ones however the caller had ordered them.
    """
    direction = torch.randn(x.shape[1], generator=generator(seed), dtype=torch.float64).to(x.device)
    keys, step = torch.empty(len(x), dtype=torch.float64, device=x.device), max(1, BLOCK // x.shape[1])
    for a in range(0, len(x), step):                              # in place: small results between large ones would hold their memory
        keys[a:a + step] = x[a:a + step].double() @ direction
    return torch.argsort(keys, stable=True)


def _centres(name: str, given: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
    centres = finite_rows(given, name).to(rows)
    if centres.shape[1] != rows.shape[1] or len(centres) > k:
        raise ValueError(f"{name}: got shape {tuple(centres.shape)}, expected at most {k} rows of {rows.shape[1]} numbers")
    return centres


def _start(rows: torch.Tensor, k: int, init: str | torch.Tensor, held: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    if not isinstance(init, str):
        centres = _centres("init", init, rows, k).clone()
        if len(centres) != k:
            raise ValueError(f"init: got {len(centres)} centres, expected {k}")
        centres[: len(held)] = held
        return centres
    if init == "random":
        picked = torch.randperm(len(rows), generator=draw)[: k - len(held)].to(rows.device)
        return torch.cat([held, rows[picked]])
    if init == "k-means++":
        return plus_plus(rows, k, held, draw)
    raise ValueError(f"init: got {init!r}, expected 'k-means++', 'random' or (K, D) centres")


def plus_plus(rows: torch.Tensor, k: int, held: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Greedy k-means++: of a few rows drawn by squared distance, the one that lowers the inertia most becomes the next centre."""
    trials = 2 + int(torch.log(torch.tensor(float(k))))
    lengths = _squares(rows)                                      # (N,)
    centres = rows.new_empty(k, rows.shape[1])
    count = len(held)
    if count:
        centres[:count] = held
        nearest = nearest_centres(rows, held, lengths)[1]
    else:
        first = int(torch.randint(len(rows), (1,), generator=draw))
        centres[0], count = rows[first], 1
        nearest = _to(rows, lengths, rows[first : first + 1])[0]
    for at in range(count, k):
        # Inverse-transform sampling on the cumulated distances: torch.multinomial stops at 2**24 rows.
        mass = nearest.double().cumsum(0)
        aim = torch.rand(trials, generator=draw, dtype=torch.float64).to(mass) * mass[-1]
        picked = torch.searchsorted(mass, aim).clamp_max(len(rows) - 1)
        distances = torch.minimum(_to(rows, lengths, rows[picked]), nearest)       # (T, N)
        chosen = int(distances.sum(1, dtype=torch.float64).argmin())
        centres[at], nearest = rows[picked[chosen]], distances[chosen]
    return centres


def _to(rows: torch.Tensor, lengths: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """(T, N) squared distances from each centre."""
    return (centres @ rows.T).mul_(-2).add_(lengths).add_((centres * centres).sum(1, keepdim=True)).clamp_min_(0)


def nearest_centres(rows: torch.Tensor, centres: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(N,) nearest centre and squared distance to it, in blocks."""
    assignment, scores = _best(rows, centres, None)
    return assignment, (lengths - 2 * scores).clamp_min_(0)


def _best(rows: torch.Tensor, centres: torch.Tensor, coarse: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """(N,) centre c of the largest x c - c c / 2, and that score."""
    halves = 0.5 * (centres * centres).sum(1)
    other = centres.T if coarse is None else centres.to(coarse.dtype).T
    assignment = torch.empty(len(rows), dtype=torch.int64, device=rows.device)
    scores = rows.new_empty(len(rows))
    step = max(1, min(len(rows), CHUNK // len(centres)))
    for start in range(0, len(rows), step):
        at = slice(start, start + step)
        block = torch.addmm(halves, rows[at], other, beta=-1) if coarse is None else (coarse[at] @ other).to(rows.dtype).sub_(halves)
        torch.max(block, dim=1, out=(scores[at], assignment[at]))
    return assignment, scores


def _coarse(rows: torch.Tensor, k: int) -> torch.Tensor | None:
    """The rows in bfloat16, where the processor multiplies these several times faster and there is enough to multiply."""
    able = rows.device.type == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    able = able and rows.dtype == torch.float32 and rows.shape[1] >= 64          # errors of many coordinates even out
    return rows.bfloat16() if able and len(rows) * k * rows.shape[1] >= COARSE_ABOVE else None


def _lloyd(
    rows: torch.Tensor, centres: torch.Tensor, held: int, spherical: bool, balanced: bool, max_iterations: int, threshold: float
) -> KMeans:
    lengths = _squares(rows)
    sums = _Sums(rows, len(centres))
    coarse = None if balanced else _coarse(rows, len(centres))
    method = str(rows.dtype).removeprefix("torch.") if coarse is None else "bfloat16, float32"
    assignment, converged, steps = None, False, 0
    nearest = _Nearest(rows, lengths)
    for _ in range(max_iterations):
        steps += 1
        moved, distances = _balanced(rows, centres, lengths) if balanced else nearest.of(centres, coarse)
        if coarse is not None and assignment is not None and int((moved != assignment).sum()) <= FEW_MOVE * len(rows):
            coarse = None                                         # few rows move: full precision from here on
        elif assignment is not None and torch.equal(moved, assignment):
            converged = True
            break
        assignment = moved
        new = _means(sums.of(assignment), rows, distances, centres, held, spherical)
        shift = float(((new - centres) ** 2).sum())
        centres = new
        if shift <= threshold:
            if coarse is None:
                converged = True
                break
            coarse = None
    # The assignment returned is the one to the centres returned, not to those of the step before.
    assignment, distances = _balanced(rows, centres, lengths) if balanced else nearest.of(centres, None)
    return KMeans(assignment, centres, float(distances.sum(dtype=torch.float64)), steps, converged, method)


class _Nearest:
    """The nearest centre of every row from step to step. After some steps most centres stand still, and what is known of these holds:
    a row is compared with the centres that moved, and with all only where its own moved away from it."""

    def __init__(self, rows: torch.Tensor, lengths: torch.Tensor) -> None:
        self.rows, self.lengths = rows, lengths
        self.centres: torch.Tensor | None = None
        self.by: torch.Tensor | None = None
        """The coarse rows by which the last step was made."""

    def of(self, centres: torch.Tensor, coarse: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """(N,) nearest centre and squared distance to it, by the products of the `coarse` rows where they are given."""
        moved = None
        if self.centres is not None and self.by is coarse:
            moved = torch.nonzero((centres != self.centres).any(1)).flatten()
        self.centres, self.by = centres, coarse
        if moved is None or len(moved) > 0.75 * len(centres):
            self.assignment, self.scores = _best(self.rows, centres, coarse)
        elif len(moved):
            self._update(centres, coarse, moved)
        return self.assignment, (self.lengths - 2 * self.scores).clamp_min_(0)

    def _update(self, centres: torch.Tensor, coarse: torch.Tensor | None, moved: torch.Tensor) -> None:
        left = torch.zeros(len(centres), dtype=torch.bool, device=centres.device)
        left[moved] = True
        place, score = _best(self.rows, centres[moved], coarse)
        better = score >= self.scores                             # than all that stand still, as the row's best was
        lost = torch.nonzero(left[self.assignment] & ~better).flatten()
        self.assignment, self.scores = torch.where(better, moved[place], self.assignment), torch.maximum(score, self.scores)
        for part in lost.split(max(1, CHUNK // self.rows.shape[1])):
            some = None if coarse is None else coarse[part]
            self.assignment[part], self.scores[part] = _best(self.rows[part], centres, some)


def _by_batches(
    rows: torch.Tensor, centres: torch.Tensor, held: int, spherical: bool, size: int, max_iterations: int, threshold: float,
    draw: torch.Generator,
) -> KMeans:
    """Every batch moves its centres towards its means, by its share of all rows that they have been given so far."""
    lengths = _squares(rows)
    counts = torch.zeros(len(centres), dtype=torch.float64, device=rows.device)
    converged, passes = False, 0
    for _ in range(max_iterations):
        passes, before = passes + 1, centres
        for at in torch.randperm(len(rows), generator=draw).to(rows.device).split(size):
            part = rows[at]
            places = nearest_centres(part, centres, lengths[at])[0]
            given = torch.bincount(places, minlength=len(centres))
            counts += given
            total = torch.zeros_like(centres).index_add_(0, places, part)
            share = (given / counts.clamp_min(1)).to(rows.dtype)[:, None]
            new = centres + share * (total / given.clamp_min(1)[:, None] - centres)
            if spherical:
                new = torch.nn.functional.normalize(new, dim=1)
            new[:held] = centres[:held]
            centres = new
        if float(((centres - before) ** 2).sum()) <= threshold:
            converged = True
            break
    assignment, distances = nearest_centres(rows, centres, lengths)
    return KMeans(assignment, centres, float(distances.sum(dtype=torch.float64)), passes, converged, "batches")


class _Sums:
    """Sum and number of the rows of each cluster, kept up to date by the rows that move: after a few steps these are few."""

    def __init__(self, rows: torch.Tensor, k: int) -> None:
        self.rows, self.k, self.age = rows, k, 0
        self.assignment: torch.Tensor | None = None
        self.total = rows.new_zeros(k, rows.shape[1])

    def of(self, assignment: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        before, self.assignment = self.assignment, assignment
        moved = self.rows if before is None else torch.nonzero(assignment != before).flatten()
        if before is None or self.age >= 16 or len(moved) > len(self.rows) // 4:      # anew now and then, for rounding adds up
            self.total, self.age = self._add(self.rows, assignment), 0
        else:
            part = self.rows[moved]
            self.total = self.total + self._add(part, assignment[moved]) - self._add(part, before[moved])
            self.age += 1
        return self.total, torch.bincount(assignment, minlength=self.k)

    def _add(self, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        if self.k <= 64:                                          # few clusters: a product with indicators beats scattered additions
            return torch.nn.functional.one_hot(places, self.k).to(rows.dtype).T @ rows
        return torch.zeros_like(self.total).index_add_(0, places, rows)


def _means(
    sums: tuple[torch.Tensor, torch.Tensor], rows: torch.Tensor, distances: torch.Tensor, centres: torch.Tensor, held: int, spherical: bool
) -> torch.Tensor:
    """New centres. An empty cluster restarts at the row that lies farthest from its own centre."""
    total, counts = sums
    new = total / counts.clamp_min(1)[:, None]
    empty = torch.nonzero(counts == 0).flatten()
    empty = empty[empty >= held]
    if len(empty):
        new[empty] = rows[torch.topk(distances, len(empty)).indices]
    if spherical:
        new = torch.nn.functional.normalize(new, dim=1)
    new[:held] = centres[:held]
    return new


def _balanced(rows: torch.Tensor, centres: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Assignment in which every cluster gets floor(N/K) or ceil(N/K) rows.

    Entropic transport gives potentials under which the sizes are nearly right; rows then go to their best open place, the surest
    first, which makes them exactly right.
    """
    from labelnb.compute.sinkhorn import sinkhorn

    n, k = len(rows), len(centres)
    cost = _to(rows, lengths, centres).T.contiguous()             # (N, K)
    scale = float(cost.mean()) or 1.0
    transport = sinkhorn(-cost / scale, temperature=0.01, tolerance=0.01, max_iterations=200)
    scores = (transport.potential * 0.01).to(cost) - cost / scale
    assignment = fill(scores, n // k, n % k)
    return assignment, cost.gather(1, assignment[:, None])[:, 0]


def fill(scores: torch.Tensor, size: int, spare: int) -> torch.Tensor:
    """(N,) places of capacity `size`, `spare` of them with one more, filled by falling margin between a row's best and next open place."""
    n, k = scores.shape
    room = torch.full((k,), size, dtype=torch.int64, device=scores.device)
    assignment = torch.full((n,), -1, dtype=torch.int64, device=scores.device)
    open_ = scores.clone()
    while bool((assignment < 0).any()):
        waiting = torch.nonzero(assignment < 0).flatten()
        part = open_[waiting]
        top = part.topk(min(2, k), dim=1)
        margin = top.values[:, 0] - top.values[:, -1]
        want = top.indices[:, 0]
        for place in torch.unique(want).tolist():
            asking = waiting[want == place]
            asking = asking[torch.argsort(margin[want == place], descending=True, stable=True)]
            extra = 1 if spare > 0 and len(asking) > room[place] else 0
            given = asking[: max(0, int(room[place]) + extra)]
            assignment[given] = place
            spare -= int(extra and len(given) > room[place])
            room[place] -= len(given)
            if room[place] <= 0 and (len(given) < len(asking) or spare == 0):
                open_[:, place] = -float("inf")
    return assignment
