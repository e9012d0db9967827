"""The linear system behind a propagation: graph, seeds and what holds at a node. One description for all methods; solved, questioned.

Three kinds, W the weights, D its row sums, Y the seeds:

- `spreading`: F = (I - alpha S)^-1 Y with S = D^-1/2 W D^-1/2 (Zhou et al. 2004);
- `harmonic`: F = Y at the seeds, F = D^-1 W F elsewhere (Zhu, Ghahramani and Lafferty 2003);
- `poisson`: (D - W) F = Y less its mean over the seeds, with sum of d F zero (Calder et al. 2020), part of the graph by part.

All are linear in Y: the score of a node is a sum of what each seed gives to it, which one solve of the adjoint system tells.
"""
from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import torch

from labelnb.checks import within
from labelnb.compute.paths import strongest_walks
from labelnb.compute.propagate import Propagation, checked_weights, normalised, propagate, solve_blocks

__all__ = ["SeedSystem", "seed_system", "solve", "contributions", "paths", "reached", "green"]


class SeedSystem(NamedTuple):
    """A graph, its seeds, and the equation that the scores fulfil. To edit one, `_replace` its weights or seeds and solve again."""

    kind: Literal["spreading", "harmonic", "poisson"]
    """Which equation."""
    weights: scipy.sparse.csr_array
    """(M, M) W: symmetric, not negative, zero diagonal; before any normalisation."""
    seeds: scipy.sparse.csr_array
    """(M, K) Y: the strength of each seed for its class."""
    alpha: float = 1.0
    """Share of a score that comes from the neighbours; 1 for `harmonic` and `poisson`."""
    first_item: int = 0
    """Nodes in front of the items: K where the classes are nodes too, else 0. Item i is node first_item + i."""

    @property
    def seed_nodes(self) -> np.ndarray:
        """(L,) int64 nodes that are seeds, in order."""
        return np.flatnonzero(np.diff(self.seeds.indptr)).astype(np.int64)


def seed_system(
    kind: Literal["spreading", "harmonic", "poisson"], graph: Any, seeds: Any, *, alpha: float = 1.0, first_item: int = 0,
) -> SeedSystem:
    """A SeedSystem of checked parts.

    Parameters
    ----------
    kind : `spreading`, `harmonic` or `poisson`
    graph : (M, M) symmetric non-negative weights: scipy sparse, torch sparse or a KnnGraph; its diagonal is dropped
    seeds : (M, K) strengths, dense or sparse
    alpha : in [0, 1) for `spreading`; the others have no use for it
    first_item : nodes in front of the items

    Raises
    ------
    ValueError
        If the graph is not square, symmetric, finite and non-negative, the seeds do not fit it, or alpha is out of range.
    """
    if kind not in ("spreading", "harmonic", "poisson"):
        raise ValueError(f"kind: got {kind!r}, expected 'spreading', 'harmonic' or 'poisson'")
    weights = checked_weights(graph)
    if weights.diagonal().any():
        weights = scipy.sparse.csr_array(weights - scipy.sparse.diags_array(weights.diagonal()))
        weights.eliminate_zeros()
    y = scipy.sparse.csr_array(seeds)
    if y.shape[0] != weights.shape[0]:
        raise ValueError(f"seeds: got shape {y.shape}, expected ({weights.shape[0]}, K): one row a node of the graph")
    y.eliminate_zeros()
    if kind == "spreading":
        within("alpha", alpha, 0.0, 1.0, open_high=True)
    return SeedSystem(kind, weights, y, float(alpha) if kind == "spreading" else 1.0, int(first_item))


def solve(system: SeedSystem, *, tolerance: float = 1e-7, max_iterations: int = 2000, device: Any = "cpu") -> Propagation:
    """F (M, K) of the system, in the type of the weights; nodes that no seed reaches keep rows of zeros.

    `harmonic` and `poisson` are solved in float64: their condition grows with the size of the graph. The residual is that of the
    symmetric form of the equation.
    """
    double = system.weights.dtype == np.float64
    given = torch.float64 if double else torch.float32
    if system.kind == "spreading":
        start = system.seeds.astype(np.float64 if double else np.float32)
        dense = start if torch.device(device).type == "cpu" else torch.from_numpy(start.toarray()).to(device)
        made = propagate(
            normalised(system.weights), dense, alpha=system.alpha, tolerance=tolerance, normalise="none", max_iterations=max_iterations
        )
        return made._replace(scores=made.scores.clamp_min_(0)) if system.seeds.data.min(initial=0.0) >= 0 else made
    inner = Inner.of(system)
    right = inner.right(system.seeds)
    solved = solve_blocks(inner.s, right, tolerance, max_iterations, device)
    return solved._replace(scores=torch.from_numpy(inner.outward(solved.scores.cpu().numpy())).to(device=device, dtype=given))


