"""From whatever people have to Items: folders, files, tables, arrays, lists and graphs.

`load` looks at the type of what it is given and hands it to one of the readers in sources/. What every reader does alike: bad
items are set aside by name and position, all bad is an error, nothing at all is an error, ids are unique.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelnb.items import ItemError, ItemProblem, Items, Modality

__all__ = ["load"]


def load(
    source: Any = None,
    *,
    text: str | Sequence[str] | None = None,
    image: str | None = None,
    id: str | Sequence[Any] | None = None,
    label: str | Sequence[Any] | None = None,
    edges: Any = None,
    features: Any = None,
    modality: Modality | None = None,
) -> Items:
    """Make Items of what you have.

    Parameters
    ----------
    source : one of

        - a str or Path: a place on disk, which is a folder (searched through, in natural order), a glob, or a file: an image,
          .csv, .tsv, .parquet, .jsonl, .json, .npy, .npz, .txt (one text a line); a folder that `export` or `Items.save` wrote;
        - a list of str: texts (files of images, recordings or clips where every one of them exists and ends so);
        - a list of Path: files of images, recordings (WAV, FLAC, OGG, MP3), clips (MP4, WebM) or texts;
        - a list of PIL images, uint8 arrays or encoded bytes;
        - a uint8 array (N, H, W) or (N, H, W, C): images; an array of float rows (N, D): vectors;
        - a pandas, polars or Arrow table, a Hugging Face Dataset, a dict of columns, a list of dicts;
        - a graph of networkx or torch_geometric, or None where `edges` and `features` say it all;
        - Items, which come back as they are.
    text : the column that holds the text; several are joined by line breaks
    image : the column that holds the image: paths, encoded bytes, Hugging Face structs or PIL images
    id : the column of ids, or one id an item. Without it a column named `id` whose values are unique, else the content's hash
    label : the column of labels that came with the data, or one label an item; "folder" takes the names of the sub-folders
        of a folder of images. Only then: the names of folders are never taken as labels unasked
    edges : a graph over the items: (2, E) or (E, 2) positions, or pairs of ids, or a sparse (N, N) matrix
    features : (N, D) one vector a node of the graph
    modality : "image", "audio", "clip", "text", "row", "vector" or "node"; only where the guess is not what you mean

    Returns
    -------
    Items; what could not be used is in `.problems`.

    Raises
    ------
    ItemError
        Nothing usable, ambiguous columns, ids that are not unique (named), a kind of file that is not read.
    FileNotFoundError
        A place that does not exist, with names close to it.

    Notes
    -----
    Images on disk are not decoded here: their header and end are looked at and their bytes hashed (all of files up to 256 KiB;
    four blocks of larger ones). Damage in the middle is found when the item is read, as an ItemError that names it.

    Examples
    --------
    >>> load(["a cat on a mat", "a dog in the fog"])
    Items(2 texts)
    >>> load(["a cat on a mat", "", "a dog in the fog"]).problems[0].position  # doctest: +SKIP
    1
    """
    if isinstance(source, Items):
        return source
    maker = _maker(source)
    if edges is not None or features is not None or modality == "node" or maker in ("networkx", "torch_geometric"):
        from labelnb.sources.graphs import from_graph

        return from_graph(source, edges=edges, features=features, text=text, image=image, id=id, label=label)
    if source is None:
        raise ItemError("source: got None, expected a folder, files, a list, an array or a table")
    if isinstance(source, (str, os.PathLike)):
        from labelnb.sources.disk import from_place

        return from_place(os.fspath(source), text=text, image=image, id=id, label=label, modality=modality)
    if isinstance(source, dict) or maker in ("pandas", "polars", "pyarrow", "datasets"):
        made = _from_table(source, text=text, image=image, id=id, label=label, modality=modality)
        if made is not None:
            return made
    return _from_values(source, text=text, image=image, id=id, label=label, modality=modality)


def _from_table(source: Any, **columns: Any) -> Items | None:
    from labelnb.sources.frames import from_frame
    from labelnb.sources.tables import arrow

    frame = arrow(source)
    return None if frame is None else from_frame(frame, **columns)


def _from_values(source: Any, *, text: Any, image: Any, id: Any, label: Any, modality: Modality | None) -> Items:
    if hasattr(source, "detach"):
        source = source.detach().cpu().numpy()
    if isinstance(source, (bytes, bytearray)) or _maker(source) == "PIL":
        raise ItemError(f"source: got one {_noun(source)}, expected several; for one: load([image])")
    if not isinstance(source, Iterable):
        raise ItemError(f"source: got {_noun(source)}, expected a folder, files, a list, an array or a table")
    array = isinstance(source, np.ndarray) and source.dtype.kind not in "OUS"
    values = [] if array else list(source)
    if values and all(isinstance(value, dict) or value is None for value in values) and any(value for value in values):
        from labelnb.sources.frames import from_records

        return from_records(values, text=text, image=image, id=id, label=label, modality=modality)
    wrong = [
        f"{name}={value!r}" for name, value in (("text", text), ("image", image), ("id", id), ("label", label)) if isinstance(value, str)
    ]
    if wrong:
        raise ItemError(f"{', '.join(wrong)}: names a column, but {_noun(source)} has none; for id and label give one value an item")
    if isinstance(source, np.ndarray) and array:
        from labelnb.sources.arrays import from_array

        return from_array(source, id=id, label=label, modality=modality)
    return _from_list(values, id=id, label=label, modality=modality)


def _from_list(values: list[Any], *, id: Any, label: Any, modality: Modality | None) -> Items:
    """Texts, files, PIL images, arrays, bytes or rows of numbers; what differs from the most is set aside."""
    if not values:
        raise ItemError("source: it is empty; there is nothing to label")
    kinds = [_kind(value) for value in values]
    counts = Counter(kind for kind in kinds if kind is not None)
    if not counts:
        raise ItemError(f"source: a list of {_noun(values[0])}; expected texts, files, images, arrays or rows of numbers")
    (kind, most), *others = counts.most_common()
    if others and others[0][1] == most:
        raise ItemError(f"source: as many of kind {kind} as of kind {others[0][0]}; expected items of one kind: load them apart")
    problems = [
        ItemProblem(i, "", f"got {_noun(value)}, expected {kind} as most items are")
        for i, (value, found) in enumerate(zip(values, kinds, strict=True))
        if found != kind
    ]
    good = [value if found == kind else None for value, found in zip(values, kinds, strict=True)]
    if kind == "vector":
        from labelnb.sources.arrays import from_rows

        return from_rows(good, problems, id=id, label=label)
    if kind == "file" or (kind == "text" and modality in (None, "image", "audio", "clip") and _are_files(good)):
        from labelnb.sources.images import from_files

        return from_files([None if value is None else Path(value) for value in good], problems, id=id, label=label, modality=modality)
    if kind == "text":
        from labelnb.sources.texts import from_texts

        return from_texts(good, problems, id=id, label=label)
    from labelnb.sources.images import from_images

    return from_images(good, problems, id=id, label=label)


def _kind(value: Any) -> str | None:
    """`text`, `file`, `image` or `vector`; None for what cannot be an item."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, os.PathLike):
        return "file"
    if isinstance(value, (bytes, bytearray)) or _maker(value) == "PIL":
        return "image"
    if isinstance(value, np.ndarray):
        return "image" if value.dtype in (np.uint8, np.uint16, bool) and value.ndim in (2, 3) else "vector" if value.ndim == 1 else None
    if isinstance(value, (list, tuple)) and value and all(isinstance(number, (int, float, np.number)) for number in value):
        return "vector"
    return None


def _are_files(values: list[Any]) -> bool:
    """Whether all are files of images, all recordings, or all clips."""
    from labelnb.pictures import IMAGE_SUFFIXES
    from labelnb.recordings import AUDIO_SUFFIXES, CLIP_SUFFIXES

    endings = {os.path.splitext(value)[1].lower() for value in values if value is not None}
    alike = any(endings <= kind for kind in (IMAGE_SUFFIXES, AUDIO_SUFFIXES, CLIP_SUFFIXES))
    return alike and all(value is None or os.path.isfile(value) for value in values)


def _maker(value: Any) -> str:
    """The package that a value's type comes from, such as `pandas`; without importing it."""
    return type(value).__module__.split(".")[0]


def _noun(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
