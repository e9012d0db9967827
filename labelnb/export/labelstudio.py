"""Label Studio: a JSON list of tasks with annotations and predictions, and beside it the labelling interface as `.xml`.

Files on disk are named as Label Studio's local files (set LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and its document root to
`/`, or to what lies above them); images without a file go in as data URIs. Label Studio shows choices: labels of one class, and
those of several. `not`, `any` and `unsure` have no place in a choice and stay in the task's data, as do who, when and the rest.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from labelnb.atomic import new_file
from labelnb.export.jsonl import plain
from labelnb.export.sheet import Sheet
from labelnb.sources.labelstudio import LOCAL_FILES

__all__ = ["write", "is_export", "interface"]

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, sheet: Sheet) -> None:
    """Write the tasks to `path`, and the interface beside it with the ending .xml."""
    with new_file(path.with_suffix(".xml")) as made:
        made.write_text(interface(sheet), encoding="utf-8")
    with new_file(path) as made, made.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for i, row in enumerate(sheet.rows()):
            file.write((",\n" if i else "\n") + json.dumps(_task(sheet, i, row, path), ensure_ascii=False, allow_nan=False))
        file.write("\n]\n")


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this file: its first task says so."""
    try:
        with path.open(encoding="utf-8") as file:
            start = file.readline() + file.readline()
        return start.startswith("[\n") and "labelnb" in json.loads(start[2:].rstrip().rstrip(","))["meta"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def interface(sheet: Sheet) -> str:
    """The labelling interface: the item, and one choice a class."""
    shown = {
        "image": '<Image name="item" value="$image"/>',
        "audio": '<Audio name="item" value="$audio"/>',
        "clip": '<Video name="item" value="$clip"/>',
        "row": '<Table name="item" value="$row"/>',
        "vector": '<Text name="item" value="$description"/>',
    }
    several = "multiple" if sheet.labels.classes.multi else "single"
    choices = "\n".join(f"    <Choice value={quoteattr(_xml(name))}/>" for name in sheet.class_names)
    body = shown.get(sheet.items.modality, '<Text name="item" value="$text"/>')
    return f'<View>\n  {body}\n  <Choices name="label" toName="item" choice="{several}">\n{choices}\n  </Choices>\n</View>\n'


def _task(sheet: Sheet, i: int, row: dict[str, Any], path: Path) -> dict[str, Any]:
    import labelnb

    row = plain(row)
    data = dict(row)
    modality = sheet.items.modality
    if modality == "row":
        data["row"] = plain(sheet.items[i])
    elif modality in ("image", "audio", "clip"):
        where = sheet.items.path(i)
        data[modality] = LOCAL_FILES + os.path.abspath(where).lstrip("/") if where is not None else sheet.value(i, path.parent)
    elif modality == "vector":
        data["vector"], data["description"] = sheet.value(i, path.parent), sheet.items.text(i)
    else:
        data["text"] = sheet.items.text(i)
    task: dict[str, Any] = {"meta": {"labelnb": labelnb.__version__}, "data": data, "annotations": [], "predictions": []}
    chosen = _choices(row)
    if chosen:
        task["annotations"] = [{"result": [_result(chosen)], "was_cancelled": False, "ground_truth": row["source"] == "person"}]
    if row.get("proposed"):
        task["predictions"] = [
            {"result": [_result([row["proposed"]])], "score": row["proposed_confidence"], "model_version": row["proposed_by"] or "labelnb"}
        ]
    return task


def _choices(row: dict[str, Any]) -> list[str]:
    if row["kind"] == "class":
        return [row["label"]]
    if row["kind"] == "multi":
        return [name for name, held in json.loads(row["value"])["multi"].items() if held]
    return []


def _result(choices: list[str]) -> dict[str, Any]:
    return {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": choices}}


def _xml(text: str) -> str:
    """`text` without the signs that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
