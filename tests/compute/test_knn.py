"""Neighbours against a brute-force twin, and the graph made of them."""
from __future__ import annotations

import importlib

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute import KnnGraph, extend_knn_graph, knn_graph


def rows(n: int = 300, d: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def brute(x: np.ndarray, k: int, metric: str, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Positions and similarities of the k nearest, ties by position, from all pairs in float64."""
    q, double = (x if queries is None else queries).astype(np.float64), x.dtype == np.float64
    x = x.astype(np.float64)
    if metric == "cosine":
        s = (q / np.linalg.norm(q, axis=1, keepdims=True)) @ (x / np.linalg.norm(x, axis=1, keepdims=True)).T
    else:
        s = -np.sqrt(((q[:, None] - x[None]) ** 2).sum(2))
    if queries is None:
        np.fill_diagonal(s, -np.inf)
    s = np.round(s, 12).astype(np.float64 if double else np.float32)     # equal vectors are equal, whatever the order of summation was
    order = np.array([sorted(range(len(x)), key=lambda j: (-row[j], j))[:k] for row in s])
    return order, np.take_along_axis(s, order, 1)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_exact_neighbours_are_the_true_ones(metric, dtype):
    x = rows().astype(dtype)
    indices, similarities = brute(x, 7, metric)
    made = knn_graph(x, 7, metric=metric)
    np.testing.assert_array_equal(made.indices, indices)
    np.testing.assert_allclose(made.similarities, similarities, atol=1e-6)
    assert (made.recall, made.method, made.metric, made.n_rows) == (1.0, "exact", metric, 300)
    assert made.indices.dtype == torch.int64
    assert made.similarities.dtype == (torch.float64 if dtype == np.float64 else torch.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_queries_look_up_other_rows(metric):
    x, q = rows(), rows(40, seed=1)
    indices, similarities = brute(x, 5, metric, q)
    made = knn_graph(x, 5, queries=q, metric=metric)
    np.testing.assert_array_equal(made.indices, indices)
    np.testing.assert_allclose(made.similarities, similarities, atol=1e-6)
    assert made.to_scipy("directed").shape == (40, 300)


def test_a_query_that_is_a_row_finds_itself_and_a_row_does_not():
    x = rows(50)
    np.testing.assert_array_equal(knn_graph(x, 1, queries=x).indices[:, 0], np.arange(50))
    assert (knn_graph(x, 49).indices.numpy() != np.arange(50)[:, None]).all()


@pytest.mark.parametrize("k", [1, 40, 299])
@pytest.mark.parametrize("memory", [None, 1 << 20])
def test_blocks_of_any_size_give_the_same(k, memory):
    x = rows()
    made = knn_graph(x, k, memory=memory)
    np.testing.assert_array_equal(made.indices, brute(x, k, "cosine")[0])


def test_a_small_memory_really_makes_blocks():
    from labelnb.compute import screening

    store = screening.Rows(rows(900), "x", "cosine")
    whole, parts = screening._screen_same(store, 12, 900), screening._screen_same(store, 12, 128)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.sort(1).values, other.sort(1).values, atol=1e-6)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("filled", [-3.0, 1.5, 2.5, 9.0])
def test_merging_a_block_keeps_the_best_of_both(across, filled):
    """Lists that hold little, so that all of the block counts; lists that hold much, so that a few of it do, or nothing."""
    from labelnb.compute.screening import merge

    rng = np.random.default_rng(0)
    values, found = torch.from_numpy(filled + 0.1 * rng.random((30, 6))), torch.from_numpy(rng.normal(size=(30, 200)))
    indices, members = torch.from_numpy(rng.permutation(180).reshape(30, 6)), torch.arange(1000, 1200)
    expected = np.sort(np.hstack([values, found]), axis=1)[:, -6:]
    owners = np.hstack([indices, np.tile(members, (30, 1))])
    expected_owners = np.take_along_axis(owners, np.argsort(np.hstack([values, found]), axis=1)[:, -6:], 1)
    merge(values, indices, slice(0, 30), found.T.contiguous() if across else found, members, across=across)
    order = values.argsort(1)
    np.testing.assert_array_equal(values.gather(1, order), expected)
    np.testing.assert_array_equal(indices.gather(1, order), expected_owners)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_rows_go_by_position(metric):
    x = np.repeat(rows(6), 40, axis=0)                   # each row 40 times: far more ties than candidates that are kept
    indices, _ = brute(x, 5, metric)
    np.testing.assert_array_equal(knn_graph(x, 5, metric=metric).indices, indices)
    np.testing.assert_array_equal(knn_graph(x, 5, metric=metric, memory=1 << 20).indices, indices)


def test_near_ties_within_the_error_of_screening_are_told_apart():
    x = np.zeros((60, 4))
    x[:, 0] = 1
    x[1:, 1] = 1e-3 * (1 + 1e-5 * np.arange(59)[::-1])   # row 0's similarities differ by some 1e-11: equal in float32, not in float64
    np.testing.assert_array_equal(knn_graph(x, 3).indices[0], [59, 58, 57])
    np.testing.assert_array_equal(knn_graph(x.astype(np.float32), 3).indices[0], [1, 2, 3])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_order_of_the_rows_does_not_matter(metric):
    x = rows()
    p = np.random.default_rng(3).permutation(300)
    plain, moved = knn_graph(x, 9, metric=metric), knn_graph(x[p], 9, metric=metric)
    np.testing.assert_array_equal(p[moved.indices], plain.indices[p])
    np.testing.assert_array_equal(moved.similarities, plain.similarities[p])


def test_memory_mapped_rows_are_read_in_blocks(tmp_path):
    np.save(tmp_path / "x.npy", rows())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(knn_graph(mapped, 4).indices, knn_graph(rows(), 4).indices)


@pytest.mark.parametrize("mode", ["symmetric", "mutual", "directed"])
@pytest.mark.parametrize("gamma", [1.0, 3.0])
def test_the_matrix_is_that_of_the_slow_twin(mode, gamma):
    made = knn_graph(rows(60), 4)
    a = np.zeros((60, 60))
    for i in range(60):
        for j, s in zip(made.indices[i].tolist(), made.similarities[i].tolist(), strict=True):
            a[i, j] = max(0.0, s) ** gamma
    expected = {"symmetric": (a + a.T) / 2, "mutual": np.minimum(a, a.T), "directed": a}[mode]
    got = made.to_scipy(mode, gamma)
    np.testing.assert_allclose(got.toarray(), expected, atol=1e-6)
    assert isinstance(got, scipy.sparse.csr_array)
    assert got.nnz == (expected > 0).sum()


def test_distances_weigh_by_the_scale_of_both_ends():
    x = rows(60)
    made = knn_graph(x, 4, metric="euclidean")
    d = -made.similarities.double().numpy()
    i, j = 17, int(made.indices[17, 2])
    assert made.to_scipy("directed")[i, j] == pytest.approx(np.exp(-d[i, 2] ** 2 / (d[i, 3] * d[j, 3])), rel=1e-5)
    assert made.to_scipy("directed").data.max() <= 1
    looked_up = knn_graph(x, 4, queries=x[:5] + 0.1, metric="euclidean")
    d = -looked_up.similarities.double().numpy()
    assert looked_up.to_scipy("directed")[3, int(looked_up.indices[3, 1])] == pytest.approx(np.exp(-d[3, 1] ** 2 / d[3, 3] ** 2), rel=1e-5)


def test_making_the_matrix_leaves_the_lists_alone():
    made = knn_graph(rows(60), 4)
    before = made.indices.clone(), made.similarities.clone()
    first = made.to_scipy()
    assert torch.equal(made.indices, before[0])
    assert torch.equal(made.similarities, before[1])
    assert (made.to_scipy() != first).nnz == 0


def test_equal_points_weigh_one():
    graph = knn_graph(np.ones((5, 2)), 2, metric="euclidean").to_scipy("directed")
    np.testing.assert_array_equal(graph.data, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k: got 0"), ({"k": 300}, "k: got 300, but there are 299 other rows"), ({"k": 2.0}, "k: got 2.0"),
        ({"k": 301, "queries": rows(3)}, "there are 300 rows"), ({"k": 3, "metric": "manhattan"}, "metric: got 'manhattan'"),
        ({"k": 3, "queries": rows(3, 5)}, "queries: vectors of 5 numbers, x of 16"), ({"k": 3, "memory": 10}, "memory: got 10"),
        ({"k": 3, "recall": 0.0}, "recall: got 0.0"), ({"k": 3, "queries": np.full((2, 16), np.nan)}, "queries: NaN"),
    ],
)
def test_what_means_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        knn_graph(rows(), **arguments)


def test_rows_that_mean_nothing_are_named():
    x = rows()
    x[[5, 9]] = 0
    with pytest.raises(ValueError, match=r"x: NaN, infinity or only zeros in 2 rows, the first at \[5, 9\]"):
        knn_graph(x, 3)
    assert knn_graph(x, 3, metric="euclidean").indices[5, 0] == 9
    x[7, 2] = np.inf
    with pytest.raises(ValueError, match=r"1 rows, the first at \[7\]"):
        knn_graph(x, 3, metric="euclidean")
    with pytest.raises(ValueError, match="expected \\(N, D\\)"):
        knn_graph(x[0], 3)
    with pytest.raises(ValueError, match="at least one row"):
        knn_graph(x[:0], 3)


def test_a_matrix_of_queries_cannot_be_symmetric():
    made = knn_graph(rows(), 3, queries=rows(4))
    with pytest.raises(ValueError, match="4 queries into 300 rows can only be 'directed'"):
        made.to_scipy()
    with pytest.raises(ValueError, match="mode: got 'both'"):
        knn_graph(rows(), 3).to_scipy("both")
    with pytest.raises(ValueError, match="gamma"):
        knn_graph(rows(), 3).to_scipy(gamma=0.0)


def test_numpy_and_torch_agree_and_the_input_is_left_alone():
    x = rows()
    before = x.copy()
    made = knn_graph(torch.from_numpy(x), 3)
    assert isinstance(made, KnnGraph)
    np.testing.assert_array_equal(made.indices, knn_graph(x, 3).indices)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("old", "memory"), [(250, None), (299, None), (20, 1 << 20)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_added_to_a_graph_give_the_graph_of_all(metric, old, memory, dtype):
    x = rows().astype(dtype)
    made = extend_knn_graph(knn_graph(x[:old], 7, metric=metric), x, memory=memory)
    whole = knn_graph(x, 7, metric=metric)
    np.testing.assert_array_equal(made.indices, whole.indices)
    np.testing.assert_array_equal(made.similarities, whole.similarities)
    assert (made.method, made.recall, made.n_rows) == ("exact, added", 1.0, 300)
    twice = extend_knn_graph(extend_knn_graph(knn_graph(x[:10], 7, metric=metric), x[:old]), x)
    np.testing.assert_array_equal(twice.indices, whole.indices)
    assert twice.method == "exact, added"


def test_equal_rows_added_go_by_position():
    x = np.repeat(rows(6), 40, axis=0)
    np.testing.assert_array_equal(extend_knn_graph(knn_graph(x[:100], 5), x).indices, knn_graph(x, 5).indices)


def test_an_inexact_graph_grows_with_its_recall_measured_anew():
    rng = np.random.default_rng(0)
    x = (2 * rng.normal(size=(20, 16))[rng.integers(0, 20, 2500)] + rng.normal(size=(2500, 16))).astype(np.float32)
    made, whole = extend_knn_graph(knn_graph(x[:2000], 8, exact=False), x), knn_graph(x, 8)
    reached = np.mean([len(set(a) & set(b)) / 8 for a, b in zip(made.indices.tolist(), whole.indices.tolist(), strict=True)])
    assert made.method == "descent, added"
    assert reached > 0.97 and made.recall == pytest.approx(reached, abs=0.02)
    np.testing.assert_array_equal(made.indices[2000:], whole.indices[2000:])


def test_what_cannot_grow_is_refused():
    x = rows(30)
    with pytest.raises(ValueError, match="graph has 30 already"):
        extend_knn_graph(knn_graph(x, 3), x)
    with pytest.raises(ValueError, match="30 queries into 20 rows"):
        extend_knn_graph(knn_graph(x[:20], 3, queries=x), x)


@pytest.mark.parametrize("tight", [0, 60, 1500])
def test_half_precision_screens_and_the_answer_stays_exact(monkeypatch, tight):
    """Of the rows, `tight` lie so close together that half precision cannot order them: these few are searched anew, or all are."""
    screening = importlib.import_module("labelnb.compute.screening")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1500, 64))
    x[:tight] = x[0] + 1e-3 * x[:tight]
    x = x.astype(np.float32)
    monkeypatch.setattr(screening, "_COARSE_ABOVE", 1000)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    searched, by_halves = [], screening._by_halves
    monkeypatch.setattr(screening, "_by_halves", lambda *given: searched.append(by_halves(*given)) or searched[-1])
    found = knn_graph(x, 5, exact=True)
    assert (searched[0] is None) == (tight == 1500)
    unit = x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    true = unit @ unit.T
    np.fill_diagonal(true, -np.inf)
    np.testing.assert_allclose(found.similarities, -np.sort(-true, axis=1)[:, :5], atol=1e-7)
    np.testing.assert_allclose(np.take_along_axis(true, found.indices.numpy(), axis=1), found.similarities, atol=1e-7)
