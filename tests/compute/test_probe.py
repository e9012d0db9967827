"""The probe against scikit-learn on the same objective, its weights, soft and missing targets, folds, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from labelnb.compute import out_of_fold, probe
from labelnb.compute.probe import ProbeSpace, stratified_folds


def task(n: int = 300, k: int = 4, d: int = 20, seed: int = 0, noise: float = 0.35) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    x = rng.normal(size=(k, d))[y] * noise + rng.normal(size=(n, d)) + 3.0      # far from the origin, as embeddings are
    return x / np.linalg.norm(x, axis=1, keepdims=True), y


def objective(weight: np.ndarray, bias: np.ndarray, x: np.ndarray, y: np.ndarray, l2: float, mass: np.ndarray | None = None) -> float:
    """(sum of mass * cross-entropy + l2 / 2 |weight|^2) / total mass, slowly, in float64."""
    mass = np.ones(len(y)) if mass is None else mass
    scores = x @ weight.T + bias
    losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(((mass * losses).sum() + 0.5 * l2 * (weight**2).sum()) / mass.sum())


@pytest.mark.parametrize("l2", [10.0, 1.0, 0.01])
@pytest.mark.parametrize("shape", [(300, 20), (40, 100)])
def test_equals_scikit_learn(shape, l2):
    x, y = task(shape[0], d=shape[1])
    got = probe(x, y, l2=l2, tolerance=1e-12)
    peer = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(x, y)
    assert got.loss == pytest.approx(objective(got.weight.numpy(), got.bias.numpy(), x, y, l2), abs=1e-10)
    assert got.loss == pytest.approx(objective(peer.coef_, peer.intercept_, x, y, l2), abs=1e-8)
    np.testing.assert_allclose(got.probabilities(x).numpy(), peer.predict_proba(x), atol=2e-4)
    assert (got.probabilities(x).argmax(1).numpy() == peer.predict(x)).all()


def test_single_precision_at_default_tolerance_is_within_a_thousandth():
    x, y = task(1000, 10, 64)
    got = probe(x.astype(np.float32), y)
    peer = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x, y)
    assert got.weight.dtype == torch.float32
    assert got.loss == pytest.approx(objective(peer.coef_, peer.intercept_, x, y, 1.0), abs=2e-5)
    assert (got.probabilities(x).argmax(1).numpy() == peer.predict(x)).mean() > 0.998
    assert 0 <= got.gap <= 1e-5


def test_many_rows_begin_on_samples_and_end_at_the_minimum():
    x, y = task(5000, 5)
    got = probe(x, y, tolerance=1e-12)
    peer = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x, y)
    assert got.loss == pytest.approx(objective(peer.coef_, peer.intercept_, x, y, 1.0), abs=1e-9)
    soft = probe(x, np.eye(5)[y], tolerance=1e-12)
    assert soft.loss == pytest.approx(got.loss, abs=1e-9)


def test_two_classes_are_penalised_as_in_scikit_learn():
    x, y = task(k=2)
    peer = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(probe(x, y, l2=0.5, tolerance=1e-12).probabilities(x).numpy(), peer.predict_proba(x), atol=1e-5)


def test_weights_are_copies():
    x, y = task()
    mass = np.random.default_rng(1).integers(0, 4, len(y))
    weighted = probe(x, y, weights=mass, tolerance=1e-12)
    copied = probe(np.repeat(x, mass, axis=0), np.repeat(y, mass), tolerance=1e-12)
    assert weighted.loss == pytest.approx(copied.loss, abs=1e-10)
    np.testing.assert_allclose(weighted.probabilities(x).numpy(), copied.probabilities(x).numpy(), atol=1e-4)


def test_soft_targets_are_shares_of_rows():
    x, y = task()
    soft = np.eye(4)[y] * 0.7 + 0.3 * np.eye(4)[(y + 1) % 4]
    got = probe(x, soft, tolerance=1e-12)
    split = probe(np.concatenate([x, x]), np.concatenate([y, (y + 1) % 4]), weights=np.repeat([0.7, 0.3], len(y)), tolerance=1e-12)
    assert got.loss == pytest.approx(split.loss, abs=1e-9)
    np.testing.assert_allclose(got.weight.numpy(), split.weight.numpy(), atol=1e-4)
    hard = probe(x, np.eye(4)[y], tolerance=1e-12)
    assert hard.loss == pytest.approx(probe(x, y, tolerance=1e-12).loss, abs=1e-10)


def test_rows_without_a_label_are_left_out():
    x, y = task()
    half = np.where(np.arange(len(y)) % 2, y, -1)
    np.testing.assert_allclose(probe(x, half).weight.numpy(), probe(x[1::2], y[1::2]).weight.numpy(), atol=1e-10)
    soft = np.eye(4)[y] * (np.arange(len(y)) % 2)[:, None]
    np.testing.assert_allclose(probe(x, soft).weight.numpy(), probe(x[1::2], y[1::2]).weight.numpy(), atol=1e-8)


def test_a_class_without_an_example_gets_nothing():
    x, y = task()
    got = probe(x, np.where(y == 1, 0, y), n_classes=6)
    p = got.probabilities(x).numpy()
    assert p.shape == (300, 6)
    assert (p[:, [1, 4, 5]] == 0).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)


def test_multilabel_is_one_regression_a_column():
    x, y = task()
    many = np.stack([y == 0, y > 1, np.arange(len(y)) % 3 == 0], axis=1).astype(int)
    got = probe(x, many, loss="multilabel", tolerance=1e-12)
    peer = OneVsRestClassifier(LogisticRegression(tol=1e-10, max_iter=10_000)).fit(x, many)
    np.testing.assert_allclose(got.probabilities(x).numpy(), peer.predict_proba(x), atol=1e-4)


def test_multilabel_skips_what_is_not_known():
    x, y = task()
    many = np.stack([y == 0, y > 1, np.ones(len(y)), np.zeros(len(y))], axis=1).astype(int)
    many[::2, 0] = -1
    got = probe(x, many, loss="multilabel", tolerance=1e-12).probabilities(x).numpy()
    alone = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x[1::2], many[1::2, 0]).predict_proba(x)[:, 1]
    np.testing.assert_allclose(got[:, 0], alone, atol=1e-4)
    assert (got[:, 2] == 1).all() and (got[:, 3] == 0).all()


def test_order_of_rows_and_classes():
    x, y = task()
    rows, place = np.random.default_rng(0).permutation(len(y)), np.array([2, 0, 3, 1])
    one, other = probe(x, y, tolerance=1e-12), probe(x[rows], place[y][rows], tolerance=1e-12)
    np.testing.assert_allclose(other.probabilities(x).numpy()[:, place], one.probabilities(x).numpy(), atol=1e-5)


def test_out_of_fold_is_what_each_fold_says_alone():
    x, y = task()
    got = out_of_fold(x, y, folds=4, l2=0.1, tolerance=1e-11).numpy()
    fold = stratified_folds(torch.from_numpy(x), torch.from_numpy(y), 4, 0).numpy()
    for held in range(4):
        peer = LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000).fit(x[fold != held], y[fold != held])
        np.testing.assert_allclose(got[fold == held], peer.predict_proba(x[fold == held]), atol=1e-4)


def test_the_shared_start_leaves_no_trace():
    """In a space wider than the rows are many the full fit is certain of every label; a trace of it would show."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 200)).astype(np.float32), rng.integers(0, 3, 60)
    p = out_of_fold(x, y, l2=1e-3).numpy()
    assert (p.argmax(1) == y).mean() < 0.6
    exact = out_of_fold(x.astype(np.float64), y, l2=1e-3, tolerance=1e-13).numpy()
    np.testing.assert_allclose(p, exact, atol=0.02)


