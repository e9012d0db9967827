"""Accuracy over labels a class: `python -m tests.benchmarks.accuracy_propagation FEATURES.npz [--seeds 5] [--each 1 2 5 10 25]`.

FEATURES.npz holds x (N, D), y (N,), classes and class_embeddings (K, P, D) of one space. Each method sees the same labels, drawn evenly by
class; it is judged on all other items. Results are kept in a JSON file as they come, so that a run can be stopped and taken up again, and
written as a table beside this file (accuracy_propagation.md).
"""
from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from labelnb.compute import knn_graph, probe
from labelnb.methods.propagation import harmonic_functions, label_spreading, p_laplace, poisson_learning, zlap
from labelnb.methods.propagation.class_item_graph import neighbours
from labelnb.methods.zero_shot import clip

TABLE = Path(__file__).with_suffix(".md")


def labels_of(y: np.ndarray, each: int, seed: int) -> np.ndarray:
    """(N,) labels of `each` items a class, -1 elsewhere."""
    rng, labels = np.random.default_rng(seed), np.full(len(y), -1)
    for k in np.unique(y):
        labels[rng.choice(np.flatnonzero(y == k), each, replace=False)] = k
    return labels


def candidates(x: np.ndarray, c: np.ndarray, k: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Predictions (N,) by labels; the graph of all but zlap is made once."""
    graph = knn_graph(x, k).to_scipy()
    n_classes = len(c)
    lists = neighbours(torch.from_numpy(x), torch.nn.functional.normalize(torch.from_numpy(c.mean(1)), dim=1), 20)
    zlap.__globals__["neighbours"] = lambda _x, _classes, k: lists.shortened(k)      # found once, for all labels

    def words(labels: np.ndarray, l2: float) -> np.ndarray:
        known = labels >= 0
        return probe(x[known], labels[known], n_classes=n_classes, l2=l2).probabilities(x).numpy()

    made: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "names alone (clip)": lambda y: clip(x, c).predictions,
        "linear probe": lambda y: words(y, 1.0).argmax(1),
        "linear probe, l2 = .1": lambda y: words(y, 0.1).argmax(1),
        "label_spreading": lambda y: label_spreading(graph, y).predictions,
        "label_spreading, alpha .99": lambda y: label_spreading(graph, y, alpha=0.99).predictions,
        "harmonic_functions": lambda y: harmonic_functions(graph, y).predictions,
        "harmonic_functions, no class mass": lambda y: harmonic_functions(graph, y, class_mass=False).predictions,
        "harmonic_functions + probe (l2 = .1, eta .3)":
            lambda y: harmonic_functions(graph, y, probabilities=words(y, 0.1), eta=0.3).predictions,
        "poisson_learning": lambda y: poisson_learning(graph, y).predictions,
        "p_laplace": lambda y: p_laplace(graph, y).predictions,
        "zlap": lambda y: zlap(x, c, labels=y).predictions,
        "zlap, not safe (k 10, alpha .9)": lambda y: zlap(x, c, labels=y, safe=False).predictions,
        "zlap, k 5, alpha .3, not safe": lambda y: zlap(x, c, labels=y, k=5, alpha=0.3, safe=False).predictions,
        "zlap, searched": lambda y: zlap(x, c, labels=y, k="search", alpha="search", gamma="search").predictions,
    }
    return made


def write(kept: dict[str, dict[str, list[float]]], each: list[int], title: str) -> str:
    """The table as Markdown: mean and standard deviation over the seeds that were run."""
    lines = [f"# {title}", "", "| method | " + " | ".join(f"{n} a class" for n in each) + " |", "|---|" + "---|" * len(each)]
    for name, by_count in kept.items():
        cells = []
        for n in each:
            values = [value for value in by_count.get(str(n), []) if value is not None]
            cells.append(f"{np.mean(values):.3f} ± {np.std(values):.3f} ({len(values)})" if values else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run what is not kept yet, in rounds over the seeds, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("--each", nargs="*", type=int, default=[1, 2, 5, 10, 25])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--k", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop before this many seconds; what is done is kept")
    parser.add_argument("--keep", type=Path, default=Path("accuracy_propagation.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=None, help="names of methods to run now; the table has all")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start, data = time.perf_counter(), np.load(options.features, allow_pickle=False)
    x, y = data["x"].astype(np.float32), data["y"].astype(np.int64)
    kept = json.loads(options.keep.read_text()) if options.keep.exists() else {}
    methods = candidates(x, data["class_embeddings"].astype(np.float32), options.k)
    for seed in range(options.seeds):
        for n in options.each:
            labels = labels_of(y, n, seed)
            rest = labels < 0
            for name, run in methods.items():
                values = kept.setdefault(name, {}).setdefault(str(n), [])
                wanted = options.only is None or name in options.only
                if wanted and len(values) <= seed and time.perf_counter() - start < options.seconds:
                    values.append(float((run(labels)[rest] == y[rest]).mean()))
                    options.keep.write_text(json.dumps(kept))
    title = f"{options.features.stem}: accuracy on the unlabelled items by labels a class, mean ± deviation (seeds); graph k = {options.k}"
    TABLE.write_text(write({name: kept[name] for name in methods}, options.each, title), encoding="utf8")
    print(TABLE.read_text(encoding="utf8"), f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
