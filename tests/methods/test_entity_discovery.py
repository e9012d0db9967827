"""Entity discovery: counts and prototypes against loops, planted entities found from captions that lie and leave out."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.methods.propagation import entity_discovery
from labelnb.methods.propagation.entity_discovery import caption_counts, prototypes_of


def planted(n: int = 400, k: int = 8, *, popular: float = 1.5, leaves_out: float = 0.1, seed: int = 0):
    """Faces of k people, some far more frequent; captions name who is seen, mostly, and others by their fame."""
    rng = np.random.default_rng(seed)
    fame = 1 / np.arange(1, k + 1) ** popular
    fame /= fame.sum()
    truth = rng.choice(k, n, p=0.5 * fame + 0.5 / k)
    looks = rng.normal(size=(k, 32))
    x = looks[truth] + 0.6 * rng.normal(size=(n, 32))
    captions = np.zeros((n, k), bool)
    captions[np.arange(n), truth] = rng.random(n) > leaves_out
    for _ in range(2):
        captions[np.arange(n), rng.choice(k, n, p=fame)] = True
    return x, captions, truth


def test_counts_and_prototypes_are_the_slow_ones():
    rng = np.random.default_rng(0)
    cluster, links, x = rng.integers(0, 3, 20), rng.random((20, 4)) < 0.5, rng.normal(size=(20, 5))
    slow = [[sum(links[i, name] for i in range(20) if cluster[i] == c) for name in range(4)] for c in range(3)]
    np.testing.assert_array_equal(caption_counts(cluster, links), slow)
    names = rng.integers(0, 3, 20)
    found = prototypes_of(x, names, 4)
    for name in range(3):
        mean = x[names == name].mean(0)
        np.testing.assert_allclose(found[name], mean / np.linalg.norm(mean), atol=1e-12)
    np.testing.assert_array_equal(found[3], 0)


@pytest.mark.parametrize("seed", range(3))
def test_planted_people_are_named_far_better_than_by_their_caption(seed):
    x, captions, truth = planted(seed=seed)
    made = entity_discovery(x, captions, seed=seed)
    at_random = np.mean(captions[np.arange(400), truth] / captions.sum(1))
    assert np.mean(made.predictions == truth) > max(0.8, at_random + 0.3)


def test_each_step_does_what_it_is_for():
    found = {}
    for refine in ("none", "most frequent", "all"):
        accuracies = []
        for seed in range(6):
            x, captions, truth = planted(popular=2.5, seed=seed)
            accuracies.append(np.mean(entity_discovery(x, captions, refine=refine, seed=seed).predictions == truth))
        found[refine] = np.mean(accuracies)
    assert found["most frequent"] >= found["none"]
    assert found["all"] >= found["none"]


def test_items_of_the_most_frequent_name_alone_are_moved():
    x, captions, _ = planted(popular=2.5)
    made = entity_discovery(x, captions)
    evidence = made.evidence
    often = np.bincount(evidence["cleansed"]).argmax()
    assert (evidence["cleansed"][evidence["moved"]] == often).all()
    near = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ evidence["prototypes"].T
    np.testing.assert_array_equal(made.predictions[evidence["cleansed"] == often], near.argmax(1)[evidence["cleansed"] == often])
    stay = ~evidence["moved"]
    np.testing.assert_array_equal(made.predictions[stay], evidence["cleansed"][stay])


def test_a_share_is_the_clusters_count():
    x, captions, _ = planted()
    evidence = (made := entity_discovery(x, captions, refine="none")).evidence
    counts = evidence["counts"][evidence["cluster"]]
    np.testing.assert_allclose(made.probabilities, counts / counts.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(evidence["bipartite"].toarray() > 0, captions)


def test_names_may_be_held_to_the_own_caption():
    x, captions, _ = planted(leaves_out=0.3)
    made = entity_discovery(x, captions, in_caption=True, refine="all")
    assert captions[np.arange(400), made.predictions].all()
    free = entity_discovery(x, captions)
    assert not captions[np.arange(400), free.predictions].all()


def test_two_names_that_always_occur_together_cannot_be_told_apart():
    x, captions, truth = planted(k=3, popular=0.0)
    captions = np.ones_like(captions)
    made = entity_discovery(x, captions)
    assert np.mean(made.predictions == truth) < 0.7
    assert "names were given to no item" in made.warnings[0]


@pytest.mark.parametrize(("options", "words"), [
    ({"clusters_per_name": 0}, "clusters_per_name"), ({"refine": "some"}, "refine"),
    ({"candidates": np.zeros((400, 8), bool)}, "item 0 has none"),
    ({"candidates": np.full((400, 8), 2)}, "candidates: expected True or False"), ({"candidates": np.ones((3, 8), bool)}, "candidates"),
])
def test_what_means_nothing_is_refused_by_name(options, words):
    x, captions, _ = planted()
    given = {"candidates": captions, **options}
    with pytest.raises(ValueError, match=words):
        entity_discovery(x, given.pop("candidates"), **given)
