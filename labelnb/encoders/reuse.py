"""Vectors that the store holds for equal content, from a time when there were fewer items, or others beside them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from labelnb.encoders.encoder import Encoder
    from labelnb.items import Items
    from labelnb.store import Store

__all__ = ["remember", "reuse"]


def remember(store: Store, key: str, items: Items, reasons: Mapping[int, str]) -> None:
    """Keep beside the vectors under `key` which content each row is of, and why an item has none."""
    positions = sorted(reasons)
    messages = [reasons[position].encode()[:400] for position in positions]
    arrays = {"positions": np.asarray(positions, np.int64), "messages": np.asarray(messages, dtype="S")}
    digests = getattr(items, "digests", None)
    if digests is not None:
        arrays["digests"] = np.asarray(digests.tolist(), dtype="S")
    store.put(f"about-{key}", arrays)


def recall(store: Store, key: str) -> dict[int, str] | None:
    """Why items have no vector, as `remember` kept it; None where it did not come to that."""
    about = store.get(f"about-{key}")
    if about is None:
        return None
    pairs = zip(about["positions"], about["messages"], strict=True)
    return {int(position): message.decode(errors="replace") for position, message in pairs}


def reuse(store: Store, rows: Any, items: Items, encoder: Encoder) -> None:
    """Write into `rows` what the same encoder made of equal content before; items that failed then are tried again."""
    digests = getattr(items, "digests", None)
    if digests is None:
        return
    wanted = np.asarray(digests.tolist(), dtype="S")
    for key in store.keys():                                    # noqa: SIM118 - a method of the store, which is no mapping
        if not key.startswith("embeddings-") or store.meta(key).get("encoder_fingerprint") != encoder.fingerprint:
            continue
        contents, kept = store.get(f"about-{key}"), store.get(key)
        if contents is None or kept is None or "digests" not in contents:
            continue
        order = np.argsort(contents["digests"], kind="stable")
        there = np.asarray(contents["digests"])[order]
        at = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
        source = order[at]
        hits = np.flatnonzero((there[at] == wanted) & ~np.asarray(rows.done))
        vectors = kept["vectors"]
        for run in np.split(hits, np.flatnonzero(np.diff(hits) > 1) + 1):
            for first in range(0, len(run), 4096):
                _copy(rows, vectors, run[first:first + 4096], source)


def _copy(rows: Any, vectors: np.ndarray, run: np.ndarray, source: np.ndarray) -> None:
    """Neighbouring rows; those of zeros, which stand for a failure, are left to be done."""
    if not len(run):
        return
    made = np.asarray(vectors[source[run]])
    good: np.ndarray = np.asarray(made.any(axis=1))
    for part in np.split(np.arange(len(run)), np.flatnonzero(np.diff(good.astype(np.int8))) + 1):
        if good[part[0]]:
            rows.write(int(run[part[0]]), made[part])
