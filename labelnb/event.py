"""One entry of the journal, as its history tells it."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event"]


@dataclass(frozen=True)
class Event:
    """One entry of the journal."""

    number: int
    """1, 2, ... in order; of a run, its run number."""
    kind: str
    """`decision`, `accept` (in bulk), `run`, `undo`, `redo`, `classes`, `board`, `graph`, `note`."""
    who: str
    """Who did it; empty for what no person did."""
    when: str
    """UTC, ISO 8601."""
    summary: str
    """One line."""
    n_items: int
    """How many items it is about."""
    run: int | None = None
    """The run it is, or whose proposal it follows."""
    undone: bool = False
    """Whether it does not hold at the moment."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """By kind: source and method of a decision, provenance of a run, numbers of the events that were undone or redone, the classes."""
