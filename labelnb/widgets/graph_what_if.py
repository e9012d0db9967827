"""The PropagationGraph's what-if: changes tried before they are made, the map on which they show, the rounds played, the checks."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from labelnb.graph_checks import used_settings
from labelnb.results import Proposal
from labelnb.selection import positions_of
from labelnb.widgets.panel import Answer, Panel

__all__ = ["WhatIf"]

MAP_LIMIT = 40_000
"""Points on the map; of more items, every so-many-th is drawn, and all that change."""
FRAMES = 24
SHOWN = 60
"""Rows of a list of the checks."""
SURE_STEPS = 7
NAME_LENGTH = 28
MOST_IN_A_BYTE = 31
"""Classes that fit a byte of a frame beside the certainty."""


class WhatIf(Panel):
    """Changes of a proposal's graph and labels: previewed, then committed or discarded."""

    result: Proposal
    """As it is shown: the method's own, with the changes since."""

    pending = traitlets.Dict().tag(sync=True)
    """What is being tried: `cut`, `weigh`, `add`, `labels`, each as handed to `preview`, by position, and `names` of the items; and what
    it would do: `n_changed`, `ms`, `residual`, `how`, and `held`, what is left as it was. Empty where nothing is. Observe it to
    hear of every preview."""

    def start(self, proposal: Proposal) -> None:
        """Begin with a proposal; called once by the subclass, before the widget itself is made."""
        self.base, self.result = proposal, proposal
        self.previewed: Any = None
        """The Preview of what is being tried; None where nothing is."""
        self._played: Any = None
        self._run = proposal.provenance.run if proposal.provenance is not None else None
        self.also = ("graph",) if hasattr(self.host, "graph") else ()
        self._applied: Any = None
        self._rests_on: tuple[int, ...] = ()
        if self.also:
            now = self.host.graph.changes_after(self._run)
            self._rests_on, self._applied = now.base, _key(now)
            self.result = self.host.graph.as_changed(proposal, now)

    # The Python side of everything a person can do -----------------------------------------------------------------------

    def preview(
        self,
        *,
        cut: Iterable[Any] = (),
        weigh: Iterable[Any] = (),
        add: Iterable[Any] = (),
        labels: Mapping[Any, str | None] | None = None,
    ) -> Any:
        """Try changes: what the proposal would be, recorded nowhere; the map shows it until `commit` or `discard`.

        Parameters
        ----------
        cut : pairs (a, b) of ids or positions, or single items of which all edges are cut
        weigh : (a, b, factor), or (a, factor) for all edges of an item
        add : (a, b) or (a, b, weight), the weight in mean weights of an edge
        labels : class by item, None to take a seed away

        Returns
        -------
        labelnb.preview.Preview, also in `previewed`.
        """
        wanted = {"cut": [self._ends(one) for one in cut], "weigh": [self._ends(one, 1) for one in weigh],
                  "add": [self._ends(one, 1 if len(one) == 3 else 0) for one in add]}
        named = {int(positions_of(self.host.items, item)[0]): value for item, value in (labels or {}).items()}
        if not named and not any(wanted.values()):
            raise ValueError("preview: got nothing to try; expected cut=[(a, b)], weigh=[(a, b, f)], add=[(a, b)] or labels={a: class}")
        found = self.host.graph.preview(self.result, **_tuples(wanted), labels=named)
        self.previewed = found
        edges = [*wanted["cut"], *(one[:-1] for one in wanted["weigh"]), *(one[:2] for one in wanted["add"])]
        self.pending = {
            **wanted,
            "labels": [[item, value] for item, value in named.items()],
            "names": [[item, self._called(item)] for item in sorted({end for edge in edges for end in edge} | set(named))],
            "n_changed": len(found.changed),
            "ms": round(found.seconds * 1000, 1),
            "residual": None if np.isnan(found.residual) else float(found.residual),
            "how": found.how,
            "held": _held(self.result),
        }
        return found

    def commit(self) -> int:
        """Make true what is being tried, as one step to undo; the number of its last event in the journal. ValueError where nothing is."""
        if not self.pending:
            raise ValueError("commit: nothing is being tried; call preview(...) first")
        wanted, self.pending, self.previewed = self.pending, {}, None
        try:
            number: int = self.host.graph.commit(
                **_tuples({name: wanted[name] for name in ("cut", "weigh", "add")}), labels=dict(wanted["labels"])
            )
        except BaseException:
            self.pending = wanted                                # a full disk: what was being tried is still there to try
            raise
        self.host_changed()
        return number

    def discard(self) -> None:
        """Forget what is being tried."""
        self.pending, self.previewed = {}, None

    @property
    def stale(self) -> bool:
        """Whether the graph that the method ran on is no longer the session's: then run the method again."""
        return bool(self.also) and self.host.graph.changes_after(self._run).base != self._rests_on

    def host_changed(self) -> None:
        """Labels, classes or the graph changed, from whatever side: what is shown follows what holds."""
        if self.also:
            now = self.host.graph.changes_after(self._run)
            if _key(now) != self._applied:
                self._applied = _key(now)
                self.adopt(self.host.graph.as_changed(self.base, now))
        super().host_changed()

    def adopt(self, proposal: Proposal) -> None:
        """Show another proposal over the same items."""
        self.result, self._played = proposal, None
        if self.pending:
            self.discard()
        self.notify("result", {})

    # What the front end asks ---------------------------------------------------------------------------------------------

    def on_map(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Places (u16 x, y), and class (i16) and certainty (u8) of every item drawn: positions (u32)."""
        count = len(self.host.items)
        drawn = np.arange(0, count, max(1, -(-count // MAP_LIMIT)))
        xy = np.asarray(self.host.graph.layout(), np.float64)
        low, span = xy.min(axis=0), np.maximum(np.ptp(xy, axis=0), 1e-12)
        places = np.round((xy - low) / span.max() * 65_535).astype("<u2")
        classes, sure = self._standings(self.result.predictions, self.result.confidence)
        height = float(span[1] / span.max()), float(span[0] / span.max())
        content = {"n": len(drawn), "of": count, "width": height[1], "height": height[0], "stale": self.stale}
        return content, [drawn.astype("<u4").tobytes(), places[drawn].tobytes(), classes[drawn].tobytes(), sure[drawn].tobytes()]

    def on_preview(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Try changes: how many items change, which (u32), from and to which class (i16 each)."""
        self.preview(
            **_tuples({name: message.get(name) or [] for name in ("cut", "weigh", "add")}),
            labels={int(item): value for item, value in message.get("labels") or []},
        )
        return self._tried()

    def on_tried(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """What is being tried now, from whatever side."""
        return self._tried()

    def on_commit(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Make it true. Durable when answered."""
        return {"event": self.commit()}

    def on_discard(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Forget it."""
        self.discard()
        return {}

    def on_frames(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """The rounds of the propagation: what is known of all, and a byte an item (two above 31 classes) of those from `start` on."""
        if self._played is None:
            self._played = self.host.graph.playback(self.result, FRAMES)
        made = self._played
        start = int(np.clip(int(message.get("start", 0)), 0, len(made.rounds)))
        stop = min(len(made.rounds), start + int(np.clip(int(message.get("count", 6)), 1, FRAMES)))
        count = len(self.host.items)
        drawn = np.arange(0, count, max(1, -(-count // MAP_LIMIT)))
        parts, wide = [], len(self.host.classes) > MOST_IN_A_BYTE
        for t in range(start, stop):
            classes, sure = self._standings(made.classes[t], made.confidence[t])
            packed = (classes[drawn].astype(np.int64) + 1) << 3 | sure[drawn]      # class + 1 above three bits of certainty
            parts.append(packed.astype("<u2" if wide else np.uint8).tobytes())
        about = {"rounds": made.rounds.tolist(), "reached": made.reached.tolist(), "distance": [round(float(d), 6) for d in made.distance]}
        return {**about, "start": start, "wide": wide}, parts

    def on_checks(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Homophily, seeds that disagree, hubs and items out of reach."""
        found = self.host.graph.check(self.result)
        tables, names = found.tables, self.host.classes.names
        seeds = [
            {"item": int(item), "label": row["label"], "says": row["the others say"], "margin": row["margin"]}
            for item, row in zip(found.evidence["disagreeing"], tables["seeds that disagree"], strict=False)
        ]
        hubs = [
            {"item": int(item), "edges": row["edges"], "times": row["times the median"]}
            for item, row in zip(found.evidence["hubs"], tables["hubs"], strict=False)
        ]
        return {
            "values": dict(found.values), "disagree": seeds, "hubs": hubs, "classes": list(names),
            "unreached": found.evidence["unreached"][:SHOWN].tolist(),
        }

    def on_sensitivity(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """Small charts: what keeps its class as one hyperparameter changes."""
        found = self.host.graph.sensitivity(self.result)
        used = used_settings(self.base)
        return {"charts": [
            {"name": name, "x": chart["x"], "used": used.get(name),
             "series": {key: [None if value is None or np.isnan(value) else float(value) for value in values]
                        for key, values in chart["series"].items()}}
            for name, chart in found.figures.items()
        ]}

    def on_flips(self, message: dict[str, Any], buffers: Sequence[memoryview]) -> Answer:
        """What would change the class of the item in view: seeds or edges without which the method would have said something else."""
        item = int(message["item"])
        k, found = len(self.result.classes), []
        for flip in getattr(self.result.explain(item), "flips", ()):
            nodes = [[int(end) for end in node] if isinstance(node, list | tuple) else int(node) for node in flip["nodes"]]
            found.append({"kind": str(flip["kind"]), "nodes": nodes, "becomes": flip["becomes"], "smallest": bool(flip["smallest"])})
        return {"flips": found[:SHOWN], "classes": list(self.result.classes), "n_classes": k}

    # Private -------------------------------------------------------------------------------------------------------------

    def _tried(self) -> Answer:
        found = self.previewed
        if found is None:
            return {"n_changed": 0, "tried": {}}, [b"", b"", b""]
        names = self.host.classes.names
        table = np.array([names.index(name) if name in names else -1 for name in found.proposal.classes] + [-1], "<i2")
        items, ends = found.changed.astype("<u4"), (table[found.before], table[found.after])
        return {"n_changed": len(items), "tried": self.pending}, [items.tobytes(), *(each.tobytes() for each in ends)]

    def _standings(self, classes: Any, confidence: Any) -> tuple[np.ndarray, np.ndarray]:
        """Positions in the session's classes (i16) and certainty (u8 of 0 to 7) by item."""
        names = self.host.classes.names
        table = np.array([names.index(name) if name in names else -1 for name in self.result.classes] + [-1], "<i2")
        made = table[np.asarray(classes, np.int64)]
        sure = np.clip(np.round(np.asarray(confidence, np.float64) * SURE_STEPS), 0, SURE_STEPS).astype(np.uint8)
        return made, np.where(made >= 0, sure, 0).astype(np.uint8)

    def _called(self, item: int) -> str:
        """A short name: the item's own text where it has one, else its id."""
        items = self.host.items
        text = " ".join(str(items.text(item)).split())
        name = text if text and text != items.modality else str(items.ids[item])
        return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"

    def _ends(self, one: Any, numbers: int = 0) -> list[Any]:
        """Items as positions, then `numbers` numbers."""
        parts = list(one) if isinstance(one, tuple | list) else [one]
        items, rest = (parts[:-numbers], parts[-numbers:]) if numbers else (parts, [])
        if len(items) not in (1, 2):
            raise ValueError(f"preview: got {one!r}, expected one item or two{' and a number' if numbers else ''}")
        return [*(int(positions_of(self.host.items, item)[0]) for item in items), *(float(number) for number in rest)]


def _held(proposal: Proposal) -> str:
    """What speaks beside the graph and is not worked out anew, in words."""
    share, who = float(proposal.evidence.get("beside_share", 0.0)), proposal.evidence.get("chosen")
    if share == 0:
        return ""
    speaker = "the class names" if who == "names" else "the probe"
    return f"proposed by {speaker} alone: the graph has no say here" if share >= 1 else f"what {speaker} says is held"


def _key(changes: Any) -> Any:
    """What tells changes apart; None where there are none."""
    return (changes.edits.tobytes(), tuple(sorted(changes.labels.items()))) if changes else None


def _tuples(wanted: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """As SessionGraph takes them: a single item for all of its edges, tuples else."""
    made: dict[str, list[Any]] = {}
    for name, listed in wanted.items():
        made[name] = [one[0] if name == "cut" and isinstance(one, list) and len(one) == 1 else tuple(one) for one in listed]
    return made
