"""Names proposed for clusters: the label that most of their labelled items have, else the class whose name the items are nearest to."""
from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["NameScores"]

ROOM = 20_000_000
"""Scores kept at most, items times classes; beyond that no names are proposed by text."""
AT_ONCE = 12
"""Class names searched for in one go, so that the kernel stays free for other requests."""


class NameScores:
    """How near every item is to each class's name, by the host's own text search, standardised by class.

    Without standardising, a class whose name is near to everything would be proposed for every cluster.
    """

    def __init__(self, host: Any) -> None:
        self.host = host
        self._scores: dict[str, np.ndarray] = {}

    @property
    def possible(self) -> bool:
        """Whether the host can search by text, and there are classes, and not too many."""
        names = self.host.classes.names
        return bool(self.host.can_search_text) and len(names) > 0 and len(names) * len(self.host.items) <= ROOM

    def work(self) -> bool:
        """Search for some more names; True once all are done."""
        if not self.possible:
            return True
        missing = [name for name in self.host.classes.names if name not in self._scores]
        for name in missing[:AT_ONCE]:
            scores = np.asarray(self.host.search(name), np.float32)
            spread = float(scores.std())
            self._scores[name] = (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)
        return len(missing) <= AT_ONCE

    def best(self, members: np.ndarray) -> str:
        """The class whose name the members are nearest to; empty where no class stands out or the search is not done."""
        names = self.host.classes.names
        if not self.possible or not len(members) or any(name not in self._scores for name in names):
            return ""
        means = np.array([self._scores[name][members].mean() for name in names])
        # Nearer than the collection as a whole, or it says nothing.
        return names[int(means.argmax())] if means.max() > 0 else ""
