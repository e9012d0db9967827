"""Real data sets by name. `emoji`, `glosses` and `digits` need no network; the others come from their public homes, once.

    >>> import labelnb
    >>> items = labelnb.datasets.load("emoji")
    >>> items.modality, items.truth_names[:3]
    ('image', ('bird', 'building', 'clothing'))

The classes that people gave to the items are in `truth` and `truth_names`, hidden from every method; `given` stays empty.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from labelnb.items import Items

__all__ = ["load", "names"]

_HOMES = {
    "emoji": "embedded_sets",
    "glosses": "embedded_sets",
    "digits": "embedded_sets",
    "cifar10": "cifar10",
    "fashion_mnist": "fashion_mnist",
    "ag_news": "news_and_queries",
    "banking77": "news_and_queries",
    "cora": "citations",
    "citeseer": "citations",
}
"""Name of every data set and the module that reads it; each module has a function of the data set's name."""


def names() -> list[str]:
    """The names that `load` knows."""
    return list(_HOMES)


def load(name: str, **options: Any) -> Items:
    """A data set by name, as Items with hidden truth.

    Parameters
    ----------
    name : one of `names()`
    options : what the data set itself takes, such as `split="test"` or `folder=` with files fetched by hand; see its function

    Raises
    ------
    KeyError : no such data set; close names are listed
    DownloadError : it is not in the cache and cannot be fetched; the message names file, address and where to put it by hand
    """
    key = str(name).lower().replace("-", "_")
    if key not in _HOMES:
        close = difflib.get_close_matches(key, _HOMES, 3)
        raise KeyError(f"no data set {name!r}; {f'did you mean {close}? ' if close else ''}There are {names()}")
    made: Items = getattr(importlib.import_module(f"labelnb.datasets.{_HOMES[key]}"), key)(**options)
    return made
