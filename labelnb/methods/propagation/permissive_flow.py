"""Which sources really influenced an output, and the labels it has to carry: those of the influential sources alone.

Source: Siddiqui et al. 2024, Permissive Information-Flow Analysis for Large Language Models (TMLR 2025, arXiv 2410.03055): lambda-similar
labels, and influence by the k nearest neighbours.
"""
from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch

from labelnb.checks import Range, class_labels, positive_int, unit_rows, within
from labelnb.compute.knn import knn_graph
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 72


def permissive_flow(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    k: Annotated[int, Range(1, 200)] = 8,
    temperature: Annotated[float, Range(0.001, 10.0)] = 0.05,
    loss: Annotated[float, Range(0.0, 10.0)] = 0.1,
    lattice: Literal["sets", "levels"] = "sets",
    n_classes: int | None = None,
) -> Proposal:
    """Propose for every output the least labels that its sources have to hand on.

    The context of an output is its k nearest sources. What a part of the context is worth is the log of the likelihood that a k-NN
    language model gives to the output from it: the log of the sum of exp(-|output - source|^2 / temperature). A set of labels is enough
    when the sources that carry no other lose at most `loss` of that; an output carries the least set that is enough. To carry the
    labels of the whole context instead would be safe too, but makes everything secret in the end.

    Parameters
    ----------
    embeddings : (N, D) vectors of sources and outputs
    labels : (N,) the label of each source, such as its owner or its level of secrecy; -1 for outputs
    k : sources in the context of an output; all where there are fewer
    temperature : of the kernel, in squared distances of unit vectors (0 to 4)
    loss : log-likelihood that may be lost (lambda in the paper), in nats: .1 lets a share of 1 - exp(-.1) = 9.5% of the influence go
    lattice : `sets`, an output carries a set of labels, the least one; `levels`, classes are levels in their order, from free to secret,
        and an output carries the lowest level that is enough
    n_classes : number of labels K; the largest position + 1 by default

    Returns
    -------
    Proposal; probabilities are the shares of the labels in an output's influence (a source's own label for a source). Evidence: `scores`
    (N, K), those shares before; `carried` (N, K) bool, the labels that an output has to carry (of a level, it alone); `everything` (N, K)
    bool, those of the whole context; `sources` (N, k) positions, -1 where there are fewer, and `influence` (N, k), shares;
    `kept` (N, k) bool, the sources an output may rest on; `lost` (N,), the log-likelihood lost.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no source, or a hyperparameter is out of its range.

    Notes
    -----
    A label that is not carried is only honest if the output is made again from the sources in `kept`: what a dropped source may have
    whispered is not seen by its distance. Similarity stands for influence: near duplicates with different labels share it, whichever of
    them was read. As each source's part adds up, the least set of labels is exact: the largest shares first.
    """
    within("temperature", temperature, 0.001, 10.0)
    within("loss", loss, 0.0, 10.0)
    positive_int("k", k, high=200)
    if lattice not in ("sets", "levels"):
        raise ValueError(f"lattice: got {lattice!r}, expected 'sets' or 'levels'")
    x = unit_rows(embeddings)
    if n_classes is not None:
        positive_int("n_classes", n_classes)
    y = class_labels(labels, len(x), n_classes=n_classes).cpu().numpy()
    sources, outputs = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)
    if not len(sources):
        raise ValueError("labels: no item is a source; give the labels of the sources, -1 for outputs alone")
    n_labels = int(y.max()) + 1 if n_classes is None else int(n_classes)
    width = min(k, len(sources))
    near, influence = np.full((len(x), width), -1), np.zeros((len(x), width))
    near[sources, 0], influence[sources, 0] = sources, 1.0
    if len(outputs):
        found = knn_graph(x[sources], width, queries=x[outputs])
        logs = (2 * found.similarities.double() - 2) / temperature
        near[outputs] = sources[found.indices.cpu().numpy()]
        influence[outputs] = torch.softmax(logs, dim=1).cpu().numpy()
    shares = np.zeros((len(x), n_labels))
    there = near >= 0
    np.add.at(shares, (np.nonzero(there)[0], y[near[there]]), influence[there])
    everything = np.zeros((len(x), n_labels), bool)
    everything[np.nonzero(there)[0], y[near[there]]] = True
    carried, below = _least(shares, everything, np.exp(-loss), lattice)
    kept = there & below[np.arange(len(x))[:, None], np.maximum(y[near], 0)]
    evidence = {
        "scores": shares, "carried": carried, "everything": everything, "sources": near, "influence": influence, "kept": kept,
        "lost": np.maximum(-np.log(np.maximum((influence * kept).sum(axis=1), 1e-300)), 0.0),
    }
    return Proposal.from_scores(shares, evidence=evidence)


def _least(shares: np.ndarray, present: np.ndarray, enough: float, lattice: str) -> tuple[np.ndarray, np.ndarray]:
    """What is carried, (N, K), and the labels whose sources may be used with it: the same set, or all levels up to the level."""
    if lattice == "levels":
        level = (np.cumsum(shares, axis=1) >= enough * (1 - 1e-9)).argmax(axis=1)
        carried = np.arange(shares.shape[1]) == level[:, None]
        return carried, np.arange(shares.shape[1]) <= level[:, None]
    order = np.argsort(-shares, axis=1, kind="stable")
    held = np.take_along_axis(shares, order, axis=1)
    before = np.cumsum(held, axis=1) - held
    needed = np.zeros(shares.shape, bool)
    np.put_along_axis(needed, order, before < enough * (1 - 1e-9), axis=1)
    carried = needed & present
    return carried, carried
