"""Candidates timed in turn, so that a busy machine is unfair to none, with the memory they take on top of what is there."""
from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple

__all__ = ["Case", "Timing", "interleaved"]


class Case(NamedTuple):
    """One task, ours and the peers that are installed."""

    kernel: str
    """Name of ours."""
    task: str
    """What is worked on."""
    n: int
    """Items."""
    runs: Mapping[str, Callable[[], Any]]
    """By name, ours first: it begins with `labelnb`."""
    quality: Callable[[Any], str]
    """How good a result is, in a few words."""
    missing: tuple[str, ...] = ()
    """Peers that are left out because they are not installed."""


class Timing(NamedTuple):
    """One candidate's times and what it gave."""

    seconds: float
    """Median wall-clock seconds."""
    cpu: float
    """Median CPU seconds of all threads: on a busy machine they say more."""
    first: float
    """Wall-clock seconds of the first run, with imports and compiling."""
    memory: float
    """Most MiB taken in any run on top of what was held before it; NaN where the system does not tell."""
    result: Any
    """What the last run gave."""


def interleaved(candidates: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, Timing]:
    """Run every candidate once a round, for so many rounds."""
    wall: dict[str, list[float]] = {name: [] for name in candidates}
    cpu: dict[str, list[float]] = {name: [] for name in candidates}
    peaks: dict[str, float] = {}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, run in candidates.items():
            results.pop(name, None)
            with _Peak() as peak:
                start, spent = time.perf_counter(), time.process_time()
                results[name] = run()
                wall[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - spent)
            peaks[name] = max(peaks.get(name, peak.extra), peak.extra)
    return {
        name: Timing(statistics.median(wall[name]), statistics.median(cpu[name]), wall[name][0], peaks[name], results[name])
        for name in candidates
    }


class _Peak:
    """Looks at the process's memory a hundred times a second."""

    def __enter__(self) -> _Peak:
        self.before = self.most = _resident()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.thread.join()
        self.most = max(self.most, _resident())

    def _watch(self) -> None:
        while not self.ended.wait(0.01):
            self.most = max(self.most, _resident())

    @property
    def extra(self) -> float:
        return (self.most - self.before) / 2**20


def _resident() -> float:
    """Bytes of memory the process holds."""
    try:
        with open("/proc/self/statm") as file:
            return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return float("nan")
