"""Leading eigenvectors of a graph's normalised adjacency: the coordinates in which its groups lie apart.

Source: Ng, Jordan and Weiss 2001, On spectral clustering; the eigenvectors by ARPACK's implicitly restarted Lanczos (Lehoucq et al. 1998).
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import positive_int
from labelnb.compute.device import able_device

__all__ = ["Spectrum", "spectrum"]

DENSE_BELOW = 400
"""Nodes below which all eigenvectors at once are cheaper."""


class Spectrum(NamedTuple):
    """The k largest eigenvalues and their vectors."""

    values: torch.Tensor
    """(K,) float64, falling; 1 once for every connected part of the graph."""
    vectors: torch.Tensor
    """(N, K) float64, orthonormal columns, each with its largest entry positive."""


def spectrum(affinity: Any, k: int, *, seed: int = 0, tolerance: float = 1e-6) -> Spectrum:
    """The k leading eigenvectors of D^-1/2 A D^-1/2.

    Parameters
    ----------
    affinity : (N, N) symmetric, non-negative, sparse or dense; a node without any edge stays by itself
    k : eigenvectors, at most N
    seed : of the start vector
    tolerance : relative accuracy of the eigenvalues

    Raises
    ------
    ValueError
        If the affinity is not square, holds NaN or something negative, or k does not fit.

    Notes
    -----
    Sparse: some tens of products with A, and N x 2k numbers of memory. Dense tensors are decomposed where they lie, at N^3.
    """
    n = affinity.shape[0]
    if len(affinity.shape) != 2 or affinity.shape[1] != n:
        raise ValueError(f"affinity: got shape {tuple(affinity.shape)}, expected (N, N)")
    positive_int("k", k, high=n)
    if scipy.sparse.issparse(affinity):
        values, vectors = _sparse(scipy.sparse.csr_array(affinity).astype(np.float64), k, seed, tolerance)
    else:
        values, vectors = _dense(affinity, k)
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return Spectrum(values, vectors * torch.where(largest < 0, -1.0, 1.0))


def _sparse(a: scipy.sparse.csr_array, k: int, seed: int, tolerance: float) -> tuple[torch.Tensor, torch.Tensor]:
    _refuse(bool(np.isfinite(a.data).all()) and a.data.min(initial=0.0) >= 0)
    n = a.shape[0]
    if n < DENSE_BELOW or k > n // 3:
        return _dense(torch.from_numpy(a.toarray()), k)
    from scipy.sparse.linalg import eigsh

    root = 1 / np.sqrt(np.maximum(a.sum(1), 1e-300))
    scale = scipy.sparse.diags_array(np.where(root < 1e140, root, 0.0))
    start = np.random.default_rng(seed).normal(size=n)
    # Shifted so that the wanted end of the spectrum is largest in magnitude too, and a part without edges (eigenvalue 0) is no trouble.
    shifted = scale @ a @ scale + scipy.sparse.eye_array(n)
    values, vectors = eigsh(shifted, k=k, which="LA", v0=start, tol=tolerance, ncv=min(n - 1, max(2 * k + 1, 40)))
    order = np.argsort(-values)
    return torch.from_numpy(values[order] - 1), torch.from_numpy(np.ascontiguousarray(vectors[:, order]))


def _dense(given: Any, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.as_tensor(given)
    a = a.to(able_device(a.device)).double()
    _refuse(bool(torch.isfinite(a).all()) and float(a.min()) >= 0)
    degree = a.sum(1)
    root = torch.where(degree > 0, degree.clamp_min(1e-300).rsqrt(), 0.0)
    values, vectors = torch.linalg.eigh(root[:, None] * a * root)
    return values[-k:].flip(0), vectors[:, -k:].flip(1)


def _refuse(sound: bool) -> None:
    if not sound:
        raise ValueError("affinity: expected finite weights of 0 or more")
