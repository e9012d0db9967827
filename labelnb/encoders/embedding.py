"""Items to vectors: batched, prefetched, resumable, and kept by content.

Vectors are written to the store as they come, so that an interrupted run, or a killed one, goes on where it stopped. An item that cannot
be read is set aside with its reason, and costs no other item anything.
"""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.encoders.encoder import Encoder, EncoderError
from labelnb.encoders.reuse import recall, remember, reuse

if TYPE_CHECKING:

    from labelnb.items import Items
    from labelnb.store import Store

__all__ = ["EmbedOutcome", "embed"]

AHEAD = 3
"""Batches that are read ahead of the one on the device; what bounds the memory."""
TEXT_BLOCK = 16
"""Batches of texts that are sorted by length together and written at once."""


@dataclass(frozen=True, eq=False)
class EmbedOutcome:
    """What `embed` made."""

    vectors: np.ndarray
    """(N, D) float32, read-only, in the items' order: unit rows, and zeros for the items that failed."""
    failed: tuple[tuple[int, str], ...] = ()
    """Position and reason of each item without a vector, by position."""
    found: int = 0
    """Rows that an earlier run had made."""
    seconds: float = 0.0
    """Wall-clock seconds."""

    @property
    def ok(self) -> np.ndarray:
        """(N,) bool: items that have a vector."""
        mask = np.ones(len(self.vectors), bool)
        mask[[position for position, _ in self.failed]] = False
        return mask


@dataclass
class _Rows:
    """The vectors in memory, where there is no store; the same manners as the store's writer."""

    shape: tuple[int, int]
    array: np.ndarray = field(init=False)
    done: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.array = np.zeros(self.shape, np.float32)
        self.done = np.zeros(self.shape[0], bool)

    def write(self, start: int, rows: np.ndarray) -> None:
        self.array[start:start + len(rows)] = rows
        self.done[start:start + len(rows)] = True

    def finish(self) -> np.ndarray:
        self.array.flags.writeable = False
        return self.array

    def close(self) -> None:
        """Nothing to keep."""


def embed(
    items: Items, encoder: Encoder, *, store: Store | None = None, device: Any = None, batch_size: int | None = None,
    progress: bool = True,
) -> EmbedOutcome:
    """One unit vector an item.

    Parameters
    ----------
    items : images for an encoder of images, texts for one of texts
    encoder : what reads them
    store : where vectors are kept; without it they live in memory and an interrupt loses them
    device : not needed: the encoder's own is used; another one is refused
    batch_size : items at a time, the encoder's own by default; on CUDA it is halved for as long as memory runs out
    progress : a bar, shown once the work has taken a second

    Returns
    -------
    EmbedOutcome with `.vectors` (N, D), memory-mapped where there is a store, and `.failed`, the items set aside.

    Raises
    ------
    EncoderError
        If the encoder cannot read this kind of item, or not one item could be read.
    ValueError
        If there are no items, or the batch size is not positive.

    Notes
    -----
    A text that occurs several times is encoded once. Interrupted (also by kill -9), the next call goes on after the last rows written.
    Vectors of equal content that the store holds from other items, such as the same folder before pictures were added, are taken over.
    """
    started = time.perf_counter()
    kind = _kind(items, encoder)
    _same_device(encoder, device)
    size = int(batch_size if batch_size is not None else getattr(encoder, "batch_size", 32))
    if size < 1:
        raise ValueError(f"batch_size: got {batch_size!r}, expected at least 1")
    key = None if store is None else store.key("embeddings", encoder=encoder.fingerprint, items=items.fingerprint, kind=kind)
    kept = None if store is None or key is None else store.get(key)
    if store is not None and key is not None and kept is not None:
        vectors, found = kept["vectors"], len(items)
        known = recall(store, key)
        reasons = _unexplained(vectors, items, kind, {}) if known is None else known
    else:
        rows: Any = _Rows((len(items), encoder.dim))
        if store is not None and key is not None:
            about = {"encoder": encoder.name, "encoder_fingerprint": encoder.fingerprint}
            rows = store.rows(key, (len(items), encoder.dim), np.float32, meta=about)
            reuse(store, rows, items, encoder)
        found = int(np.count_nonzero(rows.done))
        reasons = _fill(rows, items, encoder, kind, size, progress)
        vectors = rows.finish()
        if found:
            reasons = _unexplained(vectors, items, kind, reasons)
        if store is not None and key is not None:
            remember(store, key, items, reasons)
    if len(reasons) == len(items):
        raise EncoderError(f"not one of {len(items)} items could be read; the first: {reasons[min(reasons)]}")
    return EmbedOutcome(vectors, tuple(sorted(reasons.items())), found, time.perf_counter() - started)


