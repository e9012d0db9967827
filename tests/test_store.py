"""The cache: what is put comes back, mapped and read-only; what is damaged is set aside; a full disk loses nothing."""
from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from labelnb import store_files
from labelnb.fingerprints import plain_json
from labelnb.store import Store, StoreError
from tests.small_disk import make_read_only, small_disk


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


BIG = np.arange(200_000, dtype=np.float32).reshape(1000, 200)


# -- put and get

def test_what_is_put_comes_back(store: Store):
    arrays = {
        "big": BIG, "empty": np.zeros((0, 3)), "scalar": np.array(3.5), "flags": np.array([True, False]),
        "texts": np.array(["é", "日本語"]),
        "moments": np.array(["2026-01-01T00:00", "NaT"], "datetime64[us]"), "turned": BIG.T,
        "half": (BIG % 999).astype(np.float16)[::3, ::2],
        "a name / with: odd signs": np.arange(3), "big-endian": np.arange(5, dtype=">i4"), "tensor": torch.arange(4.0, requires_grad=True),
    }
    store.put("key-1", arrays, {"seed": 3, "names": ("a", "b"), "number": np.float32(0.5)})
    got = Store(store.folder).get("key-1")
    assert set(got) == set(arrays)
    for name, array in arrays.items():
        expected = np.asarray(array.detach() if hasattr(array, "detach") else array)
        assert got[name].dtype == expected.dtype, name
        assert got[name].shape == expected.shape, name
        assert np.array_equal(got[name], expected, equal_nan=expected.dtype.kind in "fM"), name
        assert not got[name].flags.writeable, name
    assert store.meta("key-1") == {"seed": 3, "names": ["a", "b"], "number": 0.5}
    assert "key-1" in store
    assert "key-2" not in store
    assert store.get("key-2") is None
    assert store.meta("key-2") == {}


def test_large_arrays_are_mapped(store: Store):
    store.put("key", {"big": BIG, "small": np.arange(3)})
    got = store.get("key")
    assert isinstance(got["big"].base, np.memmap)
    assert not isinstance(got["small"].base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        got["big"][0] = 0


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
@pytest.mark.parametrize("shape", [(2000, 700), (3, 5), (0, 4)])
def test_sparse_matrices(store: Store, kind: Callable, shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    dense = (rng.random(shape) * (rng.random(shape) < 0.05)).astype(np.float32)
    made = kind(dense)
    store.put("graph", {"graph": made})
    got = store.get("graph")["graph"]
    assert sparse.issparse(got)
    assert got.format == "csr"
    assert isinstance(got, sparse.csr_matrix) == (kind is sparse.csr_matrix)
    assert got.dtype == np.float32
    assert got.shape == shape
    assert (got.toarray() == dense).all()
    assert np.allclose(got @ np.ones(shape[1]), dense.sum(1), rtol=1e-5)
    assert np.allclose((got.T @ got).toarray(), dense.T @ dense, atol=1e-4)
    assert (got[:2].toarray() == dense[:2]).all()
    assert (got.maximum(got).toarray() == dense).all()


def test_an_entry_that_is_there_is_left_as_it_is(store: Store):
    store.put("key", {"x": np.arange(3)})
    store.put("key", {"x": np.arange(3)}, {"second": True})
    assert store.meta("key") == {}
    assert store.keys() == ["key"]


@pytest.mark.parametrize("value", [np.array([{}, None]), np.array(["a", "b"], dtype=object), np.zeros(2, [("a", "i4"), ("b", object)])])
def test_nothing_that_needs_pickle(store: Store, value: np.ndarray):
    with pytest.raises(TypeError, match="numbers or texts"):
        store.put("key", {"x": value})
    assert not store.folder.exists() or list(store.folder.iterdir()) == []


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "a" * 200, 3, "a b"])
def test_keys_that_are_none(store: Store, key):
    with pytest.raises(ValueError, match=r"Store\.key"):
        store.get(key)


