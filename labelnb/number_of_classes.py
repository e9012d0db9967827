"""How many classes nobody named: four ways to estimate the number of groups beside the known classes, with their uncertainty.

- `hidden`: the number of clusters under which k-means tells the labelled items apart best, in a space fitted while some known classes
  are hidden. Too few clusters join known classes, too many cut them; the hidden ones are as strange to the space as the novel ones.
  Sources: Vaze et al. 2022 (arXiv 2201.02609, section 3.4) for the accuracy on labelled items over the number of clusters; Han, Vedaldi
  and Zisserman 2019 (arXiv 1908.09884) and Troisemaine et al. 2023 (arXiv 2311.05440) for hiding known classes.
- `shares`: how many items are of no known class, by the average size of a known class. Of known classes a part is labelled, of new ones
  nothing, so that the labels themselves say how much is new, where they were given at random within a class (Garg et al. 2021, arXiv
  2111.00980). `hidden` takes it into account, which decides where its own curve is flat.
- `silhouette`: the largest mean silhouette (Rousseeuw 1987) in the space whitened on the known classes, of the items in new groups.
- `stability`: the clusterings that two random halves of the items lead to agree best (Lange, Roth, Braun and Buhmann 2004).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from labelnb.checks import generator, positive_int, unit_rows
from labelnb.compute.kmeans import content_order, kmeans
from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.label_chance import known_share, label_chances, likeness
from labelnb.metrics import adjusted_rand_index, clustering_accuracy
from labelnb.open_world import OpenWorld, group_count, open_world, principal, whitened

__all__ = ["METHODS", "Estimate", "Opening", "Way", "by_shares", "estimate_clusters", "estimate_novel", "opened", "resolve", "settled"]

Way = Literal["hidden", "shares", "silhouette", "stability"]
METHODS: tuple[Way, ...] = ("hidden", "shares", "silhouette", "stability")
"""The ways to estimate."""
SAMPLE = 3000
"""Items looked at: the curves change little with more, the time grows with it."""
UNLIKE = 0.2
"""By how much, as a standard deviation, novel classes may be larger or smaller on average than known ones before `shares` is doubted."""
POINTS = 16
"""Numbers tried over the whole range; then all numbers near the best one are."""


class Estimate(NamedTuple):
    """A number of novel classes and how sure it is."""

    number: int
    """The middle of the numbers that are as good as the best one by the mean over the repetitions, within one standard error; of `hidden`
    the likeliest by its curve and by `shares` together."""
    low: int
    """Least of the numbers that are as good as the best one within two standard errors, or that `shares` gives, where it was asked."""
    high: int
    """Largest of them."""
    counts: np.ndarray
    """(M,) int64 the numbers tried, ascending."""
    scores: np.ndarray
    """(R, M) float64 the criterion in each repetition; the higher, the better."""


Criterion = Callable[[int, int], float]
"""Of a repetition and a number of novel classes, the value of the criterion."""


def estimate_novel(
    world: OpenWorld, *, method: Way = "hidden", most: int | None = None, repeats: int = 12,
    whiten: bool = True, seed: int = 0,
) -> Estimate:
    """Estimate how many classes there are among the unlabelled items beside the known ones.

    Parameters
    ----------
    world : items and labels, from `open_world`
    method : `hidden` needs two known classes; `shares`; `silhouette`; `stability`
    most : largest number tried; None for twice the known classes in all, and 10 at least
    repeats : repetitions, each with other classes hidden or other halves
    whiten : False where the rows of `world` are a space of their own already (not for `hidden`, which whitens by the classes not hidden)
    seed : of what is drawn

    Raises
    ------
    ValueError
        If the method is unknown, or `hidden` has fewer than two known classes to go by.
    """
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected one of {', '.join(METHODS)}")
    L = len(world.known)
    if method == "hidden" and L < 2:
        raise ValueError("labels: 'hidden' needs two known classes at least; label a second one, or use method='silhouette'")
    positive_int("repeats", repeats)
    small = _sample(world)
    most = max(10, L) if most is None else positive_int("most", most, low=0)
    most = min(most, int(small.free.sum()))
    if method == "hidden":
        found = _search(_hidden(small, L, repeats, seed), 0, most, repeats)
        return _with_shares(found, by_shares(small, repeats=repeats, seed=seed))
    if method == "shares":
        return _nearest_to(by_shares(small, repeats=repeats, seed=seed), most)
    space = whitened(small.x, small.labels) if whiten else small.x
    return _search((_silhouette if method == "silhouette" else _stability)(small, space, L, seed), 0, most, repeats)


def by_shares(world: OpenWorld, *, repeats: int, seed: int) -> np.ndarray:
    """(R,) float64 novel classes by how much is new, each of a resample of the items and one of three divisions into folds.

    It takes the novel classes to be as large on average as the known ones, and labels to have been given at random within a class.
    """
    rows, free = whitened(world.x, world.labels), world.free
    looks = [likeness(label_chances(rows, world.labels, seed=seed + fold), world.labels) for fold in range(min(3, repeats))]
    draw, made = np.random.default_rng(seed), []
    told, rest = (np.flatnonzero(part.cpu().numpy()) for part in (~free, free))
    for r in range(repeats):
        at = torch.from_numpy(np.concatenate([draw.choice(told, len(told)), draw.choice(rest, len(rest))])).to(rows.device)
        share = known_share(looks[r % len(looks)][at], world.labels[at]).value
        made.append((1 - share) * len(rest) * len(world.known) / (len(told) + share * len(rest)))
    return np.array(made)


def _nearest_to(numbers: np.ndarray, most: int) -> Estimate:
    """The numbers by shares as an estimate: their mean and two standard deviations, and how far each count is from each."""
    counts = np.arange(most + 1)
    middle, spread = float(numbers.mean()), 2 * float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    number, low, high = (min(max(round(middle + side * spread), 0), most) for side in (0, -1, 1))
    return Estimate(number, low, high, counts, -np.abs(counts - numbers[:, None]))


def _with_shares(found: Estimate, numbers: np.ndarray) -> Estimate:
    """The estimate by hidden classes and what the shares say, each weighed by how sure it is; the range holds what either says.

    A number costs the square of by how many standard errors its curve lies behind the best one's, and that of by how many standard
    deviations it is off the mean number by shares: the least sum is the likeliest where both errors are Gaussian.
    """
    behind, error = _behind(found.scores)
    middle = float(numbers.mean())
    spread = max(float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0, UNLIKE * middle, 0.5)
    cost = (behind / np.maximum(error, 1e-3)) ** 2 + ((found.counts - middle) / spread) ** 2
    low, high = (min(max(round(middle + side * spread), 0), int(found.counts[-1])) for side in (-2, 2))
    return found._replace(number=int(found.counts[cost.argmin()]), low=min(low, found.low), high=max(high, found.high))


def estimate_clusters(
    embeddings: Any, *, method: Literal["stability", "silhouette"] = "stability", most: int = 20, repeats: int = 5, seed: int = 0,
) -> Estimate:
    """Estimate how many groups there are where nothing is labelled: the same criteria with no known class.

    Parameters
    ----------
    embeddings : (N, D) one vector an item, 4 at least
    method : `stability` (two halves lead to the same groups) or `silhouette`
    most : largest number tried, from 2 on
    repeats : repetitions, each with other halves or other starts
    seed : of what is drawn

    Raises
    ------
    ValueError
        If the method is another one, or there are too few items.

    Notes
    -----
    One group is always found again, so that 2 is the least tried: do not use it to learn whether there are groups at all. Coarse groups
    are often more stable than the finer ones inside them; look at the whole curve (`counts`, `scores`), not at its top alone. On the ten
    kinds of scikit-learn's digits, three repetitions: silhouette 13 (9 to 16), stability 13 (4 to 20: it is as good as flat from 8 on).
    """
    if method not in ("stability", "silhouette"):
        raise ValueError(f"method: got {method!r}, expected 'stability' or 'silhouette'; 'hidden' needs known classes, see estimate_novel")
    x = unit_rows(embeddings)
    positive_int("repeats", repeats)
    most = min(positive_int("most", most, low=2), len(x) // 2)
    if most < 2:
        raise ValueError(f"embeddings: got {len(x)} items, expected 4 at least")
    order = content_order(x, seed)
    small = _sample(OpenWorld(x[order], torch.full((len(x),), -1, device=x.device), (), order))
    return _search((_silhouette if method == "silhouette" else _stability)(small, small.x, 0, seed), 2, most, repeats)


def _search(made: Criterion, least: int, most: int, repeats: int) -> Estimate:
    """The criterion over the whole range, then closely around its top."""
    tried: dict[int, list[float]] = {}
    counts = np.unique(np.linspace(least, most, min(most - least + 1, POINTS)).round().astype(int))
    _fill(tried, counts, made, repeats)
    step = int(np.diff(counts).max()) if len(counts) > 1 else 1
    if step > 1:                                                  # twice, for a flat curve may rise just outside the first look
        for _ in range(2):
            best = _best(tried)
            _fill(tried, range(max(least, best - step), min(most, best + step) + 1), made, repeats)
    order = np.array(sorted(tried))
    scores = np.array([tried[count] for count in order]).T        # (R, M)
    return Estimate(*settled(order, scores), order, scores)


def settled(counts: np.ndarray, scores: np.ndarray) -> tuple[int, int, int]:
    """The number and its range, from (M,) numbers tried and (R, M) scores: by how much each falls behind the best one in each repetition.

    The curve is flat about its top and its highest point is there by chance, so that the middle of what cannot be told from it is taken.
    Repetitions are compared with themselves: what makes all numbers good or bad in one of them (which classes were hidden) cancels.
    """
    behind, error = _behind(scores)
    near, fair = (counts[behind <= times * error + 1e-12] for times in (1, 2))
    return int(near[np.abs(near - (near[0] + near[-1]) / 2).argmin()]), int(fair[0]), int(fair[-1])


def _behind(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) by how much each number's scores lie behind those of the best one, repetition by repetition, and the standard error of that."""
    behind = scores[:, [int(scores.mean(0).argmax())]] - scores
    error = behind.std(0, ddof=1) / math.sqrt(len(scores)) if len(scores) > 1 else np.zeros(scores.shape[1])
    return behind.mean(0), error


