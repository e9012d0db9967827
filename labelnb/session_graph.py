"""The graph of a session: how it is made, and what people have changed in it. Every change is journaled, and can be undone."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from labelnb.ingredients import MissingIngredient

if TYPE_CHECKING:
    from labelnb.playback import Playback
    from labelnb.preview import Preview
    from labelnb.results import Proposal, Report
    from labelnb.session import Session

__all__ = ["GraphEdit", "GraphChanges", "SessionGraph", "SUBJECT"]

SUBJECT = "graph"
"""What the journal's steps on the session's graph are about."""


@dataclass(frozen=True)
class GraphEdit:
    """One changed edge, or all edges of one item."""

    a: str
    """Id of an item."""
    b: str | None
    """Id of the other end; None where all edges of `a` are meant."""
    factor: float
    """What the weight is multiplied by: 0 cuts."""
    strength: float
    """What is added to it, in mean weights of an edge."""
    event: int = 0
    """Its number in the journal; 0 where it is not there."""

    def __str__(self) -> str:
        where = f"{self.a} and all its neighbours" if self.b is None else f"{self.a} and {self.b}"
        if self.strength:
            return f"joined {where} ({self.strength:g} mean weights)"
        return f"cut {where}" if self.factor == 0 else f"weighed {where} by {self.factor:g}"


class GraphChanges(NamedTuple):
    """What people have changed since a method ran."""

    edits: np.ndarray
    """(E, 4), see `SessionGraph.array`."""
    labels: Mapping[int, str | None]
    """Class by item position, of labels that were committed from a preview."""
    base: tuple[int, ...]
    """What the method's own graph rests on: where this is another than it was, the method has to be run again."""

    def __bool__(self) -> bool:
        return bool(len(self.edits) or self.labels)


