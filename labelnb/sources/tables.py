"""Tables of every make as Arrow, and what their columns mean: which is the image, the text, the id, the label."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.items import FrameKind
from labelnb.pictures import IMAGE_SUFFIXES, REFUSED_SUFFIXES
from labelnb.problems import ItemError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Frame", "made_by", "arrow", "class_names", "columns_frame", "is_string", "roles", "Roles", "strings", "PROVENANCE"]

PROVENANCE = ("id", "label", "kind", "value", "who", "source", "when", "method", "run", "confidence")
"""Columns that labelnb's own exports begin with; where all are there, ids and labels are taken without being asked for."""
_TEXT_NAMES = ("text", "sentence", "content", "document")
_IMAGE_NAMES = ("image", "img", "image_path", "path", "file_name", "filename")


@dataclass
class Frame:
    """A table as Arrow. Columns of Python objects (PIL images) stand apart."""

    table: pa.Table
    kind: FrameKind
    objects: dict[str, list[Any]]
    """Columns that Arrow cannot hold, by name."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.objects.values()))) if self.objects else self.table.num_rows

    @property
    def names(self) -> list[str]:
        """All column names."""
        return [*self.table.column_names, *self.objects]


@dataclass(frozen=True)
class Roles:
    """Which column is what; None where there is none."""

    text: tuple[str, ...] = ()
    image: str | None = None
    id: str | None = None
    label: str | None = None
    own: bool = False
    """Whether this is one of labelnb's own exports."""


def made_by(value: Any) -> str:
    """The package that a value's type comes from, such as `pandas`; without importing it."""
    return type(value).__module__.split(".")[0]


def arrow(source: Any) -> Frame | None:
    """`source` as a Frame if it is a table (pandas, polars, Arrow, Hugging Face, dict of columns), else None."""
    import pyarrow as pa

    maker = made_by(source)
    if maker == "pandas" and type(source).__name__ == "DataFrame":
        return _from_pandas(source)
    if maker == "polars" and type(source).__name__ in ("DataFrame", "LazyFrame"):
        table = (source.collect() if type(source).__name__ == "LazyFrame" else source).to_arrow()
        return Frame(table, "polars", {})
    if isinstance(source, (pa.Table, pa.RecordBatch)):
        return Frame(pa.Table.from_batches([source]) if isinstance(source, pa.RecordBatch) else source, "arrow", {})
    if maker == "datasets":
        return _from_huggingface(source)
    if isinstance(source, dict):
        lengths = {
            str(name): len(column) for name, column in source.items() if hasattr(column, "__len__") and not isinstance(column, (str, bytes))
        }
        if len(lengths) < len(source) or len(set(lengths.values())) > 1:
            raise ItemError(f"source: a dict is read as columns of one length; got lengths {lengths}")
        return columns_frame({str(name): list(column) for name, column in source.items()}, "pandas")
    return None


