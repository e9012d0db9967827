"""Entity discovery: captions say which names occur, likeness says which items are one entity, prototypes give rare names their own.

Source: Ayoughi, Mettes and Groth 2023, Self-Contained Entity Discovery from Captioned Videos (arXiv 2208.06662).
Reference code: https://github.com/Melika-Ayoughi/Self-Contained-Video-Entity-Discovery
"""
from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import Range, as_tensor, positive_int, unit_rows
from labelnb.compute.kmeans import kmeans
from labelnb.results import Proposal

WIDGET = "review"
CATALOGUE = 22


def entity_discovery(
    embeddings: torch.Tensor,
    candidates: torch.Tensor,
    *,
    clusters_per_name: Annotated[int, Range(1, 100)] = 4,
    refine: Literal["most frequent", "all", "none"] = "most frequent",
    in_caption: bool = False,
    seed: int = 0,
) -> Proposal:
    """Propose a name for every item from the names that stand in its caption and in the captions of items like it.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items: faces, crops, mentions
    candidates : (N, K) bool: the bipartite graph, which of the K names the caption beside the item mentions (at least one; all where the
        caption says nothing)
    clusters_per_name : clusters of items over names: more than one, since an entity does not look one way only
    refine : whose items are moved to the nearest prototype (the mean of a name's items) at the end: those of the `most frequent` name,
        which the counting favours, of `all` names, or of `none`
    in_caption : propose only names from the item's own caption. Off, as in the paper: captions leave out whom everybody sees
    seed : of the clusters

    Returns
    -------
    Proposal; probabilities are the shares of the names in the captions of the item's cluster; 1 at the prototype's name where the item
    was moved. Evidence: `scores` (N, K), the same before normalising; `cluster` (N,); `counts`, (C, K) captions of each cluster that
    mention each name; `cleansed` (N,), the names before the refinement; `moved` (N,) bool; `prototypes` (K, D), zeros for a name that
    nobody got; `bipartite`, sparse (N, K).

    Raises
    ------
    ValueError
        If shapes do not fit, an item has no candidate, or a hyperparameter is out of its range.

    Notes
    -----
    One k-means with K x clusters_per_name centres. Do not use it where two names always occur together: nothing then tells them apart. A
    name in nearly every caption wins every cluster: leave it out, or let `refine="all"` put it right.
    """
    x = unit_rows(embeddings)
    links = _checked(candidates, len(x))
    positive_int("clusters_per_name", clusters_per_name, high=100)
    if refine not in ("most frequent", "all", "none"):
        raise ValueError(f"refine: got {refine!r}, expected 'most frequent', 'all' or 'none'")
    n, k = links.shape
    cluster = kmeans(x, min(n, k * clusters_per_name), seed=seed, spherical=True).assignment.cpu().numpy()
    counts = caption_counts(cluster, links)
    scores = counts[cluster].astype(np.float64)
    allowed = links if in_caption else np.ones_like(links)
    scores = np.where(allowed, scores, 0.0)                     # never all 0: an item's own caption counts in its cluster
    cleansed = scores.argmax(1)
    rows = x.double().cpu().numpy()
    prototypes = prototypes_of(rows, cleansed, k)
    moved, names = _refined(rows, cleansed, prototypes, allowed, refine)
    scores[moved] = np.eye(k)[names[moved]] * scores[moved].max(1, keepdims=True)
    evidence: dict[str, Any] = {
        "cluster": cluster, "counts": counts, "cleansed": cleansed, "moved": moved, "prototypes": prototypes,
        "bipartite": scipy.sparse.csr_array(links.astype(np.float32)),
    }
    nobody = int(k - len(np.unique(names)))
    said = [f"{nobody} of {k} names were given to no item; more clusters_per_name, or refine='all', may find them"] if nobody else []
    return Proposal.from_scores(scores, evidence=evidence, warnings=tuple(said))


def caption_counts(cluster: np.ndarray, links: np.ndarray) -> np.ndarray:
    """(C, K) int64: captions of each cluster's items that mention each name."""
    counts = np.zeros((int(cluster.max()) + 1, links.shape[1]), np.int64)
    np.add.at(counts, cluster, links)
    return counts


def prototypes_of(rows: np.ndarray, names: np.ndarray, k: int) -> np.ndarray:
    """(K, D) unit means of the items of each name; zeros where there is none."""
    sums = np.zeros((k, rows.shape[1]))
    np.add.at(sums, names, rows)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(lengths > 1e-12, lengths, 1.0))


def _refined(
    rows: np.ndarray, cleansed: np.ndarray, prototypes: np.ndarray, allowed: np.ndarray, refine: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Which items move, and everybody's name after it."""
    alive = (np.abs(prototypes).sum(1) > 0) & allowed
    near = np.where(alive, rows @ prototypes.T, -np.inf).argmax(1)
    counts = np.bincount(cleansed, minlength=len(prototypes))
    asked = {
        "most frequent": counts[cleansed] == counts.max(), "all": np.ones(len(rows), bool), "none": np.zeros(len(rows), bool),
    }[refine]
    moved = asked & (near != cleansed) & alive[np.arange(len(rows)), near]
    return moved, np.where(moved, near, cleansed)


def _checked(candidates: Any, count: int) -> np.ndarray:
    links = as_tensor(candidates, "candidates", dtype=None).cpu().numpy()
    if links.ndim != 2 or links.shape[0] != count or links.shape[1] == 0:
        raise ValueError(f"candidates: got shape {links.shape}, expected ({count}, K): one row an item, one column a name")
    if not np.isin(links, (0, 1)).all():
        raise ValueError("candidates: expected True or False, 1 or 0")
    links = links.astype(bool)
    empty = np.flatnonzero(~links.any(1))
    if len(empty):
        raise ValueError(f"candidates: item {empty[0]} has none; give it every name where its caption says nothing")
    return links
