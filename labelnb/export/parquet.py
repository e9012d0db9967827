"""Parquet: one row an item. Images by path; those without one are kept as Hugging Face keeps them, `{"bytes", "path"}`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelnb.atomic import new_file
from labelnb.export.sheet import Sheet, inside

__all__ = ["write", "is_export", "stream"]

_ROWS = 256
"""Rows written at a time where images go in, so that memory stays small."""


def write(path: Path, sheet: Sheet) -> None:
    """Write `sheet` to the file `path`."""
    embed = sheet.items.modality == "image" and any(sheet.items.path(i) is None for i in range(len(sheet.items)))
    with new_file(path) as made:
        stream(made, sheet, path.parent, embed=embed)


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this file: its metadata say so."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"labelnb" in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowInvalid):
        return False


def stream(file: Path, sheet: Sheet, folder: Path, *, embed: bool, class_label: bool = False) -> None:
    """Write the sheet in batches. `embed` puts the images in; `class_label` writes labels as numbers with Hugging Face's names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import labelnb

    table = sheet.table
    features: dict[str, Any] = {"image": {"_type": "Image"}} if sheet.content == "image" and embed else {}
    if class_label:
        names = sheet.class_names
        place = {name: k for k, name in enumerate(names)}
        kinds = table.column("kind").to_pylist()
        codes = [
            place.get(value) if kind == "class" else None for value, kind in zip(table.column("label").to_pylist(), kinds, strict=True)
        ]
        table = table.set_column(table.column_names.index("label"), "label", pa.array(codes, pa.int64()))
        features["label"] = {"names": names, "_type": "ClassLabel"}
    said = {"version": labelnb.__version__, "classes": list(sheet.labels.classes.names)}
    metadata = {"labelnb": json.dumps({**said, **({"certificate": sheet.certificate} if sheet.certificate else {})})}
    if features:
        metadata["huggingface"] = json.dumps({"info": {"features": features}})
    schema = table.schema.remove_metadata()
    kind = _type(sheet, embed)
    if kind is not None:
        assert sheet.content is not None
        schema = schema.append(pa.field(sheet.content, kind))
    schema = schema.with_metadata(metadata)
    size = _ROWS if embed else 8192
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for start in range(0, max(len(sheet.items), 1), size):
            part = table.slice(start, size)
            columns = list(part.columns)
            if kind is not None:
                columns.append(pa.array(_contents(sheet, range(start, start + part.num_rows), folder, embed), kind))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _type(sheet: Sheet, embed: bool) -> Any:
    import pyarrow as pa

    if sheet.content is None:
        return None
    if sheet.content == "image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if embed else pa.string()
    return pa.list_(pa.float32()) if sheet.content == "vector" else pa.large_string()


def _contents(sheet: Sheet, positions: range, folder: Path, embed: bool) -> Iterator[Any]:
    for i in positions:
        if sheet.content == "image" and embed:
            yield {"bytes": sheet.encoded(i)[0], "path": sheet.file_name(i)}
        elif sheet.content == "image":
            yield inside(sheet.items.path(i) or "", folder)
        else:
            yield sheet.value(i, folder)
