"""An image folder: one folder a class, as torchvision and many others read it, and labels.jsonl with where each label comes from.

Only images whose label is one class have a place in it; the others are named in labels.jsonl and left out of the folders, so that
no reader takes them for a class of their own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from labelnb.atomic import new_folder
from labelnb.export.jsonl import plain
from labelnb.export.manifest import is_own, leave
from labelnb.export.sheet import Sheet, safe_name

__all__ = ["write", "is_export"]


def write(path: Path, sheet: Sheet) -> None:
    """Write `sheet` into the folder `path`. ValueError where the items are no images, or no label is one class."""
    if sheet.items.modality != "image":
        raise ValueError(
            f"format='imagefolder': the items are of modality {sheet.items.modality!r}, expected images; use 'parquet' or 'hf'"
        )
    folders = {name: _folder(name) for name in sheet.class_names}
    rows = list(sheet.rows())
    if not any(row["kind"] == "class" for row in rows):
        raise ValueError(
            "format='imagefolder': no item has a label of one class, and nothing else has a place in it; use 'parquet' or 'hf'"
        )
    with new_folder(path) as made:
        for name in {row["label"] for row in rows if row["kind"] == "class"}:
            (made / folders[name]).mkdir()
        with (made / "labels.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for i, row in enumerate(rows):
                place = f"{folders[row['label']]}/{sheet.file_name(i)}" if row["kind"] == "class" else None
                if place is not None:
                    _put(sheet, i, made / place)
                file.write(json.dumps({**plain(row), "file_name": place}, ensure_ascii=False) + "\n")
        leave(made, "imagefolder", sheet, folders=folders)


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this folder."""
    return is_own(path, "imagefolder")


def _folder(name: str) -> str:
    """The class's name where every system can hold it; case and spaces of it are kept."""
    safe = safe_name(name.lower())
    return name if safe == name.lower() and name not in (".", "..") else safe_name(name)


def _put(sheet: Sheet, i: int, place: Path) -> None:
    source = sheet.items.path(i)
    if source is not None and place.suffix != ".png":
        shutil.copyfile(source, place)
    else:
        place.write_bytes(sheet.encoded(i)[0])
