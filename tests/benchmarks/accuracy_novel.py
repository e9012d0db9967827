"""Planted novel classes: how many are estimated, and how well they are found, beside k-means and sela.

    python -m tests.benchmarks.accuracy_novel FOLDER [--sets cifar10_test fashion_test banking77_train] [--seeds 5] [--seconds 240]

FOLDER holds `NAME.npz` files with `x` (N, D) unit rows and `y` (N,) classes. Three of ten classes lose all of their labels (ten of more
than twenty), half of the other items lose theirs too; everything is measured on items without a label, under one match of clusters to
classes (`split_clustering_accuracy`). Measurements are kept in a file (`--keep`) and not made twice.
"""
from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.compute.kmeans import kmeans
from labelnb.methods.clustering import sela
from labelnb.methods.novel import (
    class_incd,
    ncd_kmeans,
    ncd_spectral,
    number_of_classes,
    pairwise_similarity,
    pbn,
    semi_supervised_kmeans,
    uno,
)
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information, split_clustering_accuracy

ITEMS = 4000
Run = Callable[[np.ndarray, np.ndarray, int, int, int], np.ndarray]
METHODS: dict[str, Run] = {
    "k-means": lambda x, y, known, novel, seed: kmeans(x, known + novel, seed=seed, n_init=10).assignment.numpy(),
    "sela": lambda x, y, known, novel, seed: sela(x, n_clusters=known + novel, seed=seed).assignment,
    "uno": lambda x, y, known, novel, seed: uno(x, y, n_novel=novel, seed=seed).assignment,
    "semi_supervised_kmeans": lambda x, y, known, novel, seed: semi_supervised_kmeans(x, y, n_novel=novel, seed=seed).assignment,
    "semi_supervised_kmeans, not whitened":
        lambda x, y, known, novel, seed: semi_supervised_kmeans(x, y, n_novel=novel, whiten=False, seed=seed).assignment,
    "ncd_kmeans": lambda x, y, known, novel, seed: ncd_kmeans(x, y, n_novel=novel, seed=seed).assignment,
    "ncd_kmeans, whitened": lambda x, y, known, novel, seed: ncd_kmeans(x, y, n_novel=novel, whiten=True, seed=seed).assignment,
    "ncd_spectral": lambda x, y, known, novel, seed: ncd_spectral(x, y, n_novel=novel, seed=seed).assignment,
    "pbn": lambda x, y, known, novel, seed: pbn(x, y, n_novel=novel, seed=seed).assignment,
    "class_incd": lambda x, y, known, novel, seed: class_incd(x, y, n_novel=novel, seed=seed).assignment,
    "pairwise_similarity": lambda x, y, known, novel, seed: pairwise_similarity(x, y, n_novel=novel, seed=seed).assignment,
    "uno, number estimated": lambda x, y, known, novel, seed: uno(x, y, seed=seed).assignment,
}


def hide(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Items, labels with classes hidden, truth, and the known classes."""
    data, rng = np.load(path, allow_pickle=False), np.random.default_rng(seed)
    at = rng.permutation(len(data["x"]))[:ITEMS]
    x, truth = data["x"][at].astype(np.float32), data["y"][at]
    classes = int(truth.max()) + 1
    hidden = rng.permutation(classes)[: 3 if classes <= 20 else 10]
    told = ~np.isin(truth, hidden) & (rng.random(len(truth)) < 0.5)
    labels = np.where(told, truth, -1)
    return x, labels, truth, np.unique(labels[told])


def measure(path: Path, name: str, seed: int) -> dict[str, Any]:
    """One method, or one estimate of the number, on one set with one seed."""
    x, labels, truth, known = hide(path, seed)
    novel, start, free = int(truth.max()) + 1 - len(known), time.perf_counter(), labels < 0
    if name.startswith("number"):
        made = number_of_classes(x, labels, method=name.split()[1], seed=seed)                       # type: ignore[arg-type]
        return {"number": made.values["novel classes"], "low": made.values["from"], "high": made.values["to"], "true": novel,
                "seconds": time.perf_counter() - start}
    got = METHODS[name](x, labels, len(known), novel, seed)
    split = split_clustering_accuracy(got[free], truth[free], known)
    return {
        **split._asdict(), "nmi": normalized_mutual_information(got[free], truth[free]), "ari": adjusted_rand_index(got[free], truth[free]),
        "seconds": time.perf_counter() - start,
    }


def table(kept: dict[str, Any], sets: list[str]) -> str:
    """The measurements as Markdown."""
    lines = []
    for name in sets:
        lines += [f"## {name}", "", "| method | all | old | new | NMI | ARI | seeds | seconds |", "|---|---|---|---|---|---|---|---|"]
        for method in METHODS:
            runs = [run for key, run in kept.items() if key.split("|")[:2] == [name, method]]
            if runs:
                figures = [[run[column] for run in runs] for column in ("all", "old", "new", "nmi", "ari")]
                cells = [f"{np.mean(values):.3f} ± {np.std(values):.3f}" for values in figures]
                lines.append(f"| {method} | {' | '.join(cells)} | {len(runs)} | {np.median([r['seconds'] for r in runs]):.1f} |")
        lines += ["", "| estimate | true | by seed (least to largest of its repetitions) | within one | seconds |", "|---|---|---|---|---|"]
        for method in ("number hidden", "number silhouette", "number stability"):
            runs = [run for key, run in sorted(kept.items()) if key.split("|")[:2] == [name, method]]
            if runs:
                said = ", ".join(f"{r['number']} ({r['low']}-{r['high']})" for r in runs)
                near = sum(abs(r["number"] - r["true"]) <= 1 for r in runs)
                took = np.median([r["seconds"] for r in runs])
                lines.append(f"| {method.split()[1]} | {runs[0]['true']} | {said} | {near} of {len(runs)} | {took:.1f} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["cifar10_test", "fashion_test", "banking77_train"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=240, help="stop before the next measurement after so many")
    parser.add_argument("--keep", type=Path, default=Path("accuracy_novel.json"), help="measurements so far")
    asked = parser.parse_args()
    kept = json.loads(asked.keep.read_text()) if asked.keep.exists() else {}
    begun = time.perf_counter()
    names = ["number hidden", *METHODS, "number silhouette", "number stability"]
    for seed in range(asked.seeds):
        for name in names:
            for chosen in asked.sets:
                key = f"{chosen}|{name}|{seed}"
                if key not in kept and time.perf_counter() - begun < asked.seconds:
                    kept[key] = measure(asked.folder / f"{chosen}.npz", name, seed)
                    asked.keep.write_text(json.dumps(kept, indent=1))
    print(table(kept, asked.sets))


if __name__ == "__main__":
    main()
