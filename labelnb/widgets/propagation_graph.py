"""PropagationGraph: one item, its neighbours and the classes they lead to; where its label comes from, and what it should be."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.explain import Explanation
from labelnb.results import Proposal
from labelnb.selection import positions_of
from labelnb.widgets.answers import decide, label_json
from labelnb.widgets.ego_graph import ego_graph
from labelnb.widgets.graph_what_if import WhatIf
from labelnb.widgets.panel import Answer, bundle, label_value
from labelnb.widgets.review_pages import fill_in, ordered

__all__ = ["PropagationGraph"]

ORDERS = {"doubt": "least sure first", "confidence": "surest first", "position": "as loaded"}
LIST_LIMIT = 200
ROWS, SOURCES, KEPT = 12, 6, 64


class PropagationGraph(WhatIf):
    """Why an item got its class: its neighbours in the graph, the share of every seed in its score, and the strongest paths.

    Parameters
    ----------
    host : the session
    proposal : a Proposal on a graph (`evidence["graph"]`): its neighbours are drawn; one that is a linear solve (`evidence["system"]`, as
        zlap gives) shows every seed's share too; of any other, the classes' scores are shown without a drawing
    item : id or position to begin with; the item of which the method is least sure by default
    neighbours : edges of the item that are drawn at most, the strongest first

    Notes
    -----
    The shares are exact: the adjoint system is solved for the item in view, and they add up to its scores. One solve costs about what
    one class costs the method; the last 64 are kept. The drawing shows part of the graph, and says how large that part is.

    Examples
    --------
    >>> graph = s.propagation.zlap().widget()                      # doctest: +SKIP
    >>> graph.focus("IMG_0231.jpg"); print(graph.explanation)      # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("propagation_graph")).tag(sync=True)

    item = traitlets.Int(-1).tag(sync=True)
    """Position of the item in view; assign, or call `focus`, to look at another."""

    def __init__(self, host: Any, proposal: Proposal, *, item: Any = None, neighbours: int = 12) -> None:
        if not isinstance(proposal, Proposal):
            raise TypeError(f"proposal: got {type(proposal).__name__}, expected a Proposal, such as s.propagation.zlap() gives")
        if not 1 <= int(neighbours) <= 40:
            raise ValueError(f"neighbours: got {neighbours}, expected 1 to 40")
        self.host, self.neighbours = host, int(neighbours)
        self.start(proposal)
        self._visited: list[int] = []
        self._going_back = False
        self._explained: OrderedDict[int, Explanation] = OrderedDict()
        self._read(self.result)
        made = proposal.provenance
        super().__init__(
            host, title=f"Labels by {made.method}" if made else "Labels by propagation", proposed=list(proposal.classes), orders=ORDERS,
            has_graph="graph" in proposal.evidence, has_system="system" in proposal.evidence,
            can_edit=bool(self.also) and "graph" in proposal.evidence, multi=host.classes.multi, warnings=list(proposal.warnings),
        )
        if len(host.items):
            self.item = int(positions_of(host.items, item)[0]) if item is not None else self._first()
        self.observe(self._moved, "item")

    # The Python side of everything a person can do -----------------------------------------------------------------------

    @property
    def explanation(self) -> Explanation:
        """Why the item in view got its class."""
        return self._explain(self.item)

    def focus(self, item: str | int) -> Explanation:
        """Look at another item, by id or position; why it got its class comes back."""
        self.item = int(positions_of(self.host.items, item)[0])
        return self.explanation

    def back(self) -> bool:
        """Return to the item that was in view before; False where there is none."""
        if not self._visited:
            return False
        self._going_back = True
        try:
            self.item = self._visited.pop()
        finally:
            self._going_back = False
        return True

    def accept(self) -> None:
        """Give the item in view the class that is proposed. ValueError where the method abstains."""
        k = int(self._filled.values[self.item])
        if k < 0:
            raise ValueError(f"nothing is proposed for {self.host.items.ids[self.item]}; decide with set(value)")
        self.set(self.host.classes.names[k])

    def set(self, value: Any, item: Any = None) -> None:
        """Decide the item in view (or another). `value` as in `Session.label`; None clears."""
        where = np.array([self.item]) if item is None else positions_of(self.host.items, item)
        decide(self.host, self.result, self._filled, where, value)

    def adopt(self, proposal: Proposal) -> None:
        """Show another proposal over the same items, such as this one after a change of the graph."""
        self._explained.clear()
        self._read(proposal)
        super().adopt(proposal)

    def host_changed(self) -> None:
        """Labels or classes changed, from whatever side."""
        if list(self.host.classes.names) != self.state.get("classes"):
            self._read(self.result)
        super().host_changed()

    # What the front end asks ---------------------------------------------------------------------------------------------

    def on_focus(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Look at an item; what is drawn of it comes back."""
        self.focus(int(message["item"]))
        return self._ego(message)

    def on_back(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Return to the item before."""
        moved = self.back()
        return {**self._ego(message), "moved": moved}

    def on_ego(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """The item in view: nodes and edges to draw, shares, paths."""
        return self._ego(message)

    def on_standing(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """How items stand now: proposed class, confidence, label."""
        return {"items": [self._standing(int(position)) for position in message["positions"]][:LIST_LIMIT]}

    def on_list(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Items to choose from, in an order, or those that fit a text: by id, by their own text, else by what the encoder finds near."""
        start = max(0, int(message.get("start", 0)))
        count = int(np.clip(int(message.get("count", 40)), 1, LIST_LIMIT))
        query = str(message.get("query", "")).strip()
        found = self._found(query) if query else self._orders[str(message.get("order", "doubt"))]
        return {"items": [self._standing(int(position)) for position in found[start: start + count]], "total": len(found)}

    def on_answer(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """A person's answer. Durable when answered."""
        positions = positions_of(self.host.items, message["positions"])
        made = [label_value(one) for one in message["values"]] if "values" in message else label_value(message.get("value"))
        self.set(made, positions)
        return {"n": len(positions)}

    def on_take_back(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Undo or redo the last decision, or the last change of the graph."""
        redo = bool(message.get("redo"))
        turn = self.host.redo_decision if redo else self.host.undo_decision
        n = int(turn(1, self.also) if self.also else turn(1))
        return {"n": n} if n else {"refused": "nothing to redo" if redo else "nothing to undo"}

    def _read(self, proposal: Proposal) -> None:
        self._filled = fill_in(proposal, np.full(len(self.host.items), -1), self.host.classes.names)
        self._orders = {order: ordered(order, self._filled, proposal) for order in ORDERS}
        self._seeds = _seed_items(proposal)

    # Private -------------------------------------------------------------------------------------------------------------

    def _first(self) -> int:
        """The item of which the method is least sure among those for which it says something."""
        order = self._orders["doubt"]
        says = order[self._filled.values[order] >= 0]
        return int(says[0] if len(says) else order[0])

    def _moved(self, change: Any) -> None:
        if not self._going_back and change["old"] >= 0:
            self._visited.append(int(change["old"]))

    @traitlets.validate("item")
    def _check_item(self, proposal: Any) -> int:
        count = len(self.host.items)
        if not -1 <= proposal.value < count:
            raise IndexError(f"item: got {proposal.value}, expected a position from 0 to {count - 1}")
        return int(proposal.value)

    def _explain(self, position: int) -> Explanation:
        if position not in self._explained:
            self._explained[position] = self.result.explain(position)
            while len(self._explained) > KEPT:
                self._explained.popitem(last=False)
        return self._explained[position]

    def _ego(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.item < 0:
            return {"item": -1, "nodes": [], "edges": [], "rows": [], "paths": [], "degree": 0, "totals": [], "can_go_back": False}
        why = self._explain(self.item)
        drawn: dict[str, Any] = {"nodes": [{"node": self.item, "ring": 0}], "edges": [], "degree": 0}
        if "graph" in self.result.evidence:
            neighbours = int(np.clip(int(message.get("neighbours", self.neighbours)), 1, self.neighbours))
            sources = [node for node in (self._node(row) for row in why.rows[:SOURCES]) if node is not None]
            drawn = ego_graph(
                self.result.evidence["graph"], self.item, _first_item(self.result), paths=why.paths[:3], sources=sources,
                neighbours=neighbours, most=int(np.clip(int(message.get("most", 30)), 4, 60)),
            )
        for node in drawn["nodes"]:
            if node["node"] >= 0:
                node.update(self._standing(node["node"]))
        rows = [
            {"kind": str(row["kind"]), "node": self._node(row), "name": _spoken(row), "class": str(row["class"]),
             "share": float(row["share"])} for row in why.rows if row["share"] > 0
        ]
        totals: dict[str, float] = {}
        for row in why.rows:
            totals[str(row["class"])] = totals.get(str(row["class"]), 0.0) + float(row["share"])
        return {
            **drawn, "item": self.item, "rows": rows[:ROWS], "n_rows": len(rows),
            "paths": [{"nodes": [int(node) for node in path["nodes"]], "weight": float(path["weight"])} for path in why.paths],
            "totals": sorted(([name, share] for name, share in totals.items()), key=lambda one: -one[1]),
            "can_go_back": bool(self._visited), "label": why.label, "confidence": float(why.confidence),
            "name": str(self.host.items.ids[self.item]),
        }

    def _node(self, row: Any) -> int | None:
        if row.get("item") is not None:
            return int(row["item"])
        if row["kind"] == "classifier":                          # it stands in no graph
            return None
        classes = self.result.classes
        return -1 - classes.index(row["class"]) if row["class"] in classes else None

    def _standing(self, position: int) -> dict[str, Any]:
        labels = self.host.labels
        sure = float(self._filled.confidence[position])
        label = label_json(labels, position)
        return {
            "position": position, "filled": int(self._filled.values[position]), "confidence": None if np.isnan(sure) else sure,
            "label": label, "reviewed": label is not None and bool(labels.by_person[position]), "seed": position in self._seeds,
            "suggested": -1, "reason": "",
        }

    def _found(self, query: str) -> np.ndarray:
        items, wanted = self.host.items, query.casefold()
        by_id = [i for i, name in enumerate(items.ids) if wanted in str(name).casefold()][:LIST_LIMIT]
        by_text: list[int] = []
        if items.modality == "text":
            by_text = [i for i in range(len(items)) if wanted in items.text(i).casefold()][:LIST_LIMIT]
        near: list[int] = []
        if self.host.can_search_text:
            near = np.argsort(-np.asarray(self.host.search(query)), kind="stable")[:LIST_LIMIT].tolist()
        return np.array(list(dict.fromkeys([*by_id, *by_text, *near]))[:LIST_LIMIT], np.int64)


def _spoken(row: Any) -> str:
    """What a share comes from; of a classifier beside the graph also what it says, as it says something of every class."""
    beside = row["kind"] == "classifier" and row.get("item") is None
    return f"{row['name']}: {row['class']}" if beside else str(row["name"])


def _seed_items(proposal: Proposal) -> frozenset[int]:
    """Positions of the items that are seeds themselves: those with a label when the method ran."""
    if "system" not in proposal.evidence:
        return frozenset()
    system = proposal.evidence["system"]
    items = system.seed_nodes - system.first_item
    return frozenset(items[(items >= 0) & (items < len(proposal))].tolist())


def _first_item(proposal: Proposal) -> int:
    """Nodes of the graph in front of the items: the classes, where these are nodes too."""
    return int(proposal.evidence["system"].first_item) if "system" in proposal.evidence else 0
