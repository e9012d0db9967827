"""Tables as items: the image column, the text column, the vectors, or the rows themselves."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.contents import Rows
from labelnb.items import Items, Modality
from labelnb.problems import ItemError, ItemProblem
from labelnb.sources.arrays import from_vectors
from labelnb.sources.images import from_images
from labelnb.sources.recordings import from_recordings
from labelnb.sources.sieve import sieve
from labelnb.sources.tables import PROVENANCE, Frame, Roles, columns_frame, is_string, roles, strings
from labelnb.sources.texts import from_texts

__all__ = ["from_frame", "from_records"]


def from_records(records: Sequence[Any], problems: Sequence[ItemProblem] = (), *, folder: str = "", **columns: Any) -> Items:
    """A list of dicts, one an item; None where an item is known to be bad."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(map(str, record or ())))
    if not names:
        raise ItemError(
            f"source: {len(records)} records without a single field{'; ' + str(problems[0]) if problems else ''}; there is nothing to label"
        )
    known = {problem.position for problem in problems}
    more = [
        ItemProblem(i, "", "got None, expected a dict as most items are")
        for i, record in enumerate(records)
        if record is None and i not in known
    ]
    made = {name: [None if record is None else record.get(name) for record in records] for name in names}
    return from_frame(columns_frame(made, "pandas"), folder=folder, problems=[*problems, *more], **columns)


def from_frame(
    frame: Frame,
    *,
    text: Any = None,
    image: str | None = None,
    id: Any = None,
    label: Any = None,
    modality: Modality | None = None,
    folder: str = "",
    problems: Sequence[ItemProblem] = (),
    lost: Sequence[ItemProblem] = (),
) -> Items:
    """A table: its image or text column, else its rows. All columns but encoded images go along as `items.frame`.

    `problems` name rows of the table that are known to be bad, `lost` lines of its file that are not in the table; `folder` is where
    the table lies, against which paths in it are read.
    """
    n = frame.rows
    if n == 0:
        raise ItemError(f"source: the table has no rows{': ' + str(lost[0]) if lost else ''}; there is nothing to label")
    found = roles(
        frame,
        text=text,
        image=image,
        id=id if isinstance(id, str) else None,
        label=label if isinstance(label, str) else None,
        modality=modality,
        bad={problem.position for problem in problems},
    )
    ids = _column(frame, found.id) if found.id is not None and (id is None or isinstance(id, str)) else id
    given = _given(frame, found) if label is None or isinstance(label, str) else label
    ids = _without(ids, problems) if ids is not None and problems else ids
    rest: dict[str, Any] = {"id": ids, "label": given, "frame_kind": frame.kind, "problems": problems, "lost": lost}
    if kind := _heard_or_seen(frame, found, modality):
        return _recordings(frame, kind, folder, rest)
    if found.image is not None and modality in (None, "image"):
        values, kept = _images(frame, found.image, folder)
        table = _light(frame.table, found.image)
        return from_images(values, kept=kept, frame=table if table.num_columns else None, **rest)
    if found.text and modality in (None, "text"):
        columns = [
            [None if value is None else str(value) for value in frame.objects[name]]
            if name in frame.objects
            else strings(frame.table.column(name))
            for name in found.text
        ]
        joined: list[str | None] = columns[0]
        if len(columns) > 1:
            joined = ["\n".join(part for part in parts if part) for parts in zip(*columns, strict=True)]
        return from_texts(joined, frame=frame.table, **rest)
    if modality in ("image", "audio", "clip"):
        raise ItemError(f"modality={modality!r}, but no column holds such; the columns are {frame.names}")
    if modality == "vector" or (modality is None and found.own and "vector" in frame.names):
        return from_vectors(_numbers(frame, found), frame=frame.table, skip={problem.position for problem in problems}, **rest)
    drop = {found.id, found.label, *(PROVENANCE if found.own else ())}
    kept = [name for name in frame.table.column_names if name not in drop]
    if not kept:
        raise ItemError(f"source: besides ids and labels the table has no column; the columns are {frame.names}")
    bad = {problem.position for problem in problems}
    good = np.array([i for i in range(n) if i not in bad], dtype=np.int64)
    content = frame.table.select(kept)
    del rest["id"], rest["label"], rest["problems"]
    return sieve(Rows(content if not bad else content.take(good)), problems, good, n, ids=ids, given=given, frame=frame.table, **rest)


def _heard_or_seen(frame: Frame, found: Roles, modality: Modality | None) -> str | None:
    """`audio` or `clip` where a column of paths has that name and is asked for, or where labelnb wrote the table."""
    return next((
        kind for kind in ("audio", "clip")
        if kind in frame.names and kind not in frame.objects and (modality == kind or (modality is None and found.own))
    ), None)


