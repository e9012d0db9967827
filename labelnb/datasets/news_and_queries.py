"""Two sets of short texts: AG News (four topics) and Banking77 (77 intents of bank customers)."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Literal

import numpy as np

from labelnb.contents import Texts
from labelnb.datasets.download import DownloadError, RemoteFile, find
from labelnb.items import Items

__all__ = ["ag_news", "banking77"]

_AG = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/"
AG_NEWS = {
    "train": RemoteFile("train.csv", _AG + "train.csv", "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e"),
    "test": RemoteFile("test.csv", _AG + "test.csv", "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"),
}
_BANKING = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data/"
BANKING77 = {
    "train": RemoteFile("train.csv", _BANKING + "train.csv", "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b"),
    "test": RemoteFile("test.csv", _BANKING + "test.csv", "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d"),
}


def ag_news(*, split: Literal["test", "train"] = "test", folder: str | os.PathLike[str] | None = None) -> Items:
    """News in four topics (Zhang, Zhao and LeCun 2015, arXiv 1509.01626): title and description, joined by a line break.

    Parameters
    ----------
    split : "test" (7,600) or "train" (120,000)
    folder : a folder that holds train.csv and test.csv, or agnews_train.csv and agnews_test.csv
    """
    rows = _rows(_place("ag_news", AG_NEWS, split, folder, "agnews"), "ag_news", 3)
    truth = np.array([int(row[0]) - 1 for row in rows], dtype=np.int64)
    return Items(Texts.of([f"{row[1]}\n{row[2]}" for row in rows]), truth=truth, truth_names=("World", "Sports", "Business", "Sci/Tech"))


def banking77(*, split: Literal["test", "train"] = "test", folder: str | os.PathLike[str] | None = None) -> Items:
    """Questions of bank customers with 77 intents (Casanueva et al. 2020, arXiv 2003.04807; CC BY 4.0).

    Parameters
    ----------
    split : "test" (3,080) or "train" (10,003)
    folder : a folder that holds train.csv and test.csv, or banking77_train.csv and banking77_test.csv
    """
    rows = _rows(_place("banking77", BANKING77, split, folder, "banking77"), "banking77", 2)[1:]
    names = tuple(sorted({row[1] for row in rows}))
    place = {name: k for k, name in enumerate(names)}
    return Items(Texts.of([row[0] for row in rows]), truth=np.array([place[row[1]] for row in rows], dtype=np.int64), truth_names=names)


def _place(dataset: str, files: dict[str, RemoteFile], split: str, folder: str | os.PathLike[str] | None, stem: str) -> Path:
    if split not in files:
        raise ValueError(f"split: got {split!r}, expected 'test' or 'train'")
    if folder is not None and (Path(folder).expanduser() / f"{stem}_{split}.csv").is_file():
        return Path(folder).expanduser() / f"{stem}_{split}.csv"
    return find(dataset, files[split], folder)


def _rows(path: Path, dataset: str, width: int) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    wrong = [number for number, row in enumerate(rows, 1) if len(row) != width]
    if wrong or not rows:
        raise DownloadError(f"{dataset}: {path} is damaged: rows {wrong[:5]} have not {width} cells; delete it and load again")
    return rows