def contributions(system: SeedSystem, node: int, *, tolerance: float = 1e-10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What every seed gives to the scores of one node: exact, by one solve of the adjoint system.

    Returns
    -------
    seed_nodes (n,) int64, classes (n,) int64, contribution (n,) float64. The contributions of a class add up to the node's score for
    it. In the `poisson` system a seed gives to every class, as the mean over the seeds is taken off: what it gives to others than its
    own is mostly negative.

    Raises
    ------
    IndexError
        If there is no such node.
    """
    count = system.weights.shape[0]
    if not -count <= node < count:
        raise IndexError(f"node: got {node}, expected a position from 0 to {count - 1}")
    z = green(system, np.array([node % count]), tolerance=tolerance)[:, 0]
    y = system.seeds.tocoo()
    rows, classes = (part.astype(np.int64) for part in y.coords)
    if system.kind != "poisson":
        return rows, classes, z[rows] * y.data
    return _poisson_contributions(system, z, node % count)


def green(system: SeedSystem, nodes: np.ndarray, *, tolerance: float = 1e-10, max_iterations: int = 10_000) -> np.ndarray:
    """(M, n) float64, column by node: what one unit of seed at each place gives to the node's score.

    For `harmonic`, entries at seeds are the probabilities that a random walk from the node meets this seed first; for `poisson`, the
    Green's function of the Laplacian that is zero on average.
    """
    count = system.weights.shape[0]
    if system.kind == "spreading":
        start = scipy.sparse.csc_array((np.ones(len(nodes)), (nodes, np.arange(len(nodes)))), shape=(count, len(nodes)))
        s = normalised(system.weights.astype(np.float64))
        solved = propagate(
            s, start, alpha=system.alpha, tolerance=tolerance, method="cg", normalise="none", max_iterations=max_iterations
        )
        return solved.scores.numpy()
    inner = Inner.of(system)
    return inner.adjoint(nodes, tolerance, max_iterations)


def paths(system: SeedSystem, node: int, seeds: np.ndarray, *, n: int = 5) -> list[tuple[list[int], float]]:
    """The strongest paths without a cycle from any of the seeds to a node: lists from the seed to the node, and weights, strongest first.

    The weight of a path is the product over its edges of alpha S_ij (`spreading`), or of the probability w_ij / d_i that a walk takes
    the edge (the others); in the `harmonic` system a path ends at the first seed it meets.
    """
    if system.kind == "spreading":
        steps = normalised(system.weights.astype(np.float64)) * system.alpha
    else:
        steps = _walk(system.weights)
        if system.kind == "harmonic":
            free = np.ones(steps.shape[0])
            free[system.seed_nodes] = 0.0
            steps = scipy.sparse.csr_array(scipy.sparse.diags_array(free) @ steps)
    return strongest_walks(scipy.sparse.csr_array(steps), int(node), np.asarray(seeds, np.int64), n)


def reached(system: SeedSystem) -> np.ndarray:
    """(M,) bool: whether any path joins the node to a seed."""
    _, part = scipy.sparse.csgraph.connected_components(system.weights, directed=False)
    return np.isin(part, part[system.seed_nodes])


def _walk(weights: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """P = D^-1 W; nodes without an edge keep rows of zeros."""
    w = weights.astype(np.float64)
    degree = np.asarray(w.sum(axis=1)).ravel()
    return scipy.sparse.csr_array(scipy.sparse.diags_array(np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)) @ w)


class Inner(NamedTuple):
    """The symmetric form (I - S) g = right of a harmonic or Poisson system, over the nodes that have something to solve for."""

    kind: str
    s: scipy.sparse.csr_array
    """S over the free nodes."""
    free: np.ndarray
    """(n,) the nodes that are solved for."""
    root: np.ndarray
    """(n,) square root of the degree of each free node, in the whole graph."""
    weights: scipy.sparse.csr_array
    seeds: scipy.sparse.csr_array
    parts: np.ndarray
    """(M,) number of the connected part of each node."""

    @classmethod
    def of(cls, system: SeedSystem) -> Inner:
        """The form of a system."""
        w = system.weights.astype(np.float64)
        degree = np.asarray(w.sum(axis=1)).ravel()
        _, parts = scipy.sparse.csgraph.connected_components(w, directed=False)
        seed_nodes = system.seed_nodes
        solved = np.isin(parts, parts[seed_nodes])
        if system.kind == "harmonic":
            solved[seed_nodes] = False
        else:
            solved &= np.isin(parts, _mixed_parts(parts, system.seeds))
        free = np.flatnonzero(solved & (degree > 0))
        root = np.sqrt(degree[free])
        among = w[free][:, free]
        scale = scipy.sparse.diags_array(1 / root)
        return cls(system.kind, scipy.sparse.csr_array(scale @ among @ scale), free, root, w, system.seeds.astype(np.float64), parts)

    def right(self, y: scipy.sparse.csr_array) -> np.ndarray:
        """(n, K) D^-1/2 times what the seeds give to the free nodes."""
        if self.kind == "harmonic":
            given = (self.weights[self.free] @ self.seeds).toarray()
        else:
            given = centred(self.seeds, self.parts)[self.free].toarray()
        return np.asarray(given / self.root[:, None])

    def outward(self, g: np.ndarray) -> np.ndarray:
        """(M, K) scores of all nodes from the solution of the symmetric form."""
        made = np.zeros(self.seeds.shape)
        made[self.free] = self.level(g) / self.root[:, None]
        if self.kind == "harmonic":
            rows = np.flatnonzero(np.diff(self.seeds.indptr))
            made[rows] = self.seeds[rows].toarray()
            return made
        single = self.single()
        shares = seed_means(self.seeds, self.parts)
        made[single] = shares[self.parts[single]]
        return made

    def level(self, g: np.ndarray) -> np.ndarray:
        """Part by part, what of g is not a constant score: the Poisson equation leaves the constant open, the mean by degree is 0."""
        if self.kind == "harmonic" or not len(self.free):
            return g
        _, part = np.unique(self.parts[self.free], return_inverse=True)
        mass = np.bincount(part, weights=self.root**2)
        sums = np.stack([np.bincount(part, weights=column) for column in (self.root[:, None] * g).T], axis=1)
        return g - self.root[:, None] * (sums / mass[:, None])[part]

    def single(self) -> np.ndarray:
        """(M,) bool: nodes of parts whose seeds are all of one class, where the Poisson equation says nothing."""
        with_seeds = np.isin(self.parts, self.parts[np.flatnonzero(np.diff(self.seeds.indptr))])
        return with_seeds & ~np.isin(self.parts, _mixed_parts(self.parts, self.seeds))

    def adjoint(self, nodes: np.ndarray, tolerance: float, max_iterations: int) -> np.ndarray:
        """(M, n) what a unit at each place gives to each of the nodes."""
        count = self.weights.shape[0]
        place = np.full(count, -1)
        place[self.free] = np.arange(len(self.free))
        inside = place[nodes] >= 0
        start = np.zeros((len(self.free), len(nodes)))
        start[place[nodes[inside]], np.flatnonzero(inside)] = 1 / self.root[place[nodes[inside]]]
        start = self.level(start)
        g = self.level(solve_blocks(self.s, start, tolerance, max_iterations, "cpu").scores.numpy()) / self.root[:, None]
        made = np.zeros((count, len(nodes)))
        made[self.free] = g
        if self.kind == "harmonic":
            rows = np.flatnonzero(np.diff(self.seeds.indptr))
            made[rows] = self.weights[rows][:, self.free] @ g
            at_seeds = np.flatnonzero(np.isin(nodes, rows))
            made[nodes[at_seeds], at_seeds] = 1.0                # a seed answers for itself alone
        return made


def centred(seeds: scipy.sparse.csr_array, parts: np.ndarray) -> scipy.sparse.csr_array:
    """Y less its mean over the seeds of the same connected part, at the seeds: the sources and sinks of the Poisson equation."""
    rows = np.flatnonzero(np.diff(seeds.indptr))
    dense = seeds[rows].toarray() - seed_means(seeds, parts)[parts[rows]]
    at = np.repeat(rows, seeds.shape[1])
    columns = np.tile(np.arange(seeds.shape[1]), len(rows))
    return scipy.sparse.csr_array((dense.ravel(), (at, columns)), shape=seeds.shape)


def seed_means(seeds: scipy.sparse.csr_array, parts: np.ndarray) -> np.ndarray:
    """(number of parts, K) mean of Y over the seeds of each connected part; zeros where there is none."""
    rows = np.flatnonzero(np.diff(seeds.indptr))
    sums, counts = np.zeros((int(parts.max(initial=-1)) + 1, seeds.shape[1])), np.bincount(parts[rows], minlength=int(parts.max()) + 1)
    np.add.at(sums, parts[rows], seeds[rows].toarray())
    return sums / np.maximum(counts, 1)[:, None]


def _mixed_parts(parts: np.ndarray, seeds: scipy.sparse.csr_array) -> np.ndarray:
    """Numbers of the connected parts that hold seeds of two classes at least."""
    coo = seeds.tocoo()
    pairs = np.unique(np.stack([parts[coo.coords[0]], coo.coords[1]]), axis=1)
    numbers, counts = np.unique(pairs[0], return_counts=True)
    return numbers[counts > 1]


def _poisson_contributions(system: SeedSystem, z: np.ndarray, node: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every seed of the node's part to every class: z_l (y_l - mean); where the part knows one class, each seed its equal share."""
    _, parts = scipy.sparse.csgraph.connected_components(system.weights, directed=False)
    rows = system.seed_nodes
    rows = rows[parts[rows] == parts[node]]
    k = system.seeds.shape[1]
    own = system.seeds[rows].toarray().astype(np.float64)
    if len(rows) and parts[node] not in _mixed_parts(parts, system.seeds):
        amounts = own / len(rows)
    else:
        amounts = z[rows][:, None] * (own - own.mean(axis=0)) if len(rows) else own
    keep = np.flatnonzero(amounts.ravel() != 0)
    return np.repeat(rows, k)[keep], np.tile(np.arange(k), len(rows))[keep], amounts.ravel()[keep]
