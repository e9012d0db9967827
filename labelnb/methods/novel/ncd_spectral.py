"""NCD spectral clustering: a spectral embedding of known and unknown items together, whose settings are chosen on hidden known classes.

Source: Troisemaine, Reiffers-Masson, Gosselin, Lemaire and Vaton 2023, "A Practical Approach to Novel Class Discovery in Tabular Data",
section 3.2, arXiv 2311.05440. Reference code: https://github.com/Orange-OpenSource/PracticalNCD
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch

from labelnb.checks import Range, positive_int, within
from labelnb.compute.knn import knn_graph
from labelnb.compute.seeded_kmeans import seeded_kmeans
from labelnb.hidden_classes import choose
from labelnb.number_of_classes import resolve
from labelnb.open_world import OpenWorld, grouped, open_world, principal, whitened
from labelnb.results import Clusters

WIDGET = "clusters"
CATALOGUE = 14
DENSE = 5000
"""Above so many items the full affinity is refused: it takes N x N numbers, and its eigenvectors N^3 steps."""


def ncd_spectral(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    affinity: Literal["neighbours", "gaussian"] = "neighbours",
    n_components: int | None = None,
    min_dist: Annotated[float, Range(0.001, 0.999)] = 0.6,
    neighbours: Annotated[int, Range(2, 200)] = 15,
    whiten: bool = True,
    folds: Annotated[int, Range(0, 20)] = 3,
    starts: Annotated[int, Range(1, 100)] = 10,
    seed: int = 0,
) -> Clusters:
    """Group items into the known classes and `n_novel` new ones by k-means in the eigenvectors of their graph.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    n_novel : new groups; None estimates their number (`number_of_classes`)
    affinity : `neighbours`, a graph of nearest neighbours without edges between different labels; `gaussian`, the paper's: all pairs, with
        the width at which the longest edge of the minimum spanning tree weighs `min_dist`
    n_components : eigenvectors; None for one a group (paper), and with folds for what suits hidden known classes best
    min_dist : weight of the longest edge of the spanning tree, of the `gaussian` affinity
    neighbours : edges an item, of the `neighbours` affinity
    whiten : work where the known classes are as wide in all directions, instead of on the embeddings as they are
    folds : parts of the known classes that are hidden in turn to choose `n_components`, `min_dist` or `neighbours`; 0 takes them as given
    starts : k-means++ starts
    seed : of the starts and of the parts

    Returns
    -------
    Clusters, the known classes first, then the new groups by size. Evidence: `classes` (C,) the class position of each cluster, -1 for a
    new one; `coordinates` (N, n_components); `chosen` and `candidates` where hidden classes decided; `n_novel`.

    Raises
    ------
    ValueError
        If no item is labelled, n_novel does not fit, or the `gaussian` affinity is asked for more than 5,000 items.

    Notes
    -----
    The paper's affinity is dominated by outliers: the spanning tree's longest edge is the one to the item farthest off. The sparse
    graph is not, and takes N log N. Do not use either where a class is a cloud without a denser middle: prefer `uno`.
    """
    _check(affinity, n_components, min_dist, neighbours, folds, starts)
    world = open_world(embeddings, labels, seed=seed)
    n = len(world.x)
    if affinity == "gaussian" and n > DENSE:
        raise ValueError(f"affinity: 'gaussian' needs {n} x {n} numbers; expected at most {DENSE} items; use affinity='neighbours'")
    number, facts, warnings = resolve(world, n_novel, seed)
    given = {"n_components": n_components, "min_dist": min_dist, "neighbours": neighbours}
    if not bool(world.free.any()) or n < 4:
        rows = world.x
        run = seeded_kmeans(rows, world.labels, len(world.known) + number, seed=seed)
        return grouped(world, run.assignment, evidence={"coordinates": rows, **facts}, warnings=warnings)

    # Once for all, for this is what takes time in wide embeddings; the tries whiten what is left by their own labels.
    reduced = world._replace(x=principal(world.x - world.x.mean(0))) if whiten else world
    candidates = _candidates(given, affinity)
    axes = _Axes(affinity, whiten, max(float(candidate.get("times") or 1.0) for candidate in candidates))

    def tried(inner: OpenWorld, settings: Mapping[str, Any], count: int) -> torch.Tensor:
        rows = axes.of(inner, settings, count)
        return seeded_kmeans(rows, inner.labels, len(inner.known) + count, seed=seed, n_init=3).assignment

    chosen, table = choose(reduced, candidates, tried, folds=folds, seed=seed) if folds else (given, [])
    axes.most = float(chosen.get("times") or 1.0)
    rows = axes.of(reduced, chosen, number)
    run = seeded_kmeans(rows, world.labels, len(world.known) + number, seed=seed, n_init=starts)
    if table:
        facts = {"chosen": dict(chosen), "candidates": table, **facts}
    return grouped(world, run.assignment, evidence={"coordinates": rows, **facts}, warnings=warnings)


def _check(affinity: str, n_components: int | None, min_dist: float, neighbours: int, folds: int, starts: int) -> None:
    if affinity not in ("neighbours", "gaussian"):
        raise ValueError(f"affinity: got {affinity!r}, expected 'neighbours' or 'gaussian'")
    if n_components is not None:
        positive_int("n_components", n_components)
    within("min_dist", min_dist, 0.0, 1.0, open_low=True, open_high=True)
    positive_int("neighbours", neighbours, low=2), positive_int("folds", folds, low=0), positive_int("starts", starts)


def _candidates(given: Mapping[str, Any], affinity: str) -> list[dict[str, Any]]:
    """What is tried on hidden classes: the given settings first."""
    extra = [{"min_dist": value} for value in (0.2, 0.9)] if affinity == "gaussian" else [{"neighbours": k} for k in (8, 30)]
    made = [dict(given), *({**given, **each} for each in extra)]
    # Components are counted in groups, for there are fewer of these while classes are hidden.
    return made if given["n_components"] is not None else [{**each, "times": times} for each in made for times in (1.0, 1.5, 2.0)]


class _Axes:
    """Eigenvectors of the normalised Laplacian of smallest eigenvalues, without the first. Settings that only differ in how many of them
    are used share one computation."""

    def __init__(self, affinity: str, whiten: bool, most: float) -> None:
        self.affinity, self.whiten, self.most = affinity, whiten, most
        self.kept: tuple[torch.Tensor, dict[float, torch.Tensor]] | None = None

    def of(self, world: OpenWorld, settings: Mapping[str, Any], number: int) -> torch.Tensor:
        """(N, m) unit rows."""
        groups = len(world.known) + number
        m = settings["n_components"] or math.ceil(settings.get("times", 1.0) * groups)
        m, limit = max(1, m), len(world.x) - 2
        if self.kept is None or self.kept[0] is not world.x:
            self.kept = world.x, {}
        width = settings["min_dist" if self.affinity == "gaussian" else "neighbours"]
        found = self.kept[1].get(width)
        if found is None or found.shape[1] < min(m, limit):
            rows = whitened(world.x, world.labels) if self.whiten else world.x
            most = min(limit, m if settings["n_components"] else math.ceil(self.most * groups))
            found = _gaussian(rows, most, width) if self.affinity == "gaussian" else _sparse(rows, world.labels, most, width)
            self.kept[1][width] = found
        # The length of a row says how dense its surroundings are, not where it belongs (Ng, Jordan and Weiss 2002).
        return torch.nn.functional.normalize(found[:, : min(m, limit)], dim=1)


def _gaussian(rows: torch.Tensor, m: int, min_dist: float) -> torch.Tensor:
    squared = torch.cdist(rows, rows) ** 2
    affinity = torch.exp(-squared / (2 * spanning_sigma(squared, min_dist) ** 2)).fill_diagonal_(0)
    degree = affinity.sum(1).clamp_min(1e-30)
    values = affinity / (degree[:, None] * degree).sqrt()
    return torch.linalg.eigh(values)[1].flip(1)[:, 1 : m + 1]


def spanning_sigma(squared: torch.Tensor, min_dist: float) -> float:
    """Width of the Gaussian from the longest edge d of the minimum spanning tree: sigma^2 = -d^2 / log(min_dist), as in the reference."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    longest = float(minimum_spanning_tree(squared.cpu().numpy()).data.max(initial=0.0))
    return math.sqrt(max(longest, 1e-12) / -math.log(min_dist))


