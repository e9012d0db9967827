"""Hypergraph links: the convolution against loops, no link predicts itself, planted values found, unseen ones by their text."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.propagation import hypergraph_link
from labelnb.methods.propagation.hypergraph_link import convolved, incidence


def planted(n: int = 300, k: int = 12, width: int = 24, *, blur: float = 0.5, seed: int = 0):
    """Items with two values each: the sum of their directions, blurred most in four directions that mean nothing; what is true."""
    rng = np.random.default_rng(seed)
    names = rng.normal(size=(k, width))
    noise = np.linalg.qr(rng.normal(size=(width, width)))[0][:4]
    truth = np.zeros((n, k), int)
    for i in range(n):
        truth[i, rng.choice(k, 2, replace=False)] = 1
    x = truth @ names + blur * rng.normal(size=(n, width)) + 8 * blur * rng.normal(size=(n, 4)) @ noise
    return x, names, truth


def test_the_convolution_is_the_mean_of_means():
    rng = np.random.default_rng(0)
    known, groups, x = (rng.random((8, 4)) < 0.4).astype(int), rng.integers(0, 3, 8), rng.normal(size=(12, 5))
    h = incidence(known, groups).toarray()
    edges = [sorted(set(np.flatnonzero(known[:, v])) | {8 + v}) for v in range(4)]
    for g in range(3):
        members = np.flatnonzero(groups == g)
        edges.append(sorted(set(members) | {8 + v for v in range(4) if known[members, v].any()}))
    edges = [edge for edge in edges if len(edge) > 1]
    assert [np.flatnonzero(column).tolist() for column in h.T] == [[int(i) for i in edge] for edge in edges]
    slow = np.zeros((12, 5))
    for node in range(12):
        mine = [x[edge].mean(0) for edge in edges if node in edge]
        slow[node] = np.mean(mine, 0) if mine else 0
    np.testing.assert_allclose(convolved(incidence(known, groups), x), slow, atol=1e-12)


def test_untrained_and_without_messages_it_is_the_cosine():
    x, names, truth = planted()
    made = hypergraph_link(x, names, np.full_like(truth, -1), epochs=0, message=0.0)
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, names))
    expected = 1 / (1 + np.exp(-(np.exp(2.3) * a @ b.T - 3)))
    np.testing.assert_allclose(made.evidence["scores"], expected, rtol=1e-5)
    assert made.evidence["unseen"].all()


def precision(scores: np.ndarray, truth: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    """Mean average precision over the columns among the rows."""
    found = []
    for c in columns:
        hits = truth[rows, c][np.argsort(-scores[rows, c], kind="stable")]
        if hits.any():
            found.append(np.mean(np.cumsum(hits)[hits == 1] / (np.flatnonzero(hits) + 1)))
    return float(np.mean(found))


def test_planted_links_are_found_better_than_by_the_names_and_unseen_ones_no_worse():
    x, names, truth = planted()
    rows, seen, unseen = np.arange(150, 300), np.arange(9), np.arange(9, 12)
    known = truth.copy()
    known[150:] = -1
    known[:, 9:] = -1
    settings = ((60, 0.3, True), (0, 0.0, True), (60, 0.0, False))
    made, plain, kept = (hypergraph_link(x, names, known, epochs=e, message=m, adapt_unseen=adapt) for e, m, adapt in settings)
    learned, cosine, safe = (each.evidence["scores"] for each in (made, plain, kept))
    order = [np.argsort(each[:, unseen], axis=0) for each in (safe, cosine)]
    np.testing.assert_array_equal(*order)
    assert precision(learned, truth, rows, seen) > precision(cosine, truth, rows, seen) + 0.05
    assert precision(learned, truth, rows, unseen) > precision(cosine, truth, rows, unseen) - 0.02
    np.testing.assert_array_equal(np.flatnonzero(made.evidence["unseen"]), unseen)
    assert made.evidence["loss"][-1] < made.evidence["loss"][0]


def test_known_links_and_absences_stay_as_they_are():
    x, names, truth = planted()
    known = np.where(np.arange(300)[:, None] < 100, truth, -1)
    made = hypergraph_link(x, names, known, epochs=2)
    np.testing.assert_allclose(made.probabilities[:100], truth[:100] / 2, atol=1e-6)


def test_groups_bring_what_their_members_have():
    x, names, truth = planted(blur=3.0)
    order = np.lexsort(truth.T)                                    # those with the same pair of values next to each other
    groups = np.empty(300, int)
    groups[order] = np.arange(300) // 5
    known = truth.copy()
    known[::2] = -1
    alone, together = (hypergraph_link(x, names, known, bags=bags, message=0.8, epochs=60).evidence["scores"] for bags in (None, groups))
    rows, columns = np.arange(0, 300, 2), np.arange(12)
    assert precision(together, truth, rows, columns) > precision(alone, truth, rows, columns) + 0.03


def test_a_link_never_predicts_itself():
    """Random labels cannot be learned: if links carried messages to their own question, the loss would fall all the same."""
    rng = np.random.default_rng(0)
    x, names = rng.normal(size=(200, 64)), rng.normal(size=(40, 64))
    known = (rng.random((200, 40)) < 0.05).astype(int)
    losses = hypergraph_link(x, names, known, message=0.9, epochs=1, lr=1e-6).evidence["loss"]
    assert losses[-1] > 0.19, "entropy of 0.05 is 0.199"


@pytest.mark.parametrize(("options", "words"), [
    ({"bags": np.zeros(3)}, "bags"), ({"message": 1.0}, "message"), ({"rank": 0}, "rank"), ({"epochs": -1}, "epochs"), ({"lr": 0.0}, "lr"),
    ({"weight_decay": -1.0}, "weight_decay"), ({"multi_labels": np.zeros((3, 2))}, "multi_labels"),
    ({"multi_labels": np.full((300, 12), 2)}, "multi_labels: expected 1, 0, or -1"),
])
def test_what_means_nothing_is_refused_by_name(options, words):
    x, names, truth = planted()
    given = {"multi_labels": truth, **options}
    with pytest.raises(ValueError, match=words):
        hypergraph_link(x, names, given.pop("multi_labels"), **given)
