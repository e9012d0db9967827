"""The hierarchy over clusters: which belong together, at any number of groups.

Source: average linkage (UPGMA), Sokal and Michener 1958 "A statistical method for evaluating systematic relationships"; by SciPy.
"""
from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ClusterTree"]


class ClusterTree:
    """An agglomerative tree over the centres of clusters, by cosine distance.

    Parameters
    ----------
    clusters : (C,) cluster numbers
    centres : (C, D) their centres
    """

    def __init__(self, clusters: Any, centres: Any) -> None:
        from scipy.cluster.hierarchy import leaves_list, linkage

        self.clusters = np.asarray(clusters, np.int64)
        rows = np.asarray(centres, np.float64)
        if rows.ndim != 2 or len(rows) != len(self.clusters):
            raise ValueError(f"centres: got shape {rows.shape}, expected ({len(self.clusters)}, D): one a cluster")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = rows / np.where(lengths > 0, lengths, 1)
        apart = np.clip(1 - unit @ unit.T, 0, None)[np.triu_indices(len(rows), 1)]
        self.linkage = linkage(apart, "average") if len(rows) > 1 else np.zeros((0, 4))
        """(C - 1, 4) as SciPy has it: the two that are joined, their distance, the number of clusters below."""
        self.order = self.clusters[leaves_list(self.linkage)] if len(rows) > 1 else self.clusters.copy()
        """(C,) cluster numbers as leaves from left to right: like ones stand together."""

    def cut(self, n_groups: int) -> list[np.ndarray]:
        """The clusters in `n_groups` groups, 1 to C; each group's cluster numbers, groups and clusters in the order of the leaves."""
        count = len(self.clusters)
        if not 1 <= n_groups <= max(count, 1):
            raise ValueError(f"n_groups: got {n_groups}, expected 1 to {max(count, 1)}")
        if count < 2 or n_groups == count:
            return [np.array([cluster]) for cluster in self.order]
        # Cut by merges, not by height: ties in height would give fewer groups than asked for.
        group = np.arange(2 * count - 1)
        for step, (left, right) in enumerate(self.linkage[: count - n_groups, :2].astype(int)):
            group[group == group[left]] = count + step
            group[group == group[right]] = count + step
        of_leaf = dict(zip(self.clusters.tolist(), group[:count].tolist(), strict=True))
        found: dict[int, list[int]] = {}
        for cluster in self.order.tolist():
            found.setdefault(of_leaf[cluster], []).append(cluster)
        return [np.array(members) for members in found.values()]

    def __len__(self) -> int:
        return len(self.clusters)

    def __repr__(self) -> str:
        return f"ClusterTree of {len(self)} clusters; .cut(n_groups), .order, .linkage"
