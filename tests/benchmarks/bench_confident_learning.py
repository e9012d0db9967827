"""Label errors beside cleanlab: `python -m tests.benchmarks.bench_confident_learning [--repeats 3]`.

The method calls cleanlab in one process; what it adds are checks, thresholds, the joint and a sentence an item.
"""
from __future__ import annotations

import argparse

import numpy as np

from labelnb.methods.noisy import confident_learning
from tests.benchmarks.interleaved import interleaved, table


def task(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    scores = rng.standard_normal((n, k), dtype=np.float32)
    scores[np.arange(n), truth] += 3.0
    p = np.exp(scores)
    p /= p.sum(1, keepdims=True)
    return np.where(rng.random(n) < 0.05, rng.integers(0, k, n), truth), p


def main() -> None:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for n, k in ((100_000, 100), (1_000_000, 10)):
        y, p = task(n, k)

        def peer(y: np.ndarray = y, p: np.ndarray = p) -> np.ndarray:
            get_label_quality_scores(y, p)
            return find_label_issues(y, p, n_jobs=1)

        runs = {"labelnb": lambda y=y, p=p: confident_learning(y, p).flagged, "cleanlab, n_jobs=1": peer}
        timings = interleaved(runs, options.repeats)
        same = bool((timings["labelnb"].result == timings["cleanlab, n_jobs=1"].result).all())
        quality = {name: f"{int(t.result.sum())} flagged, identical: {same}" for name, t in timings.items()}
        print(table(f"label errors, {n} items, {k} classes", timings, quality, "labelnb"), flush=True)


if __name__ == "__main__":
    main()
