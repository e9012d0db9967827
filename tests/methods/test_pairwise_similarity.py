"""Pairwise similarity: the loss against its formula, a similarity that carries over, recovery, and what it refuses."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from labelnb.methods.novel import pairwise_similarity
from labelnb.methods.novel.pairwise_similarity import _difference, likelihood
from labelnb.metrics import adjusted_rand_index
from tests.methods.planted import planted, planted_digits


def test_loss_written_as_loops():
    scores = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = torch.tensor([0.0, 1.0, 0.3, 0.9, 0.5], dtype=torch.float64)
    expected = []
    for pair, s in zip(scores.tolist(), wanted.tolist(), strict=True):
        p = [[math.exp(v) / sum(math.exp(u) for u in row) for v in row] for row in pair]
        same = sum(a * b for a, b in zip(*p, strict=True))
        expected.append(-s * math.log(same) - (1 - s) * math.log(1 - same))
    np.testing.assert_allclose(likelihood(scores, wanted).numpy(), expected, rtol=1e-10)


def test_a_pair_looks_the_same_from_both_sides():
    a, b = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(_difference(a, b), _difference(b, a))
    assert float(_difference(a, a)[:, :-1].abs().max()) == 0


def test_finds_the_planted_classes():
    data = planted()
    got = pairwise_similarity(data.x, data.labels, n_novel=2)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.95
    assert got.evidence["pair_accuracy"] > 0.95
    np.testing.assert_array_equal(got.evidence["classes"], [0, 1, 2, 3, -1, -1])
    np.testing.assert_array_equal(got.assignment[~data.free], data.labels[~data.free])


def test_the_loss_falls_on_digits():
    data = planted_digits(500)
    got = pairwise_similarity(data.x, data.labels, n_novel=3, pairs=3000)
    assert got.evidence["loss"][-1] < 0.9 * got.evidence["loss"][0]
    assert got.evidence["pair_accuracy"] > 0.85


@pytest.mark.parametrize(("change", "message"), [
    ({"labels": np.where(np.arange(300) < 9, 0, -1)}, "label two classes"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
    ({"pairs": 10}, "pairs: got 10"),
    ({"neighbours": 0}, "neighbours: got 0"),
    ({"l2": 0.0}, "l2: got 0.0"),
    ({"epochs": 0}, "epochs: got 0"),
    ({"n_novel": -1}, "n_novel: got -1"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        pairwise_similarity(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
