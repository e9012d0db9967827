"""Accuracy on Cora and Citeseer: python -m tests.benchmarks.bench_text_graphs RESULTS.jsonl [SECONDS]

Runs what RESULTS.jsonl does not hold yet, until the seconds are over (280 if not said), and prints the table: call again to go on. Needs
the measuring data of tests/real_data.py. The simulated annotator is wrong on a quarter of the papers: anywhere (`uniform`), or the more
often, the farther a paper lies from the centre of its cluster (`density`), as the authors of LLM-GNN found language models to be.
"""
from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelnb.annotators import SimulatedAnnotator
from labelnb.compute import graph_net
from labelnb.compute.centrality import cluster_density
from labelnb.methods.propagation import harmonic_functions, label_spreading, llm_gnn, locle, poisson_learning
from labelnb.methods.propagation.llm_gnn import ranks
from tests.benchmarks.text_graph_data import Planetoid, planetoid

PLAIN = {"choice": "random", "dropped": 0.0, "weighted": False}
ASKED: dict[str, Callable[..., Any]] = {
    "random nodes, every answer believed": lambda *given, **more: llm_gnn(*given, **PLAIN, **more),
    "random nodes, filter and weights": lambda *given, **more: llm_gnn(*given, choice="random", **more),
    "LLM-GNN (featprop, our default)": llm_gnn,
    "LLM-GNN (pagerank, C-Density .33, the paper's)": lambda *given, **more: llm_gnn(*given, choice="pagerank", difficulty=0.33, **more),
    "Locle": locle,
}
LABELLED: dict[str, Callable[[Planetoid, int], Any]] = {
    "GCN": lambda d, seed: graph_net(
        d.graph, d.x / d.x.sum(1, keepdims=True), d.train, n_classes=len(d.names), seed=seed).probabilities.argmax(1).numpy(),
    "label spreading": lambda d, seed: label_spreading(d.graph, d.train, n_classes=len(d.names)).predictions,
    "harmonic functions": lambda d, seed: harmonic_functions(d.graph, d.train, n_classes=len(d.names)).predictions,
    "Poisson learning": lambda d, seed: poisson_learning(d.graph, d.train, n_classes=len(d.names)).predictions,
}


def noise(d: Planetoid, kind: str) -> Any:
    """Probability of a wrong answer: a quarter, or from 0 in the densest to a half in the sparsest place."""
    if kind == "uniform":
        return 0.25
    rows = torch.nn.functional.normalize(torch.from_numpy(d.x), dim=1)
    return 0.5 * (1 - ranks(cluster_density(rows, len(d.names))[0]))


def run(d: Planetoid, method: str, kind: str, seed: int) -> dict[str, float]:
    """One measurement: accuracy on the split's test papers, and how many of the answers were right."""
    if kind == "labels":
        return {"accuracy": float(np.mean((LABELLED[method](d, seed) == d.truth)[d.test]))}
    annotator = SimulatedAnnotator(d.truth, d.names, noise=noise(d, kind), calibration=0.5, seed=seed)
    made = ASKED[method](d.graph, d.x, d.names, annotator, seed=seed)
    right = made.evidence["answers"] == d.truth[made.evidence["asked"]]
    return {"accuracy": float(np.mean((made.predictions == d.truth)[d.test])), "answers": float(right.mean())}


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over the seeds as Markdown."""
    lines = ["| data | supervision | method | seeds | test accuracy | answers right |", "|---|---|---|---|---|---|"]
    keys = list(dict.fromkeys((row["data"], row["kind"], row["method"]) for row in rows))
    for key in sorted(keys):
        found = [row for row in rows if (row["data"], row["kind"], row["method"]) == key]
        values = np.array([row["accuracy"] for row in found])
        answers = [row["answers"] for row in found if "answers" in row]
        shown = f"{np.mean(answers):.3f}" if answers else ""
        lines.append(f"| {' | '.join(key)} | {len(found)} | {values.mean():.3f} ± {values.std():.3f} | {shown} |")
    return "\n".join(lines)


def main(path: Path, seconds: float) -> None:
    """Measure until the time is over."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done, start = {(row["data"], row["kind"], row["method"], row["seed"]) for row in rows}, time.monotonic()
    held: dict[str, Planetoid] = {}
    for seed in range(5):
        for name in ("cora", "citeseer"):
            wanted = [("labels", method) for method in LABELLED] + [(kind, method) for kind in ("uniform", "density") for method in ASKED]
            for kind, method in wanted:
                fixed = kind == "labels" and method != "GCN" and seed            # no chance in it
                if (name, kind, method, seed) in done or fixed or time.monotonic() - start > seconds:
                    continue
                held.setdefault(name, planetoid(name))
                row = {"data": name, "kind": kind, "method": method, "seed": seed, **run(held[name], method, kind, seed)}
                rows.append(row)
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 280.0)
