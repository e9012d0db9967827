"""Images: files by reference; encoded bytes, PIL images and arrays by value; and files of text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

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
    """Image files, by reference; or .txt and .md files, each one text."""
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
    kept = [None if path is None else str(path) if root else os.path.abspath(path) for path in paths]
    return from_images(kept, problems, root=root, id=id, label=label, **fields)


def from_images(
    values: Sequence[Any], problems: Sequence[ItemProblem] = (), *, root: str = "", id: Any = None, label: Any = None, **fields: Any
) -> Items:
    """Paths (str), encoded bytes, PIL images or uint8 arrays, mixed as you like; None where an item is known to be bad."""
    known = {problem.position for problem in problems}

    def look(value: Any) -> tuple[str | None, bytes | None, str, str | None]:
        """Path, bytes, digest, and what is wrong."""
        return _look(value, root)

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(look, values, chunksize=64))
    good = np.array([i for i, (_, _, _, wrong) in enumerate(seen) if wrong is None], dtype=np.int64)
    more = [
        ItemProblem(i, os.path.join(root, values[i]) if isinstance(values[i], str) else "", wrong)
        for i, (_, _, _, wrong) in enumerate(seen)
        if wrong is not None and i not in known
    ]
    blobs = [seen[i][1] for i in good]
    hashes = np.array([seen[i][2] for i in good], dtype=object)
    content = EncodedImages.of(
        [seen[i][0] for i in good], blobs if any(blob is not None for blob in blobs) else None, root=root, hashes=hashes
    )
    return sieve(content, [*problems, *more], good, len(values), ids=id, given=label, digests=hashes, **fields)


def _look(value: Any, root: str) -> tuple[str | None, bytes | None, str, str | None]:
    if value is None:
        return None, None, "", "no image"
    if isinstance(value, str):
        path = os.path.join(root, value)
        if "://" in value[:12]:
            return None, None, "", "an address on the web; download it first, labelnb fetches nothing by itself"
        try:
            found, wrong = hash_file(path, lambda data, tail: check(data, path, tail=tail))
        except FileNotFoundError:
            return None, None, "", "no such file"
        except (OSError, ValueError) as error:
            return None, None, "", f"cannot be read ({getattr(error, 'strerror', None) or error})"
        return value, None, found, wrong
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return None, data, digest(data), check(data)
    try:
        image = to_rgb(_as_pil(value))
    except BROKEN as error:
        return None, None, "", f"not an image that can be read ({error})"
    return None, encode_png(image), digest(str(image.size).encode(), image.tobytes()), None


def _as_pil(value: Any) -> Any:
    from PIL import Image

    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == bool:
        value = value.astype(np.uint8) * 255
    if value.dtype not in (np.uint8, np.uint16):
        raise ItemError(f"got an array of {value.dtype}, expected uint8")
    return Image.fromarray(value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value)
