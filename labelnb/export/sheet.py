"""What every format writes: one row an item, with its label, where that comes from, what was proposed, and the caller's columns."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.sources.tables import PROVENANCE, arrow

if TYPE_CHECKING:
    import pyarrow as pa

    from labelnb.audit import Audit
    from labelnb.items import Items
    from labelnb.labels import LabelSet
    from labelnb.results import Proposal

__all__ = ["Sheet"]

BOUNDS = ("accuracy_bound", "class_accuracy_bound")
"""Columns of a certificate: lower bounds on the share of right labels, of all that was audited and of the item's class."""
_MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp", "TIFF": "image/tiff"}
_ENDING = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}


@dataclass(frozen=True)
class Sheet:
    """Items and labels side by side."""

    items: Items
    labels: LabelSet
    proposal: Proposal | None
    table: pa.Table
    """Provenance, what was proposed, and the caller's columns; without the content."""

    certificate: Mapping[str, Any] | None = None
    """What an audit vouches for, JSON-ready; None where there was none."""

    @classmethod
    def of(cls, items: Items, labels: LabelSet, proposal: Proposal | None = None, audit: Audit | None = None) -> Sheet:
        """Check that all belong together. ValueError where they do not."""
        if len(labels.ids) != len(items) or (np.asarray(labels.ids, dtype=object) != items.ids).any():
            raise ValueError(f"labels: {len(labels.ids)} labels whose ids are not those of the {len(items)} items, in their order")
        if proposal is not None and len(proposal) != len(items):
            raise ValueError(f"proposal: {len(proposal)} rows for {len(items)} items")
        if audit is not None and len(audit.proposed) != len(items):
            raise ValueError(f"certificate: an audit of {len(audit.proposed)} items for {len(items)} items; audit these labels (s.audit)")
        made = arrow(labels.to_frame())
        assert made is not None
        table = made.table.select(list(PROVENANCE))
        if proposal is not None:
            table = _proposed(table, proposal)
        certificate = None
        if audit is not None:
            certificate, overall, by_class = audit.stamp(labels)
            for name, bounds in zip(BOUNDS, (overall, by_class), strict=True):
                table = table.append_column(name, _floats(bounds))
        return cls(items, labels, proposal, _with_frame(table, items), certificate)

    @property
    def content(self) -> str | None:
        """The name of the column of contents; None for rows, whose columns say it all."""
        return {"node": "text", "row": None}.get(self.items.modality, self.items.modality)

    @property
    def class_names(self) -> list[str]:
        """The classes, and after them names in labels that are no longer among the classes."""
        names = list(self.labels.classes.names)
        used = {
            value
            for value, kind in zip(*(self.table.column(name).to_pylist() for name in ("label", "kind")), strict=True)
            if kind == "class"
        }
        return names + sorted(used - set(names))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The table's rows, without the content."""
        for batch in self.table.to_batches(max_chunksize=4096):
            yield from batch.to_pylist()

    def value(self, i: int, folder: Path) -> Any:
        """Item i's content for a format of plain text: text, list of numbers, path (relative inside `folder`), or data URI."""
        modality = self.items.modality
        if modality in ("text", "node"):
            return self.items.text(i)
        if modality == "vector":
            return self.items[i].tolist()
        path = self.items.path(i)
        if path is not None:
            return inside(path, folder)
        data, kind = self.encoded(i)
        return f"data:{_MIME.get(kind, 'image/png')};base64,{base64.b64encode(data).decode()}"

    def encoded(self, i: int) -> tuple[bytes, str]:
        """Image i encoded and its format as Pillow calls it: as handed in where that is an everyday format, else as PNG."""
        data = self.items.encoded(i)
        kind = _kind(data) if data is not None else None
        if data is not None and kind is not None:
            return data, kind
        from labelnb.pictures import encode_png

        return encode_png(self.items.image(i)), "PNG"

    def file_name(self, i: int) -> str:
        """A file name for image i that is safe on every system and unique: its id, and the ending of its format."""
        path = self.items.path(i)
        data = None if path is None else _head(path)
        kind = _kind(data) if data is not None else self.encoded(i)[1]
        return safe_name(str(self.items.ids[i])) + _ENDING.get(kind or "PNG", ".png")


def inside(path: str, folder: Path) -> str:
    """`path` relative to `folder` where it lies inside, else as it is."""
    whole = folder.absolute()
    return os.path.relpath(path, whole) if Path(path).is_relative_to(whole) else path


def safe_name(name: str) -> str:
    """`name` as a file name on every system: unchanged where it is one, else its safe signs and a digest of the whole."""
    from labelnb.digests import digest

    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in " ._-") else "_" for sign in name).strip(" .")[:80]
    reserved = plain.split(".")[0].upper() in {"CON", "PRN", "AUX", "NUL", *(f"{port}{k}" for port in ("COM", "LPT") for k in range(10))}
    if plain == name and not reserved and name == name.lower():
        return name
    return f"{plain or '_'}-{digest(name.encode())[:8]}"


def _kind(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return None


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(64)


def _proposed(table: pa.Table, proposal: Proposal) -> pa.Table:
    import pyarrow as pa

    best = proposal.predictions
    sure = proposal.confidence
    by = "" if proposal.provenance is None else proposal.provenance.method
    columns = {
        "proposed": pa.array([proposal.classes[k] if k >= 0 else None for k in best.tolist()], pa.string()),
        "proposed_confidence": pa.array(np.asarray(sure, np.float64), mask=best < 0),
        "proposed_by": pa.array([by or None] * len(best), pa.string()),
    }
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table


def _floats(values: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _with_frame(table: pa.Table, items: Items) -> pa.Table:
    """The caller's columns beside ours. Those of an earlier export are left out, a name that we use gets `_in_source` behind."""
    if items.frame is None:
        return table
    taken = {*table.column_names, "image", "text", "vector"}
    own = set(PROVENANCE[:6]) <= set(items.frame.column_names)
    for name in items.frame.column_names:
        column = items.frame.column(name)
        if (own and name in (*PROVENANCE, "proposed", "proposed_confidence", "proposed_by", *BOUNDS)) or _is_content(name, column, items):
            continue
        new = name
        while new in taken or new in table.column_names:
            new += "_in_source"
        table = table.append_column(new, column)
    return table


def _is_content(name: str, column: Any, items: Items) -> bool:
    """Whether a column only says again what the ids, the texts or the paths say."""
    if name == "id":
        return bool([str(value) for value in column.to_pylist()] == items.ids.tolist())
    if name == "text" and items.modality == "text":
        return True
    return name in ("image", "vector") and items.modality == name
