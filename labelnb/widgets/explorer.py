"""Explorer: the map of all items in the notebook; draw around some, see them, label them."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from labelnb.results import Proposal
from labelnb.widgets.answers import described
from labelnb.widgets.explorer_colours import COLOURINGS, Colouring, colouring
from labelnb.widgets.explorer_columns import columns_of, dense_places, on_the_wire
from labelnb.widgets.map_first import coarse_map
from labelnb.widgets.panel import Answer, Panel, bundle, label_codes, positions_of
from labelnb.widgets.selected_positions import Positions

__all__ = ["Explorer", "Positions"]

MOST_RESULTS = 1_000
WHOLE = 20_000
"""A map of so many points travels with the widget; of a larger one a coarse count does, and the points are asked for."""


class Explorer(Panel):
    """The map of a session's items.

    Parameters
    ----------
    host : the session (anything with its items, classes, labels, decide, search, similar, subscribe)
    xy : (N, 2) positions on the map, finite; only their shape counts, not their unit
    color : what the colours mean at first: `"label"`, `"proposal"`, `"confidence"`, or the name of a column
    columns : (N,) values by name, to colour and filter by; the columns of the caller's own frame are there already
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
    `w.select(ids)`, `w.label("cat")`, `w.search("a red car")`, `w.similar(ids, less=others)`, `w.color = "confidence"`,
    `w.shown = [0, 2, -1]`, `w.names`, `w.link(other)`, `w.save("map.svg")`.
    """

    _esm = traitlets.Unicode(bundle("explorer")).tag(sync=True)
    color = traitlets.Unicode("label").tag(sync=True)
    """What the colours mean: `label`, `proposal`, `confidence`, or the name of a column."""
    shown = traitlets.List(traitlets.Int(), None, allow_none=True).tag(sync=True)
    """Legend entries that are not filtered out: class positions (of a scale: sevenths), -1 no label, -2 other answers; None for all. Other
    colours begin without a filter."""
    has_proposal = traitlets.Bool(False).tag(sync=True)
    selection = Positions(np.zeros(0, np.int64))
    """(n,) int64 positions, ascending. Set it, observe it."""

    def __init__(
        self, host: Any, xy: Any, *, color: str = "label", proposal: Proposal | None = None, title: str = "Explorer", plain: bool = False,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        self._xy = on_the_wire(xy, len(host.items))
        self._origin: str | None = None
        self._results: tuple[str, np.ndarray] | None = None
        self._example = (np.empty(0, np.int64), np.empty(0, np.int64))
        self._proposal: Proposal | None = None
        self._columns = columns_of(host, columns)
        self._coloured: dict[str, Colouring] = {}
        _check_color(color, proposal, self._columns)
        if proposal is not None:
            _fitting(proposal, host)
        super().__init__(host, title=title, plain=plain, columns=list(self._columns))
        self._proposal = proposal
        self.has_proposal = proposal is not None
        self.color = color
        self.observe(self._selection_changed, "selection")
        self.observe(self._color_changed, "color")
        self.first = self.first_view()

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
        self._outdated()
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
        self._xy = on_the_wire(xy, len(self.host.items))
        self._outdated()
        self.notify("positions", buffers=[self._xy.tobytes()])

    def set_column(self, name: str, values: Any) -> None:
        """Change a column, (N,) values; views that are coloured by it are drawn anew."""
        self._columns |= columns_of(self.host, {name: values})
        self._coloured.pop(name, None)
        self._outdated()
        self.notify("column", {"name": name})

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

    def similar(self, items: Any = None, *, less: Any = ()) -> np.ndarray:
        """(N,) positions, most like the given items (the selection by default) and least like those of `less` first; the best are marked
        and listed in the widget.

        Raises
        ------
        ValueError
            If no items are given and none are selected.
        """
        positions = self.selection if items is None else self._positions(items)
        if not len(positions):
            raise ValueError("similar: nothing is selected; give ids, or select an item first")
        away = self._positions(less)
        self._example = (positions, away)
        title = f"like {self._named(int(positions[0]))}" if len(positions) == 1 else f"like {len(positions):,} items"
        scores = self.host.similar(positions)
        if len(away):
            title, scores = f"{title}, unlike {len(away):,}", scores - self.host.similar(away)
        return self._show_results(title, scores)

    @property
    def names(self) -> list[dict[str, Any]]:
        """What is written on the map: `name`, `x` and `y` (0 to 1 across the map, y up) of its densest place, `items`; the largest group
        first. The widget leaves out names that would lie over a larger group's."""
        now = self._colouring(self.color)
        if now.ramp:
            return []
        words = now.group_names(self.host.classes.names)
        return [{"name": words[k], "x": x, "y": y, "items": n} for k, x, y, n in dense_places(self._xy, now.groups, len(words))]

    def link(self, *others: Explorer) -> Callable[[], None]:
        """Select the same items in all of these maps, whichever is drawn on; returns how to unlink.

        Raises
        ------
        ValueError
            If another map has another number of items.
        """
        maps = (self, *others)
        strange = [len(one.host.items) for one in others if len(one.host.items) != len(self.host.items)]
        if strange:
            raise ValueError(f"link: got maps of {strange} items, this one has {len(self.host.items)}; link maps of the same items")

        def spread(change: dict[str, Any]) -> None:
            for one in maps:
                if one is not change["owner"]:
                    one.selection = change["new"]

        for one in maps:
            one.observe(spread, "selection")
        spread({"owner": self, "new": self.selection})

        def unlink() -> None:
            for one in maps:
                one.unobserve(spread, "selection")

        return unlink

    def save(self, path: str | Path) -> Path:
        """Write the map as it is coloured and filtered to a .png or .svg file; up to 20,000 points are vectors in it. The part that is
        seen just now the widget's own button saves."""
        from labelnb.widgets.map_file import save_map

        now = self._colouring(self.color)
        names, groups = now.group_names(self.host.classes.names), now.groups
        places = [(one["name"], 65_535 * one["x"], 65_535 * one["y"]) for one in self.names]
        hidden = [] if self.shown is None else [k for k in range(-1, len(names)) if k not in self.shown]
        title, colours = f"Map of {len(groups):,} items", now.colours(len(names))
        return save_map(Path(path), self._xy, groups, names, places, title, colours=colours, hidden=hidden)

    def clear_results(self) -> None:
        """Close the list of results."""
        self._results = None
        self._outdated()
        self.notify("results", {"title": None})

    def first_view(self) -> dict[str, Any]:
        """The map itself where it is small; of a large one what a glance at it shows."""
        if not len(self._xy):
            return {}
        about: dict[str, Any] = {"revision": self._revision, "by": self.color}
        if len(self._xy) > WHOLE:
            return {**about, **coarse_map(self._xy, self._colouring(self.color).looks)}
        whole, parts = self._whole(self.color)
        return {**about, "map": whole, "parts": parts}

    def static_bundle(self) -> dict[str, Any]:
        """The map as a picture, for saved notebooks."""
        from labelnb.widgets.static_view import bundle_of, map_picture

        now = self._colouring(self.color if self._proposal is not None or self.color not in COLOURINGS else "label")
        groups, names = now.groups, now.group_names(self.host.classes.names)
        known = int((groups >= 0).sum())
        what = {"label": "labelled", "proposal": "with a proposal", "confidence": "with a proposal"}.get(self.color, f"with {self.color!r}")
        picture = map_picture(self._xy, groups, names, colours=now.colours(len(names))) if len(groups) else None
        return bundle_of(f"Map of {len(groups):,} items, {known:,} {what}", {}, picture)

    # Asked by the front end -----------------------------------------------------------------------------------------------

    def on_map(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Positions (u16 pairs), codes of one colouring, and what is selected and found already."""
        return self._whole(str(message.get("by", "label")))

    def _whole(self, by: str) -> tuple[dict[str, Any], list[bytes]]:
        about, codes = self._codes(by)
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
        """Search by example; with `less`, unlike these, beside the example before. The results come as a notice, to every view."""
        positions = positions_of({"bits": True}, buffers, len(self.host.items))
        if message.get("less"):
            liked, away = self._example
            if not len(liked):
                raise ValueError("less like these: ask for more like some items first")
            self.similar(liked, less=np.union1d(away, positions))
        else:
            self.similar(positions)
        return {}

    def on_details(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """What is known of one item now."""
        position = int(message["position"])
        label = self.host.labels.label(position)
        named = int(self.host.labels.values[position])
        answer: dict[str, Any] = {
            "item": str(self.host.items.ids[position]), "label": None if label is None else described(label), "label_position": named,
            "proposal": None, "confidence": 0.0,
        }
        if self._proposal is not None:
            row = self._proposal.probabilities[position]
            best = int(row.argmax())
            if row[best] > 0:
                answer |= {"proposal": self._proposal.classes[best], "confidence": float(row[best])}
        return answer

    # Inside ---------------------------------------------------------------------------------------------------------------

    @traitlets.validate("color")
    def _check_new_color(self, proposal: Any) -> str:
        if proposal.value not in COLOURINGS and proposal.value not in getattr(self, "_columns", {}):
            raise traitlets.TraitError(f"color: got {proposal.value!r}, expected one of {(*COLOURINGS, *self._columns)}")
        return str(proposal.value)

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

    def _named(self, position: int) -> str:
        items = self.host.items
        text = " ".join(str(items.text(position)).split())
        text = text if text and text != items.modality else str(items.ids[position])    # a text that only says "image" names nothing
        return text if len(text) <= 40 else f"{text[:39]}…"

    def _show_results(self, title: str, scores: Any) -> np.ndarray:
        ranked = np.argsort(-np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf), kind="stable").astype(np.int64)
        self._results = (title, ranked[:MOST_RESULTS])
        self._outdated()
        self.notify("results", {"title": title}, [self._results[1].astype("<u4").tobytes()])
        return ranked

    def _selected_bits(self) -> bytes:
        mask = np.zeros(len(self.host.items), np.uint8)
        mask[self.selection] = 1
        return np.packbits(mask, bitorder="little").tobytes()

    def _color_changed(self, change: dict[str, Any]) -> None:
        self.set_trait("shown", None)                                    # other colours have other groups
        self._outdated()

    def _selection_changed(self, change: dict[str, Any]) -> None:
        self._outdated()
        if self._origin is None or self.n_views > 1:
            self.notify("selection", {"origin": self._origin}, [self._selected_bits()])

    def _outdated(self) -> None:
        """What a view would draw at once is not what holds now."""
        if self.first:
            self.first = {}

    def _colouring(self, by: str) -> Colouring:
        if by in self._coloured:
            return self._coloured[by]
        made = colouring(by, self.host, self._proposal, self._columns, self._xy)
        if by not in COLOURINGS:
            self._coloured[by] = made                                    # a column changes by `set_column` alone
        return made

    def _codes(self, by: str) -> tuple[dict[str, Any], bytes]:
        """What the codes mean, and the codes; from now on the notice `labels` brings what changes."""
        now = self._colouring(by)
        if by == "label":
            self._sent_codes = label_codes(self.host.labels)
        return now.about, now.codes.tobytes()


def _check_color(color: str, proposal: Proposal | None, columns: Mapping[str, Any]) -> None:
    if color not in COLOURINGS and color not in columns:
        raise ValueError(f"color: got {color!r}, expected one of {(*COLOURINGS, *columns)}")
    if color in COLOURINGS[1:] and proposal is None:
        raise ValueError(f"color={color!r} needs a proposal: give proposal=, or color='label'")


def _fitting(proposal: Proposal, host: Any) -> None:
    if len(proposal) != len(host.items):
        raise ValueError(f"proposal: got {len(proposal)} items, the map has {len(host.items)}; run the method again on these items")
    strange = [name for name in proposal.classes if name not in host.classes]
    if strange:
        raise ValueError(f"proposal: its classes {strange[:5]} are not among {list(host.classes.names)[:10]}; add them first")
