"""Stability, splitting, the tree and keywords of clusters, each against something that does not share its code."""
from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from labelnb.cluster_keywords import Keywords
from labelnb.cluster_splitting import parts_of, small_map
from labelnb.cluster_stability import DISSOLVED, STABLE, Stability, cluster_stability, stability_over
from labelnb.cluster_tree import ClusterTree
from labelnb.number_of_classes import estimate_clusters
from labelnb.packed import pack, unpack


def blobs(n: int, k: int, spread: float = .15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    return np.eye(k, 8)[truth] + spread * rng.normal(size=(n, 8)), truth


def test_what_is_there_is_stable_and_what_was_cut_at_random_is_not() -> None:
    x, truth = blobs(300, 3)
    assert (cluster_stability(x, truth, replicates=5) > STABLE).all()
    made = truth.copy()
    made[truth == 2] = 2 + np.random.default_rng(1).integers(0, 2, 100)           # the third group, cut in two by chance
    values = cluster_stability(x, made, replicates=5)
    assert (values[:2] > STABLE).all()
    assert (values[2:] < STABLE).all()
    assert cluster_stability(x, np.random.default_rng(0).integers(0, 3, 300)).max() < DISSOLVED


def test_stability_is_hennigs_mean_of_the_largest_jaccard() -> None:
    x, truth = blobs(60, 3, spread=.45)
    run = Stability(x, np.where(truth == 1, 4, truth), replicates=3, seed=5)
    expected = np.zeros((3, 3))
    rng = np.random.default_rng(5)
    from labelnb.compute import kmeans

    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    for b in range(3):
        drawn = sorted(set(rng.integers(0, 60, 60).tolist()))
        found = kmeans(unit[drawn].astype(np.float32), 3, seed=5 + b + 1, spherical=True, max_iterations=25).assignment.tolist()
        for place, cluster in enumerate((0, 2, 1)):
            here = {i for i in drawn if truth[i] == cluster}
            groups = [{i for i, g in zip(drawn, found, strict=True) if g == group} for group in range(3)]
            expected[b, place] = max(len(here & group) / len(here | group) for group in groups)
    while not run.work():
        pass
    values = run.values
    np.testing.assert_allclose(values[[0, 2, 4]], expected.mean(0))
    assert np.isnan(values[[1, 3]]).all()


def test_stability_of_many_clusters() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(3_000) % 150
    x = rng.normal(size=(150, 40))[truth] + .3 * rng.normal(size=(3_000, 40))
    values = cluster_stability(x, truth, replicates=3)
    assert (values > STABLE).mean() > .8
    made = truth.copy()
    made[truth >= 130] = rng.integers(130, 150, (truth >= 130).sum())      # twenty groups, mixed at random
    values = cluster_stability(x, made, replicates=3)
    assert values[130:].max() < DISSOLVED
    assert np.median(values[:130]) > STABLE


def test_stability_of_a_part_and_of_nothing() -> None:
    x, truth = blobs(300, 3)
    assert (cluster_stability(x, truth, most=90, replicates=2) > STABLE).all()
    assert cluster_stability(x, np.full(300, -1)).tolist() == []
    with pytest.raises(ValueError, match="one vector an item"):
        Stability(x[:5], truth)


def test_stability_over_runs_by_sets() -> None:
    rng = np.random.default_rng(1)
    given, runs = rng.integers(-1, 5, 80), [rng.integers(-1, 6, 80) for _ in range(4)]
    expected = []
    for cluster in range(5):
        best = []
        for run in runs:
            own = {i for i in range(80) if given[i] == cluster and run[i] >= 0}
            others = [{i for i in range(80) if run[i] == k and given[i] >= 0} for k in range(6)]
            best.append(max(len(own & other) / len(own | other) for other in others))
        expected.append(np.mean(best))
    assert stability_over(given, runs) == pytest.approx(expected)
    assert np.isnan(stability_over([0, 0, 2], [[0, 0, -1]])[1:]).all()
    with pytest.raises(ValueError, match=r"got \[\(2,\)\], expected assignments of \(3,\)"):
        stability_over([0, 0, 1], [[0, 1]])
    with pytest.raises(ValueError, match="got none"):
        stability_over([0, 0, 1], [])


@pytest.mark.parametrize("method", ["stability", "silhouette"])
def test_the_number_of_groups_is_found_where_nothing_is_labelled(method: Literal["stability", "silhouette"]) -> None:
    x, _ = blobs(200, 5)
    found = estimate_clusters(x, method=method, most=9, repeats=2)
    assert found.number == 5
    assert found.low <= 5 <= found.high
    assert found.counts.tolist() == list(range(2, 10))
    assert found.scores.shape == (2, 8)
    turned = np.random.default_rng(3).permutation(200)
    assert np.allclose(estimate_clusters(x[turned], method=method, most=9, repeats=2).scores, found.scores), "whatever the order of items"


def test_what_has_no_number_of_groups() -> None:
    with pytest.raises(ValueError, match="got 3 items, expected 4 at least"):
        estimate_clusters(np.eye(3))
    with pytest.raises(ValueError, match="'hidden' needs known classes"):
        estimate_clusters(np.eye(6), method="hidden")


def test_the_number_of_parts_is_the_one_there_is() -> None:
    from sklearn.metrics import silhouette_score

    x, truth = blobs(240, 4)
    made = parts_of(x)
    assert len(set(made.assignment)) == 4
    assert sorted(made.silhouettes) == list(range(2, 9))
    pairs = {(a, b) for a, b in zip(made.assignment.tolist(), truth.tolist(), strict=True)}
    assert len(pairs) == 4
    assert made.silhouettes[4] == pytest.approx(silhouette_score(x, made.assignment, metric="cosine"), abs=1e-5)
    uneven = np.concatenate([blobs(40, 2)[0], blobs(200, 1)[0]])
    sizes = np.bincount(parts_of(uneven, 2).assignment)
    assert sizes[0] >= sizes[1], "the largest part is the first"


def test_what_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="1 distinct vectors"):
        parts_of(np.ones((5, 3)))
    with pytest.raises(ValueError, match="expected 2 to 4"):
        parts_of(np.eye(4), 5)
    assert len(set(parts_of(np.eye(2)).assignment)) == 2


