"""What a proposal would be after a change of its graph or of its seeds: worked out from what is known of it, and recorded nowhere."""
from __future__ import annotations

import dataclasses
import html
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from labelnb.results import Proposal

__all__ = ["Preview", "preview"]

_TOLERANCE = 1e-6
_SAME = 1e-3
"""How far apart the probabilities may lie that a proposal has and that its own scores give, for a preview from its scores."""


@dataclasses.dataclass(frozen=True)
class Preview:
    """A proposal as it would be, and where it differs from the one that is."""

    proposal: Proposal
    """As it would be; not journaled, and without a run of its own."""
    changed: np.ndarray
    """(n,) int64 positions of items that would get another class, or would lose or gain one; where the change is surest, first."""
    before: np.ndarray
    """(n,) int64 class positions as proposed now, -1 where the method abstains."""
    after: np.ndarray
    """(n,) int64 class positions as they would be."""
    residual: float
    """Largest relative residual of the new system, of any class; NaN where the method was run anew instead."""
    how: str
    """`low rank`: solved from the present solution; `solve`: the same system from the start; `run`: the whole method."""
    columns: int
    """Right-hand sides that were solved; 0 where that says nothing."""
    seconds: float
    """Time it took."""

    def __str__(self) -> str:
        names = (*self.proposal.classes, "nothing")
        lines = [f"{len(self.changed)} of {len(self.proposal)} items would change ({self.how}, {self.seconds * 1000:.0f} ms)"]
        rows = zip(self.changed[:10].tolist(), self.before.tolist(), self.after.tolist(), strict=False)
        return "\n".join([*lines, *(f"  {self._name(i)}: {names[a]} → {names[b]}" for i, a, b in rows)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _name(self, position: int) -> str:
        session = self.proposal.session
        return str(session.items.ids[position]) if session is not None else str(position)


def preview(proposal: Proposal, *, edits: Any = (), labels: Mapping[int, str | None] | None = None) -> Preview:
    """What `proposal` would be with edges changed, or with items known to be of another class.

    Parameters
    ----------
    proposal : one on a graph. Where it is a linear solve (`evidence["system"]`), the change is worked out from its solution; any other is
        run again by its session
    edits : (E, 4) changed edges, see `labelnb.compute.rewired`
    labels : class by item position; None takes an item's seed away

    Raises
    ------
    ValueError
        If the proposal holds no system and came through no session, or a class is unknown.
    """
    start = time.perf_counter()
    strange = [name for name in (labels or {}).values() if name is not None and name not in proposal.classes]
    if strange:
        raise ValueError(f"labels: {strange[:3]} are not among the classes of the proposal, {list(proposal.classes)[:10]}")
    places = {int(i): -1 if name is None else proposal.classes.index(name) for i, name in (labels or {}).items()}
    system = proposal.evidence.get("system")
    if system is not None and _rests_on(proposal, system):
        made, residual, how, columns = _by_system(proposal, system, edits, places)
    else:
        made, residual, how, columns = _by_running(proposal, edits, places), float("nan"), "run", 0
    before, after = proposal.predictions, made.predictions
    changed = np.flatnonzero(before != after)
    changed = changed[np.argsort(-made.confidence[changed], kind="stable")]
    return Preview(made, changed, before[changed], after[changed], residual, how, columns, time.perf_counter() - start)


def _rests_on(proposal: Proposal, system: Any) -> bool:
    """Whether the proposal is what the system's scores make it, so that new scores make a new one."""
    if (np.asarray(proposal.evidence.get("class_weights", 1.0)) != 1.0).any():      # these come of the old solution as a whole
        return False
    return np.allclose(_probabilities(proposal, system, proposal.evidence), proposal.probabilities, atol=_SAME)


def _by_system(proposal: Proposal, system: Any, edits: Any, places: Mapping[int, int]) -> tuple[Proposal, float, str, int]:
    from labelnb.compute import resolve, rewired
    from labelnb.compute.propagate import normalised
    from labelnb.compute.seed_system import reached, solve

    weights = rewired(system.weights, edits, first=system.first_item) if len(edits) else system.weights
    new = system._replace(weights=weights, seeds=_seeds(proposal, system, places))
    old_scores = np.asarray(proposal.evidence["scores"])
    front = proposal.evidence.get("class_scores")
    if system.first_item and front is not None:
        old_scores = np.vstack([np.asarray(front), old_scores])
    drawn = proposal.evidence.get("graph")                      # S itself, or the weights
    whole = drawn is None or drawn is system.weights
    graph = drawn if not len(edits) else weights if whole else None
    if system.kind == "spreading" and len(old_scores) == system.weights.shape[0]:
        old = normalised(system.weights) if whole else drawn
        s = normalised(weights) if len(edits) else old
        graph = s if graph is None else graph
        found = resolve(old, s, old_scores, system.seeds, new.seeds, alpha=system.alpha, tolerance=_TOLERANCE)
        scores, residual, how, columns = np.maximum(found.scores, 0), found.residual, "low rank", found.columns
    else:
        solved = solve(new, tolerance=_TOLERANCE)
        scores, residual, how, columns = solved.scores.numpy(), solved.residual, "solve", system.seeds.shape[1]
    evidence = {
        **proposal.evidence, "system": new, "node_seeds": new.seeds, "scores": scores[system.first_item:].astype(old_scores.dtype),
        "residual": residual, "reached": reached(new)[system.first_item:],
        "graph": weights if graph is None else graph,
    }
    if system.first_item:
        evidence["class_scores"] = scores[: system.first_item].astype(old_scores.dtype)
    shown = _probabilities(proposal, new, evidence)
    made = Proposal(
        shown.astype(np.float32), classes=proposal.classes, evidence=evidence, warnings=proposal.warnings, session=proposal.session,
        provenance=proposal.provenance,
    )
    return made, residual, how, columns


def _seeds(proposal: Proposal, system: Any, places: Mapping[int, int]) -> Any:
    """The seeds with some items known to be of another class, each as strong as a labelled item is in this system."""
    from scipy.sparse import csr_array

    if not places:
        return system.seeds
    items = system.seed_nodes[system.seed_nodes >= system.first_item]
    given = float(system.seeds[[int(items[0])]].sum()) if len(items) else 1.0
    strength = float(proposal.evidence.get("label_strength", given))
    old = system.seeds.tocoo()
    rows, columns, values = (*(part.astype(np.int64) for part in old.coords), old.data)
    nodes = np.array(list(places), np.int64) + system.first_item
    keep = ~np.isin(rows, nodes)
    given_to = np.array(list(places.values()), np.int64)
    known = given_to >= 0
    ends = np.concatenate([rows[keep], nodes[known]]), np.concatenate([columns[keep], given_to[known]])
    strengths = np.concatenate([values[keep], np.full(int(known.sum()), strength, values.dtype)])
    return csr_array((strengths, ends), shape=old.shape)


def _probabilities(proposal: Proposal, system: Any, evidence: Mapping[str, Any]) -> np.ndarray:
    """(N, K) what the methods of one linear solve make of their scores: shares, their own label for seeds, nothing where none reaches.

    What speaks beside the graph (`evidence["beside"]`, as in safe `zlap`) says what it said, and the temperature stays: they are not
    learned anew.
    """
    from labelnb.methods.propagation.system_proposal import blended

    scores = np.asarray(evidence["scores"], np.float64)
    shares = scores - scores.min(axis=1, keepdims=True) if system.kind == "poisson" and scores.shape[1] > 1 else np.maximum(scores, 0)
    nodes = system.seed_nodes[system.seed_nodes >= system.first_item]
    known = nodes - system.first_item
    reached = np.asarray(evidence["reached"])
    loud, temperature = float(evidence.get("beside_share", 0.0)), float(evidence.get("temperature", 1.0))
    made = blended(shares * reached[:, None], evidence.get("beside"), loud, temperature)
    made[known] = system.seeds[nodes].toarray() > 0
    total = made.sum(axis=1, keepdims=True)
    return np.divide(made, total, out=np.zeros_like(made), where=total > 0)


def _by_running(proposal: Proposal, edits: Any, places: Mapping[int, int]) -> Proposal:
    from labelnb.family import rerun

    if proposal.session is None or proposal.provenance is None:
        raise ValueError(
            "preview: this proposal holds no linear system and came through no session, so it can neither be solved nor run again; "
            "call its method through a session, s.propagation.<method>()"
        )
    made = rerun(proposal.session, proposal.provenance, edits=np.asarray(edits, np.float64).reshape(-1, 4), labels=places)
    return dataclasses.replace(made, session=proposal.session, provenance=proposal.provenance)
