"""Explorer: the map of all items in the notebook; draw around some, see them, label them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.results import Proposal
from labelnb.widgets.panel import Answer, Panel, bundle, label_codes, positions_of

__all__ = ["Explorer", "Positions"]

COLOURINGS = ("label", "proposal", "confidence")
MOST_RESULTS = 1_000
SURE = 254
"""Confidence 0 ... 1 is sent as 0 ... 254; 255 where the proposal abstains."""


class Positions(traitlets.TraitType[np.ndarray, Any]):
    """An observable set of positions: int64, ascending, unique, read-only. Equal sets are no change."""

    info_text = "positions of items"

    def validate(self, obj: Any, value: Any) -> np.ndarray:
        """`value` as positions of the widget's items; a TraitError where it is something else."""
        array = np.asarray(value)
        if array.dtype == bool:
            array = np.flatnonzero(array)
        if array.size and array.dtype.kind not in "iu":
            raise traitlets.TraitError(
                f"selection: got {array.dtype} values, expected integer positions or a mask; ids go through .select(ids)"
            )
        array = array.astype(np.int64).ravel()
        if array.size and not (array[1:] > array[:-1]).all():
            array = np.unique(array)
        n = len(obj.host.items)
        if array.size and (array[0] < 0 or array[-1] >= n):
            raise traitlets.TraitError(f"selection: got positions from {array[0]} to {array[-1]}, expected 0 to {n - 1}")
        array.flags.writeable = False
        return array

    def set(self, obj: Any, value: Any) -> None:
        """Take `value`, and tell observers only where it is another set."""
        new: Any = self._validate(obj, value)
        old: Any = self.get(obj)
        if not np.array_equal(old, new):
            obj._trait_values[self.name] = new
            obj._notify_trait(self.name, old, new)


