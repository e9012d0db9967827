"""Recording a person's answer about items that a result filled in: what is the result's, and what is the person's own."""
from __future__ import annotations

from typing import Any

import numpy as np

from labelnb.results import Proposal, Ranking, Result
from labelnb.widgets.review_pages import Filled

__all__ = ["decide", "described", "label_json", "as_json"]


def decide(host: Any, result: Result | None, filled: Filled, positions: np.ndarray, value: Any) -> None:
    """Write `value` (one for all, or a list, one an item) for the positions through the host; durable when this returns.

    Only an answer that is what the result filled in is recorded as following it, with its confidence; a correction is the person's own.
    """
    names = host.classes.names
    proposed = [names[k] if k >= 0 else None for k in filled.values[positions]]
    same = value == proposed if isinstance(value, list) else all(value == one for one in proposed)
    settles = isinstance(result, Ranking) and bool(result.evidence.get("settles"))     # any answer settles it
    taken = result if (same and value is not None) or settles else None
    confidence = filled.confidence[positions] if taken is not None and isinstance(result, Proposal) else None
    host.decide(positions, value, proposal=taken, confidence=confidence)


def label_json(labels: Any, position: int) -> dict[str, Any] | None:
    """The label of an item as the front end reads it, None where there is none."""
    return as_json(labels.label(position))


def as_json(label: Any) -> dict[str, Any] | None:
    """A label as the front end reads it, None where there is none."""
    return None if label is None else {"kind": label.kind, "classes": list(label.classes), "absent": list(label.absent)}


def described(label: Any) -> str:
    """A label in words."""
    names = ", ".join(getattr(label, "classes", ()))
    kind = getattr(label, "kind", "class")
    words = {
        "class": names, "not": f"not {names}", "any": f"one of {names}", "multi": names or "none of the classes", "unsure": "unsure",
        "outside": "not in the list",
    }
    return words.get(kind, str(label))
