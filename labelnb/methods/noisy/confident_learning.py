"""Labels that are probably wrong, by the joint distribution of given and true classes.

Source: Northcutt, Jiang and Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70 (arXiv 1911.00068).
Reference code: https://github.com/cleanlab/cleanlab, which does the counting and pruning here.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from labelnb.checks import class_labels, positive_int, probability_rows
from labelnb.results import Ranking

WIDGET = "triage"
CATALOGUE = 142

FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")
RANKINGS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def confident_learning(
    labels: Any,
    probabilities: Any,
    *,
    embeddings: Any = None,
    classes: Any = None,
    filter_by: Literal[
        "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given"
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
        off-diagonal of the confident joint; `predicted_neq_given`: every item whose likeliest class is another
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
    known = np.flatnonzero(y >= 0)
    present, members = np.unique(y[known], return_counts=True)
    if len(present) < 2:
        raise ValueError(
            f"labels: {len(present)} of {p.shape[1]} classes have a label; expected two at least, or nothing can be told apart"
        )
    return _rank(y, p, known, filter_by, rank_by, _names(classes, p.shape[1]), int(members.min()))


def _predictions(labels: Any, probabilities: Any, embeddings: Any, count: int, folds: int, seed: int) -> np.ndarray:
    if probabilities is not None:
        rows = probability_rows(probabilities, count).cpu().numpy().astype(np.float64)
        y = class_labels(labels, count, n_classes=rows.shape[1]).cpu().numpy()
        silent = np.flatnonzero((rows.sum(1) == 0) & (y >= 0))
        if len(silent):
            raise ValueError(
                f"probabilities: rows {silent[:5].tolist()} abstain on labelled items; expected a prediction for every labelled item"
            )
        return rows
    if embeddings is None:
        raise ValueError("probabilities: got None; hand over out-of-sample predictions (N, K), or embeddings= for a cross-validated probe")
    from labelnb.compute import out_of_fold

    known = class_labels(labels, count)
    return out_of_fold(embeddings, known, folds=folds, seed=seed, n_classes=int(known.max()) + 1).cpu().numpy().astype(np.float64)


def _rank(y: np.ndarray, p: np.ndarray, known: np.ndarray, filter_by: str, rank_by: str, names: list[str], fewest: int) -> Ranking:
    from cleanlab.count import compute_confident_joint, estimate_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    given, rows = y[known], p[known]
    counts = compute_confident_joint(given, rows)
    # The filter of that name estimates its own joint. One process: the pool of workers costs more than it saves below millions of rows.
    joint = None if filter_by == "confident_learning" else counts
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        issues = find_label_issues(given, rows, filter_by=filter_by, confident_joint=joint, n_jobs=1)
    quality = get_label_quality_scores(given, rows, method=rank_by)
    scores, flagged, all_quality = np.full(len(y), np.nan), np.zeros(len(y), bool), np.full(len(y), np.nan)
    scores[known], flagged[known], all_quality[known] = 1.0 - quality, issues, quality
    thresholds = np.array([rows[given == k, k].mean() if (given == k).any() else np.nan for k in range(p.shape[1])])
    suggested = p.argmax(axis=1).astype(np.int64)
    notes = list(dict.fromkeys(str(each.message) for each in said))
    if fewest < 5:
        notes.append(
            f"the rarest class has {fewest} labels: with fewer than 5 the predictions are weak, and much of what is flagged will be right"
        )
    return Ranking(
        scores,
        flagged=flagged,
        reasons=_reasons(y, p, suggested, names),
        warnings=tuple(notes),
        evidence={
            "confident_joint": counts,
            "joint": estimate_joint(given, rows, confident_joint=counts),
            "thresholds": thresholds,
            "suggested": suggested,
            "quality": all_quality,
            "probabilities": p.astype(np.float32),
        },
    )


def _reasons(y: np.ndarray, p: np.ndarray, suggested: np.ndarray, names: list[str]) -> list[str]:
    made = []
    for given, row, best in zip(y.tolist(), p, suggested.tolist(), strict=True):
        if given < 0:
            made.append("")
        elif best == given:
            made.append(f"Labelled {names[given]}, and the others' labels say so too ({row[given]:.0%}).")
        else:
            made.append(
                f"Labelled {names[given]} ({row[given]:.0%}), but judged by the other labels it is {names[best]} ({row[best]:.0%})."
            )
    return made


def _names(classes: Any, k: int) -> list[str]:
    names = [str(name) for name in classes] if classes is not None else [f"class {i}" for i in range(k)]
    if len(names) < k:
        raise ValueError(f"classes: got {len(names)} names for {k} columns of probabilities; expected one a class")
    return names
