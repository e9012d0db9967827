"""CSV: one line an item, UTF-8, RFC 4180.

Texts that a spreadsheet could take for a formula get an apostrophe in front (OWASP, CSV injection); `labelnb.load` takes it off
again. Images are named by their path; images without one are written as data URIs, which makes long cells: prefer Parquet there.
"""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from labelnb.atomic import new_file
from labelnb.export.sheet import Sheet
from labelnb.sources.delimited import guarded
from labelnb.sources.tables import PROVENANCE

__all__ = ["write", "is_export"]


def write(path: Path, sheet: Sheet) -> None:
    """Write `sheet` to the file `path`."""
    names = [*sheet.table.column_names, *([sheet.content] if sheet.content else [])]
    with new_file(path) as made, made.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(map(_cell, names)) + "\r\n")
        for i, row in enumerate(sheet.rows()):
            values = [*row.values(), *([sheet.value(i, path.parent)] if sheet.content else [])]
            file.write(",".join(map(_cell, values)) + "\r\n")


def is_export(path: Path) -> bool:
    """Whether labelnb wrote this file: its first line says so."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])[: len(PROVENANCE)] == list(PROVENANCE)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _cell(value: Any) -> str:
    """One cell: nothing at all for null, texts in quotes (an empty one too, so that both come back), numbers as they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    text = str(guarded(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)))
    return '"' + text.replace('"', '""') + '"'
