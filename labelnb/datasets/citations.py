"""Two graphs of scientific papers that cite each other: Cora and CiteSeer (Sen et al. 2008)."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np

from labelnb.contents import Nodes, Vectors
from labelnb.datasets.download import DownloadError, RemoteFile, find
from labelnb.items import Items

__all__ = ["cora", "citeseer"]

_HOME = "https://linqs-data.soe.ucsc.edu/public/lbc/"
# The converted files are numbered as in Planetoid (Yang et al. 2016), whose classes have no names; the sizes of the classes tell them.
_CORA = (
    "theory", "reinforcement learning", "genetic algorithms", "neural networks", "probabilistic methods", "case based", "rule learning",
)  # fmt: skip
_CITESEER = ("artificial intelligence", "machine learning", "information retrieval", "databases", "agents", "human-computer interaction")
_SPELLED = {
    "Agents": "agents", "AI": "artificial intelligence", "DB": "databases", "IR": "information retrieval", "ML": "machine learning",
    "HCI": "human-computer interaction",
}  # fmt: skip


def cora(*, folder: str | os.PathLike[str] | None = None) -> Items:
    """2,708 papers on machine learning in 7 classes, 1,433 words, and who cites whom.

    Parameters
    ----------
    folder : a folder that holds cora.tgz of its home, or cora.npz (X as CSR parts, edges, labels, split), whose nodes and links are
        those of Planetoid: 5,278 links without direction, and the column `split` of `frame`
    """
    return _load("cora", _CORA, folder, papers=2708)


def citeseer(*, folder: str | os.PathLike[str] | None = None) -> Items:
    """Papers in 6 classes with 3,703 words: 3,312 of its home; 3,327 as in Planetoid, 15 of which have no words and no class.

    Parameters
    ----------
    folder : a folder that holds citeseer.tgz of its home, or citeseer.npz as described at `cora`
    """
    return _load("citeseer", _CITESEER, folder, papers=3312)


def _load(name: str, classes: tuple[str, ...], folder: str | os.PathLike[str] | None, papers: int) -> Items:
    converted = None if folder is None else Path(folder).expanduser() / f"{name}.npz"
    if converted is not None and converted.is_file():
        return _converted(converted, classes)
    return _original(name, classes, find(name, RemoteFile(f"{name}.tgz", f"{_HOME}{name}.tgz"), folder), papers)


def _converted(path: Path, classes: tuple[str, ...]) -> Items:
    import pyarrow as pa
    from scipy.sparse import csr_matrix

    with np.load(path, allow_pickle=False) as parts:
        shape = tuple(int(length) for length in parts["X_shape"])
        features = csr_matrix((parts["X_data"], parts["X_indices"], parts["X_indptr"]), shape=shape).toarray().astype(np.float32)
        edges, truth, split = parts["edges"].astype(np.int64), parts["labels"].astype(np.int64), parts["split"].tolist()
    names = np.array([str(i) for i in range(len(features))], dtype=object)
    frame = pa.table({"split": pa.array([value or None for value in split], pa.string())})
    return Items(Nodes(names, vectors=Vectors(features)), ids=names, edges=edges, truth=truth, truth_names=classes, frame=frame)


def _original(name: str, classes: tuple[str, ...], path: Path, papers: int) -> Items:
    try:
        with tarfile.open(path) as archive:
            content = _lines(archive, f"{name}/{name}.content")
            cites = _lines(archive, f"{name}/{name}.cites")
    except (OSError, KeyError, EOFError, tarfile.TarError) as error:
        raise DownloadError(f"{name}: {path} is damaged ({error}); delete it and load again") from error
    names = np.array([row[0] for row in content], dtype=object)
    if len(content) != papers or len({len(row) for row in content}) != 1 or len(set(names.tolist())) != papers:
        raise DownloadError(f"{name}: {path} holds {len(content)} papers, expected {papers}; delete it and load again")
    spelled = [_SPELLED.get(row[-1], row[-1].replace("_", " ").lower()) for row in content]
    strange = sorted(set(spelled) - set(classes))
    if strange:
        raise DownloadError(f"{name}: {path} holds the classes {strange}, which are not known; delete it and load again")
    truth = np.array([classes.index(spelling) for spelling in spelled], dtype=np.int64)
    features = np.array([[float(number) for number in row[1:-1]] for row in content], dtype=np.float32)
    index = {paper: i for i, paper in enumerate(names.tolist())}
    pairs = sorted({tuple(sorted((index[a], index[b]))) for a, b in cites if a in index and b in index and a != b})
    return Items(
        Nodes(names, vectors=Vectors(features)),
        ids=names,
        edges=np.array(pairs, np.int64).reshape(-1, 2).T,
        truth=truth,
        truth_names=classes,
    )


def _lines(archive: tarfile.TarFile, member: str) -> list[list[str]]:
    file = archive.extractfile(member)
    assert file is not None
    return [line.split("\t") for line in file.read().decode("utf-8").splitlines() if line.strip()]