def test_folds_are_stratified_and_depend_on_content_alone():
    x, y = task(103, 5)
    x, y = torch.from_numpy(x), torch.from_numpy(np.where(np.arange(103) < 3, -1, y))
    fold = stratified_folds(x, y, 5, 0)
    assert ((fold == -1) == (y == -1)).all()
    for c in range(5):
        sizes = torch.bincount(fold[y == c], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    sizes = torch.bincount(fold[fold >= 0], minlength=5)
    assert sizes.max() - sizes.min() <= 2
    order, place = torch.randperm(103, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 1, 4, 0, 2])
    renamed = torch.where(y >= 0, place[y.clamp_min(0)], -1)
    assert torch.equal(stratified_folds(x[order], renamed[order], 5, 0), fold[order])
    assert not torch.equal(stratified_folds(x, y, 5, 1), fold)


def test_rare_classes_and_unlabelled_rows_in_folds():
    x, y = task(100, 3)
    y = np.where(y == 2, 1, y)
    y[:3], y[3] = 2, 3                                            # three rows of one class, a single one of another
    y[4:9] = -1
    p = out_of_fold(x, y, folds=5).numpy()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    assert p[3, 3] == 0
    assert (p[:3, 2] > 0).all()
    fold = stratified_folds(torch.from_numpy(x), torch.from_numpy(y), 5, 0).numpy()
    parts = [np.where(fold == f, -1, y) for f in range(5)]
    each = [probe(x, part, n_classes=4).probabilities(x[4:9]).numpy() for part in parts]
    np.testing.assert_allclose(p[4:9], np.mean(each, axis=0), atol=2e-3)


