"""K-means: recovery, a brute-force twin of one step, fixed and balanced variants, invariances, and what it refuses."""
from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans as Peer

from labelnb.compute import kmeans
from labelnb.compute.kmeans import content_order
from labelnb.metrics import adjusted_rand_index


def groups(n: int = 200, k: int = 5, spread: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    return rng.normal(size=(k, 8))[truth] + spread * rng.normal(size=(n, 8)), truth


def test_recovers_groups_and_their_means():
    x, truth = groups()
    got = kmeans(x, 5)
    assert adjusted_rand_index(got.assignment.numpy(), truth) == 1
    for c in range(5):
        np.testing.assert_allclose(got.centres[c].numpy(), x[got.assignment.numpy() == c].mean(0), atol=1e-12)
    distances = ((x[:, None] - got.centres.numpy()[None]) ** 2).sum(2)
    assert got.inertia == pytest.approx(distances.min(1).sum(), rel=1e-10)
    assert got.converged


def test_ends_where_no_step_helps():
    x = np.random.default_rng(0).normal(size=(300, 4))
    got = kmeans(x, 12, tolerance=0.0, max_iterations=500)
    distances = ((x[:, None] - got.centres.numpy()[None]) ** 2).sum(2)
    assert (distances.argmin(1) == got.assignment.numpy()).all()
    for c in range(12):
        np.testing.assert_allclose(got.centres[c].numpy(), x[got.assignment.numpy() == c].mean(0), atol=1e-10)


def test_as_good_as_scikit_learn():
    x, _ = groups(600, 20, spread=0.6)
    ours = min(kmeans(x, 20, seed=s, n_init=5).inertia for s in range(2))
    theirs = Peer(20, n_init=10, random_state=0).fit(x).inertia_
    assert ours < 1.01 * theirs


def test_the_best_start_is_returned():
    x = np.random.default_rng(0).normal(size=(200, 3))
    one, many = kmeans(x, 9, seed=3, init="random").inertia, kmeans(x, 9, seed=3, init="random", n_init=8).inertia
    assert many < one


def test_spherical_ignores_length():
    x, truth = groups()
    x = x * np.random.default_rng(1).uniform(0.1, 9, (len(x), 1))
    got = kmeans(x, 5, spherical=True, n_init=3)
    assert adjusted_rand_index(got.assignment.numpy(), truth) == 1
    np.testing.assert_allclose(got.centres.norm(dim=1).numpy(), 1, atol=1e-12)


def test_fixed_centres_stay_and_new_groups_are_found():
    x, truth = groups()
    known = np.stack([x[truth == c].mean(0) for c in (0, 1)])
    got = kmeans(x, 5, fixed=known, n_init=3)
    np.testing.assert_allclose(got.centres[:2].numpy(), known)
    assert adjusted_rand_index(got.assignment.numpy(), truth) == 1
    assert (got.assignment.numpy()[truth == 1] == 1).all()


@pytest.mark.parametrize(("n", "k"), [(100, 4), (103, 4), (7, 7), (50, 1), (11, 3)])
def test_balanced_sizes_differ_by_one_at_most(n, k):
    x = np.random.default_rng(0).normal(size=(n, 3))
    sizes = np.bincount(kmeans(x, k, balanced=True).assignment.numpy(), minlength=k)
    assert sizes.max() - sizes.min() <= (n % k > 0)


def test_balanced_costs_little_more_than_the_optimum():
    from scipy.optimize import linear_sum_assignment

    x = np.random.default_rng(2).normal(size=(90, 3))
    got = kmeans(x, 3, balanced=True, max_iterations=60)
    cost = np.repeat(((x[:, None] - got.centres.numpy()[None]) ** 2).sum(2), 30, axis=1)
    i, j = linear_sum_assignment(cost)
    assert got.inertia <= 1.02 * cost[i, j].sum()


def test_duplicates_leave_no_cluster_without_a_centre():
    x = np.repeat(np.eye(3), 10, axis=0)
    got = kmeans(x, 3)
    assert got.inertia == pytest.approx(0, abs=1e-12)
    many = kmeans(x, 6)
    assert torch.isfinite(many.centres).all()


def test_given_centres_begin():
    x, _ = groups()
    start = x[:5]
    got = kmeans(x, 5, init=torch.from_numpy(start), max_iterations=1)
    first = ((x[:, None] - start[None]) ** 2).sum(2).argmin(1)
    for c in range(5):
        np.testing.assert_allclose(got.centres[c].numpy(), x[first == c].mean(0), atol=1e-12)


def test_order_of_rows_does_not_matter():
    x = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
    order = np.random.default_rng(1).permutation(150)
    one, other = kmeans(x, 7), kmeans(x[order], 7)
    np.testing.assert_array_equal(other.assignment.numpy(), one.assignment.numpy()[order])
    places = content_order(torch.from_numpy(x[order]), 0).numpy()
    np.testing.assert_array_equal(order[places], content_order(torch.from_numpy(x), 0).numpy())


def test_seed_and_precision():
    x, _ = groups(300, 6, spread=0.3)
    np.testing.assert_array_equal(kmeans(x, 6, seed=4).assignment.numpy(), kmeans(x, 6, seed=4).assignment.numpy())
    assert kmeans(x.astype(np.float32), 6, n_init=4).inertia == pytest.approx(kmeans(x, 6, n_init=4).inertia, rel=1e-3)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    kmeans(np.random.default_rng(0).normal(size=(50, 3)), 4, init="random")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("change", "message"), [
    ({"x": np.zeros(3)}, r"expected \(N, D\)"),
    ({"x": np.full((9, 2), np.nan)}, "NaN or infinity in rows"),
    ({"k": 10}, "k: got 10"),
    ({"k": 0}, "k: got 0"),
    ({"init": "best"}, "init: got 'best'"),
    ({"init": torch.zeros(2, 2)}, "init: got 2 centres, expected 3"),
    ({"fixed": np.zeros((4, 2))}, "fixed: got shape"),
    ({"fixed": np.zeros((1, 5))}, "fixed: got shape"),
    ({"n_init": 0}, "n_init: got 0"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        kmeans(**{"x": np.arange(18.0).reshape(9, 2), "k": 3, **change})


def test_half_precision_costs_no_inertia_and_is_named(monkeypatch):
    if not getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)():
        pytest.skip("this processor does not multiply bfloat16 numbers itself")
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(60, 128))[rng.integers(0, 60, 4000)] + rng.normal(size=(4000, 128))).float()
    x = torch.nn.functional.normalize(x, dim=1)
    full = kmeans(x, 60, init="random", max_iterations=300, tolerance=0.0)
    monkeypatch.setitem(kmeans.__globals__, "COARSE_ABOVE", 0)
    kept = kmeans(x, 60, init=full.centres, max_iterations=300)
    assert (full.method, kept.method) == ("float32", "bfloat16, float32")
    assert kept.converged and kept.inertia <= full.inertia * 1.0005
    half = kmeans(x, 60, init="random", max_iterations=5, tolerance=0.0)
    distances = ((x[:, None].double() - half.centres[None].double()) ** 2).sum(2)
    assert half.inertia == pytest.approx(float(distances.min(1).values.sum()), rel=1e-5)      # of the true distances
    assert torch.equal(half.assignment, distances.argmin(1))


