"""Spherical k-means against its definition written as loops, and where it differs from plain k-means."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.clustering import k_means, spherical_kmeans
from labelnb.metrics import adjusted_rand_index


def cone(n: int = 240, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Four groups of directions."""
    rng = np.random.default_rng(0)
    truth = np.arange(n) % 4
    x = np.linalg.qr(rng.normal(size=(12, 12)))[0][:4][truth] + noise * rng.normal(size=(n, 12))
    return x, truth


def test_every_item_has_the_greatest_cosine_with_the_direction_of_its_own_cluster():
    x, _ = cone(120, noise=0.4)
    got = spherical_kmeans(x, n_clusters=5)
    unit = [[v / np.sqrt(sum(w * w for w in row)) for v in row] for row in x]
    centres = []
    for c in range(5):
        total = np.array([sum(unit[i][d] for i in range(120) if got.assignment[i] == c) for d in range(12)])
        centres.append(total / np.sqrt((total * total).sum()))
    np.testing.assert_allclose(got.evidence["centres"], centres, atol=1e-9)
    cosines = np.array([[sum(a * b for a, b in zip(row, c, strict=True)) for c in centres] for row in unit])
    np.testing.assert_array_equal(got.assignment, cosines.argmax(1))
    assert got.evidence["inertia"] == pytest.approx(2 * (1 - cosines.max(1)).sum(), rel=1e-6)


def test_length_of_the_rows_does_not_matter():
    x, truth = cone()
    scaled = x * np.random.default_rng(1).uniform(0.1, 10, size=(len(x), 1))
    got = spherical_kmeans(scaled, n_clusters=4)
    assert adjusted_rand_index(got.assignment, truth) > 0.99


def test_short_centres_of_loose_groups_take_more_items_in_plain_k_means():
    """One tight and one loose group: the loose one's mean is shorter, so nearer to whatever lies between the two."""
    rng = np.random.default_rng(0)
    a, b = np.eye(6)[0], np.eye(6)[:2].sum(0) / np.sqrt(2)
    x = np.vstack([a + 0.1 * rng.normal(size=(200, 6)), b + 0.45 * rng.normal(size=(200, 6))])
    plain, sphere = k_means(x, n_clusters=2), spherical_kmeans(x, n_clusters=2)
    lengths = np.linalg.norm(plain.evidence["centres"], axis=1)
    assert lengths.min() < 0.9 * lengths.max()
    np.testing.assert_allclose(np.linalg.norm(sphere.evidence["centres"], axis=1), 1, atol=1e-9)
    loose = np.arange(400) >= 200
    short = int(lengths.argmin())
    away = int(np.bincount(sphere.assignment[loose]).argmax())
    assert (plain.assignment == short).sum() > (sphere.assignment == away).sum()


@pytest.mark.parametrize(("change", "message"), [
    ({"n_clusters": 10}, "n_clusters: got 10 for 9 items"), ({"starts": 0}, "starts: got 0"), ({"max_iterations": 0}, "max_iterations"),
])
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        spherical_kmeans(**{"embeddings": np.random.default_rng(0).normal(size=(9, 4)), "n_clusters": 3, **change})
