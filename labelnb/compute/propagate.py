"""Labels that travel along a graph: (I - alpha S) F = Y for all classes at once, and what each seed gave to one node.

S is the graph after normalisation, Y the seeds. Sources: Zhou et al. 2004 (learning with local and global consistency, eq. 4); conjugate
gradients for it: Iscen et al. 2017 (arXiv 1611.05113), preconditioned: `sweeps`; the Chebyshev semi-iteration: Golub and Varga 1961.
"""
from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, positive_int, within
from labelnb.compute.device import able_device, working_memory
from labelnb.compute.kept_scores import KeptScores
from labelnb.compute.knn import KnnGraph
from labelnb.compute.sparse import reordered, sparse_tensor

__all__ = ["Propagation", "propagate", "normalised", "contributions"]


class Propagation(NamedTuple):
    """The solution and how it was reached."""

    scores: torch.Tensor
    """(N, K) F of (I - alpha S) F = Y; with `keep` (N, keep), the largest of every node, falling."""
    residual: float
    """Largest |Y - (I - alpha S) F| / |Y| of any class, taken anew from the solution."""
    iterations: int
    """Products with the graph, of the class block that took most."""
    method: str
    """What ran: `preconditioned`, `cg`, `chebyshev` or `power`."""
    converged: bool
    """Whether the residual is within the tolerance."""
    classes: torch.Tensor | None = None
    """With `keep` (N, keep) int64: the classes of `scores`."""


def propagate(
    graph: Any,
    seeds: Any,
    *,
    alpha: float,
    method: Literal["auto", "preconditioned", "cg", "chebyshev", "power"] = "auto",
    tolerance: float = 1e-6, max_iterations: int = 1000,
    normalise: Literal["symmetric", "none"] = "symmetric",
    memory: int | None = None,
    keep: int | None = None,
) -> Propagation:
    """Solve (I - alpha S) F = Y for all classes at once.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights: scipy sparse, torch sparse or a KnnGraph (made symmetric)
    seeds : (N, K) dense or scipy sparse; one column a class (Y)
    alpha : share of a node's score that comes from its neighbours, in [0, 1); the larger, the farther labels travel
    method : `cg`, conjugate gradients, adapts to the graph and wins the more the nearer alpha is to 1; `preconditioned` sweeps through the
        nodes in each of its steps, takes a third to a half of them, and needs a CPU; `chebyshev` needs no inner products and knows its
        number of steps beforehand; `power` is the plain iteration F <- alpha S F + Y. `auto` takes preconditioned on a CPU above 5,000
        nodes, else chebyshev up to alpha .5, then cg
    tolerance : relative residual to reach, of every class
    max_iterations : products with the graph at most
    normalise : `symmetric` divides w_ij by sqrt(d_i d_j), d the row sums without the diagonal, which is dropped (S in the paper);
        `none` takes the graph as S already
    memory : bytes for the work beside graph and result; classes are solved in blocks that fit
    keep : scores kept of every node, the largest; for thousands of classes, with sparse seeds, of which N x K would not fit in memory

    Returns
    -------
    Propagation on the seeds' device (CPU where the seeds are NumPy or scipy), float64 where graph and seeds are both float64, else
    float32. Where float32 cannot reach the tolerance for this alpha, the work is done in float64.

    Raises
    ------
    ValueError
        If the graph is not square, symmetric, finite and non-negative, shapes do not fit, or alpha is outside [0, 1).
    """
    within("alpha", alpha, 0.0, 1.0, open_high=True)
    within("tolerance", tolerance, 0.0, 1.0, open_low=True, open_high=True)
    positive_int("max_iterations", max_iterations)
    if keep is not None:
        positive_int("keep", keep)
    if method not in ("auto", "preconditioned", *_SOLVERS):
        raise ValueError(f"method: got {method!r}, expected 'auto', 'preconditioned', {', '.join(map(repr, _SOLVERS))}")
    if normalise not in ("symmetric", "none"):
        raise ValueError(f"normalise: got {normalise!r}, expected 'symmetric' or 'none'")
    weights = checked_weights(graph)
    starts = seeds.tocsc() if scipy.sparse.issparse(seeds) else as_tensor(seeds, "seeds", dtype=None)
    if starts.ndim != 2 or starts.shape[0] != weights.shape[0]:
        raise ValueError(f"seeds: got shape {tuple(starts.shape)}, expected ({weights.shape[0]}, K): one row a node, one column a class")
    home = starts.device if isinstance(starts, torch.Tensor) else torch.device("cpu")
    device = able_device(home)
    double = weights.dtype == np.float64 and (starts.dtype in (np.float64, torch.float64))
    # A float32 solution is off by about 6e-8 times the condition number (1 + alpha) / (1 - alpha) at best.
    work = torch.float64 if double or tolerance * (1 - alpha) < 4e-7 * (1 + alpha) else torch.float32
    given, budget = torch.float64 if double else torch.float32, working_memory(memory, device)
    if method == "preconditioned" and device.type != "cpu":
        raise ValueError("method: 'preconditioned' goes from node to node, on a CPU; give seeds on the CPU, or method='cg'")
    if method == "preconditioned" or (method == "auto" and _swept(weights, starts, work, budget, device)):
        made = _by_sweeps(weights, starts, alpha, normalise == "symmetric", tolerance, max_iterations, work, given, budget, keep)
        if made is not None:
            return made._replace(scores=made.scores.to(home), classes=None if made.classes is None else made.classes.to(home))
        if method == "preconditioned":
            raise ValueError("graph: 1 - alpha times an entry of its diagonal is not above 0; there is no solution by sweeps")
    s = normalised(weights) if normalise == "symmetric" else weights
    order = _near_order(s) if device.type == "cpu" and s.shape[0] >= _REORDER_ABOVE else None
    s = sparse_tensor(s if order is None else reordered(s, order), work, device)
    chosen = ("chebyshev" if alpha <= 0.5 else "cg") if method == "auto" else method
    solved = _by_blocks(s, starts, order, alpha, chosen, tolerance, max_iterations, given, budget, keep)
    return solved._replace(scores=solved.scores.to(home), classes=None if solved.classes is None else solved.classes.to(home))


