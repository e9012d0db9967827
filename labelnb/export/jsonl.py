"""JSON Lines: one object a line, UTF-8. Images by path, or as data URIs where they have none."""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

from labelnb.atomic import new_file
from labelnb.export.sheet import Sheet
from labelnb.sources.tables import PROVENANCE

__all__ = ["write", "is_export", "plain"]


def write(path: Path, sheet: Sheet) -> None:
    """Write `sheet` to the file `path`."""
    with new_file(path) as made, made.open("w", encoding="utf-8", newline="\n") as file:
        for i, row in enumerate(sheet.rows()):
            if sheet.content:
                row[sheet.content] = sheet.value(i, path.parent)
            file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this file: its first line says so."""
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and list(first)[: len(PROVENANCE)] == list(PROVENANCE)


def plain(value: Any) -> Any:
    """`value` in what JSON knows: times in ISO 8601, bytes in base64, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