def resolve(world: OpenWorld, n_novel: int | None, seed: int, *, low: int = 0) -> tuple[int, dict[str, Any], tuple[str, ...]]:
    """The number of new groups: as given, or estimated; what is known of the estimate, for the evidence; and warnings."""
    if n_novel is not None:
        if group_count(world, n_novel) < low:
            raise ValueError(f"n_novel: got {n_novel}, expected {low} at least")
        return n_novel, {}, ()
    if not bool(world.free.any()):
        return 0, {"number": (0, 0, 0)}, ()
    method: Literal["hidden", "silhouette"] = "hidden" if len(world.known) >= 2 else "silhouette"
    made = estimate_novel(world, method=method, seed=seed)
    number = max(low, made.number)
    warnings: tuple[str, ...] = ()
    if made.high - made.low > 2:
        unsure = f"the number of novel classes is unsure: {number}, as good from {made.low} to {made.high}"
        warnings = (f"{unsure}; give n_novel if you can",)
    return number, {"number": (number, made.low, made.high)}, warnings


class Opening(NamedTuple):
    """What a method that looks for novel classes begins with."""

    world: OpenWorld
    """Checked items, in the order of their content."""
    rows: torch.Tensor
    """(N, d) the space it works in."""
    number: int
    """New groups to form."""
    facts: dict[str, Any]
    """What is known of an estimated number, for the evidence."""
    warnings: tuple[str, ...]
    """What to say about it."""


