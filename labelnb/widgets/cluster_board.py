"""ClusterBoard: one card a cluster, to be named, merged, split and accepted as labels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.results import Clusters, Proposal
from labelnb.selection import positions_of
from labelnb.widgets.cluster_groups import Groups, closeness, purity
from labelnb.widgets.cluster_names import NameScores
from labelnb.widgets.cluster_steps import Steps
from labelnb.widgets.panel import Answer, Panel, bundle

__all__ = ["ClusterBoard"]

SORTS = {"size": "largest first", "purity": "purest first", "mixed": "most mixed first", "open": "unlabelled first", "number": "by number"}
EXEMPLARS, BORDERLINE = 6, 2
MEMBERS_LIMIT = 1_000_000


class ClusterBoard(Panel):
    """Clusters as cards with exemplars and borderline items; a name makes labels of a whole cluster.

    Parameters
    ----------
    host : the session
    clusters : Clusters over the session's items
    embeddings : (N, D) vectors by which exemplars (nearest the centre) and borderline items (farthest from it) are chosen; by default those
        in the evidence, or the session's where the clusters were made of them; without any, the clusters' own probabilities
    sort : `size`, `purity`, `mixed`, `open` or `number`
    page_size : cards a page, 1 to 60

    Notes
    -----
    Accepting a cluster labels its items, in one step to undo, and never overwrites what people decided one by one. Accepted labels are in
    the journal and are there again when the cell is run again. Names that are not accepted yet, merges and splits are a working state of
    this widget: they outlive a reload of the page, and end with the kernel or when the cell is run again.

    Examples
    --------
    >>> board = s.clustering.sela(n_clusters=30).widget()             # doctest: +SKIP
    >>> board.merge(3, 7); board.accept(3, "bird"); board.counts      # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("cluster_board")).tag(sync=True)

    page = traitlets.Int(0).tag(sync=True)
    """The page of cards in view, from 0."""
    sort = traitlets.Unicode("size").tag(sync=True)
    """Order of the cards."""
    version = traitlets.Int(0).tag(sync=True)
    """Goes up with every change of groups, names or order."""
    to_review = traitlets.Any()
    """Positions last sent to review, (n,) int64; `review()` opens them."""

    def __init__(self, host: Any, clusters: Clusters, *, embeddings: Any = None, sort: str = "size", page_size: int = 12) -> None:
        if not isinstance(clusters, Clusters):
            raise TypeError(f"clusters: got {type(clusters).__name__}, expected Clusters, such as s.clustering.sela() gives")
        if len(clusters) != len(host.items):
            raise ValueError(f"clusters: over {len(clusters)} items, the session has {len(host.items)}; run the method again")
        if not 1 <= int(page_size) <= 60:
            raise ValueError(f"page_size: got {page_size}, expected 1 to 60 cards a page")
        self.result = clusters
        self.page_size = int(page_size)
        self._vectors = _vectors(host, clusters, embeddings)
        self._groups = Groups(clusters.assignment, clusters.n_clusters)
        self._steps = Steps(self._groups)
        self._scores = NameScores(host)
        self._arranged: np.ndarray = np.zeros(0, np.int64)
        self._shown: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._check_sort(sort)
        made = clusters.provenance
        super().__init__(host, title=f"Clusters of {made.method}" if made else "Clusters", sorts=SORTS, warnings=list(clusters.warnings))
        self.to_review = np.zeros(0, np.int64)
        self.sort = sort
        self._arrange()
        self.observe(self._resort, "sort")

    # The Python side of everything a person can do -----------------------------------------------------------------------

    @property
    def assignment(self) -> np.ndarray:
        """(N,) int64, the method's assignment with merges and splits; -1 for outliers."""
        return self._groups.assignment.copy()

    @property
    def names(self) -> dict[int, str]:
        """Names given so far, by cluster, accepted or not."""
        return dict(self._steps.names)

    @property
    def counts(self) -> dict[str, int]:
        """`clusters` that hold items, those `labelled` completely, `items` labelled, and `outliers`."""
        return self._progress()

    def members(self, cluster: int) -> np.ndarray:
        """(n,) positions in a cluster, the most typical first."""
        return self._typical(int(cluster))[0]

    def name(self, cluster: int, name: str) -> None:
        """Name a cluster, without labelling anything yet; an empty name takes it away."""
        self._existing(cluster)
        self._steps.rename(int(cluster), str(name).strip())
        self._changed()

    def accept(self, cluster: int, name: str | None = None) -> int:
        """Label the items of a cluster with its name; a name that is no class yet becomes one. Returns how many were labelled.

        What people decided one by one stays. ValueError if the cluster has no name.
        """
        members = self._existing(cluster)
        wanted = (name if name is not None else self._steps.names.get(int(cluster), "")).strip()
        if not wanted:
            raise ValueError(f"cluster {cluster} has no name; give one: accept({cluster}, 'name')")
        if wanted not in self.host.classes:
            self.host.add_class(wanted)
        left = members[~np.asarray(self.host.labels.by_person, bool)[members]]
        if len(left):
            self.host.decide(left, wanted, proposal=self.result, source="accept")
        self._steps.rename(int(cluster), wanted, alone=not len(left))
        if len(left):
            self._steps.journaled()
        self._changed()
        return len(left)

    def merge(self, *clusters: int) -> int:
        """Put clusters together under the first one's number, which comes back; its name stays, or the first name there is."""
        kept = self._steps.merge([int(cluster) for cluster in clusters])
        self._changed(arrange=True)
        return kept

    def split(self, cluster: int, items: Any) -> int:
        """Make a new cluster of some items (ids or positions) of a cluster; its number comes back."""
        made = self._steps.split(int(cluster), positions_of(self.host.items, items))
        self._changed(arrange=True, near=(int(cluster), made))
        return made

    def remove(self, cluster: int, items: Any) -> None:
        """Take items out of a cluster: they become outliers, and are left out when it is accepted."""
        self._steps.remove(int(cluster), positions_of(self.host.items, items))
        self._changed()

    def send_to_review(self, cluster: int | None = None) -> np.ndarray:
        """Set the items of a cluster (or, without one, the outliers) aside for review in `to_review`; they come back, too."""
        positions = self._groups.outliers if cluster is None else self._existing(cluster)
        self.to_review = np.unique(np.concatenate([self.to_review, positions]))
        return positions

    def review(self, cluster: int | None = None, **options: Any) -> Any:
        """A ReviewGrid over a cluster, or over all that was sent to review, filled in with the clusters' names."""
        from labelnb.widgets.review_grid import ReviewGrid

        chosen = self.to_review if cluster is None else self._existing(cluster)
        if not len(chosen):
            raise ValueError("nothing was sent to review; use send_to_review(cluster), or the card's button")
        return ReviewGrid(self.host, self.named(), only=chosen, **options)

    def named(self) -> Proposal:
        """The named clusters as a Proposal: certain for their items, abstaining on the others."""
        names = self.host.classes.names
        probabilities = np.zeros((len(self.host.items), len(names)), np.float32)
        for cluster, name in self._steps.names.items():
            if name in names:
                probabilities[self._groups.members(cluster), names.index(name)] = 1
        return Proposal(probabilities, classes=names, provenance=self.result.provenance)

    def undo(self) -> bool:
        """Take back the last thing done on this board, or, where there is none, the session's last decision. False if nothing was."""
        return self._back(redo=False)

    def redo(self) -> bool:
        """Bring it back."""
        return self._back(redo=True)

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side."""
        super().host_changed()
        self.version += 1

    # What the front end asks ---------------------------------------------------------------------------------------------

    def on_cards(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """One page of cards."""
        if "sort" in message:
            self.sort = str(message["sort"])
        if "page" in message:
            self.page = int(np.clip(int(message["page"]), 0, max(self.pages - 1, 0)))
        wanted = self._arranged[self.page * self.page_size: (self.page + 1) * self.page_size]
        return {
            "page": self.page, "pages": self.pages, "cards": [self._card(int(cluster)) for cluster in wanted], "progress": self._progress(),
            "version": self.version, "can_undo": self._steps.can_undo, "can_redo": self._steps.can_redo,
        }

    def on_members(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """All positions of a cluster, u32, the most typical first."""
        return {}, [self.members(int(message["cluster"]))[:MEMBERS_LIMIT].astype("<u4").tobytes()]

    def on_suggest(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Names proposed by text for clusters; `ready` is false while there is more to search for: ask again."""
        if not self._scores.work():
            return {"ready": False, "names": {}}
        wanted = [int(cluster) for cluster in message["clusters"]]
        return {"ready": True, "names": {str(cluster): self._scores.best(self._groups.members(cluster)) for cluster in wanted}}

    def on_name(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Name a cluster."""
        self.name(int(message["cluster"]), str(message["name"]))
        return {}

    def on_accept(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Accept a cluster; durable when answered."""
        cluster = int(message["cluster"])
        size = len(self._existing(cluster))
        labelled = self.accept(cluster, str(message["name"]))
        return {"labelled": labelled, "kept": size - labelled}

    def on_merge(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Merge clusters."""
        return {"cluster": self.merge(*message["clusters"])}

    def on_split(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Split items off a cluster, or take them out (`out`)."""
        cluster, positions = int(message["cluster"]), np.asarray(message["positions"], np.int64)
        if message.get("out"):
            self.remove(cluster, positions)
            return {"cluster": None}
        return {"cluster": self.split(cluster, positions)}

    def on_send(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Send a cluster, or the outliers, to review."""
        sent = self.send_to_review(message.get("cluster"))
        return {"n": len(sent), "total": len(self.to_review)}

    def on_take_back(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Undo or redo."""
        redo = bool(message.get("redo"))
        return {} if self._back(redo) else {"refused": "nothing to redo" if redo else "nothing to undo"}

    # Private -------------------------------------------------------------------------------------------------------------

    @property
    def pages(self) -> int:
        """Number of pages of cards."""
        return -(-len(self._arranged) // self.page_size)

    def _back(self, redo: bool) -> bool:
        kind = self._steps.redo() if redo else self._steps.undo()
        if kind == "groups":
            self._changed(arrange=True)
        elif kind == "names":
            self._changed()
        else:
            n = (self.host.redo_decision if redo else self.host.undo_decision)(1)
            self._changed()
            return bool(n)
        return True

    def _existing(self, cluster: int) -> np.ndarray:
        members = self._groups.members(cluster)
        if not len(members):
            raise ValueError(f"cluster {cluster} holds no items (merged away, or empty from the start)")
        return members

    def _changed(self, arrange: bool = False, near: tuple[int, int] | None = None) -> None:
        if arrange:
            alive = self._groups.sizes > 0
            order = [int(cluster) for cluster in self._arranged if alive[cluster]]
            fresh = [int(cluster) for cluster in np.flatnonzero(alive) if cluster not in set(order)]
            for cluster in fresh:
                # Cards keep their places; a new one stands beside the card it came from.
                at = order.index(near[0]) + 1 if near is not None and cluster == near[1] and near[0] in order else len(order)
                order.insert(at, cluster)
            self._arranged = np.array(order, np.int64)
            self.page = min(self.page, max(self.pages - 1, 0))
        self.version += 1

    def _arrange(self) -> None:
        sizes = self._groups.sizes
        alive = np.flatnonzero(sizes > 0)
        if self.sort in ("purity", "mixed"):
            known = np.asarray(self.host.labels.values)
            shares = [purity(self._groups.members(int(cluster)), known)[0] for cluster in alive]
            sign = -1 if self.sort == "purity" else 1
            key = np.array([np.inf if share is None else sign * share for share in shares])
        elif self.sort == "open":
            known = np.asarray(self.host.labels.known, bool)
            key = np.array([float(known[self._groups.members(int(cluster))].all()) for cluster in alive])
        else:
            key = np.zeros(len(alive))
        second = alive if self.sort == "number" else -sizes[alive]
        self._arranged = alive[np.lexsort((alive, second, key))]

    def _resort(self, change: Any) -> None:
        self._arrange()
        self.page = 0
        self.version += 1

    @traitlets.validate("sort")
    def _valid_sort(self, proposal: Any) -> str:
        return self._check_sort(proposal.value)

    @staticmethod
    def _check_sort(sort: str) -> str:
        if sort not in SORTS:
            raise ValueError(f"sort: got {sort!r}, expected one of {sorted(SORTS)}")
        return str(sort)

    def _typical(self, cluster: int) -> tuple[np.ndarray, np.ndarray]:
        """Members, the most typical first, and their closeness."""
        key = (cluster, self._groups.version)
        if key not in self._shown:
            members = self._groups.members(cluster)
            near = closeness(members, vectors=self._vectors, probabilities=self.result.probabilities, assignment=self.result.assignment)
            order = np.argsort(-near, kind="stable")
            if len(self._shown) > 200:
                self._shown.clear()
            self._shown[key] = (members[order], near[order])
        return self._shown[key]

    def _card(self, cluster: int) -> dict[str, Any]:
        members, _ = self._typical(cluster)
        labels = self.host.labels
        share, commonest, known = purity(members, np.asarray(labels.values))
        labelled = int(np.asarray(labels.known, bool)[members].sum())
        label = self.host.classes.names[commonest] if commonest >= 0 else ""
        # Where all is labelled, the cluster is called what most of it is; before, a clear majority proposes its name.
        called = label if labelled == len(members) else ""
        likely = label if share is not None and share > 0.5 and known > 1 else ""
        return {
            "cluster": cluster, "size": len(members), "name": self._steps.names.get(cluster, called), "label": label,
            "suggestion": likely, "purity": share, "known": known, "labelled": labelled,
            "exemplars": members[:EXEMPLARS].tolist(), "borderline": members[EXEMPLARS:][-BORDERLINE:][::-1].tolist(),
        }

    def _progress(self) -> dict[str, int]:
        known = np.asarray(self.host.labels.known, bool)
        assignment, sizes = self._groups.assignment, self._groups.sizes
        inside = assignment >= 0
        labelled = np.bincount(assignment[inside & known], minlength=len(sizes))
        alive = sizes > 0
        return {
            "clusters": int(alive.sum()), "labelled": int((labelled[alive] == sizes[alive]).sum()), "items": int(known.sum()),
            "n_items": len(known), "outliers": int((~inside).sum()),
        }


def _vectors(host: Any, clusters: Clusters, embeddings: Any) -> Any:
    if embeddings is not None:
        rows = np.asarray(getattr(embeddings, "vectors", embeddings))
        if rows.ndim != 2 or len(rows) != len(host.items):
            raise ValueError(f"embeddings: got shape {rows.shape}, expected ({len(host.items)}, D): one vector an item")
        return rows
    if "embeddings" in clusters.evidence:
        return np.asarray(clusters.evidence["embeddings"])
    made = clusters.provenance
    return host.embeddings.vectors if made is not None and "embeddings" in made.ingredients and hasattr(host, "embeddings") else None
