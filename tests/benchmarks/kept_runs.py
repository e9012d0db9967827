"""Measurements that are kept line by line, so that one that is cut off goes on where it was; tables are made from what is kept.

One line a run, as JSON: `task`, `set`, `items`, `method`, `parameters`, `seed` and `code` say which run it is, the rest is what was
measured. The code is that of the method's own file: a changed method is measured anew, an unchanged one is not. A table takes a method's
newest code only.
"""
from __future__ import annotations

import argparse
import ast
import hashlib
import inspect
import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

RUNS = Path(__file__).with_name("accuracy_runs.jsonl")
KEY = ("task", "set", "items", "method", "parameters", "seed", "code")


class Method(NamedTuple):
    """A function, the parameters it is measured with beside its defaults, and how a row of the table calls it."""

    function: Callable[..., Any]
    parameters: Mapping[str, Any] = MappingProxyType({})
    source: Callable[..., Any] | None = None
    """Whose file counts as the method's code, where it is not that of `function`."""

    @property
    def code(self) -> str:
        """Eight letters that change with the code of the method's file, not with its comments and docstrings."""
        tree = ast.parse(Path(inspect.getfile(self.source or self.function)).read_text(encoding="utf8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]              # type: ignore[attr-defined]
        return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:8]


class Planned(NamedTuple):
    """A run to be made: what names it, and what makes it."""

    key: dict[str, Any]
    measure: Callable[[], dict[str, Any]]


def read(path: Path) -> list[dict[str, Any]]:
    """All runs that are kept; none where there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.exists() else []


def fill(path: Path, plan: Iterable[Planned], seconds: float) -> bool:
    """Make the planned runs that are missing, one after the other, until the time is up. True if none is left."""
    begun, done = time.perf_counter(), {_name(row) for row in read(path)}
    for planned in plan:
        if _name(planned.key) in done:
            continue
        if time.perf_counter() - begun > seconds:
            return False
        start = time.perf_counter()
        made = planned.measure()
        row = {**planned.key, "seconds": round(time.perf_counter() - start, 1), **made}
        with path.open("a", encoding="utf8") as out:
            out.write(json.dumps(row) + "\n")
        print(row, flush=True)
    return True


def _name(row: dict[str, Any]) -> str:
    return json.dumps([row.get(key) for key in KEY], sort_keys=True)


def newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each method on each set the runs of the code that was measured last."""
    last = {(r["task"], r["set"], r["items"], r["method"]): r["code"] for r in rows}
    return [r for r in rows if r["code"] == last[r["task"], r["set"], r["items"], r["method"]]]


def by_method(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Runs of each method, in the order in which methods were first measured."""
    return {method: [r for r in rows if r["method"] == method] for method in dict.fromkeys(r["method"] for r in rows)}


def spread(values: list[float]) -> str:
    """Mean (standard deviation) in percent."""
    return f"{100 * statistics.mean(values):.1f} ({100 * statistics.stdev(values) if len(values) > 1 else 0:.1f})"


def drawn(path: Path, items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """So many of the rows and classes of a set in .npz, drawn at random; all of them, as they stand, where it has no more."""
    data = np.load(path, allow_pickle=False)
    x, y = data["x"].astype(np.float32), data["y"]
    at = np.random.default_rng(seed).permutation(len(x))[:items] if items and items < len(x) else np.arange(len(x))
    return x[at], y[at]


def options(about: str | None) -> argparse.ArgumentParser:
    """What every such script can be told."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds NAME.npz with unit rows x (N, D) and classes y (N,)")
    parser.add_argument("--sets", nargs="+", default=["cifar10_test", "fashion_test", "banking77_train"])
    parser.add_argument("--methods", nargs="+", help="rows of the table; all where not said")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no run after so many")
    parser.add_argument("--runs", type=Path, default=RUNS, help="what was measured so far")
    parser.add_argument("--table", type=Path, help="measure nothing, write the table of what is there")
    parser.add_argument("--threads", type=int, default=1)
    return parser
