"""Rank and Align, as graph tools: which items a model from elsewhere can be trusted on, and where they stand along the data.

Source: Luo, Xiao, Wang, Luo, Yuan, Ju, Liu and Zhang 2024, Rank and Align: Towards Effective Source-free Graph Domain Adaptation
(arXiv 2408.12185).
"""
from __future__ import annotations

from typing import Annotated

import numpy as np
import torch

from labelnb.checks import Range, positive_int, probability_rows, unit_rows, within
from labelnb.compute.kmeans import kmeans
from labelnb.compute.knn import knn_graph
from labelnb.compute.seriation import cosine_silhouette, seriation
from labelnb.compute.spectral import spectrum
from labelnb.results import Ranking

WIDGET = "triage"
CATALOGUE = 141


def rank_and_align(
    embeddings: torch.Tensor,
    probabilities: torch.Tensor,
    *,
    k: Annotated[int, Range(1, 200)] = 10,
    harmonic_above: Annotated[float, Range(-1.0, 1.0)] = 0.0,
) -> Ranking:
    """Rank items by how little they fit the groups that a foreign model can see; flag the inharmonic ones.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items, such as the foreign model's last layer (of whole graphs, in the paper)
    probabilities : (N, K) what the foreign model says of them
    k : neighbours of an item in the graph on which the spectral steps work
    harmonic_above : an item is harmonic where its silhouette is above this and the model says the class of its cluster

    Returns
    -------
    Ranking; scores are 1 less the silhouette, halved, from 0 to 1, plus 1 where model and cluster differ; the inharmonic items are
    flagged. Evidence: `silhouette` (N,); `cluster` (N,), `cluster_class` (C,), the class of largest summed probability in each;
    `predictions` (N,); `place` (N,) from 0 to 1, the seriation: neighbours in it are alike, which makes it the order for a heat map or a
    robust rank; `graph`, sparse (N, N); `harmonic` (N,) bool.

    Raises
    ------
    ValueError
        If shapes do not fit, values are no numbers or no probabilities, or a hyperparameter is out of its range.

    Notes
    -----
    The neighbours and K eigenvectors of their graph. Of the paper: the ranking by spectral seriation and the split by spectral clustering
    and silhouette. Not here: the training of the graph network that follows (similarity learning by the ranks, edges sampled by an
    adversary). Do not use it where classes are no groups of the space: silhouettes then say nothing of the model.
    """
    x = unit_rows(embeddings)
    p = probability_rows(probabilities, len(x)).cpu().double().numpy()
    positive_int("k", k, high=200)
    within("harmonic_above", harmonic_above, -1.0, 1.0)
    n, classes = p.shape
    graph = knn_graph(x, min(k, n - 1)).to_scipy() if n > 1 else None
    places = np.full(n, 0.5) if graph is None else seriation(graph)
    cluster = np.zeros(n, np.int64) if graph is None or classes < 2 or n <= classes else spectral_clusters(graph, classes)
    silhouette = cosine_silhouette(x, cluster)
    mass = np.zeros((cluster.max() + 1, classes))
    np.add.at(mass, cluster, p)
    says, group = np.where(p.max(1) > 0, p.argmax(1), -1), mass.argmax(1)
    agrees = says == group[cluster]
    harmonic = (silhouette > harmonic_above) & agrees
    reasons = [
        "" if fits else f"the model says class {said}, its cluster {c} is of class {group[c]}" if not same
        else f"silhouette {s:.2f}: between the clusters" for fits, said, c, same, s in zip(harmonic, says, cluster, agrees, silhouette,
        strict=True)
    ]
    evidence = {
        "silhouette": silhouette, "cluster": cluster, "cluster_class": group, "predictions": says, "place": places, "graph": graph,
        "harmonic": harmonic,
    }
    scores = (1 - silhouette) / 2 + ~agrees
    return Ranking(scores=scores, flagged=~harmonic, reasons=reasons, evidence=evidence)


def spectral_clusters(graph: object, count: int) -> np.ndarray:
    """(N,) k-means on the rows, brought to length 1, of the leading eigenvectors of the normalised graph."""
    vectors = spectrum(graph, count, tolerance=1e-9).vectors.cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = vectors / np.where(lengths > 1e-12, lengths, 1)
    return kmeans(torch.from_numpy(np.ascontiguousarray(rows)), count, seed=0, n_init=4).assignment.cpu().numpy().astype(np.int64)
