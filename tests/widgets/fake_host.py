"""A host for widgets, all in memory: made items in clusters, labels, decisions with undo and redo. No more than widgets ask."""
from __future__ import annotations

import dataclasses
import functools
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(eq=False)
class FakeEvent:
    """One entry of the journal in memory."""

    kind: str
    given: dict[int, Any] = field(default_factory=dict)
    source: str = "person"
    classes: Any = None
    step: tuple[str, Any] | None = None
    head: int | None = None
    number: int = 0
    holds: bool = True
    when: Any = field(default_factory=lambda: np.datetime64("now", "us"))


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
        self.remarks: list[tuple[str, dict[str, Any]]] = []
        self.fail: str | None = None
        self._events: list[FakeEvent] = []
        self._redoable: list[FakeEvent] = []
        self._begun = self.classes
        self._labels: FakeLabels | None = None
        self._listeners: list[Callable[[Any], None]] = []

    @property
    def labels(self) -> FakeLabels:
        if self._labels is None:
            given: list[Any] = [None] * len(self.items)
            source, when = np.full(len(given), "person", dtype=object), np.full(len(given), "NaT", dtype="datetime64[us]")
            for event in self._holding():
                for position, value in event.given.items():
                    given[position], source[position], when[position] = value, event.source, event.when
            self._labels = FakeLabels(given, self.classes, self.items.ids, np.full(len(given), None, dtype=object), source, when)
        return self._labels

    @property
    def can_undo(self) -> bool:
        return self.can_take_back()[0]

    @property
    def can_redo(self) -> bool:
        return self.can_take_back()[1]

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
        step: tuple[str, Any] | None = None, joined_to: int | None = None,
    ) -> int:
        if self.fail:
            raise OSError(self.fail)
        where = np.atleast_1d(np.asarray(positions, np.int64))
        values = value if isinstance(value, list) else [value] * len(where)
        for one in values:
            if isinstance(one, str):
                self.classes.position(one)
        kind = "accept" if source == "accept" else "decision"
        self.log.append((where, value, {"proposal": proposal, "confidence": confidence, "who": who, "source": source}))
        return self._append(FakeEvent(kind, dict(zip(where.tolist(), values, strict=True)), source, step=step, head=joined_to))

    def remark(self, text: str, details: dict[str, Any]) -> None:
        self.remarks.append((text, details))

    def remarked(self, about: str) -> list[Any]:
        return [details[about] for _, details in self.remarks if about in details]

    def planted_before(self) -> np.ndarray:
        return np.empty(0, np.int64)

    def record_step(self, kind: str, subject: str, step: Any, summary: str, n_items: int = 0, joined_to: int | None = None) -> int:
        if self.fail:
            raise OSError(self.fail)
        return self._append(FakeEvent(kind, step=(subject, json.loads(json.dumps(step))), head=joined_to))

    def steps(self, subject: str, *, undone: bool = False) -> list[Any]:
        from labelnb.event_log import Step

        events = self._events if undone else self._holding()
        return [Step(event.number, event.kind, event.step[1]) for event in events if event.step is not None and event.step[0] == subject]

    def class_moves(self) -> list[Any]:
        return []

    def step_subjects(self, prefix: str) -> list[str]:
        found = [event.step[0] for event in reversed(self._holding()) if event.step is not None and event.step[0].startswith(prefix)]
        return list(dict.fromkeys(found))

    def undo_decision(self, n: int = 1, also: Sequence[str] = ()) -> int:
        return self._turn(list(reversed(self._holding())), n, also, undo=True)

    def redo_decision(self, n: int = 1, also: Sequence[str] = ()) -> int:
        return self._turn(list(reversed(self._redoable)), n, also, undo=False)

    def can_take_back(self, also: Sequence[str] = ()) -> tuple[bool, bool]:
        kinds = ("decision", "accept", *also)
        return any(event.kind in kinds for event in self._holding()), any(event.kind in kinds for event in self._redoable)

    def add_class(self, name: str) -> None:
        self._append(FakeEvent("classes", classes=self.classes.with_class(name)))

    def place_classes(self, parents: Any, *, joined_to: int | None = None) -> int | None:
        space = self.classes
        for name, parent in parents.items():
            space = space if name in space else space.with_class(name)
            space = dataclasses.replace(space, parents={**space.parents, name: parent}) if parent else space
        return None if space == self.classes else self._append(FakeEvent("classes", classes=space, head=joined_to))

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

    def _holding(self) -> list[FakeEvent]:
        return [event for event in self._events if event.holds]

    def _append(self, event: FakeEvent) -> int:
        self._events.append(event)
        event.number = len(self._events)
        self._redoable.clear()
        self._settle()
        return event.number

    def _turn(self, events: list[FakeEvent], n: int, also: Sequence[str], *, undo: bool) -> int:
        kinds, done = ("decision", "accept", *also), 0
        for _ in range(n):
            event = next((event for event in events if event.kind in kinds and event.holds == undo), None)
            if event is None:
                break
            head = event.head or event.number
            for one in [one for one in events if (one.head or one.number) == head]:
                one.holds = not undo
                self._redoable.append(one) if undo else self._redoable.remove(one)
                done += 1
        if done:
            self._settle()
        return done

    def _settle(self) -> None:
        self.classes = next((event.classes for event in reversed(self._holding()) if event.classes is not None), self._begun)
        self.changed()
