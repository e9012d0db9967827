"""Several people: how far their answers agree beyond chance, and the items on which they do not.

Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; Hayes and Krippendorff 2007, Answering the Call for a Standard
Reliability Measure for Coding Data (the interval by resampling).
"""
from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.results import Ranking, Report, Votes

if TYPE_CHECKING:
    from labelnb.session import Session

__all__ = ["krippendorff_alpha", "alpha_interval", "answers_by_person", "agreement", "conflicts"]

METHOD = "agreement.conflicts"
"""Under this name the journal keeps that a decision settled a conflict."""


def krippendorff_alpha(answers: Any) -> float:
    """Krippendorff's alpha for nominal answers, with missing values.

    Parameters
    ----------
    answers : (R, N) int, what each of R people said of each of N items; -1 where they said nothing

    Returns
    -------
    1 - D_o / D_e: 1 for perfect agreement, 0 for what chance gives, below 0 for less. NaN where no item has two answers. Where all
    answers are one and the same class, agreement cannot be told from chance: NaN, too.

    Raises
    ------
    ValueError
        If the answers are not a table of whole numbers of at least -1.

    Notes
    -----
    Items with fewer than two answers do not count. Do not read it as an accuracy: people can agree on what is wrong.

    Examples
    --------
    >>> round(krippendorff_alpha([[0, 0, 1, 1, -1], [0, 0, 1, 0, 1]]), 3)
    0.533
    """
    return _alpha(_pairable(_tally(answers)))


