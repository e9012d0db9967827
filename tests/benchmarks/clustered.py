"""Clustered unit rows for the benchmarks: groups of unequal size, overlapping as classes of embeddings do."""
from __future__ import annotations

import numpy as np

__all__ = ["clustered"]


def clustered(n: int, dim: int, k: int, *, noise: float = 0.08, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) float32 unit rows, (N,) group of each, (K, D) centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, dim)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    share = 1.0 / np.arange(1, k + 1) ** 0.5
    y = rng.choice(k, size=n, p=share / share.sum())
    x = centres[y] + noise * rng.standard_normal((n, dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True), y, centres
