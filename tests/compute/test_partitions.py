"""Neighbours by descent and by partitions against exact ones: the recall that was asked for, and the recall that is claimed."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.compute import knn_graph


def groups(n: int = 3000, d: int = 24, k: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (2 * rng.normal(size=(k, d))[rng.integers(0, k, n)] + rng.normal(size=(n, d))).astype(np.float32)


@pytest.fixture(params=["descent", "partitions"])
def way(request, monkeypatch) -> str:
    """Which of the two runs: rows that do not fit in memory a second time go by partitions."""
    if request.param == "partitions":
        monkeypatch.setitem(knn_graph.__globals__, "needed_memory", lambda *_: 1 << 60)
    return request.param


def shared(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(np.mean([len(set(p) & set(q)) / len(q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("recall", [0.8, 0.98])
def test_recall_is_what_was_asked_and_what_is_claimed(metric, recall, way):
    x = groups()
    made, true = knn_graph(x, 10, metric=metric, exact=False, recall=recall), knn_graph(x, 10, metric=metric, exact=True)
    reached = shared(made.indices, true.indices)
    assert made.method == way
    assert reached >= recall
    assert made.recall == pytest.approx(reached, abs=0.03)                                    # of 256 rows: two standard errors
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    i, j = 11, int(made.indices[11, 4])
    expected = unit[i] @ unit[j] if metric == "cosine" else -np.linalg.norm(x[i] - x[j])
    assert float(made.similarities[11, 4]) == pytest.approx(float(expected), abs=1e-4)
    assert (made.similarities.diff(dim=1) <= 0).all()


def test_less_recall_compares_fewer_pairs():
    from labelnb.compute.partitions import plan
    from labelnb.compute.screening import Rows

    rows = Rows(groups(), "x", "cosine")
    made = plan(rows, rows, 10, True, 1 << 26)
    shares = [made.share(made.reach(recall)) for recall in (0.5, 0.9, 0.999)]
    assert 0 < shares[0] < shares[1] < shares[2] <= 1


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_queries_look_into_partitions_too(metric):
    x, q = groups(), groups(400, seed=1) * 0.3 + groups(400)
    made, true = (knn_graph(x, 6, queries=q, metric=metric, exact=exact, recall=0.95) for exact in (False, True))
    assert made.indices.shape == (400, 6)
    assert shared(made.indices, true.indices) >= 0.93


def test_order_of_the_rows_does_not_matter(way):
    x = groups(1200)
    p = np.random.default_rng(4).permutation(len(x))
    plain, moved = knn_graph(x, 5, exact=False), knn_graph(x[p], 5, exact=False)
    np.testing.assert_allclose(moved.similarities, plain.similarities[p], atol=1e-6)
    assert moved.recall == plain.recall


def test_no_row_is_its_own_neighbour_and_none_is_listed_twice(way):
    made = knn_graph(groups(1500), 12, exact=False).indices.numpy()
    assert (made != np.arange(1500)[:, None]).all()
    assert all(len(set(row)) == 12 for row in made.tolist())


def test_rows_with_too_few_within_reach_are_searched_in_full(way):
    lonely = np.concatenate([groups(600, k=6), 50 + np.eye(24, dtype=np.float32) * 40])     # 24 rows far from all others
    made, true = (knn_graph(lonely, 30, metric="euclidean", exact=exact, recall=0.5) for exact in (False, True))
    assert (made.indices >= 0).all()
    assert torch.isfinite(made.similarities).all()
    assert shared(made.indices[-24:], true.indices[-24:]) > 0.7


@pytest.mark.parametrize("n", [2, 3, 9])
def test_few_rows(n, way):
    x = groups(n)
    made = knn_graph(x, n - 1, exact=False, recall=1.0)
    np.testing.assert_array_equal(made.indices, knn_graph(x, n - 1).indices)


def test_equal_rows_are_no_trouble(way):
    made = knn_graph(np.repeat(groups(40), 25, axis=0), 5, exact=False)
    np.testing.assert_allclose(made.similarities, 1, atol=1e-6)


def test_float64_rows_keep_their_digits(way):
    x = groups(1500).astype(np.float64)
    made = knn_graph(x, 5, exact=False)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(made.similarities, np.einsum("nd,nkd->nk", unit, unit[made.indices]), atol=1e-12)


def test_many_rows_are_not_searched_exactly_where_there_are_groups(monkeypatch, way):
    monkeypatch.setitem(knn_graph.__globals__, "EXACT_BELOW", 1000)
    assert knn_graph(groups(), 10).method == way
    assert knn_graph(groups(900), 10).method == "exact"
    formless = np.random.default_rng(0).normal(size=(1500, 200))
    assert knn_graph(formless, 10).method == "exact"
    assert knn_graph(groups(), 10, queries=groups(20)).method == "exact"
    assert knn_graph(groups(), 10, exact=True).method == "exact"


def test_a_small_memory_gives_the_same(monkeypatch):
    x = groups(1500)
    assert knn_graph(x, 5, exact=False, memory=1 << 20).method == "partitions"       # no room for lists and a copy of the rows
    monkeypatch.setitem(knn_graph.__globals__, "needed_memory", lambda *_: 1 << 60)
    small = knn_graph(x, 5, exact=False, memory=1 << 20)
    np.testing.assert_allclose(small.similarities, knn_graph(x, 5, exact=False).similarities, atol=1e-6)


def test_descent_that_finds_too_few_gives_way_to_partitions():
    formless = np.random.default_rng(0).normal(size=(3000, 100)).astype(np.float32)
    made, true = knn_graph(formless, 10, exact=False, recall=0.99), knn_graph(formless, 10, exact=True)
    assert made.method == "partitions"
    assert shared(made.indices, true.indices) >= 0.99
