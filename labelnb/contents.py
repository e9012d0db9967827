"""What items consist of: encoded images, pixel arrays, texts, rows, vectors, graph nodes; and how each is kept on disk.

Every content answers the same six questions: `len`, `get(i)`, `describe(i)`, `take(positions)`, `digests()` and
`save(folder)` / `open(folder, meta)`. They are kept as Arrow (memory-mapped) and .npy; nothing is pickled. Images on disk are
kept by reference, everything else by value.
"""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from labelnb.pictures import PictureError, read_rgb

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

__all__ = ["EncodedImages", "PixelImages", "Texts", "Rows", "Vectors", "Nodes", "CONTENTS", "write_table", "read_table", "digest"]

WHOLE = 256 * 1024
"""Files up to this many bytes are hashed whole; of larger ones the size and four blocks of 64 KiB, first and last included."""
_BLOCK = 64 * 1024


def digest(*parts: bytes) -> str:
    """Short SHA-256 (16 hex digits) of the parts, joined."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


class EncodedImages:
    """Images as files on disk or as encoded bytes (JPEG, PNG, WebP, ...), decoded when they are read."""

    kind: ClassVar[str] = "encoded"
    modality: ClassVar[str] = "image"

    def __init__(self, paths: pa.Array, blobs: pa.Array | None = None, *, root: str = "", hashes: np.ndarray | None = None) -> None:
        self.paths = paths
        """N paths, relative to `root` or absolute; null where the image is in `blobs`."""
        self.blobs = blobs
        """N encoded images, null where the image is a file; None where all are files."""
        self.root = root
        self._hashes = hashes

    @classmethod
    def of(cls, paths: Iterable[str | None], blobs: Iterable[bytes | None] | None = None, *, root: str = "", hashes: np.ndarray | None = None) -> EncodedImages:
        """From Python lists."""
        import pyarrow as pa

        return cls(pa.array(paths, pa.large_string()), None if blobs is None else pa.array(blobs, pa.large_binary()), root=root, hashes=hashes)

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, i: int) -> str | None:
        """Where image i lies on disk; None where it is kept by value."""
        found = self.paths[i].as_py()
        return None if found is None else os.path.join(self.root, found)

    def encoded(self, i: int) -> bytes | str:
        """The encoded bytes of image i, or the path of its file."""
        if self.blobs is not None and self.blobs[i].is_valid:
            return self.blobs[i].as_py()
        found = self.path(i)
        if found is None:
            raise PictureError("no image is kept for this item")
        return found

    def get(self, i: int, at_least: int | None = None) -> Image.Image:
        """Image i as RGB."""
        return read_rgb(self.encoded(i), at_least=at_least)

    def describe(self, i: int) -> str:
        """The name of the file, without its folders, which may tell the class."""
        found = self.paths[i].as_py()
        return "image" if found is None else os.path.basename(found)

    def take(self, positions: np.ndarray) -> EncodedImages:
        """The images at `positions`."""
        import pyarrow as pa

        chosen = pa.array(positions)
        return EncodedImages(
            self.paths.take(chosen), None if self.blobs is None else self.blobs.take(chosen), root=self.root,
            hashes=None if self._hashes is None else self._hashes[positions],
        )

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits: of the bytes; of large files by size and four blocks (see WHOLE)."""
        if self._hashes is None:
            with ThreadPoolExecutor(8) as pool:
                self._hashes = np.array(list(pool.map(self._digest, range(len(self)), chunksize=256)), dtype=object)
        return self._hashes

    def _digest(self, i: int) -> str:
        source = self.encoded(i)
        return digest(source) if isinstance(source, bytes) else hash_file(source)[0]

    def missing(self) -> np.ndarray:
        """(N,) bool: files that are no longer there. Lists every folder once, so that 100,000 files take a blink."""
        names: dict[str, frozenset[str]] = {}
        gone = np.zeros(len(self), bool)
        for i, path in enumerate(self.paths.to_pylist()):
            if path is None:
                continue
            folder, _, name = path.rpartition(os.sep)
            if folder not in names:
                whole = os.path.join(self.root, folder or os.sep if path.startswith(os.sep) else folder)
                try:
                    names[folder] = frozenset(os.listdir(whole or "."))
                except OSError:
                    names[folder] = frozenset()
            gone[i] = name not in names[folder]
        return gone

    def save(self, folder: Path) -> dict[str, Any]:
        """Write contents.arrow; returns what `open` needs to know besides."""
        import pyarrow as pa

        columns = {"path": self.paths}
        if self.blobs is not None:
            columns["blob"] = self.blobs
        write_table(pa.table(columns), folder / "contents.arrow")
        return {"root": self.root, "relative": _relative(self.root, folder)}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> EncodedImages:
        """What `save` wrote, memory-mapped. Where the root moved together with the session's folder, it is found again."""
        table = read_table(folder / "contents.arrow")
        root = meta["root"]
        if root and not os.path.isdir(root) and meta.get("relative"):
            moved = os.path.normpath(folder / meta["relative"])
            root = moved if os.path.isdir(moved) else root
        blobs = _column(table, "blob") if "blob" in table.column_names else None
        return cls(_column(table, "path"), blobs, root=root)


