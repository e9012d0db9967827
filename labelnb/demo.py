"""The whole main job, headless, on real data with a hidden truth: what `labelnb demo` runs.

From an unlabelled collection to embeddings, zero-shot proposals, propagation, clusters, a curriculum of pseudo-labels, planted label
errors found, a trained student and an export; every step measured against the truth and beside its plain baseline.
"""

from __future__ import annotations

import html
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.metrics import accuracy, clustering_accuracy, normalized_mutual_information

if TYPE_CHECKING:
    from labelnb.items import Items
    from labelnb.session import Session

__all__ = ["Step", "run_demo", "table_text", "report_html"]


@dataclass
class Step:
    """One measured step of the job."""

    name: str
    """What was done."""
    measure: str
    """What the figure is."""
    value: float
    """The figure, 0 to 1."""
    baseline: str = ""
    """What it stands beside."""
    baseline_value: float | None = None
    """The baseline's figure."""
    seconds: float = 0.0
    """Wall-clock seconds of the step."""
    note: str = ""
    """What a careful reader must know."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Other figures of the step."""


def run_demo(
    items: Items, path: Path, *, per_class: int = 5, seed: int = 0, encoder: str | None = None, say: Callable[[str], None] = print
) -> list[Step]:
    """Run the main job on items with a hidden truth and measure every step.

    Parameters
    ----------
    items : with `truth` (N,) and `truth_names`
    path : folder for the session and the export
    per_class : labels that a simulated person gives to each class, drawn at random by `seed`
    encoder : name of an encoder; chosen by default

    Returns
    -------
    One Step a line of the table.

    Raises
    ------
    ValueError
        If the items have no truth, or a class has fewer than `per_class` items.
    """
    from labelnb.session import Session

    if items.truth is None:
        raise ValueError("the demo measures against a hidden truth; load a data set by name: labelnb.datasets.load('emoji')")
    counts = np.bincount(items.truth[items.truth >= 0], minlength=len(items.truth_names))
    if counts.min() < per_class:
        raise ValueError(
            f"class {items.truth_names[int(counts.argmin())]!r} has {counts.min()} items, fewer than the {per_class} labels "
            "a class asked for"
        )
    with Session(items, classes=list(items.truth_names), path=path / "demo.lnb", seed=seed, who="demo") as session:
        session.undo_decision(10**6)  # a second run starts from no labels; the first run's decisions stay in the history
        steps = [*_from_names(session, items, encoder, say), _groups(session, items, say)]
        seeds = _seeds(items, per_class, seed)
        session.label(seeds, [items.truth_names[k] for k in _truth(items)[seeds]], who="a simulated person")
        say(f"labelled {len(seeds)} items, {per_class} a class")
        steps += [*_from_few(session, items, seeds, say), _errors(session, items, seed, say), *_student(session, items, path, say)]
    return steps


def _truth(items: Items) -> np.ndarray:
    assert items.truth is not None  # run_demo has refused items without
    return items.truth


def _seeds(items: Items, per_class: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice(np.flatnonzero(_truth(items) == k), per_class, replace=False) for k in range(len(items.truth_names))])


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def _from_names(session: Session, items: Items, encoder: str | None, say: Callable[[str], None]) -> list[Step]:
    embeddings, seconds = _timed(lambda: session.embed(encoder))
    say(f"embedded {len(items)} items with {embeddings.encoder} into {embeddings.shape[1]} dimensions in {seconds:.1f} s")
    chance = float(np.bincount(_truth(items)[_truth(items) >= 0]).max() / (_truth(items) >= 0).sum())
    names, first = _timed(lambda: session.zero_shot.clip())
    graph, second = _timed(lambda: session.propagation.zlap())
    zero = accuracy(names.predictions, _truth(items))
    return [
        Step("zero-shot from class names", "accuracy", zero, "largest class", chance, first, extra={"embedding seconds": seconds}),
        Step(
            "propagation from class names",
            "accuracy",
            accuracy(graph.predictions, _truth(items)),
            "zero-shot",
            zero,
            second,
            note="; ".join(graph.warnings),
            extra={"coverage": graph.coverage},
        ),
    ]


def _groups(session: Session, items: Items, say: Callable[[str], None]) -> Step:
    from labelnb.compute import kmeans

    k = len(items.truth_names)
    clusters, seconds = _timed(lambda: session.clustering.sela(n_clusters=k))
    plain = kmeans(session.on_device(session.embeddings.vectors), k, seed=session.seed).assignment.cpu().numpy()
    return Step(
        f"clusters (sela, {k})",
        "NMI",
        normalized_mutual_information(clusters.assignment, _truth(items)),
        "k-means",
        normalized_mutual_information(plain, _truth(items)),
        seconds,
        note="; ".join(clusters.warnings),
        extra={
            "accuracy": clustering_accuracy(clusters.assignment, _truth(items)),
            "k-means accuracy": clustering_accuracy(plain, _truth(items)),
        },
    )


def _from_few(session: Session, items: Items, seeds: np.ndarray, say: Callable[[str], None]) -> list[Step]:
    from labelnb import student

    rest = np.setdiff1d(np.arange(len(items)), seeds)
    truth = _truth(items)[rest]
    vectors = session.on_device(session.embeddings.vectors)
    probe, first = _timed(lambda: student.train(vectors, session.labels, session.classes, seed=session.seed).predict(vectors))
    plain = accuracy(probe.predictions[rest], truth)
    graph, second = _timed(lambda: session.propagation.zlap())
    taught, third = _timed(lambda: session.pseudo_label.curriculum_labeling())
    count = f"{len(seeds)} labels"
    return [
        Step(
            f"propagation, {count}",
            "accuracy",
            accuracy(graph.predictions[rest], truth),
            "probe on the same labels",
            plain,
            second,
            note="; ".join(graph.warnings),
        ),
        Step(
            f"curriculum, {count}",
            "accuracy",
            accuracy(taught.predictions[rest], truth),
            "probe on the same labels",
            plain,
            third,
            note="; ".join(taught.warnings),
            extra={"probe seconds": first},
        ),
    ]


