"""Planted novel classes: how many are estimated, and how well they are found, beside k-means and sela.

    python -m tests.benchmarks.accuracy_novel FOLDER [--sets cifar10_test fashion_test banking77_train] [--seeds 5] [--seconds 240]

FOLDER holds `NAME.npz` files with `x` (N, D) unit rows and `y` (N,) classes. Three of ten classes lose all of their labels (ten of more
than twenty), half of the other items lose theirs too; everything is measured on items without a label, under one match of clusters to
classes (`split_clustering_accuracy`). Runs are kept (kept_runs.py): call again to go on, and with `--table` for the tables.
"""
from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelnb.methods import clustering, novel
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information, split_clustering_accuracy
from labelnb.number_of_classes import estimate_novel
from tests.benchmarks.kept_runs import Method, Planned, by_method, fill, newest, options, read, spread

ITEMS = 4000
BLIND = ("k_means", "sela")
"""Bars: they see no labels, only the number of classes."""
METHODS: dict[str, Method] = {
    "k_means": Method(clustering.k_means, {"starts": 10}),
    "sela": Method(clustering.sela),
    "uno": Method(novel.uno),
    "semi_supervised_kmeans": Method(novel.semi_supervised_kmeans),
    "semi_supervised_kmeans, not whitened": Method(novel.semi_supervised_kmeans, {"whiten": False}),
    "ncd_kmeans": Method(novel.ncd_kmeans),
    "ncd_kmeans, whitened": Method(novel.ncd_kmeans, {"whiten": True}),
    "ncd_spectral": Method(novel.ncd_spectral),
    "pbn": Method(novel.pbn),
    "class_incd": Method(novel.class_incd),
    "pulse": Method(novel.pulse),
    "pairwise_similarity": Method(novel.pairwise_similarity),
}
NUMBERS: dict[str, Method] = {
    f"number, {way}": Method(novel.number_of_classes, {"method": way}, estimate_novel)
    for way in ("hidden", "shares", "silhouette", "stability")
}


HEAD = """# Novel classes beside known ones

Made by `python -m tests.benchmarks.accuracy_novel FOLDER --table accuracy_novel.md` on a busy machine with two cores: 4,000 items
(Banking77: 3,080) of embeddings made without a network, three of ten classes hidden (ten of 77), half of the other items labelled.
Percent on the items without a label under one match of clusters to classes; mean over seeds, standard deviation in brackets. Each seed
draws items, hidden classes and labels anew, so that the spread is mostly that of the task: `new, above k_means` compares within a seed.
The number of novel classes is given to all methods here. **Rows with fewer than five seeds are not finished.**

What it says: with three of ten classes hidden `pulse` gains 23 points over k-means for the novel classes on CIFAR-10 (by draw 16, 24, 24,
32, 20) and 14 on Fashion-MNIST (19, 9, 12, 16, 14), and over all classes it is above k-means and `sela` in all three measures.
It uses what the others do not: that labels were given at random within a class, so that where none are, something is new. A logistic
regression in the same space that was told half of the hidden classes' labels as well, under the best of three penalties, has .74 and .79
of the rest right: of what there is to gain over k-means `pulse` has 93 and 79 percent. With ten of 77 hidden, where a class has some
twenty labels, it gains 1.5 points for the novel classes; there `class_incd` gains 12, and 18 and 3 on the other two. `uno` and
`class_incd` are above k-means and `sela` over all classes on each set. `pairwise_similarity` breaks down on 77 classes.

The number of novel classes: `shares` counts how much is new by the average size of a known class, which classes of equal size suit, and
is within one in 15 of 15 runs; `hidden`, which weighs it against its own curve, in 12 of 15. By its curve alone `hidden` said 12, 17, 17,
13 and 21 with ten of 77 hidden: the mean accuracy differs by one to two points between 4 and 25 new clusters, and k-means, which joins
some classes whatever their number, gains by every cluster more. What decides there is the size.
"""


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


def measure(path: Path, called: str, seed: int) -> dict[str, Any]:
    """One method, or one estimate of the number, on one set with one seed."""
    x, labels, truth, known = hide(path, seed)
    hidden, free = int(truth.max()) + 1 - len(known), labels < 0
    if called in NUMBERS:
        made = novel.number_of_classes(x, labels, seed=seed, **NUMBERS[called].parameters).values
        return {"number": made["novel classes"], "low": made["from"], "high": made["to"], "true": hidden}
    method = METHODS[called]
    if called in BLIND:
        got = method.function(x, n_clusters=len(known) + hidden, seed=seed, **method.parameters).assignment
    else:
        got = method.function(x, labels, n_novel=hidden, seed=seed, **method.parameters).assignment
    made = split_clustering_accuracy(got[free], truth[free], known)._asdict()
    made |= {"nmi": normalized_mutual_information(got[free], truth[free]), "ari": adjusted_rand_index(got[free], truth[free])}
    return {name: round(float(value), 4) for name, value in made.items()}


def plan(folder: Path, sets: list[str], called: list[str], seeds: int) -> Iterator[Planned]:
    """Every run, method by method."""
    for name in called:
        method = NUMBERS.get(name) or METHODS[name]
        for seed in range(seeds):
            for chosen in sets:
                key = {"task": "novel", "set": chosen, "items": ITEMS, "method": name, "parameters": dict(method.parameters), "seed": seed,
                       "code": method.code}
                yield Planned(key, lambda n=name, c=chosen, s=seed: measure(folder / f"{c}.npz", n, s))


def table(rows: list[dict[str, Any]], sets: list[str]) -> str:
    """The measurements as Markdown."""
    lines: list[str] = [HEAD]
    rows = newest([r for r in rows if r["task"] == "novel"])
    for name in sets:
        lines += [f"## {name}", "", "| method | all | old | new | new, above k_means | NMI | ARI | seeds | median s |",
                  "|---|---|---|---|---|---|---|---|---|"]
        found = by_method([r for r in rows if r["set"] == name])
        bar = {r["seed"]: r["new"] for r in found.get("k_means", [])}
        for method in (m for m in METHODS if m in found):
            runs = found[method]
            cells = [spread([r[column] for r in runs]) for column in ("all", "old", "new", "nmi", "ari")]
            cells.insert(3, spread([r["new"] - bar[r["seed"]] for r in runs]) if all(r["seed"] in bar for r in runs) else "")
            lines.append(f"| {method} | {' | '.join(cells)} | {len(runs)} | {statistics.median(r['seconds'] for r in runs):.1f} |")
        lines += ["", "| estimate | true | by seed (its range) | within one | range holds the truth | median s |",
                  "|---|---|---|---|---|---|"]
        for method in (m for m in NUMBERS if m in found):
            runs = sorted(found[method], key=lambda r: r["seed"])
            said = ", ".join(f"{r['number']} ({r['low']}-{r['high']})" for r in runs)
            near = sum(abs(r["number"] - r["true"]) <= 1 for r in runs)
            held = sum(r["low"] <= r["true"] <= r["high"] for r in runs)
            took = statistics.median(r["seconds"] for r in runs)
            kind, true, count = method.split()[1], runs[0]["true"], len(runs)
            lines.append(f"| {kind} | {true} | {said} | {near} of {count} | {held} of {count} | {took:.1f} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    asked = options(__doc__).parse_args()
    torch.set_num_threads(asked.threads)
    if asked.table is None:
        fill(asked.runs, plan(asked.folder, asked.sets, asked.methods or [*NUMBERS, *METHODS], asked.seeds), asked.seconds)
    else:
        asked.table.write_text(table(read(asked.runs), asked.sets), encoding="utf8")


if __name__ == "__main__":
    main()
