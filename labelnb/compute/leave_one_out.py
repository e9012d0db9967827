"""Scores of every seed as if it were no seed, in closed form: what the rest of the graph makes of it, without a solve for each.

- `spreading`: F is linear in Y, so seed i's own part R_ii Y_i is taken off its row, R = (I - alpha S)^-1. R_ii of all seeds and for any
  number of alphas come from the Chebyshev polynomials of S: 1 / (1 - alpha x) = (1 + 2 sum_n r^n T_n(x)) / sqrt(1 - alpha^2) with
  r = (1 - sqrt(1 - alpha^2)) / alpha, and T_2n = 2 T_n T_n - 1 halves the products with the graph.
- `harmonic`: a seed let go takes the value that balances its node: Y_i - (L F)_i / C_ii, C the Schur complement of the Laplacian.
- `poisson`: the source is taken out of the Green's function and of the mean.
"""
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import torch

from labelnb.checks import within
from labelnb.compute.device import able_device, working_memory
from labelnb.compute.propagate import normalised, solve_blocks
from labelnb.compute.seed_system import Inner, SeedSystem, green, solve
from labelnb.compute.sparse import sparse_tensor

__all__ = ["leave_one_out", "leave_one_out_alphas"]


def leave_one_out(system: SeedSystem, nodes: Sequence[int] | np.ndarray | None = None, *, tolerance: float = 1e-10) -> np.ndarray:
    """(n, K) float64 scores of seeds without their own seed; all other seeds stay.

    Parameters
    ----------
    system : what was solved
    nodes : seeds to judge, as nodes; all of them by default
    tolerance : of the solves

    Returns
    -------
    One row a node, in the order given. A row of zeros: no other seed reaches it.

    Raises
    ------
    ValueError
        If a node is no seed.

    Notes
    -----
    One solve of n columns (products with the graph times edges times n); a solve anew for each seed costs K / 2 times as much.
    """
    chosen = system.seed_nodes if nodes is None else np.asarray(nodes, dtype=np.int64)
    strange = chosen[~np.isin(chosen, system.seed_nodes)]
    if len(strange):
        raise ValueError(f"nodes: {strange[:5].tolist()} are no seeds; expected some of the system's seed_nodes")
    if not len(chosen):
        return np.zeros((0, system.seeds.shape[1]))
    if system.kind == "spreading":
        return leave_one_out_alphas(system.weights, system.seeds, [system.alpha], chosen, tolerance=tolerance)[0]
    return _harmonic(system, chosen, tolerance) if system.kind == "harmonic" else _poisson(system, chosen, tolerance)


def leave_one_out_alphas(
    weights: scipy.sparse.csr_array, seeds: scipy.sparse.csr_array, alphas: Sequence[float], nodes: np.ndarray, *,
    tolerance: float = 1e-10, memory: int | None = None,
) -> np.ndarray:
    """(A, n, K) as `leave_one_out` for the spreading systems of A alphas at once: the products with the graph are those of the largest.

    Parameters
    ----------
    weights : (M, M) W, symmetric, before it is normalised
    seeds : (M, K) Y, the same for every alpha
    alphas : each in [0, 1)
    nodes : (n,) seeds to judge
    tolerance : absolute, beside seeds of strength 1
    memory : bytes for the work; nodes are taken in blocks that fit
    """
    for alpha in alphas:
        within("alpha", alpha, 0.0, 1.0, open_high=True)
    device = able_device("cpu")
    s = normalised(weights.astype(np.float64))
    count, k = seeds.shape
    half = max(_terms(alpha, tolerance) for alpha in alphas) // 2 + 1
    weigh = np.stack([_coefficients(alpha, 2 * half + 2) for alpha in alphas])                # (A, terms)
    product, y = sparse_tensor(s, torch.float64, device), torch.from_numpy(seeds.toarray().astype(np.float64))
    block = max(1, int(working_memory(memory, device) / (32 * count)) - k)
    made = np.zeros((len(alphas), len(nodes), k))
    for a in range(0, len(nodes), block):
        part = nodes[a: a + block]
        scores, own = _moments(product, y, part, half)
        made[:, a: a + block] = np.einsum("at,tnk->ank", weigh, scores)
        made[:, a: a + block] -= np.einsum("at,tn->an", weigh, own)[:, :, None] * y.numpy()[part]
    scale = np.abs(made).max(axis=(1, 2), keepdims=True)
    made[np.abs(made) < 1e-12 * scale] = 0.0                                                  # what rounding leaves of nothing
    return made


