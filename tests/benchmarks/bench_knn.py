"""Nearest neighbours beside faiss and pynndescent: `python -m tests.benchmarks.bench_knn [N ...] [--repeats 3] [--threads 2]`.

Unit rows of clustered 512-d data, k = 15. Medians of interleaved runs. pynndescent's compiling is shown by itself: it is paid once a
process. hnswlib, usearch and cuML are left out where they are not installed.
"""
from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from labelnb.compute import knn_graph
from tests.benchmarks.interleaved import interleaved, table

K, D = 15, 512


def rows(n: int, seed: int = 0) -> np.ndarray:
    """100 groups in 32 dimensions, turned into 512 and blurred there: near to what encoders give."""
    rng = np.random.default_rng(seed)
    inner = 1.5 * rng.normal(size=(100, 32))[rng.integers(0, 100, n)] + rng.normal(size=(n, 32))
    x = inner.astype(np.float32) @ rng.normal(size=(32, D)).astype(np.float32) + rng.normal(size=(n, D)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def candidates(x: np.ndarray, exact: bool) -> dict[str, Callable[[], np.ndarray]]:
    """Each gives (N, K) positions of neighbours other than the row itself."""
    import faiss

    made: dict[str, Callable[[], np.ndarray]] = {"labelnb": lambda: knn_graph(x, K).indices.numpy()}
    if exact:
        made["labelnb exact"] = lambda: knn_graph(x, K, exact=True).indices.numpy()
        made["faiss exact"] = lambda: faiss.knn(x, x, K + 1, metric=faiss.METRIC_INNER_PRODUCT)[1][:, 1:]

    def hnsw() -> np.ndarray:
        index = faiss.IndexHNSWFlat(D, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 64
        index.add(x)
        return index.search(x, K + 1)[1][:, 1:]

    def inverted() -> np.ndarray:
        index = faiss.index_factory(D, f"IVF{round(len(x) ** 0.5)},Flat", faiss.METRIC_INNER_PRODUCT)
        index.train(x)
        index.add(x)
        index.nprobe = 16
        return index.search(x, K + 1)[1][:, 1:]

    made |= {"faiss HNSW": hnsw, "faiss IVF": inverted}
    try:
        import pynndescent
    except ModuleNotFoundError:
        return made

    def descent(neighbours: int) -> np.ndarray:
        return pynndescent.NNDescent(x, metric="cosine", n_neighbors=neighbours, random_state=0).neighbor_graph[0][:, 1: K + 1]

    start = time.perf_counter()
    pynndescent.NNDescent(x[:2000], metric="cosine", n_neighbors=K + 1, random_state=0)
    print(f"pynndescent compiled in {time.perf_counter() - start:.1f} s")
    return made | {"pynndescent 16": lambda: descent(K + 1), "pynndescent 31": lambda: descent(2 * K + 1)}


def recall(found: Any, sample: np.ndarray, true: np.ndarray) -> str:
    hits = [len(set(found[i]) & set(row)) / K for i, row in zip(sample, true.tolist(), strict=True)]
    return f"recall {np.mean(hits):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="*", type=int, default=[10_000, 50_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-exact", action="store_true", help="leave the exact searches out")
    options = parser.parse_args()
    import faiss

    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    for n in options.n:
        x = rows(n)
        sample = np.random.default_rng(1).choice(n, 500, replace=False)
        near = x[sample] @ x.T
        near[np.arange(500), sample] = -np.inf
        true = np.argsort(-near, axis=1)[:, :K]
        timings = interleaved(candidates(x, not options.no_exact), options.repeats)
        quality = {name: recall(t.result, sample, true) for name, t in timings.items()}
        print(table(f"k-NN, {n} x {D}, k = {K}", timings, quality, "labelnb"), flush=True)


if __name__ == "__main__":
    main()