def alpha_interval(answers: Any, confidence: float = 0.95, *, draws: int = 1_000, seed: int = 0) -> tuple[float, float]:
    """An interval of `krippendorff_alpha` by drawing items anew, with replacement; (NaN, NaN) where there is no alpha.

    Parameters
    ----------
    confidence : two-sided, in (0, 1)
    draws : samples drawn
    """
    if not 0 < confidence < 1 or draws < 1:
        raise ValueError(f"got confidence {confidence} and {draws} draws; expected one between 0 and 1, and one draw at least")
    counts = _pairable(_tally(answers))
    rng = np.random.default_rng(seed)
    found = [_alpha(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(draws)] if len(counts) else []
    kept = [value for value in found if not np.isnan(value)]
    if not kept:
        return float("nan"), float("nan")
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(kept, [tail, 100 - tail])
    return float(low), float(high)


def answers_by_person(session: Session) -> Votes:
    """What each person said last of each item: people as sources of votes.

    Returns
    -------
    Votes with a column a person. Answers that are not one class (`unsure`, 'A or B', ...) count as no answer here;
    `evidence["settled"]` (N,) marks items whose conflict was settled since, and votes before that are kept.
    """
    given = session.journal.answers(session.items.ids)
    votes, settled, people = _last_answers(session, given)
    return Votes(votes, sources=tuple(people), classes=tuple(session.classes.names), evidence={"settled": settled}, session=session)


def agreement(session: Session, *, confidence: float = 0.95, seed: int = 0) -> Report:
    """How far people agree on the items that several of them answered on their own.

    Returns
    -------
    Report with values `alpha` (Krippendorff, nominal), its interval `alpha_low` and `alpha_high`, `agreement` (share of pairs of answers
    that are the same), `items` (with two answers at least) and `people`; tables `pairs`, `by class` and `conflicts`.
    """
    found = answers_by_person(session)
    answers = found.votes.T
    counts = _pairable(_tally(answers, len(found.classes)))
    low, high = alpha_interval(answers, confidence, seed=seed)
    values = {
        "alpha": _alpha(counts), "alpha_low": low, "alpha_high": high, "confidence": confidence, "agreement": _same_pairs(counts),
        "items": len(counts), "people": len(found.sources),
    }
    none = () if len(counts) else ("no item has answers of two people: let them see the same items with s.review(p, overlap=0.2)",)
    tables = {"pairs": _pairs(found), "by class": _by_class(counts, found.classes), "conflicts": _confused(counts, found.classes)}
    return Report(title="Agreement of people", values=values, tables=tables, warnings=none, session=session)


def conflicts(session: Session) -> Ranking:
    """Items that people answered differently and that no one has settled yet, the most divided first.

    Returns
    -------
    Ranking: flagged where answers differ; the score is the share of pairs of answers that differ; the reason says who said what;
    `evidence["suggested"]` (N,) is the class of most people. What is decided in its review settles the conflict.
    """
    from labelnb.family import stamp

    start = time.perf_counter()
    found = answers_by_person(session)
    counts = _tally(found.votes.T, len(found.classes))
    totals = counts.sum(axis=1)
    pairs = np.maximum(totals * (totals - 1), 1)
    scores = 1 - ((counts * (counts - 1)).sum(axis=1) / pairs)
    flagged = (totals > 1) & (scores > 0) & ~found.evidence["settled"]
    reasons = [_who_said_what(found, position) if flagged[position] else "" for position in range(len(found))]
    evidence = {"suggested": np.where(flagged, counts.argmax(axis=1), -1), "settles": True}
    made = Ranking(np.where(totals > 1, scores, np.nan), flagged=flagged, reasons=reasons, evidence=evidence)
    stamped: Ranking = stamp(session, made, METHOD, {}, {}, time.perf_counter() - start)
    return stamped


def _last_answers(session: Session, given: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
    places = {name: k for k, name in enumerate(session.classes.names)}
    people: dict[str, int] = {}
    entries: list[tuple[int, str, int]] = []
    settled = np.zeros(len(session.items), bool)
    for position, label, who, method in zip(given.positions.tolist(), given.labels, given.who, given.methods, strict=True):
        if method == METHOD:
            settled[position] = True                            # an answer to the conflict is no answer of one's own
            continue
        settled[position] = False
        people.setdefault(who, len(people))
        entries.append((position, who, places.get(label.classes[0], -1) if label is not None and label.kind == "class" else -1))
    votes = np.full((len(session.items), len(people)), -1, np.int64)
    for position, who, value in entries:
        votes[position, people[who]] = value
    return votes, settled, list(people)


def _tally(answers: Any, n_classes: int | None = None) -> np.ndarray:
    """(N, K) how many people gave each class."""
    table = np.asarray(answers)
    if table.ndim != 2 or (table.size and (table.dtype.kind not in "iu" or table.min() < -1)):
        raise ValueError(
            f"answers: got shape {table.shape} of {table.dtype}, expected (people, items) whole numbers, -1 where there is no answer"
        )
    classes = max(int(table.max(initial=-1)) + 1, n_classes or 0, 1)
    return np.stack([(table == k).sum(axis=0) for k in range(classes)], axis=1).astype(np.int64)


def _pairable(counts: np.ndarray) -> np.ndarray:
    return counts[counts.sum(axis=1) > 1]


def _alpha(counts: np.ndarray) -> float:
    """From the coincidence matrix: its diagonal is observed agreement, its margins give what chance would."""
    totals = counts.sum(axis=1, keepdims=True)
    if not len(counts):
        return float("nan")
    agreeing = (counts * (counts - 1) / (totals - 1)).sum()
    margins = counts.sum(axis=0).astype(np.float64)
    n = margins.sum()
    expected = 1 - (margins * (margins - 1)).sum() / (n * (n - 1))
    return float("nan") if expected <= 0 else float(1 - (1 - agreeing / n) / expected)


def _same_pairs(counts: np.ndarray) -> float:
    totals = counts.sum(axis=1)
    pairs = (totals * (totals - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else float("nan")


def _pairs(found: Votes) -> list[dict[str, Any]]:
    rows = []
    for a, first in enumerate(found.sources):
        for b, second in enumerate(found.sources[a + 1:], a + 1):
            both = (found.votes[:, a] >= 0) & (found.votes[:, b] >= 0)
            if both.any():
                two = found.votes[both][:, [a, b]]
                rows.append({"one": first, "other": second, "items": int(both.sum()), "agreement": float((two[:, 0] == two[:, 1]).mean()),
                             "alpha": krippendorff_alpha(two.T)})
    return rows


def _by_class(counts: np.ndarray, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Of the items that someone gave the class: alpha of this class against all others."""
    rows = []
    for k, name in enumerate(classes):
        if counts[:, k].any():
            two = np.stack([counts[:, k], counts.sum(axis=1) - counts[:, k]], axis=1)
            rows.append({"class": name, "answers": int(counts[:, k].sum()), "alpha": _alpha(two)})
    return rows


def _confused(counts: np.ndarray, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """The pairs of classes between which people differ most often."""
    tally = Counter[tuple[str, str]]()
    for row in counts[(counts > 0).sum(axis=1) > 1]:
        named = np.flatnonzero(row)
        tally.update((classes[a], classes[b]) for i, a in enumerate(named) for b in named[i + 1:])
    return [{"one": a, "other": b, "items": n} for (a, b), n in tally.most_common(20)]


def _who_said_what(found: Votes, position: int) -> str:
    said: dict[str, list[str]] = {}
    for who, value in zip(found.sources, found.votes[position].tolist(), strict=True):
        if value >= 0:
            said.setdefault(found.classes[value], []).append(who)
    return "; ".join(f"{', '.join(names)}: {name}" for name, names in sorted(said.items(), key=lambda one: -len(one[1])))