def _terms(alpha: float, tolerance: float) -> int:
    """How many polynomials make the sum exact to the tolerance."""
    if alpha == 0:
        return 0
    root = math.sqrt(1 - alpha**2)
    ratio = (1 - root) / alpha
    return max(1, math.ceil(math.log(tolerance * (1 - ratio) * root / 2) / math.log(ratio)))


def _coefficients(alpha: float, terms: int) -> np.ndarray:
    root = math.sqrt(1 - alpha**2)
    ratio = (1 - root) / alpha if alpha else 0.0
    made = 2 * ratio ** np.arange(terms) / root
    made[0] = 1 / root
    return made


def _moments(s: torch.Tensor, y: torch.Tensor, nodes: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """e_i^T T_n(S) Y, (2 half + 2, n, K), and e_i^T T_n(S) e_i, (2 half + 2, n), for the nodes i."""
    n, at = len(nodes), torch.from_numpy(nodes)
    before = torch.zeros((len(y), n + y.shape[1]), dtype=y.dtype, device=y.device)
    before[at, torch.arange(n)] = 1.0
    before[:, n:] = y
    now = s @ before
    zero, one = y[at].numpy(), now[at, n:].numpy()
    own_one = now[at, torch.arange(n)].numpy()
    scores, own = np.zeros((2 * half + 2, n, y.shape[1])), np.zeros((2 * half + 2, n))
    for step in range(half + 1):
        ahead = now if step == 0 else torch.addmm(before, s, now, beta=-1, alpha=2)           # T_(step + 1), from T_(step - 1) and T_step
        here = before if step == 0 else now
        scores[2 * step] = 2 * (here[:, :n].T @ here[:, n:]).numpy() - zero
        scores[2 * step + 1] = 2 * (here[:, :n].T @ ahead[:, n:]).numpy() - one
        own[2 * step] = 2 * (here[:, :n] ** 2).sum(0).numpy() - 1
        own[2 * step + 1] = 2 * (here[:, :n] * ahead[:, :n]).sum(0).numpy() - own_one
        before, now = here, ahead
    return scores, own


def _harmonic(system: SeedSystem, nodes: np.ndarray, tolerance: float) -> np.ndarray:
    inner = Inner.of(system)
    w, y = inner.weights, inner.seeds.toarray()
    degree = np.asarray(w.sum(axis=1)).ravel()
    f = solve(system._replace(weights=w), tolerance=tolerance).scores.numpy()
    right = (w[inner.free][:, nodes]).toarray() / inner.root[:, None]
    flow = solve_blocks(inner.s, right, tolerance, 10_000, "cpu").scores.numpy() / inner.root[:, None]
    back = np.asarray((w[nodes][:, inner.free] * scipy.sparse.csr_array(flow.T)).sum(axis=1)).ravel() if len(inner.free) else 0.0
    stiffness = degree[nodes] - back                                                          # C_ii
    imbalance = degree[nodes, None] * y[nodes] - w[nodes] @ f                                 # (L F)_i
    alone = stiffness <= 1e-9 * np.maximum(degree[nodes], 1e-300)
    made = y[nodes] - np.divide(imbalance, stiffness[:, None], where=~alone[:, None], out=np.zeros_like(imbalance))
    made[alone] = 0.0
    return np.maximum(made, 0.0)


def _poisson(system: SeedSystem, nodes: np.ndarray, tolerance: float) -> np.ndarray:
    _, parts = scipy.sparse.csgraph.connected_components(system.weights, directed=False)
    rows = system.seed_nodes
    y = system.seeds.toarray().astype(np.float64)
    g = green(system, nodes, tolerance=tolerance)
    made = np.zeros((len(nodes), y.shape[1]))
    for position, node in enumerate(nodes):
        others = rows[(parts[rows] == parts[node]) & (rows != node)]
        if not len(others):
            continue
        mean = y[others].mean(axis=0)
        several = np.count_nonzero(y[others].any(axis=0)) > 1
        made[position] = g[others, position] @ (y[others] - mean) if several else mean
    return made
