"""Neighbours by descent: against exact ones on awkward rows, and its loops against slow twins."""
from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
import torch

from labelnb.bench.data import folded
from labelnb.compute import knn_graph
from labelnb.compute.compiled import (
    _worst,
    apart,
    best_of,
    descend,
    guests,
    merge_columns,
    merge_halves,
    merge_rows,
    near_partitions,
    reverse_lists,
    weighed,
)
from labelnb.compute.descent import EFFORTS, begins_by_halves, descent, promising
from labelnb.compute.partitions import plan
from labelnb.compute.screening import Rows


def groups(n: int = 3000, d: int = 24, k: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (2 * rng.normal(size=(k, d))[rng.integers(0, k, n)] + rng.normal(size=(n, d))).astype(np.float32)


def shared(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(np.mean([len(set(p) & set(q)) / len(q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]))


@pytest.fixture
def halves(monkeypatch) -> None:
    """A processor that is fast at half precision, and few rows enough for it."""
    screening = importlib.import_module("labelnb.compute.screening")
    monkeypatch.setattr(screening, "_COARSE_ABOVE", 1000)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_half_precision_begins_and_the_similarities_are_not_its_own(metric, dtype, halves):
    x = folded(4000, 96, inner=12).astype(dtype)
    x *= np.random.default_rng(1).uniform(0.5, 2, len(x)).astype(dtype)[:, None]            # unequal lengths
    x += dtype(0 if metric == "cosine" else 3)                                              # far from the origin
    made, true = (knn_graph(x, 10, metric=metric, exact=exact) for exact in (False, True))
    assert made.method == "descent, bfloat16"
    assert shared(made.indices, true.indices) > 0.98
    assert made.recall == pytest.approx(shared(made.indices, true.indices), abs=0.02)
    same = made.indices == true.indices
    torch.testing.assert_close(made.similarities[same], true.similarities[same], atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_closer_together_than_half_precision_tells_are_begun_in_single(metric, halves):
    base = folded(160, 96, inner=12)
    x = np.repeat(base, 25, axis=0) + 2e-4 * np.random.default_rng(0).normal(size=(4000, 96)).astype(np.float32)
    rows = Rows(x, "x", metric)
    assert not begins_by_halves(rows, plan(rows, rows, 5, True, 1 << 26))
    made = knn_graph(x, 5, metric=metric, exact=False)
    assert made.method == "descent"
    assert (made.indices // 25 == torch.arange(4000)[:, None] // 25).double().mean() > 0.99


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_coordinate_that_outweighs_all_others_costs_no_recall(metric, halves):
    x = folded(4000, 96, inner=12)
    x[:, 3] += 20
    x[::50, 7] = 40
    made, true = (knn_graph(x, 10, metric=metric, exact=exact) for exact in (False, True))
    assert shared(made.indices, true.indices) > 0.97
    assert made.recall == pytest.approx(shared(made.indices, true.indices), abs=0.02)


@pytest.mark.parametrize(("d", "metric"), [(1, "euclidean"), *itertools.product((2, 3, 65, 130), ("cosine", "euclidean"))])
def test_any_number_of_dimensions(d, metric, halves):
    x = groups(2500, d)
    made, true = (knn_graph(x, 8, metric=metric, exact=exact) for exact in (False, True))
    last = true.similarities[:, -1:]
    assert float((made.similarities >= last - 1e-5 * last.abs()).double().mean()) > 0.97            # many are equal in few dimensions
    assert made.recall >= 0.98


def test_equal_rows_beside_others(halves):
    x = np.concatenate([np.repeat(folded(5, 96, inner=12), 200, axis=0), folded(3000, 96, inner=12)])
    made, true = (knn_graph(x, 10, exact=exact) for exact in (False, True))
    torch.testing.assert_close(made.similarities[:1000], torch.ones(1000, 10), atol=1e-6, rtol=0)
    assert shared(made.indices[1000:], true.indices[1000:]) > 0.97


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_threads_and_the_order_of_rows_do_not_matter(metric, halves):
    x, threads = folded(3000, 96, inner=12), torch.get_num_threads()
    p = np.random.default_rng(4).permutation(len(x))
    made = knn_graph(x, 8, metric=metric, exact=False)
    moved = knn_graph(x[p], 8, metric=metric, exact=False)
    torch.set_num_threads(3)
    try:
        again = knn_graph(x, 8, metric=metric, exact=False)
    finally:
        torch.set_num_threads(threads)
    assert shared(again.indices, made.indices) > 0.999
    assert shared(torch.from_numpy(p[moved.indices]), made.indices[p]) > 0.995


def test_no_effort_is_made_in_vain():
    """Groups are found by the first effort; rows without any in 16 dimensions need the second, in 100 neither would find enough."""
    x = groups(), *(np.random.default_rng(0).normal(size=(3000, d)).astype(np.float32) for d in (16, 100))
    planned = [plan(rows, rows, 10, True, 1 << 26) for rows in (Rows(one, "x", "cosine") for one in x)]
    assert [promising(one, 0.98) for one in planned] == [list(EFFORTS), [EFFORTS[1]], []]
    assert promising(planned[0], 1.0) == []
    assert promising(planned[2], 0.5)


def test_the_second_effort_finds_more():
    x = folded(6000, 64)
    rows, true = Rows(x, "x", "cosine"), knn_graph(x, 15, exact=True).indices
    planned = plan(rows, rows, 15, True, 1 << 26)
    reached = [shared(descent(rows, planned, 15, 1 << 26, effort)[1][:, :15], true) for effort in EFFORTS]
    assert reached[0] < reached[1]
    assert reached[1] > 0.99


def test_a_plan_says_what_any_reach_finds_and_costs():
    x = groups()
    rows = Rows(x, "x", "cosine")
    made = plan(rows, rows, 10, True, 1 << 26)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = unit @ made.centres.numpy().T
    behind, own = near.max(1, keepdims=True) - near, near.argmax(1)
    true = knn_graph(x, 10).indices.numpy()
    for reach in (made.reach(0.6), made.reach(0.95)):
        assert made.found(reach) == pytest.approx((np.take_along_axis(behind, own[true], 1) <= reach).mean(), abs=0.05)
        looked_at = (np.bincount(own, minlength=len(near[0])) * (behind <= reach)).sum(1).mean()
        assert made.share(reach) == pytest.approx(looked_at / len(x), rel=0.15)
    assert made.found(made.reach(0.8)) == pytest.approx(0.8, abs=0.01)
    assert made.share(made.affordable(0.1)) <= 0.1 < made.share(made.affordable(0.2))
    assert made.spread == pytest.approx(np.mean(((unit - _means(unit, own)[own]) ** 2).sum(1)), rel=0.1)


def _means(x: np.ndarray, own: np.ndarray) -> np.ndarray:
    return np.stack([x[own == c].mean(0) if (own == c).any() else np.zeros(x.shape[1]) for c in range(own.max() + 1)])


@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 3), (2, 3), (3, 20), (20, 20)])
def test_partitions_within_reach_come_nearest_first(least, most):
    near = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    looks = np.full((50, most), -1, np.int32)
    near_partitions(0, 50, near, 0.4, least, looks)
    for row, mine in zip(near, looks, strict=True):
        expected = [c for place, c in enumerate(np.argsort(-row)) if place < least or row[c] >= row.max() - 0.4][:most]
        assert mine.tolist() == expected + [-1] * (most - len(expected))


def test_guests_are_those_who_look_in():
    looks = np.array([[2, 0, -1], [2, -1, -1], [0, 1, 2], [3, -1, -1]], np.int32)
    stops, visitors = guests(looks, 5)
    assert [visitors[a:b].tolist() for a, b in itertools.pairwise(stops)] == [[0, 2], [2], [0, 1, 2], [3], []]


def test_listed_rows_are_weighed_anew():
    rng = np.random.default_rng(0)
    x, bias, indices = rng.normal(size=(30, 7)).astype(np.float32), rng.normal(size=30).astype(np.float32), rng.integers(-1, 30, (30, 4))
    values = np.full((30, 4), -np.inf, np.float32)
    weighed(0, 30, x, bias, indices.astype(np.int32), values)
    expected = np.where(indices < 0, -np.inf, np.einsum("nd,nkd->nk", x, x[indices]) + bias[indices])
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kept", [1, 5, 22])
def test_empty_lists_take_the_best_of_a_long_row(dtype, kept):
    """Rows of any scale and offset, with masked values, with many equal ones, all equal."""
    rng = np.random.default_rng(0)
    found = rng.normal(size=(60, 300)) * 10.0 ** rng.integers(-6, 4, (60, 1)) + 10 * rng.normal(size=(60, 1))
    found[::3, ::7], found[1::3] = -np.inf, np.round(found[1::3])
    found[5], found[7, 3:] = 2, -np.inf
    found, members = found.astype(dtype), np.arange(1000, 1300, dtype=np.int32)
    values, indices = np.full((60, kept), -np.inf, dtype), np.full((60, kept), -1, np.int32)
    merge_rows(0, 60, found, np.arange(60), members, values, indices)
    np.testing.assert_array_equal(np.sort(values, 1), np.sort(found, 1)[:, -kept:])
    for mine, row, who in zip(values, found, indices, strict=True):
        assert all(np.isneginf(v) or row[j - 1000] == v for v, j in zip(mine, who, strict=True))
        assert len(set(who[who >= 0].tolist())) == (who >= 0).sum()


def test_half_precision_is_merged_as_what_it_stands_for():
    rng = np.random.default_rng(3)
    found, along, beside = torch.randn(40, 128).bfloat16(), torch.randn(40), torch.randn(100)
    at, kept = torch.from_numpy(rng.permutation(200)[:40]), 12               # some lists are those of the rows 50 to 149 that are merged
    values, indices = np.full((200, kept), -np.inf, np.float32), np.full((200, kept), -1, np.int32)
    merge_halves(0, 40, found.view(torch.int16).numpy(), along.numpy(), beside.numpy(), at.numpy(), 50, values, indices)
    meant = (found[:, :100].float() + along[:, None] + beside).numpy()
    own = (at[:, None] == torch.arange(50, 150)).numpy()
    assert own.sum() > 5
    meant[own] = -np.inf
    np.testing.assert_array_equal(np.sort(values[at], 1), np.sort(meant, 1)[:, -kept:])
    np.testing.assert_array_equal(np.take_along_axis(meant, indices[at] - 50, 1), values[at])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 15, 16, 50])
