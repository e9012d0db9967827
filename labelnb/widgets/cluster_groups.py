"""The groups of a ClusterBoard: the method's assignment with a person's merges, splits and removals on top. Set operations only."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Groups", "closeness", "purity", "table_of"]


class Groups:
    """A working copy of an assignment that can be merged and split.

    Group numbers are never used twice: a merge empties a number, a split takes a new one. What the groups were is in the journal; taking a
    step back is replaying without it.
    """

    def __init__(self, assignment: np.ndarray, n_clusters: int) -> None:
        self.assignment = np.array(assignment, dtype=np.int64)
        """(N,) group of each item, -1 for outliers."""
        self.count = max(int(n_clusters), int(self.assignment.max(initial=-1)) + 1)
        """Group numbers given out so far, empty ones included."""
        self.changes: dict[int, int] = {}
        """How often a group's items changed, by group; a key under which what is known of its items can be kept."""
        self._order: np.ndarray | None = None
        self._starts: np.ndarray = np.zeros(0, np.int64)

    @property
    def sizes(self) -> np.ndarray:
        """(count,) int64 items in each group."""
        self._sorted()
        return np.diff(self._starts)

    @property
    def outliers(self) -> np.ndarray:
        """Positions in no group, ascending."""
        return self._sorted()[: self._starts[0]]

    def key(self, group: int) -> tuple[int, int]:
        """The group and how often its items changed."""
        return int(group), self.changes.get(int(group), 0)

    def members(self, group: int) -> np.ndarray:
        """Positions in `group`, ascending. Raises KeyError for a number that was never given out."""
        if not 0 <= int(group) < self.count:
            raise KeyError(f"cluster {group}: expected a number from 0 to {self.count - 1}")
        if self._order is None:                                 # between two steps of a replay a scan is cheaper than sorting
            return np.flatnonzero(self.assignment == int(group))
        return self._order[self._starts[int(group)]: self._starts[int(group) + 1]]

    def merge(self, groups: Sequence[int]) -> int:
        """Put the items of all `groups` into the first one; its number comes back."""
        wanted = list(dict.fromkeys(int(group) for group in groups))
        if len(wanted) < 2:
            raise ValueError(f"merge: got {list(groups)}, expected two clusters or more")
        parts = [self.members(group) for group in wanted]
        empty = [group for group, part in zip(wanted, parts, strict=True) if len(part) == 0]
        if empty:
            raise ValueError(f"merge: clusters {empty} hold no items (merged away already?)")
        self._move(np.concatenate(parts[1:]), wanted[0], wanted)
        return wanted[0]

    def split(self, group: int, parts: Sequence[np.ndarray]) -> list[int]:
        """Make new groups of some items of `group`, one of each part; their numbers come back."""
        chosen = [self.chosen(group, part) for part in parts]
        together = np.concatenate(chosen)
        if len(np.unique(together)) < len(together):
            raise ValueError(f"split: cluster {group}: the parts share items; expected each item in one part")
        if len(together) == len(self.members(group)):
            raise ValueError(f"split: all {len(together)} items of cluster {group} were chosen; choose only those that should leave it")
        made = []
        for part in chosen:
            self.count += 1
            self._move(part, self.count - 1, [group])
            made.append(self.count - 1)
        return made

    def gather(self, positions: np.ndarray) -> int:
        """Make one new group of items, whichever groups they are in or none; its number comes back."""
        chosen = np.unique(np.asarray(positions, dtype=np.int64))
        if len(chosen) == 0:
            raise ValueError("gather: no items were chosen")
        inside = np.unique(self.assignment[chosen])
        if len(inside) == 1 and inside[0] >= 0 and len(self.members(int(inside[0]))) == len(chosen):
            raise ValueError(f"gather: these {len(chosen)} items are cluster {inside[0]}, whole; nothing would change")
        self.count += 1
        self._move(chosen, self.count - 1, inside.tolist())
        return self.count - 1

    def remove(self, group: int, positions: Sequence[int] | np.ndarray) -> None:
        """Take some items of `group` out: they become outliers."""
        self._move(self.chosen(group, positions), -1, [group])

    def chosen(self, group: int, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Some items of `group`, ascending. Raises ValueError where there are none, or one is not in it."""
        chosen = np.unique(np.asarray(positions, dtype=np.int64))
        if len(chosen) == 0:
            raise ValueError(f"cluster {group}: no items were chosen")
        strange = chosen[~np.isin(chosen, self.members(group))]
        if len(strange):
            raise ValueError(f"cluster {group}: items {strange[:5].tolist()} are not in it")
        return chosen

    def _move(self, positions: np.ndarray, group: int, touched: Sequence[int]) -> None:
        self.assignment[positions] = group
        for each in (*touched, group):
            self.changes[int(each)] = self.changes.get(int(each), 0) + 1
        self._order = None

    def _sorted(self) -> np.ndarray:
        if self._order is None or len(self._starts) != self.count + 1:
            self._order = np.argsort(self.assignment, kind="stable").astype(np.int64)
            self._starts = np.searchsorted(self.assignment[self._order], np.arange(self.count + 1))
        return self._order


def closeness(
    members: np.ndarray, *, vectors: Any = None, probabilities: np.ndarray | None = None, assignment: np.ndarray | None = None,
) -> np.ndarray:
    """(len(members),) how well each item stands for its group, the larger the better; for showing, not for deciding.

    With `vectors` (N, D) it is the cosine to the mean of the group's unit vectors. Else, with `probabilities` (N, C) and the method's
    own `assignment` (N,), it is the item's probability of the cluster it was put in. Else all are equal.
    """
    if len(members) == 0:
        return np.zeros(0, np.float32)
    if vectors is not None:
        rows: np.ndarray = np.asarray(vectors[members], dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(lengths > 0, lengths, 1)
        centre = rows.mean(axis=0)
        return rows @ (centre / (np.linalg.norm(centre) or 1.0))
    if probabilities is not None and assignment is not None:
        columns = assignment[members]
        return np.where(columns >= 0, probabilities[members, np.maximum(columns, 0)], 0).astype(np.float32)
    return np.ones(len(members), np.float32)


def purity(members: np.ndarray, known: np.ndarray) -> tuple[float | None, int, int]:
    """Share of the commonest label among the labelled members, that label, and how many are labelled: (None, -1, 0) where none is.

    `known` (N,) int64 class positions, -1 unknown.
    """
    labels = known[members]
    labels = labels[labels >= 0]
    if len(labels) == 0:
        return None, -1, 0
    counts = np.bincount(labels)
    best = int(counts.argmax())
    return float(counts[best] / len(labels)), best, len(labels)


def table_of(assignment: np.ndarray, known: np.ndarray, count: int) -> np.ndarray:
    """(count,) purity of every group at once, NaN where nothing is labelled; by sorting pairs, so that many classes cost no more."""
    inside = np.flatnonzero((assignment >= 0) & (known >= 0))
    shares = np.full(count, np.nan)
    if len(inside):
        classes = int(known.max()) + 1
        pairs, sizes = np.unique(assignment[inside] * classes + known[inside], return_counts=True)
        best, total = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.maximum.at(best, pairs // classes, sizes)
        np.add.at(total, pairs // classes, sizes)
        shares[total > 0] = best[total > 0] / total[total > 0]
    return shares
