"""Changing classes from a ClusterBoard: what would move is told first, and nothing moves before a person says so."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.widgets.cluster_groups import purity
from labelnb.widgets.cluster_work import ClusterWork
from labelnb.widgets.panel import Answer

if TYPE_CHECKING:
    from labelnb.class_changes import Migration

__all__ = ["ClusterClasses"]

MOST_TOLD = 40
"""Kinds of labels whose fate one message lists."""


class ClusterClasses(ClusterWork):
    """The part of a board that renames, merges and splits classes; labels and the names of clusters go along."""

    def rename_class(self, old: str, new: str, *, preview: bool = False) -> Migration:
        """Give a class another name, its labels and its clusters too; with `preview`, only tell what would move."""
        made: Migration = self.host.rename_class(old, new, preview=preview)
        return made

    def merge_classes(self, names: Sequence[str], into: str, *, preview: bool = False) -> Migration:
        """Put classes together under one name; see `session.merge_classes`. The clusters stay apart."""
        made: Migration = self.host.merge_classes(list(names), into, preview=preview)
        return made

    def split_class(self, name: str, clusters: Sequence[int] | None = None, *, preview: bool = False) -> Migration:
        """Put the names of clusters in the place of a class: what of them is labelled `name` becomes the name of its cluster.

        Parameters
        ----------
        name : the class
        clusters : clusters with names; by default all with a name that hold items labelled `name`
        preview : only tell what would move

        Raises
        ------
        KeyError, ValueError
            If there is no such class, or fewer than two different names are among the clusters.

        Notes
        -----
        Labelled items in none of the clusters become 'one of the parts'. What a person had decided one by one counts as decided still, the
        rest as accepted in bulk.
        """
        parts = self._parts(name, clusters)
        if len(parts) < 2:
            cure = "name the clusters that are its parts first, each by a name of its own"
            raise ValueError(f"split_class: the items labelled {name!r} are in clusters named {list(parts)}; {cure}")
        made: Migration = self.host.split_class(name, parts, preview=preview, by_hand=False)
        return made

    def _parts(self, name: str, clusters: Sequence[int] | None) -> dict[str, np.ndarray]:
        """Items labelled `name`, by the name of the cluster that they are in."""
        self._sync()
        groups, names = self._state.groups, self._state.names
        inside = np.asarray(self.host.labels.values) == self.host.classes.position(name)
        wanted = list(names) if clusters is None else [int(cluster) for cluster in clusters]
        found: dict[str, list[np.ndarray]] = {}
        for cluster in wanted:
            members = groups.members(cluster)
            held = members[inside[members]]
            if cluster in names and (len(held) or clusters is not None):
                found.setdefault(names[cluster], []).append(held)
        # A part named as another class that there is already would be a merge as well: it is left to that.
        return {one: np.concatenate(held) for one, held in found.items() if one == name or one not in self.host.classes}

    # What a person may want to change, once something was done ----------------------------------------------------------------

    def _offer_after_name(self, cluster: int, before: str, new: str) -> dict[str, Any] | None:
        """Where a cluster that was accepted under one name gets another: the class may be meant."""
        classes = self.host.classes
        _, commonest, _ = purity(self._state.groups.members(cluster), np.asarray(self.host.labels.values))
        old = classes.names[commonest] if commonest >= 0 else ""
        if not new or not old or new == old:
            return None
        if before == old:
            there = new in classes
            return {"change": "merge" if there else "rename", "names": [old, new] if there else [old], "into": new}
        others = [one for one, name in self._state.names.items() if name == old and one != cluster]
        return {"change": "split", "names": [old], "into": ""} if others and not before and new not in classes else None

    def _offer_after_merge(self, names: Sequence[str], kept: str) -> dict[str, Any] | None:
        """Where clusters that stand for classes were merged: the classes may be meant."""
        values = np.asarray(self.host.labels.values)
        found = [name for name in dict.fromkeys(names) if name in self.host.classes and (values == self.host.classes.position(name)).any()]
        return {"change": "merge", "names": found, "into": kept if kept in found else found[0]} if len(found) > 1 else None

    def on_change_classes(self, message: dict[str, Any], buffers: Any) -> Answer:
        """Rename, merge or split classes, or (`preview`) tell what would move."""
        change, names, into = str(message["change"]), [str(name) for name in message["names"]], str(message.get("into", ""))
        preview = bool(message.get("preview"))
        if change in ("rename", "merge") and not into.strip():
            raise ValueError("say what it is to be called")
        if change == "rename":
            made = self.rename_class(names[0], into, preview=preview)
        elif change == "merge":
            made = self.merge_classes(names, into, preview=preview)
        elif change == "split":
            made = self.split_class(names[0], preview=preview)
        else:
            raise ValueError(f"change: got {change!r}, expected 'rename', 'merge' or 'split'")
        return {
            "n_items": made.n_items, "moves": [list(one) for one in made.moves[:MOST_TOLD]], "more": max(0, len(made.moves) - MOST_TOLD),
            "conflicts": [list(one) for one in made.conflicts[:MOST_TOLD]], "classes": list(made.classes.names), "into": into,
        }