def _recordings(frame: Frame, kind: str, folder: str, rest: dict[str, Any]) -> Items:
    paths = [None if path is None else os.path.join(folder, path) for path in strings(frame.table.column(kind))]
    return from_recordings(paths, kind, frame=frame.table, **rest)


def _without(ids: Sequence[Any], problems: Sequence[ItemProblem]) -> list[Any]:
    bad = {problem.position for problem in problems}
    return [value if i not in bad else f"set aside {i}" for i, value in enumerate(ids)]


def _numbers(frame: Frame, found: Roles) -> np.ndarray:
    """(N, D): the one column of lists of numbers, or all columns of numbers side by side."""
    import pyarrow as pa

    table = frame.table
    rest = [name for name in table.column_names if name not in (found.id, found.label) and not (found.own and name in PROVENANCE)]
    lists = [
        name
        for name in rest
        if pa.types.is_list(table.column(name).type)
        or pa.types.is_large_list(table.column(name).type)
        or pa.types.is_fixed_size_list(table.column(name).type)
    ]
    rows: list[Any] | None = None
    if lists:
        if len(lists) > 1 and "vector" not in lists:
            raise ItemError(f"columns {lists} could each be the vector; keep one of them")
        rows = table.column("vector" if "vector" in lists else lists[0]).to_pylist()
    elif found.own and "vector" in rest and is_string(table.column("vector").type):
        rows = [json.loads(value) if value else [] for value in table.column("vector").to_pylist()]
    if rows is not None:
        width = max((len(row) for row in rows if row is not None), default=0)
        filled = np.full((len(rows), width), np.nan, np.float32)
        for i, row in enumerate(rows):
            if row is not None and len(row) == width:
                filled[i] = row
        return filled
    names = [name for name in rest if pa.types.is_floating(table.column(name).type) or pa.types.is_integer(table.column(name).type)]
    if not names:
        raise ItemError(f"modality='vector', but no column holds numbers; the columns are {frame.names}")
    return np.stack([table.column(name).to_numpy().astype(np.float32) for name in names], axis=1)


def _given(frame: Frame, found: Roles) -> list[Any] | None:
    if found.label is None:
        return None
    values = _column(frame, found.label)
    if found.own and found.label == "label":  # an export of labelnb: values beyond one class stand in `value`, not in `label`
        values = [value if kind in (None, "", "class") else None for value, kind in zip(values, _column(frame, "kind"), strict=True)]
    return values


def _column(frame: Frame, name: str) -> list[Any]:
    return frame.objects[name] if name in frame.objects else frame.table.column(name).to_pylist()


def _images(frame: Frame, name: str, folder: str) -> tuple[Sequence[Any], Any]:
    """The values of an image column, and the Arrow array of its encoded images where it holds such: these are not copied."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name in frame.objects:
        return [_image_value(value, folder) for value in frame.objects[name]], None
    column = frame.table.column(name)
    if is_string(column.type):
        return [_image_value(value, folder) for value in column.to_pylist()], None
    encoded = pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
    # Cast first: chunks of plain binary beyond 2 GB cannot be put together.
    whole = pa.chunked_array([chunk.cast(pa.large_binary()) for chunk in encoded.chunks], pa.large_binary()).combine_chunks()
    return _Column(column, folder), whole


class _Column(Sequence[Any]):
    """A column of images, read one at a time."""

    def __init__(self, column: Any, folder: str) -> None:
        self.column = column
        self.folder = folder

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, i: Any) -> Any:
        return _image_value(self.column[i].as_py(), self.folder)


def _image_value(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, float) and value != value:
        return None
    if not isinstance(value, str):
        return value
    if value.startswith("data:image/") and ";base64," in value[:64]:
        try:
            return base64.b64decode(value.split(",", 1)[1], validate=True)
        except ValueError:
            return b"not base64"
    if "://" in value[:12] or not value.strip():
        return value or None
    beside = os.path.join(folder, value)
    return os.path.abspath(beside if folder and os.path.exists(beside) else value)


def _light(table: Any, name: str) -> Any:
    """The table without the images themselves; a column of paths stays."""
    if name in table.column_names and (not is_string(table.column(name).type) or _is_data(table.column(name))):
        table = table.drop_columns([name])
    return table.drop_columns(["labelnb_row"]) if "labelnb_row" in table.column_names else table


def _is_data(column: Any) -> bool:
    return any((value or "").startswith("data:") for value in column.slice(0, 100).to_pylist())
