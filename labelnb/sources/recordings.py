"""Recordings and clips: files by reference, told by their first bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelnb.contents import Clips, Recordings
from labelnb.digests import hash_file
from labelnb.items import Items
from labelnb.problems import ItemProblem
from labelnb.recordings import AUDIO_SUFFIXES, CLIP_SUFFIXES, kind_of
from labelnb.sources.sieve import sieve

__all__ = ["heard_or_seen", "from_recordings"]


def heard_or_seen(names: Sequence[Any]) -> str | None:
    """`audio` or `clip` where all names end so, else None."""
    endings = {os.path.splitext(str(name))[1].lower() for name in names if name is not None}
    if not endings:
        return None
    return "audio" if endings <= AUDIO_SUFFIXES else "clip" if endings <= CLIP_SUFFIXES else None


def from_recordings(
    paths: Sequence[Path | str | None],
    kind: str,
    problems: Sequence[ItemProblem] = (),
    *,
    root: str = "",
    id: Any = None,
    label: Any = None,
    **fields: Any,
) -> Items:
    """Items of `kind` "audio" or "clip"; files that are something else are set aside."""
    kept = [None if path is None else str(path) if root else os.path.abspath(path) for path in paths]
    looked = [("", "no file") if name is None else _look(os.path.join(root, name), kind) for name in kept]
    known = {problem.position for problem in problems}
    good = np.array([i for i, (_, wrong) in enumerate(looked) if not wrong], np.int64)
    more = [
        ItemProblem(i, os.path.join(root, kept[i] or ""), wrong) for i, (_, wrong) in enumerate(looked) if wrong and i not in known
    ]
    hashes = np.array([looked[i][0] for i in good], dtype=object)
    made = Recordings if kind == "audio" else Clips
    content = made(pa.array([kept[i] for i in good], pa.large_string()), root=root, hashes=hashes)
    return sieve(content, [*problems, *more], good, len(kept), ids=id, given=label, digests=hashes, **fields)


def _look(path: str, kind: str) -> tuple[str, str]:
    """Digest, and what is wrong."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would wait for ever
            return "", "not a file"
        with open(path, "rb") as file:
            head = file.read(16)
        found = kind_of(head)
        if found is None or found[0] != kind:
            noun = {"audio": "a recording (WAV, FLAC, OGG, MP3)", "clip": "a clip (MP4, WebM)"}[kind]
            return "", "the file is empty" if not head else f"not {noun}"
        return hash_file(path)[0], ""
    except FileNotFoundError:
        return "", "no such file"
    except (OSError, ValueError) as error:
        return "", f"cannot be read ({getattr(error, 'strerror', None) or error})"
