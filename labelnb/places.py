"""Where things are kept on this machine, and which sessions there are."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["SessionInfo", "data_folder", "cache_folder", "new_session_folder", "sessions", "register_session"]


@dataclass(frozen=True)
class SessionInfo:
    """What one sees of a session without opening it."""

    path: Path
    """Its folder; `Session.open(path)` opens it."""
    items: int
    """How many items it has."""
    labels: int
    """How many items are labelled."""
    modality: str
    """`image`, `text`, ...; empty where it is not known."""
    changed: datetime | None
    """When something was last recorded, UTC; None where nothing was."""
    problem: str = ""
    """Why it cannot be read; empty where it can."""

    def __str__(self) -> str:
        when = f"{self.changed:%Y-%m-%d %H:%M} UTC" if self.changed else "never"
        known = f"{self.labels:,} of {self.items:,} {self.modality} items labelled, last change {when}"
        return f"{self.path}: {known}{'; ' + self.problem if self.problem else ''}"


def data_folder() -> Path:
    """The folder of sessions without a path of their own: `LABELNB_HOME`, else the user's data folder. Need not exist yet."""
    home = os.environ.get("LABELNB_HOME")
    if home:
        return Path(home).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("labelnb", appauthor=False))


def cache_folder() -> Path:
    """The folder of downloaded data sets: `LABELNB_DATA`, else `data` in `LABELNB_HOME`, else the user's cache folder of this system."""
    data = os.environ.get("LABELNB_DATA")
    if data:
        return Path(data).expanduser().absolute()
    if os.environ.get("LABELNB_HOME"):
        return data_folder() / "data"
    import platformdirs

    return Path(platformdirs.user_cache_dir("labelnb", appauthor=False))


def new_session_folder(name: str) -> Path:
    """Make an empty folder for a new session in the data folder, named after `name`; a number is added where that is taken."""
    safe = re.sub(r"[^\w-]+", "-", name).strip("-_").lower()[:40] or "session"
    parent = data_folder() / "sessions"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 100_000):
            path = parent / f"{safe}{f'-{number}' if number > 1 else ''}.lnb"
            try:
                path.mkdir()
                return path
            except FileExistsError:
                continue
    except OSError as error:
        cure = "set LABELNB_HOME to a folder that can, or give the session a path"
        raise OSError(f"{parent}: cannot be written ({error.strerror}); {cure}") from error
    raise FileExistsError(f"{parent}: 100,000 sessions are named {safe!r}; choose another name")


def register_session(path: str | Path) -> None:
    """Remember that a session is kept at `path`, so that `sessions()` lists it; a second time does nothing."""
    where = Path(path).expanduser().absolute()
    try:
        if not _note_of(where).exists():
            _write_note(where, {"path": str(where)})
    except OSError as error:
        cure = "set LABELNB_HOME to a folder that can"
        warnings.warn(
            f"{data_folder()}: cannot be written ({error.strerror}), so labelnb.sessions() will not list {where}; {cure}", stacklevel=2,
        )


def sessions() -> list[SessionInfo]:
    """The sessions on this machine that labelnb knows of, the last changed first. A folder that is gone is left out.

    Counting labels reads a journal once; while it does not change, the count is remembered.
    """
    paths = {path.parent for path in (data_folder() / "sessions").glob("*/session.json")}
    for file in (data_folder() / "known").glob("*.json"):
        where = _read_json(file).get("path")
        if isinstance(where, str):
            paths.add(Path(where))
    found = [info for info in map(_info, sorted(paths)) if info is not None]
    return sorted(found, key=lambda info: info.changed.timestamp() if info.changed else 0.0, reverse=True)


def _info(path: Path) -> SessionInfo | None:
    try:
        if not (path / "session.json").is_file():
            return None
        stamp = _stamp(path / "journal.sqlite")
    except OSError:                                             # a drive that is not there, or a folder that may not be read
        return None
    about = _read_json(path / "session.json")
    items, modality = about.get("items"), about.get("modality")
    count, changed, problem = _labels(path, stamp)
    return SessionInfo(
        path, items if isinstance(items, int) else 0, count, modality if isinstance(modality, str) else "",
        None if changed is None else datetime.fromtimestamp(changed, UTC), problem or ("" if about else "session.json is not readable"),
    )


def _labels(path: Path, stamp: list[int]) -> tuple[int, float | None, str]:
    """Labels and last change of the session at `path`, and what keeps them from being read."""
    note = _read_json(_note_of(path))
    if note.get("stamp") == stamp and isinstance(note.get("labels"), int):
        return note["labels"], note.get("changed"), ""
    from labelnb.journal import Journal, JournalError

    try:
        with Journal(path / "journal.sqlite", read_only=True, timeout=1.0) as journal:
            count, last = journal.n_labelled(), journal.last_change()
    except JournalError as error:
        return 0, None, str(error)
    changed = None if last is None else last.timestamp()
    with contextlib.suppress(OSError):                          # where it cannot be written, it is counted again the next time
        _write_note(path, {"path": str(path), "stamp": stamp, "labels": count, "changed": changed})
    return count, changed, ""


def _stamp(journal: Path) -> list[int]:
    """Changes whenever the journal does: size and time of its file and of its write-ahead log."""
    stamp: list[int] = []
    for path in (journal, journal.with_name(journal.name + "-wal")):
        try:
            found = path.stat()
            stamp += [found.st_size, found.st_mtime_ns] if found.st_size else [0, 0]
        except FileNotFoundError:
            stamp += [0, 0]
    return stamp


def _note_of(path: Path) -> Path:
    name = hashlib.sha256(str(path).encode("utf8", "surrogatepass")).hexdigest()[:24]
    return data_folder() / "known" / f"{name}.json"


def _write_note(path: Path, content: dict[str, Any]) -> None:
    note = _note_of(path)
    note.parent.mkdir(parents=True, exist_ok=True)
    temporary = note.with_suffix(f".{os.getpid()}.part")
    temporary.write_text(json.dumps(content), encoding="utf8")
    temporary.replace(note)


def _read_json(path: Path) -> dict[str, Any]:
    """The mapping in a file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
