"""The probe over rows that are read in blocks: the same minimum as in memory, for every kind of target, from files, within a bound."""
from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from labelnb.compute import probe
from labelnb.compute.logistic import Stream

MIB = 1 << 20


def task(n: int = 12_000, k: int = 4, d: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    x = rng.normal(size=(k, d))[y] * 0.35 + rng.normal(size=(n, d)) + 3.0
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


def wanted(kind: str, y: np.ndarray) -> tuple[np.ndarray, dict]:
    rng = np.random.default_rng(1)
    if kind == "classes":
        return np.where(rng.random(len(y)) < 0.1, -1, y), {}
    if kind == "soft":
        soft = 0.2 / 4 + 0.8 * np.eye(4)[y]
        soft[rng.random(len(y)) < 0.1] = 0
        return soft, {}
    several = (np.eye(4)[y] + (rng.random((len(y), 4)) < 0.2) > 0).astype(np.int8)
    several[rng.random((len(y), 4)) < 0.3] = -1
    return several, {"loss": "multilabel"}


@pytest.mark.parametrize("kind", ["classes", "soft", "several"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_that_of_all_rows_at_once(kind, weighted):
    x, y = task()
    target, options = wanted(kind, y)
    options |= {"weights": np.random.default_rng(2).random(len(x)) + 0.5} if weighted else {}
    whole = probe(x, target, tolerance=1e-13, **options)
    parts = probe(x, target, tolerance=1e-13, memory=MIB, **options)
    assert parts.loss == pytest.approx(whole.loss, abs=1e-11)
    np.testing.assert_allclose(parts.probabilities(x).numpy(), whole.probabilities(x).numpy(), atol=1e-6)
    np.testing.assert_allclose(parts.weight.numpy(), whole.weight.numpy(), atol=3e-5)
    assert parts.kind == whole.kind and parts.weight.dtype == torch.float64


def test_the_streamed_loop_is_what_ran(monkeypatch):
    taken = []
    block = Stream.block
    monkeypatch.setattr(Stream, "block", lambda self, at: taken.append(at) or block(self, at))
    x, y = task()
    probe(x, y)
    assert not taken
    probe(x, y, memory=MIB)
    assert len(taken) > 20
    most = max(at.stop - at.start for at in taken if isinstance(at, slice))
    assert most * x.shape[1] * 8 <= MIB


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_from_a_file_in_single_precision(tmp_path, dtype):
    x, y = task()
    np.save(tmp_path / "x.npy", x.astype(dtype))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    whole, parts = probe(np.array(mapped), y, tolerance=1e-7), probe(mapped, y, tolerance=1e-7, memory=MIB)
    assert parts.weight.dtype == torch.float32
    assert parts.loss == pytest.approx(whole.loss, abs=1e-6)
    np.testing.assert_allclose(parts.probabilities(x).numpy(), whole.probabilities(x).numpy(), atol=2e-3)


def test_few_labels_among_many_rows_are_taken_into_memory():
    x, y = task()
    few = np.full(len(y), -1)
    few[::200] = y[::200]
    parts, alone = probe(x, few, memory=MIB, tolerance=1e-12), probe(x[::200], y[::200], tolerance=1e-12)
    np.testing.assert_allclose(parts.weight.numpy(), alone.weight.numpy(), atol=1e-9)


def test_a_class_without_an_example_and_a_column_without_a_pair():
    x, y = task()
    got = probe(x, np.where(y == 2, 3, y), n_classes=5, memory=MIB)
    assert got.bias[[2, 4]].tolist() == [-float("inf")] * 2
    several = np.stack([y == 0, np.ones_like(y), y == 1, np.zeros_like(y)], 1).astype(np.int8)
    got = probe(x, several, loss="multilabel", memory=MIB)
    assert got.bias[1] == float("inf") and got.bias[3] == -float("inf") and torch.isfinite(got.bias[[0, 2]]).all()


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda x, y: (x.__setitem__((11_000, 3), np.nan), y)[1], "x: NaN or infinity in rows 11000; drop"),
    (lambda x, y: y[:-1], r"y: got shape \(11999,\)"), (lambda x, y: y * 0, "only class 0 has some"),
    (lambda x, y: np.eye(4)[y] * 1.1, "soft targets are to be 0 or more"), (lambda x, y: np.eye(4)[y][:-1], r"y: got shape \(11999, 4\)"),
])
def test_bad_input(spoil, message):
    x, y = task()
    y = spoil(x, y)
    with pytest.raises(ValueError, match=message):
        probe(x, y, memory=MIB)


BOUNDED = """
import resource, sys
import numpy as np
from labelnb.compute import probe
x = np.load(sys.argv[1], mmap_mode="r", allow_pickle=False)
y = np.arange(len(x)) % 3
probe(x[:6000], y[:6000], memory=1 << 22, max_iterations=2)                # everything is imported and warm
with open("/proc/self/statm") as file:
    room = int(file.read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (room + (48 << 20),) * 2)
y = (np.asarray(x[:, 0]) > 0).astype(np.int64)
print(probe(x, y, memory=8 << 20, max_iterations=4).iterations)
try:
    probe(x, y, memory=1 << 40, max_iterations=4)
except RuntimeError as error:
    print("in memory:", "allocate" in str(error))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits on memory are Linux's")
def test_a_file_larger_than_the_memory_it_may_take(tmp_path):
    rng = np.random.default_rng(0)
    made = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(400_000, 64))          # 98 MiB
    made[:] = rng.standard_normal(made.shape, dtype=np.float32)
    made.flush()
    lived = subprocess.run([sys.executable, "-c", BOUNDED, str(tmp_path / "x.npy")], capture_output=True, text=True, check=False)
    assert lived.returncode == 0, lived.stderr
    passes, _, rest = lived.stdout.partition("\n")
    assert int(passes) >= 2 and rest == "in memory: True\n"
