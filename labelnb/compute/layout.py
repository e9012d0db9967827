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


class _Watch(list[int]):
    """The epochs of a layout. umap-learn asks after each whether it is one to keep; this is when it is looked at."""

    def __init__(self, epochs: int, look: Callable[[int], None]) -> None:
        super().__init__([epochs])
        self.look = look

    def __contains__(self, epoch: object) -> bool:
        if isinstance(epoch, int):
            self.look(epoch)
        return False


def laid_out(
    strength: Any, start: np.ndarray, a: float, b: float, state: np.random.RandomState,
    show: Callable[[np.ndarray, float], None] | None, bar: dict[str, Any], *, fresh: bool = True,
) -> np.ndarray:
    """UMAP's layout of a weighted graph (N, N) from (N, 2) places: as umap-learn does it, but looked at on the way.

    `fresh` brings the start to the size that UMAP begins with; otherwise it is a map already, and is only settled anew.
    """
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import make_epochs_per_sample

    graph = scipy.sparse.coo_matrix(strength)
    graph.sum_duplicates()
    epochs = (500 if graph.shape[0] <= 10_000 else 200) // (1 if fresh else 4)
    graph.data[graph.data < graph.data.max(initial=0) / epochs] = 0
    graph.eliminate_zeros()
    xy = start.astype(np.float32, order="C")
    if fresh:
        low, high = xy.min(0), xy.max(0)
        xy = (10 * (xy - low) / np.where(high > low, high - low, 1)).astype(np.float32, order="C")
    places = np.ascontiguousarray(xy)
    draws = state.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3).astype(np.int64)

    def look(epoch: int) -> None:
        if show is not None and epoch and epoch % max(1, epochs // PICTURES) == 0:
            show(places, epoch / epochs)

    optimize_layout_euclidean(
        places, places, graph.row, graph.col, _Watch(epochs, look), graph.shape[1], make_epochs_per_sample(graph.data, epochs), a, b, draws,
        1.0, 1.0 if fresh else GENTLE, 5.0, tqdm_kwds=bar, move_other=True,
    )
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