def test_one_batch_of_all_rows_is_one_step_of_lloyd():
    x, _ = groups(300, 6, spread=0.5)
    start = torch.from_numpy(x[:6])
    one = kmeans(x, 6, init=start, batch_size=300, max_iterations=1)
    nearest = ((x[:, None] - x[:6][None]) ** 2).sum(2).argmin(1)
    np.testing.assert_allclose(one.centres, [x[nearest == c].mean(0) for c in range(6)], atol=1e-12)
    assert one.method == "batches" and one.iterations == 1 and not one.converged


def test_batches_keep_a_running_mean_of_what_they_are_given():
    x, _ = groups(90, 3, spread=0.1)
    order = content_order(torch.from_numpy(x), 0)
    draw = torch.Generator().manual_seed(0)
    work, centres, counts = x[order], x[[3, 40, 80]].copy(), np.zeros(3)
    for at in torch.randperm(90, generator=draw).split(40):
        places = ((work[at][:, None] - centres[None]) ** 2).sum(2).argmin(1)
        for c in range(3):
            for row in work[at][places == c]:                     # Sculley 2010, algorithm 1: a rate of 1 / count for every row
                counts[c] += 1
                centres[c] += (row - centres[c]) / counts[c]
    got = kmeans(x, 3, init=torch.from_numpy(x[[3, 40, 80]]), batch_size=40, max_iterations=1)
    np.testing.assert_allclose(got.centres, centres, atol=1e-12)


def test_batches_find_groups_and_leave_fixed_centres_alone():
    x, truth = groups(2000, 5)
    got = kmeans(x, 5, batch_size=256, max_iterations=20)
    assert adjusted_rand_index(got.assignment.numpy(), truth) == 1
    held = x[:2] + 0.3
    assert torch.equal(kmeans(x, 5, fixed=held, batch_size=100).centres[:2], torch.from_numpy(held))
    sphere = kmeans(x, 5, spherical=True, batch_size=100).centres
    np.testing.assert_allclose(sphere.norm(dim=1), 1, atol=1e-12)
    order = np.random.default_rng(1).permutation(2000)
    np.testing.assert_array_equal(kmeans(x[order], 5, batch_size=256, max_iterations=20).assignment, got.assignment[order])


def test_batches_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="batch_size: got 0"):
        kmeans(groups()[0], 5, batch_size=0)
    with pytest.raises(ValueError, match="either batch_size or balanced"):
        kmeans(groups()[0], 5, batch_size=10, balanced=True)


def test_what_is_kept_from_step_to_step_equals_a_search_of_all():
    draw = torch.Generator().manual_seed(0)
    rows, centres = torch.randn(400, 5, generator=draw, dtype=torch.float64), torch.randn(20, 5, generator=draw, dtype=torch.float64)
    nearest = importlib.import_module("labelnb.compute.kmeans")._Nearest(rows, (rows * rows).sum(1))
    for share in (0.0, 0.1, 0.1, 0.5, 0.9, 0.05, 0.0, 0.3, 0.2):
        moves = torch.rand(20, 1, generator=draw) < share
        centres = centres + moves * torch.randn(20, 5, generator=draw, dtype=torch.float64)
        assignment, distances = nearest.of(centres, None)
        true = torch.cdist(rows, centres).square()
        assert torch.equal(assignment, true.argmin(1))
        torch.testing.assert_close(distances, true.min(1).values)
