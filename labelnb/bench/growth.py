"""How cost grows with the number of items: one kernel at one size a call, so that a long series can be made in pieces."""
from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.bench.data import folded
from labelnb.bench.measure import interleaved

__all__ = ["KERNELS", "exponent", "measured", "record", "recorded"]

KERNELS = ("knn_graph", "propagate", "sinkhorn")
RECORD = Path(__file__).with_name("growth.json")


def measured(kernel: str, n: int, *, dim: int = 64, repeats: int = 1) -> dict[str, Any]:
    """Seconds and CPU seconds (medians of so many runs) of one kernel at N items of clustered unit rows, after a small run that compiles.

    `knn_graph`: 15 neighbours, recall .98 asked for. `propagate`: 10 classes, alpha .9, residual 1e-5, on the graph of these neighbours.
    `sinkhorn`: 100 places, L1 error 1e-3.

    Raises
    ------
    ValueError
        If there is no such kernel.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel: got {kernel!r}, expected one of {', '.join(KERNELS)}")
    make = {"knn_graph": _neighbours, "propagate": _propagation, "sinkhorn": _transport}[kernel]
    make(6000, dim)()                                             # above what is done without compiled loops
    run = make(n, dim)
    timing = interleaved({kernel: run}, repeats)[kernel]
    figures = {"kernel": kernel, "n": n, "dim": dim, "seconds": round(timing.seconds, 3), "cpu": round(timing.cpu, 3)}
    return {**figures, "memory_mib": round(timing.memory) if math.isfinite(timing.memory) else None, **timing.result}


def exponent(lines: Iterable[dict[str, Any]], of: str = "cpu") -> float:
    """The slope of log cost over log N, by least squares.

    >>> round(exponent([{"n": 10, "cpu": 2.0}, {"n": 100, "cpu": 20.0}]), 3)
    1.0
    """
    pairs = np.log([(line["n"], line[of]) for line in lines])
    return float(np.polyfit(pairs[:, 0], pairs[:, 1], 1)[0])


def record(line: dict[str, Any], path: str | Path) -> None:
    """Add a line to a file of results, replacing an earlier one of the same kernel and size."""
    kept = recorded(path) if Path(path).exists() else []
    same = ("kernel", "n", "dim")
    kept = [old for old in kept if any(old[key] != line[key] for key in same)] + [line]
    kept.sort(key=lambda one: (one["kernel"], one["dim"], one["n"]))
    Path(path).write_text("[\n" + ",\n".join(json.dumps(one) for one in kept) + "\n]\n", encoding="utf8")


def recorded(path: str | Path = RECORD) -> list[dict[str, Any]]:
    """The lines of a file of results; by default those that come with the package, each with its date and machine."""
    found = json.loads(Path(path).read_text(encoding="utf8"))
    return list(found)


def _neighbours(n: int, dim: int) -> Any:
    from labelnb.compute import knn_graph

    x = folded(n, dim, inner=16)

    def run() -> dict[str, Any]:
        found = knn_graph(x, 15, exact=False)
        return {"quality": f"recall {found.recall:.3f}, {found.method}"}

    return run


def _propagation(n: int, dim: int) -> Any:
    from labelnb.compute import knn_graph, propagate

    w, y = knn_graph(folded(n, dim, inner=16), 15).to_scipy(), np.zeros((n, 10), np.float32)
    seeds = np.random.default_rng(0).permutation(n)[: max(50, n // 100)]
    y[seeds, np.arange(len(seeds)) % 10] = 1

    def run() -> dict[str, Any]:
        made = propagate(w, y, alpha=0.9, tolerance=1e-5)
        return {"quality": f"residual {made.residual:.1e}, {made.iterations} products, {made.method}"}

    return run


def _transport(n: int, dim: int) -> Any:
    import torch

    from labelnb.compute import sinkhorn

    x = torch.from_numpy(folded(n, dim, inner=16))
    scores = x @ x[:100].T

    def run() -> dict[str, Any]:
        made = sinkhorn(scores, tolerance=1e-3)
        return {"quality": f"L1 error {made.marginal_error:.1e}, {made.iterations} passes, {made.method}"}

    return run
