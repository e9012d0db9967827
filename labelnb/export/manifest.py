"""The mark that labelnb leaves in a folder it wrote, so that it may be written again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelnb.export.sheet import Sheet
from labelnb.sources.disk import MANIFEST

__all__ = ["leave", "is_own"]


def leave(folder: Path, format: str, sheet: Sheet, **more: Any) -> None:
    """Write the manifest of an export, last of all its files."""
    import labelnb

    said = {
        "format": format,
        "labelnb": labelnb.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "items": len(sheet.items),
        "labels": int(sheet.labels.n_known),
        "classes": list(sheet.labels.classes.names),
        "classes_version": sheet.labels.classes.version,
        "files": _count(folder),
        **({"certificate": sheet.certificate} if sheet.certificate else {}),
        **more,
    }
    (folder / MANIFEST).write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")


def is_own(folder: Path, format: str) -> bool:
    """Whether labelnb wrote this folder, in this format, and nothing was added since. An empty folder may be written to."""
    if folder.is_dir() and not any(folder.iterdir()):
        return True
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(said["format"] == format and _count(folder) <= said["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
