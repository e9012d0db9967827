"""Widgets: each shows a result and emits decisions; none computes a method. Nothing heavy is imported until one is made."""
from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelnb.results import Result
    from labelnb.widgets.cluster_board import ClusterBoard
    from labelnb.widgets.explorer import Explorer
    from labelnb.widgets.panel import Panel
    from labelnb.widgets.propagation_graph import PropagationGraph
    from labelnb.widgets.review_grid import ReviewGrid
    from labelnb.widgets.triage import Triage
    from labelnb.widgets.vote_matrix import VoteMatrix

__all__ = ["Explorer", "ClusterBoard", "PropagationGraph", "ReviewGrid", "Triage", "VoteMatrix", "warm_up", "widget_for"]

_HOMES = {
    "Explorer": "explorer", "ClusterBoard": "cluster_board", "PropagationGraph": "propagation_graph", "ReviewGrid": "review_grid",
    "Triage": "triage", "VoteMatrix": "vote_matrix",
}


def widget_for(result: Result, *, host: Any = None, **options: Any) -> Panel:
    """The interactive widget paired with a result.

    Embeddings open in the Explorer, Clusters in the ClusterBoard, a Proposal with a graph in its evidence in the
    PropagationGraph, any other Proposal in the ReviewGrid, a Ranking in Triage, Votes in the VoteMatrix. `host` is the session; the
    result's own by default.

    Raises
    ------
    TypeError
        If there is no interactive widget for the result's type (reports show as a picture and tables).
    ValueError
        If the result was made from plain arrays and no host is given: a widget needs the items and the journal.
    """
    from labelnb import results

    kind = type(result).__name__
    if not isinstance(result, results.Embeddings | results.Clusters | results.Proposal | results.Ranking | results.Votes):
        known = "Embeddings, Clusters, a Proposal, a Ranking or Votes"
        raise TypeError(f"got a {kind}, which has no interactive widget; display it as it is, or give {known}")
    host = host if host is not None else result.session
    if host is None:
        raise ValueError(
            f"this {kind} was made from plain arrays and knows no items; call the method through a session, or give host=session"
        )
    if isinstance(result, results.Embeddings):
        from labelnb.widgets.opening import open_explorer

        return open_explorer(host, **options)
    if isinstance(result, results.Clusters):
        from labelnb.widgets.cluster_board import ClusterBoard

        return ClusterBoard(host, result, **options)
    if isinstance(result, results.Proposal) and "graph" in result.evidence:
        from labelnb.widgets.propagation_graph import PropagationGraph

        return PropagationGraph(host, result, **options)
    if isinstance(result, results.Ranking):
        from labelnb.widgets.triage import Triage

        return Triage(host, result, **options)
    if isinstance(result, results.Votes):
        from labelnb.widgets.vote_matrix import VoteMatrix

        return VoteMatrix(host, result, **options)
    from labelnb.widgets.review_grid import ReviewGrid

    return ReviewGrid(host, result, **options)


def warm_up() -> None:
    """In a notebook's kernel, import anywidget (.15 s) beside the person's own work, for the first widget; elsewhere nothing."""
    if "ipykernel" in sys.modules and "anywidget" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("anywidget",), name="labelnb: import of anywidget", daemon=True).start()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"labelnb.widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"labelnb.widgets has no {name!r}; it has {__all__}")


def __dir__() -> list[str]:
    return sorted(__all__)
