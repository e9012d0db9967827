"""Sinkhorn against a slow float64 twin, its marginals, its two domains, and what it refuses."""
from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

from labelnb.compute import sinkhorn


def twin(scores: np.ndarray, row: np.ndarray, column: np.ndarray, temperature: float, sweeps: int = 100_000) -> np.ndarray:
    """The plain iteration of Cuturi 2013 in the log domain, float64, until nothing moves."""
    s, g = scores / temperature, np.zeros(scores.shape[1])
    with np.errstate(divide="ignore"):
        log_row, log_column = np.log(row), np.log(column)
    for _ in range(sweeps):
        f = log_row - np.logaddexp.reduce(s + g, axis=1)
        new = log_column - np.logaddexp.reduce(s + f[:, None], axis=0)
        done = np.nanmax(np.abs(np.where(np.isfinite(new), new - g, 0))) < 1e-13
        g = new
        if done:
            break
    return np.exp(s + f[:, None] + g)


def draw(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.04])
@pytest.mark.parametrize("shape", [(40, 6), (7, 30), (50, 1), (1, 5)])
def test_equals_the_twin(shape, temperature):
    rng = np.random.default_rng(1)
    row, column = rng.random(shape[0]) + 0.1, rng.random(shape[1]) + 0.1
    got = sinkhorn(draw(*shape), row=row, column=column, temperature=temperature, tolerance=1e-11)
    expected = twin(draw(*shape), row / row.sum(), column / column.sum(), temperature)
    np.testing.assert_allclose(got.plan.numpy(), expected, rtol=0, atol=1e-6 * expected.max())
    assert got.marginal_error < 1e-10


def test_marginals_are_met_and_the_error_is_measured():
    got = sinkhorn(draw(300, 20), temperature=0.05, tolerance=1e-6)
    error = np.abs(got.plan.sum(0).numpy() - 1 / 20).sum() + np.abs(got.plan.sum(1).numpy() - 1 / 300).sum()
    assert error < 1.1e-6
    assert got.marginal_error == pytest.approx(error, rel=0.05, abs=1e-12)


def test_a_plan_that_has_not_converged_says_so():
    got = sinkhorn(draw(300, 20), temperature=0.01, tolerance=1e-9, max_iterations=2)
    error = np.abs(got.plan.sum(0).numpy() - 1 / 20).sum()
    assert got.iterations == 2
    assert got.marginal_error > 1e-3
    assert got.marginal_error == pytest.approx(error, rel=1e-6)


def test_wide_ranges_change_the_domain_and_not_the_answer():
    scores = draw(60, 8)
    narrow, wide = sinkhorn(scores, temperature=1.0), sinkhorn(scores.astype(np.float32), temperature=0.005, tolerance=1e-5)
    assert narrow.method == "scaled"
    assert wide.method == "log"
    expected = twin(scores, np.full(60, 1 / 60), np.full(8, 1 / 8), 0.005, sweeps=200_000)
    np.testing.assert_allclose(wide.plan.numpy(), expected, atol=2e-4 * expected.max())


def test_single_precision_reaches_its_tolerance():
    scores = torch.randn(2000, 10, generator=torch.Generator().manual_seed(0))
    got = sinkhorn(scores, temperature=0.05, tolerance=1e-5)
    assert got.plan.dtype == torch.float32
    assert got.marginal_error < 2e-5
    exact = sinkhorn(scores.double(), temperature=0.05, tolerance=1e-11)
    np.testing.assert_allclose(got.plan.numpy(), exact.plan.numpy(), atol=1e-4 * exact.plan.max().item())


def test_half_types_become_single():
    assert sinkhorn(torch.randn(20, 3).half()).plan.dtype == torch.float32


def test_no_mass_and_forbidden_places():
    scores = draw(30, 5)
    scores[4, 1:] = -np.inf
    scores[7] = -np.inf
    row, column = np.ones(30), np.array([2.0, 1.0, 0.0, 1.0, 4.0])
    row[7] = 0
    got = sinkhorn(scores, row=row, column=column, temperature=0.3, tolerance=1e-10).plan.numpy()
    assert (got[:, 2] == 0).all() and (got[7] == 0).all() and (got[4, 1:] == 0).all()
    np.testing.assert_allclose(got.sum(0), column / 8, atol=1e-9)
    np.testing.assert_allclose(got.sum(1), row / 29, atol=1e-9)


def test_potential_gives_the_rows():
    scores, row = draw(40, 6), np.random.default_rng(0).random(40)
    got = sinkhorn(scores, row=row, temperature=0.2, tolerance=1e-10)
    rows = torch.softmax(torch.from_numpy(scores) / 0.2 + got.potential, dim=1) * torch.from_numpy(row / row.sum())[:, None]
    np.testing.assert_allclose(got.plan.numpy(), rows.numpy(), atol=1e-12)
    again = sinkhorn(scores, row=row, temperature=0.2, tolerance=1e-8, start=got.potential)
    assert again.iterations == 1


