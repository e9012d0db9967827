"""Active generalized category discovery: which items to ask a person about, so that new classes are found with few answers.

Source: Ma, Zhu, Zhong, Liu, Zhang and Liu 2024, "Active Generalized Category Discovery", CVPR, arXiv 2403.04272. Reference code:
https://github.com/mashijie1028/ActiveGCD

The paper trains a network (SimGCD) between rounds; here `uno` does that on frozen embeddings.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch

from labelnb.checks import Range, class_labels, positive_int, unit_rows
from labelnb.cluster_matching import keep_numbers
from labelnb.methods.novel.uno import uno
from labelnb.results import Ranking

WIDGET = "triage"
CATALOGUE = 78


def active_gcd(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_novel: int | None = None,
    budget: Annotated[int, Range(1, 1_000_000)] = 20,
    first: Literal["uncertain", "certain"] = "uncertain",
    previous: Sequence[int] | None = None,
    epochs: Annotated[int, Range(2, 1000)] = 30,
    seed: int = 0,
) -> Ranking:
    """Rank unlabelled items for annotation: novel ones first, as many of every new group, in each by how much an answer would say.

    Novelty: an item is held for novel where the model puts it into a new group. Diversity: each new group gets the same share of the
    budget. Informativeness: within a group by the margin between the two likeliest classes.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    n_novel : new groups; None estimates their number (`number_of_classes`)
    budget : items to flag
    first : `uncertain`, small margins first; `certain`, large ones: the paper's choice for the first rounds, while predictions are poor
    previous : (N,) groups of the round before (its evidence `assignment`), whose numbers groups keep by largest overlap
    epochs : of the model
    seed : of the model

    Returns
    -------
    Ranking: flagged are the `budget` items to ask about; labelled items have no score. Evidence: `assignment` (N,) groups, numbers kept
    from `previous`; `classes` (C,) class position by cluster of the model, -1 for a new one; `suggested` (N,) class position, -1 in a
    new group; `margin` (N,), `probabilities` (N, C).

    Raises
    ------
    ValueError
        If no item is labelled, an ingredient is not what it should be, or `previous` is not of one number an item.

    Notes
    -----
    Group numbers are matched one to one over all items (Hungarian), which is how the paper carries labels of new classes over to the
    changing clusters; a new class with an answer becomes a known class in the next round. With fewer items in new groups than the budget,
    the rest are the least certain of known classes. Do not use it to audit known classes: it hardly looks at them.
    """
    budget = positive_int("budget", budget)
    if first not in ("uncertain", "certain"):
        raise ValueError(f"first: got {first!r}, expected 'uncertain' or 'certain'")
    x = unit_rows(embeddings)
    y = class_labels(labels, len(x)).cpu().numpy()
    if previous is not None and np.shape(previous) != (len(y),):
        raise ValueError(f"previous: got shape {np.shape(previous)}, expected ({len(y)},): the group of each item in the round before")
    found = uno(x, labels, n_novel=n_novel, epochs=epochs, seed=seed)
    p = found.probabilities if found.probabilities is not None else np.eye(found.n_clusters, dtype=np.float32)[found.assignment]
    classes = np.asarray(found.evidence["classes"])
    top = np.sort(p.astype(np.float64), axis=1)
    margin = top[:, -1] - (top[:, -2] if p.shape[1] > 1 else 0.0)
    order = queue(found.assignment, classes < 0, margin, y < 0, certain=first == "certain")
    scores = np.full(len(y), np.nan)
    scores[order] = np.arange(len(order), 0, -1)
    flagged = np.zeros(len(y), bool)
    flagged[order[:budget]] = True
    kept = found.assignment if previous is None else keep_numbers(np.asarray(previous), found.assignment)
    evidence = {
        "assignment": kept, "classes": classes, "suggested": classes[found.assignment], "margin": margin, "probabilities": p,
        **{name: found.evidence[name] for name in ("number", "n_novel") if name in found.evidence},
    }
    return Ranking(scores, flagged, _reasons(found.assignment, classes, kept, margin, y), evidence=evidence, warnings=found.warnings)


def queue(assignment: np.ndarray, novel: np.ndarray, margin: np.ndarray, free: np.ndarray, *, certain: bool) -> np.ndarray:
    """Positions of the free items in the order in which to ask: new groups in turn, one of each, by margin; then the known classes.

    Parameters
    ----------
    assignment : (N,) cluster of each item
    novel : (C,) bool, which clusters are new groups
    margin : (N,) between the two likeliest classes
    free : (N,) bool, items that can be asked about
    certain : large margins first, within new groups; known classes always begin with the small ones
    """
    is_new = novel[assignment] & free
    by_margin = np.lexsort((assignment, -margin if certain else margin))
    turn = np.zeros(len(assignment), np.int64)
    for group in np.flatnonzero(novel):
        mine = by_margin[(assignment[by_margin] == group) & is_new[by_margin]]
        turn[mine] = np.arange(len(mine))
    asked = np.flatnonzero(is_new)
    asked = asked[np.lexsort((assignment[asked], turn[asked]))]
    rest = np.flatnonzero(free & ~is_new)
    return np.concatenate([asked, rest[np.argsort(margin[rest], kind="stable")]])


def _reasons(assignment: np.ndarray, classes: np.ndarray, kept: np.ndarray, margin: np.ndarray, y: np.ndarray) -> list[str]:
    made = []
    for i, label in enumerate(y):
        if label >= 0:
            made.append("")
        elif classes[assignment[i]] < 0:
            made.append(f"perhaps of a class nobody named (group {kept[i]}, margin {margin[i]:.2f})")
        else:
            made.append(f"like a known class, margin {margin[i]:.2f}")
    return made
