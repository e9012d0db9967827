"""JSON files: Label Studio tasks (an export of labelnb or of Label Studio itself), or a plain list of records."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from labelnb.items import Items
from labelnb.problems import ItemError
from labelnb.sources.frames import from_records

__all__ = ["from_json", "LOCAL_FILES"]

LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio names a file on its own disk."""


def from_json(path: Path, columns: dict[str, Any]) -> Items:
    """Items from a JSON file: a list of objects. Tasks of Label Studio are told by their `data` field."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ItemError(f"{path}: not JSON in UTF-8 ({error}); for one object a line use the ending .jsonl") from error
    if isinstance(found, dict) and found and all(isinstance(values, list) for values in found.values()):
        from labelnb.load import load

        return load(found, **columns)
    if not isinstance(found, list) or not found:
        raise ItemError(f"{path}: holds {'an empty list' if found == [] else f'a {type(found).__name__}'}, expected a list of objects")
    if all(isinstance(value, str) for value in found):
        found = [{"text": value} for value in found]
    strange = [i for i, value in enumerate(found) if not isinstance(value, dict)]
    if strange:
        raise ItemError(f"{path}: entries {strange[:5]} are not objects; expected a list of objects")
    if all(isinstance(task.get("data"), dict) for task in found):
        return _from_tasks(found, path, columns)
    return from_records(found, folder=str(path.absolute().parent), **columns)


def _from_tasks(tasks: list[dict[str, Any]], path: Path, columns: dict[str, Any]) -> Items:
    records = []
    for task in tasks:
        own = "labelnb" in (task.get("meta") or {})
        record = {name: _local(value) for name, value in task["data"].items() if not (own and name in ("row", "description"))}
        choices = _choices(task.get("annotations") or task.get("completions") or [])
        if "label" not in record:
            record["label"] = choices[0] if len(choices) == 1 else None
        records.append(record)
    if columns["label"] is None:
        columns = {**columns, "label": "label"}
    return from_records(records, folder=str(path.absolute().parent), **columns)


def _choices(annotations: list[Any]) -> list[str]:
    """The choices of the last annotation that was not cancelled."""
    for annotation in reversed(annotations):
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        found = [choice for result in annotation.get("result") or [] for choice in (result.get("value") or {}).get("choices") or []]
        if found:
            return [str(choice) for choice in found]
    return []


def _local(value: Any) -> Any:
    return os.sep + value[len(LOCAL_FILES) :].lstrip("/") if isinstance(value, str) and value.startswith(LOCAL_FILES) else value
