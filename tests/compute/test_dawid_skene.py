"""Dawid-Skene against loops written from the equations, crowd-kit's numbers, and what EM promises."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from labelnb.compute import dawid_skene


def task(n: int = 60, m: int = 6, k: int = 3, abstain: float = 0.4, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    votes = np.where(rng.random((n, m)) < 0.35 + 0.1 * np.arange(m), y[:, None], rng.integers(0, k, (n, m)))
    votes[rng.random((n, m)) < abstain] = -1
    votes[votes.max(1) < 0, 0] = 0
    return votes, y


def twin(votes, k, steps, cell=0.0, pseudo=0.0, known=None):
    """EM as in the paper, one vote at a time, in float64: probabilities, confusion, prior, log-likelihood."""
    n, m = votes.shape
    p = np.zeros((n, k))
    for i in range(n):
        for j in range(m):
            if votes[i, j] >= 0:
                p[i, votes[i, j]] += 1
    everyone = p.sum(0) / p.sum()
    p = np.array([row / row.sum() if row.sum() else everyone for row in p], dtype=float)
    known = np.full(n, -1) if known is None else known
    for i in np.flatnonzero(known >= 0):
        p[i] = np.eye(k)[known[i]]
    for _ in range(steps):
        prior = (p.sum(0) + pseudo) / (p.sum() + k * pseudo)
        confusion = np.full((m, k, k), cell)
        for i in range(n):
            for j in range(m):
                if votes[i, j] >= 0:
                    confusion[j, :, votes[i, j]] += p[i]
        for j in range(m):
            for t in range(k):
                total = confusion[j, t].sum()
                confusion[j, t] = confusion[j, t] / total if total else 1 / k
        likelihood = 0.0
        for i in range(n):
            joint = prior.copy()
            for j in range(m):
                if votes[i, j] >= 0:
                    joint *= confusion[j, :, votes[i, j]]
            likelihood += np.log(joint.sum() if known[i] < 0 else joint[known[i]])
            p[i] = joint / joint.sum() if known[i] < 0 else np.eye(k)[known[i]]
    return p, confusion, prior, likelihood


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize(("cell", "pseudo", "some"), [(0.0, 0.0, False), (0.3, 2.0, False), (0.1, 0.0, True)])
def test_agrees_with_the_equations_written_as_loops(steps, cell, pseudo, some):
    votes, y = task()
    votes[5] = -1
    known = np.where(np.arange(60) < 10, y, -1) if some else None
    p, confusion, prior, likelihood = twin(votes, 3, steps, cell, pseudo, known)
    made = dawid_skene(votes, labels=known, prior_counts=pseudo, confusion_counts=cell, tolerance=0.0, max_iterations=steps)
    np.testing.assert_allclose(made.probabilities, p, atol=1e-10)
    np.testing.assert_allclose(made.confusion, confusion, atol=1e-10)
    np.testing.assert_allclose(made.prior, prior, atol=1e-12)
    assert made.log_likelihood == pytest.approx(likelihood, rel=1e-10)
    assert made.iterations == steps and not made.converged


def test_agrees_with_crowd_kit():
    """crowd-kit 1.4.2, DawidSkene(n_iter=20, tol=-1e9) on the same votes; its columns put in the order of the classes."""
    made = dawid_skene(task()[0], confusion_counts=0.0, tolerance=0.0, max_iterations=20)
    expected = [
        [0.481382, 0.0, 0.518618], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0],
        [0.025471, 0.0, 0.974529], [0.924331, 0.0, 0.075669],
    ]
    np.testing.assert_allclose(made.probabilities[:8], expected, atol=1e-6)
    np.testing.assert_allclose(made.probabilities.sum(0), [12.914577, 20.34996, 26.735463], atol=1e-5)
    confusion = [[0.830207, 0.0, 0.169793], [0.085025, 0.914975, 0.0], [0.126966, 0.064449, 0.808585]]    # one M-step later there
    np.testing.assert_allclose(made.confusion[2], confusion, atol=2e-5)


@pytest.mark.parametrize("cell", [0.0, 0.01, 1.0])
def test_no_step_lowers_the_objective_and_the_last_one_hardly_raises_it(cell):
    votes, _ = task(n=300)
    made = dawid_skene(votes, confusion_counts=cell, prior_counts=cell)
    assert made.converged and len(made.trace) == made.iterations > 3
    rises = made.trace.diff().numpy()
    assert rises.min() > -1e-9 * abs(made.trace[-1])
    assert rises[-1] <= 1e-6 * (votes >= 0).sum() < rises[-2]


def test_finds_the_truth_and_the_worth_of_each_source_where_the_majority_errs():
    rng = np.random.default_rng(0)
    y = rng.choice(3, 3000, p=[0.2, 0.3, 0.5])
    accuracy = np.array([0.9, 0.85, 0.45, 0.4, 0.4, 0.4])
    wrong = (y[:, None] + rng.integers(1, 3, (3000, 6))) % 3
    votes = np.where(rng.random((3000, 6)) < accuracy, y[:, None], wrong)
    votes[rng.random((3000, 6)) < 0.2] = -1
    made = dawid_skene(votes)
    counts = np.stack([(votes == c).sum(1) for c in range(3)], 1)
    right, majority = (made.probabilities.argmax(1).numpy() == y).mean(), (counts.argmax(1) == y).mean()
    assert right > majority + 0.1
    np.testing.assert_allclose(made.confusion.diagonal(dim1=1, dim2=2).mean(1), accuracy, atol=0.05)
    np.testing.assert_allclose(made.prior, [0.2, 0.3, 0.5], atol=0.04)


def test_patterns_worked_on_once_give_what_single_items_give():
    votes, y = task(n=40, m=4, abstain=0.2)
    many = np.tile(votes, (12, 1))
    known = np.where(np.arange(480) % 7 == 0, np.tile(y, 12), -1)
    made = dawid_skene(many, labels=known, max_iterations=9, tolerance=0.0)
    p, confusion, _, likelihood = twin(many, 3, 9, 0.01, 0.0, known)
    np.testing.assert_allclose(made.probabilities, p, atol=1e-10)
    np.testing.assert_allclose(made.confusion, confusion, atol=1e-10)
    assert made.log_likelihood == pytest.approx(likelihood, rel=1e-10)


def test_sparse_votes_are_the_same_votes():
    votes, _ = task()
    for kind in (scipy.sparse.csr_array, scipy.sparse.coo_matrix):
        made, dense = dawid_skene(kind(votes + 1)), dawid_skene(votes)
        assert torch.equal(made.probabilities, dense.probabilities)
        assert torch.equal(made.confusion, dense.confusion)
    assert torch.equal(dawid_skene(torch.from_numpy(votes)).probabilities, dense.probabilities)
    assert torch.equal(dawid_skene(votes.tolist()).probabilities, dense.probabilities)


def test_order_of_items_sources_and_classes_is_of_no_account():
    votes, _ = task()
    made, rng = dawid_skene(votes), np.random.default_rng(1)
    items, sources, classes = rng.permutation(60), rng.permutation(6), np.array([2, 0, 1])
    renamed = np.where(votes >= 0, classes[votes], -1)[items][:, sources]
    other = dawid_skene(renamed)
    np.testing.assert_allclose(other.probabilities[:, classes], made.probabilities[items], atol=1e-8)
    np.testing.assert_allclose(other.confusion[:, classes][:, :, classes], made.confusion[sources], atol=1e-8)


def test_a_given_prior_stays_and_a_class_without_votes_gets_what_it_says():
    votes, _ = task()
    made = dawid_skene(votes, 4, prior=[1, 1, 2, 0])
    np.testing.assert_allclose(made.prior, [0.25, 0.25, 0.5, 0])
    np.testing.assert_array_equal(made.probabilities[:, 3], 0)
    assert torch.isfinite(made.confusion).all()
    silent = np.vstack([votes, np.full((1, 6), -1)])
    np.testing.assert_allclose(dawid_skene(silent, prior=[1, 1, 2]).probabilities[-1], [0.25, 0.25, 0.5])


def test_smallest_votes():
    one = dawid_skene([[0]])
    np.testing.assert_array_equal(one.probabilities, [[1.0]])
    np.testing.assert_allclose(dawid_skene([[1, -1], [-1, -1]], 2).probabilities.sum(1), 1)


def test_a_diagonal_prior_settles_what_few_votes_leave_open():
    made = dawid_skene([[0, 0, 1]] * 3 + [[1, 1, 0]] * 2, confusion_counts=np.eye(2) * 5 + 1)
    np.testing.assert_array_equal(made.probabilities.argmax(1), [0, 0, 0, 1, 1])


@pytest.mark.parametrize(("votes", "options", "message"), [
    ([[-2, 0]], {}, r"items \[0\] hold a value below -1"), ([[0.5]], {}, "got fractions"), ([[np.nan]], {}, "got fractions or NaN"),
    ([0, 1], {}, r"got shape \(2,\)"), (np.zeros((0, 3)), {}, "got shape"), ([[-1, -1]], {}, "abstains on every item"),
    ([[3]], {"n_classes": 2}, "class position 3, but there are 2"), ([[0, 1]], {"confusion_counts": -1.0}, "confusion_counts"),
    ([[0, 1]], {"confusion_counts": [[1.0]]}, "confusion_counts: got shape"), ([[0, 1]], {"prior": [1.0]}, "prior: got shape"),
    ([[0, 1]], {"prior_counts": -1}, "prior_counts: got -1"), ([[0, 1]], {"labels": [0, 1]}, "labels: got shape"),
    ([[0, 1]], {"max_iterations": 0}, "max_iterations: got 0"), (scipy.sparse.csr_array(np.array([[-1, 1]])), {}, "positions \\+ 1"),
])
def test_what_means_nothing_is_refused(votes, options, message):
    with pytest.raises(ValueError, match=message):
        dawid_skene(votes, **options)
