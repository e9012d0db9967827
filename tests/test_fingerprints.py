"""Fingerprints: the same on every run and platform, different where the content differs."""
from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import sparse

from labelnb.classes import LabelSpace
from labelnb.fingerprints import fingerprint, plain_json
from labelnb.store import Store


def test_fingerprints_do_not_change_from_run_to_run():
    """Recorded once; another value on another platform or version would orphan every cache and provenance."""
    values = [
        None, True, 1, 1.5, "text", "é日本語", b"bytes", [1, "a"], {"a": 1, "b": [2]}, {3, 1, 2}, PurePosixPath("a/b"), date(2026, 1, 2),
        np.arange(6, dtype=np.int64).reshape(2, 3), np.array([1.5, np.nan], np.float32), np.array(["a", "bc"]),
        np.array(["a", None], object),
        sparse.csr_array(np.eye(3)), np.zeros(3_000_000, np.float32),
    ]
    assert [fingerprint(value)[:8] for value in values] == [
        "ff5f45f8", "616fc4b4", "3f8ce7ac", "23520e9c", "7043f68d", "4a695eda", "e2b98c4c", "7c4e0833", "acded0bf", "f27e3e26", "21699513",
        "c0db4599", "eacb64b1", "dec7c758", "8fd002f1", "5d7773de", "1df8e60e", "c450d8a0",
    ]


def test_fingerprints_by_hand():
    def by_hand(content: bytes) -> str:
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    assert fingerprint("text") == by_hand(b"text:4:text")
    assert fingerprint(["é", 1]) == by_hand("list:1:2text:2:éint:1:1".encode())
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert fingerprint(array) == by_hand(b"array:10:<f4 (2, 3)" + array.tobytes())


@settings(max_examples=60)
@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
def test_the_fingerprint_of_an_array_is_of_its_content(array: np.ndarray):
    made = fingerprint(array)
    assert made == fingerprint(array.copy(order="F"))
    assert made == fingerprint(array.astype(array.dtype.newbyteorder(">")))
    assert made == fingerprint(np.repeat(array, 2, axis=0)[::2] if array.ndim else array)
    if array.size:
        changed = array.copy()
        raw = changed.reshape(-1).view(np.uint8)
        raw[0] ^= 1
        assert fingerprint(changed) != made or array.dtype.kind == "b"
    assert made != fingerprint(array[None])


def test_values_that_differ_have_fingerprints_that_differ():
    values = [
        None, 0, 1, 1.0, True, False, "1", b"1", "", b"", [], {}, set(), [1], [[1]], ["1"], [1, 2], [2, 1],
        [[1], 2], ["ab", "c"], ["a", "bc"],
        {"a": 1}, {"a": 2}, {"b": 1}, {"a": {"b": 1}}, {1}, {1, 2}, np.zeros(3), np.zeros(4), np.zeros((3, 1)), np.zeros((1, 3)),
        np.zeros(3, np.float32), np.zeros(3, np.int64), np.zeros(3, np.int32), np.zeros(3, bool), np.array(["a"]), np.array(["a"], object),
        sparse.csr_array(np.eye(3)), sparse.csr_array(2 * np.eye(3)), np.eye(3), LabelSpace(("a",)),
        LabelSpace(("a", "b")), PurePosixPath("a"),
        torch.zeros(3, dtype=torch.bfloat16), np.zeros(3, np.int16), date(2026, 1, 1), 1j, float("nan"),
    ]
    made = [fingerprint(value) for value in values]
    assert len(set(made)) == len(made)
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)


def test_values_that_mean_the_same_have_one_fingerprint():
    eye = sparse.csr_array(np.eye(3))
    doubled = sparse.csr_array((np.array([0.5, 0.5, 1, 1]), np.array([0, 0, 1, 2]), np.array([0, 2, 3, 4])), shape=(3, 3))
    same = [
        (np.float64(1.5), 1.5), (np.int8(3), 3), (np.True_, True), (np.str_("a"), "a"), ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1}, {1, 3}), (torch.arange(5), np.arange(5)), (PureWindowsPath("a\\b"), PurePosixPath("a/b")),
        (eye, sparse.csr_matrix(np.eye(3))),
        (eye, sparse.coo_array(np.eye(3))), (eye, doubled), (torch.eye(3).to_sparse(), torch.eye(3).to_sparse()),
    ]
    for one, other in same:
        assert fingerprint(one) == fingerprint(other), (one, other)
    assert doubled.nnz == 4                                     # and nothing was put in order in place


def test_objects_with_a_fingerprint_of_their_own():
    class Encoder:
        fingerprint = "abc"

    class Other:
        fingerprint = "abd"

    assert fingerprint(Encoder()) == fingerprint(Encoder())
    assert fingerprint(Encoder()) != fingerprint(Other())
    with pytest.raises(TypeError, match="no stable content"):
        fingerprint(object())
    with pytest.raises(TypeError, match="no stable content"):
        fingerprint({"f": lambda: 1})


def test_a_mapped_array_is_read_once(tmp_path: Path):
    store = Store(tmp_path)
    big = np.random.default_rng(0).random(2_000_000)
    store.put("key", {"big": big})
    mapped = store.get("key")["big"]
    made = fingerprint(mapped)
    assert made == fingerprint(big) == fingerprint(mapped) == fingerprint(mapped[:])
    big[-1] += 1
    assert fingerprint(big) != made                             # what can be written to is read each time
    frozen = big.view()
    frozen.flags.writeable = False
    before = fingerprint(frozen)
    big[-1] += 1
    assert fingerprint(frozen) != before


def test_json_of_what_provenance_holds():
    values = {"a": np.float32(0.5), "b": (1, 2), "c": np.arange(3), "d": {2, 1}, "e": Path("x"),
    "f": torch.float32, "g": np.zeros(5000), "h": object}
    made = json.loads(plain_json(values))
    assert made["a"] == 0.5
    assert made["c"] == [0, 1, 2]
    assert made["d"] == [1, 2]
    assert made["e"] == "x"
    assert made["f"] == "torch.float32"
    assert made["g"] == {"fingerprint": fingerprint(np.zeros(5000))}
