"""Opening the Explorer for a session: a first picture at once, the better one when it is ready."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelnb.results import Clusters, Proposal, Result

if TYPE_CHECKING:
    from labelnb.session import Session
    from labelnb.widgets.explorer import Explorer

__all__ = ["open_explorer"]


def open_explorer(
    session: Session, result: Result | None = None, method: Literal["auto", "umap", "pca"] = "auto", **options: Any
) -> Explorer:
    """The Explorer over the session's map, coloured by `result` where a Proposal or Clusters are given.

    With `method="auto"` the map is drawn by PCA at once and moves to UMAP, computed in a thread, when that is done; it is cached, so
    that the next time UMAP shows at once.

    Raises
    ------
    ValueError
        If `method` is none of `auto`, `umap`, `pca`.
    """
    from labelnb.embedding import projection, projection_key
    from labelnb.widgets.explorer import Explorer

    if method not in ("auto", "umap", "pca"):
        raise ValueError(f"method: got {method!r}, expected 'auto', 'umap' or 'pca'")
    if isinstance(result, Proposal):
        options.setdefault("proposal", result)
    if isinstance(result, Clusters):
        numbers = np.array([*(f"cluster {k}" for k in range(result.n_clusters)), None], dtype=object)
        options = {"color": "cluster", **options, "columns": {"cluster": numbers[result.assignment], **options.get("columns", {})}}
    if method != "auto":
        return Explorer(session, projection(session, method), **options)
    ready = session.folder.store.get(projection_key(session, "umap"))
    if ready is not None:
        return Explorer(session, ready["xy"], **options)
    explorer = Explorer(session, projection(session, "pca"), **options)
    threading.Thread(target=_improve, args=(session, explorer), name="labelnb map", daemon=True).start()
    return explorer


def _improve(session: Session, explorer: Explorer) -> None:
    from labelnb.embedding import projection

    # No bar: it would show in whatever cell is running by then.
    explorer.set_positions(projection(session, "umap", progress=False))
