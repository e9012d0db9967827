"""K-means beside its peers: `python -m tests.benchmarks.bench_kmeans [N ...] [--dim 512] [--clusters 100] [--steps 20] [--repeats 3]`.

All begin at random rows and take the same number of Lloyd steps over all rows. faiss samples rows unless told otherwise: it is told.
"""
from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import torch

from labelnb.compute import kmeans
from tests.benchmarks.clustered import clustered
from tests.benchmarks.interleaved import interleaved, table


def candidates(x: np.ndarray, k: int, steps: int) -> dict[str, Any]:
    """Each gives the inertia it ended with."""

    def sklearn(init: str) -> float:
        from sklearn.cluster import KMeans

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(KMeans(k, init=init, n_init=1, max_iter=steps, tol=0, random_state=0).fit(x).inertia_)

    def faiss() -> float:
        import faiss

        run = faiss.Kmeans(x.shape[1], k, niter=steps, seed=1, max_points_per_centroid=len(x))
        run.train(x)
        return float(run.index.search(x, 1)[0].sum(dtype=np.float64))

    return {
        "labelnb, random start": lambda: kmeans(x, k, init="random", max_iterations=steps, tolerance=0.0).inertia,
        "labelnb, k-means++": lambda: kmeans(x, k, max_iterations=steps, tolerance=0.0).inertia,
        "faiss": faiss,
        "scikit-learn, random start": lambda: sklearn("random"),
        "scikit-learn, k-means++": lambda: sklearn("k-means++"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="*", type=int, default=[50_000])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for n in options.n:
        x, _, _ = clustered(n, options.dim, options.clusters)
        timings = interleaved(candidates(x, options.clusters, options.steps), options.repeats)
        quality = {name: f"inertia {t.result:.1f}" for name, t in timings.items()}
        title = f"k-means, {n} x {options.dim}, {options.clusters} clusters, {options.steps} steps"
        print(table(title, timings, quality, "labelnb, random start"), flush=True)


if __name__ == "__main__":
    main()
