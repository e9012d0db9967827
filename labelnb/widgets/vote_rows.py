"""What a VoteMatrix says of votes: how far sources cover and contradict each other, and how right they are. Arrays in, arrays out."""
from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from labelnb.plants import share_interval

__all__ = ["FILTERS", "Tally"]

FILTERS: dict[str, str] = {
    "all": "all items", "conflict": "sources differ", "single": "one vote only", "none": "no vote", "unlabelled": "not labelled",
    "against": "the source is alone or wrong",
}
"""Filters by name, with how the widget calls them; `against` goes with a source."""


_BLOCK = 1 << 15
"""Items counted at a time: the votes of two sources on them stay in the processor's cache."""


class Tally:
    """The votes of M sources on N items, counted once.

    Every pair of sources is compared over all items: M (M - 1) / 2 passes of one byte an item, whatever the number of classes, so that
    a million items and twenty sources take about a second. Do not use it for thousands of sources.

    Parameters
    ----------
    votes : (N, M) class positions, -1 where a source abstains
    """

    def __init__(self, votes: Any) -> None:
        array = np.asarray(votes)
        narrow = np.min_scalar_type(-1 - max(int(array.max(initial=0)), 0))
        self.columns = np.ascontiguousarray(array.T.astype(narrow))
        """(M, N) the votes, a row a source, in the narrowest type."""

    @property
    def votes(self) -> np.ndarray:
        """(N, M) the votes."""
        return self.columns.T

    @cached_property
    def given(self) -> np.ndarray:
        """(N,) int64 number of votes on an item."""
        return np.asarray((self.columns >= 0).sum(axis=0, dtype=np.int64))

    @cached_property
    def agreeing(self) -> np.ndarray:
        """(M, N) how many other sources voted as this one; 0 where it abstains."""
        sources, count = self.columns.shape
        found = np.zeros((sources, count), np.uint8 if sources <= 256 else np.uint16)
        for start in range(0, count, _BLOCK):
            block, out = self.columns[:, start: start + _BLOCK], found[:, start: start + _BLOCK]
            voted = block >= 0
            for m in range(sources):
                for other in range(m):
                    same = (block[m] == block[other]) & voted[m]
                    out[m] += same
                    out[other] += same
        return found

    @cached_property
    def division(self) -> np.ndarray:
        """(N,) share of the pairs of votes on an item that differ: 0 where all agree or fewer than two voted."""
        pairs = self.given * (self.given - 1)
        same = self.agreeing.sum(axis=0, dtype=np.int64)
        return np.where(pairs > 0, 1 - same / np.maximum(pairs, 1), 0.0)

    @cached_property
    def majority(self) -> np.ndarray:
        """(N,) int64 class with the most votes, the first of several; -1 where there is none."""
        best = np.full(self.columns.shape[1], -1, np.int64)
        most = np.full(len(best), -1, np.int64)
        for column, agreeing in zip(self.columns, self.agreeing, strict=True):
            better = (column >= 0) & ((agreeing > most) | ((agreeing == most) & (column < best)))
            best[better], most[better] = column[better], agreeing[better]
        return best

    def table(self, known: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
        """One row a source.

        Parameters
        ----------
        known : (N,) class positions that people decided, -1 unknown
        names : M names

        Returns
        -------
        Rows with `source`, `coverage` (share of items voted on), `overlap` (share on which another voted too), `conflict` (share on which
        another voted otherwise), `checked` (votes on known items), `accuracy` (share of these that are right, None without any), `low` and
        `high` (exact 95% limits).
        """
        where = np.flatnonzero(known >= 0)
        rows = []
        for m, (name, shares) in enumerate(zip(names, self._shares, strict=True)):
            votes = self.columns[m, where]
            right, of = int((votes == known[where]).sum()), int((votes >= 0).sum())
            low, high = share_interval(right, of)
            accuracy = right / of if of else None
            rows.append({"source": name, **shares, "checked": of, "accuracy": accuracy, "low": low, "high": high})
        return rows

    @cached_property
    def _shares(self) -> list[dict[str, float]]:
        found = []
        for column, agreeing in zip(self.columns, self.agreeing, strict=True):
            own = column >= 0
            overlap, conflict = own & (self.given > 1), own & (self.given - 1 > agreeing)
            found.append({"coverage": _share(own), "overlap": _share(overlap), "conflict": _share(conflict)})
        return found

    def chosen(self, known: np.ndarray, filter: str, source: int = -1) -> np.ndarray:
        """(N,) bool: the items that a filter leaves; `known` (N,) as in `table`."""
        if filter == "conflict":
            return self.division > 0
        if filter == "single":
            return np.asarray(self.given == 1)
        if filter == "none":
            return np.asarray(self.given == 0)
        if filter == "unlabelled":
            return np.asarray(known < 0)
        if filter == "against":
            truth = np.where(known >= 0, known, self.majority)
            return np.asarray((self.columns[source] >= 0) & (self.columns[source] != truth))
        return np.ones(self.columns.shape[1], bool)


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if len(mask) else 0.0