def _fill(rows: Any, items: Items, encoder: Encoder, kind: str, size: int, progress: bool) -> dict[int, str]:
    """Write the rows that are missing; returns why an item has none."""
    reasons: dict[int, str] = {}
    todo = np.flatnonzero(~np.asarray(rows.done))
    encode = _image_rows if kind == "image" else _text_rows
    try:
        with _bar(len(items), len(items) - len(todo), kind, progress) as bar:
            for start, made in encode(items, encoder, todo, size, reasons, bar):
                _set_aside_nan(made, start, reasons)
                rows.write(start, made)
    except BaseException:
        rows.close()                                            # interrupted, or failed: what is written stays for the next call
        raise
    return reasons


def _kind(items: Items, encoder: Encoder) -> str:
    if len(items) == 0:
        raise ValueError("items: there are none; nothing to embed")
    if items.modality in ("vector", "node"):
        raise EncoderError(f"items of modality {items.modality!r} need no encoder: their vectors are their embeddings (s.embed(array))")
    if items.modality in ("audio", "clip"):
        said = f"{encoder.name} does not read items of modality {items.modality!r}"
        raise EncoderError(f"{said}; hand over vectors made elsewhere, one row an item: s.embed(array)")
    kind = "image" if items.modality == "image" else "text"
    if kind not in encoder.modalities:
        cure = "'conse' or 'open_clip:...'" if kind == "image" else "'minilm', 'wordllama' or 'sentence-transformers:...'"
        reads = " and ".join(encoder.modalities)
        raise EncoderError(f"{encoder.name} reads {reads}, the items are {kind}s; take an encoder such as {cure}")
    return kind


def _same_device(encoder: Encoder, device: Any) -> None:
    own = getattr(encoder, "device", None)
    if device is None or own is None:
        return
    import torch

    if torch.device(device).type != torch.device(own).type:
        cure = f"make it there: encoders.get({encoder.name!r}, device={str(device)!r})"
        raise ValueError(f"device: got {device}, but {encoder.name} was made on {own}; {cure}")


def _image_rows(
    items: Items, encoder: Any, todo: np.ndarray, size: int, reasons: dict[int, str], bar: Any,
) -> Iterator[tuple[int, np.ndarray]]:
    """Start and rows of each batch of images; threads decode and transform the next batches while the network runs."""
    splits = getattr(encoder, "prepare_image", None) is not None and getattr(encoder, "forward_images", None) is not None
    enough = getattr(encoder, "at_least", None)

    def ready(position: int) -> Any:
        image = items[position] if enough is None else items.image(position, at_least=enough)
        return encoder.prepare_image(image) if splits else image

    batches = list(_runs(todo, size))
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 2), thread_name_prefix="labelnb-images")
    gather = ThreadPoolExecutor(max_workers=1, thread_name_prefix="labelnb-batches")

    def submitted(run: tuple[int, int]) -> Future[Any]:
        return gather.submit(_gathered, [pool.submit(ready, p) for p in range(*run)], splits)

    try:
        waiting = [submitted(run) for run in batches[:AHEAD]]
        for number, (start, stop) in enumerate(batches):
            inputs, good, bad = waiting.pop(0).result()
            if number + AHEAD < len(batches):
                waiting.append(submitted(batches[number + AHEAD]))
            reasons.update({start + offset: reason for offset, reason in bad.items()})
            made = np.zeros((stop - start, encoder.dim), np.float32)
            if good:
                made[good] = _halving(encoder.forward_images if splits else encoder.encode_images, inputs)
            bar.update(stop - start)
            yield start, made
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        gather.shutdown(wait=False, cancel_futures=True)


def _gathered(futures: Sequence[Future[Any]], splits: bool) -> tuple[Any, list[int], dict[int, str]]:
    """The inputs of a batch, stacked where they are tensors; which of its items they are, and why the others are none of them."""
    import torch

    inputs, good, bad = [], [], {}
    for offset, future in enumerate(futures):
        try:
            inputs.append(future.result())
            good.append(offset)
        except Exception as error:                              # noqa: BLE001 - whatever a broken file does costs that item alone, and is reported
            bad[offset] = _reason(error)
    return torch.stack(inputs) if splits and inputs else inputs, good, bad


