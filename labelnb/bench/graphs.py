"""Benchmarks of neighbours, propagation and maps. faiss, hnswlib, usearch, pynndescent, scipy, scikit-learn, umap-learn as peers."""
from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse

from labelnb.bench.data import folded
from labelnb.bench.measure import Case

__all__ = ["knn", "knn_exact", "project", "propagate"]

K = 15
ALPHA, TOLERANCE = 0.9, 1e-5


def knn(n: int) -> Case:
    """Approximate neighbours, recall of .98 asked for."""
    from labelnb.compute import knn_graph

    x = folded(n)
    runs: dict[str, Any] = {"labelnb": lambda: knn_graph(x, K, exact=False).indices.numpy()}
    runs |= _faiss_indexes(x) if find_spec("faiss") else {}
    runs |= {"hnswlib": lambda: _hnswlib(x)} if find_spec("hnswlib") else {}
    runs |= {"usearch": lambda: _usearch(x)} if find_spec("usearch") else {}
    if find_spec("pynndescent"):
        runs |= {f"pynndescent {m}": lambda m=m: _descent(x, m) for m in (K + 1, 2 * K + 1)}
    return Case("knn_graph", f"{n} x 512, k {K}", n, runs, _recall(x), _absent("faiss", "hnswlib", "usearch", "pynndescent"))


def knn_exact(n: int) -> Case:
    """Exact neighbours."""
    from labelnb.compute import knn_graph

    x = folded(n)
    runs: dict[str, Any] = {"labelnb, exact": lambda: knn_graph(x, K, exact=True).indices.numpy()}
    if find_spec("faiss"):
        runs["faiss.knn"] = lambda: _faiss().knn(x, x, K + 1, metric=_faiss().METRIC_INNER_PRODUCT)[1][:, 1:]
    return Case("knn_graph", f"{n} x 512, k {K}, exact", n, runs, _recall(x), _absent("faiss"))


def propagate(n: int, classes: int = 100) -> Case:
    """All classes on one graph, to a residual of 1e-5."""
    from labelnb.compute import knn_graph
    from labelnb.compute import propagate as ours
    from labelnb.compute.propagate import normalised

    rng = np.random.default_rng(0)
    low = 1.5 * rng.normal(size=(100, 32))[rng.integers(0, 100, n)] + rng.normal(size=(n, 32))
    w = knn_graph(low.astype(np.float32), K).to_scipy()
    y = np.zeros((n, classes), np.float32)
    seeds = rng.permutation(n)[: 5 * classes]
    y[seeds, np.arange(len(seeds)) % classes] = 1
    s = normalised(w).astype(np.float64)

    def a_cg_a_class(dtype: Any) -> np.ndarray:
        a = scipy.sparse.csr_array(scipy.sparse.eye_array(n, dtype=dtype) - dtype(ALPHA) * normalised(w).astype(dtype))
        return np.stack([scipy.sparse.linalg.cg(a, y[:, c].astype(dtype), rtol=TOLERANCE)[0] for c in range(classes)], axis=1)

    def quality(scores: np.ndarray) -> str:
        rest = np.linalg.norm(y - scores + ALPHA * (s @ scores), axis=0) / np.linalg.norm(y, axis=0)
        return f"residual {rest.max():.1e}" if np.abs(scores.sum(1) - 1).max() > 1e-3 else "rows of sum 1"

    runs = {
        "labelnb": lambda: ours(w, y, alpha=ALPHA, tolerance=TOLERANCE).scores.numpy(),
        "scipy CG a class, float64": lambda: a_cg_a_class(np.float64),
        "scipy CG a class, float32": lambda: a_cg_a_class(np.float32),
        "ZLaP's loop": lambda: _a_system_a_class(w, y),
        "scikit-learn LabelSpreading": lambda: _spreading(w, y),
    }
    return Case("propagate", f"{n} nodes, {w.nnz} edges, {classes} classes, alpha {ALPHA}", n, runs, quality)


def project(n: int) -> Case:
    """A map of the items; neighbours searched by each as it does."""
    from labelnb.compute import project as ours

    x = folded(n, inner=16, groups=30)

    def quality(xy: np.ndarray) -> str:
        from sklearn.manifold import trustworthiness

        some = np.random.default_rng(0).permutation(n)[:2000]
        return f"trustworthiness of a sample {trustworthiness(x[some], xy[some], n_neighbors=15, metric='cosine'):.4f}"

    def umap() -> np.ndarray:
        from umap import UMAP

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(UMAP(metric="cosine", random_state=0).fit_transform(x))

    def first() -> np.ndarray:
        class Seen(Exception):
            """Nothing more is wanted."""

        def show(picture: Any) -> None:
            raise Seen(picture.xy.numpy())

        try:
            ours(x, show=show, progress=False)
        except Seen as seen:
            return np.asarray(seen.args[0])
        raise AssertionError("no picture was shown")

    runs = {
        "labelnb": lambda: ours(x, progress=False).xy.numpy(),
        "labelnb, the first picture": first,
        "labelnb, principal components": lambda: ours(x, method="pca").xy.numpy(),
        "umap-learn": umap,
    }
    return Case("project", f"{n} x 512", n, runs, quality)


