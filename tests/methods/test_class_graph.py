"""class_graph against closed forms on small graphs, brute-force leave-one-class-out, and planted hierarchies."""
from __future__ import annotations

import numpy as np
import pytest

from labelnb.classes import LabelSpace
from labelnb.methods.propagation import class_graph
from labelnb.methods.zero_shot import clip


def family(seed: int = 0, groups: int = 5, each: int = 4, d: int = 30, items: int = 15, shift: float = 1.0):
    """Classes in groups that look alike; names that all lie off by a linear map of their own; one unseen class a group."""
    rng = np.random.default_rng(seed)
    k = groups * each
    centres = np.repeat(2.0 * rng.normal(size=(groups, d)), each, 0) + rng.normal(size=(k, d))
    truth = np.repeat(np.arange(k), items)
    x = centres[truth] + 0.8 * rng.normal(size=(len(truth), d))
    names = centres + shift * centres @ rng.normal(size=(d, d)) / np.sqrt(d)
    unseen = np.arange(k) % each == 0
    labels = np.where(unseen[truth] | (np.arange(len(truth)) % 3 == 0), -1, truth)
    space = LabelSpace(tuple(f"c{i}" for i in range(k)), parents={f"c{i}": f"g{i // each}" for i in range(k)})
    return x, names, labels, truth, unseen, space


def test_a_class_between_two_is_their_mean_and_farther_ones_count_by_their_walks():
    # a - b - c - d in a chain of metric neighbours; a and d are seen: harmonic weights 2/3 and 1/3.
    place = np.array([0.0, 1.0, 2.0, 3.0])
    metric = np.abs(place[:, None] - place)
    x, labels = np.eye(4), np.array([0, -1, -1, 3])
    made = class_graph(x, labels, np.eye(4), LabelSpace(("a", "b", "c", "d"), metric=metric), paradigm="propagation", k=1)
    np.testing.assert_allclose(made.evidence["from_seen"][1], [2 / 3, 0, 0, 1 / 3], atol=1e-8)
    expected = np.array([2, 0, 0, 1]) / np.sqrt(5)
    np.testing.assert_allclose(made.evidence["prototypes"][1], expected, atol=1e-8)


def test_ancestors_and_descendants_are_joined_by_their_distance():
    space = LabelSpace(("cat", "dog", "mammal"), parents={"cat": "mammal", "dog": "mammal", "mammal": "animal"})
    made = class_graph(np.eye(3), np.array([0, 1, -1]), np.eye(3), space, decay=0.25)
    w = made.evidence["class_weights_graph"].toarray()            # cat, dog, mammal, animal
    np.testing.assert_allclose(w, [[0, 0, 1, .25], [0, 0, 1, .25], [1, 1, 0, 1], [.25, .25, 1, 0]])


def test_ridge_is_the_best_of_leaving_each_class_out():
    x, names, labels, _, unseen, space = family()
    made = class_graph(x, labels, names, space)
    unit = names / np.linalg.norm(names, axis=1, keepdims=True)
    w = made.evidence["class_weights_graph"].toarray()
    k = len(names)
    start = np.vstack([unit, w[k:, :k] @ unit / w[k:, :k].sum(1, keepdims=True)])
    step = np.eye(len(w)) + w / w.sum(1, keepdims=True)
    step /= step.sum(1, keepdims=True)
    smooth = (step @ step @ start)[:k]
    smooth /= np.linalg.norm(smooth, axis=1, keepdims=True)
    seen = np.flatnonzero(~unseen)
    target = made.evidence["prototypes"][seen] - unit[seen]
    errors = {}
    for ridge in (1e-3, 1e-2, 1e-1, 1.0, 10.0, 1e2, 1e4):
        total = 0.0
        for out in range(len(seen)):
            rest = np.delete(np.arange(len(seen)), out)
            a, b = smooth[seen[rest]], target[rest]
            map_ = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ b)
            total += ((smooth[seen[out]] @ map_ - target[out]) ** 2).sum()
        errors[ridge] = total
    assert made.evidence["ridge"] == min(errors, key=errors.get)
    map_ = np.linalg.solve(smooth[seen].T @ smooth[seen] + made.evidence["ridge"] * np.eye(30), smooth[seen].T @ target)
    mapped = unit[unseen] + smooth[unseen] @ map_
    mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
    np.testing.assert_allclose(made.evidence["prototypes"][unseen], mapped, atol=1e-8)


@pytest.mark.parametrize("paradigm", ["mapping", "propagation"])
def test_unseen_classes_are_found_better_than_by_their_names(paradigm):
    gained, groups = [], []
    for seed in range(5):
        x, names, labels, truth, unseen, space = family(seed, shift=4.0)
        test = unseen[truth]
        made = class_graph(x, labels, names, space, paradigm=paradigm, seen_penalty=2.0)     # among the unseen: 5 classes
        by_name = clip(x, names[unseen]).predictions
        right = (made.predictions[test] == truth[test]).mean()
        gained.append(right - (np.flatnonzero(unseen)[by_name[test]] == truth[test]).mean())
        groups.append(right)
    assert np.mean(gained) > 0.3
    assert np.mean(groups) > 0.9


def test_names_that_are_right_already_are_not_spoiled():
    x, names, labels, truth, unseen, space = family(shift=0.0)
    test = unseen[truth]
    assert (class_graph(x, labels, names, space).predictions[test] == truth[test]).mean() >= (
        clip(x, names).predictions[test] == truth[test]).mean() - 0.05


def test_a_class_without_a_path_to_a_seen_one_is_not_proposed():
    space = LabelSpace(("a", "b", "c"), parents={"a": "top", "b": "top"})
    made = class_graph(np.eye(3), np.array([0, -1, -1]), np.eye(3), space, paradigm="propagation")
    np.testing.assert_array_equal(made.evidence["reached"], [True, True, False])
    assert (made.probabilities[:, 2] < 1e-6).all()
    assert "positions [2] have no path" in made.warnings[0]


def test_classes_of_another_number_are_refused():
    with pytest.raises(ValueError, match="classes: got 2 names"):
        class_graph(np.eye(3), np.array([0, 1, -1]), np.eye(3), LabelSpace(("a", "b")))
