"""Several clusterings of the same items joined into one: clusters matched one to one, then the mean of the probabilities.

Source: Dudoit and Fridlyand 2003, "Bagging to improve the accuracy of a clustering procedure" (BagClust1: relabel by the best match, then
vote); Strehl and Ghosh 2002, "Cluster ensembles", for the plurality over matched partitions. The match is the assignment problem (Kuhn
1955) over the table of shared items. A start that went wrong is outvoted instead of being the answer.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["joined", "matched"]


def joined(probabilities: Sequence[torch.Tensor], *, held: int = 0) -> tuple[torch.Tensor, float]:
    """(N, C) mean of the members after their clusters were matched, and how much the members agree.

    Parameters
    ----------
    probabilities : (N, C) rows of each member, all with the same C
    held : the first so many clusters stand for the same in all members (known classes) and are not matched

    Returns
    -------
    The mean, in the order of clusters of the member that agrees most with the others; and the mean share of items, 0 to 1, on which two
    members agree after the match (1 where there is one member).
    """
    labels = torch.stack([p.argmax(1) for p in probabilities])
    moves, agreement = matched(labels, probabilities[0].shape[1], held=held)
    total = torch.zeros_like(probabilities[0])
    for p, move in zip(probabilities, moves, strict=True):
        total.index_add_(1, move.to(p.device), p)
    return total / len(probabilities), agreement


def matched(labels: torch.Tensor, k: int, *, held: int = 0) -> tuple[torch.Tensor, float]:
    """(H, K) the common cluster that each cluster of each member stands for, and the members' mean agreement.

    Parameters
    ----------
    labels : (H, N) int64 cluster of each item in each member, 0 to K - 1
    k : clusters of each member
    held : the first so many are the same in all members

    Notes
    -----
    H (H - 1) / 2 assignment problems of K - held clusters: some tens of milliseconds each at 1,000.
    """
    from scipy.optimize import linear_sum_assignment

    members, n = labels.shape
    moves = np.tile(np.arange(k), (members, members, 1))           # [a, b]: where b's clusters are in a's numbers
    shared = np.full((members, members), n, dtype=np.float64)
    for a in range(members):
        for b in range(a):
            table = torch.bincount(labels[a] * k + labels[b], minlength=k * k).reshape(k, k).cpu().numpy()
            rows, columns = linear_sum_assignment(table[held:, held:], maximize=True)
            moves[a, b, held + columns], moves[b, a, held + rows] = held + rows, held + columns
            shared[a, b] = shared[b, a] = np.trace(table[:held, :held]) + table[held + rows, held + columns].sum()
    centre = int(shared.sum(1).argmax())                          # the first of equal ones
    pairs = members * (members - 1)
    agreement = float((shared.sum() - n * members) / (pairs * n)) if pairs else 1.0
    return torch.from_numpy(moves[centre]), agreement
