"""Why an item got its class, and where two proposals differ: read from a result's evidence, never guessed."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from labelnb.results import Proposal, Report

__all__ = ["Explanation", "explain", "compare"]


@dataclass(frozen=True)
class Explanation:
    """The reasons for one item's class."""

    item: str
    """Id of the item; its position as text where no session is known."""
    position: int
    """Position of the item."""
    label: str | None
    """The proposed class; None where the method abstains."""
    confidence: float
    """Probability of the proposed class."""
    rows: Sequence[Mapping[str, Any]] = ()
    """What contributed, the largest share first: kind (`class`, `seed`, `neighbour`, `prompt`), name, item (position or None), class,
    weight, share."""
    paths: Sequence[Mapping[str, Any]] = ()
    """Strongest paths from a seed to the item on a graph: nodes (positions; classes as `-1 - class`), weight."""
    contributions: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """Every seed's exact contribution: seed, class, contribution; its sum by class is the item's row of `evidence["scores"]`."""

    proposal: Proposal | None = field(default=None, repr=False, compare=False)
    """What is explained."""

    @cached_property
    def flips(self) -> tuple[Mapping[str, Any], ...]:
        """What would change the class: the fewest seeds, or edges, without which the method would have said something else.

        Computed when first asked for; see `labelnb.flips.flips`. Empty where the method is no linear solve on a graph.
        """
        from labelnb.flips import flips

        return () if self.proposal is None else flips(self.proposal, self.position)

    @property
    def text(self) -> str:
        """The explanation as plain text."""
        if self.label is None:
            return f"{self.item}: the method abstains; nothing that is labelled reaches this item."
        lines = [f"{self.item}: {self.label} ({self.confidence:.0%})"]
        lines += [f"  {row['share']:6.1%}  {row['kind']} {row['name']} → {row['class']}" for row in self.rows[:8]]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:right'>{row['share']:.1%}</td><td style='text-align:left'>{html.escape(str(row['kind']))} "
            f"{html.escape(str(row['name']))}</td><td style='text-align:left'>{html.escape(str(row['class']))}</td></tr>"
            for row in self.rows[:12]
        )
        head = html.escape(self.text.partition("\n")[0])
        return f"<p>{head}</p><table><tr><th>share</th><th>from</th><th>for class</th></tr>{rows}</table>"


def explain(proposal: Proposal, item: str | int) -> Explanation:
    """The reasons that the evidence of `proposal` holds for one item.

    Where the method is a linear solve on a graph (`evidence["system"]`), the contribution of every seed is exact: the adjoint
    system is solved for the item. Else the classes' scores are compared.

    Parameters
    ----------
    item : an id where the proposal came through a session, or a position

    Raises
    ------
    KeyError, IndexError
        If there is no such item.
    """
    position = _position(proposal, item)
    named = proposal.session.items.ids[position] if proposal.session is not None else str(position)
    prediction = int(proposal.predictions[position])
    start: dict[str, Any] = {
        "item": str(named),
        "position": position,
        "label": proposal.classes[prediction] if prediction >= 0 else None,
        "confidence": float(proposal.confidence[position]),
        "proposal": proposal,
    }
    if "system" in proposal.evidence:
        return Explanation(**start, **_on_graph(proposal, position, prediction))
    return Explanation(**start, rows=_by_scores(proposal, position))


def compare(first: Proposal, second: Proposal) -> Report:
    """Where two proposals over the same items and classes agree and differ.

    Returns
    -------
    Report with values `agreement` (share of the items on which both propose, and the same), `both`, `only_first`, `only_second`;
    tables `by class` and `differences` (surest first).

    Raises
    ------
    ValueError
        If they are not over the same number of items and the same classes.
    """
    if len(first) != len(second) or first.classes != second.classes:
        raise ValueError(
            f"got proposals over {len(first)} items, {len(first.classes)} classes and {len(second)} items, {len(second.classes)} classes; "
            "expected the same items and classes: run both methods in the same session"
        )
    a, b = first.predictions, second.predictions
    both = (a >= 0) & (b >= 0)
    same = both & (a == b)
    values = {
        "agreement": float(same.sum() / max(both.sum(), 1)),
        "both": int(both.sum()),
        "only_first": int(((a >= 0) & (b < 0)).sum()),
        "only_second": int(((b >= 0) & (a < 0)).sum()),
    }
    by_class = [
        {"class": name, "first": int((a == k).sum()), "second": int((b == k).sum()), "both": int((same & (a == k)).sum())}
        for k, name in enumerate(first.classes)
    ]
    differ = np.flatnonzero(both & ~same)
    sure = np.minimum(first.confidence[differ], second.confidence[differ])
    ids = first.session.items.ids if first.session is not None else np.arange(len(a)).astype(str)
    differences = [
        {
            "item": str(ids[i]),
            "first": first.classes[a[i]],
            "second": first.classes[b[i]],
            "first confidence": float(first.confidence[i]),
            "second confidence": float(second.confidence[i]),
        }
        for i in differ[np.argsort(-sure, kind="stable")][:200]
    ]
    names = [p.provenance.method if p.provenance else "a proposal" for p in (first, second)]
    return Report(title=f"{names[0]} beside {names[1]}", values=values, tables={"by class": by_class, "differences": differences})


