"""How strongly UMAP joins each row to its neighbours, and the curve by which places are pulled and pushed.

Source: McInnes, Healy and Melville 2018, UMAP, sections 3.1 and 4.1, algorithms 2 and 3 (arXiv 1802.03426). Written out because the first
call of umap-learn in a process compiles for half a minute; the strengths are its own to rounding.
"""
from __future__ import annotations

import numpy as np
import scipy.sparse
import torch

__all__ = ["curve", "memberships"]

TURNS = 64
"""Halvings of a width at most."""
CLOSE = 1e-5
"""How near the sum of a row's memberships comes to what it has to be."""
NARROWEST = 1e-3
"""Least width, of the mean distance."""


def memberships(indices: np.ndarray, distances: np.ndarray) -> scipy.sparse.csr_array:
    """(N, N) symmetric float32 strengths in (0, 1].

    Parameters
    ----------
    indices : (N, k) neighbours, the row itself first
    distances : (N, k) their distances, 0 first

    Notes
    -----
    The nearest neighbour that is not in the same place joins with strength 1; the others by exp(-(d - d_nearest) / width), the width such
    that all strengths of a row add up to log2(k). Both directions are united: w + w^T - w w^T.
    """
    n, k = indices.shape
    near = torch.from_numpy(distances.astype(np.float32))
    apart = torch.where(near > 0, near, torch.inf).amin(1, keepdim=True)
    beyond = (near - torch.where(torch.isfinite(apart), apart, 0.0)).clamp_min_(0)
    wide = _widths(beyond[:, 1:], float(np.log2(k)))
    mean = torch.where(torch.isfinite(apart), near.mean(1, keepdim=True), near.mean())
    strength = torch.exp(-beyond / torch.maximum(wide, NARROWEST * mean).clamp_min(1e-30))
    strength[:, 0] = 0                                              # a row is not joined to itself
    columns, starts = indices.astype(np.int64).ravel(), np.arange(0, n * k + 1, k)
    directed = scipy.sparse.csr_array((strength.numpy().ravel(), columns, starts), shape=(n, n))
    directed.sum_duplicates()
    back = directed.T.tocsr()
    both = (directed + back - directed.multiply(back)).tocsr()
    both.eliminate_zeros()
    both.sort_indices()
    return scipy.sparse.csr_array(both.astype(np.float32))


def _widths(beyond: torch.Tensor, wanted: float) -> torch.Tensor:
    """(N, 1) widths at which the sums of exp(-beyond / width) are what is wanted, by doubling and halving."""
    low, high = beyond.new_zeros(len(beyond), 1), beyond.new_full((len(beyond), 1), torch.inf)
    width = beyond.new_ones(len(beyond), 1)
    going = torch.arange(len(beyond))
    for _ in range(TURNS):
        much = torch.exp(-beyond[going] / width[going]).sum(1, keepdim=True) - wanted
        open_ = much[:, 0].abs() >= CLOSE
        going, much = going[open_], much[open_]
        if not len(going):
            break
        at = width[going]
        low[going], high[going] = torch.where(much > 0, low[going], at), torch.where(much > 0, at, high[going])
        width[going] = torch.where(torch.isinf(high[going]), 2 * at, (low[going] + high[going]) / 2)
    return width


def curve(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """a and b for which 1 / (1 + a d^2b) comes closest to 1 up to `min_dist`, then exp(-(d - min_dist) / spread)."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), d, wanted)
    return float(a), float(b)
