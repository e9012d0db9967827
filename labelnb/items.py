"""Items: what is being labelled. An immutable sequence of images, texts, rows, vectors or graph nodes, with stable ids.

`labelnb.load` makes them from whatever people have. A bad item never costs the others: it is set aside and named in `problems`.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelnb.atomic import new_folder
from labelnb.ids import content_ids
from labelnb.problems import ItemError, ItemProblem, ItemWarning

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

    from labelnb.contents import Content

__all__ = ["Items", "ItemProblem", "ItemError", "ItemWarning"]

FORMAT = 1
"""Version of the folder that `Items.save` writes."""
Modality = Literal["image", "audio", "clip", "text", "row", "vector", "node"]
FrameKind = Literal["pandas", "polars", "arrow"]
_NAMING = ("name", "title", "caption", "alt", "file_name", "filename", "file")


class Items(Sequence[Any]):
    """What is being labelled. Never changes; a slice, mask or array of positions gives new Items.

    Parameters
    ----------
    content : what the items consist of (labelnb.contents)
    ids : (N,) unique texts; from the content where not given
    frame : the caller's columns, N rows
    frame_kind : the type of table the caller uses, for what is handed back
    given : (N,) labels that came with the source, None where there is none
    truth : (N,) hidden true classes of a data set loaded by name, positions in `truth_names`
    edges : (2, E) pairs of positions, for nodes
    edge_weights : (E,) weights of the edges; every edge counts alike where not given
    problems : what was set aside
    """

    def __init__(
        self,
        content: Content,
        *,
        ids: Sequence[str] | np.ndarray | None = None,
        frame: pa.Table | None = None,
        frame_kind: FrameKind = "pandas",
        given: Sequence[str | None] | np.ndarray | None = None,
        truth: np.ndarray | None = None,
        truth_names: Sequence[str] = (),
        edges: np.ndarray | None = None,
        edge_weights: np.ndarray | None = None,
        problems: Sequence[ItemProblem] = (),
        digests: np.ndarray | None = None,
    ) -> None:
        self._content = content
        self._digests = digests
        self._ids = content_ids(self.digests) if ids is None else np.asarray(ids, dtype=object)
        self._ids.flags.writeable = False
        self.frame = frame
        self.frame_kind: FrameKind = frame_kind
        self.given = None if given is None else _frozen(np.asarray(given, dtype=object))
        self.truth = None if truth is None else _frozen(np.asarray(truth, dtype=np.int64))
        self.truth_names = tuple(truth_names)
        self.edges = None if edges is None else _frozen(np.asarray(edges, dtype=np.int64))
        self.edge_weights = None if edge_weights is None else _frozen(np.asarray(edge_weights, dtype=np.float64))
        self.problems = tuple(problems)
        for name, value in (("ids", self._ids), ("frame", frame), ("given", self.given), ("truth", self.truth)):
            if value is not None and len(value) != len(content):
                raise ItemError(f"{name}: got {len(value)} for {len(content)} items; expected one an item")

    @property
    def modality(self) -> Modality:
        """`image`, `audio`, `clip`, `text`, `row`, `vector` or `node`."""
        return self._content.modality  # type: ignore[return-value]

    @property
    def ids(self) -> np.ndarray:
        """(N,) unique texts: the user's own, or the beginning of the content's SHA-256."""
        return self._ids

    @property
    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of each item's content; equal content, equal digest. The key for caches of one vector an item."""
        if self._digests is None:
            self._digests = _frozen(np.asarray(self._content.digests(), dtype=object))
        return self._digests

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of modality, ids and contents, in order."""
        found = hashlib.sha256(self.modality.encode())
        for part in (self._ids, self.digests):
            found.update("\0".join(part.tolist()).encode())
        if self.edges is not None:
            found.update(np.ascontiguousarray(self.edges).tobytes())
        if self.edge_weights is not None:
            found.update(np.ascontiguousarray(self.edge_weights).tobytes())
        return found.hexdigest()

    @property
    def vectors(self) -> np.ndarray | None:
        """(N, D) float32 where the items are vectors, or nodes with features; else None."""
        inner = getattr(self._content, "vectors", None)
        return getattr(inner, "vectors", inner)

    @property
    def pixels(self) -> np.ndarray | None:
        """(N, H, W, C) uint8 where the items are images that came as one array; else None."""
        return getattr(self._content, "pixels", None)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """An int gives the content (PIL image, text, dict, vector); a slice, mask or array of positions gives Items."""
        if isinstance(index, (int, np.integer)) and not isinstance(index, (bool, np.bool_)):
            return self._read(self._place(int(index)))
        if isinstance(index, str):
            raise TypeError(f"items[{index!r}]: got a text, expected a position; use items[items.position({index!r})]")
        return self.take(_positions(index, len(self)))

    def take(self, positions: np.ndarray) -> Items:
        """The items at `positions` (int64), in that order. Edges among them are kept."""
        wanted = self._ids[positions]
        if len(set(wanted.tolist())) < len(wanted):
            raise ItemError("positions: some appear more than once; expected each item once")
        edges, weights = _induced(self.edges, self.edge_weights, positions, len(self))
        return Items(
            self._content.take(positions),
            ids=wanted,
            frame=None if self.frame is None else self.frame.take(positions),
            frame_kind=self.frame_kind,
            given=None if self.given is None else self.given[positions],
            truth=None if self.truth is None else self.truth[positions],
            truth_names=self.truth_names,
            edges=edges,
            edge_weights=weights,
            digests=self.digests[positions],
        )

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self._ids.tolist())}

    def position(self, id: str) -> int:
        """Where the item of this id stands. KeyError with close ids where there is none."""
        try:
            return self._index[id]
        except (KeyError, TypeError):
            close = difflib.get_close_matches(str(id), self._ids.tolist(), 3) if len(self) <= 20_000 else []
            close = close or self._ids[:5].tolist()
            raise KeyError(f"no item has the id {id!r}; ids look like {close}") from None

    def positions(self, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """(n,) int64: where the items of these ids stand. KeyError names the first that is not there."""
        if isinstance(ids, str):
            raise TypeError(f"ids: got the text {ids!r}, expected a list of ids")
        names = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        try:
            return np.fromiter(map(self._index.__getitem__, names), np.int64, len(names))
        except (KeyError, TypeError):
            for name in names:
                self.position(name)
            raise

    def image(self, i: int, *, at_least: int | None = None) -> Image.Image:
        """Image i as RGB, upright. ItemError where it cannot be read.

        With `at_least`, large JPEGs may come smaller, both sides `at_least` pixels or more: faster where a small one will do.
        """
        if self.modality != "image":
            raise TypeError(f"the items are of modality {self.modality!r} and have no images")
        found: Image.Image = self._read(self._place(i), at_least=at_least)
        return found

    def text(self, i: int) -> str:
        """A short description of item i for people, whatever the modality; the whole text where items are texts.

        An image is described by the name of its file, or else by a column of `frame` that names it (`name`, `title`, `caption`, `alt`,
        `file_name`, `filename`, `file`), or else by its size.
        """
        if self.modality == "image" and self.path(i) is None and (column := self._naming_column()) is not None:
            found = column[self._place(i)].as_py()
            if found is not None and str(found).strip():
                return str(found)
        return self._content.describe(self._place(i))

    def _naming_column(self) -> Any:
        """The user's column that names the items, in the order of preference of `text`; None where there is none."""
        if self.frame is None:
            return None
        columns = {str(name).lower(): name for name in reversed(self.frame.column_names)}
        found = next((columns[name] for name in _NAMING if name in columns), None)
        return None if found is None else self.frame.column(found)

    def path(self, i: int) -> str | None:
        """Where item i lies on disk; None where it does not."""
        where = getattr(self._content, "path", None)
        return None if where is None else where(self._place(i))

    def encoded(self, i: int) -> bytes | None:
        """The bytes of image i as they were handed in (JPEG, PNG, ...); None where there are none, such as for pixel arrays."""
        source = getattr(self._content, "encoded", None)
        if source is None:
            return None
        found = source(self._place(i))
        try:
            return found if isinstance(found, bytes) else Path(found).read_bytes()
        except OSError as error:
            raise ItemError(f"item {i}, {found}: {error.strerror or error}") from error

    def thumbnail(self, i: int, size: int = 96) -> tuple[bytes, str]:
        """Image i with its longer side at most `size` pixels, encoded, and its mime type. ItemError where it cannot be read."""
        from labelnb.pictures import thumbnail

        return thumbnail(self.image(i, at_least=size), size)

    def glance(self, i: int, size: int = 240) -> Any:
        """The picture of recording or clip i, and its length (`labelnb.recordings.Glance`); RecordingError where it cannot be read."""
        return self._content.glance(self._place(i), size)  # type: ignore[union-attr]

    def playable(self, i: int) -> tuple[bytes, str]:
        """Recording or clip i for a browser to play: bytes and MIME type; RecordingError where it cannot be read or is too large."""
        return self._content.playable(self._place(i))  # type: ignore[union-attr]

    def _place(self, i: int) -> int:
        if not -len(self) <= i < len(self):
            raise IndexError(f"position {i} is outside the {len(self)} items")
        return int(i) % len(self)

    def _read(self, i: int, **options: Any) -> Any:
        from labelnb.pictures import PictureError

        try:
            return self._content.get(i, **options)
        except PictureError as error:
            raise ItemError(f"item {i}, {self.path(i) or self._ids[i]}: {error}") from error

    def __repr__(self) -> str:
        noun = {"audio": "recordings"}.get(self.modality, f"{self.modality}s")
        more = [f"{len(self.problems)} set aside"] if self.problems else []
        if self.given is not None:
            more.append(f"{sum(label is not None for label in self.given)} with a given label")
        if self.truth is not None:
            more.append(f"hidden truth of {len(self.truth_names)} classes")
        return f"Items({len(self):,} {noun}{''.join('; ' + part for part in more)})"

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Keep the items in `folder`, whole or not at all: images on disk by reference, everything else by value. No pickle."""
        import pyarrow as pa

        from labelnb.arrow_files import write_table

        with new_folder(Path(folder)) as made:
            columns = {"id": pa.array(self._ids.tolist(), pa.large_string()), "digest": pa.array(self.digests.tolist(), pa.large_string())}
            if self.given is not None:
                columns["given"] = pa.array(self.given.tolist(), pa.large_string())
            if self.truth is not None:
                columns["truth"] = pa.array(self.truth)
            write_table(pa.table(columns), made / "items.arrow")
            if self.frame is not None:
                write_table(self.frame, made / "frame.arrow")
            if self.edges is not None:
                np.save(made / "edges.npy", self.edges, allow_pickle=False)
            if self.edge_weights is not None:
                np.save(made / "edge_weights.npy", self.edge_weights, allow_pickle=False)
            meta = {
                "format": FORMAT,
                "kind": self._content.kind,
                "modality": self.modality,
                "n": len(self),
                "frame_kind": self.frame_kind,
                "truth_names": list(self.truth_names),
                "problems": [asdict(problem) for problem in self.problems],
                "fingerprint": self.fingerprint,
                "content": self._content.save(made),
            }
            meta["files"] = {path.name: path.stat().st_size for path in made.iterdir()}
            (made / "items.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Items:
        """What `save` kept, memory-mapped. Files that have gone keep their place and id, and are listed in `problems`."""
        from labelnb.arrow_files import read_table
        from labelnb.contents import CONTENTS, EncodedImages

        place = Path(folder)
        try:
            meta = json.loads((place / "items.json").read_text(encoding="utf-8"))
            if meta["format"] > FORMAT:
                raise ItemError(f"{place}: written by a newer labelnb (format {meta['format']}, this one reads {FORMAT}); upgrade labelnb")
            for name, size in meta["files"].items():
                if (found := (place / name).stat().st_size) != size:
                    raise ValueError(f"{name} holds {found:,} bytes, expected {size:,}")
            table = read_table(place / "items.arrow")
            content = CONTENTS[meta["kind"]].open(place, meta["content"])
            frame = read_table(place / "frame.arrow") if (place / "frame.arrow").exists() else None
            edges, weights = (
                np.load(place / name, mmap_mode="r", allow_pickle=False) if (place / name).exists() else None
                for name in ("edges.npy", "edge_weights.npy")
            )
            problems = [ItemProblem(**problem) for problem in meta["problems"]]
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{place}: no saved items here ({Path(error.filename or '').name} is missing); load the source again"
            ) from error
        except ItemError:
            raise
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ItemError(
                f"{place}: the saved items are damaged ({error}); load the source again: ids stay the same, and labels are kept apart"
            ) from error
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        items = cls(
            content,
            ids=columns["id"],
            digests=columns["digest"],
            frame=frame,
            frame_kind=meta["frame_kind"],
            given=columns.get("given"),
            truth=columns.get("truth"),
            truth_names=meta["truth_names"],
            edges=edges,
            edge_weights=weights,
            problems=problems,
        )
        items.__dict__["fingerprint"] = meta["fingerprint"]
        if isinstance(content, EncodedImages):
            items.problems += tuple(
                ItemProblem(
                    int(i), content.path(int(i)) or "", f"the file is not there any more; put it back, id {items.ids[i]} waits for it"
                )
                for i in np.flatnonzero(content.missing())
            )
        return items


def _frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _positions(index: Any, n: int) -> np.ndarray:
    if isinstance(index, slice):
        return np.arange(n, dtype=np.int64)[index]
    array = np.asarray(index)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype == bool and array.shape != (n,):
        raise IndexError(f"mask of shape {array.shape} for {n} items; expected ({n},)")
    if array.dtype.kind not in "biu" or array.ndim != 1:
        raise TypeError(f"got {array.dtype} of shape {array.shape}, expected a slice, a mask or an array of positions")
    if array.dtype != bool and (array.min() < -n or array.max() >= n):
        raise IndexError(f"positions from {array.min()} to {array.max()}, outside the {n} items")
    return np.arange(n, dtype=np.int64)[array]


def _induced(
    edges: np.ndarray | None, weights: np.ndarray | None, positions: np.ndarray, n: int,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if edges is None:
        return None, None
    place = np.full(n, -1, np.int64)
    place[positions] = np.arange(len(positions))
    moved = place[edges]
    kept = (moved >= 0).all(axis=0)
    return moved[:, kept], None if weights is None else weights[kept]
