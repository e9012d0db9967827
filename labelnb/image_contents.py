"""Images as items: encoded, in files or in memory, and as pixel arrays; and how they are kept on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from labelnb.arrow_files import column, read_table, write_table
from labelnb.digests import digest, hash_file
from labelnb.pictures import PictureError, read_rgb, to_rgb

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

__all__ = ["EncodedImages", "PixelImages"]


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
    def of(
        cls, paths: Iterable[str | None], blobs: Iterable[bytes | None] | None = None, *, root: str = "", hashes: np.ndarray | None = None
    ) -> EncodedImages:
        """From Python lists."""
        import pyarrow as pa

        return cls(
            pa.array(paths, pa.large_string()), None if blobs is None else pa.array(blobs, pa.large_binary()), root=root, hashes=hashes
        )

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
        return type(self)(
            self.paths.take(chosen),
            None if self.blobs is None else self.blobs.take(chosen),
            root=self.root,
            hashes=None if self._hashes is None else self._hashes[positions],
        )

    def digests(self) -> np.ndarray:
        """(N,) 16 hex digits: of the bytes; of large files by size and four blocks (see digests.WHOLE)."""
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
        blobs = column(table, "blob") if "blob" in table.column_names else None
        return cls(column(table, "path"), blobs, root=root)


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


def _relative(root: str, folder: Path) -> str | None:
    try:
        return os.path.relpath(root, folder) if root else None
    except ValueError:  # another drive
        return None
