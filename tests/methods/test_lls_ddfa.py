"""DDFA: the reference's two formulas, a planted factorisation, where looks mislead and shift does not, and where nothing shifts."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF

from labelnb.methods.clustering import k_means, lls_ddfa
from labelnb.methods.clustering.lls_ddfa import adjust, anchors, factorise
from labelnb.metrics import clustering_accuracy


def planted(seed: int = 1, shift: bool = True, n: int = 1200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three classes in five domains. Each class comes in two looks and shares either with another class: what looks alike is not alike."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    share = rng.dirichlet(np.full(3, 0.5), size=5) if shift else np.full((5, 3), 1 / 3)
    domain = rng.integers(0, 5, n)
    truth = np.array([rng.choice(3, p=share[d]) for d in domain])
    half = rng.integers(0, 2, n)
    x = axes[(truth + half) % 3] + 0.45 * axes[3 + 2 * truth + half] + 0.12 * rng.normal(size=(n, 24))
    return x, domain, truth, share


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_finds_classes_where_looks_mislead(seed):
    x, domain, truth, _ = planted(seed)
    ours = clustering_accuracy(lls_ddfa(x, domain, n_clusters=3).assignment, truth)
    by_looks = clustering_accuracy(k_means(x, n_clusters=3).assignment, truth)
    assert by_looks < 0.55
    assert ours > 0.85


def test_recovers_the_shares_of_the_classes_in_each_domain():
    x, domain, truth, _ = planted(2, n=3000)
    got = lls_ddfa(x, domain, n_clusters=3)
    measured = np.array([[np.mean(truth[domain == d] == y) for d in range(5)] for y in range(3)])
    agree = np.array([[np.mean((got.assignment == c) & (truth == y)) for y in range(3)] for c in range(3)])
    found = got.evidence["p_y_given_d"][agree.argmax(0)]
    assert np.abs(found - measured).mean() < 0.08
    np.testing.assert_allclose(got.evidence["p_y_given_d"].sum(0), 1, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_fails_without_a_shift_and_says_so(seed):
    x, domain, truth, _ = planted(seed, shift=False)
    got = lls_ddfa(x, domain, n_clusters=3)
    assert clustering_accuracy(got.assignment, truth) < 0.5
    assert "mean nothing" in got.warnings[0]


def test_two_classes_that_rise_and_fall_together_become_one():
    x, _, truth, _ = planted(0)
    rng = np.random.default_rng(0)
    share = np.array([[0.8, 0.1], [0.1, 0.8], [0.5, 0.4]])                            # of class 0, and of classes 1 and 2 alike
    weight = np.where(truth[:, None] == 0, share[:, 0], share[:, 1] / 2)
    domain = np.array([rng.choice(3, p=w / w.sum()) for w in weight])
    got = lls_ddfa(x, domain, n_clusters=2)
    assert clustering_accuracy(got.assignment, (truth > 0).astype(int)) > 0.8
    assert got.warnings == ()


def test_posteriors_are_those_of_the_reference_implementation():
    """Recorded from `solve_p_y_x` and `solve_p_y_x_d` of experiment_utils.py in the authors' repository, which do not cut at 0."""
    p_y_d = np.array([[0.7, 0.2, 0.1, 0.4], [0.2, 0.5, 0.2, 0.3], [0.1, 0.3, 0.7, 0.3]])
    p_d_x = np.array([[0.5, 0.2, 0.1, 0.2], [0.2, 0.35, 0.2, 0.25], [0.1, 0.2, 0.5, 0.2], [0.3, 0.25, 0.2, 0.25]])
    even, own = adjust(torch.tensor(p_d_x), torch.tensor(p_y_d), torch.arange(4))
    recorded = np.array([[0.890909, 0.109091, 0.0], [0.14, 0.72, 0.14], [0.066182, -0.074182, 1.008], [0.453091, 0.322909, 0.224]])
    cut = recorded.clip(0) / recorded.clip(0).sum(1, keepdims=True)
    np.testing.assert_allclose(even, cut, atol=2e-6)
    recorded = np.array([[0.960784, 0.039216, 0], [0.057143, 0.857143, 0.085714], [0.501408, 0.312676, 0.185915]])
    np.testing.assert_allclose(own[[0, 1, 3]], recorded, atol=2e-6)                  # in the third row a negative part is cut first
    assert own[2].argmax() == 2


def test_factorises_a_table_with_anchors_exactly():
    rng = np.random.default_rng(0)
    w = rng.dirichlet(np.ones(3), size=6).T                                          # p(y | d)
    c = np.vstack([np.eye(3), rng.dirichlet(np.ones(3), size=6)])                    # three bins of one class each
    c /= c.sum(0)
    table = torch.tensor(c @ w) * 1e9
    assert sorted(anchors(table, 3).tolist()) == [0, 1, 2]
    found, residual = factorise(torch.tensor(c @ w), 20_000, anchors(table, 3))
    order = [int(np.abs(found.numpy() - row).sum(1).argmin()) for row in w]
    np.testing.assert_allclose(found[order], w, atol=2e-3)
    assert residual < 1e-4


def test_fits_a_noisy_table_no_worse_than_scikit_learns_random_starts():
    x, domain, _, _ = planted(3)
    got = lls_ddfa(x, domain, n_clusters=3, bins=12)
    table = np.array([[np.mean(got.evidence["bins"][domain == d] == b) for d in range(5)] for b in range(12)])
    peers = [NMF(3, init="random", random_state=s, max_iter=5000, tol=1e-8).fit(table) for s in range(5)]
    best = min(float(np.linalg.norm(table - p.transform(table) @ p.components_)) for p in peers) / np.linalg.norm(table)
    assert got.evidence["residual"] <= 1.05 * best


@pytest.mark.parametrize(("change", "message"), [
    ({"domains": np.arange(30) % 2}, "domains: 2 for n_clusters=3"),
    ({"domains": np.arange(30) % 3 * 2}, r"domains: positions \[1, 3\] hold no item"),
    ({"domains": np.full(30, -1)}, "domains: items 0, 1, 2, 3, 4 and 25 more have no label"),
    ({"domains": np.arange(9)}, "domains: got shape"),
    ({"n_clusters": 0}, "n_clusters: got 0"), ({"bins": 2}, "bins: got 2"), ({"l2": 0.0}, "l2: got 0"), ({"folds": 1}, "folds: got 1"),
    ({"updates": 0}, "updates: got 0"),
])
def test_bad_input(change, message):
    given = {"embeddings": np.random.default_rng(0).normal(size=(30, 4)), "domains": np.arange(30) % 3, "n_clusters": 3}
    with pytest.raises(ValueError, match=message):
        lls_ddfa(**{**given, **change})
