"""What all widgets share in Python: the bundle, requests from the browser, word of changes, items on demand, clean up.

A widget is a subclass::

    class ReviewGrid(Panel):
        _esm = traitlets.Unicode(bundle("review")).tag(sync=True)

        def __init__(self, host, result, *, page_size=24):
            super().__init__(host, title="Review", page_size=page_size)     # -> panel.config in TypeScript

        def on_page(self, message, buffers):                                 # panel.channel.request("page", {start: 0})
            return {"positions": [...]}, [array.tobytes()]                   # or only the dict

What the browser asks for is `{"id", "kind", ...}` with buffers; the answer of `on_<kind>` goes back under the same id, and an
exception goes back as its message (`id`, `ok` and `error` are taken, so an answer's own keys are others).
`self.notify("name", {...}, buffers)` tells every open view something. `self.state` is the small synced trait that `panel.onState`
reads; it follows the host. Nothing of the size of the data is ever in a trait.
"""
from __future__ import annotations

import asyncio
import functools
import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from labelnb.highlights import WORDED

__all__ = ["Panel", "bundle", "panels_of", "positions_of", "label_codes"]

STATIC = Path(__file__).parent / "static"
SAFE_PICTURES = ("image/webp", "image/jpeg", "image/png")
"""What may reach the browser as a picture; an SVG could hold scripts."""
TEXT_LIMIT = 2_000
ITEM_LIMIT = 256
"""Items in one request; the browser asks for 48 at a time."""
UNKNOWN, OTHER_ANSWER = -1, -2
"""Label codes: no label; a label that is not one class (unsure, not this, several, ...)."""

REST = 5.0
"""Seconds that a widget without a view waits for one, such as while its cell is moved."""

_panels: weakref.WeakSet[Panel] = weakref.WeakSet()
_numbers = itertools.count()

Answer = dict[str, Any] | tuple[dict[str, Any], Sequence[bytes]]


@functools.cache
def bundle(name: str) -> str:
    """The built front end of a widget, as text.

    Raises
    ------
    FileNotFoundError
        If the bundle is not there, with how to build it.
    """
    path = STATIC / f"{name}.js"
    try:
        return path.read_text(encoding="utf8")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path.name} is missing from {STATIC}: reinstall labelnb, or in a checkout run `npm ci && npm run build` in widgets/"
        ) from error