def _errors(session: Session, items: Items, seed: int, say: Callable[[str], None], share: float = 0.08) -> Step:
    """Plant wrong labels among right ones and look for them: precision and recall of what is flagged."""
    rng = np.random.default_rng(seed + 1)
    given = _truth(items).copy()
    planted = rng.random(len(given)) < share
    k = len(items.truth_names)
    given[planted] = (given[planted] + rng.integers(1, k, planted.sum())) % k
    from labelnb.compute import out_of_fold

    def find() -> Any:
        probabilities = out_of_fold(session.on_device(session.embeddings.vectors), given, seed=session.seed, n_classes=k)
        return session.noisy.confident_learning(labels=given, probabilities=probabilities)

    ranking, seconds = _timed(find)
    flagged = ranking.flagged
    recall = float((flagged & planted).sum() / planted.sum())
    precision = float((flagged & planted).sum() / max(flagged.sum(), 1))
    return Step(
        f"label errors ({int(planted.sum())} planted)",
        "found",
        recall,
        "looking at as many at random",
        float(flagged.mean()),
        seconds,
        note=f"{int(flagged.sum())} flagged, {precision:.0%} of them planted",
        extra={"precision": precision, "planted": int(planted.sum())},
    )


def _student(session: Session, items: Items, path: Path, say: Callable[[str], None]) -> list[Step]:
    """A simulated person reviews a quarter of the items; the student is measured on the rest; the labels are exported and read back."""
    from labelnb.load import load

    rng = np.random.default_rng(session.seed + 2)
    reviewed = rng.permutation(len(items))[: max(len(items) // 4, len(session.labels.values[session.labels.values >= 0]))]
    session.label(reviewed, [items.truth_names[k] for k in _truth(items)[reviewed]], who="a simulated person")
    rest = np.flatnonzero(session.labels.values < 0)
    trained, seconds = _timed(session.train)
    report = trained.evaluate()
    predicted = trained.predict(session.embeddings.vectors)
    where = session.export(path / "labels.parquet")
    back = load(where)
    kept = 0 if back.given is None else sum(value is not None for value in back.given.tolist())
    say(f"exported {kept} labels to {where.name} and read them back")
    held = accuracy(predicted.predictions[rest], _truth(items)[rest])
    names = session.zero_shot.clip()
    return [
        Step(
            f"student, {session.labels.n_known} labels",
            "accuracy",
            held,
            "zero-shot",
            accuracy(names.predictions[rest], _truth(items)[rest]),
            seconds,
            note=f"its own cross-validated estimate: {report.values['accuracy']:.3f}",
            extra={"labels read back": kept},
        )
    ]


def peak_memory_gib() -> float:
    """Peak resident memory of this process in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def table_text(steps: list[Step]) -> str:
    """The table as fixed-width text."""
    rows = [("step", "measure", "ours", "baseline", "", "seconds")]
    rows += [
        (s.name, s.measure, f"{s.value:.3f}", "" if s.baseline_value is None else f"{s.baseline_value:.3f}", s.baseline, f"{s.seconds:.1f}")
        for s in steps
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [f"note: {s.name}: {s.note}" for s in steps if s.note]
    lines += [
        f"note: {s.name} is below its baseline ({s.baseline}) here"
        for s in steps
        if s.baseline_value is not None and s.value < s.baseline_value
    ]
    return "\n".join(lines)


def report_html(steps: list[Step], title: str, facts: dict[str, Any]) -> str:
    """The report as one self-contained page; every text is escaped."""
    cell = html.escape
    body = "".join(_row_html(step) for step in steps)
    about = "".join(f"<dt>{cell(str(k))}</dt><dd>{cell(str(v))}</dd>" for k, v in facts.items())
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#1c2126}"
        "table{border-collapse:collapse;width:100%}"
        "th,td{padding:.45rem .7rem;border-bottom:1px solid #dfe3e6;text-align:left;vertical-align:top}"
        ".n{text-align:right;font-variant-numeric:tabular-nums}"
        ".low{color:#a3360b;font-weight:600}dt{color:#5b6670}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}"
    )
    head = "<tr><th>step<th>measure<th>ours<th>baseline<th><th>seconds<th>note</tr>"
    top = f"<!doctype html><meta charset=utf-8><title>{cell(title)}</title><style>{style}</style><h1>{cell(title)}</h1>"
    return f"{top}<dl>{about}</dl><table>{head}{body}</table>\n"


def _row_html(step: Step) -> str:
    low = " low" if step.baseline_value is not None and step.value < step.baseline_value else ""
    beside = "" if step.baseline_value is None else f"{step.baseline_value:.3f}"
    texts = [html.escape(text) for text in (step.name, step.measure, step.baseline, step.note)]
    return (
        f"<tr><td>{texts[0]}</td><td>{texts[1]}</td><td class='n{low}'>{step.value:.3f}</td><td class=n>{beside}</td>"
        f"<td>{texts[2]}</td><td class=n>{step.seconds:.1f}</td><td>{texts[3]}</td></tr>"
    )


def write_report(folder: Path, steps: list[Step], title: str, facts: dict[str, Any]) -> Path:
    """Write `report.html` and `report.json` into `folder`; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps({"facts": facts, "steps": [vars(s) for s in steps]}, indent=1), encoding="utf8")
    page = folder / "report.html"
    page.write_text(report_html(steps, title, facts), encoding="utf8")
    return page
