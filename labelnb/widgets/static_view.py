"""How results look without a kernel: a picture, tables of escaped text, and plain text; each view below 200 kB.

A saved notebook reads well on a code host, in print, and after the kernel is gone. Nothing here is interactive, and no text of
an item or a class is ever markup.
"""
from __future__ import annotations

import base64
import html
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb import results

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["mimebundle", "report_text", "map_picture", "bundle_of"]

PICTURE_LIMIT = 56_000
"""Bytes of the PNG. It stands twice in the bundle, in base64: some 150 kB of the 200."""
TABLE_ROWS = 12
TEXT_WIDTH = 96
BANDS = (.9, .6, 0.0)
"""Confidences that the bars tell apart: sure, likely, unsure."""

Rows = Sequence[Mapping[str, Any]]


def mimebundle(result: results.Result) -> dict[str, Any]:
    """`text/plain`, `text/html` and, where there is something to draw, `image/png` of a result.

    Parameters
    ----------
    result : any of the results; thumbnails and names of items are shown where it came through a session
    """
    picture, tables = _DRAWN.get(type(result), _drawn_report)(result)
    return bundle_of(_headline(result), tables, picture, _small_print(result), list(result.warnings))


def bundle_of(
    headline: str, tables: Mapping[str, Rows], picture: Image.Image | None, small_print: str = "", warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """A MIME bundle of a headline, tables by name, a picture and notes; everything escaped."""
    parts = [f"<p><strong>{_escaped(headline)}</strong></p>"]
    parts += [f"<p>⚠ {_escaped(warning)}</p>" for warning in warnings]
    bundle: dict[str, Any] = {}
    if picture is not None:
        from labelnb.widgets.static_chart import SCALE, WIDTH, encode

        png = encode(picture, PICTURE_LIMIT)
        code = base64.b64encode(png).decode()
        bundle["image/png"] = code
        height = picture.height * WIDTH // max(picture.width, 1) if picture.width else picture.height // SCALE
        size = f'width="{WIDTH}" height="{height}" style="max-width:100%;height:auto"'
        parts.append(f'<img alt="{_escaped(headline)}" {size} src="data:image/png;base64,{code}">')
    parts += [_html_table(name, rows) for name, rows in tables.items() if rows]
    if small_print:
        parts.append(f"<p style='opacity:.75'><small>{_escaped(small_print)}</small></p>")
    bundle["text/html"] = "<div>" + "".join(parts) + "</div>"
    words = [_text_table(name, rows) for name, rows in tables.items() if rows]
    texts = [headline, *(f"! {warning}" for warning in warnings), *words, small_print]
    bundle["text/plain"] = "\n".join(text for text in texts if text)
    return bundle


def report_text(report: results.Report) -> str:
    """A Report as plain text: the title, its figures, its tables."""
    lines = [report.title]
    width = max((len(str(name)) for name in report.values), default=0)
    lines += [f"  {name!s:<{width}}  {_figure(value)}" for name, value in report.values.items()]
    lines += [_text_table(name, rows) for name, rows in report.tables.items() if rows]
    lines += [f"! {warning}" for warning in report.warnings]
    return "\n".join(lines)


def map_picture(
    xy: np.ndarray, groups: np.ndarray, names: Sequence[str], *, colours: Sequence[str] | None = None, hidden: Sequence[int] = (),
) -> Image.Image:
    """The static picture of a map: points in their groups' colours (classes by default), and below how many there are of each."""
    from labelnb.widgets.static_chart import bars, scatter, stack

    counts = np.bincount(groups[groups >= 0], minlength=len(names))
    rows = [(name, [float(counts[k])], k) for k, name in enumerate(names) if counts[k]]
    picture = scatter(xy, groups, colours=colours, hidden=hidden)
    return stack([picture, bars(rows, most=12, colours=colours)]) if rows else picture


# One drawing a result -------------------------------------------------------------------------------------------------------

Drawn = tuple["Image.Image | None", dict[str, Rows]]


def _drawn_embeddings(result: results.Embeddings) -> Drawn:
    from labelnb.widgets.static_chart import scatter

    vectors = np.asarray(result.vectors)
    if len(vectors) < 2:
        return None, {}
    step = -(-len(vectors) // 5_000)
    sample = vectors[::step].astype(np.float64)
    centred = sample - sample.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -2:] if centred.shape[1] > 1 else np.ones((1, 1))
    xy = centred @ axes
    xy = np.column_stack([xy, np.zeros(len(xy))])[:, :2]
    groups = np.full(len(xy), -1) if result.session is None else np.asarray(result.session.labels.values)[::step]
    return scatter(xy, groups), {}


def _drawn_proposal(result: results.Proposal) -> Drawn:
    from labelnb.widgets.static_chart import bars, sheet, stack

    predictions, confidence = result.predictions, result.confidence
    order = np.argsort(-np.bincount(predictions[predictions >= 0], minlength=len(result.classes)), kind="stable")
    rows, table = [], []
    for k in order:
        own = confidence[predictions == k]
        levels = [float(((own >= low) & (own < high)).sum()) for low, high in zip(BANDS, (1.1, *BANDS), strict=False)]
        rows.append((result.classes[k], levels, int(k)))
        middle = float(np.median(own)) if len(own) else float("nan")
        table.append({"class": result.classes[k], "items": len(own), "median confidence": middle, f"above {BANDS[0]:.0%}": int(levels[0])})
    abstains = int((predictions < 0).sum())
    if abstains:
        rows.append(("no proposal", [float(abstains)], -1))
    pictures = [bars(rows, most=16)]
    present = [k for k in order[:5] if (predictions == k).any()]
    surest = [(result.classes[k], int(k), _surest(np.flatnonzero(predictions == k), confidence)) for k in present]
    shown = _thumbnails(result, surest)
    if shown:
        pictures.append(sheet(shown))
    return stack(pictures), {"classes": table}


def _drawn_clusters(result: results.Clusters) -> Drawn:
    from labelnb.widgets.static_chart import bars, lines, sheet, stack

    sizes, order = result.sizes, np.argsort(-result.sizes, kind="stable")
    weight = result.probabilities.max(axis=1) if result.probabilities is not None else np.ones(len(result))
    given = list(result.evidence.get("names", ()))
    called = [given[k] if k < len(given) and given[k] else f"cluster {k}" for k in range(len(sizes))]
    rows = [(called[k], [float(sizes[k])], int(k)) for k in order]
    outliers = int((result.assignment < 0).sum())
    if outliers:
        rows.append(("outliers", [float(outliers)], -1))
    pictures = [bars(rows, most=16)]
    stable = np.asarray(result.evidence.get("stability", ()), np.float64)
    if len(stable) == len(sizes):
        pictures.append(lines(_stabilities(stable[order], [called[k] for k in order]), title="stability", height=170))
    exemplars = [(called[k], int(k), _surest(np.flatnonzero(result.assignment == k), weight)) for k in order[:6] if sizes[k]]
    shown = _thumbnails(result, exemplars)
    if shown:
        pictures.append(sheet(shown))
    words = {int(k): " · ".join(_text(result, i) for i in found[:3]) for _, k, found in exemplars}
    table: list[dict[str, Any]] = []
    for k in order[:TABLE_ROWS]:
        row: dict[str, Any] = {"cluster": int(k)}
        row |= {"name": given[k] if k < len(given) else ""} if any(given) else {}
        row["items"] = int(sizes[k])
        row |= {"stability": float(stable[k])} if len(stable) == len(sizes) else {}
        table.append(row | {"exemplars": words.get(int(k), "")})
    return stack(pictures), {"largest clusters": table}


def _stabilities(values: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """A chart of stabilities: one bar a cluster where the names have room, else how many clusters have which."""
    known = ~np.isnan(values)
    if known.sum() <= 12:
        shown = {name: float(value) for name, value in zip(names, values, strict=True) if not np.isnan(value)}
        return {"kind": "bar", "x": list(shown), "series": {"stability": list(shown.values())}, "y_label": "stability"}
    counts, edges = np.histogram(values[known], 20, (0, 1))
    middles = ((edges[:-1] + edges[1:]) / 2).tolist()
    return {"kind": "line", "x": middles, "series": {"clusters": counts.tolist()}, "x_label": "stability", "y_label": "clusters"}


def _drawn_ranking(result: results.Ranking) -> Drawn:
    from labelnb.widgets.static_chart import lines, sheet, stack

    top = result.order[:TABLE_ROWS]
    flagged = np.asarray(result.flagged, bool)
    table = [
        {"item": _name(result, i), "score": float(result.scores[i]), "flagged": "yes" if flagged[i] else "", "reason": result.reasons[i]}
        for i in top
    ]
    scored = np.isfinite(result.scores)
    finite = result.scores[scored]
    pictures = []
    if len(finite):
        edges = np.histogram_bin_edges(finite, 24)
        middles = (edges[:-1] + edges[1:]) / 2
        parts = {"flagged": scored & flagged, "others": scored & ~flagged}
        series = {name: np.histogram(result.scores[part], edges)[0].tolist() for name, part in parts.items()}
        chart = {"kind": "line", "x": middles.tolist(), "series": series, "x_label": "score", "y_label": "items"}
        pictures.append(lines(chart, height=190))
    shown = _thumbnails(result, [("first in line", -1, top[:8])])
    if shown:
        pictures.append(sheet(shown))
    return (stack(pictures) if pictures else None), {"first in line": table}


def _drawn_votes(result: results.Votes) -> Drawn:
    from labelnb.widgets.static_chart import bars

    votes = result.votes
    majority = _majority(votes)
    table: list[dict[str, Any]] = []
    for m, source in enumerate(result.sources):
        given = votes[:, m] >= 0
        with_others = given & (((votes >= 0).sum(axis=1)) > 1)
        differs = float((votes[with_others, m] != majority[with_others]).mean()) if with_others.any() else float("nan")
        share = float(result.coverage[m])
        table.append({"source": source, "coverage": share, "votes": int(given.sum()), "differs from the majority": differs})
    return bars([(row["source"], [100 * row["coverage"]], m) for m, row in enumerate(table)], unit="%"), {"sources": table}


def _drawn_report(result: results.Result) -> Drawn:
    from labelnb.widgets.static_chart import lines, stack

    if not isinstance(result, results.Report):
        return None, {}
    charts = [lines(figure, title=name) for name, figure in list(result.figures.items())[:4]]
    values = [{"figure": name, "value": value} for name, value in result.values.items()]
    return (stack(charts) if charts else None), {"figures": values, **dict(result.tables)}


_DRAWN: dict[type, Callable[[Any], Drawn]] = {
    results.Embeddings: _drawn_embeddings, results.Proposal: _drawn_proposal, results.Clusters: _drawn_clusters,
    results.Ranking: _drawn_ranking, results.Votes: _drawn_votes, results.Report: _drawn_report,
}


# Words ----------------------------------------------------------------------------------------------------------------------


def _headline(result: results.Result) -> str:
    if isinstance(result, results.Report):
        return result.title
    if not len(result):  # type: ignore[arg-type]
        return f"{type(result).__name__} of no items"
    what = f"{len(result):,} items"  # type: ignore[arg-type]
    if isinstance(result, results.Embeddings):
        return f"Embeddings of {what}: {result.shape[1]:,} numbers each, by {result.encoder}"
    if isinstance(result, results.Proposal):
        middle = float(np.median(result.confidence))
        return f"Proposal for {what}, {len(result.classes):,} classes; {result.coverage:.1%} have one, median confidence {middle:.2f}"
    if isinstance(result, results.Clusters):
        return f"{result.n_clusters:,} clusters of {what}, {int((result.assignment < 0).sum()):,} outliers"
    if isinstance(result, results.Ranking):
        return f"Ranking of {what}, {int(np.sum(result.flagged)):,} flagged"
    if isinstance(result, results.Votes):
        return f"Votes of {len(result.sources):,} sources on {what}; {float((result.votes >= 0).any(axis=1).mean()):.1%} have one"
    return f"{type(result).__name__} of {what}"


def _small_print(result: results.Result) -> str:
    made = result.provenance
    if made is None:
        return ""
    settings = ", ".join(f"{name}={value}" for name, value in made.parameters.items())
    when = f"{made.when[:10]} {made.when[11:19]} UTC" if made.when else ""
    words = [f"{made.method}({settings})", f"seed {made.seed}" if made.seed is not None else "", f"{made.seconds:.2g} s on {made.device}",
             f"run {made.run}" if made.run is not None else "", when, f"labelnb {made.version}"]
    return " · ".join(word for word in words if word)


def _html_table(name: str, rows: Rows) -> str:
    columns = list(rows[0])
    head = "".join(f"<th style='text-align:left'>{_escaped(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(_cell(row.get(column)) for column in columns) + "</tr>" for row in rows[:TABLE_ROWS])
    more = f"<p>and {len(rows) - TABLE_ROWS:,} more</p>" if len(rows) > TABLE_ROWS else ""
    caption = f"<caption style='text-align:left'>{_escaped(name)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    align = "right" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else "left"
    return f"<td dir='auto' style='text-align:{align};font-variant-numeric:tabular-nums'>{_escaped(_figure(value))}</td>"


def _text_table(name: str, rows: Rows) -> str:
    columns = list(rows[0])
    cells = [[_shortened(_figure(row.get(column)), 48) for column in columns] for row in rows[:TABLE_ROWS]]
    widths = [max(_width(text) for text in (str(column), *(line[k] for line in cells))) for k, column in enumerate(columns)]
    numbers = [all(isinstance(row.get(column), int | float | np.number) for row in rows[:TABLE_ROWS]) for column in columns]

    def line(texts: Sequence[str]) -> str:
        gaps = [" " * (width - _width(text)) for text, width in zip(texts, widths, strict=True)]
        padded = [gap + text if right else text + gap for text, gap, right in zip(texts, gaps, numbers, strict=True)]
        return "  " + "  ".join(padded).rstrip()

    more = [f"  and {len(rows) - TABLE_ROWS:,} more"] if len(rows) > TABLE_ROWS else []
    return "\n".join([f"{name}:", line([str(column) for column in columns]), *(line(texts) for texts in cells), *more])


def _figure(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{float(value):,.4g}"
    return f"{int(value):,}" if isinstance(value, int | np.integer) else _shortened(str(value), 400)


def _shortened(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _width(text: str) -> int:
    """Columns a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text if not unicodedata.combining(letter))


def _escaped(text: Any) -> str:
    return html.escape(_shortened(str(text), 1_000), quote=True)


# Items, where a session knows them ----------------------------------------------------------------------------------------------


def _surest(where: np.ndarray, weight: np.ndarray, most: int = 8) -> np.ndarray:
    return where[np.argsort(-weight[where], kind="stable")[:most]]


def _thumbnails(result: results.Result, rows: Sequence[tuple[str, int, np.ndarray]]) -> list[tuple[str, int, list[Image.Image]]]:
    """Rows of small pictures; those that cannot be read are left out, and all where there are none."""
    if result.session is None or result.session.items.modality != "image":
        return []
    found = [(name, k, [_thumbnail(result, int(i)) for i in where]) for name, k, where in rows]
    kept = [(name, k, [picture for picture in pictures if picture is not None]) for name, k, pictures in found]
    return [row for row in kept if row[2]]


def _thumbnail(result: results.Result, position: int) -> Image.Image | None:
    import io

    from PIL import Image

    try:
        data, _ = result.session.items.thumbnail(position, 104)
        return Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, ValueError, RuntimeError):
        return None


def _name(result: results.Result, position: int) -> str:
    if result.session is None:
        return str(int(position))
    return f"{result.session.items.ids[position]}" if result.session.items.modality == "image" else _text(result, position)


def _text(result: results.Result, position: int) -> str:
    if result.session is None:
        return f"item {int(position)}"
    items = result.session.items
    return _shortened(str(items.ids[position]) if items.modality == "image" else str(items.text(int(position))), 90)


def _majority(votes: np.ndarray) -> np.ndarray:
    """(N,) the class with the most votes, the first of equals; -1 without any."""
    k = int(votes.max(initial=-1)) + 1
    tally = np.zeros((len(votes), max(k, 1)), np.int32)
    rows, columns = np.nonzero(votes >= 0)
    np.add.at(tally, (rows, votes[rows, columns]), 1)
    return np.where(tally.max(axis=1) > 0, tally.argmax(axis=1), -1)
