"""What items consist of: encoded images, pixel arrays, recordings, clips, texts, rows, vectors, graph nodes; and how each is kept on disk.

Every content answers the same questions: `len`, `get(i)`, `describe(i)`, `take(positions)`, `digests()` and
`save(folder)` / `open(folder, meta)`. They are kept as Arrow (memory-mapped) and .npy; nothing is pickled. Images on disk are
kept by reference, everything else by value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from labelnb.arrow_files import column, read_table, write_table
from labelnb.digests import digest
from labelnb.image_contents import EncodedImages, PixelImages
from labelnb.recordings import Glance, glance, playable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EncodedImages", "PixelImages", "Recordings", "Clips", "Texts", "Rows", "Vectors", "Nodes", "CONTENTS"]


class Texts:
    """Texts."""

    kind: ClassVar[str] = "texts"
    modality: ClassVar[str] = "text"

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """From a Python list."""
        import pyarrow as pa

        return cls(pa.array(texts, pa.large_string()))

    def __len__(self) -> int:
        return len(self.texts)

    def get(self, i: int) -> str:
        """Text i."""
        return self.texts[i].as_py()

    describe = get

    def take(self, positions: np.ndarray) -> Texts:
        """The texts at `positions`."""
        import pyarrow as pa

        return Texts(self.texts.take(pa.array(positions)))

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of the text in UTF-8."""
        return np.array([digest(text.encode()) for text in self.texts.to_pylist()], dtype=object)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write contents.arrow."""
        import pyarrow as pa

        write_table(pa.table({"text": self.texts}), folder / "contents.arrow")
        return {}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> Texts:
        """What `save` wrote, memory-mapped."""
        return cls(column(read_table(folder / "contents.arrow"), "text"))


class Rows:
    """Rows of a table; what an item is stands in its columns."""

    kind: ClassVar[str] = "rows"
    modality: ClassVar[str] = "row"

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.num_rows

    def get(self, i: int) -> dict[str, Any]:
        """Row i by column name."""
        return {name: self.table.column(name)[i].as_py() for name in self.table.column_names}

    def describe(self, i: int) -> str:
        """The row's values, in one line."""
        return ", ".join(f"{name}: {_short(value)}" for name, value in self.get(i).items() if value is not None)

    def take(self, positions: np.ndarray) -> Rows:
        """The rows at `positions`."""
        return Rows(self.table.take(positions))

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of the row as JSON."""
        return np.array([digest(json.dumps(row, sort_keys=True, default=str).encode()) for row in self.table.to_pylist()], dtype=object)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write contents.arrow."""
        write_table(self.table, folder / "contents.arrow")
        return {}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> Rows:
        """What `save` wrote, memory-mapped."""
        return cls(read_table(folder / "contents.arrow"))


class Vectors:
    """Vectors, which are their own embeddings."""

    kind: ClassVar[str] = "vectors"
    modality: ClassVar[str] = "vector"

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.vectors)

    def get(self, i: int) -> np.ndarray:
        """Vector i."""
        return self.vectors[i]

    def describe(self, i: int) -> str:
        """The first numbers."""
        row = self.vectors[i]
        return f"({', '.join(f'{value:.4g}' for value in row[:6])}{', ...' if len(row) > 6 else ''})"

    def take(self, positions: np.ndarray) -> Vectors:
        """The vectors at `positions`."""
        return Vectors(self.vectors[positions])

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of the float32 numbers."""
        return np.array([digest(np.ascontiguousarray(row)) for row in self.vectors], dtype=object)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write vectors.npy."""
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        return {}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> Vectors:
        """What `save` wrote, memory-mapped."""
        return cls(np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False))


class Recordings(EncodedImages):
    """Sounds as files on disk, kept by reference."""

    kind: ClassVar[str] = "recordings"
    modality: ClassVar[str] = "audio"

    def get(self, i: int, at_least: int | None = None) -> Any:
        """Where file i lies on disk."""
        return self.path(i)

    def glance(self, i: int, size: int) -> Glance:
        """The picture of item i, `size` pixels wide, and its length; RecordingError where it cannot be read."""
        return glance(str(self.path(i)), size)

    def playable(self, i: int) -> tuple[bytes, str]:
        """Bytes and MIME type of item i for a browser; RecordingError where it cannot be read or is too large."""
        return playable(str(self.path(i)))


class Clips(Recordings):
    """Short films as files on disk, kept by reference."""

    kind: ClassVar[str] = "clips"
    modality: ClassVar[str] = "clip"


class Nodes:
    """Nodes of a graph, with a text or a vector each where there are some."""

    kind: ClassVar[str] = "nodes"
    modality: ClassVar[str] = "node"

    def __init__(self, names: np.ndarray, *, texts: Texts | None = None, vectors: Vectors | None = None) -> None:
        self.names = names
        self.texts = texts
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.names)

    def get(self, i: int) -> Any:
        """The text of node i, or its vector, or its name."""
        inner = self.texts if self.texts is not None else self.vectors
        return str(self.names[i]) if inner is None else inner.get(i)

    def describe(self, i: int) -> str:
        """The text of node i, or its name."""
        return self.texts.get(i) if self.texts is not None else f"node {self.names[i]}"

    def take(self, positions: np.ndarray) -> Nodes:
        """The nodes at `positions`."""
        return Nodes(
            self.names[positions],
            texts=self.texts.take(positions) if self.texts else None,
            vectors=self.vectors.take(positions) if self.vectors else None,
        )

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of name, text and vector."""
        parts = [[str(name) for name in self.names]] + [
            inner.digests().tolist() for inner in (self.texts, self.vectors) if inner is not None
        ]
        return np.array([digest("\n".join(together).encode()) for together in zip(*parts, strict=True)], dtype=object)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write contents.arrow (texts) and vectors.npy where there are some; the names are the ids."""
        import pyarrow as pa

        write_table(pa.table({"name": pa.array([str(name) for name in self.names], pa.large_string())}), folder / "nodes.arrow")
        for inner in (self.texts, self.vectors):
            if inner is not None:
                inner.save(folder)
        return {"texts": self.texts is not None, "vectors": self.vectors is not None}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> Nodes:
        """What `save` wrote, memory-mapped."""
        names = column(read_table(folder / "nodes.arrow"), "name").to_numpy(zero_copy_only=False)
        return cls(
            names, texts=Texts.open(folder, {}) if meta["texts"] else None, vectors=Vectors.open(folder, {}) if meta["vectors"] else None
        )


Content = EncodedImages | PixelImages | Recordings | Clips | Texts | Rows | Vectors | Nodes
_ALL: tuple[type[Content], ...] = (EncodedImages, PixelImages, Recordings, Clips, Texts, Rows, Vectors, Nodes)
CONTENTS: dict[str, type[Content]] = {made.kind: made for made in _ALL}


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