def _from_pandas(source: Any) -> Frame:
    import pyarrow as pa

    columns, objects = {}, {}
    repeated = sorted({str(name) for name in source.columns if list(map(str, source.columns)).count(str(name)) > 1})
    if repeated:
        raise ItemError(f"source: columns {repeated} appear more than once; rename them")
    for name in source.columns:
        try:
            columns[str(name)] = pa.Array.from_pandas(source[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError):
            objects[str(name)] = source[name].tolist()
    return _settle(_table(columns, len(source)), "pandas", objects)


def columns_frame(columns: dict[str, list[Any]], kind: FrameKind) -> Frame:
    """A Frame from lists of one length."""
    import pyarrow as pa

    made, objects = {}, {}
    for name, values in columns.items():
        try:
            made[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError):
            objects[name] = values
    return _settle(_table(made, len(next(iter(columns.values()), ()))), kind, objects)


def _table(columns: dict[str, Any], rows: int) -> pa.Table:
    """A table of `rows` rows, even where it has no column."""
    import pyarrow as pa

    return pa.table(columns) if columns else pa.table({"labelnb_row": pa.array(np.arange(rows))})


def _settle(table: pa.Table, kind: FrameKind, objects: dict[str, list[Any]]) -> Frame:
    """Mixed columns of plain values become text; only images stay objects."""
    import pyarrow as pa

    for name, values in list(objects.items()):
        if not any(_is_image(value) for value in values[:1000]):
            table = table.append_column(name, pa.array([_written(value) for value in values], pa.large_string()))
            del objects[name]
    return Frame(table, kind, objects)


def _is_image(value: Any) -> bool:
    return made_by(value) == "PIL" or isinstance(value, (np.ndarray, bytes, os.PathLike))


def _written(value: Any) -> str | None:
    if value is None or value != value:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("utf-8", "replace").decode()


def _from_huggingface(source: Any) -> Frame | None:
    name = type(source).__name__
    if name in ("DatasetDict", "IterableDatasetDict"):
        raise ItemError(f"source: a {name} with the splits {list(source)}; choose one: load(dataset[{next(iter(source), 'train')!r}])")
    if name == "IterableDataset":
        raise ItemError(
            "source: an IterableDataset has no length; take some first: load(datasets.Dataset.from_list(list(dataset.take(1000))))"
        )
    if name != "Dataset":
        return None
    table = source.with_format("arrow")[:]
    return Frame(class_names(table.replace_schema_metadata(source.data.schema.metadata), source.features), "pandas", {})


def class_names(table: pa.Table, features: Any = None) -> pa.Table:
    """Hugging Face class labels (integers with names in the features or the schema's metadata) as their names."""
    import pyarrow as pa

    named: dict[str, list[str]] = {}
    if features is not None:
        named = {name: list(feature.names) for name, feature in features.items() if type(feature).__name__ == "ClassLabel"}
    elif table.schema.metadata and b"huggingface" in table.schema.metadata:
        try:
            described = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
            named = {
                name: list(feature["names"])
                for name, feature in described.items()
                if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            named = {}
    for name, names in named.items():
        if name in table.column_names and pa.types.is_integer(table.column(name).type):
            values = [names[value] if value is not None and 0 <= value < len(names) else None for value in table.column(name).to_pylist()]
            table = table.set_column(table.column_names.index(name), name, [values])
    return table


def roles(
    frame: Frame,
    *,
    text: str | Sequence[str] | None,
    image: str | None,
    id: str | None,
    label: str | None,
    modality: str | None = None,
    bad: Collection[int] = (),
) -> Roles:
    """What each column means: as named, else a guess where only one column can be meant. ItemError where it is ambiguous or not there.

    `bad` are rows that are set aside already and do not count.
    """
    own = set(PROVENANCE[:6]) <= set(frame.names)
    texts = () if text is None else (text,) if isinstance(text, str) else tuple(text)
    for role, name in [("text", name) for name in texts] + [("image", image), ("id", id), ("label", label)]:
        if name is not None and name not in frame.names:
            import difflib

            close = difflib.get_close_matches(str(name), frame.names, 3)
            raise ItemError(f"{role}={name!r}: no such column; {f'did you mean {close}? ' if close else ''}The columns are {frame.names}")
    if own:
        id, label = id or "id", label or "label"
    if id is None and "id" in frame.table.column_names:
        values = [value for i, value in enumerate(frame.table.column("id").to_pylist()) if i not in bad]
        plain = all(isinstance(value, (str, int)) and value != "" for value in values)
        id = "id" if plain and len(set(map(str, values))) == len(values) else None
    taken = {id, label, *(PROVENANCE if own else ())}
    if image is None and not texts and own and modality is None:  # an export says by the column's name what its items are
        image = "image" if "image" in frame.names else None
        texts = ("text",) if image is None and "text" in frame.names else ()
        return Roles(texts, image, id, label, own)
    if image is None and not texts and modality in (None, "image"):
        image = _guess_image(frame, taken)
    if image is None and not texts and modality in (None, "text"):
        texts = _guess_text(frame, taken, insist=modality == "text")
    return Roles(texts, image, id, label, own)


def _guess_image(frame: Frame, taken: set[str | None]) -> str | None:
    found = list(frame.objects) + [
        name for name in frame.table.column_names if name not in taken and _looks_like_images(frame.table.column(name))
    ]
    if len(found) > 1:
        named = [name for name in _IMAGE_NAMES if name in found]
        if not named:
            raise ItemError(f"columns {found} could each be the image; say which: load(..., image={found[0]!r})")
        return named[0]
    return found[0] if found else None


def _looks_like_images(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_struct(kind):
        return {field.name for field in kind} >= {"bytes", "path"}
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return True
    if is_string(kind):
        endings = [os.path.splitext(str(value))[1].lower() for value in column.drop_null()[:200].to_pylist()]
        return bool(endings) and sum(end in IMAGE_SUFFIXES or end in REFUSED_SUFFIXES for end in endings) > len(endings) / 2
    return False


def _guess_text(frame: Frame, taken: set[str | None], *, insist: bool) -> tuple[str, ...]:
    found = [name for name in frame.table.column_names if name not in taken and is_string(frame.table.column(name).type)]
    named = [name for name in _TEXT_NAMES if name in found]
    if len(found) == 1 or named:
        return ((named or found)[0],)
    if len(found) > 1:
        raise ItemError(
            f"columns {found} could each be the text; say which: load(..., text={found[0]!r}), or several: text={found[:2]!r}; "
            "for rows of a table without text: modality='row'"
        )
    if insist:
        raise ItemError(f"modality='text', but no column holds text; the columns are {frame.names}")
    return ()


def is_string(kind: Any) -> bool:
    """Whether an Arrow type is text (dictionaries of text included)."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def strings(column: pa.ChunkedArray) -> list[str | None]:
    """A column as texts; numbers are written out, nulls stay None."""
    return [value if value is None or isinstance(value, str) else str(value) for value in column.to_pylist()]