def test_size_and_clear(store: Store):
    assert store.size() == 0
    store.put("one", {"x": BIG})
    store.rows("two", (10, 4), np.float32).close()
    assert store.size() > BIG.nbytes
    kept = store.get("one")["x"]
    store.clear()
    assert store.size() == 0
    assert store.get("one") is None
    assert (kept == BIG).all()                                  # what is mapped stays readable
    store.put("one", {"x": BIG})
    assert (store.get("one")["x"] == BIG).all()


# -- damage

def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) - 20] ^= 1
    path.write_bytes(bytes(content))


def behead(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20:24] = b"oops"
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [cut, flip, behead, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["0.npy", "1.npy", "2-indices.npy", "entry.json"])
def test_a_damaged_entry_is_set_aside_and_made_anew(store: Store, damage: Callable[[Path], None], name: str):
    arrays = {"big": BIG, "small": np.arange(5), "graph": sparse.csr_array(np.eye(4))}
    store.put("key", arrays)
    damage(store.folder / "key" / name)
    with pytest.warns(UserWarning, match=r"damaged cache entry .*No label is concerned"):
        assert store.get("key") is None
    assert store.get("key") is None                             # and said once
    assert len(list(store.folder.glob(".aside-key-*"))) == 1
    assert store.meta("key") == {}
    store.put("key", arrays)
    assert (store.get("key")["big"] == BIG).all()


def test_put_over_a_damaged_entry(store: Store):
    store.put("key", {"x": BIG})
    cut(store.folder / "key" / "0.npy")
    with pytest.warns(UserWarning, match="bytes"):
        store.put("key", {"x": BIG})
    assert (store.get("key")["x"] == BIG).all()


def test_a_pickle_in_place_of_an_array_is_never_opened(store: Store):
    """Even one whose size and digest were made to fit."""
    store.put("key", {"x": np.arange(3)})
    np.save(store.folder / "key" / "0.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    part = store.folder / "key"
    store_files.write_entry(part, {"x": store_files.describe(part, "0.npy")}, {})
    with pytest.warns(UserWarning, match="damaged"):
        assert store.get("key") is None


def test_an_entry_of_another_format(store: Store):
    store.put("key", {"x": np.arange(3)})
    path = store.folder / "key" / "entry.json"
    entry = json.loads(path.read_text())
    entry["format"] = 99
    entry["digest"] = store_files._digest(plain_json([99, entry["arrays"], entry["meta"]]).encode())
    path.write_text(json.dumps(entry))
    with pytest.warns(UserWarning, match="format 99"):
        assert store.get("key") is None


def test_what_is_left_half_written_is_cleaned_up(store: Store):
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    gone = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    store.folder.mkdir()
    here = socket.gethostname()
    names = {
        "dead": f".part-{here}-{gone}-1", "mine": f".part-{here}-{os.getpid()}-2", "elsewhere": ".part-other-host-1-3",
        "old": ".part-other-4",
    }
    for name in names.values():
        (store.folder / name).mkdir()
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(store.folder / names["old"], (long_ago, long_ago))
    (store.folder / ".rows-key").mkdir()
    Store(store.folder)
    left = {path.name for path in store.folder.iterdir()}
    assert left == {names["mine"], names["elsewhere"], ".rows-key"}


# -- full disk, read-only folder

def test_a_full_disk(tmp_path: Path):
    with small_disk(tmp_path / "disk", 2) as disk:
        store = Store(disk / "cache")
        store.put("small", {"x": np.arange(10)})
        with pytest.raises(StoreError, match="disk is full"):
            store.put("big", {"x": np.zeros(10_000_000, np.uint8)})
        assert store.keys() == ["small"]
        assert list(store.folder.glob(".*")) == []              # nothing half-written stays in the way
        writer = store.rows("rows", (10_000, 1000), np.uint8)
        writer.write(0, np.ones((100, 1000), np.uint8))
        with pytest.raises(StoreError, match="disk is full"):
            writer.write(100, np.ones((9900, 1000), np.uint8))
        assert writer.count == 100                              # and the process is still there to say so
        assert (writer.array[:100] == 1).all()
        store.clear()


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    with small_disk(tmp_path / "disk", 2) as disk:
        Store(disk / "cache").put("key", {"x": np.arange(10)})
        make_read_only(disk)
        store = Store(disk / "cache")
        assert store.get("key")["x"].sum() == 45
        with pytest.raises(StoreError, match="may not be"):
            store.put("other", {"x": np.arange(3)})
        with pytest.raises(StoreError, match="may not be"):
            store.rows("other", (3, 4), np.float32)


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may not be"), (errno.EIO, "check the disk")])
def test_errors_say_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch, number: int, says: str):
    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store_files, "write_all", fails)
    with pytest.raises(StoreError, match=says):
        store.put("key", {"x": np.arange(3)})
    assert list(store.folder.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match=says):
        store.rows("rows", (3, 4), np.float32)