def _swept(weights: scipy.sparse.csr_array, seeds: Any, work: torch.dtype, budget: int, device: torch.device) -> bool:
    """Whether sweeps win: they need memory for sixteen classes, and give work to no more threads than there are sixteens of classes."""
    if device.type != "cpu" or weights.shape[0] < _REORDER_ABOVE:
        return False                                              # before numba is imported, which a small graph has no need of
    from labelnb.compute.lanes import WIDTH
    from labelnb.compute.sweeps import needed_memory

    few = torch.get_num_threads() <= 4 * -(-seeds.shape[1] // WIDTH)
    return few and needed_memory(weights.shape[0], work.itemsize) <= budget


def _by_sweeps(
    weights: scipy.sparse.csr_array, seeds: Any, alpha: float, by_degree: bool, tolerance: float, most: int, work: torch.dtype,
    dtype: torch.dtype, budget: int, keep: int | None,
) -> Propagation | None:
    from labelnb.compute.sweeps import halves, solved

    graph = halves(weights, alpha, by_degree, np.float64 if work == torch.float64 else np.float32)
    if graph is None:
        return None
    kept = KeptScores(seeds.shape[0], seeds.shape[1], keep, dtype, torch.device("cpu"), None)
    worst, steps = solved(graph, seeds, tolerance, most, budget, kept)
    scores, classes = kept.ordered()
    return Propagation(scores, worst, steps, "preconditioned", worst <= tolerance, classes)


def solve_blocks(
    s: scipy.sparse.csr_array, right: np.ndarray, tolerance: float, max_iterations: int, device: Any,
) -> Propagation:
    """(I - S) F = right by conjugate gradients in float64, in blocks; S symmetric with eigenvalues up to 1, `right` where it can be met."""
    home = able_device(device)
    if not right.size:
        return Propagation(torch.zeros(right.shape, dtype=torch.float64), 0.0, 0, "cg", True)
    starts, budget = torch.from_numpy(np.ascontiguousarray(right)), working_memory(None, home)
    if _swept(s, starts, torch.float64, budget, home):
        made = _by_sweeps(s, starts, 1.0, False, tolerance, max_iterations, torch.float64, torch.float64, budget, None)
        if made is not None:
            return made
    inner = sparse_tensor(s, torch.float64, home)
    return _by_blocks(inner, starts, None, 1.0, "cg", tolerance, max_iterations, torch.float64, budget)


def normalised(graph: scipy.sparse.sparray | scipy.sparse.spmatrix) -> scipy.sparse.csr_array:
    """S = D^-1/2 W D^-1/2 of symmetric weights W, its diagonal dropped; nodes without an edge keep rows of zeros."""
    w = scipy.sparse.csr_array(graph, copy=True)
    rows = np.repeat(np.arange(w.shape[0], dtype=w.indices.dtype), np.diff(w.indptr))
    w.data[rows == w.indices] = 0
    if not w.data.all():
        w.eliminate_zeros()
        rows = np.repeat(np.arange(w.shape[0], dtype=w.indices.dtype), np.diff(w.indptr))
    degree = np.bincount(rows, weights=w.data, minlength=w.shape[0]).astype(np.float64)    # whole numbers where there is no edge
    scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    w.data = (w.data * scale[rows] * scale[w.indices]).astype(w.dtype)
    return w


def checked_weights(graph: Any) -> scipy.sparse.csr_array:
    """A graph of any kind that is taken, as symmetric non-negative CSR weights in float32 or float64; a ValueError names what is wrong."""
    if isinstance(graph, KnnGraph):
        graph = graph.to_scipy("symmetric")
    if hasattr(graph, "edge_index") and hasattr(graph, "num_nodes"):    # a torch_geometric.data.Data
        from labelnb.graph import user_graph

        graph = user_graph(graph, np.arange(int(graph.num_nodes)).astype(str))
    if isinstance(graph, torch.Tensor):
        if graph.layout == torch.strided:
            raise TypeError("graph: got a dense tensor, expected a sparse graph (scipy CSR, torch sparse or a KnnGraph)")
        coo = graph.detach().cpu().to_sparse_coo().coalesce()
        graph = scipy.sparse.csr_array((coo.values().numpy(), tuple(coo.indices().numpy())), shape=tuple(coo.shape))
    if not scipy.sparse.issparse(graph):
        raise TypeError(f"graph: got {type(graph).__name__}, expected a scipy or torch sparse matrix, a KnnGraph or a PyG Data")
    csr = scipy.sparse.csr_array(graph)
    if csr.shape[0] != csr.shape[1] or csr.shape[0] == 0:
        raise ValueError(f"graph: got shape {csr.shape}, expected (N, N): every node with every node, N at least 1")
    if csr.dtype != np.float64:
        csr = csr.astype(np.float32, copy=False)
    least, most = (csr.data.min(), csr.data.max()) if csr.nnz else (1, 1)
    if not (least >= 0 and most < np.inf):                      # also false where a weight is NaN
        raise ValueError("graph: weights hold NaN, infinity or negative values; expected non-negative similarities")
    if least == 0:                                              # a stored zero is no edge: else it would join two parts of the graph
        csr = csr.copy()
        csr.eliminate_zeros()
    if csr.shape[0] >= _REORDER_ABOVE and _even(csr, most):
        return csr
    back = csr.T.tocsr()
    if not csr.has_sorted_indices:
        csr = csr.sorted_indices()
    if np.array_equal(csr.indptr, back.indptr) and np.array_equal(csr.indices, back.indices):
        apart = float(np.abs(csr.data - back.data).max(initial=0))
    else:
        apart = float("inf")
    if apart > 1e-5 * most:
        _refuse_asymmetry(csr, back)
    return csr


def _even(csr: scipy.sparse.csr_array, most: float) -> bool:
    """Whether the graph is symmetric but for rounding, as two drawn vectors tell: much sooner than transposing it."""
    from labelnb.compute.near_order import unsigned
    from labelnb.compute.sweep_loops import skew

    return abs(skew(unsigned(csr.indptr), unsigned(csr.indices), csr.data)) <= 1e-7 * most


def _refuse_asymmetry(csr: scipy.sparse.csr_array, back: scipy.sparse.csr_array) -> None:
    """ValueError, unless what is missing on one side is next to nothing."""
    difference = abs(csr - back)
    if difference.nnz and difference.max() > 1e-5 * csr.data.max(initial=0):
        i, j = (int(part[difference.data.argmax()]) for part in difference.tocoo().coords)
        raise ValueError(f"graph: not symmetric (nodes {i} and {j} weigh each other differently); use (W + W.T) / 2")


def _near_order(s: scipy.sparse.csr_array) -> np.ndarray:
    from labelnb.compute.near_order import near_order

    return near_order(s)


def _by_blocks(
    s: torch.Tensor, seeds: Any, order: np.ndarray | None, alpha: float, method: str, tolerance: float, max_iterations: int,
    dtype: torch.dtype, budget: int, keep: int | None = None,
) -> Propagation:
    n, k = seeds.shape
    width = max(1, min(k, int(budget / (6 * n * s.dtype.itemsize))))
    place = None if order is None else torch.from_numpy(order.astype(np.int64))
    kept = KeptScores(n, k, keep, dtype, s.device, place)
    worst, iterations = 0.0, 0
    for a in range(0, k, width):
        part = seeds[:, a:a + width]
        y = torch.from_numpy(part.toarray()) if scipy.sparse.issparse(part) else part
        y = (y if place is None else y[place]).to(device=s.device).to(s.dtype).contiguous()
        if not torch.isfinite(y).all():
            raise ValueError("seeds: NaN or infinity; expected finite strengths, 0 where a node is no seed")
        length = y.norm(dim=0)
        length = torch.where(length == 0, torch.ones_like(length), length)     # a class without a seed has the solution 0
        f, steps = _SOLVERS[method](s, y, alpha, tolerance, max_iterations, length)
        rest = torch.addmm(y - f, s, f, alpha=alpha)                           # Y - (I - alpha S) F, taken anew
        worst, iterations = max(worst, float((rest.norm(dim=0) / length).max())), max(iterations, steps)
        kept.add(a, f)
    scores, classes = kept.ordered()
    return Propagation(scores, worst, iterations, method, worst <= tolerance, classes)


def _chebyshev(
    s: torch.Tensor, y: torch.Tensor, alpha: float, tolerance: float, most: int, length: torch.Tensor,
) -> tuple[torch.Tensor, int]:
    """The eigenvalues of alpha S lie in [-alpha, alpha], so the residual after n steps is at most 1 / T_n(1 / alpha) of the first."""
    if alpha == 0:
        return y.clone(), 0
    steps = min(most, math.ceil(math.acosh(1 / (0.5 * tolerance)) / math.acosh(1 / alpha)))
    before, now, omega = torch.zeros_like(y), y.clone(), 1.0
    for step in range(1, steps + 1):
        omega = 2 / (2 - alpha**2) if step == 1 else 1 / (1 - 0.25 * alpha**2 * omega)
        before.lerp_(y, omega)                                                 # before + omega (y - before) + omega alpha S now
        before, now = now, torch.addmm(before, s, now, alpha=omega * alpha, out=before)
    return now, steps


def _cg(s: torch.Tensor, y: torch.Tensor, alpha: float, tolerance: float, most: int, length: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Conjugate gradients, every class with step lengths of its own."""
    f, r, p = torch.zeros_like(y), y.clone(), y.clone()
    rr = _column_products(r, r)
    for step in range(1, most + 1):
        ap = torch.addmm(p, s, p, alpha=-alpha)
        curvature = _column_products(p, ap)
        a = torch.where(curvature > 0, rr / curvature, torch.zeros_like(rr))
        f, r = f.addcmul_(p, a), r.addcmul_(ap, -a)
        before, rr = rr, _column_products(r, r)
        if float((rr.sqrt() / length).max()) <= 0.5 * tolerance:
            return f, step
        p.mul_(torch.where(before > 0, rr / before, torch.zeros_like(rr))).add_(r)
    return f, most


def _column_products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(K,) inner products of the columns; on a CPU by blocks, whose product is summed while it is in the cache."""
    step = (1 << 18) // a.shape[1] + 1 if a.device.type == "cpu" else len(a)
    return torch.stack([(x * y).sum(0) for x, y in zip(a.split(step), b.split(step), strict=True)]).sum(0)


def _power(s: torch.Tensor, y: torch.Tensor, alpha: float, tolerance: float, most: int, length: torch.Tensor) -> tuple[torch.Tensor, int]:
    """F <- alpha S F + Y; the change of a step is the residual of the step before."""
    f = y.clone()
    for step in range(1, most + 1):
        after = torch.addmm(y, s, f, alpha=alpha)
        change = float(((after - f).norm(dim=0) / length).max())
        f = after
        if change <= 0.5 * tolerance:
            return f, step
    return f, most


_SOLVERS = {"cg": _cg, "chebyshev": _chebyshev, "power": _power}


def contributions(
    graph: Any, node_seeds: Any, node: int, *, alpha: float, tolerance: float = 1e-9,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What every seed gives to the scores of one node: exact, by one solve of the adjoint system.

    F = (I - alpha S)^-1 Y, so the row F[node] = z^T Y with (I - alpha S)^T z = e_node: seed s of class c contributes z[s] Y[s, c].

    Parameters
    ----------
    graph : (N, N) S as it was solved with: symmetric, normalised already
    node_seeds : (N, K) sparse or dense seeds Y
    node : position of the node asked about
    alpha : as in the solve

    Returns
    -------
    seed_nodes (n,) int64, classes (n,) int64, contribution (n,) float64: one row for every entry of the seeds that is not 0. The
    contributions of a class add up to the node's score for it.

    Raises
    ------
    IndexError
        If there is no such node.
    """
    s = checked_weights(graph).astype(np.float64)
    count = s.shape[0]
    if not -count <= node < count:
        raise IndexError(f"node: got {node}, expected a position from 0 to {count - 1}")
    within("alpha", alpha, 0.0, 1.0, open_high=True)
    y = scipy.sparse.coo_array(scipy.sparse.csr_array(node_seeds))
    if y.shape[0] != count:
        raise ValueError(f"node_seeds: got shape {y.shape}, expected ({count}, K): one row a node of the graph")
    start = np.zeros((count, 1))
    start[node] = 1.0
    z = propagate(s, start, alpha=alpha, tolerance=tolerance, method="cg", normalise="none", max_iterations=10_000).scores.numpy()[:, 0]
    rows, classes = (part.astype(np.int64) for part in y.coords)
    return rows, classes, z[rows] * y.data


_REORDER_ABOVE = 5_000
"""Nodes above which the order of the nodes is worth the time to find it."""
