"""ReviewGrid: a page of items with a class filled in; the person presses only on the wrong ones. Triage builds on it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.highlights import WORDED
from labelnb.labels import Label
from labelnb.plants import draw_plants
from labelnb.results import Proposal, Ranking
from labelnb.selection import positions_of
from labelnb.widgets.answers import decide
from labelnb.widgets.panel import Answer, Panel, bundle, label_value
from labelnb.widgets.review_checks import Pages
from labelnb.widgets.review_pages import ORDERS, Filled, disagreement, grouped, ordered
from labelnb.widgets.review_standing import Standing

__all__ = ["ReviewGrid"]

REASON_LIMIT = 400
PAGE_LIMIT = 200
FIRST_SIZE = 24


class ReviewGrid(Panel):
    """Items one page at a time, each with the class that a result proposes; wrong ones are corrected by key, and the page is accepted.

    Parameters
    ----------
    host : the session
    result : a Proposal, whose predictions are filled in; a Ranking, whose items come in its order with the reason of each; or None, to
        label from nothing
    order : `confidence` (surest first), `doubt` (least sure first), `class`, `disagreement` (with `others`), `region` (neighbours on the
        map together), `position`, or `flagged` (a Ranking only; its default)
    page_size : items a page, 1 to 200; `"auto"` begins with 24 and follows the catch rate, which needs `checks`
    only : ids or positions to review; all by default
    unreviewed : begin with what no person has decided yet; False shows all items
    checks : share of planted items, 0 to 0.5: items whose class is known already, shown with a wrong one, to measure how many errors the
        person catches. The person is told; the answers on them are kept as such, and never become labels.
    known : mapping of item to class for the planted ones; by default what people have decided
    others : more Proposals, for the order `disagreement`
    regions : (N, 2) places on a map, or (N,) a cluster of each item, for the order `region`; the session's map by default
    overlap : share of the items that are shown to this person although another one decided them, without what that one said
    audit : an `Audit` whose sample is checked here; nothing is filled in, and the certificate stands in the head

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
    marked = traitlets.Bool(True).tag(sync=True)
    """Mark the words of a text that speak for the class that it shows; see `labelnb.highlights`."""
    listing = traitlets.Int(0).tag(sync=True)
    """Goes up whenever order and filters are applied anew."""

    def __init__(
        self, host: Any, result: Proposal | Ranking | None = None, *, order: str | None = None, page_size: int | str = FIRST_SIZE,
        only: Any = None, unreviewed: bool = True, checks: float = 0.0, known: Any = None, others: Sequence[Proposal] = (),
        regions: Any = None, overlap: float = 0.0, audit: Any = None, **config: Any,
    ) -> None:
        _check(result, page_size, checks, others, len(host.items))
        self.result, self.audit = result, audit
        self.share_planted, self.shows_evidence = float(checks), not checks
        self._known, self._others, self._regions = known, tuple(others), regions
        only = audit.positions if audit is not None else only
        within = np.arange(len(host.items)) if only is None else np.unique(positions_of(host.items, only))
        self._within, self._at = within, Standing(host, result, within, overlap=overlap, audit=audit)
        self._adapts = page_size == "auto"
        self._pages = Pages(0, FIRST_SIZE if self._adapts else int(page_size))
        start = order or _first_order(result, audit)
        self.host = host
        self._ordered = self._listed = self._in_order(start)
        orders = {name: title for name, title in ORDERS.items() if self._offers(name)}
        super().__init__(
            host, title=_title(result, audit), orders=orders, multi=host.classes.multi, planted=self.share_planted > 0,
            blind=audit is not None, none=_nothing(result, audit), words=audit is None and host.items.modality in WORDED,
            warnings=[*(result.warnings if result is not None else ()), *_unknown(self._at.own_filled)], **config,
        )
        self.order, self.unreviewed = start, bool(unreviewed)
        self.refresh()
        self.observe(self._reorder, "order")
        self.observe(self._refilter, ["shown_class", "unreviewed"])
        self.observe(self._turned, "page")
        self.first = self.first_view()

    # The Python side of everything a person can do -----------------------------------------------------------------------

    @property
    def pages(self) -> int:
        """Number of pages as the review is filtered now."""
        return len(self._pages)

    @property
    def page_size(self) -> int:
        """Items on the pages to come."""
        return self._pages.size

    @property
    def quality(self) -> dict[str, Any]:
        """How the review goes: `seen` and `corrected` items, `proposal_right` (share of the proposal that was), `planted` and `caught`
        errors, `catch_rate` with exact 95% limits `catch_low` and `catch_high`, `labels_right` (expected share of right labels; at
        `catch_low`: `labels_right_low`), `per_minute`; None where there is too little to say."""
        return self._at.quality()

    @property
    def positions(self) -> np.ndarray:
        """(n,) int64 positions on the page in view, as they are arranged there."""
        return self._arranged(self.page)[0]

    @property
    def shown(self) -> list[str | None]:
        """(n,) the class that each item of the page shows, filled in or kept; None where it shows none, or an answer of another kind."""
        names = self.host.classes.names
        return [names[k] if k >= 0 else None for k in self._at.values()[self.positions].tolist()]

    @property
    def counts(self) -> dict[str, Any]:
        """`reviewed`, `total`, `left`, and `labels`: number of labels a class."""
        done = self._at.done()
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
        left = positions[~self._at.reviewed()[positions] & (self._at.values()[positions] >= 0)]
        if len(left):
            names = self.host.classes.names
            self._decide(left, [names[k] for k in self._at.values()[left]])
        return len(left)

    def refresh(self) -> None:
        """Apply order and filters anew, to the labels as they stand now, and turn to the first page."""
        inside = np.zeros(len(self._ordered), bool)
        inside[self._within] = True
        self._at.checks.begin(None, ())
        if self.shown_class:
            inside &= self._at.values() == self.host.classes.position(self.shown_class)
        if self.unreviewed:
            inside &= ~self._at.reviewed()
        self._listed = self._with_plants(self._ordered[inside[self._ordered]])
        self._pages = Pages(len(self._listed), self.page_size)
        self.page = 0
        self.listing += 1

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side."""
        if list(self.host.classes.names) != self.state.get("classes"):
            self._at.fill()
        super().host_changed()

    def static_bundle(self) -> dict[str, Any]:
        """What a saved notebook shows: the result; of an audit its certificate."""
        from labelnb.widgets.static_view import mimebundle

        return mimebundle(self.audit.certificate(self.audit.target)) if self.audit is not None else super().static_bundle()

    def first_view(self) -> dict[str, Any]:
        """The page in view, and its texts; pictures, which take time to make, follow when they are asked for."""
        page = self._page(self.page)
        pictures = self.host.items.modality in ("image", "audio", "clip")
        items = [] if pictures else [self._item(position, 0)[0] for position in self.positions[:FIRST_SIZE].tolist()]
        return {"page": page, "items": items, "revision": self._revision, "listing": self.listing}

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
        if "marked" in message:
            self.marked = bool(message["marked"])
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
        before = self._at.prints()
        redo = bool(message.get("redo"))
        step = self._at.checks.back(redo)
        n = int(step is not None and not step[0])
        if step is None or step[0]:
            n = int((self.host.redo_decision if redo else self.host.undo_decision)(1))
        if step is not None and step[1]:
            self._keep_checks(list(step[1]))
        if n == 0:
            return {"refused": "nothing to redo" if redo else "nothing to undo"}
        changed = np.flatnonzero(np.logical_or(*(old != new for old, new in zip(before, self._at.prints(), strict=True))))
        where = np.flatnonzero(np.isin(self._listed, changed))
        page = self._pages.page_of(int(where[0])) if len(where) else None
        return {"n": n, "changed": changed[:PAGE_LIMIT].tolist(), "n_changed": len(changed), "page": page, **self._progress()}

    # Private -------------------------------------------------------------------------------------------------------------

    def _decide(self, positions: np.ndarray, value: Any) -> None:
        """Planted items take their answer to the checks, the others to the journal as labels; one step to undo."""
        checks = self._at.checks
        planted = checks.split(positions)
        each = value if isinstance(value, list) else [value] * len(positions)
        classes = self.host.classes
        given = {int(p): Label.of(one, classes) for p, one, is_planted in zip(positions, each, planted, strict=True) if is_planted}
        if not planted.all():
            own = [one for one, is_planted in zip(each, planted, strict=True) if not is_planted] if isinstance(value, list) else value
            decide(self.host, self.result, self._at.own_filled, positions[~planted], own)
            self._at.decided_here[positions[~planted]] = True
        checks.take(given, decided=not bool(planted.all()))
        checks.worked(len(positions))
        if given:
            self._keep_checks(list(given))
            self.host_changed()

    def _keep_checks(self, positions: list[int]) -> None:
        known = self._at.known_for_certain(self._known)
        entries = self._at.checks.details(self.host.items.ids, self.host.classes.names, known, positions)
        caught = sum(bool(entry.get("caught")) for entry in entries)
        self.host.remark(f"{caught} of {len(entries)} planted errors caught", {"planted": entries})

    def _with_plants(self, listed: np.ndarray) -> np.ndarray:
        """The list with planted items in it; only while what was reviewed before is left out, so that none stands there twice."""
        if not self.share_planted or not self.unreviewed or not len(listed):
            return listed
        known = self._at.known_for_certain(self._known)
        own = self._at.own_filled
        plants = draw_plants(
            listed, own.values, own.confidence, known, len(self.host.classes), share=self.share_planted,
            seed=int(getattr(self.host, "seed", 0)) + self.listing, used=self.host.planted_before(),
        )
        self._at.checks.begin(plants, self.host.classes.names)
        return np.insert(listed, plants.places, plants.positions)

    def _progress(self) -> dict[str, Any]:
        return {"progress": {"reviewed": self._at.done(), "total": len(self._within)}, "quality": self.quality}

    def _arranged(self, number: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        return grouped(self._listed[self._pages.span(number)], self._at.filled, self.order)

    def _page(self, number: int) -> dict[str, Any]:
        positions, groups = self._arranged(number)
        filled, reviewed, hidden = self._at.filled, self._at.reviewed(), self._at.hidden()
        items = []
        for position in positions.tolist():
            sure = float(filled.confidence[position])
            items.append({
                "position": position, "filled": int(filled.values[position]), "confidence": None if np.isnan(sure) else sure,
                "suggested": int(filled.suggested[position]),
                **_of_ranking(self.result, position),
                "label": self._at.label(position, bool(hidden[position])),
                "reviewed": bool(reviewed[position]),
            })
        return {"number": number, "pages": self.pages, "total": len(self._listed), "items": items, "groups": groups, **self._progress()}

    def _offers(self, order: str) -> bool:
        if order in ("flagged", "drawn"):
            return isinstance(self.result, Ranking) if order == "flagged" else self.audit is not None
        if order == "disagreement":
            return bool(self._others)
        if order == "region":
            return self._regions is not None or getattr(self.host, "has_map", False)
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
        self._ordered = self._in_order(self.order)
        self.refresh()

    def _in_order(self, order: str) -> np.ndarray:
        differing = xy = None
        if order == "disagreement" and self._others and isinstance(self.result, Proposal):
            differing = disagreement(self.result, self._others, self.host.classes.names)
        if order == "region":
            xy = np.asarray(self._regions if self._regions is not None else self.host.map_places())
        drawn = None if self.audit is None else self.audit.positions
        return ordered(order, self._at.own_filled, self.result, differing=differing, xy=xy, drawn=drawn)

    def _turned(self, change: Any) -> None:
        """Later pages follow the catch rate; the next one may be on its way to the browser already, and stays as it is."""
        if self._adapts and change["new"] > change["old"]:
            self._pages.resize(self._at.checks.page_size(self.page_size), after=self.page)

    def _refilter(self, change: Any) -> None:
        self.refresh()


def _check(result: Any, page_size: Any, checks: float, others: Sequence[Proposal], count: int) -> None:
    if result is not None and not isinstance(result, Proposal | Ranking):
        raise TypeError(f"result: got {type(result).__name__}, expected a Proposal, a Ranking or None")
    if page_size != "auto" and not 1 <= int(page_size) <= PAGE_LIMIT:
        raise ValueError(f"page_size: got {page_size}, expected 1 to {PAGE_LIMIT} items a page, or 'auto'")
    if not 0 <= checks <= 0.5:
        raise ValueError(f"checks: got {checks}, expected a share from 0 to 0.5 of planted items; 0.1 plants one in ten")
    if checks and not isinstance(result, Proposal):
        raise ValueError("checks: planted errors need a Proposal to stand among; review a result of a method")
    strange = [len(other) for other in others if not isinstance(other, Proposal) or len(other) != count]
    if strange:
        raise ValueError(f"others: got results over {strange} items, expected Proposals over these {count}")


def _of_ranking(result: Any, position: int) -> dict[str, Any]:
    if not isinstance(result, Ranking):
        return {"reason": "", "flagged": False, "score": None}
    score = float(result.scores[position])
    reason = str(result.reasons[position])[:REASON_LIMIT]
    return {"reason": reason, "flagged": bool(result.flagged[position]), "score": float(f"{score:.3g}") if np.isfinite(score) else None}


def _first_order(result: Proposal | Ranking | None, audit: Any) -> str:
    if audit is not None:
        return "drawn"
    return "flagged" if isinstance(result, Ranking) else "confidence" if isinstance(result, Proposal) else "position"


def _nothing(result: Proposal | Ranking | None, audit: Any) -> str:
    """What an item shows that shows no class."""
    return "not checked" if audit is not None else "no proposal" if isinstance(result, Proposal) else "no label"


def _title(result: Proposal | Ranking | None, audit: Any = None) -> str:
    if audit is not None:
        return f"Audit of {audit.about}"
    name = "Triage" if isinstance(result, Ranking) else "Review"
    made = result.provenance if result is not None else None
    return f"{name} of {made.method}" if made is not None else name


def _unknown(filled: Filled) -> list[str]:
    names = ", ".join(filled.missing[:5])
    return [f"Proposed for some items, but not among the classes: {names}. Nothing is filled in there."] if filled.missing else []