def test_order_of_items_and_places():
    scores = draw(50, 7)
    order, places = np.random.default_rng(3).permutation(50), np.random.default_rng(4).permutation(7)
    one = sinkhorn(scores, tolerance=1e-10).plan.numpy()
    other = sinkhorn(scores[order][:, places], tolerance=1e-10).plan.numpy()
    np.testing.assert_allclose(other, one[order][:, places], atol=1e-11)


def test_steps_equal_the_reference_of_self_labelling():
    """Labels and cost of `optimize_L_sk` in cifar.py of https://github.com/yukimasano/self-label (commit 3891e37), run on this input
    with lambda 25: it took 171 passes to its own tolerance. The cost is the mean of -log p of the labels."""
    p = np.exp(np.random.default_rng(0).normal(size=(60, 5)))
    p /= p.sum(1, keepdims=True)
    reference = [
        2, 1, 1, 4, 1, 0, 3, 4, 1, 3, 3, 2, 2, 1, 4, 4, 0, 4, 1, 0, 1, 2, 3, 1, 0, 2, 3, 1, 3, 4,
        1, 1, 4, 3, 0, 2, 2, 2, 2, 0, 3, 4, 1, 4, 3, 0, 3, 2, 0, 2, 2, 4, 3, 0, 0, 4, 0, 4, 3, 0,
    ]
    got = sinkhorn(np.log(p), temperature=1 / 25, tolerance=1e-6)
    assert got.plan.argmax(1).tolist() == reference
    assert -np.log(p[np.arange(60), reference]).mean() == pytest.approx(0.8357626307938418, abs=1e-12)
    assert got.iterations < 60


