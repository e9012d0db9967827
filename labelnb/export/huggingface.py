"""A Hugging Face data set: a folder with a card (README.md) and data/train-00000-of-00001.parquet.

`datasets.load_dataset(folder)` reads it, and so does the hub when it is uploaded; labels are a ClassLabel, images go in whole.
"""

from __future__ import annotations

import json
from pathlib import Path

from labelnb.atomic import new_folder
from labelnb.export.manifest import is_own, leave
from labelnb.export.parquet import stream
from labelnb.export.sheet import Sheet

__all__ = ["write", "is_export"]

FILE = "data/train-00000-of-00001.parquet"


def write(path: Path, sheet: Sheet) -> None:
    """Write `sheet` into the folder `path`."""
    with new_folder(path) as made:
        (made / "data").mkdir()
        stream(made / FILE, sheet, path, embed=sheet.items.modality == "image", class_label=True)
        (made / "README.md").write_text(_card(sheet, path.name), encoding="utf-8")
        leave(made, "hf", sheet)


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this folder."""
    return is_own(path, "hf")


def _card(sheet: Sheet, name: str) -> str:
    counts = sheet.labels.n_known
    names = ", ".join(json.dumps(value, ensure_ascii=False) for value in sheet.class_names)
    kind = {"image": "images", "text": "texts", "row": "rows", "vector": "vectors", "node": "nodes"}[sheet.items.modality]
    return (
        "---\n"
        "configs:\n"
        "- config_name: default\n"
        "  data_files:\n"
        "  - split: train\n"
        "    path: data/train-*.parquet\n"
        "---\n\n"
        f"# {name}\n\n"
        f"{len(sheet.items):,} {kind}, {counts:,} of them labelled with labelnb. Classes: {names}.\n\n"
        "`label` is the class, null where there is none; `kind` and `value` hold labels beyond one class (not, any, multi, unsure) as\n"
        "JSON; `who`, `source`, `when`, `method`, `run` and `confidence` say where each label comes from.\n"
        f"{_trust(sheet)}"
    )


def _trust(sheet: Sheet) -> str:
    """The certificate in words; nothing where there is none."""
    said = sheet.certificate
    if not said:
        return ""
    return (
        f"\nOf the {said['population']:,} labels audited, at least {said['accuracy_bound']:.1%} are right, {said['confidence']:.0%} sure:\n"
        f"of {said['checked']:,} drawn at random and checked by a person, {said['correct']:,} were. `accuracy_bound` and\n"
        "`class_accuracy_bound` hold the lower bounds for each item, overall and by class.\n"
    )