def _position(proposal: Proposal, item: str | int) -> int:
    if isinstance(item, str):
        if proposal.session is None:
            raise KeyError(
                f"{item!r}: this proposal was made from plain arrays and knows no ids; give a position from 0 to {len(proposal) - 1}"
            )
        return int(proposal.session.items.position(item))
    position = int(item)
    if not -len(proposal) <= position < len(proposal):
        raise IndexError(f"item {position}: expected a position from 0 to {len(proposal) - 1}")
    return position % len(proposal)


def _name(proposal: Proposal, node: int) -> tuple[str, str, int | None]:
    """Kind, name and item position of a graph's node: nodes in front of the items are classes."""
    first = proposal.evidence["system"].first_item
    if node < first:
        return "class", proposal.classes[node], None
    position = node - first
    kind = "seed"
    if position >= len(proposal):                                # a seed of its own that speaks for one item
        kind, position = "classifier", position - len(proposal)
    name = str(proposal.session.items.ids[position]) if proposal.session is not None else str(position)
    return kind, name, position


def _on_graph(proposal: Proposal, position: int, prediction: int) -> dict[str, Any]:
    from labelnb.compute.seed_system import contributions, paths

    system = proposal.evidence["system"]
    first, names = system.first_item, proposal.classes
    node = position + first
    seeds, classes, amounts = contributions(system, node)
    largest = np.argsort(-np.abs(amounts), kind="stable")
    table = [
        {"seed": _name(proposal, int(seeds[i]))[1], "class": names[int(classes[i])], "contribution": float(amounts[i])} for i in largest
    ]
    rows = _beside(proposal, position)
    loud = 1.0 - sum(row["share"] for row in rows)
    total = float(np.abs(amounts).sum()) or 1.0
    for i in largest[:50]:
        kind, name, where = _name(proposal, int(seeds[i]))
        rows.append(
            {
                "kind": kind,
                "name": name,
                "item": where,
                "class": names[int(classes[i])],
                "weight": float(amounts[i]),
                "share": loud * float(abs(amounts[i]) / total),
            }
        )
    rows.sort(key=lambda row: -row["share"])
    found = []
    if prediction >= 0 and loud > 0:
        for_class = np.unique(seeds[(classes == prediction) & (amounts > 0)])
        for nodes, weight in paths(system, node, for_class, n=5):
            inside = [n for n in nodes if n - first < len(proposal)]
            found.append({"nodes": [int(n) - first if n >= first else -1 - int(n) for n in inside], "weight": float(weight)})
    return {"rows": rows, "paths": found, "contributions": table}


def _beside(proposal: Proposal, position: int) -> list[dict[str, Any]]:
    """A row a class of what speaks beside the graph (`evidence["beside"]`); none where an item's own label decides."""
    share, system = float(proposal.evidence.get("beside_share", 0.0)), proposal.evidence["system"]
    node = position + system.first_item
    if share == 0 or system.seeds.indptr[node + 1] > system.seeds.indptr[node] or not proposal.probabilities[position].any():
        return []
    words = np.asarray(proposal.evidence["beside"])[position]
    name = "class names" if proposal.evidence.get("chosen") == "names" else "linear probe"
    return [
        {"kind": "classifier", "name": name, "item": None, "class": proposal.classes[k], "weight": float(words[k]),
         "share": share * float(words[k])}
        for k in np.argsort(-words, kind="stable")
    ]


def _by_scores(proposal: Proposal, position: int) -> list[dict[str, Any]]:
    probabilities = proposal.probabilities[position]
    scores = np.asarray(proposal.evidence.get("scores", proposal.probabilities))[position]
    best = np.argsort(-probabilities, kind="stable")[:10]
    return [
        {
            "kind": "class",
            "name": proposal.classes[k],
            "item": None,
            "class": proposal.classes[k],
            "weight": float(scores[k]),
            "share": float(probabilities[k]),
        }
        for k in best
        if probabilities[k] > 0
    ]
