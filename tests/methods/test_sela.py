"""Self-labelling: recovery, the sizes asked for, the paper's loop as a special case, invariances, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score

from labelnb.compute import kmeans
from labelnb.methods.clustering import sela
from labelnb.metrics import adjusted_rand_index


def groups(n: int = 240, k: int = 4, noise: float = 0.15, shares: tuple[float, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = [n // k] * k if shares is None else [round(n * share) for share in shares]
    truth = np.repeat(np.arange(k), counts)
    x = np.linalg.qr(rng.normal(size=(12, 12)))[0][:k][truth] + noise * rng.normal(size=(len(truth), 12))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return data.data - data.data.mean(0), data.target


@pytest.mark.parametrize("options", [{}, {"start": "random"}, {"heads": 3}, {"hidden": 16}, {"neighbours": 0}, {"spread": "linear"}])
def test_recovers_equal_groups(options):
    x, truth = groups()
    got = sela(x, n_clusters=4, **options)
    assert adjusted_rand_index(got.assignment, truth) > 0.97
    assert (np.abs(got.sizes - 60) <= 1).all()


def test_recovers_unequal_groups_of_given_shares():
    shares = (0.5, 0.25, 0.15, 0.1)
    x, truth = groups(400, shares=shares)
    even = sela(x, n_clusters=4)
    got = sela(x, n_clusters=4, marginals=shares, heads=6)
    assert adjusted_rand_index(got.assignment, truth) > 0.95 > adjusted_rand_index(even.assignment, truth)
    np.testing.assert_allclose(sorted(got.sizes / 400), sorted(shares), atol=0.02)


def test_sizes_are_balanced_on_real_data_and_the_residual_is_kept():
    x, _ = digits()
    got = sela(x[:600], n_clusters=10, epochs=10)
    assert got.evidence["marginal_error"] <= 0.01
    assert (np.abs(got.sizes - 60) <= 4).all()
    assert got.warnings == ()


def test_not_below_k_means_on_digits():
    """Normalised mutual information with the ten digits, mean of three seeds, on 1,797 real images."""
    x, truth = digits()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    ours = [normalized_mutual_info_score(truth, sela(x, n_clusters=10, seed=s).assignment) for s in range(3)]
    plain = [normalized_mutual_info_score(truth, kmeans(unit, 10, seed=s).assignment.numpy()) for s in range(3)]
    assert np.mean(ours) > np.mean(plain) + 0.02
    assert min(ours) > 0.74


def test_the_objective_knows_the_better_heads():
    """No label enters the choice among the heads, and yet the heads of less objective know more of the ten digits."""
    x, truth = digits()
    got = sela(x, n_clusters=10)
    known = [normalized_mutual_info_score(truth, head) for head in got.evidence["head_assignments"]]
    assert np.corrcoef(known, got.evidence["objective"])[0, 1] < -0.6
    assert known[got.evidence["head"]] > np.mean(known)


def test_training_and_labelling_lower_the_objective():
    x, _ = digits()
    short, long = (sela(x[:500], n_clusters=10, epochs=e, updates=20, start="random") for e in (2, 30))
    assert min(long.evidence["objective"]) < 0.8 * min(short.evidence["objective"])
    assert long.evidence["loss"][-1] < long.evidence["loss"][0]
    assert long.evidence["changed"][-1] < 0.2 < long.evidence["changed"][0]


def test_the_head_of_least_objective_is_returned():
    x, _ = digits()
    got = sela(x[:500], n_clusters=10, heads=4, epochs=15)
    evidence = got.evidence
    assert evidence["head_assignments"].shape == (4, 500)
    assert evidence["head"] == int(np.argmin(evidence["objective"]))
    np.testing.assert_array_equal(evidence["head_assignments"][evidence["head"]], got.assignment)


def test_probabilities_agree_with_the_assignment():
    x, _ = digits()
    got = sela(x[:500], n_clusters=10, epochs=15)
    np.testing.assert_array_equal(got.probabilities.argmax(1), got.assignment)
    np.testing.assert_allclose(got.probabilities.sum(1), 1, atol=1e-5)
    assert got.probabilities.max(1).std() > 0.01
    np.testing.assert_allclose(np.exp(got.evidence["scores"]).sum(1), 1, atol=1e-5)


def test_labels_are_updated_as_often_as_asked_and_more_often_early():
    x, _ = groups()
    quadratic = sela(x, n_clusters=4, start="random", epochs=30, updates=10, batch_size=24).evidence["changed"]
    assert len(quadratic) == 10
    from labelnb.methods.clustering.sela import _schedule

    times = np.array(_schedule(100, 200, 100, "quadratic", "random"))
    reference = np.linspace(0, 1, 100) ** 2 * 200.01 * 100        # main.py of the reference, which spreads them over epochs + 1.01
    np.testing.assert_allclose(times, reference, rtol=1e-12)


def test_order_of_items_does_not_matter():
    x, _ = digits()
    x = x[:300].astype(np.float32)
    order = np.random.default_rng(0).permutation(300)
    one, other = sela(x, n_clusters=8, epochs=8), sela(x[order], n_clusters=8, epochs=8)
    assert np.mean(other.assignment == one.assignment[order]) > 0.99


def test_seed_decides_and_the_global_generator_is_left_alone():
    x, _ = digits()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    runs = [sela(x[:300], n_clusters=8, epochs=5, start="random", seed=s).assignment for s in (3, 3, 4)]
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_double_precision_agrees():
    x, _ = groups()
    one, other = sela(x, n_clusters=4), sela(x.astype(np.float32), n_clusters=4)
    assert adjusted_rand_index(one.assignment, other.assignment) == pytest.approx(1)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 2), (5, 5), (3, 1), (40, 39)])
def test_small_inputs(n, k):
    x = np.random.default_rng(0).normal(size=(n, 6))
    got = sela(x, n_clusters=k, epochs=3)
    assert got.sizes.sum() == n
    assert got.n_clusters == k


@pytest.mark.parametrize(("change", "message"), [
    ({"embeddings": np.full((9, 2), np.nan)}, "NaN or infinity"),
    ({"embeddings": np.zeros((0, 2))}, "nothing to work on"),
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"),
    ({"n_clusters": 0}, "n_clusters: got 0"),
    ({"heads": 0}, "heads: got 0"),
    ({"marginals": [1, 2]}, r"marginals: got shape \(2,\)"),
    ({"marginals": [1, -1, 1]}, "marginals: expected finite"),
    ({"sharpness": 0.0}, "sharpness: got 0.0"),
    ({"spread": "cubic"}, "spread: got 'cubic'"),
    ({"start": "zeros"}, "start: got 'zeros'"),
    ({"epochs": 0}, "epochs: got 0"),
    ({"neighbours": -1}, "neighbours: got -1"),
    ({"batch_size": 0}, "batch_size: got 0"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        sela(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
