"""Data sets by name: the embedded ones as they are, the public ones from small made files and a home on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labelnb.datasets as datasets
from labelnb.datasets import cifar10, citations, download, fashion_mnist, news_and_queries
from labelnb.datasets.download import DownloadError, RemoteFile, find
from labelnb.datasets.embedded_sets import EMBEDDED
from tests.real_data import real_data

# What ships ---------------------------------------------------------------------------------------------------------------


def test_emoji():
    items = datasets.load("emoji")
    counts = np.bincount(items.truth)
    assert items.modality == "image" and len(items) == 361 and len(items.truth_names) == len(counts) == 12 and counts.min() >= 15
    assert items.given is None and items[0].size == (96, 96) and items.frame.column_names == ["name", "tags"]
    names = items.frame.column("name").to_pylist()
    assert items.truth_names[items.truth[names.index("banana")]] == "fruit" and items.truth_names[items.truth[names.index("owl")]] == "bird"
    assert not any("skin tone" in name for name in names)
    assert all(items.thumbnail(i) for i in range(0, 361, 40))
    assert (np.diff(items.truth[:60]) != 0).any()  # in no order of classes


def test_glosses():
    items = datasets.load("glosses")
    assert items.modality == "text" and len(items) == 2000 and np.bincount(items.truth).tolist() == [200] * 10
    assert items.given is None and all(40 <= len(text) <= 240 for text in items)
    words = items.frame.column("word").to_pylist()
    said = {word: items.truth_names[items.truth[words.index(word)]] for word in ("harassment", "paper route", "fungus gnat")}
    assert said == {"harassment": "emotion", "paper route": "place", "fungus gnat": "animal"}


def test_digits():
    items = datasets.load("digits")
    assert items.modality == "image" and len(items) == 1797 and items[0].size == (8, 8) and items.truth_names[items.truth[0]] == "zero"
    assert items.pixels.max() == 255


def test_what_ships_is_small_and_says_its_licences():
    assert (EMBEDDED / "emoji.parquet").stat().st_size < 3_000_000 and (EMBEDDED / "glosses.parquet").stat().st_size < 400_000
    notice = (EMBEDDED / "NOTICE.txt").read_text(encoding="utf-8")
    for said in (
        "MIT License",
        "Microsoft Corporation",
        "Miles Johnson",
        "Permission is hereby granted",
        "WordNet 3.0 Copyright 2006",
        "Princeton",
    ):
        assert said in notice


def test_names_and_close_names():
    assert {"emoji", "glosses", "digits", "cifar10", "fashion_mnist", "ag_news", "banking77", "cora", "citeseer"} <= set(datasets.names())
    assert datasets.load("Emoji").fingerprint == datasets.load("emoji").fingerprint
    with pytest.raises(KeyError, match="cifar10"):
        datasets.load("cifr-10")
    with pytest.raises(TypeError, match="folder"):
        datasets.load("emoji", folder="x")


# The cache ----------------------------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 300
SUM = hashlib.sha256(CONTENT).hexdigest()


class Home(BaseHTTPRequestHandler):
    """A public home: it knows ranges, may break off, and keeps a record of what was asked."""

    asked: list[str | None] = []  # noqa: RUF012
    stop_after: int | None = None
    content = CONTENT

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        Home.asked.append(wanted)
        if self.path == "/gone":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(Home.content):
            self.send_error(416)
            return
        part = Home.content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part if Home.stop_after is None else part[: Home.stop_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("LABELNB_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(Home, "asked", [])
    monkeypatch.setattr(Home, "stop_after", None)
    monkeypatch.setattr(Home, "content", CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once(home: str, tmp_path: Path):
    remote = RemoteFile("a.bin", f"{home}/a.bin", SUM, len(CONTENT))
    path = find("some", remote)
    assert path == tmp_path / "cache" / "some" / "a.bin" and path.read_bytes() == CONTENT
    assert find("some", remote) == path and Home.asked == [None]
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["a.bin", "a.bin.lock"]


def test_a_fetch_that_broke_off_goes_on_where_it_stopped(home: str):
    remote = RemoteFile("a.bin", f"{home}/a.bin", SUM)
    Home.stop_after = 1000
    with pytest.raises(DownloadError, match=r"1,000 bytes are here, the next call goes on from there"):
        find("some", remote)
    with pytest.raises(DownloadError, match=r"2,000 bytes are here"):
        find("some", remote)
    Home.stop_after = None
    assert find("some", remote).read_bytes() == CONTENT and Home.asked == [None, "bytes=1000-", "bytes=2000-"]


def test_a_whole_part_needs_no_more(home: str, tmp_path: Path):
    for name, size in (("known", len(CONTENT)), ("unknown", None)):
        part = tmp_path / "cache" / "some" / f"{name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(CONTENT)
        assert find("some", RemoteFile(name, f"{home}/{name}", SUM, size)).read_bytes() == CONTENT


def test_a_wrong_sum_never_stays(home: str, tmp_path: Path):
    remote = RemoteFile("a.bin", f"{home}/a.bin", SUM)
    Home.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadError, match="SHA-256"):
        find("some", remote)
    assert not list((tmp_path / "cache" / "some").glob("a.bin*[!k]"))
    Home.content = CONTENT
    path = find("some", remote)
    path.write_bytes(b"changed by hand")
    with pytest.raises(DownloadError, match="damaged or another version"):
        find("some", remote)


def test_without_a_network_the_message_says_what_to_put_where(home: str, tmp_path: Path):
    with pytest.raises(DownloadError) as caught:
        find("some", RemoteFile("a.bin", f"{home}/gone", SUM))
    for part in ("some: a.bin is not in the cache", f"{home}/gone", str(tmp_path / "cache" / "some" / "a.bin"), "Not Found"):
        assert part in str(caught.value)
    nowhere = RemoteFile("b.bin", "http://127.0.0.1:9/b.bin", SUM)
    with pytest.raises(DownloadError, match="could not be fetched"):
        find("some", nowhere)
    put = tmp_path / "cache" / "some" / "b.bin"
    put.write_bytes(CONTENT)
    assert find("some", nowhere) == put  # put there by hand, it is taken
    with pytest.raises(DownloadError, match=r"c\.bin is not in"):
        find("some", RemoteFile("c.bin", "http://127.0.0.1:9/c.bin"), folder=tmp_path)


def test_two_at_once_fetch_once(home: str):
    remote = RemoteFile("a.bin", f"{home}/a.bin", SUM)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(find("some", remote).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 4 and len(Home.asked) == 1


def test_a_cache_that_cannot_be_written_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LABELNB_DATA", str(tmp_path))
    monkeypatch.setattr(download, "_fetch", lambda *_: (_ for _ in ()).throw(PermissionError("read-only")))
    with pytest.raises(DownloadError, match="LABELNB_DATA"):
        find("some", RemoteFile("a.bin", "http://127.0.0.1:9/a", SUM))


# Public sets, from small made files ---------------------------------------------------------------------------------------


def put(cache: Path, dataset: str, remote: RemoteFile, data: bytes, monkeypatch: pytest.MonkeyPatch) -> RemoteFile:
    """`data` in the cache, as a file whose sum is right."""
    (cache / dataset).mkdir(parents=True, exist_ok=True)
    (cache / dataset / remote.name).write_bytes(data)
    return RemoteFile(remote.name, remote.url, hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LABELNB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def batch(seed: int, n: int = 4) -> tuple[bytes, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, pixels = rng.integers(0, 10, n).astype(np.uint8), rng.integers(0, 256, (n, 3, 32, 32)).astype(np.uint8)
    return b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, pixels, strict=True)), labels, pixels


def test_cifar10_of_its_home(cache: Path, monkeypatch: pytest.MonkeyPatch):
    members = {f"cifar-10-batches-bin/data_batch_{k}.bin": batch(k)[0] for k in range(1, 6)}
    data, labels, pixels = batch(9)
    whole = archive({**members, "cifar-10-batches-bin/test_batch.bin": data})
    monkeypatch.setattr(cifar10, "ARCHIVE", put(cache, "cifar10", cifar10.ARCHIVE, whole, monkeypatch))
    items = datasets.load("cifar10")
    assert items.truth.tolist() == labels.tolist() and items[1].getpixel((5, 3)) == tuple(pixels[1, :, 3, 5].tolist())
    assert len(datasets.load("cifar10", split="train")) == 20 and items.given is None
    with pytest.raises(ValueError, match="'test' or 'train'"):
        datasets.load("cifar10", split="validation")
    with pytest.raises(ValueError, match=r"cifar10n\.npz"):
        datasets.load("cifar10", human_labels="worse")
    cut = archive({"cifar-10-batches-bin/test_batch.bin": data[:-1]})
    monkeypatch.setattr(cifar10, "ARCHIVE", put(cache, "cifar10", cifar10.ARCHIVE, cut, monkeypatch))
    with pytest.raises(DownloadError, match=r"no whole test_batch\.bin"):
        datasets.load("cifar10")


def test_cifar10_of_converted_files(tmp_path: Path):
    clean = np.array([0, 3, 0, 3, 9], np.int8)
    said = np.array([0, 3, 2, 5, 9], np.int8)  # the second airplane was called a bird, the second cat a dog
    np.savez(tmp_path / "cifar10n.npz", clean_label=clean, worse_label=said, aggre_label=clean)
    with zipfile.ZipFile(tmp_path / "cifar10_train_10k.zip", "w") as made:
        for name, shade in (("airplane/0000", 10), ("airplane/0001", 20), ("cat/0000", 30), ("cat/0001", 40), ("truck/0000", 50)):
            buffer = io.BytesIO()
            Image.new("L", (32, 32), shade).save(buffer, "JPEG")
            made.writestr(f"{name}.jpg", buffer.getvalue())
    items = datasets.load("cifar10", split="train", folder=tmp_path, human_labels="worse")
    by_shade = {round(items[i].getpixel((4, 4))[0], -1): (items.truth_names[items.truth[i]], items.given[i]) for i in range(5)}
    assert by_shade == {
        10: ("airplane", "airplane"),
        20: ("airplane", "bird"),
        30: ("cat", "cat"),
        40: ("cat", "dog"),
        50: ("truck", "truck"),
    }
    assert not any(name.startswith(("airplane", "cat")) for name in items.ids)
    with pytest.raises(DownloadError, match=r"cifar-10-binary\.tar\.gz is not in"):
        datasets.load("cifar10", split="test", folder=tmp_path)


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape) + array.tobytes())


def test_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.array([9, 0, 3], np.uint8)))
    items = datasets.load("fashion_mnist", folder=tmp_path)
    assert (
        items.truth.tolist() == [9, 0, 3] and items[2].getpixel((7, 4)) == (images[2, 4, 7],) * 3 and items.truth_names[9] == "ankle boot"
    )
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path)
    assert datasets.load("fashion-mnist").fingerprint == items.fingerprint
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.array([9, 0], np.uint8)))
    with pytest.raises(DownloadError, match="do not belong together"):
        datasets.load("fashion_mnist", folder=tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images)[:-20])
    with pytest.raises(DownloadError, match="damaged"):
        datasets.load("fashion_mnist", folder=tmp_path)


def test_texts_of_their_homes(cache: Path, monkeypatch: pytest.MonkeyPatch):
    news = b'"3","Oil, up","It went\\up"\n"1","Vote","They ""voted"""\n'
    made = put(cache, "ag_news", news_and_queries.AG_NEWS["test"], news, monkeypatch)
    monkeypatch.setitem(news_and_queries.AG_NEWS, "test", made)
    items = datasets.load("ag_news")
    assert (
        [*items] == ["Oil, up\nIt went\\up", 'Vote\nThey "voted"'] and items.truth.tolist() == [2, 0] and items.truth_names[2] == "Business"
    )
    queries = b"text,category\nWhere is it?,card_arrival\nWhy?,age_limit\n"
    made = put(cache, "banking77", news_and_queries.BANKING77["train"], queries, monkeypatch)
    monkeypatch.setitem(news_and_queries.BANKING77, "train", made)
    items = datasets.load("banking77", split="train")
    assert items[0] == "Where is it?" and [items.truth_names[k] for k in items.truth] == ["card_arrival", "age_limit"]
    made = put(cache, "ag_news", made, b"1,2\n", monkeypatch)
    monkeypatch.setitem(news_and_queries.AG_NEWS, "train", made)
    with pytest.raises(DownloadError, match=r"rows \[1\] have not 3 cells"):
        datasets.load("ag_news", split="train")