def test_lists_of_columns_hold_the_best_of_them(dtype, width):
    rng = np.random.default_rng(1)
    found = rng.integers(-40, 40, (90, width)).astype(dtype)
    found[::4, ::3] = -np.inf
    at, kept = rng.permutation(60)[:width], 20
    values, indices = np.full((60, kept), -np.inf, dtype), np.full((60, kept), -1, np.int32)
    for rows in (slice(0, 40), slice(40, 90)):
        for low, high in ((0, width // 3), (width // 3, width)):
            merge_columns(low, high, found[rows], at, np.arange(90, dtype=np.int32)[rows], values, indices)
    np.testing.assert_array_equal(np.sort(values[at], 1), np.sort(found, 0)[-kept:].T)
    for column, place in enumerate(at):
        mine = indices[place][indices[place] >= 0]
        assert len(set(mine.tolist())) == len(mine)
        np.testing.assert_array_equal(np.sort(found[mine, column]), np.sort(values[place][indices[place] >= 0]))
    assert np.isneginf(np.delete(values, at, 0)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_place_of_the_least_is_the_first_of_equal_ones(dtype):
    rng = np.random.default_rng(2)
    for length in range(1, 70):
        for _ in range(20):
            values = rng.integers(-length, length, length).astype(dtype)
            values[rng.random(length) < 0.1] = -np.inf
            assert _worst(values) == values.argmin()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_best_of_a_list_come_first_and_equal_ones_by_position(dtype):
    rng = np.random.default_rng(0)
    keys, indices = rng.integers(0, 6, (40, 30)).astype(dtype), np.stack([rng.permutation(100)[:30] for _ in range(40)])
    keys[3], keys[4, 2:], indices[4, 2:] = -np.inf, -np.inf, -1
    out_i, out_s = np.empty((40, 7), np.int64), np.empty((40, 7), dtype)
    best_of(0, 40, keys, indices, keys * 2, out_i, out_s)
    for row, known, made_i, made_s in zip(keys, indices, out_i, out_s, strict=True):
        expected = sorted(range(30), key=lambda c: (-row[c], known[c]))[:7]
        assert made_i.tolist() == known[expected].tolist()
        np.testing.assert_array_equal(made_s, 2 * row[expected])


def test_who_lists_a_row_is_known_to_it():
    rng = np.random.default_rng(0)
    indices = np.stack([rng.permutation(20)[:6] for _ in range(50)]).astype(np.int32)
    values, fresh = rng.random((50, 6)).astype(np.float32), rng.integers(0, 2, (50, 6)).astype(np.uint8)
    indices[7, 4:], values[7, 4:] = -1, -np.inf
    who, new = reverse_lists(values, indices, fresh, 9)
    for j in range(50):
        asking = [(values[i, c], i, fresh[i, c]) for i in range(50) for c in range(6) if indices[i, c] == j]
        expected = sorted((i, f) for _, i, f in sorted(asking, reverse=True)[:9])
        assert sorted((i, f) for i, f in zip(who[j].tolist(), new[j].tolist(), strict=True) if i >= 0) == expected


def test_products_in_half_precision_are_near_the_true_ones():
    from labelnb.compute.descent import _Room

    rng = np.random.default_rng(0)
    x = torch.from_numpy(3 + 0.1 * rng.normal(size=(400, 70)).astype(np.float32))
    held, at, room = x[100:231], torch.arange(0, 400, 3), _Room(70, 131, True)
    middle = held.mean(0)
    for asking in (at, at[:5]):                                                             # many, then few in the same memory
        room.inner[:131] = held - middle
        made, along = room.halved(x, asking, middle, 131)
        made = made[:len(asking), :131].float() + along[:, None] + held @ middle
        true = x[asking].double() @ held.double().T
        assert float((made - true).abs().max()) < 0.01 < float((x[asking].bfloat16() @ held.bfloat16().T - true).abs().max())
        torch.testing.assert_close(_Room(70, 131, False).plain(x, asking, held).double(), true, atol=1e-3, rtol=0)


def test_distances_of_near_rows_keep_their_digits():
    x = 10 + 1e-3 * np.random.default_rng(0).normal(size=(30, 7))
    indices, values = np.tile(np.arange(-1, 4, dtype=np.int32), (30, 1)), np.full((30, 5), -np.inf, np.float32)
    single = x.astype(np.float32)
    apart(0, 30, single, indices, values)
    expected = -((single.astype(np.float64)[:, None] - single[:4]) ** 2).sum(2)
    np.testing.assert_allclose(values[:, 1:], expected, rtol=1e-5)
    assert np.isneginf(values[:, 0]).all()


def test_a_pass_compares_neighbours_of_neighbours_that_the_partitions_have_not():
    """Rows on a line, 0 lists 1, 1 lists 2 and so on: 0 finds 2 by its neighbour 1, unless it has looked into the partition of 2."""
    x = np.arange(6, dtype=np.float32)[:, None] * np.ones((6, 2), np.float32)
    bias = -0.5 * (x * x).sum(1)
    indices = np.array([[1], [2], [3], [4], [5], [4]], np.int32)
    fresh, nobody, stale = np.ones((6, 1), np.uint8), np.full((6, 1), -1, np.int32), np.zeros((6, 1), np.uint8)
    looks = np.array([[0, 1], [0, -1], [1, -1], [1, -1], [2, -1], [2, -1]], np.int32)
    values, found, marks = np.full((6, 1), -np.inf, np.float32), indices.copy(), fresh.copy()
    changes = descend(0, 6, x, bias, looks, 3, 1, indices, fresh, nobody, stale, values, found, marks)
    assert found[:, 0].tolist() == [1, 3, 4, 5, 5, 4]           # 0 looked where 2 is, 4 and 5 reach themselves
    assert marks[:, 0].tolist() == [0, 1, 1, 1, 0, 0]
    assert changes == 3
    np.testing.assert_allclose(values[1:4, 0], [x[i] @ x[j] + bias[j] for i, j in ((1, 3), (2, 4), (3, 5))])
    values, found, marks = np.full((6, 1), -np.inf, np.float32), indices.copy(), stale.copy()
    assert descend(0, 6, x, bias, looks, 3, 1, indices, stale, nobody, stale, values, found, marks) == 0
