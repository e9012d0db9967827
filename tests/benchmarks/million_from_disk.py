"""Embeddings on disk to labels in bounded memory: `python -m tests.benchmarks.million_from_disk FOLDER [--n 1000000] [--limit 8]`.

Stages: `make` writes clustered unit rows (N, 512) float32 block by block; `neighbours` makes the graph of 15 neighbours from the file;
`labels` propagates some seeds a class to all; `probe` fits a linear classifier to those labels, streamed from the file. Each leaves its
result in the folder and a line in `record.jsonl`; what is there already is not made again, so that a long series can be made in pieces
(`--stage` runs one alone). `--limit` is a bound on the address space in GiB, the mapped file included: beyond it an allocation fails.
"""
from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelnb.atomic import new_file

DIM, CLASSES, INNER, BLOCK = 512, 100, 16, 50_000
K = 15


def rows_on_disk(folder: Path, n: int) -> dict[str, Any]:
    """Classes are balls of 16 dimensions that overlap, turned into 512 dimensions and blurred there (as `labelnb.bench.data.folded`)."""
    rng = np.random.default_rng(0)
    centres, turn = 1.5 * rng.normal(size=(CLASSES, INNER)), rng.normal(size=(INNER, DIM)).astype(np.float32)
    truth = rng.integers(0, CLASSES, n)
    with new_file(folder / "x.npy") as path:
        x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, DIM))
        for a in range(0, n, BLOCK):
            low = (centres[truth[a:a + BLOCK]] + rng.normal(size=(len(truth[a:a + BLOCK]), INNER))).astype(np.float32)
            block = low @ turn + rng.standard_normal((len(low), DIM), dtype=np.float32)
            x[a:a + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
        del x
    np.save(folder / "truth.npy", truth)
    return {"bytes": (folder / "x.npy").stat().st_size}


def neighbours(folder: Path) -> dict[str, Any]:
    """15 neighbours a row, recall .98 asked for."""
    from labelnb.compute import knn_graph

    found = knn_graph(np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False), K, exact=False)
    np.save(folder / "similarities.npy", found.similarities.numpy())
    with new_file(folder / "indices.npy") as path:
        np.save(path, found.indices.numpy().astype(np.int32))
    return {"recall": round(found.recall, 4), "method": found.method}


def labels(folder: Path, seeds: int) -> dict[str, Any]:
    """Label spreading from some items a class, alpha .9, to a residual of 1e-3; 25 classes at a time."""
    from labelnb.compute import KnnGraph, propagate

    indices = torch.from_numpy(np.load(folder / "indices.npy", allow_pickle=False)).long()
    near = torch.from_numpy(np.load(folder / "similarities.npy", allow_pickle=False))
    graph = KnnGraph(indices, near, 1.0, "descent", "cosine", len(indices))
    truth = np.load(folder / "truth.npy", allow_pickle=False)
    w = graph.to_scipy("symmetric", gamma=3.0)
    del graph, indices, near
    rng, n = np.random.default_rng(1), len(truth)
    told = np.concatenate([rng.permutation(np.flatnonzero(truth == c))[:seeds] for c in range(CLASSES)])
    worst, products, method = 0.0, 0, ""
    best, said = np.full(n, -np.inf, np.float32), np.full(n, -1)
    for a in range(0, CLASSES, 25):                               # a block of classes a file: a run that is ended goes on after it
        path = folder / f"classes{a}.npz"
        if not path.exists():
            y = np.zeros((n, 25), np.float32)
            mine = told[truth[told] // 25 == a // 25]
            y[mine, truth[mine] - a] = 1
            made = propagate(w, y, alpha=0.9, tolerance=1e-3, memory=1 << 30)
            top = made.scores.max(1)
            with new_file(path) as part:
                np.savez(part, score=top.values.numpy(), label=top.indices.numpy() + a, residual=made.residual, products=made.iterations,
                         method=made.method)
        block = np.load(path, allow_pickle=False)
        better = block["score"] > best
        best[better], said[better] = block["score"][better], block["label"][better]
        worst, products, method = max(worst, float(block["residual"])), products + int(block["products"]), str(block["method"])
    rest = np.ones(n, bool)
    rest[told] = False
    with new_file(folder / "labels.npy") as part:
        np.save(part, said)
    return {"residual": worst, "products": products, "method": method, "seeds": len(told),
            "accuracy": round(float((said == truth)[rest].mean()), 4)}


def probe(folder: Path) -> dict[str, Any]:
    """A linear classifier on the labels found, read from the file in blocks."""
    from labelnb.compute import probe as fit

    x = np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False)
    made = fit(x, np.load(folder / "labels.npy", allow_pickle=False), memory=512 << 20, tolerance=1e-3)
    np.savez(folder / "probe.npz", weight=made.weight.numpy(), bias=made.bias.numpy())
    truth, right = np.load(folder / "truth.npy", allow_pickle=False), 0
    for a in range(0, len(x), BLOCK):
        right += int((made.scores(np.array(x[a:a + BLOCK])).argmax(1).numpy() == truth[a:a + BLOCK]).sum())
    return {"loss": made.loss, "passes": made.iterations, "gap": made.gap, "accuracy": round(right / len(x), 4)}


def main() -> None:
    """Every stage that is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=30, help="labelled items a class")
    parser.add_argument("--limit", type=float, default=8.0, help="GiB of address space")
    parser.add_argument("--stage", choices=("make", "neighbours", "labels", "probe"))
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (int(options.limit * 2**30),) * 2)
    stages: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
        "make": ("x.npy", lambda: rows_on_disk(folder, options.n)),
        "neighbours": ("indices.npy", lambda: neighbours(folder)),
        "labels": ("labels.npy", lambda: labels(folder, options.seeds)),
        "probe": ("probe.npz", lambda: probe(folder)),
    }
    for name, (result, run) in stages.items():
        if (options.stage or name) != name or (folder / result).exists():
            continue
        wall, spent = time.perf_counter(), time.process_time()
        line = run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        seconds, spent = round(time.perf_counter() - wall, 1), round(time.process_time() - spent, 1)
        line = {"stage": name, "n": options.n, "seconds": seconds, "cpu": spent, "peak_gib": round(peak, 2), "limit_gib": options.limit,
                "load": round(os.getloadavg()[0], 1), **line}
        with open(folder / "record.jsonl", "a", encoding="utf8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