def opened(embeddings: Any, labels: Any, n_novel: int | None, *, whiten: bool, seed: int, low: int = 0) -> Opening:
    """Check the ingredients, whiten where asked, and settle the number of new groups: `low` at least where an item has no label."""
    world = open_world(embeddings, labels, seed=seed)
    rows = whitened(world.x, world.labels) if whiten else world.x
    return Opening(world, rows, *resolve(world, n_novel, seed, low=low if bool(world.free.any()) else 0))


def _sample(world: OpenWorld) -> OpenWorld:
    """At most SAMPLE items, evenly over their order of content."""
    if len(world.x) <= SAMPLE:
        return world
    at = torch.linspace(0, len(world.x) - 1, SAMPLE, dtype=torch.float64).round().long().to(world.x.device)
    return world._replace(x=world.x[at], labels=world.labels[at], order=torch.argsort(torch.argsort(world.order[at])))


def _fill(tried: dict[int, list[float]], counts: Sequence[int] | np.ndarray | range, made: Criterion, repeats: int) -> None:
    for count in counts:
        if int(count) not in tried:
            tried[int(count)] = [made(r, int(count)) for r in range(repeats)]


def _best(tried: dict[int, list[float]]) -> int:
    """The number of largest mean; of equal ones the smallest."""
    return max(sorted(tried), key=lambda count: float(np.mean(tried[count])))