def _absent(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if find_spec(name) is None)


def _faiss() -> Any:
    import faiss
    import torch

    faiss.omp_set_num_threads(torch.get_num_threads())
    return faiss


def _faiss_indexes(x: np.ndarray) -> dict[str, Any]:
    def hnsw() -> np.ndarray:
        index = _faiss().IndexHNSWFlat(x.shape[1], 32, _faiss().METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 64
        index.add(x)
        return np.asarray(index.search(x, K + 1)[1][:, 1:])

    def inverted() -> np.ndarray:
        index = _faiss().index_factory(x.shape[1], f"IVF{round(len(x) ** 0.5)},Flat", _faiss().METRIC_INNER_PRODUCT)
        index.train(x)
        index.add(x)
        index.nprobe = 16
        return np.asarray(index.search(x, K + 1)[1][:, 1:])

    return {"faiss HNSW": hnsw, "faiss IVF": inverted}


def _hnswlib(x: np.ndarray) -> np.ndarray:
    import hnswlib
    import torch

    index = hnswlib.Index("ip", x.shape[1])
    index.init_index(len(x), ef_construction=200, M=16)
    index.set_num_threads(torch.get_num_threads())
    index.add_items(x)
    index.set_ef(64)
    return np.asarray(index.knn_query(x, K + 1)[0][:, 1:]).astype(np.int64)


def _usearch(x: np.ndarray) -> np.ndarray:
    import torch
    from usearch.index import Index

    index = Index(ndim=x.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=128, expansion_search=64)
    index.add(np.arange(len(x)), x, threads=torch.get_num_threads())
    return np.asarray(index.search(x, K + 1, threads=torch.get_num_threads()).keys[:, 1:]).astype(np.int64)


def _descent(x: np.ndarray, neighbours: int) -> np.ndarray:
    import pynndescent
    import torch

    index = pynndescent.NNDescent(x, metric="cosine", n_neighbors=neighbours, random_state=0, n_jobs=torch.get_num_threads())
    return np.asarray(index.neighbor_graph[0][:, 1: K + 1])


def _a_system_a_class(w: Any, y: np.ndarray) -> np.ndarray:
    """The loop of ZLaP (Stojnic et al. 2024) as its code runs it, with scipy for cupy: the normalised Laplacian of the graph in float64,
    conjugate gradients of at most 50 steps for one class after the other, each into its column. Its tolerance of 1e-6 is ours instead."""
    degrees = np.asarray(w.sum(1), np.float64)
    inverse = scipy.sparse.diags_array(1.0 / np.sqrt(np.where(degrees == 0, 1.0, degrees)))
    system = scipy.sparse.csr_array(scipy.sparse.eye_array(w.shape[0]) - ALPHA * (inverse @ w.astype(np.float64) @ inverse))
    scores = np.zeros(y.shape)
    for c in range(y.shape[1]):
        seeds = np.zeros(len(y))
        seeds[:] = y[:, c]
        scores[:, c] = scipy.sparse.linalg.cg(system, seeds, rtol=TOLERANCE, maxiter=50)[0]
    return scores


def _spreading(w: Any, y: np.ndarray) -> np.ndarray:
    from sklearn.semi_supervised import LabelSpreading

    s = scipy.sparse.csr_matrix(w)
    model = LabelSpreading(kernel=lambda *_: s, alpha=ALPHA, tol=TOLERANCE, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.zeros((len(y), 1)), np.where(y.any(1), y.argmax(1), -1))
    return np.asarray(model.label_distributions_)


def _recall(x: np.ndarray) -> Any:
    sample = np.random.default_rng(1).choice(len(x), min(500, len(x)), replace=False)
    near = x[sample] @ x.T
    near[np.arange(len(sample)), sample] = -np.inf
    true = np.argpartition(-near, K, axis=1)[:, :K]

    def quality(found: np.ndarray) -> str:
        hits = [len(set(found[i].tolist()) & set(row)) / K for i, row in zip(sample, true.tolist(), strict=True)]
        return f"recall {np.mean(hits):.3f}"

    return quality
