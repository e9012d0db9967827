"""Known items planted among those to review: how many errors a person catches, and what that says of the labels they accept.

Source: threat image projection in the screening of luggage, Schwark and others 2012, X-ray baggage screening and artificial intelligence;
gold questions in crowd work, Oleson and others 2011, Programmatic Gold. Exact limits of a share: Clopper and Pearson 1934.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.results import Report

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["Plants", "draw_plants", "share_interval", "labels_right", "next_page_size", "catch_rate"]

SMALLEST, LARGEST = 6, 60
"""Items on a page whose size adapts."""
_LOOK_BACK = 10
_ENOUGH = 5


@dataclass(frozen=True)
class Plants:
    """Items whose class is known, to be shown with another one."""

    positions: np.ndarray
    """(m,) int64 items."""
    shown: np.ndarray
    """(m,) int64 the wrong class that each shows."""
    confidence: np.ndarray
    """(m,) float32 what is said of how sure that is: the confidence of the item beside it."""
    places: np.ndarray
    """(m,) int64 ascending: before which entry of the list each stands."""


def draw_plants(
    listed: Any, filled: Any, confidence: Any, known: Any, n_classes: int, *, share: float = 0.1, seed: int = 0, used: Any = ()
) -> Plants:
    """Choose known items and the wrong class that each shows, and where in a list to review they stand.

    Parameters
    ----------
    listed : (n,) positions to review, in order
    filled : (N,) class filled in for each item, -1 where none
    confidence : (N,) how sure that is, NaN where unknown
    known : (N,) class of the items that are known for certain, -1 for all others; listed items are never planted
    n_classes : number of classes K; with fewer than two nothing can be wrong
    share : planted items among the listed ones, (0, 0.5]
    used : positions that were planted before; taken only when nothing else is left

    Returns
    -------
    At most round(share * n) plants, fewer where fewer items are known. A planted item shows a class that is filled in nearby, so that it
    stands in no group of its own, and the confidence of its neighbour: nothing but the item itself tells it apart.
    """
    if not 0 < share <= 0.5:
        raise ValueError(f"share: got {share}, expected a number above 0, at most 0.5; 0.1 plants one in ten")
    listed, filled, known = np.asarray(listed, np.int64), np.asarray(filled, np.int64), np.asarray(known, np.int64)
    rng = np.random.default_rng(seed)
    free = np.setdiff1d(np.flatnonzero(known >= 0), listed)
    free = free[rng.permutation(len(free))]
    free = free[np.argsort(np.isin(free, np.asarray(used, np.int64)), kind="stable")]
    wanted = min(len(free), round(share * len(listed))) if n_classes > 1 else 0
    every = len(listed) / max(wanted, 1)
    places = np.minimum((np.arange(wanted) + rng.random(wanted)) * every, max(len(listed) - 1, 0)).astype(np.int64)
    reach = max(round(every), SMALLEST)
    shown, said = np.empty(wanted, np.int64), np.full(wanted, np.nan, np.float32)
    for m, (position, place) in enumerate(zip(free.tolist(), places.tolist(), strict=False)):
        near = listed[max(place - reach, 0): place + reach]
        around = filled[near][(filled[near] >= 0) & (filled[near] != known[position])]
        others = np.delete(np.arange(n_classes), known[position])
        shown[m] = rng.choice(around if len(around) else others)
        said[m] = confidence[listed[place]]
    return Plants(free[:wanted], shown, said, places)


def share_interval(n: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact limits of a share after `n` successes in `of` independent trials; (0, 1) where there were none.

    Examples
    --------
    >>> low, high = share_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.555, 0.997)
    """
    if not 0 <= n <= of or not 0 < confidence < 1:
        raise ValueError(f"got {n} of {of} at confidence {confidence}; expected 0 <= n <= of, confidence between 0 and 1")
    if of == 0:
        return 0.0, 1.0
    # scipy.stats says the same, and takes most of a second to import.
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if n == 0 else float(betaincinv(n, of - n + 1, tail))
    return low, 1.0 if n == of else float(betaincinv(n + 1, of - n, 1 - tail))


def labels_right(seen: int, corrected: int, caught: float) -> float:
    """The share of right labels to expect after a review: of the errors that were there, a share `caught` was corrected.

    corrected / caught errors were there, of which corrected * (1 / caught - 1) were missed. Not a bound: it takes for granted that
    planted errors are as easy to see as real ones; an audit (`s.audit`) needs no such belief. 0 where nothing was caught.
    """
    if not 0 <= corrected <= seen or not 0 <= caught <= 1:
        raise ValueError(f"got {corrected} corrected of {seen} seen and caught={caught}; expected 0 <= corrected <= seen, caught in [0, 1]")
    if not seen:
        return 1.0
    if corrected == 0:
        return 1.0
    return 0.0 if caught == 0 else max(0.0, 1.0 - corrected * (1.0 / caught - 1.0) / seen)


def next_page_size(size: int, caught: Sequence[bool], *, smallest: int = SMALLEST, largest: int = LARGEST) -> int:
    """Items on the pages to come, from the planted errors since the size last changed.

    With five at least, of which the last ten count: under 80% caught, pages shrink by a third, since a smaller page is looked at more
    closely; from 95% on they grow by a third; else they stay.
    """
    if len(caught) < _ENOUGH:
        return size
    share = float(np.mean(caught[-_LOOK_BACK:]))
    if share < 0.8:
        return max(smallest, round(size * 2 / 3))
    return min(largest, max(round(size * 4 / 3), size + 1)) if share >= 0.95 else size


def catch_rate(session: Session, who: str | None = None) -> Report:
    """The planted errors that people caught, over all reviews of the session: by person, with exact 95% limits.

    Parameters
    ----------
    who : only this person; everyone by default
    """
    outcomes: dict[tuple[str, str], bool] = {}
    for event in session.journal.notes("planted"):
        for found in event.details["planted"]:
            outcomes.pop((event.who, found["item"]), None)
            if found.get("answer") is not None:
                outcomes[event.who, found["item"]] = bool(found["caught"])
    rows: list[dict[str, Any]] = []
    for person in sorted({name for name, _ in outcomes} if who is None else {who}):
        results = [caught for (name, _), caught in outcomes.items() if name == person]
        low, high = share_interval(sum(results), len(results))
        share = sum(results) / len(results) if results else float("nan")
        rows.append({"who": person, "planted": len(results), "caught": sum(results), "share": share, "low": low, "high": high})
    planted, caught = sum(row["planted"] for row in rows), sum(row["caught"] for row in rows)
    low, high = share_interval(caught, planted)
    values = {"planted": planted, "caught": caught, "share": caught / planted if planted else float("nan"), "low": low, "high": high}
    none = () if planted else ("no planted item was answered yet: s.review(p, checks=0.1) mixes some in",)
    return Report(title="Planted errors caught", values=values, tables={"by person": rows}, warnings=none, session=session)
