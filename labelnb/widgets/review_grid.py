"""ReviewGrid: a page of items with a class filled in; the person presses only on the wrong ones. Also the view of a Ranking (triage)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.results import Proposal, Ranking
from labelnb.selection import positions_of
from labelnb.widgets.answers import decide, label_json
from labelnb.widgets.panel import Answer, Panel, bundle, label_value
from labelnb.widgets.review_pages import ORDERS, Filled, fill_in, grouped, ordered

__all__ = ["ReviewGrid"]

REASON_LIMIT = 400
PAGE_LIMIT = 200


class ReviewGrid(Panel):
    """Items one page at a time, each with the class that a result proposes; wrong ones are corrected by key, and the page is accepted.

    Parameters
    ----------
    host : the session
    result : a Proposal, whose predictions are filled in; a Ranking, whose items come in its order with the reason of each; or None, to
        label from nothing
    order : `confidence` (surest first), `doubt` (least sure first), `class`, `position`, or `flagged` (a Ranking only; its default)
    page_size : items a page, 1 to 200
    only : ids or positions to review; all by default
    unreviewed : begin with what no person has decided yet; False shows all items

    Notes
    -----
    The journal is the state: a decision is on disk before the grid shows it as kept, and running the cell again shows all of them. An item
    counts as reviewed once a person has decided it; in a Ranking, which questions labels, once a person has done so after it was made.
    A page's items stay where they are while it is worked on: filters are applied when they are chosen, and by `refresh()`.

    Examples
    --------
    >>> grid = s.review(s.propagation.zlap())            # doctest: +SKIP
    >>> grid.go(3); grid.accept_page(); grid.counts      # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("review_grid")).tag(sync=True)

    page = traitlets.Int(0).tag(sync=True)
    """The page in view, from 0; assign to turn it."""
    order = traitlets.Unicode("confidence").tag(sync=True)
    """Order of the items; assign to change it."""
    shown_class = traitlets.Unicode("").tag(sync=True)
    """Only items that show this class; empty for all."""
    unreviewed = traitlets.Bool(True).tag(sync=True)
    """Only items that no person has decided: what was done before is left out, until it is asked for."""
    listing = traitlets.Int(0).tag(sync=True)
    """Goes up whenever order and filters are applied anew."""

    def __init__(
        self, host: Any, result: Proposal | Ranking | None = None, *, order: str | None = None, page_size: int = 24, only: Any = None,
        unreviewed: bool = True,
    ) -> None:
        if result is not None and not isinstance(result, Proposal | Ranking):
            raise TypeError(f"result: got {type(result).__name__}, expected a Proposal, a Ranking or None")
        if not 1 <= int(page_size) <= PAGE_LIMIT:
            raise ValueError(f"page_size: got {page_size}, expected 1 to {PAGE_LIMIT} items a page")
        self.result = result
        self.page_size = int(page_size)
        count = len(host.items)
        self._within = np.arange(count) if only is None else np.unique(positions_of(host.items, only))
        self._before = host.labels.values.copy() if isinstance(result, Ranking) else None
        self._filled_for(host)
        self._decided_here = np.zeros(count, bool)
        start = order or ("flagged" if isinstance(result, Ranking) else "confidence" if isinstance(result, Proposal) else "position")
        self._ordered = ordered(start, self._filled, result)
        self._listed = self._ordered
        orders = {name: title for name, title in ORDERS.items() if self._offers(name)}
        super().__init__(
            host, title=_title(result), orders=orders, page_size=self.page_size, multi=host.classes.multi,
            warnings=[*(result.warnings if result is not None else ()), *_unknown(self._filled)],
        )
        self.order, self.unreviewed = start, bool(unreviewed)
        self.refresh()
        self.observe(self._reorder, "order")
        self.observe(self._refilter, ["shown_class", "unreviewed"])

    # The Python side of everything a person can do -----------------------------------------------------------------------

    @property
    def pages(self) -> int:
        """Number of pages as the review is filtered now."""
        return -(-len(self._listed) // self.page_size)

    @property
    def positions(self) -> np.ndarray:
        """(n,) int64 positions on the page in view, as they are arranged there."""
        return self._arranged(self.page)[0]

    @property
    def counts(self) -> dict[str, Any]:
        """`reviewed`, `total`, `left`, and `labels`: number of labels a class."""
        done = int(self._reviewed()[self._within].sum())
        labels = dict(zip(self.state["classes"], self.state["counts"], strict=True))
        return {"reviewed": done, "total": len(self._within), "left": len(self._within) - done, "labels": labels}

    def go(self, page: int) -> None:
        """Turn to a page; negative numbers count from the last. IndexError if there is none."""
        wanted = int(page) + self.pages if page < 0 else int(page)
        if not 0 <= wanted < max(self.pages, 1):
            raise IndexError(f"page {page}: there are {self.pages}, from 0 to {self.pages - 1}")
        self.page = wanted

    def set(self, item: str | int, value: Any) -> None:
        """Decide one item, by id or position. `value` as in `Session.label`: a class, `not_("cat")`, `UNSURE`, None to clear."""
        self._decide(positions_of(self.host.items, item), value)

    def accept_page(self) -> int:
        """Accept what is filled in for the items of this page that no person has decided; returns how many."""
        positions = self.positions
        left = positions[~self._reviewed()[positions] & (self._standing()[positions] >= 0)]
        if len(left):
            names = self.host.classes.names
            self._decide(left, [names[k] for k in self._standing()[left]])
        return len(left)

    def refresh(self) -> None:
        """Apply order and filters anew, to the labels as they stand now, and turn to the first page."""
        inside = np.zeros(len(self._ordered), bool)
        inside[self._within] = True
        if self.shown_class:
            inside &= self._standing() == self.host.classes.position(self.shown_class)
        if self.unreviewed:
            inside &= ~self._reviewed()
        self._listed = self._ordered[inside[self._ordered]]
        self.page = 0
        self.listing += 1

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side."""
        if list(self.host.classes.names) != self.state.get("classes"):
            self._filled_for(self.host)
        super().host_changed()

    # What the front end asks ---------------------------------------------------------------------------------------------

    def on_page(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """One page by number: its items, groups and how far the review is."""
        return self._page(int(message.get("number", self.page)))

    def on_turn(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Turn to a page, or change order and filters; the page that is then in view comes back."""
        if "order" in message:
            self.order = str(message["order"])
        with self.hold_trait_notifications():
            if "shown_class" in message:
                self.shown_class = str(message["shown_class"])
            if "unreviewed" in message:
                self.unreviewed = bool(message["unreviewed"])
        if message.get("refresh"):
            self.refresh()
        if "page" in message:
            self.page = int(np.clip(int(message["page"]), 0, max(self.pages - 1, 0)))
        return self._page(self.page)

    def on_answer(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """A person's answer: `value` for all positions, or `values`, one a position. Durable when answered."""
        positions = positions_of(self.host.items, message["positions"])
        made = [label_value(one) for one in message["values"]] if "values" in message else label_value(message.get("value"))
        self._decide(positions, made)
        return {"n": len(positions), **self._progress()}

    def on_take_back(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Undo or redo (`redo: true`) the last decision; says which items changed, and on which page the first of them is."""
        before = self._prints()
        redo = bool(message.get("redo"))
        n = int((self.host.redo_decision if redo else self.host.undo_decision)(1))
        if n == 0:
            return {"refused": "nothing to redo" if redo else "nothing to undo"}
        changed = np.flatnonzero(np.logical_or(*(old != new for old, new in zip(before, self._prints(), strict=True))))
        where = np.flatnonzero(np.isin(self._listed, changed))
        page = int(where[0]) // self.page_size if len(where) else None
        return {"n": n, "changed": changed[:PAGE_LIMIT].tolist(), "n_changed": len(changed), "page": page, **self._progress()}

    # Private -------------------------------------------------------------------------------------------------------------

    def _decide(self, positions: np.ndarray, value: Any) -> None:
        self._decided_here[positions] = True
        decide(self.host, self.result, self._filled, positions, value)

    def _filled_for(self, host: Any) -> None:
        known = self._before if self._before is not None else np.full(len(host.items), -1, np.int64)
        self._filled = fill_in(self.result, known, host.classes.names)

    def _standing(self) -> np.ndarray:
        """(N,) the class each item shows: its label, else what is filled in; -1 where neither is one class."""
        labels = self.host.labels
        return np.where(np.asarray(labels.known, bool), labels.values, self._filled.values)

    def _reviewed(self) -> np.ndarray:
        labels = self.host.labels
        decided = np.asarray(labels.by_person, bool) & np.asarray(labels.known, bool)
        if not isinstance(self.result, Ranking):
            return decided
        made = self.result.provenance
        if made is None or not made.when:
            return decided & self._decided_here
        return decided & (labels.when > np.datetime64(made.when.replace("Z", "").split("+")[0], "us"))

    def _prints(self) -> tuple[np.ndarray, np.ndarray]:
        """What tells one state of the labels from another: the class of each item, and in words the answers that are not one class."""
        labels = self.host.labels
        values = np.asarray(labels.values).copy()
        words = np.full(len(values), "", dtype=object)
        for position in np.flatnonzero(np.asarray(labels.known, bool) & (values < 0)).tolist():
            words[position] = str(labels.label(position))
        return np.where(self._reviewed(), values, values - 10**9), words

    def _progress(self) -> dict[str, Any]:
        return {"progress": {"reviewed": int(self._reviewed()[self._within].sum()), "total": len(self._within)}}

    def _arranged(self, number: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        start = number * self.page_size
        return grouped(self._listed[start: start + self.page_size], self._filled, self.order)

    def _page(self, number: int) -> dict[str, Any]:
        positions, groups = self._arranged(number)
        labels, reviewed = self.host.labels, self._reviewed()
        reasons = self.result.reasons if isinstance(self.result, Ranking) else None
        items = []
        for position in positions.tolist():
            sure = float(self._filled.confidence[position])
            items.append({
                "position": position, "filled": int(self._filled.values[position]), "confidence": None if np.isnan(sure) else sure,
                "suggested": int(self._filled.suggested[position]), "reason": str(reasons[position])[:REASON_LIMIT] if reasons else "",
                "flagged": bool(self.result.flagged[position]) if isinstance(self.result, Ranking) else False,
                "label": label_json(labels, position),
                "reviewed": bool(reviewed[position]),
            })
        return {"number": number, "pages": self.pages, "total": len(self._listed), "items": items, "groups": groups, **self._progress()}

    def _offers(self, order: str) -> bool:
        if order == "flagged":
            return isinstance(self.result, Ranking)
        return isinstance(self.result, Proposal) or order == "position" or (order == "class" and isinstance(self.result, Ranking))

    @traitlets.validate("order")
    def _check_order(self, proposal: Any) -> str:
        if proposal.value not in ORDERS or not self._offers(proposal.value):
            offered = [name for name in ORDERS if self._offers(name)]
            raise ValueError(f"order: got {proposal.value!r}, expected one of {offered}")
        return str(proposal.value)

    @traitlets.validate("page")
    def _check_page(self, proposal: Any) -> int:
        return int(np.clip(proposal.value, 0, max(self.pages - 1, 0)))

    def _reorder(self, change: Any) -> None:
        self._ordered = ordered(self.order, self._filled, self.result)
        self.refresh()

    def _refilter(self, change: Any) -> None:
        self.refresh()


def _title(result: Proposal | Ranking | None) -> str:
    name = "Triage" if isinstance(result, Ranking) else "Review"
    made = result.provenance if result is not None else None
    return f"{name} of {made.method}" if made is not None else name


def _unknown(filled: Filled) -> list[str]:
    names = ", ".join(filled.missing[:5])
    return [f"Proposed for some items, but not among the classes: {names}. Nothing is filled in there."] if filled.missing else []
