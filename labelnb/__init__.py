"""labelnb: from an unlabelled collection to labels you can trust, without leaving the notebook.

    import labelnb as lnb

    s = lnb.Session("photos/", classes=["airplane", "bird", "cat"], path="photos.lnb")
    s.embed()
    s.review(s.propagation.zlap(k=5))
    s.train().evaluate()

Everything here is imported when it is first used: `import labelnb` costs a few milliseconds and brings in no framework.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from labelnb.lazy import FunctionsFirst

__version__ = "0.1.0"
sys.modules[__name__].__class__ = FunctionsFirst

_WHERE = {
    "Session": "session",
    "Items": "items",
    "load": "load",
    "LabelSpace": "classes",
    "catalog": "catalog",
    "sessions": "places",
    "Embeddings": "results",
    "Proposal": "results",
    "Clusters": "results",
    "Ranking": "results",
    "Votes": "results",
    "Report": "results",
    "Provenance": "results",
    "Label": "labels",
    "LabelSet": "labels",
    "not_": "labels",
    "any_of": "labels",
    "UNSURE": "labels",
    "OUTSIDE": "labels",
    "Student": "student",
    "datasets": None,
    "methods": None,
    "encoders": None,
    "compute": None,
    "export": None,
    "widgets": None,
    "metrics": None,
}

__all__ = [
    "__version__",
    "Session",
    "Items",
    "load",
    "LabelSpace",
    "catalog",
    "sessions",
    "Embeddings",
    "Proposal",
    "Clusters",
    "Ranking",
    "Votes",
    "Report",
    "Provenance",
    "Label",
    "LabelSet",
    "not_",
    "any_of",
    "UNSURE",
    "OUTSIDE",
    "Student",
    "datasets",
    "methods",
    "encoders",
    "compute",
    "export",
    "widgets",
    "metrics",
]

if TYPE_CHECKING:
    from labelnb import compute, datasets, encoders, export, methods, metrics, widgets
    from labelnb.catalog import catalog
    from labelnb.classes import LabelSpace
    from labelnb.items import Items
    from labelnb.labels import OUTSIDE, UNSURE, Label, LabelSet, any_of, not_
    from labelnb.load import load
    from labelnb.places import sessions
    from labelnb.results import Clusters, Embeddings, Proposal, Provenance, Ranking, Report, Votes
    from labelnb.session import Session
    from labelnb.student import Student


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"labelnb has no {name!r}; it has {', '.join(__all__)}")
    where = _WHERE[name]
    module = importlib.import_module(f"labelnb.{where or name}")
    value = module if where is None else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
