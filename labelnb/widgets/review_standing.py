"""How the items of a review stand: what is filled in, what is hidden so that an answer is one's own, and what counts as reviewed."""
from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from labelnb.results import Proposal, Ranking
from labelnb.widgets.answers import as_json, label_json
from labelnb.widgets.review_checks import ReviewChecks
from labelnb.widgets.review_pages import Filled, fill_in

__all__ = ["Standing", "overlapping"]


class Standing:
    """The items of one review, over the host's labels as they are at the moment of asking."""

    def __init__(
        self, host: Any, result: Proposal | Ranking | None, within: np.ndarray, *, overlap: float = 0.0, audit: Any = None,
    ) -> None:
        self.host, self.result, self.within, self.audit = host, result, within, audit
        self.checks = ReviewChecks()
        self.decided_here = np.zeros(len(host.items), bool)
        self._before = host.labels.values.copy() if isinstance(result, Ranking) else None
        self._again = overlapping(host.items.ids, overlap)
        self._mine: tuple[Any, np.ndarray] | None = None
        self.fill()

    def fill(self) -> None:
        """Match what is filled in with the classes as they are now."""
        known = self._before if self._before is not None else np.full(len(self.host.items), -1, np.int64)
        self._filled = fill_in(self.result, known, self.host.classes.names)

    @property
    def filled(self) -> Filled:
        """What is filled in, planted items included."""
        return self.checks.filled(self._filled, self.host.classes.names)

    @property
    def own_filled(self) -> Filled:
        """What the result fills in."""
        return self._filled

    def values(self) -> np.ndarray:
        """(N,) the class each item shows: its label, else what is filled in; -1 where neither is one class."""
        labels = self.host.labels
        return np.where(np.asarray(labels.known, bool) & ~self.hidden(), labels.values, self.filled.values)

    def done(self) -> int:
        """How many of the items in the review are reviewed; what is planted among them counts as it did before."""
        return int(self._decided()[self.within].sum())

    def reviewed(self) -> np.ndarray:
        """(N,) bool: a person has decided it, as this review counts; a planted item when it was answered."""
        decided = self._decided()
        for position in self.checks.wrong:
            decided[position] = position in self.checks.answers
        return decided

    def _decided(self) -> np.ndarray:
        labels = self.host.labels
        decided = np.asarray(labels.by_person, bool) & np.asarray(labels.known, bool)
        made = self.result.provenance if self.result is not None else None
        if isinstance(self.result, Ranking) and (made is None or not made.when):
            decided = decided & self.decided_here
        elif isinstance(self.result, Ranking) and made is not None:
            decided = decided & (labels.when > np.datetime64(made.when.replace("Z", "").split("+")[0], "us"))
        return decided & ~self._blind()

    def hidden(self) -> np.ndarray:
        """(N,) bool: the label that there is must not be seen: a planted item's, an audited one's, one that another person gave blind."""
        hidden = self._blind()
        if self.checks.wrong:
            hidden = hidden.copy()
            hidden[list(self.checks.wrong)] = True
        return hidden

    def seen(self) -> np.ndarray:
        """(n,) items with a class filled in that were decided in this review, planted ones left out."""
        inside = np.zeros(len(self.decided_here), bool)
        inside[self.within] = True
        inside[list(self.checks.wrong)] = False
        return np.flatnonzero(inside & self.decided_here & self.reviewed() & (self._filled.values >= 0))

    def label(self, position: int, hidden: bool) -> dict[str, Any] | None:
        """The label that an item shows, as the front end reads it."""
        if hidden:
            return as_json(self.checks.answers.get(position))
        return label_json(self.host.labels, position)

    def quality(self) -> dict[str, Any]:
        """How many were corrected and caught, how fast, and what the labels are worth; with an audit, its certificate."""
        said = self.checks.quality(self._filled, self.host.labels, self.seen())
        if self.audit is not None:
            said["certificate"] = self.audit.summary()
        return said

    def prints(self) -> tuple[np.ndarray, np.ndarray]:
        """What tells one state of the labels from another: the class of each item, and in words the answers that are not one class."""
        labels = self.host.labels
        values = np.asarray(labels.values).copy()
        words = np.full(len(values), "", dtype=object)
        for position in np.flatnonzero(np.asarray(labels.known, bool) & (values < 0)).tolist():
            words[position] = str(labels.label(position))
        for position, label in self.checks.answers.items():
            words[position] = f"planted: {label}"
        return np.where(self.reviewed(), values, values - 10**9), words

    def known_for_certain(self, given: Any) -> np.ndarray:
        """(N,) classes that may be planted against: those given (a mapping of item to class), else what people have decided; -1 else."""
        names = self.host.classes.names
        if given is None:
            labels = self.host.labels
            return np.where(np.asarray(labels.by_person, bool), labels.values, -1)
        known = np.full(len(self.host.items), -1, np.int64)
        places = {name: k for k, name in enumerate(names)}
        for item, name in dict(given).items():
            if name not in places:
                raise ValueError(f"known: {item!r} has the class {name!r}, expected one of {list(names)[:10]}")
            known[self.host.positions([item])] = places[name]
        return known

    def _blind(self) -> np.ndarray:
        """(N,) bool: has a label that this person must not see before they have answered themselves."""
        labels = self.host.labels
        blind = np.zeros(len(self.decided_here), bool)
        if self.audit is not None:
            blind[self.within] = ~(np.asarray(labels.by_person, bool) & (labels.event > self.audit.event))[self.within]
        elif self._again.any():
            if self._mine is None or self._mine[0] is not labels:
                self._mine = (labels, self.host.answered(self.host.who))
            blind = self._again & np.asarray(labels.by_person, bool) & np.asarray(labels.known, bool) & ~self._mine[1]
        return blind


def overlapping(ids: np.ndarray, share: float) -> np.ndarray:
    """(N,) bool: the items that several people see, a share chosen by the ids themselves, so that it is the same for everyone."""
    if not 0 <= share <= 1:
        raise ValueError(f"overlap: got {share}, expected a share from 0 to 1")
    if not share:
        return np.zeros(len(ids), bool)
    marks = [int.from_bytes(hashlib.blake2b(str(name).encode(), digest_size=4).digest(), "big") for name in ids.tolist()]
    return np.array(marks, np.float64) < share * 2**32