class SessionGraph:
    """The graph over a session's items that methods are handed as `graph`: made from the embeddings or given, then edited.

    Edits are kept by item and apply to whatever graph there is, in order: also to the neighbours that a method such as `zlap` finds by
    itself (it is handed them as `graph_edits`). `s.undo()` takes them back one by one.

    Examples
    --------
    >>> s.graph.build(k=10, mutual=True)                           # doctest: +SKIP
    >>> s.graph.cut("IMG_0231.jpg", "IMG_0877.jpg")                # doctest: +SKIP
    >>> s.graph.weigh("IMG_0231.jpg", factor=0.2); s.undo()        # doctest: +SKIP
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # How it is made -------------------------------------------------------------------------------------------------------

    def build(
        self,
        *,
        k: int = 15,
        mutual: bool = False,
        scale: Literal["cosine", "adaptive"] = "cosine",
        gamma: float = 1.0,
        modalities: Mapping[str, Any] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> int:
        """Make the graph of the nearest neighbours; see `labelnb.graph.neighbour_graph`. Edits stay.

        Parameters
        ----------
        k, mutual, scale, gamma : as there
        modalities : further vectors of the same items by name, (N, D) each, joined with the session's own under the name `embeddings`
        weights : of the modalities by name, 1 each by default
        """
        from labelnb.graph import neighbour_graph

        options: dict[str, Any] = {"k": int(k), "mutual": bool(mutual), "scale": scale, "gamma": float(gamma)}
        summary = f"graph of the {k} nearest{', mutual' if mutual else ''}{', adaptive scale' if scale == 'adaptive' else ''}"
        joined: Any = self._session.embeddings.vectors
        if modalities is None and weights:
            raise ValueError(f"weights: got {list(weights)} without modalities; give the vectors they weigh: modalities={{name: (N, D)}}")
        if modalities is not None:
            joined = {"embeddings": self._session.embeddings.vectors, **modalities}
            options["weights"] = {name: float((weights or {}).get(name, 1.0)) for name in joined}
            summary += f", of {', '.join(joined)}"
        made = neighbour_graph(joined, **options)                 # refused before it is journaled
        details: dict[str, Any] = {"op": "build", "options": options}
        if modalities is not None:
            details["key"] = self._keep(made)
        return self._record(details, summary, 0)

    def use(self, source: Any) -> int:
        """Take the user's own graph: edge list, networkx, scipy sparse, edge_index; see `labelnb.graph.user_graph`. Edits stay."""
        from labelnb.graph import user_graph

        made = user_graph(source, self._session.items.ids)
        summary = f"graph given with {made.nnz // 2:,} edges"
        return self._record({"op": "use", "key": self._keep(made)}, summary, 0)

    def _keep(self, graph: Any) -> str:
        store = self._session.folder.store
        key: str = store.key("graph", graph=graph, items=self._session.items.fingerprint)
        store.put(key, {"graph": graph})
        return key

    # What is changed in it ------------------------------------------------------------------------------------------------

    def cut(self, a: Any, b: Any = None) -> int:
        """Cut the edge between two items (ids or positions), or all edges of one."""
        return self.edit(cut=[a if b is None else (a, b)])

    def weigh(self, a: Any, b: Any = None, *, factor: float) -> int:
        """Multiply the weight of the edge between two items, or of all edges of one, by `factor`."""
        return self.edit(weigh=[(a, factor) if b is None else (a, b, factor)])

    def add(self, a: Any, b: Any, weight: float = 1.0) -> int:
        """Join two items by an edge of `weight`, in mean weights of an edge of the graph; it replaces one that is there."""
        return self.edit(add=[(a, b, weight)])

    def edit(
        self, *, cut: Iterable[Any] = (), weigh: Iterable[Any] = (), add: Iterable[Any] = (), joined_to: int | None = None,
    ) -> int:
        """Several changes as one step to undo; the number of its event comes back.

        Parameters
        ----------
        cut : pairs (a, b), or single items of which all edges are cut
        weigh : (a, b, factor), or (a, factor) for all edges of an item
        add : (a, b) or (a, b, weight)
        joined_to : number of the event with which this is one step to undo

        Raises
        ------
        KeyError, IndexError, ValueError
            If an item is unknown, a number negative, or there is nothing to change; nothing is recorded then.
        """
        edits = self.edits_of(cut=cut, weigh=weigh, add=add)
        if not edits:
            raise ValueError("edit: got nothing to change; expected cut=[(a, b)], weigh=[(a, b, factor)] or add=[(a, b)]")
        touched = {end for edit in edits for end in (edit.a, edit.b) if end is not None}
        summary = str(edits[0]) if len(edits) == 1 else f"{len(edits)} changes of the graph: {edits[0]}, ..."
        rows = [[edit.a, edit.b, edit.factor, edit.strength] for edit in edits]
        return self._record({"op": "edit", "edits": rows}, summary, len(touched), joined_to)

    def edits_of(self, *, cut: Iterable[Any] = (), weigh: Iterable[Any] = (), add: Iterable[Any] = ()) -> list[GraphEdit]:
        """The changes that `edit` would record, checked, and recorded nowhere."""
        wanted: list[tuple[Any, Any, float, float]] = []
        for one in cut:
            a, b = one if isinstance(one, tuple | list) else (one, None)
            wanted.append((a, b, 0.0, 0.0))
        for part in weigh:
            a, b, factor = part if len(part) == 3 else (part[0], None, part[1])
            wanted.append((a, b, _positive(factor, "factor"), 0.0))
        for part in add:
            a, b, strength = part if len(part) == 3 else (*part, 1.0)
            wanted.append((a, b, 0.0, _positive(strength, "weight")))
        ids = self._session.items.ids
        edits = []
        for a, b, factor, strength in wanted:
            one, other = self._one(a), None if b is None else self._one(b)
            if one == other:
                raise ValueError(f"edit: got {ids[one]} twice; an edge joins two items")
            edits.append(GraphEdit(str(ids[one]), None if other is None else str(ids[other]), factor, strength))
        return edits

    @property
    def edits(self) -> tuple[GraphEdit, ...]:
        """The edits that hold, in order."""
        return tuple(
            GraphEdit(a, b, float(factor), float(strength), event.number)
            for event in self._session.steps(SUBJECT)
            if event.content["op"] == "edit"
            for a, b, factor, strength in event.content["edits"]
        )

    def array(self, edits: Iterable[GraphEdit] | None = None) -> np.ndarray:
        """(E, 4) float64 rows a, b, factor, strength by position, as methods take them under `graph_edits`; b = -1 for all edges of a.

        Edits of items that are set aside now are left out.
        """
        listed = self.edits if edits is None else edits
        ids = self._session.items.ids
        place: dict[str, int] = {name: i for i, name in enumerate(ids.tolist())} if listed else {}
        rows = [
            (place[one.a], -1 if one.b is None else place[one.b], one.factor, one.strength)
            for one in listed
            if one.a in place and (one.b is None or one.b in place)
        ]
        return np.array(rows, np.float64).reshape(-1, 4)

    def commit(
        self,
        *,
        cut: Iterable[Any] = (),
        weigh: Iterable[Any] = (),
        add: Iterable[Any] = (),
        labels: Mapping[Any, str | None] | None = None,
    ) -> int:
        """Make true what `preview` was asked: edits of the graph, and labels as a person's decisions, in one step to undo.

        The number of its last event comes back.
        """
        edits = {"cut": list(cut), "weigh": list(weigh), "add": list(add)}
        wanted = any(edits.values())
        if wanted:
            self.edits_of(**edits)                                # refused before any of it is recorded
        number = None
        if labels:
            places = [self._one(item) for item in labels]
            named = {str(self._session.items.ids[i]): value for i, value in zip(places, labels.values(), strict=True)}
            number = self._session.decide(places, list(labels.values()), step=(SUBJECT, {"op": "seeds", "labels": named}))
        if wanted or number is None:
            number = self.edit(**edits, joined_to=number)
        return number

    def changes_after(self, run: int | None) -> GraphChanges:
        """What has been changed since a run, edits and committed labels; all of it where there was no run."""
        session, first = self._session, run or 0
        place = {name: i for i, name in enumerate(session.items.ids.tolist())}
        edits, labels, earlier = [], {}, []
        for step in session.steps(SUBJECT):
            if step.number <= first:
                earlier.append(step.number)
            elif step.content["op"] == "seeds":
                labels.update({place[name]: value for name, value in step.content["labels"].items() if name in place})
            elif step.content["op"] == "edit":
                edits += [edit for edit in self.edits if edit.event == step.number]
            else:
                earlier.append(-step.number)
        return GraphChanges(self.array(edits), labels, tuple(earlier))

    # What it is -----------------------------------------------------------------------------------------------------------

    @property
    def matrix(self) -> Any:
        """The graph with its edits, scipy CSR (N, N): what a method gets as `graph`."""
        from labelnb.compute import rewired
        from labelnb.store import fingerprint

        base, edits = self.base, self.array()
        if not len(edits):
            return base
        return self._session.ingredients.keep("edited graph", fingerprint([base, edits]), lambda: rewired(base, edits))

    @property
    def base(self) -> Any:
        """The graph without edits."""
        from labelnb.graph import neighbour_graph, user_graph
        from labelnb.store import fingerprint

        session = self._session
        made = [step.content for step in session.steps(SUBJECT) if step.content["op"] in ("build", "use")]
        about = made[-1] if made else None
        if about is not None and "key" in about:
            return session.ingredients.keep("graph", about["key"], lambda: self._kept(about["key"]))
        if about is None and session.items.edges is not None:
            edges, weights = session.items.edges, session.items.edge_weights
            edges = edges if weights is None else np.column_stack([edges.T, weights])
            return session.ingredients.keep("graph", session.items.fingerprint, lambda: user_graph(edges, session.items.ids))
        options = {"k": 15} if about is None else about["options"]
        vectors = session.embeddings.vectors
        basis = fingerprint([vectors, options])
        return session.ingredients.keep("graph", basis, lambda: neighbour_graph(session.on_device(vectors), **options))

    def _kept(self, key: str) -> Any:
        found = self._session.folder.store.get(key)
        if found is None or found["graph"].shape[0] != len(self._session.items):
            what = "is gone from the session's store" if found is None else f"was over {found['graph'].shape[0]} items"
            raise MissingIngredient(f"the graph that was given {what}: give it again with s.graph.use(...), or s.graph.build() one")
        return found["graph"]

    def alone(self) -> np.ndarray:
        """(n,) int64 positions of items without an edge."""
        return np.flatnonzero(np.diff(self.matrix.indptr) == 0).astype(np.int64)

    def preview(
        self,
        result: Proposal,
        *,
        cut: Iterable[Any] = (),
        weigh: Iterable[Any] = (),
        add: Iterable[Any] = (),
        labels: Mapping[Any, str | None] | None = None,
    ) -> Preview:
        """What `result` would be after changes of graph or labels; nothing is recorded. See `labelnb.preview.preview`.

        Parameters
        ----------
        cut, weigh, add : as in `edit`
        labels : class by item (id or position); None takes an item's label away
        """
        from labelnb.preview import preview

        edits = self.edits_of(cut=cut, weigh=weigh, add=add)
        named = {self._one(item): value for item, value in (labels or {}).items()}
        return preview(result, edits=self.array(edits), labels=named)

    def as_changed(self, result: Proposal, changes: GraphChanges) -> Proposal:
        """What `result` is after changes that hold."""
        from labelnb.preview import preview

        return preview(result, edits=changes.edits, labels=changes.labels).proposal if changes else result

    def playback(self, result: Proposal, frames: int = 24) -> Playback:
        """The rounds by which the labels of `result` travel, for an animation; see `labelnb.playback.playback`."""
        from labelnb.playback import playback

        return playback(result, frames=frames)

    def check(self, result: Proposal) -> Report:
        """Whether to believe a propagation: homophily, seeds that disagree, hubs, what is unreached; see `labelnb.graph_checks.check`."""
        from labelnb.graph_checks import check

        return check(result)

    def sensitivity(self, result: Proposal, only: Sequence[str] | None = None) -> Report:
        """How much a propagation hangs on its hyperparameters; see `labelnb.graph_checks.sensitivity`."""
        from labelnb.graph_checks import sensitivity

        return sensitivity(result, only)

    def layout(self) -> np.ndarray:
        """(N, 2) float32 places of the items on a map: by UMAP where the session has that already, else by PCA."""
        from labelnb.embedding import projection, projection_key

        ready = self._session.folder.store.get(projection_key(self._session, "umap"))
        return projection(self._session, "pca") if ready is None else ready["xy"]

    def __repr__(self) -> str:
        graph, edits = self.matrix, self.edits
        from labelnb.graph import parts

        count, alone = int(parts(graph).max(initial=-1)) + 1, len(self.alone())
        return f"graph of {graph.shape[0]:,} items, {graph.nnz // 2:,} edges in {count:,} parts, {alone:,} alone; {len(edits)} edits"

    def _one(self, item: Any) -> int:
        found = self._session.positions(item)
        if len(found) != 1:
            raise ValueError(f"edit: got {item!r}, expected one item: an id or a position")
        return int(found[0])

    def _record(self, content: Mapping[str, Any], summary: str, count: int, joined_to: int | None = None) -> int:
        return self._session.record_step("graph", SUBJECT, content, summary, count, joined_to)


def _positive(value: Any, name: str) -> float:
    number = float(value)
    if not 0 <= number < np.inf:
        raise ValueError(f"{name}: got {value}, expected a number of 0 or more")
    return number
