"""200,000 items into 1,000 clusters: `python -m tests.benchmarks.large_clustering k_means|sela`, one method a process.

Synthetic groups. The run is kept (kept_runs.py): seconds by the clock and of the processor, peak memory of the process less what it held
before, and how well the groups are found.
"""
from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import torch

import labelnb.methods.clustering as clustering
from labelnb.bench.data import clustered
from labelnb.metrics import normalized_mutual_information
from tests.benchmarks.kept_runs import RUNS, Method, Planned, fill

METHODS = {
    "k_means": Method(clustering.k_means, {"starts": 1, "max_iterations": 30}),
    "sela": Method(clustering.sela, {"heads": 1, "epochs": 2, "updates": 2, "spread": "linear"}),
}


def measure(method: Method, items: int, width: int, groups: int) -> dict[str, Any]:
    """One run."""
    x, y, _ = clustered(items, width, groups, noise=0.08)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = method.function(x, n_clusters=groups, seed=0, **method.parameters)
    after = resource.getrusage(resource.RUSAGE_SELF)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "wall": round(time.perf_counter() - begun, 1), "processor": round(worked, 1), "threads": torch.get_num_threads(),
        "gigabytes": round((after.ru_maxrss - before.ru_maxrss) / 2**20, 2), "warnings": list(found.warnings),
        "nmi": round(normalized_mutual_information(found.assignment, y), 4),
        "smallest": int(found.sizes.min()), "largest": int(found.sizes.max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("method", choices=list(METHODS))
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--runs", type=Path, default=RUNS)
    asked = parser.parse_args()
    method = METHODS[asked.method]
    key = {"task": "large", "set": f"{asked.groups} groups in {asked.width}", "items": asked.items, "method": asked.method,
           "parameters": dict(method.parameters), "seed": 0, "code": method.code}
    fill(asked.runs, [Planned(key, lambda: measure(method, asked.items, asked.width, asked.groups))], 1e9)


if __name__ == "__main__":
    main()
