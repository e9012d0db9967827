"""What a ClusterBoard over 200,000 items in 1,000 clusters takes, step by step; printed, nothing is asserted.

    python -m tests.benchmarks.bench_cluster_board [items] [clusters]
"""
from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import labelnb as lnb
from labelnb.results import Clusters
from labelnb.widgets.cluster_board import ClusterBoard

DIMENSIONS = 256


def timed(what: str, work: Callable[[], Any]) -> Any:
    start, cpu = time.perf_counter(), time.process_time()
    made = work()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    size = f"{len(json.dumps(made)) + made['bytes']:>12,} bytes" if isinstance(made, dict) else ""
    print(f"{what:<58}{1000 * wall:>10.0f} ms{1000 * cpu:>10.0f} ms CPU{size}", flush=True)
    return made


def main(items: int = 200_000, clusters: int = 1_000) -> None:
    rng = np.random.default_rng(0)
    assignment = rng.integers(0, clusters, items)
    centres = rng.normal(size=(clusters, DIMENSIONS)).astype(np.float32)
    vectors = centres[assignment] + rng.normal(size=(items, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory() as folder, lnb.Session(vectors, classes=["first"], path=Path(folder) / "s.lnb") as session:
        made = Clusters(assignment)
        answers: list[dict[str, Any]] = []

        def ask(board: ClusterBoard, kind: str, **message: Any) -> dict[str, Any]:
            board.send = lambda content, buffers=(): answers.append({**content, "bytes": sum(memoryview(part).nbytes for part in buffers)})
            board._route({"id": "1", "kind": kind, **message}, [])
            assert answers[-1]["ok"], answers[-1]
            return answers[-1]

        session.labels                                          # noqa: B018 - read once, as any widget does
        board = timed("board made", lambda: ClusterBoard(session, made, embeddings=vectors))
        timed("first page of cards", lambda: ask(board, "cards"))
        timed("next page", lambda: ask(board, "cards", page=1))
        timed("the same page again", lambda: ask(board, "cards"))
        timed("a cluster's items", lambda: ask(board, "members", cluster=3))
        timed("a cluster's map", lambda: ask(board, "map", cluster=3))
        timed("a name (the first step keeps the assignment)", lambda: ask(board, "name", cluster=3, name="bird"))
        timed("a second name", lambda: ask(board, "name", cluster=4, name="fish"))
        timed("merge", lambda: ask(board, "merge", clusters=[5, 6]))
        timed("page after it", lambda: ask(board, "cards"))
        timed("split up", lambda: ask(board, "split", cluster=7, k=None))
        timed("accept", lambda: ask(board, "accept", cluster=3, name="bird"))
        timed("page after it", lambda: ask(board, "cards"))
        timed("undo", lambda: ask(board, "take_back"))
        timed("page after it (all steps replayed)", lambda: ask(board, "cards"))
        timed("50,000 items marked from a map", lambda: ask(board, "marks") if board.mark(np.arange(50_000)) is None else None)
        timed("a cluster of them", lambda: ask(board, "gather", marking=ask(board, "marks")["marking"]))
        timed("page after it", lambda: ask(board, "cards"))
        told = {"change": "rename", "names": ["first"], "into": "one"}
        timed("what renaming a class would move", lambda: ask(board, "change_classes", preview=True, **told))
        timed("renaming it", lambda: ask(board, "change_classes", **told))
        for sort in ("purity", "open", "tree"):
            timed(f"order: {sort}", lambda sort=sort: ask(board, "cards", sort=sort))
        timed("50 groups", lambda: ask(board, "cards", level=50))
        timed("one sample of the stability (of 10)", lambda: ask(board, "measure", begin=True))
        timed("the same clusters again (replayed)", lambda: ClusterBoard(session, made, embeddings=vectors))
        moved = np.where(rng.random(items) < .1, rng.integers(0, clusters, items), rng.permutation(clusters)[assignment])
        again = timed("other clusters, names taken over", lambda: ClusterBoard(session, Clusters(moved), embeddings=vectors))
        print(f"names taken over: {again.kept_names}")
        for cluster in range(clusters):
            board._state.names.setdefault(cluster, f"class {cluster}")
        timed(f"accept all {clusters} named clusters", lambda: board.accept_all(list(range(8, clusters))))
        timed("page after it", lambda: ask(board, "cards"))


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