class Panel(anywidget.AnyWidget):
    """One widget over a host (a Session). Subclasses add `on_<kind>` methods for what their front end asks."""

    config = traitlets.Dict().tag(sync=True)
    """Set once: title, and what the subclass gives."""
    state = traitlets.Dict().tag(sync=True)
    """Small and live: classes, counts, what can be undone."""
    first = traitlets.Dict().tag(sync=True)
    """What a view draws at once, without asking: small, and stamped with the revision that it is of. Empty in most widgets."""
    shows_evidence = True
    """Whether marks in a text may rest on what the result says of that very item."""
    also: tuple[str, ...] = ()
    """Kinds of steps that undo takes back here beside decisions."""

    def __init__(self, host: Any, *, title: str, **config: Any) -> None:
        self.host = host
        self.n_views = 0
        self._kind = type(self)  # anywidget gives every widget a class of its own later on
        self._revision = 0
        self._sent_codes: np.ndarray | None = None
        self._answered: OrderedDict[str, Answer] = OrderedDict()
        self._words: tuple[Any, Any] | None = None
        super().__init__(config={"title": title, "words": host.items.modality in WORDED, **config}, state=_state(host, 0, self.also))
        self._stop_listening = weakref.finalize(self, host.subscribe(_weakly(self)))
        self.on_msg(_routed)
        self._number = next(_numbers)
        _panels.add(self)

    def notify(self, notice: str, content: dict[str, Any] | None = None, buffers: Sequence[bytes] = ()) -> None:
        """Tell every open view something; `panel.channel.on(notice, ...)` hears it."""
        self.send({**(content or {}), "notice": notice}, list(buffers))

    def close(self) -> None:
        """Close all views and stop listening to the host. Displaying the widget again opens it again."""
        if hasattr(self, "_stop_listening"):
            self._stop_listening()
        super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # ipywidgets hides closed widgets by setting it to None

    def static_bundle(self) -> dict[str, Any]:
        """What a saved notebook shows in place of the widget: `text/plain`, `text/html`, `image/png`. By default the widget's result."""
        from labelnb.widgets.static_view import mimebundle

        result = getattr(self, "result", None)
        return mimebundle(result) if result is not None else {}

    def first_view(self) -> dict[str, Any]:
        """What `first` holds when the widget is opened."""
        return {}

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.comm is None:
            self._stop_listening = weakref.finalize(self, self.host.subscribe(_weakly(self)))
            self._revision += 1
            self.state = _state(self.host, self._revision, self.also)
            self.open()
        if self.first.get("revision") != self._revision:
            self.first = self.first_view()
        shown = super()._repr_mimebundle_(**options)
        if shown is None:
            return None
        data, metadata = shown
        return {**data, **self.static_bundle()}, metadata

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side: sends the new state and the labels that differ. Subclasses may add to it."""
        self._revision += 1
        self.state = _state(self.host, self._revision, self.also)
        if self._sent_codes is None:
            return
        codes = label_codes(self.host.labels)
        if len(codes) != len(self._sent_codes):
            changed = np.arange(len(codes))
        else:
            changed = np.flatnonzero(codes != self._sent_codes)
        self._sent_codes = codes
        if len(changed):
            self.notify("labels", {"revision": self._revision}, [changed.astype("<u4").tobytes(), codes[changed].astype("<i2").tobytes()])

    # What every front end may ask ---------------------------------------------------------------------------------------

    def on_open(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """A view was opened. Views that a reload took away are still counted: it is an upper bound."""
        self.n_views += 1
        return {"n_items": len(self.host.items)}

    def on_closed(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """A view was closed in the browser."""
        self.n_views = max(0, self.n_views - 1)
        if not self.n_views:
            _later(self._close_if_replaced)
        return {}

    def on_items(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Texts and thumbnails of up to 256 positions. An item that cannot be shown carries its problem; the others come all the same."""
        wanted = [int(position) for position in message["positions"]][:ITEM_LIMIT]
        size = int(np.clip(int(message.get("size", 96)), 16, 512))
        answers: list[dict[str, Any]] = []
        pictures: list[bytes] = []
        for position in wanted:
            answer, picture = self._item(position, size)
            if picture is not None:
                answer["buffer"] = len(pictures)
                pictures.append(picture)
            answers.append(answer)
        return {"items": answers}, pictures

    def on_media(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """The recording or clip at `position`, for the browser to play."""
        data, mime = self.host.items.playable(int(message["position"]))
        return {"mime": mime}, [data]

    def on_marks(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """For each (position, class position) wanted, the spans of the item's text that speak for the class, in signs of the text."""
        names = self.shown_as
        wanted = [(int(position), int(k)) for position, k in message["wanted"]][:ITEM_LIMIT]
        words = self.highlights()
        found = [words.spans(position, names[k]) if 0 <= k < len(names) else [] for position, k in wanted]
        return {"marks": [[span for span in spans if span[1] <= TEXT_LIMIT] for spans in found]}

    @property
    def shown_as(self) -> Sequence[str]:
        """Names of what an item may be shown as, by position: the classes."""
        return tuple(self.host.classes.names)

    def highlights(self) -> Any:
        """Which words speak for which class (`labelnb.highlights.Highlights`); counted once, and again when classes change."""
        from labelnb.highlights import Highlights

        names = self.shown_as
        if self._words is None or self._words[0] != names:
            result = getattr(self, "result", None)
            self._words = names, Highlights(self.host.items, self.host.labels, names, result, from_evidence=self.shows_evidence)
        return self._words[1]

    def on_labels(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Label codes of all items, int16; from now on the notice `labels` brings (positions u32, codes i16) of what changes."""
        self._sent_codes = label_codes(self.host.labels)
        return {"revision": self._revision}, [self._sent_codes.astype("<i2").tobytes()]

    def on_decide(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Give `value` to the positions in `buffers[0]` (u32, or a bitset with `bits: true`). Durable when answered."""
        positions = positions_of(message, buffers, len(self.host.items))
        value = message.get("value")
        made = [label_value(one) for one in value] if isinstance(value, list) else label_value(value)
        result = getattr(self, "result", None) if message.get("from_result") else None
        self.host.decide(positions, made, proposal=result, confidence=message.get("confidence"))
        return {"n": len(positions)}

    def on_undo(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Take back the last decisions."""
        return {"n": int(self.host.undo_decision(int(message.get("n", 1))))}

    def on_redo(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Bring back undone decisions."""
        return {"n": int(self.host.redo_decision(int(message.get("n", 1))))}

    def on_add_class(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Add a class at the end."""
        name = str(message["name"]).strip()
        if not name:
            raise ValueError("a class needs a name that is not empty")
        if name not in self.host.classes:
            self.host.add_class(name)
        return {"position": self.host.classes.position(name)}

    def _close_if_replaced(self) -> None:
        """A cell that is run again makes a new widget: the old one goes, with its memory. The newest stays, for a reload of the page."""
        newer = any(other.host is self.host and other._kind is self._kind and other._number > self._number for other in _panels)
        if newer and not self.n_views:
            self.close()

    def _item(self, position: int, size: int) -> tuple[dict[str, Any], bytes | None]:
        items = self.host.items
        answer: dict[str, Any] = {"position": position, "id": "", "text": "", "problem": None, "buffer": None, "mime": ""}
        picture = None
        try:
            answer["id"] = str(items.ids[position])
            text = str(items.text(position))[:TEXT_LIMIT]
            answer["text"] = "" if text == items.modality else text  # a description that only says "image" describes nothing
            if items.modality == "image":
                picture, answer["mime"] = items.thumbnail(position, size)
            elif items.modality in ("audio", "clip"):
                seen = items.glance(position, max(size, 2 * 112))
                picture, answer["mime"] = seen.picture, seen.mime
                answer["media"] = {"kind": items.modality, "seconds": seen.seconds, "note": seen.note}
            if picture is not None and answer["mime"] not in SAFE_PICTURES:
                picture, answer["problem"] = None, f"got a picture of type {answer['mime']}, expected one of {SAFE_PICTURES}"
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises is this item's problem, and is shown on its card
            picture, answer["problem"] = None, f"{answer['id'] or position}: {error}"
        return answer, picture

    def _route(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        identity, kind, uid = message.get("id"), str(message.get("kind", "")), message.get("uid")
        handler = getattr(self, f"on_{kind}", None) if kind.isidentifier() and kind not in ("msg", "trait_change", "displayed") else None
        try:
            if handler is None:
                raise ValueError(
                    f"{type(self).__name__} has no answer to {kind!r}; the front end and labelnb are of different versions: reload the page"
                )
            if uid is not None and uid in self._answered:
                answer = self._answered[uid]
            else:
                answer = handler(message, buffers)
                self._remember(uid, answer)
        except Exception as error:  # noqa: BLE001 - the boundary to the browser: what went wrong is shown there
            text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            if uid is not None and isinstance(error, ValueError | KeyError | TypeError | IndexError):
                answer = {"refused": text or type(error).__name__}
            else:
                self.send({"id": identity, "ok": False, "error": text or type(error).__name__, "type": type(error).__name__})
                return
        content, parts = answer if isinstance(answer, tuple) else (answer, ())
        if identity:
            self.send({**content, "id": identity, "ok": True}, list(parts))

    def _remember(self, uid: str | None, answer: Answer) -> None:
        """A decision sent again because its answer was lost is answered, not made twice."""
        if uid is not None:
            self._answered[uid] = answer
            while len(self._answered) > 1_000:
                self._answered.popitem(last=False)


def panels_of(host: Any, kind: type[Panel]) -> list[Any]:
    """The widgets of a kind that are open over the same host, the newest last."""
    found = [panel for panel in _panels if panel.host is host and isinstance(panel, kind) and panel.comm is not None]
    return sorted(found, key=lambda panel: panel._number)


def label_codes(labels: Any) -> np.ndarray:
    """(N,) int16: class position, -1 without a label, -2 for an answer that is not one class."""
    values = np.asarray(labels.values)
    codes = np.clip(values, UNKNOWN, np.iinfo(np.int16).max).astype(np.int16)
    codes[(values < 0) & np.asarray(labels.known, bool)] = OTHER_ANSWER
    return codes


def positions_of(message: dict[str, Any], buffers: Sequence[memoryview], n_items: int) -> np.ndarray:
    """(n,) int64 positions: of `buffers[0]`, as a bitset where the message says `bits`, else as u32; or of `message["positions"]`.

    Raises
    ------
    IndexError
        If a position is not one of the `n_items`.
    """
    if not buffers:
        positions = np.asarray(message.get("positions", ()), np.int64)
    elif message.get("bits"):
        positions = np.flatnonzero(np.unpackbits(np.frombuffer(buffers[0], np.uint8), bitorder="little", count=n_items)).astype(np.int64)
    else:
        positions = np.frombuffer(buffers[0], "<u4").astype(np.int64)
    if positions.size and (positions.min() < 0 or positions.max() >= n_items):
        raise IndexError(f"got positions from {positions.min()} to {positions.max()}, expected 0 to {n_items - 1}")
    return positions


def label_value(value: Any) -> Any:
    """What the browser sends as a label, as `Label.of` takes it: a class name, None, or another kind of answer."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        from labelnb.labels import Label

        return Label(value["kind"], tuple(value.get("classes", ())), tuple(value.get("absent", ())))
    raise TypeError(f"got the label {value!r}, expected a class name, null, or an object with a kind")


def _state(host: Any, revision: int, also: Sequence[str] = ()) -> dict[str, Any]:
    labels, names = host.labels, list(host.classes.names)
    values = np.asarray(labels.values)
    counts = np.bincount(values[(values >= 0) & (values < len(names))], minlength=len(names))
    undo, redo = host.can_take_back(also) if also else (bool(getattr(host, "can_undo", True)), bool(getattr(host, "can_redo", True)))
    return {
        "classes": names, "counts": counts.tolist(), "n_items": len(host.items), "n_known": int(labels.n_known),
        "can_undo": undo, "can_redo": redo,
        "can_search_text": bool(host.can_search_text), "modality": host.items.modality, "revision": revision,
    }


def _weakly(panel: Panel) -> Callable[[Any], None]:
    """A listener that does not keep the panel alive."""
    reference = weakref.ref(panel)

    def changed(host: Any) -> None:
        alive = reference()
        if alive is not None:
            alive.host_changed()

    return changed


def _later(action: Callable[[], None]) -> None:
    """Call a method after a rest where an event loop runs (a kernel), else now; what it belongs to is not kept alive for it."""
    weak = weakref.WeakMethod(action)

    def call() -> None:
        alive = weak()
        if alive is not None:
            alive()

    try:
        asyncio.get_running_loop().call_later(REST, call)
    except RuntimeError:
        call()


def _routed(panel: Panel, message: Any, buffers: Sequence[memoryview]) -> None:
    if isinstance(message, dict):
        panel._route(message, buffers or ())
