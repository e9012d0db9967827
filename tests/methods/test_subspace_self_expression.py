"""Self-expression against its definition and the reference's recorded numbers, and subspaces that means cannot tell apart."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.methods.clustering import k_means, subspace_self_expression
from labelnb.methods.clustering.subspace_self_expression import affinity, cut, expression_loss, spectral
from labelnb.metrics import adjusted_rand_index


def subspaces(n: int = 150, dim: int = 3, noise: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Items in three subspaces through the origin, on both sides of it: the mean of each group is nought."""
    rng = np.random.default_rng(0)
    truth = np.arange(n) % 3
    bases = np.linalg.qr(rng.normal(size=(30, 3 * dim)))[0].T.reshape(3, dim, 30)
    x = np.stack([rng.normal(size=dim) @ bases[t] for t in truth]) + noise * rng.normal(size=(n, 30))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def recorded_input() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.arange(36) % 3
    basis = rng.normal(size=(3, 2, 12))
    x = np.stack([rng.normal(size=2) @ basis[t] for t in truth]) + 0.05 * rng.normal(size=(36, 12))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def test_finds_subspaces_where_means_find_nothing():
    x, truth = subspaces()
    assert adjusted_rand_index(k_means(x, n_clusters=3).assignment, truth) < 0.3
    got = subspace_self_expression(x, n_clusters=3)
    assert adjusted_rand_index(got.assignment, truth) > 0.95
    assert got.evidence["energy"] < 0.5


def test_layers_that_share_the_coefficients_withstand_noise():
    x, truth = subspaces(noise=0.2)
    one, many = (subspace_self_expression(x, n_clusters=3, layers=layers) for layers in (0, 2))
    assert adjusted_rand_index(many.assignment, truth) > 0.7 > 0.3 > adjusted_rand_index(one.assignment, truth)


def test_fitting_on_and_on_fits_the_noise():
    x, truth = subspaces(noise=0.2)
    settled, late = (subspace_self_expression(x, n_clusters=3, relative_error=e) for e in (0.03, 1e-8))
    assert adjusted_rand_index(settled.assignment, truth) > adjusted_rand_index(late.assignment, truth) + 0.2


def test_affinity_groups_and_cut_are_those_of_the_reference():
    """Recorded from adjacency_matrix_angular_domain (9 kept), spectral_clustering_shifted_laplacian and subspace_clustering_loss of
    LIHFSS-SVDSC.py, run on each item's ridge regression on the others (its compute_initial_C)."""
    x, truth = recorded_input()
    inverse = np.linalg.inv(x @ x.T + 0.1 * np.eye(36))
    c = torch.from_numpy(-inverse / np.diag(inverse)[:, None]).fill_diagonal_(0)
    a = affinity(c, 9)
    assert float(a.sum()) == pytest.approx(42.05225457, abs=1e-6)
    assert int((a > 0).sum()) == 346
    assert float(a[0, 3]) == pytest.approx(0.05171799, abs=1e-7)
    assert adjusted_rand_index(spectral(a, 3, 0).numpy(), truth) == 1
    assert float(cut(c, torch.from_numpy(truth))) == pytest.approx(93.0213394165039, rel=1e-4)


def test_loss_is_the_sum_over_layers_of_what_the_others_do_not_express():
    rng = np.random.default_rng(0)
    c, layers = rng.normal(size=(5, 5)), [rng.normal(size=(5, 4)), rng.normal(size=(5, 2))]
    expected = sum(
        (z[i, d] - sum(c[i, j] * z[j, d] for j in range(5))) ** 2 for z in layers for i in range(5) for d in range(z.shape[1])
    )
    assert float(expression_loss(torch.from_numpy(c), [torch.from_numpy(z) for z in layers])) == pytest.approx(expected)


def test_stops_by_itself_and_says_where_it_did_not():
    x, _ = subspaces()
    loose, strict = (subspace_self_expression(x, n_clusters=3, relative_error=e, most_steps=40) for e in (0.1, 1e-8))
    assert loose.evidence["stopped"] and loose.evidence["steps"] < 40 and loose.warnings == ()
    assert not strict.evidence["stopped"] and "had not settled after 40 steps" in strict.warnings[0]
    assert strict.evidence["loss"][-1] < strict.evidence["loss"][0]
    assert (np.diag(strict.evidence["coefficients"]) == 0).all()


def test_quality_steps_lower_the_cut():
    x, truth = subspaces(noise=0.2)
    before, after = (subspace_self_expression(x, n_clusters=3, quality_steps=q, most_steps=20).evidence for q in (0, 10))
    groups = torch.from_numpy(truth)
    assert cut(torch.tensor(after["coefficients"]), groups) < cut(torch.tensor(before["coefficients"]), groups)


def test_items_beyond_the_sample_go_with_their_neighbours():
    x, truth = subspaces(400)
    got = subspace_self_expression(x, n_clusters=3, max_items=200)
    assert got.evidence["coefficients"].shape == (200, 200)
    assert len(set(got.evidence["sample"].tolist())) == 200
    assert (got.assignment >= 0).all()
    assert adjusted_rand_index(got.assignment, truth) > 0.8


def test_order_of_items_does_not_matter():
    x, _ = subspaces()
    order = np.random.default_rng(0).permutation(150)
    one, other = subspace_self_expression(x, n_clusters=3), subspace_self_expression(x[order], n_clusters=3)
    assert adjusted_rand_index(one.assignment[order], other.assignment) > 0.99


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"layers": -1}, "layers: got -1"), ({"dimension": 0}, "dimension: got 0"),
    ({"most_steps": 0}, "most_steps: got 0"), ({"max_items": 3}, "max_items: got 3"), ({"lr": 0.0}, "lr: got 0"),
    ({"relative_error": 0.9}, "relative_error"), ({"quality_steps": -1}, "quality_steps"), ({"pretraining": -1}, "pretraining"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        subspace_self_expression(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
