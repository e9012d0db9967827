"""Triage: the items of a Ranking one after the other, the most suspicious or most informative first, large and with the reason."""
from __future__ import annotations

from typing import Any

import traitlets

from labelnb.results import Ranking
from labelnb.widgets.panel import bundle
from labelnb.widgets.review_grid import ReviewGrid

__all__ = ["Triage"]


class Triage(ReviewGrid):
    """A queue of items that deserve a look: the current one large, with why it is there, what it is called and what is suggested instead.

    Parameters
    ----------
    host : the session
    result : a Ranking; its items come in its order, the flagged ones first
    options : as of ReviewGrid (`order`, `page_size`, `only`, `unreviewed`)

    Notes
    -----
    Keys, answers, undo and the Python side are those of the ReviewGrid: space keeps the label, `.` takes the suggestion.

    Examples
    --------
    >>> s.noisy.confident_learning().widget()             # doctest: +SKIP
    """

    _esm = traitlets.Unicode(bundle("triage")).tag(sync=True)

    def __init__(self, host: Any, result: Ranking, **options: Any) -> None:
        if not isinstance(result, Ranking):
            raise TypeError(f"result: got {type(result).__name__}, expected a Ranking; a Proposal opens in the ReviewGrid")
        super().__init__(host, result, **options)