def test_a_small_map_lies_in_one_square() -> None:
    x, _ = blobs(50, 3)
    xy = small_map(x)
    assert xy.shape == (50, 2)
    assert (xy.min() >= 0, xy.max() <= 1) == (True, True)
    assert small_map(x[:1]).tolist() == [[.5, .5]]


def test_the_tree_is_scipys_at_every_level() -> None:
    from scipy.cluster.hierarchy import fcluster, linkage

    rng = np.random.default_rng(3)
    centres = rng.normal(size=(12, 5))
    numbers = rng.permutation(40)[:12]
    tree = ClusterTree(numbers, centres)
    reference = linkage(centres, "average", metric="cosine")
    for n in range(1, 13):
        expected = fcluster(reference, n, "maxclust")
        want = {frozenset(numbers[expected == g].tolist()) for g in set(expected)}
        assert {frozenset(group.tolist()) for group in tree.cut(n)} == want
    assert sorted(tree.order) == sorted(numbers)
    assert [group.tolist() for group in ClusterTree([7], np.ones((1, 3))).cut(1)] == [[7]]
    with pytest.raises(ValueError, match="expected 1 to 12"):
        tree.cut(13)


def test_equal_centres_still_give_as_many_groups_as_asked() -> None:
    assert [len(ClusterTree(range(6), np.ones((6, 2))).cut(n)) for n in range(1, 7)] == [1, 2, 3, 4, 5, 6]


def test_class_tf_idf_by_loops() -> None:
    texts = {"a": ["cat cat dog", "cat"], "b": ["dog dog sun"], "c": ["sun moon moon"]}
    words = Keywords()
    for key, some in texts.items():
        words.add(key, some)
    everything = " ".join(" ".join(some) for some in texts.values()).split()
    mean = len(everything) / 3
    for key, some in texts.items():
        own = " ".join(some).split()
        expected = {w: own.count(w) / len(own) * np.log(1 + mean / everything.count(w)) for w in set(own)}
        assert dict(words.best(key, 9)) == pytest.approx(expected)
    words.add("a", ["moon"])
    assert [word for word, _ in words.best("a")] == ["moon"]
    words.keep(["a", "b"])
    assert [word for word, _ in words.best("b")] == ["dog", "sun"]


def test_words_that_most_clusters_use_are_no_keywords() -> None:
    words = Keywords()
    for k, name in enumerate(("alpha", "beta", "gamma", "delta")):
        words.add(k, [f"the {name} of the day"])
    assert [word for word, _ in words.best(2)] == ["gamma"]
    alone = Keywords()
    alone.add(0, ["straße Übermut שלום don't"])
    alone.add(1, ["x 12 3"])
    assert {word for word, _ in alone.best(0, 9)} == {"straße", "übermut", "שלום", "don't"}


@pytest.mark.parametrize("numbers", [[], [0], [-1, 5], list(range(70_000)), [2**40]])
def test_packed_numbers_come_back(numbers: list[int]) -> None:
    assert unpack(pack(numbers)).tolist() == numbers


@pytest.mark.parametrize("text", ["", "i4:", "i4:####", "f8:AAAA", "i4:AAAA"])
def test_what_is_not_packed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed numbers"):
        unpack(text)