def _sparse(rows: torch.Tensor, labels: torch.Tensor, m: int, neighbours: int) -> torch.Tensor:
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import eigsh

    n, k = len(rows), min(neighbours, len(rows) - 1)
    found = knn_graph(rows, k).indices.cpu().numpy()
    y = labels.cpu().numpy()
    source, target = np.repeat(np.arange(n), k), found.ravel()
    apart = (y[source] >= 0) & (y[target] >= 0) & (y[source] != y[target])
    source, target = source[~apart], target[~apart]
    # A node for every known class, joined to its labelled items: what people have said belongs together does.
    told = np.flatnonzero(y >= 0)
    source, target = np.concatenate([source, told]), np.concatenate([target, n + y[told]])
    total = n + int(y.max()) + 1
    weights = np.concatenate([np.ones(len(source) - len(told)), np.full(len(told), 0.25 * k)])
    graph = coo_array((weights, (source, target)), shape=(total, total)).tocsr()
    graph = graph + graph.T
    scale = diags_array(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)))
    normal = scale @ graph @ scale
    if total <= m + 2 or total < 200:
        vectors = np.linalg.eigh(normal.toarray())[1][:, ::-1][:, 1 : m + 1]
    else:
        # A start of its own: the solver would draw one from NumPy's global generator.
        vectors = eigsh(normal, k=min(m + 1, total - 1), which="LA", v0=np.ones(total))[1][:, ::-1][:, 1 : m + 1]
    return torch.from_numpy(np.ascontiguousarray(vectors[:n])).to(rows)