def test_citations_of_their_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = "31\t1\t0\tNeural_Networks\n72\t0\t1\tTheory\n9\t1\t1\tTheory\n"
    cites = "31\t72\n72\t31\n9\t9\n9\t31\n404\t9\n"  # said twice, of itself, and of an unknown paper
    (tmp_path / "cora.tgz").write_bytes(archive({"cora/cora.content": content.encode(), "cora/cora.cites": cites.encode()}))
    with pytest.raises(DownloadError, match="3 papers, expected 2708"):
        datasets.load("cora", folder=tmp_path)
    items = citations._original("cora", citations._CORA, tmp_path / "cora.tgz", 3)
    assert items.ids.tolist() == ["31", "72", "9"] and [items.truth_names[k] for k in items.truth] == [
        "neural networks",
        "theory",
        "theory",
    ]
    assert items.edges.tolist() == [[0, 0], [1, 2]] and items.vectors.tolist() == [[1, 0], [0, 1], [1, 1]]


# The real ones, where they are --------------------------------------------------------------------------------------------


def test_real_cifar10():
    real_data("cifar10n.npz")
    items = datasets.load("cifar10", split="train", folder=real_data("cifar10_train_10k.zip").parent, human_labels="aggre")
    wrong = items.given != np.array(items.truth_names, dtype=object)[items.truth]
    assert len(items) == 10_000 and 0.08 < wrong.mean() < 0.10  # Wei et al. 2022, table 1: 9.03% over the 50,000


