"""Pseudo-labels taken in by rising share, the most certain first, with a new model for every cycle.

Source: Cascante-Bonilla, Tan, Qi and Ordonez 2021, "Curriculum Labeling: Revisiting Pseudo-Labeling for Semi-Supervised Learning",
AAAI, arXiv 2001.06001. Reference code: https://github.com/uvavision/Curriculum-Labeling

The paper looks at the distribution of the largest probabilities in the light of extreme value theory; the reference code fits no such
distribution: it takes a percentile of those probabilities (`np.percentile`, linear between ranks) and keeps what is at or above it.
That is what is done here, with the reference's class weights, without which the common pseudo-labels crowd out the others.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch

from labelnb.checks import Range, class_labels, positive_int, unit_rows, within
from labelnb.compute.device import able_device
from labelnb.compute.kmeans import content_order
from labelnb.compute.probe import ProbeSpace, stratified_folds
from labelnb.compute.temperature import fit_temperature
from labelnb.compute.train import Head, train
from labelnb.results import Proposal, as_array

WIDGET = "review"
CATALOGUE = 154


def curriculum_labeling(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    n_classes: int | None = None,
    step: Annotated[float, Range(1.0, 100.0)] = 20.0,
    balance: bool = True,
    l2: Annotated[float, Range(1e-6, 100.0)] = 0.1,
    hidden: Annotated[int, Range(0, 4096)] = 0,
    restart: bool = True,
    epochs: Annotated[int, Range(1, 1000)] = 50,
    folds: Annotated[int, Range(0, 20)] = 4,
    keep: Literal["last", "best"] = "last",
    calibrate: bool = True,
    seed: int = 0,
) -> Proposal:
    """Propose classes from a few labels, by letting the classifier's own most certain predictions join them.

    Cycle 0 fits a classifier to the labels alone. Each further cycle predicts all unlabelled items, takes as pseudo-labels those whose
    largest probability is at or above a percentile (100 - step, 100 - 2 step, ... 0), and fits a new classifier to labels and
    pseudo-labels.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; two classes at least
    n_classes : K, where the last classes may have no label; default the largest position + 1. A class without a label is never proposed
    step : by how many percentile points the threshold falls a cycle (mu in the paper)
    balance : weigh classes by (others) / (own) in each fit, as the reference does
    l2 : strength of the penalty of the linear classifier
    hidden : width of a hidden layer; 0 for a linear classifier, fitted to its minimum
    restart : begin every cycle from new weights, as the paper wants it, or go on from the last ones; only matters with a hidden
        layer, for a linear fit ends at its one minimum wherever it began
    epochs : passes over the rows a cycle, with a hidden layer
    folds : parts in which the labels are held out to measure every cycle; 0 leaves the measurement out. Costs as many further runs
    keep : `last`, when all items have joined; `best`, the cycle of highest held-out accuracy, as the reference chooses on its large
        validation set
    calibrate : divide the scores by the temperature at which held-out labels are likeliest, for honest confidence
    seed : of the folds, and of the weights with a hidden layer

    Returns
    -------
    Proposal. Evidence: `curve`, one row a cycle (`cycle`, `percentile`, `threshold`, `selected`, `labelled_accuracy`,
    `held_out_accuracy`, `changed`: share of the items whose prediction changed); `cycle`, the one kept;
    `held_out` (labels measured); `temperature`; `scores` (N, K).

    Raises
    ------
    ValueError
        If fewer than two classes have a label; they are named by position with their counts.

    Notes
    -----
    Do not use it where the first classifier is wrong more often than right: it then learns its own errors. The held-out curve shows
    that, and a warning says so.
    """
    x = unit_rows(embeddings)
    x = x.to(able_device(x.device))
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    y = class_labels(labels, len(x), n_classes=n_classes).to(x.device)
    k = n_classes or int(y.max()) + 1
    options = _options(step, balance, l2, hidden, restart, epochs, seed)
    positive_int("folds", folds, low=0)
    if keep not in ("last", "best"):
        raise ValueError(f"keep: got {keep!r}, expected 'last' or 'best'")
    _refuse_few(y, k)
    space = ProbeSpace(x)
    run = _cycles(space, y, k, options)
    held = _held_out(space, y, k, options, folds, seed) if folds >= 2 else None
    cycle = len(run) - 1
    if keep == "best" and held is not None:
        right = [int((scores.argmax(1) == held.truth).sum()) for scores in held.scores]
        cycle = max(range(len(run)), key=lambda c: (right[c], c))
    temperature = fit_temperature(held.scores[cycle], held.truth) if calibrate and held is not None else 1.0
    curve = _curve(run, held, y)
    evidence = {
        "curve": curve, "cycle": cycle, "held_out": 0 if held is None else len(held.truth), "temperature": temperature,
        "scores": run[cycle].scores,
    }
    probabilities = torch.softmax(run[cycle].scores.double() / temperature, dim=1)
    return Proposal(as_array(probabilities.float()), evidence=evidence, warnings=_warnings(curve, cycle, held, folds, y, k))


class _Options(NamedTuple):
    step: float
    balance: bool
    l2: float
    hidden: int
    restart: bool
    epochs: int
    seed: int


class _Cycle(NamedTuple):
    percentile: float | None
    threshold: float | None
    selected: int
    scores: torch.Tensor
    """(N, K) before the softmax."""


class _Held(NamedTuple):
    truth: torch.Tensor
    """(M,) labels of the items held out."""
    scores: list[torch.Tensor]
    """(M, K) of each cycle, by runs that did not know these labels."""


def _options(step: float, balance: bool, l2: float, hidden: int, restart: bool, epochs: int, seed: int) -> _Options:
    within("step", step, 0.0, 100.0, open_low=True)
    within("l2", l2, 0.0, 1e6, open_low=True)
    return _Options(step, balance, l2, positive_int("hidden", hidden, low=0), restart, positive_int("epochs", epochs), seed)


def _refuse_few(y: torch.Tensor, k: int) -> None:
    counts = torch.bincount(y[y >= 0], minlength=k).tolist()
    if sum(count > 0 for count in counts) < 2:
        have = ", ".join(f"class {c}: {count}" for c, count in enumerate(counts) if count) or "none"
        raise ValueError(f"labels: got {have}; expected labels of at least two classes: label a few items of another class")


def _cycles(space: ProbeSpace, y: torch.Tensor, k: int, options: _Options) -> list[_Cycle]:
    """All cycles on one set of labels."""
    fit = _classifier(space, k, options)
    unlabelled = y < 0
    scores = fit(y, _class_weights(y, k, False))
    cycles = [_Cycle(None, None, 0, scores)]
    if not bool(unlabelled.any()):
        return cycles
    percentile = 100.0
    while percentile > 0:
        percentile = max(0.0, percentile - options.step)
        largest, guess = torch.softmax(scores, dim=1).max(dim=1)
        threshold = _percentile(largest[unlabelled], percentile)
        chosen = unlabelled & (largest >= threshold)
        targets = torch.where(chosen, guess, y)
        scores = fit(targets, _class_weights(targets, k, options.balance))
        cycles.append(_Cycle(percentile, threshold, int(chosen.sum()), scores))
    return cycles


def _percentile(values: torch.Tensor, percentile: float) -> float:
    """As np.percentile: linear between the two ranks. Sorted, for torch.quantile stops at 2**24 values."""
    ranked = values.sort().values
    place = percentile / 100 * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return float(ranked[low] + (ranked[high] - ranked[low]) * (place - low))


def _class_weights(targets: torch.Tensor, k: int, balance: bool) -> torch.Tensor:
    """(N,) weight of each row: (rows of other classes) / (rows of its own), brought to mean 1 over the rows that count."""
    kept = targets >= 0
    weights = torch.ones(len(targets), dtype=torch.float64, device=targets.device)
    if balance:
        counts = torch.bincount(targets[kept], minlength=k).double()
        weights[kept] = ((counts.sum() - counts) / counts.clamp_min(1))[targets[kept]]
        weights /= weights[kept].mean().clamp_min(1e-12)
    return weights


def _classifier(space: ProbeSpace, k: int, options: _Options) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A function that fits to targets (N,), -1 left out, with weights (N,), and gives the scores (N, K) of all items."""
    last: dict[str, Any] = {"fit": None, "cycle": 0}

    def linear(targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        # Beginning at the last minimum saves passes and changes nothing: there is one minimum.
        last["fit"] = space.fit(targets, l2=options.l2, n_classes=k, weights=weights, tolerance=1e-4, start=last["fit"])
        return space.scores(last["fit"])

    def perceptron(targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        kept = torch.nonzero(targets >= 0).flatten()
        kept = kept[torch.argsort(last["order"][kept])]
        seed = options.seed + last["cycle"]
        if options.restart or last["fit"] is None:
            last["fit"] = Head(space.rows.shape[1], k, hidden=options.hidden, seed=seed, dtype=space.rows.dtype, device=space.rows.device)
        train(
            last["fit"], space.rows[kept], targets[kept], epochs=options.epochs, batch_size=min(256, max(8, len(kept) // 4)), lr=0.01,
            optimizer="adamw", weight_decay=1e-4, weights=weights[kept], seed=seed,
        )
        last["cycle"] += 1
        with torch.no_grad():
            scores = torch.cat([last["fit"](block) for block in space.rows.split(8192)])
        scores[:, torch.bincount(targets[kept], minlength=k) == 0] = -float("inf")
        return scores

    if not options.hidden:
        return linear
    last["order"] = torch.argsort(content_order(space.rows, options.seed))
    return perceptron


def _held_out(space: ProbeSpace, y: torch.Tensor, k: int, options: _Options, folds: int, seed: int) -> _Held | None:
    """Every cycle's scores of labels that its run did not know. None where no class has a label to spare."""
    counts = torch.bincount(y[y >= 0], minlength=k)
    spare = torch.where(y >= 0, y, 0)
    # The only label of a class stays in: without it the run could not know the class.
    fold = stratified_folds(space.rows, torch.where((y >= 0) & (counts[spare] >= 2), y, -1), folds, seed)
    truth: list[torch.Tensor] = []
    scores: list[list[torch.Tensor]] = []
    for part in range(folds):
        out = fold == part
        if not bool(out.any()):
            continue
        run = _cycles(space, torch.where(out, -1, y), k, options)
        truth.append(y[out])
        scores.append([cycle.scores[out] for cycle in run])
    if not truth:
        return None
    most = max(len(run) for run in scores)
    runs = [run + [run[-1]] * (most - len(run)) for run in scores]
    return _Held(torch.cat(truth), [torch.cat([run[c] for run in runs]) for c in range(most)])


def _share_right(scores: torch.Tensor, truth: torch.Tensor) -> float:
    return float((scores.argmax(1) == truth).float().mean())


def _curve(run: list[_Cycle], held: _Held | None, y: torch.Tensor) -> list[dict[str, float | None]]:
    known, rows, before = y >= 0, [], None
    for c, cycle in enumerate(run):
        guess = cycle.scores.argmax(1)
        rows.append({
            "cycle": c, "percentile": cycle.percentile, "threshold": cycle.threshold, "selected": cycle.selected,
            "labelled_accuracy": float((guess[known] == y[known]).float().mean()),
            "held_out_accuracy": None if held is None else _share_right(held.scores[min(c, len(held.scores) - 1)], held.truth),
            "changed": None if before is None else float((guess != before).float().mean()),
        })
        before = guess
    return rows


def _warnings(curve: list[dict[str, Any]], cycle: int, held: _Held | None, folds: int, y: torch.Tensor, k: int) -> tuple[str, ...]:
    made = []
    if held is None:
        why = "folds is 0" if folds < 2 else "no class has two labels"
        made.append(f"nothing was held out ({why}): whether the pseudo-labels helped is not known, and confidence is not calibrated")
    elif curve[cycle]["held_out_accuracy"] < curve[0]["held_out_accuracy"]:
        made.append(
            f"on {len(held.truth)} held-out labels the supervised probe is right more often ({curve[0]['held_out_accuracy']:.1%}) than "
            f"after the pseudo-labels ({curve[cycle]['held_out_accuracy']:.1%}): keep='best' would take cycle "
            f"{max(range(len(curve)), key=lambda c: (curve[c]['held_out_accuracy'], c))}; more labels help most"
        )
    if not bool((y < 0).any()):
        made.append("every item has a label already: this is the supervised classifier alone")
    without = torch.nonzero(torch.bincount(y[y >= 0], minlength=k) == 0).flatten().tolist()
    if without:
        made.append(f"classes at positions {without[:10]} have no label and are never proposed; label one of each")
    return tuple(made)
