"""One decision on its way into the journal: checked, and written as compact rows."""
from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnb.labels import Label

__all__ = ["Decision"]

_AT_ONCE = 900
"""Ids looked up in one statement; SQLite takes 999 values at least."""


@dataclass(frozen=True)
class Decision:
    """Labels for items, each item once."""

    ids: list[str]
    """Unique."""
    labels: list[Label | None]
    """One an item; None clears."""
    confidence: np.ndarray | None
    """(n,) float64, or None."""

    @classmethod
    def of(cls, ids: Sequence[str] | np.ndarray, labels: Sequence[Label | None] | Label | None, confidence: Any) -> Decision:
        """The decision that the arguments of `Journal.decide` mean; TypeError or ValueError where they mean none."""
        names = _texts(ids)
        values = [labels] * len(names) if labels is None or isinstance(labels, Label) else list(labels)
        if len(values) != len(names):
            raise ValueError(f"labels: got {len(values)} for {len(names)} ids, expected one for all, or one an id")
        strange = {type(value).__name__ for value in values if value is not None and not isinstance(value, Label)}
        if strange:
            raise TypeError(f"labels: got {', '.join(sorted(strange))}, expected Label values or None; Label.of(value, classes) makes one")
        levels = _levels(confidence, len(names))
        place = dict(zip(names, range(len(names)), strict=True))
        if len(place) == len(names):
            return cls(names, values, levels)
        for name, value in zip(names, values, strict=True):
            other = values[place[name]]
            if value != other:
                raise ValueError(f"ids: {name!r} appears twice with different labels ({value}, {other}); expected one label an item")
        return cls(names, values, levels).only(np.fromiter(place.values(), np.int64, len(place)))

    def only(self, kept: np.ndarray) -> Decision:
        """The decision on some of its items, by position."""
        places = kept.tolist()
        confidence = None if self.confidence is None else self.confidence[kept]
        return Decision([self.ids[i] for i in places], [self.labels[i] for i in places], confidence)

    def item_codes(self, db: sqlite3.Connection) -> np.ndarray:
        """(n,) the codes of the ids, new ones given to those that have none."""
        found: dict[str, int] = {}
        for start in range(0, len(self.ids), _AT_ONCE):
            part = self.ids[start : start + _AT_ONCE]
            found.update(db.execute(f"SELECT id, code FROM items WHERE id IN ({','.join('?' * len(part))})", part).fetchall())
        missing = [name for name in self.ids if name not in found]
        if missing:
            first = db.execute("SELECT coalesce(max(code), 0) + 1 FROM items").fetchone()[0]
            rows = list(zip(range(first, first + len(missing)), missing, strict=True))
            db.executemany("INSERT INTO items VALUES (?, ?)", rows)
            found.update((name, code) for code, name in rows)
        return np.fromiter((found[name] for name in self.ids), np.int64, len(self.ids))

    def _label_codes(self, db: sqlite3.Connection) -> np.ndarray:
        codes: dict[Label | None, int] = {None: 0}
        for value in dict.fromkeys(self.labels):
            if value is not None:
                text = value.to_json()
                found = db.execute("SELECT code FROM labels WHERE value = ?", (text,)).fetchone()
                codes[value] = found[0] if found else int(db.execute("INSERT INTO labels (value) VALUES (?)", (text,)).lastrowid or 0)
        return np.fromiter((codes[value] for value in self.labels), np.int64, len(self.labels))

    def write(self, db: sqlite3.Connection, number: int, item_codes: np.ndarray) -> None:
        """Write it as the content of event `number`."""
        labels = self._label_codes(db)
        if len(labels) > 1 and (labels == labels[0]).all():
            labels = labels[:1]                                 # one label stands for all items
        confidence = None
        if self.confidence is not None:
            narrow = self.confidence.astype("<f4")
            exact = ((narrow == self.confidence) | np.isnan(self.confidence)).all()
            confidence = (narrow if exact else self.confidence.astype("<f8")).tobytes()
        items, given = item_codes.astype("<i4").tobytes(), labels.astype("<i4").tobytes()
        # SQLite notices damage to its own structure, not to what it carries.
        checksum = zlib.crc32(items + given + (confidence or b""))
        db.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?)", (number, items, given, confidence, checksum))

    def __str__(self) -> str:
        if not self.ids:
            return "no items"
        counts = Counter(self.labels)
        parts = []
        for value, count in counts.most_common(4):
            name = "cleared" if value is None else str(value)
            parts.append(f"{name} {count:,}" if len(counts) > 1 else name)
        more = f" and {len(counts) - 4} labels more" if len(counts) > 4 else ""
        return f"{len(self.ids):,} item{'' if len(self.ids) == 1 else 's'}: {', '.join(parts)}{more}"


def _texts(ids: Sequence[str] | np.ndarray) -> list[str]:
    if isinstance(ids, str):
        raise TypeError(f"ids: got the text {ids!r}, expected a list of ids, such as [{ids!r}]")
    names = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    for place, name in enumerate(names):
        if type(name) is not str:
            if not isinstance(name, str):
                raise TypeError(f"ids: position {place} holds {name!r}, expected a text; positions are turned into ids by items.ids[...]")
            names[place] = str(name)
    try:
        "".join(names).encode("utf8")
    except UnicodeEncodeError as error:
        part = error.object[max(0, error.start - 10) : error.end + 10]
        raise ValueError(f"ids: one holds characters that are no valid text ({part!r}); choose other ids") from error
    return names


def _levels(confidence: Any, count: int) -> np.ndarray | None:
    if confidence is None:
        return None
    levels = np.asarray(confidence, np.float64)
    if levels.ndim > 1 or (levels.ndim == 1 and len(levels) != count):
        raise ValueError(f"confidence: got shape {levels.shape}, expected one number, or one for each of the {count} ids")
    return np.broadcast_to(levels, (count,))
