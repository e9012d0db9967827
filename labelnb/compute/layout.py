"""The layout of a map as it grows: pictures on the way, and new maps that lie where the old one lay."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

__all__ = ["aligned", "laid_out", "started_from"]

PICTURES = 8
"""Pictures on the way."""
GENTLE = 0.25
"""First step length of a layout that goes on from an earlier map, of that of a fresh one."""


def laid_out(
    strength: Any, start: np.ndarray, a: float, b: float, seed: int,
    show: Callable[[np.ndarray, float], None] | None, bar: dict[str, Any], *, fresh: bool = True,
) -> np.ndarray:
    """UMAP's layout of a weighted graph (N, N) from (N, d) places: stochastic descent in which the strongest edges pull once an epoch.

    500 epochs up to 10,000 rows, 200 above, as in umap-learn. `fresh` brings the start to the size that UMAP begins with; otherwise it is
    a map already, and is only settled anew.
    """
    from tqdm.auto import tqdm

    from labelnb.compute.springs import epochs, forces

    graph = scipy.sparse.csr_array(strength, dtype=np.float32, copy=True)
    graph.sum_duplicates()
    whole = (500 if graph.shape[0] <= 10_000 else 200) // (1 if fresh else 4)
    graph.data[graph.data < graph.data.max(initial=0) / whole] = 0
    graph.eliminate_zeros()
    xy = start.astype(np.float32, order="C")
    if fresh:
        low, high = xy.min(0), xy.max(0)
        xy = (10 * (xy - low) / np.where(high > low, high - low, 1)).astype(np.float32, order="C")
    places, rates = np.ascontiguousarray(xy), graph.data / max(graph.data.max(initial=0), 1e-30)
    starts, ends, due = graph.indptr.astype(np.int64), graph.indices.astype(np.int32), np.zeros_like(rates)
    (pull, push), state = forces(a, b), np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    with tqdm(total=whole, **bar) as told:
        for first in range(0, whole, max(1, whole // PICTURES)):
            last = min(whole, first + max(1, whole // PICTURES))
            state = epochs(places, starts, ends, rates, due, pull, push, first, last, whole, 1.0 if fresh else GENTLE, np.uint64(state))
            told.update(last - first)
            if show is not None and last < whole:
                show(places, last / whole)
    return places


def started_from(previous: np.ndarray, strength: Any, seed: int) -> np.ndarray:
    """(N, 2) places to begin with: the previous ones, and for new rows (NaN) the mean of their neighbours', by weight."""
    graph = scipy.sparse.csr_array(strength)
    places = previous.astype(np.float64)
    known = np.asarray(np.isfinite(places).all(axis=1))
    waiting, middle = ~known, places[known].mean(0)
    spread = float(np.nanstd(places[known], axis=0).mean()) or 1.0
    while waiting.any():
        weight = graph @ known.astype(np.float64)
        reached = np.asarray(waiting & (weight > 0))
        if not reached.any():                                     # joined to nothing that has a place
            places[waiting] = middle
            break
        held = np.where(known[:, None], places, 0.0)
        places[reached] = (graph @ held)[reached] / weight[reached, None]
        known, waiting = known | reached, waiting & ~reached
    new = ~np.isfinite(previous).all(1)
    places[new] += np.random.default_rng(seed).normal(scale=1e-3 * spread, size=places[new].shape)      # no two in one place
    return places.astype(np.float32)


def aligned(xy: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """The map turned, mirrored and moved, but not stretched, so that rows lie as near as can be to where they were (Schoenemann 1966)."""
    known = np.isfinite(previous).all(1)
    here, there = xy[known].astype(np.float64), previous[known].astype(np.float64)
    centre, goal = here.mean(0), there.mean(0)
    u, _, vt = np.linalg.svd((here - centre).T @ (there - goal))
    return np.ascontiguousarray((xy - centre) @ (u @ vt) + goal, dtype=np.float32)
