"""Fashion-MNIST: 70,000 pictures of clothing, 28 x 28, grey, 10 classes (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Literal

import numpy as np

from labelnb.contents import PixelImages
from labelnb.datasets.download import DownloadError, RemoteFile, find
from labelnb.items import Items

__all__ = ["fashion_mnist"]

CLASSES = ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_HOME = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
_SUMS = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist keeps the same files."""


def fashion_mnist(*, split: Literal["test", "train"] = "test", folder: str | os.PathLike[str] | None = None) -> Items:
    """Fashion-MNIST (MIT licence), from `folder`, from Debian's package where it is installed, or from its home.

    Parameters
    ----------
    split : "test" (10,000) or "train" (60,000)
    folder : a folder that holds the four .gz files
    """
    if split not in ("test", "train"):
        raise ValueError(f"split: got {split!r}, expected 'test' or 'train'")
    stem = "t10k" if split == "test" else "train"
    if folder is None and (DEBIAN / f"{stem}-images-idx3-ubyte.gz").is_file():
        folder = DEBIAN
    arrays = []
    for name in (f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"):
        arrays.append(_read_idx(find("fashion_mnist", RemoteFile(name, _HOME + name, _SUMS[name]), folder)))
    images, truth = arrays
    if len(images) != len(truth):
        raise DownloadError(f"fashion_mnist: {len(images)} images and {len(truth)} labels; the files do not belong together")
    return Items(PixelImages(images[..., None]), truth=truth, truth_names=CLASSES)


def _read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file (two zeros, type 8 for uint8, number of axes, their lengths, the data)."""
    try:
        with gzip.open(path) as file:
            data = file.read()
        axes = data[3]
        shape = np.frombuffer(data, ">u4", axes, 4).astype(int)
        return np.frombuffer(data, np.uint8, int(shape.prod()), 4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DownloadError(f"fashion_mnist: {path} is damaged ({error}); delete it and load again") from error