class PixelImages:
    """Images of one size as one uint8 array (N, H, W, C), C in 1, 3, 4."""

    kind: ClassVar[str] = "pixels"
    modality: ClassVar[str] = "image"

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def get(self, i: int, at_least: int | None = None) -> Image.Image:
        """Image i as RGB."""
        from PIL import Image

        from labelnb.pictures import to_rgb

        pixels = np.ascontiguousarray(self.pixels[i])
        return to_rgb(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))

    def describe(self, i: int) -> str:
        """The size in pixels."""
        height, width = self.pixels.shape[1:3]
        return f"image, {width} x {height}"

    def take(self, positions: np.ndarray) -> PixelImages:
        """The images at `positions`."""
        return PixelImages(self.pixels[positions])

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of shape and pixels."""
        shape = str(self.pixels.shape[1:]).encode()
        return np.array([digest(shape, np.ascontiguousarray(row)) for row in self.pixels], dtype=object)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write pixels.npy."""
        np.save(folder / "pixels.npy", self.pixels, allow_pickle=False)
        return {}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> PixelImages:
        """What `save` wrote, memory-mapped."""
        return cls(np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False))


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
        return cls(_column(read_table(folder / "contents.arrow"), "text"))


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
            self.names[positions], texts=self.texts.take(positions) if self.texts else None, vectors=self.vectors.take(positions) if self.vectors else None
        )

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits of name, text and vector."""
        parts = [[str(name) for name in self.names]] + [inner.digests().tolist() for inner in (self.texts, self.vectors) if inner is not None]
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
        names = _column(read_table(folder / "nodes.arrow"), "name").to_numpy(zero_copy_only=False)
        return cls(names, texts=Texts.open(folder, {}) if meta["texts"] else None, vectors=Vectors.open(folder, {}) if meta["vectors"] else None)


Content = EncodedImages | PixelImages | Texts | Rows | Vectors | Nodes
CONTENTS: dict[str, type[Content]] = {made.kind: made for made in (EncodedImages, PixelImages, Texts, Rows, Vectors, Nodes)}


def hash_file(path: str, look: Callable[[bytes | None, bytes], Any] | None = None) -> tuple[str, Any]:
    """The digest of a file (see WHOLE), and what `look(data, tail)` says of it; data is None for files above WHOLE."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE:
            data = file.read()
            return digest(data), look(data, data[-64:]) if look else None
        blocks = []
        for place in np.linspace(0, size - _BLOCK, 4).astype(np.int64).tolist():
            file.seek(place)
            blocks.append(file.read(_BLOCK))
    return digest(str(size).encode(), *blocks), look(None, blocks[-1]) if look else None


def write_table(table: pa.Table, path: Path) -> None:
    """An Arrow table as an IPC file that can be memory-mapped."""
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def read_table(path: Path) -> pa.Table:
    """The table that `write_table` wrote, memory-mapped: nothing is read until it is needed."""
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _relative(root: str, folder: Path) -> str | None:
    try:
        return os.path.relpath(root, folder) if root else None
    except ValueError:  # another drive
        return None


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
