"""A host for widgets, all in memory: made items in clusters, labels, decisions with undo and redo. No more than widgets ask."""
from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelnb.classes import LabelSpace

NAMES = ("apple", "boat", "cloud", "drum", "eagle")
SHADES = ((196, 61, 52), (52, 96, 168), (120, 140, 150), (178, 128, 40), (70, 120, 70))


class FakeItems:
    """N made items: pictures (a shape a class), or texts. Item `broken` has a thumbnail that fails."""

    def __init__(self, truth: np.ndarray, modality: str = "image", texts: Sequence[str] | None = None, broken: int | None = None) -> None:
        self.truth, self.modality, self.broken = truth, modality, broken
        self.truth_names = NAMES
        self.ids = np.array([f"item-{i:05d}" for i in range(len(truth))], dtype=object)
        self.texts = list(texts) if texts is not None else None
        self.frame, self.frame_kind, self.vectors, self.edges = None, "pandas", None, None

    def __len__(self) -> int:
        return len(self.ids)

    def position(self, name: str) -> int:
        return int(np.flatnonzero(self.ids == name)[0])

    def positions(self, names: Any) -> np.ndarray:
        return np.array([self.position(str(name)) for name in names], np.int64)

    def text(self, i: int) -> str:
        if self.texts is not None and i < len(self.texts):
            return self.texts[i]
        return f"{NAMES[self.truth[i] % len(NAMES)]} number {i}"

    def image(self, i: int) -> Any:
        from PIL import Image

        return Image.open(io.BytesIO(self.thumbnail(i, 96)[0])).convert("RGB")

    def thumbnail(self, i: int, size: int = 96) -> tuple[bytes, str]:
        if i == self.broken:
            raise ValueError("not an image")
        return _picture(int(self.truth[i]), i % 12, size), "image/webp"


@functools.cache
def _picture(kind: int, turn: int, size: int) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (size, size), (238, 236, 232))
    draw = ImageDraw.Draw(image)
    draw.regular_polygon((size / 2, size / 2, size * .36), 3 + kind, rotation=turn * 30, fill=SHADES[kind % len(SHADES)])
    out = io.BytesIO()
    image.save(out, "WEBP", quality=80)
    return out.getvalue()


class FakeLabels:
    """What widgets read of a LabelSet."""

    def __init__(
        self, given: Sequence[Any], classes: LabelSpace, ids: np.ndarray, people: np.ndarray, source: np.ndarray, when: np.ndarray,
    ) -> None:
        self.given, self.classes, self.ids, self.who = list(given), classes, ids, people
        places = {name: k for k, name in enumerate(classes.names)}
        self.values = np.array([places.get(one, -1) if isinstance(one, str) else -1 for one in given], np.int64)
        self.known = np.array([one is not None for one in given], bool)
        self.source, self.when = np.where(self.known, source, None), np.where(self.known, when, np.datetime64("NaT"))
        self.by_person = self.known & (source == "person")
        self.n_known = int(self.known.sum())

    def label(self, i: int) -> Any:
        """The Label of an item, made here so that the host itself needs nothing but NumPy."""
        given = self.given[i]
        if not isinstance(given, str):
            return given
        from labelnb.labels import Label

        return Label("class", (given,))


class FakeHost:
    """Implements what a widget asks of its host. `log` holds every decision: (positions, value, keywords)."""

    def __init__(self, n: int = 60, modality: str = "image", classes: Sequence[str] = NAMES, *, texts: Sequence[str] | None = None,
                 broken: int | None = None, can_search_text: bool = True, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        truth = np.arange(n) % len(NAMES)
        angles = np.arange(len(NAMES)) * 2 * np.pi / len(NAMES)
        centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self.xy = (centres[truth] * 4 + rng.standard_normal((n, 2)) * .7).astype(np.float32)
        self.items = FakeItems(truth, modality, texts, broken)
        self.classes = LabelSpace(tuple(classes))
        self.can_search_text = can_search_text
        self.log: list[tuple[np.ndarray, Any, dict[str, Any]]] = []
        self.fail: str | None = None
        self._given: list[Any] = [None] * n
        self._who = np.full(n, None, dtype=object)
        self._source = np.full(n, "person", dtype=object)
        self._when = np.full(n, "NaT", dtype="datetime64[us]")
        self._past: list[list[Any]] = []
        self._future: list[list[Any]] = []
        self._labels: FakeLabels | None = None
        self._listeners: list[Callable[[Any], None]] = []

    @property
    def labels(self) -> FakeLabels:
        if self._labels is None:
            self._labels = FakeLabels(self._given, self.classes, self.items.ids, self._who, self._source, self._when)
        return self._labels

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def positions(self, ids: Any) -> np.ndarray:
        if isinstance(ids, str | int | np.integer):
            ids = [ids]
        array = np.asarray(ids)
        if array.dtype == bool:
            return np.flatnonzero(array)
        return array.astype(np.int64) if array.dtype.kind in "iu" or not array.size else self.items.positions(array)

    def decide(
        self, positions: Any, value: Any, *, proposal: Any = None, confidence: Any = None, who: str | None = None, source: str = "person",
    ) -> None:
        if self.fail:
            raise OSError(self.fail)
        where = np.atleast_1d(np.asarray(positions, np.int64))
        values = value if isinstance(value, list) else [value] * len(where)
        for one in values:
            if isinstance(one, str):
                self.classes.position(one)
        self._past.append(list(self._given))
        self._future.clear()
        for position, one in zip(where.tolist(), values, strict=True):
            self._given[position] = one
            self._when[position] = np.datetime64("now", "us")
            self._source[position] = source
        self.log.append((where, value, {"proposal": proposal, "confidence": confidence, "who": who, "source": source}))
        self.changed()

    def undo_decision(self, n: int = 1) -> int:
        return self._step(self._past, self._future, n)

    def redo_decision(self, n: int = 1) -> int:
        return self._step(self._future, self._past, n)

    def add_class(self, name: str) -> None:
        self.classes = self.classes.with_class(name)
        self.changed()

    def subscribe(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    def search(self, text: str) -> np.ndarray:
        """(N,) items of the class named in the text first; nearer to the middle of the class, higher."""
        hit = np.array([NAMES[k] in text for k in self.items.truth], float)
        return (hit + self.similar(np.flatnonzero(hit)[:1]) * .1) if hit.any() else np.zeros(len(self.items))

    def similar(self, positions: Any) -> np.ndarray:
        where = self.positions(positions)
        return -np.linalg.norm(self.xy - self.xy[where].mean(axis=0), axis=1).astype(np.float64)

    def changed(self) -> None:
        self._labels = None
        for callback in list(self._listeners):
            callback(self)

    def _step(self, source: list[list[Any]], target: list[list[Any]], n: int) -> int:
        done = 0
        while done < n and source:
            target.append(list(self._given))
            self._given = source.pop()
            done += 1
        if done:
            self.changed()
        return done
