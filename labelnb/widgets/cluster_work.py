"""How a ClusterBoard does its work: each step checked, written to the journal, and followed from there; accepting."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.labels import not_
from labelnb.packed import pack
from labelnb.selection import positions_of
from labelnb.widgets.cluster_cards import Cards

if TYPE_CHECKING:
    from labelnb.widgets.cluster_steps import BoardHistory, BoardState

__all__ = ["ClusterWork"]


class ClusterWork(Cards):
    """The part of a board that writes. Nothing changes here before it is in the journal."""

    if TYPE_CHECKING:
        _history: BoardHistory
        version: int

    def _recolour(self) -> None:
        """The clusters or their names are others now."""

    def _recall(self) -> None:
        """The groups were made anew: what is known of groups by their items holds still."""

    def _start_work(self) -> None:
        self._near: int | None = None

    @property
    def _state(self) -> BoardState:
        return self._history.state

    def _sync(self, near: int | None = None) -> None:
        """Take in what the journal holds by now."""
        before = self._state.groups
        if self._history.follow():
            self._names.follow(self._state.groups)
            if before is not self._state.groups:                # replayed anew: the same count of changes may be other changes
                self._shown.clear()
                self._stabilities.clear()
                self._recall()
            self._rearrange(near)
            self._recolour()
            self.page = min(self.page, max(self.pages - 1, 0))

    def _do(self, summary: str, n_items: int, near: int | None = None, **content: Any) -> None:
        """Check a step by doing it in memory, write it, and be where the journal is."""
        self._sync()
        step = self._history.step(**content)
        self._history.check(step)
        self._near = near
        try:
            self.host.record_step("board", self._history.subject, step, summary, n_items)
        finally:
            self._near = None

    def _accept(self, cluster: int, name: str | None, exceptions: Any, exceptions_are: str) -> int:
        """Classes, what is not of the class, what is, and the name: one step to undo. How many were labelled."""
        self._sync()
        members = self._existing(cluster)
        wanted = (name if name is not None else self._state.names.get(cluster, "")).strip()
        if not wanted:
            raise ValueError(f"cluster {cluster} has no name; give one: accept({cluster}, 'name')")
        if exceptions_are not in ("not", "review"):
            raise ValueError(f"exceptions_are: got {exceptions_are!r}, expected 'not' or 'review'")
        content: dict[str, Any] = {"do": "accept", "cluster": cluster, "name": wanted}
        out = np.zeros(0, np.int64) if exceptions is None or not len(exceptions) else self._chosen(cluster, exceptions)
        if len(out):
            if len(out) == len(members):
                raise ValueError(f"accept: all {len(out)} items of cluster {cluster} are exceptions; nothing would be accepted")
            content |= {"out": pack(out), "review": exceptions_are == "review"}
        step = self._history.step(**content)
        people = np.asarray(self.host.labels.by_person, bool)
        head = self.host.place_classes({wanted: self._state.broader.get(cluster)})
        refused = out[~people[out]]
        if len(refused) and exceptions_are == "not":
            made = self.host.decide(refused, not_(wanted), joined_to=head)
            head = head if head is not None else made
        left = np.setdiff1d(members, out)
        left = left[~people[left]]
        if len(left):
            self.host.decide(left, wanted, proposal=self.result, source="accept", step=(self._history.subject, step), joined_to=head)
        else:
            self.host.record_step("board", self._history.subject, step, f"cluster {cluster} named {wanted}", joined_to=head)
        return len(left)

    def _accept_all(self, clusters: list[int]) -> int:
        """One decision for all, however many there are."""
        self._sync()
        state = self._state
        names = {cluster: state.names[cluster] for cluster in clusters if cluster in state.names and len(state.groups.members(cluster))}
        if not names:
            raise ValueError("accept: none of these clusters has a name; name them first")
        head = self.host.place_classes({name: state.broader.get(cluster) for cluster, name in names.items()})
        chosen = np.isin(state.groups.assignment, list(names)) & ~np.asarray(self.host.labels.by_person, bool)
        positions = np.flatnonzero(chosen)
        step = self._history.step(do="accept_all", clusters=list(names))
        if len(positions):
            values = [names[cluster] for cluster in state.groups.assignment[positions].tolist()]
            self.host.decide(positions, values, proposal=self.result, source="accept", step=(self._history.subject, step), joined_to=head)
        else:
            self.host.record_step("board", self._history.subject, step, f"{len(names)} clusters accepted", joined_to=head)
        return len(positions)

    def _existing(self, cluster: int) -> np.ndarray:
        members = self._state.groups.members(cluster)
        if not len(members):
            raise ValueError(f"cluster {cluster} holds no items (merged away, or empty from the start)")
        return members

    def _chosen(self, cluster: int, items: Any) -> np.ndarray:
        if hasattr(items, "selection"):
            inside = np.intersect1d(np.asarray(items.selection, np.int64), self._existing(cluster))
            if not len(inside):
                raise ValueError(f"cluster {cluster}: nothing of it is selected in the Explorer; draw around some of its points")
            return inside
        return self._state.groups.chosen(cluster, positions_of(self.host.items, items))

    def _needed(self, what: str) -> Any:
        if self._vectors is None:
            raise ValueError(f"{what}: these clusters come without embeddings; give embeddings= to the board")
        return self._vectors
