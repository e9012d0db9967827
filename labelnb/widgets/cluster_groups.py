"""The groups of a ClusterBoard: the method's assignment with a person's merges, splits and removals on top. Set operations only."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Groups", "closeness", "purity"]


class Groups:
    """A working copy of an assignment that can be merged, split and undone.

    Group numbers are never used twice: a merge empties a number, a split takes a new one.
    """

    def __init__(self, assignment: np.ndarray, n_clusters: int) -> None:
        self.assignment = np.array(assignment, dtype=np.int64)
        """(N,) group of each item, -1 for outliers."""
        self.count = max(int(n_clusters), int(self.assignment.max(initial=-1)) + 1)
        """Group numbers given out so far, empty ones included."""
        self.version = 0
        """Goes up with every change."""
        self._done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._undone: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._sort()

    @property
    def sizes(self) -> np.ndarray:
        """(count,) int64 items in each group."""
        return np.diff(self._starts)

    @property
    def outliers(self) -> np.ndarray:
        """Positions in no group, ascending."""
        return self._order[: self._starts[0]]

    def members(self, group: int) -> np.ndarray:
        """Positions in `group`, ascending. Raises KeyError for a number that was never given out."""
        if not 0 <= int(group) < self.count:
            raise KeyError(f"cluster {group}: expected a number from 0 to {self.count - 1}")
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
        self._move(np.concatenate(parts[1:]), wanted[0])
        return wanted[0]

    def split(self, group: int, positions: Sequence[int] | np.ndarray) -> int:
        """Make a new group of some items of `group`; its number comes back."""
        chosen = self._chosen(group, positions)
        if len(chosen) == len(self.members(group)):
            raise ValueError(f"split: all {len(chosen)} items of cluster {group} were chosen; choose only those that should leave it")
        self.count += 1
        self._move(chosen, self.count - 1)
        return self.count - 1

    def remove(self, group: int, positions: Sequence[int] | np.ndarray) -> None:
        """Take some items of `group` out: they become outliers."""
        self._move(self._chosen(group, positions), -1)

    def undo(self) -> bool:
        """Take back the last merge, split or removal; False where there is none."""
        if not self._done:
            return False
        positions, before, after = self._done.pop()
        self._undone.append((positions, before, after))
        self.assignment[positions] = before
        self._sort()
        return True

    def redo(self) -> bool:
        """Bring back the last one taken back; False where there is none."""
        if not self._undone:
            return False
        positions, before, after = self._undone.pop()
        self._done.append((positions, before, after))
        self.assignment[positions] = after
        self._sort()
        return True

    def _chosen(self, group: int, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        chosen = np.unique(np.asarray(positions, dtype=np.int64))
        if len(chosen) == 0:
            raise ValueError(f"cluster {group}: no items were chosen")
        strange = chosen[~np.isin(chosen, self.members(group))]
        if len(strange):
            raise ValueError(f"cluster {group}: items {strange[:5].tolist()} are not in it")
        return chosen

    def _move(self, positions: np.ndarray, group: int) -> None:
        self._done.append((positions, self.assignment[positions].copy(), np.full(len(positions), group, np.int64)))
        self._undone.clear()
        self.assignment[positions] = group
        self._sort()

    def _sort(self) -> None:
        self._order = np.argsort(self.assignment, kind="stable").astype(np.int64)
        self._starts = np.searchsorted(self.assignment[self._order], np.arange(self.count + 1))
        self.version += 1


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