def test_a_shared_space_gives_the_same_fit():
    x, y = task()
    space = ProbeSpace(torch.from_numpy(x))
    part = torch.from_numpy(np.where(np.arange(len(y)) < 100, y, -1))
    fit = space.fit(part, l2=0.3, n_classes=4, tolerance=1e-12)
    alone = probe(x[:100], y[:100], l2=0.3, tolerance=1e-12)
    np.testing.assert_allclose(space.probabilities(fit).numpy(), alone.probabilities(x).numpy(), atol=1e-5)
    again = space.fit(part, l2=0.3, n_classes=4, start=fit, tolerance=1e-6)
    assert again.iterations <= 2


@pytest.mark.parametrize(("change", "message"), [
    ({"x": np.zeros(3)}, r"x: got shape \(3,\)"),
    ({"x": np.full((6, 2), np.inf)}, "NaN or infinity in rows"),
    ({"y": np.zeros(5, int)}, r"y: got shape \(5,\)"),
    ({"y": np.zeros(6, int)}, r"only class 0 has some \(6\)"),
    ({"y": np.full(6, -1)}, "no class has any"),
    ({"y": np.full((6, 2), 0.9)}, "soft targets"),
    ({"y": np.full((5, 2), 0.5)}, r"y: got shape \(5, 2\)"),
    ({"n_classes": 1}, "holds? a class position"),
    ({"weights": np.ones(4)}, r"weights: got shape \(4,\)"),
    ({"weights": np.full(6, -1.0)}, "weights: got shape"),
    ({"l2": 0}, "l2: got 0"),
    ({"tolerance": 2.0}, "tolerance: got 2.0"),
    ({"loss": "hinge"}, "loss: got 'hinge'"),
    ({"loss": "multilabel"}, r"y: got shape \(6,\)"),
    ({"loss": "multilabel", "y": np.full((6, 2), 2)}, "expected 1, 0 and -1"),
    ({"loss": "multilabel", "y": np.ones((6, 2))}, "no class has both"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        probe(**{"x": np.arange(12.0).reshape(6, 2), "y": np.array([0, 1, 0, 1, 0, 1]), **change})


def test_bad_folds_and_new_rows():
    x, y = task(30)
    with pytest.raises(ValueError, match="folds: got 1"):
        out_of_fold(x, y, folds=1)
    with pytest.raises(ValueError, match=r"expected \(N, 20\)"):
        probe(x, y).probabilities(x[:, :3])


@pytest.mark.parametrize("halves", [True, False])
def test_half_precision_on_the_way_changes_nothing_at_the_end(halves, monkeypatch):
    """Forced on, for this processor may not be fast at it: the minimum is scikit-learn's, and many passes were coarse."""
    from labelnb.compute import logistic

    passes = {True: 0, False: 0}
    call = logistic.Objective.__call__

    def counted(self, point):
        passes[self.z.dtype == torch.bfloat16] += 1
        return call(self, point)

    monkeypatch.setattr(logistic, "halves_are_fast", lambda device: halves)
    monkeypatch.setattr(logistic.Objective, "__call__", counted)
    x, y = task(5000, d=80)
    x = x.astype(np.float32)
    got = probe(x, y, tolerance=1e-6)
    peer = LogisticRegression(tol=1e-8, max_iter=10_000).fit(x.astype(np.float64), y)
    assert objective(got.weight.double().numpy(), got.bias.double().numpy(), x.astype(np.float64), y, 1.0) == pytest.approx(
        objective(peer.coef_, peer.intercept_, x.astype(np.float64), y, 1.0), rel=2e-6)
    assert (passes[True] > passes[False] / 2) if halves else passes[True] == 0


def test_a_fit_that_begins_at_another_ends_where_one_from_the_beginning_ends():
    """With what the other learnt of the curvature; for other rows, and for fewer classes."""
    x, y = task(2000, d=70)
    space = ProbeSpace(torch.from_numpy(x))
    labels = torch.from_numpy(y)
    whole = space.fit(labels, l2=1.0, n_classes=4)
    for rest in (torch.where(torch.arange(2000) % 5 == 0, -1, labels), torch.where(labels == 3, -1, labels)):
        near, anew = (space.fit(rest, l2=1.0, n_classes=4, tolerance=1e-9, start=start) for start in (whole, None))
        assert near.loss == pytest.approx(anew.loss, rel=1e-8)
        torch.testing.assert_close(space.probabilities(near), space.probabilities(anew), atol=2e-4, rtol=0)
    assert near.memory is not None and near.iterations > 0


def test_axes_of_a_part_of_many_rows_do_as_well():
    """Rows sorted by class: a part of them gives the axes, and the minimum is the same."""
    x, y = task(4000, d=12)
    order = np.argsort(y, kind="stable")
    got, sorted_ = probe(x, y, tolerance=1e-10), probe(x[order], y[order], tolerance=1e-10)
    assert got.loss == pytest.approx(sorted_.loss, rel=1e-9)
    np.testing.assert_allclose(got.weight, sorted_.weight, atol=1e-3)