def test_real_graphs():
    cora = datasets.load("cora", folder=real_data("cora.npz").parent)
    assert len(cora) == 2708 and cora.edges.shape == (2, 5278) and cora.vectors.shape == (2708, 1433)
    # The sizes of the classes as their home publishes them.
    assert dict(zip(cora.truth_names, np.bincount(cora.truth).tolist(), strict=True)) == {
        "theory": 351, "reinforcement learning": 217, "genetic algorithms": 418, "neural networks": 818, "probabilistic methods": 426,
        "case based": 298, "rule learning": 180,
    }  # fmt: skip
    citeseer = datasets.load("citeseer", folder=real_data("citeseer.npz").parent)
    assert len(citeseer) == 3327 and (citeseer.truth < 0).sum() == 15 and np.bincount(citeseer.truth[citeseer.truth >= 0])[3] == 701


def test_real_texts():
    folder = real_data("banking77_train.csv").parent
    assert len(datasets.load("banking77", split="train", folder=folder)) == 10_003 and len(datasets.load("ag_news", folder=folder)) == 7_600
    # The files of measuring are those of their homes, byte for byte.
    for name, remote in (
        ("banking77_train.csv", news_and_queries.BANKING77["train"]),
        ("agnews_test.csv", news_and_queries.AG_NEWS["test"]),
    ):
        assert hashlib.sha256(real_data(name).read_bytes()).hexdigest() == remote.sha256
