"""Labels that are probably wrong, by the joint distribution of given and true classes.

Source: Northcutt, Jiang and Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70 (arXiv 1911.00068).
Reference code: https://github.com/cleanlab/cleanlab, whose results these are, item by item (`compute/confident.py` counts and prunes).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from labelnb.checks import class_labels, positive_int, probability_rows
from labelnb.compute.confident import FILTERS, RANKINGS, confident_counts, label_issues, label_quality
from labelnb.results import Ranking

WIDGET = "triage"
CATALOGUE = 142


def confident_learning(
    labels: Any,
    probabilities: Any,
    *,
    embeddings: Any = None,
    classes: Any = None,
    filter_by: Literal[
        "prune_by_noise_rate",
        "prune_by_class",
        "both",
        "confident_learning",
        "predicted_neq_given",
        "low_self_confidence",
        "low_normalized_margin",
    ] = "prune_by_noise_rate",
    rank_by: Literal["self_confidence", "normalized_margin", "confidence_weighted_entropy"] = "self_confidence",
    folds: int = 5,
    seed: int = 0,
) -> Ranking:
    """Rank labelled items by how little a classifier that has not seen their label believes it, and flag those to look at.

    Parameters
    ----------
    labels : (N,) class positions as given, -1 where there is none; those items are left out
    probabilities : (N, K) out-of-sample predictions (a model's opinion of labels it was trained on hides their errors); or None, with
        `embeddings`: a cross-validated linear probe then makes them
    embeddings : (N, D), read only where `probabilities` is None
    classes : K class names, for the reasons
    filter_by : what is flagged. `prune_by_noise_rate`: for every pair of classes as many items as the estimated joint says, largest margin
        first; `prune_by_class`: for every class the least self-confident; `both`: what these two agree on; `confident_learning`: the
        off-diagonal of the confident joint; `predicted_neq_given`: every item whose likeliest class is another; `low_self_confidence`,
        `low_normalized_margin`: as many as the confident joint counts, the lowest of that label quality
    rank_by : label quality that orders items, the worst first: `self_confidence`, probability of the given class;
        `normalized_margin`, that minus the largest other; `confidence_weighted_entropy`, entropy of the row over its self-confidence
    folds, seed : of the cross-validation

    Returns
    -------
    Ranking with `scores` (N,) = 1 - label quality in 0..1, NaN without a label; `flagged`; a sentence each in `reasons`. Evidence:
    `confident_joint` (K, K) counts, given by true, calibrated to the labels; `joint` the same as probabilities; `thresholds` (K,) mean
    self-confidence of each class; `suggested` (N,) likeliest class; `quality` (N,); `probabilities`.

    Raises
    ------
    ValueError
        If fewer than two classes have a label, no out-of-sample predictions can be had, or shapes do not fit.

    Notes
    -----
    Linear in N K. Do not trust it with fewer than about five labels a class: the out-of-sample predictions are then worse than the
    labels, and most of what is flagged is right.
    """
    if filter_by not in FILTERS:
        raise ValueError(f"filter_by: got {filter_by!r}, expected one of {', '.join(FILTERS)}")
    if rank_by not in RANKINGS:
        raise ValueError(f"rank_by: got {rank_by!r}, expected one of {', '.join(RANKINGS)}")
    positive_int("folds", folds, low=2)
    count = len(labels)
    if count == 0:
        raise ValueError("labels: no items; expected one label an item, -1 where unknown")
    p = _predictions(labels, probabilities, embeddings, count, folds, seed)
    y = class_labels(labels, count, n_classes=p.shape[1]).cpu().numpy()
    members = np.bincount(y[y >= 0], minlength=p.shape[1])
    if (members > 0).sum() < 2:
        raise ValueError(
            f"labels: {(members > 0).sum()} of {p.shape[1]} classes have a label; expected two at least, or nothing can be told apart"
        )
    judged = y >= 0
    if probabilities is None:
        judged &= members[np.maximum(y, 0)] > 1
    names = _names(classes, p.shape[1])
    return _rank(y, p, np.flatnonzero(judged), filter_by, rank_by, names, _rare(members, names, probabilities is None))


def _rare(members: np.ndarray, names: list[str], cross_validated: bool) -> list[str]:
    """What to know of classes with few labels."""
    few = [f"{names[k]} ({members[k]})" for k in np.flatnonzero((members > 0) & (members < 5))]
    if not few:
        return []
    some = ", ".join(few[:8]) + (f" and {len(few) - 8} more" if len(few) > 8 else "")
    alone = "; a label that is the only one of its class is not judged at all" if cross_validated and (members == 1).any() else ""
    return [f"fewer than 5 labels in {some}: the predictions for these are weak, and much of what is flagged will be right{alone}"]


def _predictions(labels: Any, probabilities: Any, embeddings: Any, count: int, folds: int, seed: int) -> np.ndarray:
    if probabilities is not None:
        rows: np.ndarray = probability_rows(probabilities, count).cpu().numpy()
        y = class_labels(labels, count, n_classes=rows.shape[1]).cpu().numpy()
        silent = np.flatnonzero((rows.max(1) == 0) & (y >= 0))
        if len(silent):
            raise ValueError(
                f"probabilities: rows {silent[:5].tolist()} abstain on labelled items; expected a prediction for every labelled item"
            )
        return rows
    if embeddings is None:
        raise ValueError("probabilities: got None; hand over out-of-sample predictions (N, K), or embeddings= for a cross-validated probe")
    from labelnb.compute import out_of_fold

    known = class_labels(labels, count)
    if len(known[known >= 0].unique()) < 2:
        raise ValueError("labels: fewer than two classes have a label; expected two at least, or nothing can be told apart")
    made: np.ndarray = out_of_fold(embeddings, known, folds=folds, seed=seed, n_classes=int(known.max()) + 1).cpu().numpy()
    return made


def _rank(y: np.ndarray, p: np.ndarray, judged: np.ndarray, filter_by: str, rank_by: str, names: list[str], notes: list[str]) -> Ranking:
    everything = len(judged) == len(y)
    given, rows = (y, p) if everything else (y[judged], p[judged])
    counts = confident_counts(given, rows)
    issues, said = label_issues(given, rows, counts, filter_by)
    scores, flagged = np.full(len(y), np.nan), np.zeros(len(y), bool)
    quality = scores.copy()
    quality[judged] = label_quality(given, rows, rank_by)
    scores[judged], flagged[judged] = 1.0 - quality[judged], issues
    own = np.bincount(given, weights=rows[np.arange(len(given)), given], minlength=p.shape[1])
    with np.errstate(invalid="ignore"):
        thresholds = own / np.bincount(given, minlength=p.shape[1])
    suggested = p.argmax(axis=1).astype(np.int64)
    return Ranking(
        scores,
        flagged=flagged,
        reasons=_reasons(y, p, suggested, judged, names),
        warnings=(*said, *notes),
        evidence={
            "confident_joint": counts.joint,
            "joint": counts.joint / counts.joint.sum(),
            "thresholds": thresholds,
            "suggested": suggested,
            "quality": quality,
            "probabilities": p.astype(np.float32, copy=False),
        },
    )


def _reasons(y: np.ndarray, p: np.ndarray, suggested: np.ndarray, judged: np.ndarray, names: list[str]) -> list[str]:
    """A sentence an item. Those that agree differ by class and percentage alone: they are written once each and handed out."""
    percent = np.rint(100 * p[judged, suggested[judged]]).astype(np.int64)
    given, best = y[judged], suggested[judged]
    made = np.full(len(y), "", dtype=object)
    agree = given == best
    agreed = [[f"Labelled {name}, and the others' labels say so too ({c}%)." for c in range(101)] for name in names]
    written = np.array(agreed, dtype=object)
    made[judged[agree]] = written[given[agree], percent[agree]]
    differ = np.flatnonzero(~agree)
    own = np.rint(100 * p[judged[differ], given[differ]]).astype(np.int64)
    rows = zip(given[differ].tolist(), own.tolist(), best[differ].tolist(), percent[differ].tolist(), strict=True)
    made[judged[differ]] = np.array(
        [f"Labelled {names[g]} ({o}%), but judged by the other labels it is {names[b]} ({c}%)." for g, o, b, c in rows], dtype=object
    )
    made[np.setdiff1d(np.flatnonzero(y >= 0), judged, assume_unique=True)] = "The only label of its class: nothing to judge it by."
    return made.tolist()


def _names(classes: Any, k: int) -> list[str]:
    names = [str(name) for name in classes] if classes is not None else [f"class {i}" for i in range(k)]
    if len(names) < k:
        raise ValueError(f"classes: got {len(names)} names for {k} columns of probabilities; expected one a class")
    return names