def test_a_file_in_place_of_the_folder(tmp_path: Path):
    (tmp_path / "cache").touch()
    with pytest.raises(StoreError, match="expected a folder"):
        Store(tmp_path / "cache")


# -- keys

def test_keys(store: Store):
    key = store.key("session embeddings", items="abc", x=np.arange(3), k=None, kind="image")
    assert key == store.key("session embeddings", k=None, kind="image", x=np.arange(3), items="abc")
    assert key.startswith("session-embeddings-")
    assert key == Store(store.folder / "elsewhere").key("session embeddings", items="abc", x=np.arange(3), k=None, kind="image")
    others = [
        store.key("embeddings", items="abc", x=np.arange(3), k=None, kind="image"),
        store.key("session embeddings", items="abc", x=np.arange(3)),
        store.key("session embeddings", items="abc", x=np.arange(4), k=None, kind="image"), store.key("session embeddings"), store.key("é"),
    ]
    assert len({key, *others}) == 6
    store.put(key, {"x": np.arange(3)})
    assert store.get(key) is not None


def test_a_moved_cache_is_still_good(store: Store, tmp_path: Path):
    store.put("key", {"x": BIG})
    shutil.move(store.folder, tmp_path / "moved")
    assert (Store(tmp_path / "moved").get("key")["x"] == BIG).all()


# -- trimming

def test_trim_keeps_what_was_of_use_last(store: Store):
    for number in range(4):
        store.put(f"entry-{number}", {"x": BIG})
        os.utime(store.folder / f"entry-{number}" / "entry.json", (number, number))
    assert store.get("entry-0") is not None                     # looked at: of use now
    each = store.size() // 4
    assert store.trim(store.size()) == 0 and len(store.keys()) == 4
    freed = store.trim(2 * each + each // 2)
    assert store.keys() == ["entry-0", "entry-3"]
    assert freed == 4 * each - store.size() or abs(freed - 2 * each) < 100
    with pytest.raises(ValueError, match="limit: got -1"):
        store.trim(-1)
    assert store.trim(0) > 0 and store.keys() == [] and store.size() == 0


def test_trim_takes_what_is_damaged_and_leaves_what_is_being_written(store: Store):
    store.put("good", {"x": BIG})
    store.put("bad", {"x": BIG})
    (store.folder / "bad" / "entry.json").write_text("{")
    with pytest.warns(UserWarning, match="damaged"):
        assert store.get("bad") is None
    writer = store.rows("rows", (100, 4), np.float32)
    writer.write(0, np.ones((10, 4), np.float32))
    writer.flush()
    assert store.trim(store.size() - 1) > BIG.nbytes / 2
    assert store.keys() == ["good"] and not list(store.folder.glob(".aside-*"))
    store.trim(0)
    assert store.keys() == []
    writer.write(10, np.ones((90, 4), np.float32))
    assert (writer.finish() == 1).all()


def test_an_entry_that_another_process_puts_at_this_moment_is_not_damaged(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.put("made", {"x": np.arange(3)})
    beside, place = tmp_path / ".elsewhere", tmp_path / "made"
    place.rename(beside)
    plain = Path.read_text

    def late(path, *arguments, **named):
        try:
            return plain(path, *arguments, **named)
        finally:
            if beside.exists():
                beside.rename(place)                            # after the first look, which found nothing

    monkeypatch.setattr(Path, "read_text", late)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.get("made")["x"].tolist() == [0, 1, 2]
    assert store.keys() == ["made"]