def _text_rows(
    items: Items, encoder: Any, todo: np.ndarray, size: int, reasons: dict[int, str], bar: Any,
) -> Iterator[tuple[int, np.ndarray]]:
    """Start and rows of each block of texts; in a block they are sorted by length, so that little padding is computed."""
    texts = [_text(items, position) for position in range(len(items))]
    times: dict[str, int] = {}
    for position in todo:
        times[texts[position]] = times.get(texts[position], 0) + 1
    repeated: dict[str, np.ndarray] = {}
    for start, stop in _runs(todo, size * TEXT_BLOCK):
        made = np.zeros((stop - start, encoder.dim), np.float32)
        fresh = {texts[p] for p in range(start, stop) if texts[p].strip() and texts[p] not in repeated}
        new = sorted(fresh, key=lambda text: (len(text), text))
        vectors: dict[str, np.ndarray] = {}
        for batch, rows in _encoded(encoder, [new[first:first + size] for first in range(0, len(new), size)]):
            vectors.update(zip(batch, rows, strict=True))
            bar.update(sum(times[text] for text in batch))
        repeated.update({text: row for text, row in vectors.items() if times[text] > 1})
        for position in range(start, stop):
            text = texts[position]
            if not text.strip():
                reasons[position] = "an empty text"
                bar.update(1)
                continue
            made[position - start] = vectors[text] if text in vectors else repeated[text]
        yield start, made


def _encoded(encoder: Any, batches: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[str], np.ndarray]]:
    """Rows of each batch of texts; where the encoder has the two steps, a thread cuts the next batches into tokens meanwhile."""
    prepare, forward = getattr(encoder, "prepare_texts", None), getattr(encoder, "forward_texts", None)
    if prepare is None or forward is None:
        yield from ((batch, _halving(encoder.encode_texts, batch)) for batch in batches)
        return
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="labelnb-texts")
    try:
        waiting = [pool.submit(prepare, batch) for batch in batches[:AHEAD]]
        for number, batch in enumerate(batches):
            ready = waiting.pop(0).result()
            if number + AHEAD < len(batches):
                waiting.append(pool.submit(prepare, batches[number + AHEAD]))
            yield batch, _halving(encoder.encode_texts, batch, partial(forward, ready))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _text(items: Items, position: int) -> str:
    text = items[position] if items.modality == "text" else items.text(position)
    return text if isinstance(text, str) else ""


def _runs(positions: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Neighbouring positions as (start, stop), at most `size` long."""
    breaks = np.flatnonzero(np.diff(positions) > 1) + 1
    for run in np.split(positions, breaks):
        for first in range(0, len(run), size):
            part = run[first:first + size]
            yield int(part[0]), int(part[-1]) + 1


def _halving(encode: Any, inputs: Any, whole: Callable[[], Any] | None = None) -> np.ndarray:
    """`encode` of all inputs at once (or `whole`, which is the same) or, for as long as the device's memory runs out, of each half."""
    import torch

    try:
        return np.asarray((encode(inputs) if whole is None else whole()).detach().float().cpu().numpy(), np.float32)
    except torch.OutOfMemoryError:
        if len(inputs) == 1:
            raise
        torch.cuda.empty_cache()
    half = len(inputs) // 2
    return np.concatenate([_halving(encode, inputs[:half]), _halving(encode, inputs[half:])])


def _set_aside_nan(made: np.ndarray, start: int, reasons: dict[int, str]) -> None:
    for offset in np.flatnonzero(~np.isfinite(made).all(axis=1)):
        made[offset] = 0
        reasons[start + int(offset)] = "the encoder gave NaN or infinity for it"
    for offset in np.flatnonzero(~made.any(axis=1)):
        reasons.setdefault(start + int(offset), "the encoder found nothing in it that it knows")


def _unexplained(vectors: np.ndarray, items: Items, kind: str, reasons: dict[int, str]) -> dict[int, str]:
    """`reasons`, and one for every other row of zeros: a run that was cut off leaves these where items failed, but not why."""
    for position in np.flatnonzero(~vectors.any(axis=1)):
        if int(position) not in reasons:
            reasons[int(position)] = _why(items, kind, int(position))
    return reasons


def _why(items: Items, kind: str, position: int) -> str:
    """Why an earlier run has no vector for an item: it is read once more."""
    try:
        content = items[position] if kind == "image" else _text(items, position)
    except Exception as error:                                  # noqa: BLE001 - as above: reported, not hidden
        return _reason(error)
    return "an empty text" if kind == "text" and not content.strip() else "the encoder found nothing in it that it knows"


def _reason(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text[:300]


def _bar(total: int, done: int, kind: str, progress: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, desc="embedding", unit=f" {kind}s", delay=1.0, disable=not progress, dynamic_ncols=True)
