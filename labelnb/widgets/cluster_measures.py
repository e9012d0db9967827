"""How stable the clusters of a board are: measured on demand, kept in the journal, and shown as long as a cluster's items are the same."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.cluster_stability import STABLE, Stability, stability_over
from labelnb.widgets.cluster_work import ClusterWork

__all__ = ["ClusterMeasures"]


class ClusterMeasures(ClusterWork):
    """The part of a board that measures. A measurement is a remark in the journal: it changes no label, and undo passes over it."""

    def _start_measures(self) -> None:
        self._measure: Stability | None = None
        self._measured_keys: dict[int, tuple[int, int]] = {}
        self._stabilities: dict[tuple[int, int], float] = {}

    def stability(self, replicates: int = 10, *, runs: Sequence[Any] | None = None) -> dict[int, float]:
        """Measure how stable each cluster is, 0 to 1; .75 and above counts as stable. Cards show it until their items change.

        Parameters
        ----------
        replicates : bootstrap samples that are clustered by k-means (Hennig 2007)
        runs : instead, other clusterings of the same items by whatever method, such as the same one under other seeds; a cluster is stable
            where they find it again
        """
        self._sync()
        if runs is not None:
            self._measured_keys = self._keys()
            self._measured_as(stability_over(self._state.groups.assignment, runs), f"{len(runs)} runs")
        else:
            self._begin_measure(replicates)
            while not self._measured():
                pass
        groups = self._state.groups
        alive = np.flatnonzero(groups.sizes > 0).tolist()
        return {cluster: self._stabilities.get(groups.key(cluster), float("nan")) for cluster in alive}

    def _begin_measure(self, replicates: int = 10) -> None:
        seed = int(getattr(self.host, "seed", 0))
        self._measure = Stability(self._needed("stability"), self._state.groups.assignment, replicates=replicates, seed=seed)
        self._measured_keys = self._keys()

    def _measured(self) -> bool:
        """Draw one sample more; True once all are done, and the cards know."""
        run = self._measure
        if run is None:
            return True
        if not run.work():
            return False
        self._measure = None
        self._measured_as(run.values, f"{run.replicates} bootstrap samples")
        return True

    def _measured_as(self, values: np.ndarray, how: str) -> None:
        """Keep what was found, and show it."""
        found = {key: float(values[c]) for c, key in self._measured_keys.items() if c < len(values) and not np.isnan(values[c])}
        self._stabilities.update(found)
        if found:
            groups = self._state.groups
            same = {key: value for key, value in found.items() if groups.key(key[0]) == key}
            prints = {_print(groups.members(cluster)): round(value, 4) for (cluster, _), value in same.items()}
            stable = sum(value >= STABLE for value in found.values())
            text = f"stability of {len(found)} clusters by {how}: {stable} of them stable"
            self.host.remark(text, {"stability": {"items": self._history.items, "how": how, "clusters": prints}})
        if self.sort == "unstable":
            self._arrange()
        self.version += 1

    def _recall(self) -> None:
        """Take in what was measured before, of clusters that have the same items now."""
        known: dict[str, float] = {}
        for kept in self.host.remarked("stability"):
            if kept["items"] == self._history.items:
                known.update(kept["clusters"])
        for key in self._keys().values() if known else ():
            value = known.get(_print(self._state.groups.members(key[0])))
            if value is not None:
                self._stabilities[key] = value

    def _keys(self) -> dict[int, tuple[int, int]]:
        groups = self._state.groups
        return {int(cluster): groups.key(int(cluster)) for cluster in np.flatnonzero(groups.sizes > 0)}


def _print(members: np.ndarray) -> str:
    """Tells groups of items apart by their positions."""
    return hashlib.blake2b(members.astype("<u4").tobytes(), digest_size=6).hexdigest()
