"""What a ClusterBoard shows: the order of its cards, groups that fold, and the content of each card."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.cluster_tree import ClusterTree
from labelnb.widgets.cluster_groups import closeness, purity, table_of

if TYPE_CHECKING:
    from labelnb.results import Clusters
    from labelnb.widgets.cluster_names import NameProposals
    from labelnb.widgets.cluster_steps import BoardState

__all__ = ["Cards", "SORTS"]

SORTS = {
    "size": "largest first", "purity": "purest first", "mixed": "most mixed first", "unstable": "least stable first",
    "novel": "new groups first", "open": "unlabelled first", "number": "by number", "tree": "like beside like",
}
EXEMPLARS, BORDERLINE = 6, 2
SHOWN = 400
"""Clusters whose order of items is kept."""


class Cards:
    """The part of a board that arranges and draws; it changes nothing."""

    if TYPE_CHECKING:
        host: Any
        result: Clusters
        page: int
        page_size: int
        sort: str
        level: int
        unfolded: list[int]
        _vectors: Any
        _names: NameProposals
        _stabilities: dict[tuple[int, int], float]

        @property
        def _state(self) -> BoardState: ...

    def _start_cards(self) -> None:
        self._arranged: np.ndarray = np.zeros(0, np.int64)
        self._places: dict[int, int] = {}
        self._shown: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._tree_of: tuple[Any, ClusterTree | None] = (None, None)

    # Order ----------------------------------------------------------------------------------------------------------------

    @property
    def foldable(self) -> bool:
        """Whether there are vectors to build a tree from."""
        return self._vectors is not None

    def _tree(self) -> ClusterTree:
        groups = self._state.groups
        alive = np.flatnonzero(groups.sizes > 0)
        key = (alive.tobytes(), tuple(sorted(groups.changes.items())))
        if self._tree_of[0] != key or self._tree_of[1] is None:
            if self._vectors is None:
                raise ValueError("tree: these clusters come without embeddings; give embeddings= to the board")
            self._tree_of = (key, ClusterTree(alive, _centres(self._vectors, groups.assignment, groups.count)[alive]))
        found = self._tree_of[1]
        assert found is not None
        return found

    def _entries(self) -> list[tuple[int, list[int], int | None]]:
        """In order: (cluster, [], the unfolded group it stands in), or for the head of a group (group, its clusters, None)."""
        if not self.level or self.level >= len(self._arranged) or not self.foldable:
            return [(int(cluster), [], None) for cluster in self._arranged]
        made: list[tuple[int, list[int], int | None]] = []
        for clusters in self._tree().cut(self.level):
            inside = clusters.tolist()
            if len(inside) == 1:
                made.append((inside[0], [], None))
                continue
            made.append((min(inside), inside, None))
            if min(inside) in self.unfolded:
                made.extend((cluster, [], min(inside)) for cluster in inside)
        return made

    @property
    def pages(self) -> int:
        """Number of pages of cards."""
        return -(-len(self._entries()) // self.page_size)

    def _arrange(self) -> None:
        groups = self._state.groups
        sizes = groups.sizes
        alive = np.flatnonzero(sizes > 0)
        key = np.zeros(len(alive))
        if self.sort in ("purity", "mixed"):
            shares = table_of(groups.assignment, np.asarray(self.host.labels.values), groups.count)[alive]
            key = np.where(np.isnan(shares), np.inf, shares * (-1 if self.sort == "purity" else 1))
        elif self.sort == "open":
            key = (self._labelled()[alive] == sizes[alive]).astype(float)
        elif self.sort == "novel":
            key = np.array([self._section(int(cluster)) == "known" for cluster in alive], float)
        elif self.sort == "unstable":
            key = np.array([self._stabilities.get(groups.key(int(cluster)), np.inf) for cluster in alive])
        elif self.sort == "tree" and self.foldable:
            rank = {int(cluster): place for place, cluster in enumerate(self._tree().order)}
            key = np.array([rank[int(cluster)] for cluster in alive], float)
        second = alive if self.sort == "number" else -sizes[alive]
        self._arranged = alive[np.lexsort((alive, second, key))]

    def _section(self, cluster: int) -> str:
        """`known` or `new`, where the evidence tells known classes from new groups; empty where it does not."""
        if "classes" not in self.result.evidence:
            return ""
        kept = self._state.kept.get(cluster)
        return "known" if kept is not None and kept.known else "new"

    def _rearrange(self, near: int | None = None) -> None:
        """Cards keep their places; a new one stands beside the card it came from, one that comes back where it was."""
        before = self._arranged.tolist()
        self._places.update({cluster: place for place, cluster in enumerate(before)})
        alive = np.flatnonzero(self._state.groups.sizes > 0).tolist()
        here = set(alive)
        order = [cluster for cluster in before if cluster in here]
        there = set(order)
        for cluster in (one for one in alive if one not in there):
            if near in there and cluster not in self._places:
                order.insert(order.index(near) + 1, cluster)
                near = cluster
                there.add(cluster)
            else:
                order.insert(min(self._places.get(cluster, len(order)), len(order)), cluster)
        self._arranged = np.array(order, np.int64)

    # Cards ----------------------------------------------------------------------------------------------------------------

    def _typical(self, cluster: int) -> tuple[np.ndarray, np.ndarray]:
        """Members, the most typical first, and their closeness."""
        groups = self._state.groups
        key = groups.key(cluster)
        members = groups.members(cluster)
        kept = self._shown.get(key)
        if kept is None or len(kept[0]) != len(members):
            near = closeness(members, vectors=self._vectors, probabilities=self.result.probabilities, assignment=self.result.assignment)
            order = np.argsort(-near, kind="stable")
            if len(self._shown) > SHOWN:
                self._shown.clear()
            kept = self._shown[key] = (members[order], near[order])
        return kept

    def _card(self, cluster: int, within: int | None = None) -> dict[str, Any]:
        state = self._state
        members, _ = self._typical(cluster)
        labels = self.host.labels
        share, commonest, known = purity(members, np.asarray(labels.values))
        labelled = int(np.asarray(labels.known, bool)[members].sum())
        label = self.host.classes.names[commonest] if commonest >= 0 else ""
        # Where all is labelled, the cluster is called what most of it is.
        name = state.names.get(cluster, label if labelled == len(members) else "")
        kept = state.kept.get(cluster)
        stability = self._stabilities.get(state.groups.key(cluster))
        proposals = self._names.of(cluster, members, labels, kept)
        return {
            "cluster": cluster, "size": len(members), "name": name, "label": label, "broader": state.broader.get(cluster, ""),
            "kept": kept.overlap if kept is not None and kept.name == name and not kept.known else None, "stability": stability,
            "section": self._section(cluster) if self.sort == "novel" else "", "novel": self._section(cluster),
            "proposals": [{"name": one.name, "source": one.source, "score": round(one.score, 3)} for one in proposals],
            "purity": share, "known": known, "labelled": labelled, "within": within,
            "exemplars": members[:EXEMPLARS].tolist(), "borderline": members[EXEMPLARS:][-BORDERLINE:][::-1].tolist(),
        }

    def _group_card(self, group: int, clusters: list[int]) -> dict[str, Any]:
        state, labelled = self._state, self._labelled()
        sizes = state.groups.sizes
        largest = sorted(clusters, key=lambda cluster: (-sizes[cluster], cluster))
        broader = {state.broader.get(cluster, "") for cluster in clusters}
        return {
            "group": group, "clusters": clusters, "size": int(sizes[clusters].sum()), "labelled": int(labelled[clusters].sum()),
            "name": broader.pop() if len(broader) == 1 else "", "unfolded": group in self.unfolded,
            "names": [state.names[cluster] for cluster in largest if cluster in state.names][:12],
            "n_named": sum(cluster in state.names for cluster in clusters),
            "exemplars": [int(self._typical(cluster)[0][0]) for cluster in largest[:EXEMPLARS]],
        }

    def _labelled(self) -> np.ndarray:
        """(count,) labelled items of every cluster."""
        assignment = self._state.groups.assignment
        known = np.asarray(self.host.labels.known, bool)
        return np.bincount(assignment[(assignment >= 0) & known], minlength=self._state.groups.count)

    def _progress(self) -> dict[str, int]:
        known = np.asarray(self.host.labels.known, bool)
        groups = self._state.groups
        sizes, labelled = groups.sizes, self._labelled()
        alive = sizes > 0
        return {
            "clusters": int(alive.sum()), "labelled": int((labelled[alive] == sizes[alive]).sum()), "items": int(known.sum()),
            "n_items": len(known), "outliers": len(groups.outliers), "named": len(self._state.names), "sent": len(self._state.sent),
        }


def _centres(vectors: Any, assignment: np.ndarray, count: int) -> np.ndarray:
    """(count, D) mean of the rows of each group."""
    from scipy.sparse import csr_array

    inside = np.flatnonzero(assignment >= 0)
    ones = np.ones(len(inside), np.float32)
    rows = np.asarray(vectors)
    chosen = csr_array((ones, (assignment[inside], inside)), shape=(count, len(rows)))
    sums = chosen @ rows
    return np.asarray(sums / np.maximum(np.bincount(assignment[inside], minlength=count), 1)[:, None])
