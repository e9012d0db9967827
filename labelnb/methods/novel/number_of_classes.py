"""How many classes nobody named, with the uncertainty of the answer and the curve it rests on.

Source: Vaze, Han, Vedaldi and Zisserman 2022, "Generalized Category Discovery", section 3.4, arXiv 2201.02609 (accuracy on labelled items
over the number of clusters); Troisemaine et al. 2023, "A Practical Approach to Novel Class Discovery in Tabular Data", arXiv 2311.05440
(known classes hidden; silhouette in the latent space). Reference code: https://github.com/sgvaze/generalized-category-discovery
"""
from __future__ import annotations

from typing import Annotated, Literal

import torch

from labelnb.checks import Range, positive_int
from labelnb.number_of_classes import METHODS, Estimate, Way, estimate_novel
from labelnb.open_world import open_world
from labelnb.results import Report

WIDGET = "report"
CATALOGUE = 14


def number_of_classes(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    method: Literal["hidden", "shares", "silhouette", "stability", "all"] = "hidden",
    most: int | None = None,
    repeats: Annotated[int, Range(2, 100)] = 12,
    seed: int = 0,
) -> Report:
    """Estimate the number of classes among the unlabelled items beside the known ones.

    Parameters
    ----------
    embeddings : (N, D) one vector an item
    labels : (N,) class positions, -1 where unknown; a class is known when one item has its label
    method : `hidden`, k-means tells labelled items apart best, in a space fitted while known classes are hidden; `silhouette` of the new
        groups in the whitened space; `stability` between halves of the items; `shares`, how much of what has no label is of no known class,
        by the size of the known ones; `all` shows the four beside each other. `hidden` takes `shares` into account
    most : largest number tried; None for as many as there are known classes, and 10 at least
    repeats : repetitions; their disagreement is the uncertainty
    seed : of what is drawn

    Returns
    -------
    Report. Values: `novel classes` (of the first method), `from`, `to` (the least and the largest that are as good within two standard
    errors), `known classes`. A figure for every method: its criterion over the number of novel classes, mean, least and largest. A table
    of all methods.

    Raises
    ------
    ValueError
        If no item is labelled, or `hidden` has fewer than two known classes.

    Notes
    -----
    Looks at 3,000 items at most. An estimate, not a fact: classes that lie inside one another are counted as one. With three of ten hidden
    (CIFAR-10, Fashion-MNIST) and ten of 77 (Banking77), five draws each: `shares` was within one in 15 of 15, `hidden` in 10 of 10 and,
    with ten of 77, said 12, 9, 12, 9 and 13; the ranges of both held the truth in all of them (tests/benchmarks/accuracy_novel.md).
    `shares` takes new classes to be as large on average as known ones, and labels to have been given at random within a class; `hidden`
    lets that count no more than the curve allows. Do not use it with a handful of labels: it learns from them how coarse classes are.
    """
    positive_int("repeats", repeats, low=2)
    if method not in (*METHODS, "all"):
        raise ValueError(f"method: got {method!r}, expected one of {', '.join(METHODS)}, all")
    world = open_world(embeddings, labels, seed=seed)
    wanted: tuple[Way, ...] = METHODS if method == "all" else (method,)
    made: dict[str, Estimate] = {name: estimate_novel(world, method=name, most=most, repeats=repeats, seed=seed) for name in wanted}
    first = made[wanted[0]]
    rows = [
        {"method": name, "novel classes": one.number, "from": one.low, "to": one.high, "tried up to": int(one.counts[-1])}
        for name, one in made.items()
    ]
    figures = {
        name: {
            "kind": "line", "x": one.counts.tolist(), "x_label": "novel classes", "y_label": name,
            "series": {
                "mean": one.scores.mean(0).tolist(), "least": one.scores.min(0).tolist(), "largest": one.scores.max(0).tolist(),
            },
        }
        for name, one in made.items()
    }
    values = {"novel classes": first.number, "from": first.low, "to": first.high, "known classes": len(world.known)}
    warnings = []
    if first.number == int(first.counts[-1]) and first.number > 0:
        warnings.append(f"the best number is the largest tried, {first.number}; try more: raise most")
    if first.high - first.low > max(2, first.number):
        warnings.append(f"from {first.low} to {first.high} are about as good: the data do not decide; look at the figure")
    evidence = {name: one.scores for name, one in made.items()}
    title = f"{first.number} novel classes beside {len(world.known)} known ones (between {first.low} and {first.high})"
    return Report(title, values, {"estimates": rows}, figures, evidence=evidence, warnings=tuple(warnings))
