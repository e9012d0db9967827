"""Candidates timed in turn, so that a busy machine is unfair to none, and the table of their medians."""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Timing", "interleaved", "table"]


class Timing(NamedTuple):
    """One candidate's times and what it gave."""

    seconds: float
    """Median wall-clock seconds."""
    cpu: float
    """Median CPU seconds of all threads: on a busy machine they say more."""
    result: Any
    """What the last run gave."""


def interleaved(candidates: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, Timing]:
    """Run every candidate once a round, for so many rounds."""
    wall: dict[str, list[float]] = {name: [] for name in candidates}
    cpu: dict[str, list[float]] = {name: [] for name in candidates}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, run in candidates.items():
            start, spent = time.perf_counter(), time.process_time()
            results[name] = run()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - spent)
    return {name: Timing(statistics.median(wall[name]), statistics.median(cpu[name]), results[name]) for name in candidates}


def table(title: str, timings: Mapping[str, Timing], quality: Mapping[str, str], ours: str) -> str:
    """Lines of name, seconds and CPU seconds, both as multiples of ours too, and quality."""
    width, base = max(len(name) for name in timings), timings[ours]
    lines = [title, f"  {'':<{width}}  {'seconds':>8} {'x ours':>7}  {'CPU s':>8} {'x ours':>7}  quality"]
    for name, t in timings.items():
        times = f"{t.seconds:8.2f} {t.seconds / base.seconds:7.2f}  {t.cpu:8.2f} {t.cpu / base.cpu:7.2f}"
        lines.append(f"  {name:<{width}}  {times}  {quality[name]}")
    return "\n".join(lines)