class Explorer(Panel):
    """The map of a session's items.

    Parameters
    ----------
    host : the session (anything with its items, classes, labels, decide, search, similar, subscribe)
    xy : (N, 2) positions on the map, finite; only their shape counts, not their unit
    color : what the colours mean at first: `"label"`, `"proposal"` or `"confidence"`
    proposal : the Proposal that `proposal` and `confidence` show; labels given while one of them is shown are recorded as answers to it
    title : name of the widget
    plain : draw on a plain canvas even where WebGL2 is there

    Raises
    ------
    ValueError
        If `xy` is not (N, 2) and finite, the proposal has another number of items or classes that the host lacks, or `color` is unknown.

    Examples
    --------
    `w.selection` is an array of positions and can be observed: `w.observe(print, "selection")`. What the hands do is a call as well:
    `w.select(ids)`, `w.label("cat")`, `w.search("a red car")`, `w.similar(ids)`, `w.color = "confidence"`, `w.shown = [0, 2, -1]`.
    """

    _esm = traitlets.Unicode(bundle("explorer")).tag(sync=True)
    color = traitlets.Enum(COLOURINGS, "label").tag(sync=True)
    """What the colours mean."""
    shown = traitlets.List(traitlets.Int(), None, allow_none=True).tag(sync=True)
    """Legend entries that are not filtered out: class positions (of confidence: sevenths), -1 no label, -2 other answers; None for all."""
    has_proposal = traitlets.Bool(False).tag(sync=True)
    selection = Positions(np.zeros(0, np.int64))
    """(n,) int64 positions, ascending. Set it, observe it."""

    def __init__(
        self, host: Any, xy: Any, *, color: str = "label", proposal: Proposal | None = None, title: str = "Explorer", plain: bool = False,
    ) -> None:
        self._xy = _on_the_wire(xy, len(host.items))
        self._origin: str | None = None
        self._results: tuple[str, np.ndarray] | None = None
        self._proposal: Proposal | None = None
        _check_color(color, proposal)
        if proposal is not None:
            _fitting(proposal, host)
        super().__init__(host, title=title, plain=plain)
        self._proposal = proposal
        self.has_proposal = proposal is not None
        self.color = color
        self.observe(self._selection_changed, "selection")

    # From Python ----------------------------------------------------------------------------------------------------------

    @property
    def proposal(self) -> Proposal | None:
        """The Proposal whose classes and confidences can be shown; set another at any time."""
        return self._proposal

    @proposal.setter
    def proposal(self, proposal: Proposal | None) -> None:
        if proposal is not None:
            _fitting(proposal, self.host)
        self._proposal = proposal
        self.has_proposal = proposal is not None
        if proposal is None:
            self.color = "label"
        self.notify("proposal")

    @property
    def result(self) -> Proposal | None:
        """The proposal that a decision answers to."""
        return self._proposal

    def set_positions(self, xy: Any) -> None:
        """Move the points to new places, (N, 2), with a transition; for a second projection of the same items. Threads may call it."""
        self._xy = _on_the_wire(xy, len(self.host.items))
        self.notify("positions", buffers=[self._xy.tobytes()])

    def select(self, items: Any) -> np.ndarray:
        """Select by ids, positions or a mask, and return the positions. `select([])` clears.

        Raises
        ------
        KeyError, IndexError
            If there is no such item.
        """
        self.selection = self._positions(items)
        return self.selection

    def label(self, value: Any) -> None:
        """Label the selection, as the digit keys do; `None` clears. Durable when it returns.

        Raises
        ------
        ValueError
            If nothing is selected.
        """
        if not len(self.selection):
            raise ValueError("label: nothing is selected; draw around points on the map, or call .select(ids) first")
        self.host.decide(self.selection, value, proposal=self._proposal if self.color != "label" else None)

    def search(self, text: str) -> np.ndarray:
        """(N,) positions, best match with `text` first; the best are marked and listed in the widget.

        Raises
        ------
        ValueError
            If the encoder reads no text; search by example then: `similar`.
        """
        if not self.host.can_search_text:
            raise ValueError("search: the items' encoder reads no text; use .similar(ids) instead, or embed with an image-text encoder")
        return self._show_results(f"“{text}”", self.host.search(text))

    def similar(self, items: Any = None) -> np.ndarray:
        """(N,) positions, most like the given items (the selection by default) first; the best are marked and listed in the widget.

        Raises
        ------
        ValueError
            If no items are given and none are selected.
        """
        positions = self.selection if items is None else self._positions(items)
        if not len(positions):
            raise ValueError("similar: nothing is selected; give ids, or select an item first")
        title = f"like {self.host.items.ids[positions[0]]}" if len(positions) == 1 else f"like {len(positions):,} items"
        return self._show_results(title, self.host.similar(positions))

    def clear_results(self) -> None:
        """Close the list of results."""
        self._results = None
        self.notify("results", {"title": None})

    def static_bundle(self) -> dict[str, Any]:
        """The map as a picture, for saved notebooks."""
        from labelnb.widgets.static_view import bundle_of, map_picture

        by_label = self.color == "label" or self._proposal is None
        groups = np.asarray(self.host.labels.values) if by_label else _class_positions(self._proposal, self.host)  # type: ignore[arg-type]
        known = int((groups >= 0).sum())
        headline = f"Map of {len(groups):,} items, {known:,} {'labelled' if by_label else 'with a proposal'}"
        return bundle_of(headline, {}, map_picture(self._xy, groups, list(self.host.classes.names)) if len(groups) else None)

    # Asked by the front end -----------------------------------------------------------------------------------------------

    def on_map(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Positions (u16 pairs), codes of one colouring, and what is selected and found already."""
        about, codes = self._codes(str(message.get("by", "label")))
        parts = [self._xy.tobytes(), codes, self._selected_bits()]
        answer: dict[str, Any] = {"codes": about, "selected": bool(len(self.selection)), "results": None}
        if self._results is not None:
            answer["results"] = self._results[0]
            parts.append(self._results[1].astype("<u4").tobytes())
        return answer, parts

    def on_colours(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Codes of one colouring."""
        about, codes = self._codes(str(message["by"]))
        return {"codes": about}, [codes]

    def on_select(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """The person's selection, a bitset."""
        self._origin = str(message.get("origin"))
        try:
            self.selection = positions_of({"bits": True}, buffers, len(self.host.items))
        finally:
            self._origin = None
        return {"n": len(self.selection)}

    def on_search(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Search by text; the results come as a notice, to every view."""
        self.search(str(message["text"]))
        return {}

    def on_similar(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Search by example; the results come as a notice, to every view."""
        self.similar(positions_of({"bits": True}, buffers, len(self.host.items)))
        return {}

    def on_details(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """What is known of one item now."""
        position = int(message["position"])
        label = self.host.labels.label(position)
        named = int(self.host.labels.values[position])
        answer: dict[str, Any] = {
            "item": str(self.host.items.ids[position]), "label": None if label is None else _described(label), "label_position": named,
            "proposal": None, "confidence": 0.0,
        }
        if self._proposal is not None:
            row = self._proposal.probabilities[position]
            best = int(row.argmax())
            if row[best] > 0:
                answer |= {"proposal": self._proposal.classes[best], "confidence": float(row[best])}
        return answer

    # Inside ---------------------------------------------------------------------------------------------------------------

    def _positions(self, items: Any) -> np.ndarray:
        n = len(self.host.items)
        if isinstance(items, str | int | np.integer):
            items = [items]
        array = np.asarray(items)
        if array.dtype == bool:
            if array.shape != (n,):
                raise IndexError(f"got a mask of shape {array.shape}, expected ({n},)")
            return np.flatnonzero(array)
        if array.dtype.kind not in "iu" and array.size:
            return np.asarray(self.host.items.positions([str(one) for one in array.tolist()]), np.int64)
        array = array.astype(np.int64).ravel()
        if array.size and (array.min() < 0 or array.max() >= n):
            raise IndexError(f"got positions from {array.min()} to {array.max()}, expected 0 to {n - 1}")
        return array

    def _show_results(self, title: str, scores: Any) -> np.ndarray:
        ranked = np.argsort(-np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf), kind="stable").astype(np.int64)
        self._results = (title, ranked[:MOST_RESULTS])
        self.notify("results", {"title": title}, [self._results[1].astype("<u4").tobytes()])
        return ranked

    def _selected_bits(self) -> bytes:
        mask = np.zeros(len(self.host.items), np.uint8)
        mask[self.selection] = 1
        return np.packbits(mask, bitorder="little").tobytes()

    def _selection_changed(self, change: dict[str, Any]) -> None:
        if self._origin is None or self.n_views > 1:
            self.notify("selection", {"origin": self._origin}, [self._selected_bits()])

    def _codes(self, by: str) -> tuple[dict[str, Any], bytes]:
        """What the codes mean, and one code an item: u8, or u16 where there are too many classes."""
        if by == "confidence" and self._proposal is not None:
            best = np.asarray(self._proposal.confidence)
            codes = np.where(best > 0, np.round(np.clip(best, 0, 1) * SURE), 255).astype(np.uint8)
            return {"by": by, "none": 255, "other": -1, "bytes": 1}, codes.tobytes()
        if by == "proposal" and self._proposal is not None:
            values = _class_positions(self._proposal, self.host)
        elif by == "label":
            values = self._sent_codes = label_codes(self.host.labels)
        else:
            raise ValueError(f"colour by {by!r}: there is no proposal here; give one with w.proposal = ..., or colour by label")
        wide = len(self.host.classes) > 250
        none = 65_535 if wide else 255
        codes = np.where(values >= 0, values, np.where(values == -1, none, none - 1)).astype("<u2" if wide else np.uint8)
        return {"by": by, "none": none, "other": none - 1, "bytes": 2 if wide else 1}, codes.tobytes()


def _on_the_wire(xy: Any, n_items: int) -> np.ndarray:
    """(N, 2) positions as u16 within one square, their proportions kept."""
    array = np.asarray(xy.detach().cpu() if hasattr(xy, "detach") else xy, np.float64)
    if array.shape != (n_items, 2):
        raise ValueError(f"xy: got shape {array.shape}, expected ({n_items}, 2): one place on the map an item")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise ValueError(f"xy: {len(bad)} places are not finite, the first at position {bad[0]}; project again without them")
    if not n_items:
        return np.zeros((0, 2), "<u2")
    low, high = array.min(axis=0), array.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.round(((array - (low + high) / 2) / span + 0.5) * 65_535).astype("<u2")


def _check_color(color: str, proposal: Proposal | None) -> None:
    if color not in COLOURINGS:
        raise ValueError(f"color: got {color!r}, expected one of {COLOURINGS}")
    if color != "label" and proposal is None:
        raise ValueError(f"color={color!r} needs a proposal: give proposal=, or color='label'")


def _fitting(proposal: Proposal, host: Any) -> None:
    if len(proposal) != len(host.items):
        raise ValueError(f"proposal: got {len(proposal)} items, the map has {len(host.items)}; run the method again on these items")
    strange = [name for name in proposal.classes if name not in host.classes]
    if strange:
        raise ValueError(f"proposal: its classes {strange[:5]} are not among {list(host.classes.names)[:10]}; add them first")


def _class_positions(proposal: Proposal, host: Any) -> np.ndarray:
    """(N,) int64 predictions as positions among the host's classes, -1 where the proposal abstains."""
    places = np.array([*(host.classes.position(name) for name in proposal.classes), -1], np.int64)
    return places[proposal.predictions]


def _described(label: Any) -> str:
    """A label in words."""
    names = ", ".join(getattr(label, "classes", ()))
    kind = getattr(label, "kind", "class")
    words = {
        "class": names, "not": f"not {names}", "any": f"one of {names}", "multi": names or "none of the classes", "unsure": "unsure",
        "outside": "not in the list",
    }
    return words.get(kind, str(label))
