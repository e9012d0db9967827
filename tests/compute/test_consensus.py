"""Clusterings joined into one: the match against all permutations, a bad start outvoted, known classes left where they are."""
from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from labelnb.compute.consensus import joined, matched


def soft(labels: torch.Tensor, k: int, sure: float = 0.8) -> torch.Tensor:
    rest = (1 - sure) / (k - 1)
    return torch.full((len(labels), k), rest, dtype=torch.float64).scatter_(1, labels[:, None], sure)


def test_the_match_is_the_best_of_all_permutations():
    draw = np.random.default_rng(0)
    labels = torch.from_numpy(draw.integers(0, 4, (3, 60)))
    moves, agreement = matched(labels, 4)
    shared = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            shared[a, b] = max((np.array(turn)[labels[b]] == labels[a].numpy()).sum() for turn in permutations(range(4)))
    centre = shared.sum(1).argmax()
    assert agreement == pytest.approx((shared.sum() - 180) / 6 / 60)
    for b in range(3):
        assert (moves[b][labels[b]] == labels[centre]).sum() == shared[centre, b]
    assert moves[centre].tolist() == [0, 1, 2, 3]


def test_a_start_that_went_wrong_is_outvoted():
    truth = torch.arange(90) % 3
    members = [soft(torch.tensor(turn)[truth], 3) for turn in ([0, 1, 2], [2, 0, 1], [1, 2, 0])]
    members.append(soft(torch.from_numpy(np.random.default_rng(1).integers(0, 3, 90)), 3))
    p, agreement = joined(members)
    assert 0.5 < agreement < 1
    np.testing.assert_allclose(p.sum(1), 1)
    found = p.argmax(1)
    assert len({(int(a), int(b)) for a, b in zip(found, truth, strict=True)}) == 3


def test_known_classes_keep_their_places():
    truth = torch.arange(100) % 5
    turned = torch.tensor([0, 1, 4, 2, 3])[truth]
    wrong = torch.tensor([1, 0, 2, 3, 4])[truth]                  # takes one known class for the other: must not be matched away
    moves, _ = matched(torch.stack([truth, turned, wrong]), 5, held=2)
    assert moves[:, :2].tolist() == [[0, 1]] * 3
    assert moves[1].tolist() == [0, 1, 3, 4, 2]
    p, _ = joined([soft(truth, 5), soft(turned, 5)], held=2)
    np.testing.assert_allclose(p, soft(truth, 5))


def test_one_member_is_itself():
    member = soft(torch.tensor([2, 0, 1, 1]), 3)
    p, agreement = joined([member])
    assert agreement == 1
    np.testing.assert_array_equal(p, member)
