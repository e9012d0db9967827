"""ClusterBoard: one card a cluster, to be named, merged, split and accepted as labels."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import traitlets

from labelnb.cluster_splitting import parts_of
from labelnb.cluster_tree import ClusterTree
from labelnb.fingerprints import fingerprint
from labelnb.packed import pack
from labelnb.results import Clusters, Proposal
from labelnb.widgets.cluster_cards import SORTS
from labelnb.widgets.cluster_classes import ClusterClasses
from labelnb.widgets.cluster_marks import ClusterMarks
from labelnb.widgets.cluster_measures import ClusterMeasures
from labelnb.widgets.cluster_names import NameProposal, NameProposals
from labelnb.widgets.cluster_requests import TAKEN_BACK, ClusterRequests
from labelnb.widgets.cluster_steps import BoardHistory, known_classes
from labelnb.widgets.panel import bundle

__all__ = ["ClusterBoard"]

class ClusterBoard(ClusterRequests, ClusterMarks, ClusterClasses, ClusterMeasures):
    """Clusters as cards with exemplars and borderline items; a name makes labels of a whole cluster.

    Parameters
    ----------
    host : the session
    clusters : Clusters over the session's items
    embeddings : (N, D) vectors by which exemplars (nearest the centre) and borderline items (farthest from it) are chosen, and clusters are
        split, measured and put in a tree; by default those in the evidence, or the session's where the clusters were made of them; without
        any, the clusters' own probabilities order the items
    sort : `size`, `purity`, `mixed`, `unstable`, `open`, `number`, `tree`, or `novel`: new groups before known classes, the default where
        the evidence tells them apart, as that of the family novel does
    page_size : cards a page, 1 to 60
    names : a bank of texts that could be names; the one nearest to a cluster is proposed, where the encoder reads text. `"emoji"`,
        `"imagenet"`, `"wordnet"` are there, see `labelnb.cluster_banks.name_bank`; key b looks in the first
    annotator : takes a list of items (texts, or pictures) and gives a name, or one an item; asked for a cluster when told to

    Notes
    -----
    Everything done here is a step in the session's journal: undone and redone like a label, and there again when the cell is run again
    over the same clusters, also after the kernel was restarted. Over other clusters of the same items, each cluster that overlaps by half
    or more (Jaccard, one to one) with one named before keeps its name, and the card says so. Accepting a cluster labels its items, in one
    step to undo, and never overwrites what people decided one by one.

    Examples
    --------
    >>> board = s.clustering.sela(n_clusters=30).widget()             # doctest: +SKIP
    >>> board.merge(3, 7); board.split_up(5); board.accept(3, "bird", exceptions=[17]); board.counts      # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("cluster_board")).tag(sync=True)

    page = traitlets.Int(0).tag(sync=True)
    """The page of cards in view, from 0."""
    sort = traitlets.Unicode("size").tag(sync=True)
    """Order of the cards."""
    level = traitlets.Int(0).tag(sync=True)
    """Number of groups that the tree is cut into; 0 shows every cluster on its own."""
    unfolded = traitlets.List(traitlets.Int()).tag(sync=True)
    """Groups that are unfolded, each by the smallest number of its clusters."""
    version = traitlets.Int(0).tag(sync=True)
    """Goes up with every change of groups, names or order."""
    linked = traitlets.Int(0).tag(sync=True)
    """Number of maps whose selection is marked here."""

    def __init__(
        self, host: Any, clusters: Clusters, *, embeddings: Any = None, sort: str | None = None, page_size: int = 12,
        names: str | Sequence[str] = (), annotator: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        if not isinstance(clusters, Clusters):
            raise TypeError(f"clusters: got {type(clusters).__name__}, expected Clusters, such as s.clustering.sela() gives")
        if len(clusters) != len(host.items):
            raise ValueError(f"clusters: over {len(clusters)} items, the session has {len(host.items)}; run the method again")
        if not 1 <= int(page_size) <= 60:
            raise ValueError(f"page_size: got {page_size}, expected 1 to 60 cards a page")
        novel = "classes" in clusters.evidence
        sort = self._check_sort(sort or ("novel" if novel else "size"))
        self.result, self.page_size = clusters, int(page_size)
        self._vectors = _vectors(host, clusters, embeddings)
        known = known_classes(host, clusters)
        items = f"board:{fingerprint(chr(31).join(host.items.ids.tolist()))[:12]}:"
        self._history = BoardHistory(host, items + fingerprint(clusters.assignment), items, clusters, known)
        self._names = NameProposals(host, names, annotator, self._state.groups)
        self._start_work()
        self._start_marks()
        self._start_measures()
        self._start_cards()
        made = clusters.provenance
        super().__init__(
            host, title=f"Clusters of {made.method}" if made else "Clusters", warnings=list(clusters.warnings), foldable=self.foldable,
            sorts={
                name: what for name, what in SORTS.items()
                if (self.foldable or name not in ("tree", "unstable")) and (novel or name != "novel")
            },
            annotator=annotator is not None, bank=bool(names),
            kept=0 if self._history.began else sum(not one.known for one in self._state.kept.values()),
        )
        self._recall()
        self.sort = sort
        self._arrange()
        self.observe(self._resort, "sort")
        self.observe(self._relevel, ["level", "unfolded"])

    # The Python side of everything a person can do -----------------------------------------------------------------------

    @property
    def assignment(self) -> np.ndarray:
        """(N,) int64, the method's assignment with merges and splits; -1 for outliers."""
        return self._state.groups.assignment.copy()

    @property
    def names(self) -> dict[int, str]:
        """Names given so far, by cluster, accepted or not."""
        return dict(self._state.names)

    @property
    def broader(self) -> dict[int, str]:
        """What a cluster is a kind of, by cluster, where that was named."""
        return dict(self._state.broader)

    @property
    def kept_names(self) -> dict[int, tuple[str, float]]:
        """Names taken over from a clustering before, by cluster, each with the overlap (Jaccard, .5 to 1) that it rests on."""
        return {cluster: (one.name, one.overlap) for cluster, one in self._state.kept.items() if not one.known}

    @property
    def known(self) -> dict[int, str]:
        """Clusters that stand for classes known beforehand, by the method's evidence; they are named so from the start."""
        return {cluster: one.name for cluster, one in self._state.kept.items() if one.known}

    @property
    def counts(self) -> dict[str, int]:
        """`clusters` that hold items, those `labelled` completely, `items` labelled, and `outliers`."""
        return self._progress()

    @property
    def to_review(self) -> np.ndarray:
        """(n,) int64 positions sent to review, ascending; `review()` opens them."""
        return np.array(sorted(self._state.sent), np.int64)

    @property
    def tree(self) -> ClusterTree:
        """The hierarchy over the clusters as they are; ValueError without vectors."""
        return self._tree()

    def members(self, cluster: int) -> np.ndarray:
        """(n,) positions in a cluster, the most typical first."""
        return self._typical(int(cluster))[0]

    def name(self, cluster: int, name: str) -> None:
        """Name a cluster, without labelling anything yet; an empty name takes it away."""
        self._existing(cluster)
        wanted = str(name).strip()
        if self._state.names.get(int(cluster), "") != wanted:
            self._do(f"cluster {cluster} named {wanted}" if wanted else f"name of cluster {cluster} taken away", 0,
                     do="name", cluster=int(cluster), name=wanted)

    def proposals(self, cluster: int) -> list[NameProposal]:
        """Names for a cluster, the surest source first, each with its source and score; does all the searching that it takes."""
        while len(set(self._names.work())) > 1:
            pass
        return self._names.of(int(cluster), self._existing(cluster), self.host.labels, self._state.kept.get(int(cluster)))

    def look_in(self, names: str | Sequence[str] = "emoji") -> None:
        """Look for names in a bank of texts as well; ValueError where the encoder reads no text."""
        if not self.host.can_search_text:
            raise ValueError("look_in: the items' encoder reads no text, so no text is near to them; go by labels or words")
        self._names.look_in(names)
        self.version += 1

    def ask(self, cluster: int) -> NameProposal:
        """Let the annotator name a cluster; what it says is proposed, and nothing is named."""
        made = self._names.ask(int(cluster), self.members(cluster))
        self.version += 1
        return made

    def accept(
        self, cluster: int, name: str | None = None, *, exceptions: Any = None, exceptions_are: Literal["not", "review"] = "not",
    ) -> int:
        """Label the items of a cluster with its name; a name that is no class yet becomes one. Returns how many were labelled.

        Parameters
        ----------
        cluster : its number
        name : the class; the cluster's name by default
        exceptions : items (ids or positions) of the cluster that do not belong: they leave it, in the same step
        exceptions_are : `"not"` labels them 'not <name>', `"review"` only sends them to review

        Raises
        ------
        ValueError
            If the cluster has no name, or all its items are exceptions.

        Notes
        -----
        What people decided one by one stays. Where the cluster has a broader name, that becomes the class's parent.
        """
        return self._accept(int(cluster), name, exceptions, exceptions_are)

    def accept_all(self, clusters: Sequence[int] | None = None) -> int:
        """Accept these clusters, or all, where they have names: one step to undo. Returns how many items were labelled; ValueError where
        none has a name."""
        return self._accept_all(sorted(self._state.names) if clusters is None else [int(cluster) for cluster in clusters])

    def merge(self, *clusters: int) -> int:
        """Put clusters together under the first one's number, which comes back; its name stays, or the first name there is."""
        wanted = [int(cluster) for cluster in clusters]
        n_items = sum(len(self._state.groups.members(cluster)) for cluster in wanted)
        self._do(f"clusters {', '.join(map(str, wanted))} merged", n_items, do="merge", clusters=wanted)
        return wanted[0]

    def split(self, cluster: int, items: Any) -> int:
        """Make a new cluster of some items of a cluster; its number comes back. `items`: ids, positions, a mask, or an Explorer, whose
        selection is taken as far as it is in the cluster."""
        chosen = self._chosen(int(cluster), items)
        self._do(f"{len(chosen):,} items split off cluster {cluster}", len(chosen), near=int(cluster),
                 do="split", cluster=int(cluster), parts=[pack(chosen)])
        return self._state.made[0]

    def split_up(self, cluster: int, k: int | None = None, *, most: int = 8) -> list[int]:
        """Split a cluster by k-means into `k` parts, or as many (2 to `most`) as have the best silhouette. The largest keeps the number;
        the numbers of all parts come back."""
        members = self._existing(cluster)
        parts = parts_of(np.asarray(self._needed("split_up")[members]), k, most=most, seed=int(getattr(self.host, "seed", 0))).assignment
        found = [members[parts == part] for part in range(1, int(parts.max()) + 1)]
        self._do(f"cluster {cluster} split into {len(found) + 1}", len(members), near=int(cluster),
                 do="split", cluster=int(cluster), parts=[pack(part) for part in found if len(part)])
        return [int(cluster), *self._state.made]

    def remove(self, cluster: int, items: Any) -> None:
        """Take items out of a cluster: they become outliers, and are left out when it is accepted."""
        chosen = self._chosen(int(cluster), items)
        self._do(f"{len(chosen):,} items taken out of cluster {cluster}", len(chosen),
                 do="remove", cluster=int(cluster), items=pack(chosen))

    def name_group(self, clusters: Sequence[int], name: str) -> None:
        """Name what several clusters are kinds of; when they are accepted it becomes the parent of their classes. Empty takes it away."""
        wanted = [int(cluster) for cluster in clusters]
        for cluster in wanted:
            self._existing(cluster)
        self._do(f"clusters {', '.join(map(str, wanted))} are kinds of {name.strip() or 'nothing'}", 0,
                 do="broader", clusters=wanted, name=name.strip())

    def groups(self, n_groups: int) -> list[np.ndarray]:
        """The clusters in `n_groups` groups of the tree."""
        return self._tree().cut(n_groups)

    def close(self) -> None:
        """Close all views, let go of linked Explorers, stop listening to the host."""
        self.unlink()
        super().close()

    def send_to_review(self, cluster: int | None = None) -> np.ndarray:
        """Set the items of a cluster (or, without one, the outliers) aside for review in `to_review`; they come back, too."""
        positions = self._state.groups.outliers if cluster is None else self._existing(cluster)
        if len(positions):
            self._do(f"{len(positions):,} items sent to review", len(positions), do="send", cluster=cluster)
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
        for cluster, name in self._state.names.items():
            if name in names:
                probabilities[self._state.groups.members(cluster), names.index(name)] = 1
        return Proposal(probabilities, classes=names, provenance=self.result.provenance)

    def undo(self) -> bool:
        """Take back the session's last step among labels, classes and work on boards, whoever did it. False where there is none."""
        return bool(self.host.undo_decision(1, TAKEN_BACK))

    def redo(self) -> bool:
        """Bring it back."""
        return bool(self.host.redo_decision(1, TAKEN_BACK))

    def host_changed(self) -> None:
        """Labels, classes or steps changed, from whatever side."""
        super().host_changed()
        self._sync(self._near)
        self.version += 1

    def current(self) -> Clusters:
        """The clusters as they are now, as a result: with `names` and, where measured, `stability` (NaN elsewhere) in the evidence."""
        groups, names = self._state.groups, self._state.names
        found: dict[str, Any] = {"names": [names.get(cluster, "") for cluster in range(groups.count)]}
        values = np.array([self._stabilities.get(groups.key(cluster), np.nan) for cluster in range(groups.count)])
        if not np.isnan(values).all():
            found["stability"] = values
        return dataclasses.replace(self.result, assignment=self.assignment, probabilities=None, evidence={**self.result.evidence, **found})

    def static_bundle(self) -> dict[str, Any]:
        """The clusters as they are now, for saved notebooks."""
        from labelnb.widgets.static_view import mimebundle

        return mimebundle(self.current())

    # Private -------------------------------------------------------------------------------------------------------------

    def _resort(self, change: Any) -> None:
        self._arrange()
        self.page = 0
        self.version += 1

    def _relevel(self, change: Any) -> None:
        self.page = min(self.page, max(self.pages - 1, 0))
        self.version += 1

    @traitlets.validate("sort")
    def _valid_sort(self, proposal: Any) -> str:
        return self._check_sort(proposal.value)

    @staticmethod
    def _check_sort(sort: str) -> str:
        if sort not in SORTS:
            raise ValueError(f"sort: got {sort!r}, expected one of {sorted(SORTS)}")
        return str(sort)


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
