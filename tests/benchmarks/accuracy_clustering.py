"""How well clusterings find known classes: `python -m tests.benchmarks.accuracy_clustering FOLDER [--limit 2500] [--seeds 5]`.

FOLDER holds one .npz a data set, with unit rows `x` (N, D) and classes `y` (N,). Every run is appended to a file at once, so that a
measurement that is cut off goes on where it was (`--seconds` stops by itself); `--table` only writes the Markdown table of what is there.
"""
from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import labelnb.methods.clustering as clustering
from labelnb.metrics import adjusted_rand_index, clustering_accuracy, normalized_mutual_information

MEASURES = {"acc": clustering_accuracy, "nmi": normalized_mutual_information, "ari": adjusted_rand_index}
ALL: dict[str, Callable[[np.ndarray, int, int], Any]] = {
    "k_means": lambda x, k, s: clustering.k_means(x, n_clusters=k, seed=s),
    "spherical_kmeans": lambda x, k, s: clustering.spherical_kmeans(x, n_clusters=k, seed=s),
    "sela": lambda x, k, s: clustering.sela(x, n_clusters=k, seed=s),
    "sela, 1 head": lambda x, k, s: clustering.sela(x, n_clusters=k, seed=s, heads=1),
    "hypergraph_dictionary": lambda x, k, s: clustering.hypergraph_dictionary(x, n_clusters=k, seed=s),
    "mlcd": lambda x, k, s: clustering.mlcd(x, n_clusters=k, seed=s),
    "self_similarity_multilabel": lambda x, k, s: clustering.self_similarity_multilabel(x, n_clusters=k, seed=s),
    "subspace_self_expression": lambda x, k, s: clustering.subspace_self_expression(x, n_clusters=k, seed=s, max_items=1500),
    "turtle, 1 space": lambda x, k, s: clustering.turtle(x, n_clusters=k, seed=s, iterations=200),
    "hdbscan, pca": lambda x, k, s: clustering.hdbscan(x, space="pca", dimensions=20, seed=s),
    "hdbscan, umap": lambda x, k, s: clustering.hdbscan(x, seed=s),
    "hdbscan, umap, nearest": lambda x, k, s: clustering.hdbscan(x, seed=s, outliers="nearest"),
}


HEAD = """# Clusterings on known classes

Made by `python -m tests.benchmarks.accuracy_clustering FOLDER --table accuracy_clustering.md`. Mean over seeds in percent, standard
deviation in brackets, by falling NMI. The number of classes is given to all but HDBSCAN. Embeddings: CIFAR-10 test and Fashion-MNIST
test images by the offline encoder `conse:minilm` (EfficientNet-Lite0 features and ConSE text vectors, 1,664 numbers), Banking77 queries
by `minilm` (384 numbers); all classes are of equal size there, which suits `sela`. Where a set is not whole, every method and every
seed has the same items. HDBSCAN's outliers are wrong for accuracy and one more cluster for NMI and ARI. Seconds: one thread of a
machine that was busy with other work, so compare them within a set only. TURTLE ran 200 iterations; its second space is the text part
of the vectors."""


def two_spaces(x: np.ndarray, k: int, seed: int) -> Any:
    """TURTLE on rows that are two encoders' vectors side by side, 1280 numbers and the rest (ConSE)."""
    return clustering.turtle(x[:, :1280], n_clusters=k, other=x[:, 1280:], seed=seed, iterations=200)


def measure(found: Any, y: np.ndarray) -> dict[str, float]:
    """Outliers together count as one more cluster, but as wrong for accuracy."""
    a = found.assignment
    filled = np.where(a < 0, found.n_clusters, a)
    return {"acc": clustering_accuracy(a, y), "nmi": normalized_mutual_information(filled, y), "ari": adjusted_rand_index(filled, y)}


def evoc(x: np.ndarray, k: int, seed: int) -> Any:
    """EVoC at the layer nearest to the number of classes, where it is installed: its first import compiles for minutes."""
    from evoc import EVoC

    from labelnb.results import Clusters

    made = EVoC(random_state=seed).fit(x)
    return Clusters(min(made.cluster_layers_, key=lambda layer: abs(int(layer.max()) + 1 - k)))


def run(options: argparse.Namespace) -> None:
    """Every missing run, seed by seed."""
    begin, done = time.perf_counter(), {(r["set"], r["method"], r["seed"], r["limit"]) for r in read(options.runs)}
    sets = {path.stem: np.load(path, allow_pickle=False) for path in sorted(options.folder.glob("*.npz")) if path.stem in options.sets}
    for seed in range(options.seeds):
        for name, data in sets.items():
            x, y = data["x"], data["y"]
            if options.limit and len(x) > options.limit * 1.3:
                kept = np.random.default_rng(0).permutation(len(x))[: options.limit]
                x, y = x[kept], y[kept]
            methods = dict(ALL) | ({"turtle, 2 spaces": two_spaces} if x.shape[1] == 1664 else {})
            methods |= {"evoc": evoc} if importlib.util.find_spec("evoc") else {}
            for method in options.methods or methods:
                if method not in methods or (name, method, seed, options.limit) in done:
                    continue
                if time.perf_counter() - begin > options.seconds:
                    return
                start = time.perf_counter()
                found = methods[method](x, len(np.unique(y)), seed)
                row = {"set": name, "n": len(x), "limit": options.limit, "method": method, "seed": seed, "clusters": found.n_clusters,
                       "seconds": round(time.perf_counter() - start, 1), **{key: round(v, 4) for key, v in measure(found, y).items()}}
                if "head_assignments" in found.evidence:
                    row["objective"] = round(min(found.evidence["objective"]), 4)
                with options.runs.open("a", encoding="utf8") as out:
                    out.write(json.dumps(row) + "\n")
                print(row, flush=True)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: mean (standard deviation) over the seeds, in percent."""
    lines: list[str] = [HEAD]
    for limit in sorted({r["limit"] for r in rows}, reverse=True):
        for name in sorted({r["set"] for r in rows if r["limit"] == limit}):
            part = [r for r in rows if r["set"] == name and r["limit"] == limit]
            lines += [f"\n### {name}, {part[0]['n']} items\n", "| method | accuracy | NMI | ARI | clusters | seeds | median s |",
                      "|---|---|---|---|---|---|---|"]
            by = {m: [r for r in part if r["method"] == m] for m in dict.fromkeys(r["method"] for r in part)}
            for method, runs in sorted(by.items(), key=lambda item: -statistics.mean(r["nmi"] for r in item[1])):
                cells = [spread([100 * r[key] for r in runs]) for key in MEASURES]
                clusters = "-".join(str(c) for c in sorted({min(r["clusters"] for r in runs), max(r["clusters"] for r in runs)}))
                seconds = statistics.median(r["seconds"] for r in runs)
                lines.append(f"| {method} | {' | '.join(cells)} | {clusters} | {len(runs)} | {seconds:.1f} |")
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f} ({statistics.stdev(values) if len(values) > 1 else 0:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cifar10_test", "fashion_test", "banking77_train"])
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--limit", type=int, default=0, help="items a set, drawn once; 0 for all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--runs", type=Path, default=Path("clustering_runs.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.table is None:
        run(options)
    else:
        options.table.write_text(table(read(options.runs)), encoding="utf8")


if __name__ == "__main__":
    main()
