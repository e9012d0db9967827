"""Items marked on a ClusterBoard: from Python, or as they are selected on a map of the same items; what is marked becomes a group."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.packed import pack
from labelnb.selection import positions_of
from labelnb.widgets.cluster_work import ClusterWork
from labelnb.widgets.map_hues import Numbered

if TYPE_CHECKING:
    from labelnb.widgets.explorer import Explorer

__all__ = ["ClusterMarks"]

MOST_MARKED = 50_000
"""Items marked from Python that one message carries."""
COLUMN = "cluster"
"""The column by which the board's own map is coloured."""


class ClusterMarks(ClusterWork):
    """The part of a board that knows what is marked, and follows the maps of the same items."""

    linked: int
    """Number of maps whose selection is marked here."""

    if TYPE_CHECKING:
        def notify(self, notice: str, content: dict[str, Any] | None = None, buffers: Any = ()) -> None: ...

    def _start_marks(self) -> None:
        self._marked: np.ndarray = np.zeros(0, np.int64)
        self._marking, self._showing = 0, False
        self._links: list[tuple[Any, Callable[[Any], None]]] = []

    def mark(self, items: Any) -> None:
        """Mark items on their cards (ids, positions, a mask, or an Explorer's selection), ready to be split off, taken out, excepted, or
        gathered in a new cluster."""
        chosen = getattr(items, "selection", items)
        self._marked = positions_of(self.host.items, chosen) if len(chosen) else np.zeros(0, np.int64)
        self._marking += 1
        self.notify("marked", self._marks())

    def explore(self, **options: Any) -> Explorer:
        """A map of the items, coloured by cluster and linked: what is drawn around on it is marked. Options as of `session.explore`."""
        columns = {COLUMN: self._cluster_names(), **options.pop("columns", {})}
        explorer: Explorer = self.host.explore(columns=columns, **{"color": COLUMN, "title": "Map of the clusters", **options})
        self.link(explorer)
        return explorer

    def link(self, explorer: Any) -> None:
        """From now on what is selected in this Explorer is marked on the board."""
        def follow(change: Any) -> None:
            if not self._showing:
                self.mark(change["new"])

        self.unlink(explorer)
        explorer.observe(follow, "selection")
        self._links.append((explorer, follow))
        self.linked = len(self._links)
        self.mark(explorer.selection)

    def unlink(self, explorer: Any = None) -> None:
        """Follow this Explorer no longer; without one, none, nor those that are closed."""
        for one, follow in list(getattr(self, "_links", ())):       # not there yet where making the board was refused
            if explorer is None or one is explorer or one.comm is None:
                one.unobserve(follow, "selection")
                self._links.remove((one, follow))
        self.linked = len(getattr(self, "_links", ()))

    def gather(self, items: Any = None) -> int:
        """Make a new cluster of items, whichever clusters they are in or none; its number comes back.

        Parameters
        ----------
        items : ids, positions, a mask, or an Explorer, whose selection is taken; by default what is marked

        Raises
        ------
        ValueError
            If there are none, or they are just one cluster, whole.
        """
        chosen = self._marked if items is None else getattr(items, "selection", items)
        positions = np.unique(positions_of(self.host.items, chosen)) if len(chosen) else np.zeros(0, np.int64)
        self._sync()
        groups = self._state.groups
        inside = groups.assignment[positions]
        near = int(np.bincount(inside[inside >= 0]).argmax()) if (inside >= 0).any() else None
        n_from = len(np.unique(inside[inside >= 0]))
        self._do(f"{len(positions):,} items of {n_from} clusters gathered in a new one", len(positions), near=near,
                 do="gather", items=pack(positions))
        self._unmark(positions)
        return self._state.made[0]

    def show(self, cluster: int) -> None:
        """Select a cluster's items on the linked maps; they are not marked here."""
        members = self._existing(int(cluster))
        if not self._links:
            raise ValueError("show: no map is linked; open one in a cell with board.explore(), or follow one that is open")
        self._showing = True
        try:
            for explorer, _ in self._links:
                explorer.select(members)
        finally:
            self._showing = False

    def follow_map(self) -> Explorer:
        """Link the newest Explorer that is open on the session.

        Raises
        ------
        ValueError
            If none is open.
        """
        from labelnb.widgets.explorer import Explorer
        from labelnb.widgets.panel import panels_of

        found = panels_of(self.host, Explorer)
        if not found:
            raise ValueError("no map of these items is open; show one in a cell: board.explore()")
        self.link(found[-1])
        return found[-1]

    def _unmark(self, positions: np.ndarray) -> None:
        """What was done with these is done: they are no longer marked."""
        if len(self._marked):
            self._marked = np.setdiff1d(self._marked, positions)
            self._marking += 1
            self.notify("marked", self._marks())

    def _recolour(self) -> None:
        """Maps that are coloured by the clusters follow them."""
        maps = [explorer for explorer, _ in self._links if COLUMN in explorer.config.get("columns", ())]
        if maps:
            names = self._cluster_names()
            for explorer in maps:
                explorer.set_column(COLUMN, names)

    def _cluster_names(self) -> Numbered:
        """Each item's cluster by its number, which decides its colour, with its name where it has one."""
        groups, names = self._state.groups, self._state.names
        return Numbered(groups.assignment, [names.get(cluster) or f"cluster {cluster}" for cluster in range(groups.count)])

    def _marks(self) -> dict[str, Any]:
        """Marked items by cluster (-1: in none), as many as a message carries."""
        where = self._state.groups.assignment[self._marked]
        found: dict[str, list[int]] = {}
        for position, cluster in zip(self._marked[:MOST_MARKED].tolist(), where[:MOST_MARKED].tolist(), strict=True):
            found.setdefault(str(cluster), []).append(position)
        return {"marks": found, "n": len(self._marked), "marking": self._marking}
