"""How cost grows with the number of items. `python -m labelnb.bench.growth` measures the series again; minutes, a million items at most."""
from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.bench.data import folded
from labelnb.bench.measure import interleaved

__all__ = ["KERNELS", "exponent", "measured", "record", "recorded", "series"]

KERNELS = ("knn_graph", "propagate", "sinkhorn")
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Numbers of settings of glibc's allocator, from its malloc.h."""
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
    return series(kernel, (n,), dim=dim, repeats=repeats)[0]


def series(kernel: str, sizes: Iterable[int], *, dim: int = 64, repeats: int = 5) -> list[dict[str, Any]]:
    """The same at several sizes, in turn: what else the machine does falls on all of them alike.

    With more runs than one, a first round tells the memory, and the others, which use it again, the time.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel: got {kernel!r}, expected one of {', '.join(KERNELS)}")
    make = {"knn_graph": _neighbours, "propagate": _propagation, "sinkhorn": _transport}[kernel]
    make(6000, dim)()                                             # above what is done without compiled loops
    runs = {str(n): make(n, dim) for n in sizes}
    once = timings = interleaved(runs, 1)
    if repeats > 1:
        with kept_memory():
            timings = interleaved(runs, repeats)
    return [
        {
            "kernel": kernel, "n": int(n), "dim": dim, "seconds": round(timing.seconds, 4), "cpu": round(timing.cpu, 4),
            "memory_mib": round(once[n].memory) if math.isfinite(once[n].memory) else None, **timing.result,
        }
        for n, timing in timings.items()
    ]


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


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Within, what one run gives back serves the next, where the C library can be told to.

    Else a virtual machine may take what lies unused for a second, and hand it out again at half a GiB a second: at a million items that is
    longer than a solve, and at ten thousand nothing.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, -1)
    except (AttributeError, OSError, TypeError):                  # another C library
        yield
        return
    try:
        yield
    finally:
        library.mallopt(M_MMAP_MAX, 65_536)
        library.mallopt(M_TRIM_THRESHOLD, 128 << 10)
        library.malloc_trim(0)


def main(arguments: list[str] | None = None) -> None:
    """Measure series, print their exponents, and add them to a file."""
    import torch

    from labelnb.bench import machine

    parser = argparse.ArgumentParser(prog="python -m labelnb.bench.growth", description=main.__doc__)
    parser.add_argument("kernels", nargs="*", default=KERNELS, help=f"of {', '.join(KERNELS)}; all by default")
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 30_000, 100_000, 300_000, 1_000_000], help="numbers of items")
    parser.add_argument("--repeats", type=int, default=5, help="runs a size, of which the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--to", help="file of results; those that come with the package: " + str(RECORD))
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    for kernel in chosen.kernels:
        lines = series(kernel, chosen.sizes, repeats=chosen.repeats)
        for line in lines:
            print(json.dumps(line), flush=True)
            if chosen.to:
                record({**line, "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}, chosen.to)
        print(f"{kernel}: N^{exponent(lines):.3f} in CPU seconds, N^{exponent(lines, 'seconds'):.3f} in seconds", flush=True)


if __name__ == "__main__":
    main()
