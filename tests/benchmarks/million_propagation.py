"""A million nodes through the kernel, and new items without a new solve: `python -m tests.benchmarks.million_propagation [--n 1000000]`.

The graph is synthetic and cheap: nodes in 1,000 groups on a ring, each joined to near nodes of its group and a few anywhere. Ten classes,
five labels each. Printed: seconds, peak memory, residual, accuracy, and the same for 10,000 new items by the inductive form (the weighted
mean of the solution over a new item's neighbours).
"""
from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import scipy.sparse
import torch

from labelnb.compute.propagate import normalised, propagate


def ring(n: int, k: int, groups: int, seed: int = 0) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Symmetric weights, and the class of every node; nine edges in ten stay in the group and its neighbours on the ring."""
    rng = np.random.default_rng(seed)
    start = np.repeat(np.arange(n, dtype=np.int32), k // 2)
    near = (start + rng.integers(1, n // groups, len(start))) % n
    end = np.where(rng.random(len(start)) < 0.97, near, rng.integers(0, n, len(start))).astype(np.int32)
    w = scipy.sparse.csr_array((rng.random(len(start), dtype=np.float32) + 0.5, (start, end)), shape=(n, n))
    return scipy.sparse.csr_array(w + w.T), (np.arange(n) * 10 // n).astype(np.int64)


def main() -> None:
    """Make, solve, extend; print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=14)
    parser.add_argument("--alpha", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock, rng = time.perf_counter(), np.random.default_rng(1)

    def said(what: str) -> None:
        nonlocal clock
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{what}: {time.perf_counter() - clock:.1f} s, peak {peak:.2f} GiB", flush=True)
        clock = time.perf_counter()

    w, truth = ring(options.n, options.k, 1000)
    said(f"graph of {options.n} nodes, {w.nnz} entries")
    labelled = np.concatenate([rng.choice(np.flatnonzero(truth == c), 5, replace=False) for c in range(10)])
    seeds = scipy.sparse.csr_array((np.ones(50, np.float32), (labelled, truth[labelled])), shape=(options.n, 10))
    s = normalised(w)
    said("normalised")
    solved = propagate(s, seeds, alpha=options.alpha, tolerance=1e-5, normalise="none")
    said(f"solved by {solved.method} in {solved.iterations} products, residual {solved.residual:.1e}")
    scores = solved.scores.numpy()
    print(f"accuracy {(scores.argmax(1) == truth).mean():.4f}; items without a score {(scores.sum(1) == 0).sum()}")
    clock = time.perf_counter()
    near = rng.integers(0, options.n, 10_000)[:, None] + rng.integers(0, 500, (10_000, 15))
    near %= options.n
    rows = np.repeat(np.arange(10_000), 15)
    links = scipy.sparse.csr_array((np.ones(150_000, np.float32), (rows, near.ravel())), shape=(10_000, options.n))
    new = (links @ scores).argmax(1)
    said("10,000 new items")
    print(f"accuracy {(new == truth[near[:, 0]]).mean():.4f}")


if __name__ == "__main__":
    main()
