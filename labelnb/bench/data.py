"""Data for the benchmarks, near to what encoders give: unit rows in groups of unequal size that overlap as classes do."""
from __future__ import annotations

import numpy as np

__all__ = ["clustered", "folded", "voted"]


def clustered(n: int, dim: int, k: int, *, noise: float = 0.08, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) float32 unit rows, (N,) group of each, (K, D) centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, dim)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    share = 1.0 / np.arange(1, k + 1) ** 0.5
    y = rng.choice(k, size=n, p=share / share.sum())
    x = centres[y] + noise * rng.standard_normal((n, dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True), y, centres


def folded(n: int, dim: int = 512, *, inner: int = 32, groups: int = 100, seed: int = 0) -> np.ndarray:
    """(N, D) float32 unit rows: groups in a few dimensions, turned into many and blurred there."""
    rng = np.random.default_rng(seed)
    low = 1.5 * rng.normal(size=(groups, inner))[rng.integers(0, groups, n)] + rng.normal(size=(n, inner))
    x = low.astype(np.float32) @ rng.normal(size=(inner, dim)).astype(np.float32) + rng.standard_normal((n, dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def voted(n: int, sources: int = 20, k: int = 5, *, coverage: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, M) votes of sources of accuracy .3 to .8 a class, -1 where they abstain, and (N,) the truth."""
    rng = np.random.default_rng(seed)
    share = np.arange(1, k + 1)
    y = rng.choice(k, n, p=share / share.sum())
    votes = np.full((n, sources), -1)
    for m in range(sources):
        table = np.empty((k, k))
        for c, accuracy in enumerate(rng.uniform(0.3, 0.8, k)):
            table[c] = np.insert(rng.dirichlet(np.ones(k - 1)) * (1 - accuracy), c, accuracy)
        drawn = (rng.random(n)[:, None] > table[y].cumsum(1)).sum(1).clip(max=k - 1)
        votes[:, m] = np.where(rng.random(n) < coverage, drawn, -1)
    return votes, y
