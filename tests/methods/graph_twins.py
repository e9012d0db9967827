"""Propagation on a graph written slowly from the papers' equations, dense and in float64; and the graph that all are compared on."""
from __future__ import annotations

import numpy as np
import scipy.sparse


def neighbour_graph(n: int = 150, k: int = 4, d: int = 6, near: int = 8, seed: int = 3) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """A symmetric graph of Gaussian weights over groups that overlap, and the group of every node."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    x = 1.6 * rng.normal(size=(k, d))[truth] + rng.normal(size=(n, d))
    square = ((x[:, None] - x[None]) ** 2).sum(2)
    w = np.zeros((n, n))
    for i in range(n):
        for j in np.argsort(square[i], kind="stable")[1: near + 1]:
            w[i, j] = w[j, i] = np.exp(-square[i, j] / 4)
    return scipy.sparse.csr_array(w), truth


def few_labels(truth: np.ndarray, each: int = 3) -> np.ndarray:
    """Labels of the first `each` nodes of every class, -1 elsewhere."""
    labels = np.full(len(truth), -1)
    for k in np.unique(truth):
        labels[np.flatnonzero(truth == k)[:each]] = k
    return labels


def onehot(labels: np.ndarray) -> np.ndarray:
    return np.where(labels[:, None] >= 0, np.eye(labels.max() + 1)[labels], 0.0)


def spreading(w: np.ndarray, labels: np.ndarray, alpha: float) -> np.ndarray:
    """(1 - alpha) (I - alpha S)^-1 Y."""
    root = 1 / np.sqrt(w.sum(1))
    s = root[:, None] * w * root
    return (1 - alpha) * np.linalg.solve(np.eye(len(w)) - alpha * s, onehot(labels))


def harmonic(w: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Y at labels, L_uu^-1 W_ul Y_l elsewhere."""
    made, known = onehot(labels), labels >= 0
    laplacian = np.diag(w.sum(1)) - w
    made[~known] = np.linalg.solve(laplacian[np.ix_(~known, ~known)], w[np.ix_(~known, known)] @ made[known])
    return made


def poisson(w: np.ndarray, labels: np.ndarray, steps: int = 20_000) -> np.ndarray:
    """The paper's iteration u <- u + D^-1 (B - L u) from zero, run until nothing moves (lazily, so that it converges on any graph)."""
    y, known = onehot(labels), labels >= 0
    source = np.where(known[:, None], y - y[known].mean(0), 0)
    degree = w.sum(1)
    u = np.zeros_like(y)
    for _ in range(steps):
        u += 0.5 * (source + w @ u - degree[:, None] * u) / degree[:, None]
    return u


def p_harmonic(w: np.ndarray, labels: np.ndarray, p: float, steps: int = 3000) -> np.ndarray:
    """Node by node in turn: the equation's right side, until nothing moves."""
    u = onehot(labels)
    neighbours = [np.flatnonzero(row) for row in w]
    for _ in range(steps):
        before = u.copy()
        for i in np.flatnonzero(labels < 0):
            near, weight = u[neighbours[i]], w[i, neighbours[i]]
            mean = weight @ near / weight.sum()
            u[i] = (mean + (p - 2) * (near.max(0) + near.min(0)) / 2) / (p - 1)
        if np.abs(u - before).max() < 1e-12:
            break
    return u
