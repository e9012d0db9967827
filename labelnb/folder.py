"""The folder that keeps a session: its journal, its items, its cache and what it was made with."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.items import Items
from labelnb.journal import Journal
from labelnb.places import data_folder, register_session
from labelnb.store import Store

__all__ = ["SessionFolder"]

_FORMAT = 1


class SessionFolder:
    """A session on disk. Opens what is there, or makes it; never overwrites the session of other items."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        self.is_new = not (self.path / "session.json").exists()
        if self.is_new and self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise FileExistsError(
                f"{self.path}: there is something else here; expected a session's folder, an empty one, or a path that is still free"
            )
        self.about: dict[str, Any] = {} if self.is_new else self._read_about()
        self.path.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.path / "journal.sqlite")
        self.store = Store(self.path / "cache")
        register_session(self.path)

    @classmethod
    def existing(cls, path: str | Path) -> SessionFolder:
        """The session at `path`; FileNotFoundError, with the sessions that there are, if there is none."""
        where = Path(path).expanduser()
        if not (where / "session.json").exists():
            from labelnb.places import sessions

            known = [str(info.path) for info in sessions()][:5]
            raise FileNotFoundError(
                f"{where}: no session here; expected a folder that Session(..., path=...) made. Known sessions: {known or 'none'}"
            )
        return cls(where)

    @staticmethod
    def default_path(items: Items, name: str) -> Path:
        """Where a session without a path is kept: the same place for the same items, so that running a notebook again resumes it."""
        safe = re.sub(r"[^\w-]+", "-", name).strip("-").lower()[:40] or items.modality
        return data_folder() / "sessions" / f"{safe}-{items.fingerprint[:8]}.lnb"

    def adopt(self, items: Items) -> tuple[Items, str]:
        """Keep `items` as the session's items, and say what changed against those it had.

        Labels belong to ids: what is labelled and no longer among the items keeps its labels in the journal.

        Raises
        ------
        ValueError
            If the session has other items and none of the ids is the same.
        """
        note = ""
        if not self.is_new:
            before = Items.open(self.path / "items")
            if before.fingerprint == items.fingerprint:
                return items, ""
            old, new = set(before.ids.tolist()), set(items.ids.tolist())
            if old and not old & new:
                raise ValueError(
                    f"{self.path}: this is the session of {len(old)} other items, none of which is among the {len(new)} given; "
                    "choose another path, or open it as it is with Session.open(path)"
                )
            note = f"{len(new - old)} new items, {len(old - new)} no longer there (their labels are kept)"
        items.save(self.path / "items")
        self.about |= {"modality": items.modality, "items": len(items)}
        self._write_about()
        return items, note

    def items(self) -> Items:
        """The items as they were kept."""
        return Items.open(self.path / "items")

    def _read_about(self) -> dict[str, Any]:
        try:
            about = json.loads((self.path / "session.json").read_text(encoding="utf8"))
        except (ValueError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{self.path / 'session.json'}: not readable ({error}); the labels are in journal.sqlite beside it and are safe"
            ) from error
        if about.get("format", 0) > _FORMAT:
            raise ValueError(
                f"{self.path}: written by a newer labelnb (format {about['format']}, this one reads {_FORMAT}); "
                "update labelnb. Nothing was changed"
            )
        return about

    def _write_about(self) -> None:
        from labelnb import __version__

        self.about = {
            "format": _FORMAT,
            "name": self.path.stem,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **self.about,
            "labelnb": __version__,
        }
        temporary = self.path / "session.json.part"
        temporary.write_text(json.dumps(self.about, indent=1), encoding="utf8")
        temporary.replace(self.path / "session.json")
        self.is_new = False

    def remember(self, **values: Any) -> None:
        """Keep JSON-ready values in the session's description."""
        self.about |= values
        self._write_about()

    def kept(self, key: str) -> dict[str, np.ndarray] | None:
        """Arrays of a cache entry, or None."""
        return self.store.get(key)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()
