"""What the front end of a ClusterBoard asks, and its answers; each is a thin form of a method of the board."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.cluster_splitting import small_map
from labelnb.widgets.panel import Answer, Panel

if TYPE_CHECKING:
    from labelnb.widgets.cluster_board import ClusterBoard

__all__ = ["ClusterRequests", "TAKEN_BACK"]

TAKEN_BACK = ("board", "classes")
"""Kinds of steps that undo takes back here beside decisions."""
MEMBERS_LIMIT = 1_000_000
MAP_LIMIT = 20_000
"""Items on a card's own map at most, the most typical ones."""

Buffers = Sequence[memoryview]


@dataclass(frozen=True)
class Assigned:
    """Clusters in the place of labels."""

    values: np.ndarray
    """(N,) int64 cluster of each item, -1 for none."""


class ClusterRequests(Panel):
    """The part of a board that answers the browser."""

    def on_cards(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """One page of cards; with wishes for the order, the level of the tree, what is unfolded, the page."""
        self._sync()
        if "sort" in message:
            self.sort = str(message["sort"])
        if "level" in message:
            self.level = int(message["level"])
        if "unfolded" in message:
            self.unfolded = [int(group) for group in message["unfolded"]]
        if "page" in message:
            self.page = int(np.clip(int(message["page"]), 0, max(self.pages - 1, 0)))
        wanted = self._entries()[self.page * self.page_size: (self.page + 1) * self.page_size]
        undo, redo = self.host.can_take_back(TAKEN_BACK)
        return {
            "page": self.page, "pages": self.pages, "version": self.version, "can_undo": undo, "can_redo": redo, "level": self.level,
            "cards": [self._group_card(number, inside) if inside else self._card(number, within) for number, inside, within in wanted],
            "progress": self._progress(), "skipped": self._history.skipped,
        }

    def on_members(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """All positions of a cluster, u32, the most typical first."""
        return {}, [self.members(int(message["cluster"]))[:MEMBERS_LIMIT].astype("<u4").tobytes()]

    def on_map(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """A small map of a cluster: positions u32, and their places as u16 pairs."""
        members = self.members(int(message["cluster"]))[:MAP_LIMIT]
        xy = small_map(np.asarray(self._needed("map")[members]))
        return {}, [members.astype("<u4").tobytes(), np.round(xy * 65_535).astype("<u2").tobytes()]

    def on_marked(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """What Python or a linked Explorer has marked."""
        return self._marks()

    @property
    def shown_as(self: ClusterBoard) -> Sequence[str]:
        """What the words of a text speak for here: the number of its cluster."""
        return tuple(str(cluster) for cluster in range(self._state.groups.count))

    def highlights(self: ClusterBoard) -> Any:
        """Which words are typical of which cluster, beside the others; counted again when items change their cluster."""
        from labelnb.highlights import Highlights

        groups = self._state.groups
        key = groups.count, tuple(sorted(groups.changes.items()))
        if self._words is None or self._words[0] != key:
            self._words = key, Highlights(self.host.items, Assigned(groups.assignment), self.shown_as)
        return self._words[1]

    def on_suggest(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Some searching for names; `ready` is false while there is more to do: ask again, then ask for the cards."""
        done, total = self._names.work()
        return {"ready": done >= total, "done": done, "total": total}

    def on_measure(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """One sample of the measurement of stability; `ready` is false while there are more: ask again."""
        if message.get("begin") or self._measure is None:
            self._begin_measure()
        assert self._measure is not None
        total = self._measure.replicates
        ready = self._measured()
        return {"ready": ready, "done": total if self._measure is None else self._measure.done, "total": total}

    def on_bank(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Look for names in a bank that comes with labelnb."""
        self.look_in()
        return {"n": len(self._names.bank)}

    def on_ask(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Let the annotator name a cluster."""
        made = self.ask(int(message["cluster"]))
        return {"name": made.name, "score": made.score}

    def on_name(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Name a cluster, or several as kinds of something."""
        if "clusters" in message:
            self.name_group(message["clusters"], str(message["name"]))
            return {}
        cluster, name = int(message["cluster"]), str(message["name"]).strip()
        before = self.names.get(cluster, "")
        self.name(cluster, name)
        return {"offer": self._offer_after_name(cluster, before, name)}

    def on_accept(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Accept a cluster, or all of several that have names; durable when answered."""
        if "clusters" in message:
            return {"labelled": self.accept_all(message["clusters"]), "kept": 0, "excepted": 0}
        cluster, exceptions = int(message["cluster"]), message.get("exceptions") or None
        size = len(self._existing(cluster))
        review = "review" if message.get("review") else "not"
        labelled = self.accept(cluster, str(message["name"]), exceptions=exceptions, exceptions_are=review)  # type: ignore[arg-type]
        n = len(exceptions or ())
        self._unmark(np.asarray(exceptions or (), np.int64))
        return {"labelled": labelled, "kept": size - labelled - n, "excepted": n}

    def on_merge(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Merge clusters; where they stand for classes, merging these is offered."""
        names = [self.names[int(cluster)] for cluster in message["clusters"] if int(cluster) in self.names]
        kept = self.merge(*message["clusters"])
        return {"cluster": kept, "offer": self._offer_after_merge(names, self.names.get(kept, ""))}

    def on_split(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Split items off a cluster, take them out (`out`), or split all of it up into `k` parts (null: as many as there are)."""
        cluster = int(message["cluster"])
        if "k" in message:
            return {"clusters": self.split_up(cluster, None if message["k"] is None else int(message["k"]))}
        positions = np.asarray(message["positions"], np.int64)
        if message.get("out"):
            self.remove(cluster, positions)
            self._unmark(positions)
            return {"cluster": None}
        made = self.split(cluster, positions)
        self._unmark(positions)
        return {"cluster": made}

    def on_gather(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Make a new cluster of these positions, or (`marking`) of all that Python has marked, if that is still the same."""
        if "marking" not in message:
            return {"cluster": self.gather(np.asarray(message["positions"], np.int64))}
        if int(message["marking"]) != self._marking:
            raise ValueError("what is marked has changed since; look again")
        return {"cluster": self.gather()}

    def on_follow(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Follow the newest map that is open, or none."""
        if message.get("on"):
            return {"n": len(self.follow_map().selection)}
        self.unlink()
        return {"n": 0}

    def on_show(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Select a cluster on the linked maps."""
        if not self._links:
            self.follow_map()
        self.show(int(message["cluster"]))
        return {}

    def on_send(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Send a cluster, or the outliers, to review."""
        sent = self.send_to_review(message.get("cluster"))
        return {"n": len(sent), "total": len(self.to_review)}

    def on_take_back(self: ClusterBoard, message: dict[str, Any], buffers: Buffers) -> Answer:
        """Undo or redo."""
        redo = bool(message.get("redo"))
        done = self.redo() if redo else self.undo()
        if not done:
            return {"refused": "nothing to redo" if redo else "nothing to undo"}
        told = self.host.history(1) if hasattr(self.host, "history") else []
        return {"what": told[-1].summary.partition(": ")[2] if told else ""}
