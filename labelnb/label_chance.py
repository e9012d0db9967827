"""What it says that an item has no label: where known classes lie, some of the items are labelled; where new ones lie, none is.

It holds where the labels were given at random within each known class. Then P(labelled as k | x) is learnt like any classifier, from all
items, and the share of known classes among the items without a label follows from it.

Sources: Elkan and Noto 2008, "Learning classifiers from only positive and unlabeled data" (doi 10.1145/1401890.1401920); Garg, Wu, Smola,
Balakrishnan and Lipton 2021, "Mixture Proportion Estimation and PU Learning: A Modern Approach", arXiv 2111.00980, for the best bin; Garg,
Balakrishnan and Lipton 2022, "Domain Adaptation under Open Set Label Shift", arXiv 2207.13048, for several known classes.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from labelnb.checks import generator, within
from labelnb.compute.probe import ProbeSpace, out_of_fold

__all__ = ["PENALTIES", "KnownShare", "class_chances", "known_share", "label_chances", "likeness", "novelty"]

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the probe on unit rows, from which the one is taken that predicts best out of fold."""


DELTA = 0.1
"""Chance that the bound of the best bin does not hold (delta in the paper)."""
GAMMA = 0.01
"""By how much it weighs that a bin holds few labelled items (gamma in the paper)."""


class KnownShare(NamedTuple):
    """How much of what has no label is of a known class."""

    value: float
    """0 to 1."""
    error: float
    """Standard error of the two counts that it is the ratio of."""
    top: float
    """Share of the labelled items in the bin that it was read off."""


def label_chances(rows: torch.Tensor, labels: torch.Tensor, *, l2: float | None = None, folds: int = 5, seed: int = 0) -> torch.Tensor:
    """(N, L + 1) P(labelled as k | x) of the L known classes, and last P(not labelled | x), by a linear probe that has not seen the item.

    Parameters
    ----------
    rows : (N, D) one vector an item
    labels : (N,) places among the known classes, 0 to L - 1, each with an item; -1 for items without a label
    l2 : penalty of the probe; None for that of PENALTIES which predicts best
    folds : parts, each judged by a probe that was fitted to the others
    seed : of the parts
    """
    known = int(labels.max()) + 1
    y = torch.where(labels >= 0, labels, known)
    space = ProbeSpace(rows)
    # Not stratified: folds that spread the labelled items more evenly than the others would let them look more like one another.
    part = (torch.randperm(len(rows), generator=generator(seed)) % folds).to(rows.device)

    def judged(penalty: float) -> torch.Tensor:
        p = rows.new_zeros(len(rows), known + 1)
        start = space.fit(y, l2=penalty, n_classes=known + 1, tolerance=1e-4, max_iterations=1000)
        for fold in range(folds):
            test = part == fold
            if bool(test.any()) and not bool(test.all()):
                fit = space.fit(torch.where(test, -1, y), l2=penalty, n_classes=known + 1, tolerance=1e-6, max_iterations=1000, start=start)
                p[test] = space.probabilities(fit, test)
        return p

    return _best(judged, y, l2)


def class_chances(rows: torch.Tensor, labels: torch.Tensor, *, l2: float | None = None, folds: int = 5, seed: int = 0) -> torch.Tensor:
    """(N, L) P(k | x, a known class) by a probe on the labelled items: out of fold for these, by all folds' probes for the others.

    Parameters as in `label_chances`.
    """
    known = int(labels.max()) + 1
    if known < 2:
        return torch.ones(len(rows), 1, dtype=rows.dtype, device=rows.device)
    space = ProbeSpace(rows, labels >= 0)
    return _best(lambda penalty: out_of_fold(space, labels, folds=folds, l2=penalty, seed=seed, n_classes=known), labels, l2)


def _best(judged: Callable[[float], torch.Tensor], y: torch.Tensor, l2: float | None) -> torch.Tensor:
    """(N, K) probabilities under the penalty of least mean -log p of the items' own classes."""
    told, best, least = y >= 0, torch.empty(0), math.inf
    for penalty in PENALTIES if l2 is None else (l2,):
        p = judged(penalty)
        loss = -float(torch.log(p[told].gather(1, y[told][:, None]).double().clamp_min(1e-9)).mean())
        if loss < least:
            best, least = p, loss
    return best


