"""Images: files by reference; encoded bytes, PIL images and arrays by value; and files of text."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from labelnb.contents import EncodedImages
from labelnb.digests import digest, hash_file
from labelnb.items import Items, Modality
from labelnb.pictures import BROKEN, check, encode_png, to_rgb
from labelnb.problems import ItemError, ItemProblem
from labelnb.sources.sieve import sieve
from labelnb.sources.texts import from_texts

__all__ = ["from_files", "from_images"]


def from_files(
    paths: Sequence[Path | None],
    problems: Sequence[ItemProblem] = (),
    *,
    root: str = "",
    id: Any = None,
    label: Any = None,
    modality: Modality | None = None,
    **fields: Any,
) -> Items:
    """Image files, recordings or clips, by reference; or .txt and .md files, each one text."""
    real = [path for path in paths if path is not None]
    if real and modality != "image" and all(path.suffix.lower() in (".txt", ".md") for path in real):
        texts: list[str | None] = []
        more = list(problems)
        for i, path in enumerate(paths):
            try:
                texts.append(None if path is None else Path(root, path).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                texts.append(None)
                more.append(ItemProblem(i, str(path), f"cannot be read as UTF-8 text ({error})"))
        return from_texts(texts, more, names=[str(path) for path in paths], id=id, label=label, **fields)
    from labelnb.sources.recordings import from_recordings, heard_or_seen

    kind = heard_or_seen(real)
    if kind is not None and modality in (None, kind):
        return from_recordings(paths, kind, problems, root=root, id=id, label=label, **fields)
    kept = [None if path is None else str(path) if root else os.path.abspath(path) for path in paths]
    return from_images(kept, problems, root=root, id=id, label=label, **fields)


def from_images(
    values: Sequence[Any],
    problems: Sequence[ItemProblem] = (),
    *,
    root: str = "",
    kept: Any = None,
    id: Any = None,
    label: Any = None,
    **fields: Any,
) -> Items:
    """Paths (str), encoded bytes, PIL images or uint8 arrays, mixed as you like; None where an item is known to be bad.

    `kept` is the Arrow array of all encoded images where there is one already, so that none is copied.
    """
    known = {problem.position for problem in problems}

    def look(i: int) -> _Seen:
        seen = _look(values[i], root)
        return seen if kept is None else seen._replace(blob=None)

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(look, range(len(values)), chunksize=64))
    good = np.array([i for i, one in enumerate(seen) if one.wrong is None], dtype=np.int64)
    more = [
        ItemProblem(i, "" if one.path is None else os.path.join(root, one.path), one.wrong)
        for i, one in enumerate(seen)
        if one.wrong is not None and i not in known
    ]
    hashes = np.array([seen[i].digest for i in good], dtype=object)
    paths = pa.array([seen[i].path for i in good], pa.large_string())
    blobs = kept if kept is None or len(good) == len(values) else kept.take(pa.array(good))
    if kept is None and any(seen[i].blob is not None for i in good):
        blobs = pa.array((seen[i].blob for i in good), pa.large_binary())
    content = EncodedImages(paths, blobs, root=root, hashes=hashes)
    return sieve(content, [*problems, *more], good, len(values), ids=id, given=label, digests=hashes, **fields)


class _Seen(NamedTuple):
    """What a look at one image found."""

    path: str | None
    blob: bytes | None
    digest: str
    wrong: str | None


def _look(value: Any, root: str) -> _Seen:
    if value is None:
        return _Seen(None, None, "", "no image")
    if isinstance(value, str):
        return _Seen(value, None, *_look_at_file(value, root))
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return _Seen(None, data, digest(data), check(data))
    try:
        image = to_rgb(_as_pil(value))
    except BROKEN as error:
        return _Seen(None, None, "", f"not an image that can be read ({error})")
    return _Seen(None, encode_png(image), digest(str(image.size).encode(), image.tobytes()), None)


def _look_at_file(name: str, root: str) -> tuple[str, str | None]:
    """Digest, and what is wrong."""
    path = os.path.join(root, name)
    if "://" in name[:12]:
        return "", "an address on the web; download it first, labelnb fetches nothing by itself"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would wait for ever
            return "", "not a file"
        return hash_file(path, lambda data, tail: check(data, path, tail=tail))
    except FileNotFoundError:
        return "", "no such file"
    except (OSError, ValueError) as error:
        return "", f"cannot be read ({getattr(error, 'strerror', None) or error})"


def _as_pil(value: Any) -> Any:
    from PIL import Image

    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == bool:
        value = value.astype(np.uint8) * 255
    if value.dtype not in (np.uint8, np.uint16):
        raise ItemError(f"got an array of {value.dtype}, expected uint8")
    return Image.fromarray(value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value)
