"""Rows written one sitting after the other: nothing acknowledged is done again, and no two writers meet."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from labelnb.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def test_rows_in_any_order_and_over_several_sittings(store: Store):
    with store.rows("key", (10, 4), np.float32, meta={"encoder": "e"}) as writer:
        assert writer.count == 0
        writer.write(6, np.full((4, 4), 2.0))
        writer.write(0, torch.ones(3, 4))
        assert writer.done.tolist() == [True] * 3 + [False] * 3 + [True] * 4
    with store.rows("key", (10, 4), np.float32, meta={"encoder": "e"}) as writer:
        assert writer.count == 7
        assert store.get("key") is None
        with pytest.raises(ValueError, match="3 of 10 are not written yet, the first is row 3"):
            writer.finish()
        writer.write(3, np.zeros((3, 4)))
        made = writer.finish()
        assert writer.finish() is made
    assert made.tolist() == [[1.0] * 4] * 3 + [[0.0] * 4] * 3 + [[2.0] * 4] * 4
    assert made.dtype == np.float32
    assert not made.flags.writeable
    assert (store.get("key")["vectors"] == made).all()
    assert store.meta("key") == {"encoder": "e"}
    assert [path.name for path in store.folder.iterdir()] == ["key"]
    assert sorted(path.name for path in (store.folder / "key").iterdir()) == ["entry.json", "rows.npy"]
    again = store.rows("key", (10, 4), np.float32)
    assert again.done.all()
    assert (again.finish() == made).all()
    with pytest.raises(ValueError, match="finished"):
        again.write(0, np.zeros((1, 4)))


@pytest.mark.parametrize(("start", "rows"), [(-1, np.zeros((1, 4))), (8, np.zeros((3, 4))), (0, np.zeros((2, 3))), (0, np.zeros(4))])
def test_rows_that_do_not_fit(store: Store, start: int, rows: np.ndarray):
    with store.rows("key", (10, 4), np.float32) as writer:
        with pytest.raises(ValueError, match="expected rows of shape"):
            writer.write(start, rows)
        assert writer.count == 0


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (5,), (2, 3, 4)])
def test_rows_of_other_shapes(store: Store, shape: tuple[int, ...]):
    with store.rows("key", shape, np.int16) as writer:
        for n in range(shape[0]):
            writer.write(n, np.full((1, *shape[1:]), n))
        made = writer.finish()
    assert made.shape == shape
    assert made.dtype == np.int16
    assert all((made[n] == n).all() for n in range(shape[0]))


@pytest.mark.parametrize("dtype", [object, [("a", object)]])
def test_rows_of_objects(store: Store, dtype):
    with pytest.raises(ValueError, match="numbers"):
        store.rows("key", (3, 4), dtype)
    with pytest.raises(ValueError, match="first axis"):
        store.rows("key", (), np.float32)


@pytest.mark.parametrize("name", ["rows.npy", "done"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_half_filled_rows_that_are_damaged(store: Store, name: str, damage: Callable[[Path], None]):
    with store.rows("key", (1000, 4), np.float32) as writer:
        writer.write(0, np.ones((10, 4)))
    damage(store.folder / ".rows-key" / name)
    with pytest.warns(UserWarning, match="computed anew"):
        writer = store.rows("key", (1000, 4), np.float32)
    with writer:
        assert writer.count == 0
        writer.write(0, np.zeros((1000, 4)))
        assert (writer.finish() == 0).all()


def test_two_at_the_same_rows_do_not_touch_each_other(store: Store):
    first = store.rows("key", (4, 2), np.float32)
    first.write(0, np.zeros((2, 2)))
    second = store.rows("key", (4, 2), np.float32)
    assert second.count == 0
    second.write(0, np.full((4, 2), 1e-7))                      # the same but for rounding, as on another number of threads
    first.write(2, np.zeros((2, 2)))
    made = first.finish()
    second.write(0, np.full((4, 2), 1e-7))
    assert (second.finish() == 0).all()                         # who is first is right for all
    assert (made == 0).all()
    assert (store.get("key")["vectors"] == 0).all()
    assert [path.name for path in store.folder.iterdir()] == ["key"]


def test_rows_are_not_cleaned_up(store: Store):
    with store.rows("key", (4, 2), np.float32) as writer:
        writer.write(0, np.ones((3, 2)))
    assert Store(store.folder).rows("key", (4, 2), np.float32).count == 3
