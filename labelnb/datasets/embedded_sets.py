"""Data sets that are there without a network: two that ship with labelnb, one that ships with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labelnb.contents import EncodedImages, Texts
from labelnb.items import Items

__all__ = ["emoji", "glosses", "digits"]

EMBEDDED = Path(__file__).parent / "embedded"
"""Parquet files and their licences (NOTICE.txt); scripts/build_embedded.py makes them."""


def emoji() -> Items:
    """361 pictures of things in 12 classes: Microsoft's Fluent Emoji (MIT), 96 x 96, transparent ground.

    Names and tags of the emoji stand in `frame`. Source: https://github.com/microsoft/fluentui-emoji, classes from the subgroups
    of the Unicode emoji list by way of https://github.com/milesj/emojibase.
    """
    table, ids, truth, truth_names = _read("emoji")
    content = EncodedImages(_nulls(table.num_rows), _array(table, "image", "large_binary"))
    return Items(content, ids=ids, frame=table.select(["name", "tags"]), truth=truth, truth_names=truth_names)


def glosses() -> Items:
    """2,000 definitions of nouns in 10 domains, 200 each: WordNet 3.1 (WordNet licence). The word defined stands in `frame`.

    Source: https://wordnet.princeton.edu; Miller 1995, "WordNet: a lexical database for English".
    """
    table, ids, truth, truth_names = _read("glosses")
    return Items(Texts(_array(table, "text", "large_string")), ids=ids, frame=table.select(["word"]), truth=truth, truth_names=truth_names)


def digits() -> Items:
    """1,797 handwritten digits, 8 x 8 pixels: the test part of the UCI set of Alpaydin and Kaynak 1998, from scikit-learn."""
    from sklearn.datasets import load_digits

    from labelnb.contents import PixelImages

    found: Any = load_digits()
    pixels = np.round(found.images * (255 / 16)).astype(np.uint8)[..., None]
    return Items(
        PixelImages(pixels),
        truth=found.target,
        truth_names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )


def _read(name: str) -> tuple[Any, list[str], np.ndarray, tuple[str, ...]]:
    import pyarrow.parquet as pq

    table = pq.read_table(EMBEDDED / f"{name}.parquet")
    found = table.column("class").to_pylist()
    truth_names = tuple(sorted(set(found)))
    place = {class_name: k for k, class_name in enumerate(truth_names)}
    return table, table.column("id").to_pylist(), np.array([place[class_name] for class_name in found], dtype=np.int64), truth_names


def _array(table: Any, name: str, kind: str) -> Any:
    import pyarrow as pa

    return table.column(name).combine_chunks().cast(getattr(pa, kind)())


def _nulls(n: int) -> Any:
    import pyarrow as pa

    return pa.nulls(n, pa.large_string())
