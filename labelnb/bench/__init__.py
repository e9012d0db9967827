"""The kernels beside their peers, measured on this machine: `labelnb bench`.

Every candidate runs once a round, in turn; seconds are medians. Peers that are not installed are named and left out. Nothing here is a
test: the figures depend on the machine, and on what else it is doing.
"""
from __future__ import annotations

import importlib
import math
import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from labelnb.bench.measure import Case, Timing, interleaved

__all__ = ["KERNELS", "Line", "compare", "machine", "markdown", "table"]

KERNELS: dict[str, tuple[str, int, int]] = {
    "knn": ("graphs", 20_000, 200_000),
    "knn_exact": ("graphs", 10_000, 50_000),
    "propagate": ("graphs", 20_000, 50_000),
    "sinkhorn": ("fits", 20_000, 200_000),
    "kmeans": ("fits", 20_000, 50_000),
    "probe": ("fits", 10_000, 50_000),
    "out_of_fold": ("fits", 5_000, 20_000),
    "confident_learning": ("fits", 100_000, 1_000_000),
    "dawid_skene": ("fits", 20_000, 100_000),
    "project": ("graphs", 3_000, 100_000),
}
"""By name: the module of the case, the items by default, and the items with `--full`."""


class Line(NamedTuple):
    """One candidate in the table."""

    kernel: str
    task: str
    candidate: str
    seconds: float
    ratio: float
    """Its seconds over ours."""
    cpu: float
    first: float
    memory: float
    quality: str


def compare(name: str, n: int | None = None, *, repeats: int = 3, full: bool = False, peers: bool = True) -> tuple[list[Line], Case]:
    """Measure one kernel beside its peers.

    Parameters
    ----------
    name : a key of KERNELS
    n : items; default what KERNELS says
    repeats : rounds, each of which runs every candidate once
    full : the large number of items
    peers : False measures ours alone

    Raises
    ------
    ValueError
        If there is no such kernel, or n or repeats is not a whole number of at least 1.
    """
    if name not in KERNELS:
        raise ValueError(f"kernel: got {name!r}, expected one of {', '.join(KERNELS)}")
    for what, value in (("n", n), ("repeats", repeats)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{what}: got {value!r}, expected a whole number of at least 1")
    module, small, large = KERNELS[name]
    make: Callable[[int], Case] = getattr(importlib.import_module(f"labelnb.bench.{module}"), name)
    case = make(n or (large if full else small))
    runs = {key: run for key, run in case.runs.items() if peers or key.startswith("labelnb")}
    timings = interleaved(runs, repeats)
    base = next(iter(timings.values()))
    return [_line(case, key, timing, base) for key, timing in timings.items()], case


def _line(case: Case, key: str, timing: Timing, base: Timing) -> Line:
    ratio = timing.seconds / base.seconds if base.seconds else math.nan
    quality = case.quality(timing.result)
    return Line(case.kernel, case.task, key, timing.seconds, ratio, timing.cpu, timing.first, timing.memory, quality)


HEADINGS = ("kernel", "task", "candidate", "seconds", "x ours", "CPU s", "first run", "MiB more", "quality")


def _cells(line: Line) -> list[str]:
    memory = "" if math.isnan(line.memory) else f"{line.memory:.0f}"
    figures = [f"{line.seconds:.2f}", f"{line.ratio:.2f}", f"{line.cpu:.2f}", f"{line.first:.2f}", memory]
    return [line.kernel, line.task, line.candidate, *figures, line.quality]


def table(lines: Sequence[Line]) -> str:
    """As plain text."""
    rows = [list(HEADINGS[2:])] + [_cells(line)[2:] for line in lines]
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    texts = ["  " + "  ".join(cell.ljust(w) if c in (0, 6) else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True)))
             for row in rows]
    title = f"{lines[0].kernel}: {lines[0].task}" if lines else ""
    return "\n".join([title, *(text.rstrip() for text in texts)])


def markdown(lines: Sequence[Line]) -> str:
    """As a Markdown table under the date and the machine."""
    rows = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, *(_cells(line) for line in lines))]
    rule = "|" + "---|" * len(HEADINGS)
    return "\n".join([f"{datetime.now(UTC):%Y-%m-%d}, {machine()}", "", rows[0], rule, *rows[1:], ""])


def machine() -> str:
    """The class of this machine: processor, cores and threads used, memory, and the versions that matter."""
    import numpy
    import torch

    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:
            model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), model)
    except OSError:
        pass
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30 if hasattr(os, "sysconf") else math.nan
    return (
        f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {size:.0f} GiB; Python {platform.python_version()}, "
        f"torch {torch.__version__}, NumPy {numpy.__version__}"
    )
