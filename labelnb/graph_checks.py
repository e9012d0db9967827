"""Whether to believe a propagation: do neighbours agree, which seeds does their neighbourhood contradict, who is a hub, what is unreached.

Reports over a proposal of a linear solve (`evidence["system"]`), for the notebook and for the PropagationGraph.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from labelnb.results import Proposal, Report

__all__ = ["check", "sensitivity", "used_settings"]

MOST_LISTED = 100
HUB_TIMES = 4.0
"""Edges beside the median from which an item is called a hub."""
TRIED: Mapping[str, Sequence[float]] = {
    "alpha": (0.1, 0.3, 0.5, 0.7, 0.9, 0.99), "k": (3, 5, 10, 15, 30), "gamma": (1.0, 3.0, 5.0, 8.0, 12.0), "p": (2.0, 3.0, 5.0, 8.0),
}
"""Values of hyperparameters that are tried, beside the one that was used."""


def check(proposal: Proposal) -> Report:
    """What speaks for and against a propagation.

    Parameters
    ----------
    proposal : of a linear solve on a graph

    Returns
    -------
    Report with values `homophily` (share of the edges between two labelled items that join one class, by weight; None where there is no
    such edge), `known_edges`, `seeds`, `disagreeing`, `left_out_right` (share of the labelled items that the others would have given their
    label), `hubs`, `unreached`; tables `seeds that disagree` (worst first: item, label, what the others say, margin), `hubs` (item, edges,
    times the median), `unreached`. `evidence` has the positions: `disagreeing`, `hubs`, `unreached`, and `left_out` (n, K).

    Raises
    ------
    ValueError
        If the proposal is no linear solve.

    Notes
    -----
    A seed that disagrees is either a wrong label or an item among strangers: look at it first. Scores of the others are weighed by how much
    seed each class has left, or a class of three would lose against its like for having two. With few labels the homophily rests on few
    edges; labels chosen for being typical make it too high, n labels of each class too low, by about (n - 1) / n.
    """
    from labelnb.compute.seed_agreement import homophily, left_out

    system = proposal.evidence.get("system")
    if system is None:
        raise ValueError("check: this proposal is no linear solve on a graph; zlap, label_spreading, harmonic_functions are")
    first, names = system.first_item, proposal.classes
    nodes = system.seed_nodes[system.seed_nodes >= first]
    label = system.seeds[nodes].toarray().argmax(axis=1) if len(nodes) else np.empty(0, np.int64)
    rest = left_out(system, nodes, label)
    says, margin = rest.says, rest.against
    against = np.flatnonzero((says >= 0) & (says != label))
    against = against[np.argsort(-margin[against], kind="stable")]
    known = homophily(system.weights, nodes, label, len(names))
    among = system.weights[first:][:, first:].tocsr()
    degree = np.asarray((among != 0).sum(axis=1)).ravel()
    median = max(1.0, float(np.median(degree[degree > 0]))) if (degree > 0).any() else 1.0
    hubs = np.flatnonzero(degree >= HUB_TIMES * median)
    hubs = hubs[np.argsort(-degree[hubs], kind="stable")]
    unreached = np.flatnonzero(~np.asarray(proposal.evidence["reached"], bool))
    ids = _Names(proposal)
    judged = says >= 0
    return Report(
        title="Whether to believe it",
        values={
            "homophily": known.share if known.edges else None, "known_edges": known.edges, "seeds": len(nodes), "disagreeing": len(against),
            "left_out_right": float((says[judged] == label[judged]).mean()) if judged.any() else None,
            "hubs": len(hubs), "unreached": len(unreached),
        },
        tables={
            "seeds that disagree": [
                {"item": ids(int(nodes[i] - first)), "label": names[label[i]], "the others say": names[says[i]], "margin": float(margin[i])}
                for i in against[:MOST_LISTED]
            ],
            "hubs": [
                {"item": ids(int(i)), "edges": int(degree[i]), "times the median": float(degree[i] / median)} for i in hubs[:MOST_LISTED]
            ],
            "unreached": [{"item": ids(int(i))} for i in unreached[:MOST_LISTED]],
        },
        evidence={"disagreeing": nodes[against] - first, "hubs": hubs, "unreached": unreached, "left_out": rest.scores},
        session=proposal.session,
    )


def sensitivity(proposal: Proposal, only: Sequence[str] | None = None) -> Report:
    """How much the proposal hangs on its hyperparameters: the method run again with each of them changed, one at a time.

    Parameters
    ----------
    proposal : of a propagation method, made in a session
    only : names of hyperparameters (`alpha`, `k`, `gamma`, `p`); all that the method or its graph has by default

    Returns
    -------
    Report with a small chart each: share of the items that keep their class, and share of the seeds that the others would have given their
    label; table `values`. A curve that is flat around the value used is what one wants; where the seeds are given better elsewhere,
    that value is worth a look.

    Raises
    ------
    ValueError
        If the proposal came through no session, or its method has none of these hyperparameters.
    """
    session, made = proposal.session, proposal.provenance
    if session is None or made is None:
        raise ValueError("sensitivity: this proposal came through no session, so it cannot be run again")
    takes_graph = "graph" in made.ingredients
    given = used_settings(proposal)
    known = [name for name in TRIED if name in given or (name == "k" and takes_graph)]
    wanted = known if only is None else [name for name in only if name in known]
    if not wanted:
        raise ValueError(f"sensitivity: {made.method} has {known or 'none of them'}, got {list(only or TRIED)}")
    figures, rows = {}, []
    for name in wanted:
        used = given.get(name)
        values = sorted({*(type(used)(v) if used is not None else v for v in TRIED[name]), *([used] if used is not None else [])})
        points = [(value, *_tried(proposal, name, value)) for value in values]
        series = {"same class": [same for _, same, _ in points]}
        if any(right is not None for *_, right in points):
            series["left-out seeds right"] = [np.nan if right is None else right for *_, right in points]
        figures[name] = {"kind": "line", "x": [float(v) for v in values], "series": series, "x_label": name, "y_label": "share"}
        rows += [{"hyperparameter": name, "value": v, "used": v == used, "same class": same, "left-out seeds right": right}
                 for v, same, right in points]
    return Report(title=f"How much {made.method} hangs on its settings", tables={"values": rows}, figures=figures, session=session)


def used_settings(proposal: Proposal) -> dict[str, float]:
    """Values of the hyperparameters that can be tried, as used: what was given, or what the method settled on."""
    made = proposal.provenance
    if made is None:
        return {}
    settled = {name: proposal.evidence.get(name) if isinstance(made.parameters[name], str) else made.parameters[name]
               for name in TRIED if made.parameters.get(name) is not None}
    return {name: value for name, value in settled.items() if isinstance(value, int | float)}


def _tried(proposal: Proposal, name: str, value: float) -> tuple[float, float | None]:
    from labelnb.compute.seed_agreement import left_out
    from labelnb.family import rerun
    from labelnb.graph import neighbour_graph

    session, made = proposal.session, proposal.provenance
    assert made is not None
    if name in made.parameters:
        again = rerun(session, dataclasses.replace(made, parameters={**made.parameters, name: value}))
    else:
        from labelnb.compute import rewired

        near = neighbour_graph(session.on_device(session.embeddings.vectors), k=int(value))
        again = rerun(session, made, graph=rewired(near, session.graph.array()))
    same = float((again.predictions == proposal.predictions).mean())
    system = again.evidence.get("system")
    if system is None:
        return same, None
    nodes = system.seed_nodes[system.seed_nodes >= system.first_item]
    if not len(nodes):
        return same, None
    label = system.seeds[nodes].toarray().argmax(axis=1)
    return same, float((left_out(system, nodes, label).says == label).mean())


class _Names:
    def __init__(self, proposal: Proposal) -> None:
        self._ids = proposal.session.items.ids if proposal.session is not None else None

    def __call__(self, position: int) -> str:
        return str(position) if self._ids is None else str(self._ids[position])
