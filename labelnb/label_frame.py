"""A LabelSet as a table: a frame of the caller's type, and a few lines of HTML."""
from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow

    from labelnb.labels import LabelSet

__all__ = ["label_frame", "label_table"]


def label_frame(labels: LabelSet, *, known_only: bool = False) -> Any:
    """`labels` as a pandas, polars or Arrow table, by its `frame_kind`; see `LabelSet.to_frame`.

    Raises
    ------
    ValueError
        If `frame_kind` is none of these.
    ImportError
        If the library of that frame is not installed.
    """
    kind = labels.frame_kind
    if kind not in ("pandas", "polars", "arrow"):
        raise ValueError(f"frame_kind: got {kind!r}, expected 'pandas', 'polars' or 'arrow'")
    import pyarrow

    table = _arrow(labels)
    if known_only:
        table = table.filter(pyarrow.array(labels.known))
    if kind == "arrow":
        return table
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    import pandas

    return table.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)


def _arrow(labels: LabelSet) -> pyarrow.Table:
    import pyarrow

    used = labels._used
    rows = pyarrow.array(labels._compact, mask=~labels.known)
    text = pyarrow.string()

    def of_label(values: list[str | None]) -> pyarrow.Array:
        return pyarrow.array(values, text).take(rows)

    unknown = ~labels.known
    confidence = np.asarray(labels.confidence)
    return pyarrow.table({
        "id": pyarrow.array(labels.ids.tolist(), text),
        "label": of_label([None if label is None else str(label) for label in used]),
        "kind": of_label([None if label is None else label.kind for label in used]),
        "value": of_label([None if label is None else label.to_json() for label in used]),
        "who": pyarrow.array(labels.who.tolist(), text),
        "source": pyarrow.array(labels.source.tolist(), text),
        "when": pyarrow.array(labels.when.view(np.int64), pyarrow.timestamp("us", "UTC"), mask=unknown),
        "method": pyarrow.array(labels.method.tolist(), text),
        "run": pyarrow.array(labels.proposal.tolist(), pyarrow.int64()),
        "confidence": pyarrow.array(confidence, pyarrow.float64(), mask=unknown | np.isnan(confidence)),
    })


def label_table(labels: LabelSet, most: int = 20) -> str:
    """How many items each class has, as HTML; the largest `most` classes."""
    counts = labels.counts
    order = np.argsort(-counts, kind="stable")[:most]
    cells = ((html.escape(labels.classes.names[k]), counts[k]) for k in order.tolist())
    rows = "".join(f"<tr><td>{name}</td><td style='text-align:right'>{count:,}</td></tr>" for name, count in cells)
    more = f"<tr><td colspan=2>and {len(counts) - most} classes more</td></tr>" if len(counts) > most else ""
    return f"<p>{html.escape(repr(labels).split(';')[0])}</p><table><tr><th>class</th><th>items</th></tr>{rows}{more}</table>"
