"""CIFAR-10: 60,000 photographs of 32 x 32 pixels in 10 classes (Krizhevsky 2009), and what people called them (CIFAR-10N)."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np

from labelnb.contents import EncodedImages, PixelImages
from labelnb.datasets.download import DownloadError, RemoteFile, find
from labelnb.items import Items

__all__ = ["cifar10"]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170_052_171,
)
CONVERTED = {"test": "cifar10_test.zip", "train": "cifar10_train_10k.zip"}
"""Archives of `class/NNNN.jpg`, which a folder of converted files may hold instead."""
HUMAN = {
    "aggre": "aggre_label",
    "worse": "worse_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
}
_SIDE = 3 * 32 * 32


def cifar10(
    *,
    split: Literal["test", "train"] = "test",
    folder: str | os.PathLike[str] | None = None,
    human_labels: Literal["aggre", "worse", "random1", "random2", "random3"] | None = None,
) -> Items:
    """CIFAR-10, the binary version of its home page (no pickle).

    Parameters
    ----------
    split : "test" (10,000) or "train" (50,000; 10,000 from converted files)
    folder : a folder that holds cifar-10-binary.tar.gz, or cifar10_test.zip and cifar10_train_10k.zip with JPEGs in a folder a class
    human_labels : of the training part, `given` labels by people (CIFAR-10N, Wei et al. 2022), from the file cifar10n.npz in
        `folder`: "aggre" (9.0% wrong), "random1" to "random3" (17-18%), "worse" (40.2%)

    Returns
    -------
    Items of images with hidden truth; `given` is None without `human_labels`.
    """
    if split not in CONVERTED:
        raise ValueError(f"split: got {split!r}, expected 'test' or 'train'")
    if human_labels is not None and (human_labels not in HUMAN or split != "train" or folder is None):
        raise ValueError(
            f"human_labels: got {human_labels!r} for split={split!r}; expected one of {list(HUMAN)} with split='train', "
            "and folder= of a folder that holds cifar10n.npz"
        )
    content: EncodedImages | PixelImages
    order: np.ndarray | None = None
    if folder is not None and (Path(folder).expanduser() / CONVERTED[split]).is_file():
        content, truth, order = _converted(Path(folder).expanduser() / CONVERTED[split])
    else:
        content, truth = _original(find("cifar10", ARCHIVE, folder), split)
    given = None if human_labels is None or folder is None else _people(Path(folder).expanduser(), human_labels, truth, order)
    return Items(content, truth=truth, truth_names=CLASSES, given=given)


def _original(path: Path, split: str) -> tuple[PixelImages, np.ndarray]:
    names = ["test_batch.bin"] if split == "test" else [f"data_batch_{number}.bin" for number in range(1, 6)]
    parts = []
    with tarfile.open(path) as archive:
        for name in names:
            member = archive.extractfile(f"cifar-10-batches-bin/{name}")
            data = member.read() if member else b""
            if not data or len(data) % (1 + _SIDE):
                raise DownloadError(f"cifar10: {path} holds no whole {name}; delete it and load again")
            parts.append(np.frombuffer(data, np.uint8).reshape(-1, 1 + _SIDE))
    rows = np.concatenate(parts)
    return PixelImages(np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))), rows[:, 0].astype(np.int64)


def _converted(path: Path) -> tuple[EncodedImages, np.ndarray, np.ndarray]:
    """Images, classes, and the number of each image within its class; shuffled, so that the order says nothing of the class."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg") and name.split("/")[0] in CLASSES)
        names = [names[i] for i in np.random.default_rng(0).permutation(len(names))]
        blobs = [archive.read(name) for name in names]
    truth = np.array([CLASSES.index(name.split("/")[0]) for name in names], dtype=np.int64)
    order = np.array([int(Path(name).stem) for name in names], dtype=np.int64)
    return EncodedImages.of([None] * len(names), blobs), truth, order


def _people(folder: Path, which: str, truth: np.ndarray, order: np.ndarray | None) -> list[str]:
    path = folder / "cifar10n.npz"
    if not path.is_file():
        raise DownloadError(
            f"cifar10: human labels need {path}: CIFAR-10N as plain arrays; its home is https://github.com/UCSC-REAL/cifar-10-100n"
        )
    with np.load(path, allow_pickle=False) as arrays:
        clean, said = arrays["clean_label"], arrays[HUMAN[which]]
    if order is not None:  # the n-th image of a class is the n-th position at which the clean label is that class
        place = [np.flatnonzero(clean == k) for k in range(len(CLASSES))]
        said = np.array([said[place[k][n]] for k, n in zip(truth, order, strict=True)])
    elif len(said) != len(truth) or (clean != truth).any():
        raise DownloadError(f"cifar10: {path} does not belong to these images")
    return [CLASSES[k] for k in said]
