"""PBN: the reference's loss, a latent space that serves both its ends, hidden classes that choose, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.methods.novel import pbn
from labelnb.methods.novel.pbn import objective
from labelnb.metrics import adjusted_rand_index, split_clustering_accuracy
from tests.methods.planted import planted, planted_digits


def test_loss_is_the_reference_s():
    """`train_on_known_classes` of Orange-OpenSource/PracticalNCD at dafe2c4 gives 3.8727161167304303 for this batch and w = .7."""
    draw = torch.Generator().manual_seed(0)
    scores, rebuilt, x = (torch.randn(6, d, generator=draw, dtype=torch.float64) for d in (3, 4, 4))
    y = torch.tensor([0, 2, -1, 1, -1, 2])
    goal = torch.nn.functional.one_hot(y.clamp_min(0), 3).double() * (y >= 0)[:, None]
    losses = objective(torch.cat([scores, rebuilt], 1), torch.cat([goal, x], 1), 3, 0.7)
    assert float(losses.mean()) == pytest.approx(3.8727161167304303, rel=1e-12)
    assert bool((objective(torch.cat([scores, x], 1), torch.cat([torch.zeros(6, 3), x], 1), 3, 0.7) == 0).all())


def test_finds_the_planted_classes():
    data = planted()
    got = pbn(data.x, data.labels)
    assert adjusted_rand_index(got.assignment, data.truth) > 0.85
    assert got.evidence["loss"][-1] < 0.7 * got.evidence["loss"][0]
    np.testing.assert_allclose(np.linalg.norm(got.evidence["coordinates"], axis=1), 1, atol=1e-5)


def test_number_from_the_silhouette_in_the_latent_space():
    data = planted(400, 8, 3, noise=0.06)
    got = pbn(data.x, data.labels, number="silhouette", classification=0.1)
    assert abs(got.evidence["number"][0] - 3) <= 1


def test_on_digits_it_tells_known_classes_apart():
    data = planted_digits(900)
    free = data.free
    got = pbn(data.x, data.labels, n_novel=3)
    split = split_clustering_accuracy(got.assignment[free], data.truth[free], data.known)
    assert split.old > 0.8
    assert split.all > 0.65


def test_hidden_classes_choose():
    data = planted(240, 6, 1)
    got = pbn(data.x, data.labels, n_novel=1, folds=2, epochs=20)
    table = got.evidence["candidates"]
    assert len(table) == 5
    best = max(table, key=lambda row: row["accuracy"])
    assert got.evidence["chosen"] == {name: best[name] for name in ("classification", "latent")}


@pytest.mark.parametrize(("change", "message"), [
    ({"number": "gap"}, "number: got 'gap'"),
    ({"classification": 1.5}, "classification: got 1.5"),
    ({"latent": 1}, "latent: got 1"),
    ({"folds": -1}, "folds: got -1"),
    ({"epochs": 0}, "epochs: got 0"),
    ({"labels": np.full(300, -1)}, "labels: no item is labelled"),
])
def test_bad_input(change, message):
    data = planted()
    with pytest.raises(ValueError, match=message):
        pbn(**{"embeddings": data.x, "labels": data.labels, "n_novel": 2, **change})
