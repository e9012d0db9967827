"""Labels handed on: one format a file, each with where every label comes from, each read back by `labelnb.load`.

    session.export("labels.parquet")

Every row holds the item's id, its label, and the columns of `LabelSet.to_frame`: kind and value (labels beyond one class as JSON),
who, source, when, method, run and confidence; then the content and the caller's own columns. What is written stands whole or not
at all, and only an earlier export is ever written over.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from labelnb.export.sheet import Sheet

if TYPE_CHECKING:
    from labelnb.audit import Audit
    from labelnb.items import Items
    from labelnb.labels import LabelSet
    from labelnb.results import Proposal

__all__ = ["write", "FORMATS"]

FORMATS = {
    "csv": "csv",
    "parquet": "parquet",
    "jsonl": "jsonl",
    "hf": "huggingface",
    "imagefolder": "imagefolder",
    "labelstudio": "labelstudio",
}
"""Formats and the module that writes each: its `write(path, sheet)`, and `is_export(path)`, which knows an earlier export."""
_SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "labelstudio"}
_ALSO = {"huggingface": "hf", "label_studio": "labelstudio", "json": "labelstudio", "image_folder": "imagefolder"}


def write(
    path: str | os.PathLike[str],
    items: Items,
    labels: LabelSet,
    *,
    format: str | None = None,
    proposal: Proposal | None = None,
    certificate: Audit | None = None,
) -> Path:
    """Write items and labels to `path`, whole or not at all.

    Parameters
    ----------
    path : a file (csv, parquet, jsonl, labelstudio) or a folder (hf, imagefolder)
    items, labels : in the same order, with the same ids
    format : one of FORMATS; from the ending of `path` where not given (.json is Label Studio's)
    proposal : a method's proposal, written beside the labels as `proposed`, `proposed_confidence` and `proposed_by`
    certificate : an audit; its bounds are written beside the labels as `accuracy_bound` and `class_accuracy_bound`, and the whole of it
        into what a format has for such things (the metadata of Parquet, the manifest of a folder, the card of a data set)

    Returns
    -------
    The path written.

    Raises
    ------
    ValueError
        An ending that says no format, ids that do not fit, or a format that cannot hold these items.
    FileExistsError
        Something that labelnb did not write stands there.
    """
    target = Path(path).expanduser()
    module = importlib.import_module(f"labelnb.export.{FORMATS[_format(target, format)]}")
    sheet = Sheet.of(items, labels, proposal, certificate)
    if target.exists() and not module.is_export(target):
        raise FileExistsError(f"{target}: exists and is not an earlier export of labelnb; choose another name, or remove it yourself")
    module.write(target, sheet)
    return target


def _format(path: Path, format: str | None) -> str:
    if format is not None:
        name = _ALSO.get(format.lower(), format.lower())
        if name not in FORMATS:
            raise ValueError(f"format: got {format!r}, expected one of {list(FORMATS)}")
        return name
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        folders = "; a folder is format='hf' or format='imagefolder'" if not path.suffix else ""
        raise ValueError(f"{path}: the ending {path.suffix!r} says no format; expected one of {sorted(_SUFFIXES)}, or format={folders}")
    return found
