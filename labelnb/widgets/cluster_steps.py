"""What was done on a ClusterBoard, step by step, so that it can be taken back: groups and names here, labels in the journal."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelnb.widgets.cluster_groups import Groups

__all__ = ["Steps"]

Kind = Literal["groups", "names", "journal"]


@dataclass(frozen=True)
class _Step:
    kind: Kind
    before: dict[int, str]
    after: dict[int, str]


class Steps:
    """Names and groups with their history. A step in the journal is only marked here; the host takes it back."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self.names: dict[int, str] = {}
        """Name of a cluster, accepted or not."""
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._before: dict[int, str] | None = None

    @property
    def can_undo(self) -> bool:
        """Whether a step was done on this board."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self._undone)

    def rename(self, cluster: int, name: str, *, alone: bool = True) -> None:
        """Name a cluster; an empty name takes it away. With `alone=False` it belongs to the `journaled` step that follows."""
        before = dict(self.names)
        after = {**before, cluster: name} if name else {key: value for key, value in before.items() if key != cluster}
        if after == before:
            return
        self.names = after
        if alone:
            self._push("names", before)
        else:
            self._before = before

    def merge(self, clusters: Sequence[int]) -> int:
        """Merge in `groups`; the first name among them goes to what is left."""
        before = dict(self.names)
        kept = self.groups.merge(clusters)
        found = [self.names[cluster] for cluster in clusters if cluster in self.names]
        self.names = {key: value for key, value in before.items() if key not in clusters} | ({kept: found[0]} if found else {})
        self._push("groups", before)
        return kept

    def split(self, cluster: int, positions: np.ndarray) -> int:
        """Split in `groups`."""
        made = self.groups.split(cluster, positions)
        self._push("groups", dict(self.names))
        return made

    def remove(self, cluster: int, positions: np.ndarray) -> None:
        """Remove in `groups`."""
        self.groups.remove(cluster, positions)
        self._push("groups", dict(self.names))

    def journaled(self) -> None:
        """The host is about to write a decision that belongs to this board."""
        self._push("journal", self._before if self._before is not None else dict(self.names))

    def undo(self) -> Kind | None:
        """Take back the last step; its kind comes back, None where there is none. A `journal` step is the host's to take back."""
        return self._go(self._done, self._undone, forward=False)

    def redo(self) -> Kind | None:
        """Bring it back."""
        return self._go(self._undone, self._done, forward=True)

    def _push(self, kind: Kind, before: dict[int, str]) -> None:
        self._done.append(_Step(kind, before, dict(self.names)))
        self._undone.clear()
        self._before = None

    def _go(self, source: list[_Step], target: list[_Step], *, forward: bool) -> Kind | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        self.names = dict(step.after if forward else step.before)
        if step.kind == "groups":
            (self.groups.redo if forward else self.groups.undo)()
        return step.kind
