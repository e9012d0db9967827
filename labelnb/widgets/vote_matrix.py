"""VoteMatrix: items as rows, sources as columns; where sources differ, how much each covers, and how right it is on known items."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.results import Votes
from labelnb.selection import positions_of as positions_in
from labelnb.widgets.panel import Answer, Panel, bundle, label_codes
from labelnb.widgets.vote_rows import FILTERS, Tally

__all__ = ["VoteMatrix"]

BLOCK = 400
"""Rows in one answer at most."""


class VoteMatrix(Panel):
    """The votes of several sources on every item.

    Parameters
    ----------
    host : the session
    result : Votes over its items: labelling functions, models, people, language models
    filter : `all`, `conflict` (sources differ), `single` (one vote only), `none`, `unlabelled`, or `against` (with `source`: it votes
        against the label, or against the majority where there is none)
    sort : `position`, or `conflict` (the most divided first)
    source : a source's name or number, for the filter `against`

    Notes
    -----
    A source's accuracy is measured on items that a person has labelled, with exact 95% limits; it grows as rows are labelled here.
    Classes are matched by name, so that votes on a class that the session lacks count as none.

    Examples
    --------
    >>> matrix = votes.widget(filter="conflict")         # doctest: +SKIP
    >>> matrix.table[0]["accuracy"], matrix.rows[:3]      # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("vote_matrix")).tag(sync=True)

    filter = traitlets.Enum(list(FILTERS), "all").tag(sync=True)
    """Which items are rows; assign to change it."""
    sort = traitlets.Enum(["position", "conflict"], "position").tag(sync=True)
    """Their order."""
    source = traitlets.Int(-1).tag(sync=True)
    """The source that the filter `against` is about."""
    listing = traitlets.Int(0).tag(sync=True)
    """Goes up whenever the rows are chosen anew."""

    def __init__(self, host: Any, result: Votes, *, filter: str = "all", sort: str = "position", source: str | int = -1) -> None:
        if not isinstance(result, Votes):
            raise TypeError(f"result: got {type(result).__name__}, expected Votes")
        if len(result) != len(host.items):
            raise ValueError(f"result: got votes on {len(result)} items, the session has {len(host.items)}; collect them again")
        self.result = result
        self.host = host
        self._coded: tuple[Any, np.ndarray] | None = None
        self._match()
        super().__init__(host, title="Votes", sources=list(result.sources), filters=FILTERS, warnings=list(result.warnings))
        self.sort = sort
        self.show(filter, source)
        self.observe(lambda change: self.refresh(), ["filter", "sort", "source"])

    # From Python ----------------------------------------------------------------------------------------------------------

    @property
    def votes(self) -> np.ndarray:
        """(N, M) votes as positions among the session's classes."""
        return self._tally.votes

    @property
    def table(self) -> list[dict[str, Any]]:
        """One row a source: coverage, overlap, conflict, and its accuracy on known items with exact limits."""
        return self._tally.table(self._known(), self.result.sources)

    @property
    def rows(self) -> np.ndarray:
        """(n,) int64 positions of the items in view, in order."""
        return self._rows

    def show(self, filter: str, source: str | int = -1) -> None:
        """Choose a filter; `against` needs a source. ValueError where there is no such filter or source."""
        names = list(self.result.sources)
        number = names.index(source) if isinstance(source, str) and source in names else source
        if filter not in FILTERS or not isinstance(number, int) or not -1 <= number < len(names) or (filter == "against" and number < 0):
            raise ValueError(f"got filter {filter!r} and source {source!r}; expected one of {list(FILTERS)}, 'against' with one of {names}")
        with self.hold_trait_notifications():
            self.filter, self.source = filter, number
        self.refresh()

    def set(self, item: str | int, value: Any) -> None:
        """Decide one item, by id or position; `value` as in `Session.label`."""
        self.host.decide(positions_in(self.host.items, item), value)

    def refresh(self) -> None:
        """Choose the rows anew, by the labels as they stand now."""
        rows = np.flatnonzero(self._tally.chosen(self._known(), self.filter, self.source))
        if self.sort == "conflict":
            rows = rows[np.argsort(-self._tally.division[rows], kind="stable")]
        self._rows = rows.astype(np.int64)
        self.listing += 1

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side. Rows stay where they are until they are chosen anew."""
        if list(self.host.classes.names) != self.state.get("classes"):
            self._match()
        super().host_changed()

    # What the front end asks ---------------------------------------------------------------------------------------------

    def on_rows(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Rows from `start`: positions u32, votes i16 (count, M), label codes i16."""
        start = max(int(message.get("start", 0)), 0)
        rows = self._rows[start: start + min(int(message.get("count", 100)), BLOCK)]
        parts = [rows.astype("<u4"), self.votes[rows].astype("<i2"), self._codes()[rows].astype("<i2")]
        return {"start": start, "total": len(self._rows), "listing": self.listing}, [part.tobytes() for part in parts]

    def on_sources(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """The table of the sources, and of all: share covered and in conflict."""
        given, split = self._tally.given, self._tally.division
        count = max(len(given), 1)
        return {"table": self.table, "covered": float((given > 0).sum() / count), "divided": float((split > 0).sum() / count)}

    def on_show(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Another filter or order."""
        if "sort" in message:
            self.sort = str(message["sort"])
        self.show(str(message.get("filter", self.filter)), int(message.get("source", self.source)))
        return {"total": len(self._rows)}

    # Inside ---------------------------------------------------------------------------------------------------------------

    def _match(self) -> None:
        names = self.host.classes.names
        places = {name: k for k, name in enumerate(names)}
        voted = self.result.classes or names
        table = np.array([*(places.get(name, -1) for name in voted), -1], np.min_scalar_type(-1 - len(names)))
        votes = np.asarray(self.result.votes)
        self._tally = Tally(table[np.where(votes < len(voted), votes, -1)])

    def _codes(self) -> np.ndarray:
        labels = self.host.labels
        if self._coded is None or self._coded[0] is not labels:
            self._coded = (labels, label_codes(labels))
        return self._coded[1]

    def _known(self) -> np.ndarray:
        labels = self.host.labels
        return np.where(np.asarray(labels.by_person, bool), labels.values, -1)
