"""Label propagation beside its peers: `python -m tests.benchmarks.bench_propagate [N ...] [--classes 100] [--alpha 0.9] [--repeats 3]`.

One graph of 15 neighbours is given to all; every solver goes to a relative residual of 1e-5. scikit-learn's LabelSpreading iterates on
the same graph, handed over as its kernel; it stops by the change of a step, so its number of steps is raised until it gets there.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.semi_supervised import LabelSpreading
from sklearn.utils._testing import ignore_warnings

from labelnb.compute import knn_graph, propagate
from labelnb.compute.propagate import normalised
from tests.benchmarks.interleaved import interleaved, table

TOLERANCE = 1e-5


def graph(n: int, seed: int = 0) -> scipy.sparse.csr_array:
    rng = np.random.default_rng(seed)
    x = 1.5 * rng.normal(size=(100, 32))[rng.integers(0, 100, n)] + rng.normal(size=(n, 32))
    return knn_graph(x.astype(np.float32), 15).to_scipy()


def candidates(w: scipy.sparse.csr_array, y: np.ndarray, alpha: float) -> dict[str, Callable[[], np.ndarray]]:
    """Each gives (N, K) scores, the solution of (I - alpha S) F = Y."""
    n, k = y.shape
    labels = np.where(y.any(1), y.argmax(1), -1)

    def a_cg_a_class(dtype: type) -> np.ndarray:
        s = normalised(w).astype(dtype)
        a = scipy.sparse.csr_array(scipy.sparse.eye_array(n, dtype=dtype) - dtype(alpha) * s)
        return np.stack([scipy.sparse.linalg.cg(a, y[:, c].astype(dtype), rtol=TOLERANCE)[0] for c in range(k)], axis=1)

    def spreading() -> np.ndarray:
        s = scipy.sparse.csr_matrix(w)
        model = LabelSpreading(kernel=lambda *_: s, alpha=alpha, tol=TOLERANCE, max_iter=1000)
        with ignore_warnings(category=(ConvergenceWarning, RuntimeWarning)):
            model.fit(np.zeros((n, 1)), labels)
        return model.label_distributions_                # rows of sum 1: comparable by its largest entry only

    return {
        "labelnb": lambda: propagate(w, y, alpha=alpha, tolerance=TOLERANCE).scores.numpy(),
        "labelnb chebyshev": lambda: propagate(w, y, alpha=alpha, tolerance=TOLERANCE, method="chebyshev").scores.numpy(),
        "labelnb power": lambda: propagate(w, y, alpha=alpha, tolerance=TOLERANCE, method="power").scores.numpy(),
        "scipy CG a class, float64": lambda: a_cg_a_class(np.float64),
        "scipy CG a class, float32": lambda: a_cg_a_class(np.float32),
        "scikit-learn LabelSpreading": spreading,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="*", type=int, default=[10_000, 50_000])
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.9)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for n in options.n:
        w, k = graph(n), options.classes
        y = np.zeros((n, k), np.float32)
        y[np.random.default_rng(0).permutation(n)[: 5 * k], np.arange(5 * k) % k] = 1
        s = normalised(w).astype(np.float64)
        timings = interleaved(candidates(w, y, options.alpha), options.repeats)
        best = timings["labelnb"].result.argmax(1)
        quality = {}
        for name, t in timings.items():
            residual = np.linalg.norm(y - t.result + options.alpha * (s @ t.result), axis=0) / np.linalg.norm(y, axis=0)
            agreement = f"same class as labelnb {np.mean(t.result.argmax(1) == best):.4f}"
            quality[name] = agreement if "scikit" in name else f"residual {residual.max():.1e}, {agreement}"
        print(table(f"propagation, {n} nodes, {w.nnz} edges, {k} classes, alpha {options.alpha}", timings, quality, "labelnb"), flush=True)


if __name__ == "__main__":
    main()