@pytest.mark.parametrize(("change", "message"), [
    ({"scores": np.full((3, 2), np.nan)}, "NaN"),
    ({"scores": np.full((3, 2), np.inf)}, r"\+infinity"),
    ({"scores": np.zeros(3)}, r"expected \(N, K\)"),
    ({"scores": np.zeros((0, 3))}, "at least one row"),
    ({"scores": np.full((3, 2), -np.inf)}, "every place with mass is forbidden"),
    ({"scores": np.array([[0.0, -np.inf], [1.0, -np.inf]])}, r"every item is forbidden .* columns \[1\]"),
    ({"row": [1, 1]}, r"row: got shape \(2,\), expected \(3,\)"),
    ({"column": [1, -1]}, "column: expected finite masses"),
    ({"column": [0, 0]}, "column: expected finite masses"),
    ({"temperature": 0.0}, "temperature: got 0.0"),
    ({"tolerance": -1}, "tolerance: got -1"),
    ({"max_iterations": 0}, "max_iterations: got 0"),
    ({"start": torch.zeros(5)}, r"start: got shape \(5,\)"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        sinkhorn(**{"scores": np.zeros((3, 2)), **change})


def scaled_with_penalties(scores, row, column, t, row_penalty, column_penalty, sweeps=20_000):
    """The scaling iteration of Chizat et al. 2018, proposition 4.3, in float64: u = (r / K v)^(rho / (rho + t)), v likewise."""
    kernel = np.exp(scores / t)
    a = 1.0 if row_penalty is None else row_penalty / (row_penalty + t)
    b = 1.0 if column_penalty is None else column_penalty / (column_penalty + t)
    v = np.ones(len(column))
    for _ in range(sweeps):
        u = (row / (kernel @ v)) ** a
        v = (column / (kernel.T @ u)) ** b
    return u[:, None] * kernel * v


@pytest.mark.parametrize("penalties", [(None, 0.3), (0.2, None), (0.5, 0.1), (3.0, 40.0)])
def test_relaxed_marginals_equal_the_scaling_iteration(penalties):
    scores, rng = draw(40, 6, seed=2), np.random.default_rng(2)
    row, column = rng.random(40) + 0.1, rng.random(6) + 0.1
    row, column = row / row.sum(), column / column.sum()
    got = sinkhorn(scores, row=row, column=column, temperature=0.3, row_penalty=penalties[0], column_penalty=penalties[1], tolerance=1e-10)
    expected = scaled_with_penalties(scores, row, column, 0.3, *penalties)
    np.testing.assert_allclose(got.plan, expected, atol=1e-8 * expected.max())
    assert got.marginal_error < 1e-9
    assert abs(got.plan.sum(0).numpy() - column).sum() > 1e-3 or penalties[1] in (None, 40.0)


def test_a_relaxed_plan_equals_pot():
    """POT 0.9.7.post1: ot.unbalanced.sinkhorn_unbalanced(row, column, -scores, 0.3, (0.5, 0.1), reg_type='entropy', stopThr=1e-14,
    numItermax=20000), the plan's first row and the sums of its columns."""
    got = sinkhorn(draw(8, 3, seed=5), temperature=0.3, row_penalty=0.5, column_penalty=0.1, tolerance=1e-12)
    np.testing.assert_allclose(got.plan[0], [0.019106604, 0.0031408634, 0.1630741584], atol=1e-9)
    np.testing.assert_allclose(got.plan.sum(0), [2.1953504867, 2.6609278694, 0.8954102145], atol=1e-9)


def in_part(scores, row, column, t, mass, sweeps=20_000):
    """Projections by Dykstra's algorithm in the Kullback-Leibler sense (Benamou et al. 2015): rows at most `row`, columns mass * column."""
    plan, kept = np.exp(scores / t), np.ones_like(scores)
    for _ in range(sweeps):
        before = plan * kept
        plan = before * np.minimum(1, row / before.sum(1))[:, None]
        kept = before / plan
        plan = plan * (mass * column / plan.sum(0))               # an equality needs no correction
    return plan * np.minimum(1, row / plan.sum(1))[:, None]


@pytest.mark.parametrize("mass", [0.3, 0.9])
def test_a_part_of_the_mass_leaves_out_what_fits_worst(mass):
    scores, rng = draw(30, 4, seed=3), np.random.default_rng(3)
    row, column = rng.random(30) + 0.1, rng.random(4) + 0.1
    row, column = row / row.sum(), column / column.sum()
    got = sinkhorn(scores, row=row, column=column, temperature=0.2, mass=mass, tolerance=1e-10)
    np.testing.assert_allclose(got.plan, in_part(scores, row, column, 0.2, mass), atol=1e-8)
    np.testing.assert_allclose(got.plan.sum(0), mass * column, atol=1e-9)
    sums = got.plan.sum(1).numpy()
    assert (sums <= row * (1 + 1e-9)).all() and (sums < 0.5 * row).any() and (sums > 0.999 * row).any()


def test_a_part_that_is_nearly_all_is_nearly_the_whole():
    whole, part = (sinkhorn(draw(50, 5), temperature=0.2, mass=m, tolerance=1e-9).plan for m in (1.0, 1 - 1e-7))
    np.testing.assert_allclose(part, whole, atol=1e-6)


def test_single_precision_and_wide_ranges_relaxed_and_in_part():
    scores = draw(200, 8)
    for options in ({"mass": 0.5}, {"column_penalty": 0.05}, {"row_penalty": 0.5, "column_penalty": 0.05}):
        wide = sinkhorn(scores.astype(np.float32), temperature=0.02, tolerance=1e-4, **options)
        exact = sinkhorn(scores, temperature=0.02, tolerance=1e-10, **options)
        assert wide.marginal_error < 2e-4 and exact.marginal_error < 2e-10
        np.testing.assert_allclose(wide.plan, exact.plan, atol=5e-3 * exact.plan.max().item())


def test_a_plan_is_written_where_it_is_asked_for_and_scores_may_lie_in_a_file(tmp_path):
    scores = draw(300, 20).astype(np.float32)
    np.save(tmp_path / "scores.npy", scores)
    where = np.lib.format.open_memmap(tmp_path / "plan.npy", mode="w+", dtype=np.float32, shape=(300, 20))
    got = sinkhorn(np.load(tmp_path / "scores.npy", mmap_mode="r", allow_pickle=False), out=where)
    where.flush()
    expected = sinkhorn(scores).plan
    np.testing.assert_array_equal(np.load(tmp_path / "plan.npy", allow_pickle=False), expected)
    assert got.plan.data_ptr() == where.ctypes.data
    with pytest.raises(ValueError, match=r"out: got shape \(3, 2\)"):
        sinkhorn(scores, out=np.zeros((3, 2), np.float32))


@pytest.mark.parametrize(("change", "message"), [
    ({"mass": 0.0}, "mass: got 0.0"), ({"mass": 1.5}, "mass: got 1.5"), ({"mass": 0.5, "row_penalty": 1.0}, "either mass or row_penalty"),
    ({"row_penalty": 0.0}, "row_penalty: got 0.0"), ({"column_penalty": -1.0}, "column_penalty: got -1"),
])
def test_marginals_that_mean_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        sinkhorn(np.zeros((3, 2)), **change)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_pass_equals_the_blocks_with_any_number_of_threads(monkeypatch, dtype):
    scores, row = torch.from_numpy(draw(5000, 30)).to(dtype), torch.ones(5000)
    scores[3], row[3] = -float("inf"), 0
    options = {"row": row, "temperature": 0.2, "tolerance": 1e-5 if dtype == torch.float32 else 1e-10}
    kernels = importlib.import_module("labelnb.compute.sinkhorn")
    blocks = sinkhorn(scores, **options)
    monkeypatch.setattr(kernels, "FUSED_ABOVE", 0)
    threads = torch.get_num_threads()
    try:
        plans = []
        for count in (1, 2):
            torch.set_num_threads(count)
            plans.append(sinkhorn(scores, **options).plan)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(plans[0], blocks.plan, atol=2e-5 * blocks.plan.max().item() if dtype == torch.float32 else 1e-14)
    np.testing.assert_allclose(plans[1], plans[0], atol=1e-6 * plans[0].max().item())
    np.testing.assert_allclose(plans[0].sum(0), np.full(30, 1 / 30), atol=1e-6)