def known_share(scores: torch.Tensor, labels: torch.Tensor) -> KnownShare:
    """The share of known classes among items without a label, from how much like a labelled item each looks.

    Both kinds of items are counted above a threshold. The items of known classes lie there in the same share, whether labelled or not, so
    that the ratio of the two shares is the share of known classes, and more by what of the new classes lies there too. The threshold is
    the one of least upper bound on the ratio: high enough to leave new classes out, low enough to count many.

    Parameters
    ----------
    scores : (N,) larger where an item looks more like a labelled one, such as 1 - P(not labelled | x) out of fold
    labels : (N,) -1 where there is no label

    >>> known_share(torch.tensor([0.9, 0.8, 0.9, 0.1, 0.8, 0.2]), torch.tensor([0, 0, -1, -1, -1, -1])).value
    0.5
    """
    told = labels >= 0
    p, u = scores[told].double().sort().values, scores[~told].double().sort().values
    if not len(p) or not len(u):
        return KnownShare(1.0, 0.0, 1.0)
    at = p.unique()                                               # between two labelled items more is only lost
    above = 1 - torch.searchsorted(p, at).double() / len(p), 1 - torch.searchsorted(u, at).double() / len(u)
    ratio = above[1] / above[0]
    slack = math.sqrt(math.log(4 / DELTA) / 2 / len(u)) + math.sqrt(math.log(4 / DELTA) / 2 / len(p))
    best = int((ratio + (1 + GAMMA) * slack / above[0]).argmin())
    value, top, also = float(ratio[best]), float(above[0][best]), float(above[1][best])
    error = value * math.sqrt((1 - top) / (top * len(p)) + (1 - also) / (max(also, 1 / len(u)) * len(u)))
    return KnownShare(min(1.0, value), error, top)


def likeness(chances: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(N,) P(labelled | x) in units of what the labelled items of the item's likeliest known class have on average.

    For `known_share`: by chance or not, more is labelled of some classes than of others, and by P(labelled | x) alone these would fill the
    bin and stand for all.

    Parameters
    ----------
    chances : (N, L + 1) rows of `label_chances`
    labels : (N,) places among the known classes, -1 where there is no label
    """
    known = chances.shape[1] - 1
    labelled = 1 - chances[:, known]
    told = labels >= 0
    onehot = torch.nn.functional.one_hot(labels[told], known).to(chances.dtype)
    means = (onehot.T @ labelled[told]) / onehot.sum(0).clamp_min(1)
    return labelled / means[chances[:, :known].argmax(1)].clamp_min(1e-6)


def novelty(chances: torch.Tensor, told: int, share: float) -> torch.Tensor:
    """(n,) P(of no known class | x) of n items without a label.

    Parameters
    ----------
    chances : (n, L + 1) rows of `label_chances`
    told : items with a label
    share : of the n items that are of a known class, above 0

    Notes
    -----
    Of the items of known classes the share c = told / (told + n share) is labelled, so that P(known and not labelled | x) is
    (1 - c) / c P(labelled | x); what is left of P(not labelled | x) is new. Where the mean of this is above 1 - share, the odds of new
    are lowered by one factor so that it is not: a probe with a penalty is less sure than it could be, and counts too many as new.
    """
    within("share", share, 0.0, 1.0, open_low=True)
    n = len(chances)
    known = chances[:, :-1].double().sum(1) * (n * share / max(told, 1)) / chances[:, -1].double().clamp_min(1e-9)
    new = (1 - known).clamp(0.0, 1.0)
    factor = min(1.0, _factor(new, 1 - share))
    return (factor * new / (factor * new + 1 - new).clamp_min(1e-12)).to(chances.dtype)


def _factor(new: torch.Tensor, wanted: float) -> float:
    """By how much the odds are to be multiplied so that the mean is `wanted`: found by halving, for the mean rises with it."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        factor = math.exp(middle)
        mean = float((factor * new / (factor * new + 1 - new).clamp_min(1e-12)).mean())
        low, high = (middle, high) if mean < wanted else (low, middle)
    return math.exp((low + high) / 2)