def _hidden(world: OpenWorld, L: int, repeats: int, seed: int) -> Criterion:
    known = world.labels >= 0
    truth = world.labels[known].cpu().numpy()
    rows = principal(world.x - world.x.mean(0))                   # once for all: this is what takes time in wide embeddings
    spaces = []
    draw = generator(seed)
    for _ in range(repeats):
        hide = torch.randperm(L, generator=draw)[: max(1, round(0.3 * L)) if L > 2 else 0].to(world.labels.device)
        seen = torch.where(torch.isin(world.labels, hide), -1, world.labels)
        spaces.append(whitened(rows, seen))

    def criterion(r: int, count: int) -> float:
        got = kmeans(spaces[r], L + count, seed=seed + r).assignment
        return clustering_accuracy(got[known].cpu().numpy(), truth)

    return criterion


def _silhouette(world: OpenWorld, space: torch.Tensor, L: int, seed: int) -> Criterion:
    def criterion(r: int, count: int) -> float:
        if count == 0:                                            # no new group, nothing to judge: below any group that is worth its name
            return 0.0
        assignment = seeded_kmeans(space, world.labels, L + count, seed=seed + r).assignment
        new = torch.nonzero(assignment >= L).flatten()
        return silhouette(space, assignment, new) if len(new) else -1.0

    return criterion


def silhouette(x: torch.Tensor, assignment: torch.Tensor, at: torch.Tensor) -> float:
    """Mean silhouette of the rows `at` (Euclidean): (b - a) / max(a, b), of the mean distances a within the own cluster and b to the
    nearest other. A row that is alone in its cluster counts 0.
    """
    k = int(assignment.max()) + 1
    onehot = torch.nn.functional.one_hot(assignment, k).to(x.dtype)
    sizes = onehot.sum(0)
    own = assignment[at]
    total = torch.cat([torch.cdist(block, x) @ onehot for block in x[at].split(1024)])       # (Q, K) summed distances
    inside = total.gather(1, own[:, None])[:, 0] / (sizes[own] - 1).clamp_min(1)
    means = total / sizes.clamp_min(1)
    means[:, sizes == 0] = torch.inf
    outside = means.scatter(1, own[:, None], torch.inf).amin(1)
    values = (outside - inside) / torch.maximum(inside, outside).clamp_min(1e-12)
    alone = (sizes[own] == 1) | torch.isinf(outside)
    return float(torch.where(alone, torch.zeros_like(values), values).mean())


def _stability(world: OpenWorld, space: torch.Tensor, L: int, seed: int) -> Criterion:
    free = torch.nonzero(world.free).flatten()

    def criterion(r: int, count: int) -> float:
        draw = generator(seed + r)
        halves = torch.randperm(len(free), generator=draw).to(free.device).chunk(2)
        if len(halves) < 2 or min(len(half) for half in halves) < count:
            return 0.0
        pinned = torch.nonzero(~world.free).flatten()
        got = []
        for s, half in enumerate(halves):
            rows = torch.cat([pinned, free[half]])
            run = seeded_kmeans(space[rows], world.labels[rows], L + count, seed=seed + 10 * r + s)
            got.append(torch.cdist(space[free], run.centres).argmin(1).cpu().numpy())
        new = (got[0] >= L) | (got[1] >= L)
        if count == 0 or not new.any():
            return 0.0
        return adjusted_rand_index(got[0][new], got[1][new])

    return criterion
