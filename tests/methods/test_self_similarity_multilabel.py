"""Multi-labels of true neighbours: the loss and the neighbours against loops, exemplars that agree, patches, recovery."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from labelnb.methods.clustering import self_similarity_multilabel
from labelnb.methods.clustering.self_similarity_multilabel import exemplars, multilabel_loss, true_neighbours
from labelnb.metrics import adjusted_rand_index, normalized_mutual_information


def groups(n: int = 160, k: int = 4, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.arange(n) % k
    x = np.linalg.qr(rng.normal(size=(12, 12)))[0][:k][truth] + noise * rng.normal(size=(n, 12))
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def test_loss_is_that_of_the_memory_based_multi_label_paper():
    """MMCL of MLCReID's lib/loss/mmcl.py, as loops: all right ones, and the hardest share of the wrong ones."""
    rng = np.random.default_rng(0)
    s, right = rng.uniform(-1, 1, (5, 40)), rng.random((5, 40)) < 0.2
    expected = []
    for i in range(5):
        near = [(1 - s[i, j]) ** 2 for j in range(40) if right[i, j]]
        wrong = sorted((s[i, j] for j in range(40) if not right[i, j]), reverse=True)[:4]
        expected.append(5.0 * sum(near) / len(near) + sum((1 + v) ** 2 for v in wrong) / 4)
    got = multilabel_loss(torch.from_numpy(s), torch.from_numpy(right), 5.0, 0.1)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_true_neighbours_list_each_other_and_are_the_most_alike():
    x, _ = groups(40)
    row, column = (part.tolist() for part in true_neighbours(torch.from_numpy(x), 5, 0.5))
    alike = x @ x.T
    np.fill_diagonal(alike, -2)
    lists = np.argsort(-alike, axis=1)[:, :5]
    edge = np.quantile(np.take_along_axis(alike, lists, 1), 0.5)
    expected = {(i, j) for i in range(40) for j in lists[i] if i in lists[j] and alike[i, j] >= edge}
    assert set(zip(row, column, strict=True)) == expected
    assert 10 < len(expected) < 100


def test_more_neighbours_are_believed_as_the_threshold_falls():
    x, _ = groups()
    few, many = (len(true_neighbours(torch.from_numpy(x), 10, share)[0]) for share in (0.1, 0.6))
    assert few < many
    low, high = (self_similarity_multilabel(x, n_clusters=4, last_share=s).evidence["true_neighbours"].sum() for s in (0.1, 0.6))
    assert low < high


def test_exemplars_are_means_of_ever_more_neighbours():
    x, _ = groups(30)
    got = exemplars(torch.from_numpy(x)).numpy()
    order = np.argsort(-(x @ x.T - 3 * np.eye(30)), axis=1)
    for i in (0, 29):
        for scale, m in enumerate((2, 5, 10)):
            mean = x[i] + sum(x[j] for j in order[i, :m])
            np.testing.assert_allclose(got[i, scale], mean / np.linalg.norm(mean), atol=1e-10)


def test_recovers_clear_groups():
    x, truth = groups()
    assert adjusted_rand_index(self_similarity_multilabel(x, n_clusters=4).assignment, truth) > 0.97


def test_not_below_its_start_on_digits():
    data = load_digits()
    got = self_similarity_multilabel(data.data[:900] - data.data.mean(0), n_clusters=10)
    start = normalized_mutual_information(got.evidence["start_assignment"], data.target[:900])
    assert normalized_mutual_information(got.assignment, data.target[:900]) > start - 0.02
    assert got.evidence["loss"][-1] < got.evidence["loss"][0]


def test_patches_take_the_place_of_neighbours_as_exemplars():
    """Half the items are blurred to almost nothing of their group; their patches still show it."""
    x, truth = groups(noise=0.1)
    rng = np.random.default_rng(1)
    patches = x[:, None] + 0.05 * rng.normal(size=(160, 3, 12))
    seen = self_similarity_multilabel(x, patches, n_clusters=4)
    plain = self_similarity_multilabel(x, n_clusters=4)
    assert adjusted_rand_index(seen.assignment, truth) > 0.97
    assert seen.evidence["loss"][0] != plain.evidence["loss"][0]
    with pytest.raises(ValueError, match="patches: got shape"):
        self_similarity_multilabel(x, patches[:-1], n_clusters=4)
    with pytest.raises(ValueError, match="patches: NaN"):
        self_similarity_multilabel(x, np.full_like(patches, np.nan), n_clusters=4)


def test_order_of_items_does_not_matter():
    x, _ = groups()
    order = np.random.default_rng(0).permutation(160)
    one, other = self_similarity_multilabel(x, n_clusters=4), self_similarity_multilabel(x[order], n_clusters=4)
    assert adjusted_rand_index(one.assignment[order], other.assignment) > 0.98


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"neighbours": 0}, "neighbours: got 0"), ({"width": 0}, "width: got 0"),
    ({"epochs": 0}, "epochs: got 0"), ({"batch_size": 0}, "batch_size: got 0"), ({"delta": -1.0}, "delta: got"),
    ({"hard": 0.0}, "hard: got"), ({"temperature": 0.0}, "temperature: got"), ({"first_share": 2.0}, "first_share: got"),
    ({"last_share": -1.0}, "last_share: got"), ({"lr": 0.0}, "lr: got"),
    ({"embeddings": np.broadcast_to(np.ones((1, 2)), (50_001, 2))}, "at most 50000"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        self_similarity_multilabel(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
