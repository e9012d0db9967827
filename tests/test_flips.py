"""What would change a class, against trying every subset, and against solving anew without what is named."""
from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse

from labelnb.compute.seed_system import solve
from labelnb.methods.propagation import harmonic_functions, label_spreading, poisson_learning, zlap
from labelnb.methods.zero_shot import clip
from labelnb.results import Proposal
from tests.methods.graph_twins import few_labels, neighbour_graph
from tests.methods.zlap_twin import collection

METHODS = [label_spreading, harmonic_functions, poisson_learning]


def overlapping() -> tuple[scipy.sparse.csr_array, np.ndarray]:
    w, truth = neighbour_graph(n=90, k=3, d=2, near=6, seed=5)
    return w, few_labels(truth, each=3)


@pytest.mark.parametrize("method", [label_spreading, poisson_learning])
def test_smallest_set_of_labels_is_that_of_trying_all(method):
    w, labels = overlapping()
    for item in (30, 60, 75) if method is label_spreading else (60,):
        made = method(w, labels)
        before = made.predictions[item]
        seeds = np.flatnonzero(labels >= 0)
        smallest = None
        for size in (1, 2, 3):
            for chosen in combinations(seeds, size):
                less = labels.copy()
                less[list(chosen)] = -1
                if method(w, less, n_classes=3).predictions[item] != before:
                    smallest = size
                    break
            if smallest:
                break
        named = [flip for flip in made.explain(item).flips if flip["kind"] == "seed"]
        if smallest is not None:
            size = min(len(flip["nodes"]) for flip in named)
            assert size == smallest if method is label_spreading else size >= smallest      # greedy elsewhere
        for flip in named:
            less = labels.copy()
            less[flip["nodes"]] = -1
            after = method(w, less, n_classes=3)
            assert after.predictions[item] != before
            assert after.classes[after.predictions[item]] == flip["becomes"]


@pytest.mark.parametrize("method", METHODS)
def test_every_single_label_that_suffices_is_named(method):
    w, labels = overlapping()
    options = {"class_mass": False} if method is harmonic_functions else {}
    made = method(w, labels, **options)
    for item in (30, 45, 60, 75):
        expected = set()
        for seed in np.flatnonzero(labels >= 0):
            less = labels.copy()
            less[seed] = -1
            if method(w, less, n_classes=3, **options).predictions[item] != made.predictions[item]:
                expected.add(int(seed))
        assert {flip["nodes"][0] for flip in made.explain(item).flips if flip["kind"] == "seed" and len(flip["nodes"]) == 1} == expected


@pytest.mark.parametrize("method", METHODS)
def test_edges_that_are_named_change_the_class(method):
    w, labels = overlapping()
    made = method(w, labels)
    cut = 0
    for item in range(30, 90, 5):
        for flip in made.explain(item).flips:
            if flip["kind"] == "edge":
                edited = w.toarray()
                for a, b in flip["nodes"]:
                    assert edited[a, b] > 0
                    edited[a, b] = edited[b, a] = 0
                options = {"class_mass": False} if method is harmonic_functions else {}
                after = method(scipy.sparse.csr_array(edited), labels, **options)
                scores = np.asarray(after.evidence["scores"][item]) * np.asarray(made.evidence.get("class_weights", 1.0))
                assert (made.classes[int(scores.argmax())] if scores.any() else None) == flip["becomes"]
                assert flip["becomes"] != made.explain(item).label
                cut += 1
    assert cut > 0


def test_a_bridge_is_the_one_edge():
    line = scipy.sparse.diags_array([np.ones(5), np.ones(5)], offsets=[1, -1], format="csr").tolil()
    line[2, 3] = line[3, 2] = 0.5
    labels = [0, -1, -1, -1, -1, 1]
    flips = label_spreading(scipy.sparse.csr_array(line.tocsr()), labels, alpha=0.9).explain(1).flips
    assert flips[0] == {"kind": "seed", "nodes": [0], "becomes": "1", "smallest": True}
    assert flips[-1]["kind"] == "edge"
    assert flips[-1]["nodes"] == [(0, 1)]


def test_names_are_seeds_too_and_a_labelled_item_rests_on_its_label():
    x, c, _ = collection()
    labels = np.where(np.arange(200) % 9 == 0, np.arange(200) % 6, -1)
    made = zlap(x, c, labels=labels, safe=False)
    item = int(np.argmin(np.where(labels < 0, made.confidence, 2)))
    assert any(flip["becomes"] != made.explain(item).label for flip in made.explain(item).flips)
    own = made.explain(9).flips
    assert all(flip["nodes"] == [9] for flip in own)


def test_no_graph_and_no_class_have_no_flips():
    x, c, _ = collection()
    assert clip(x, c).explain(3).flips == ()
    assert Proposal(np.zeros((2, 2))).explain(0).flips == ()


def test_beside_a_probe_what_is_named_changes_the_whole_and_the_probe_is_held():
    x, c, _ = collection()
    labels = np.where(np.arange(200) < 24, np.arange(200) % 6, -1)
    made = zlap(x, c, labels=labels)
    assert made.evidence["chosen"] == "blend"
    named = 0
    for item in range(24, 60):
        flips = [flip for flip in made.explain(item).flips if flip["kind"] == "seed"]
        for flip in flips:
            system = made.evidence["system"]
            nodes = [node + 6 if node >= 0 else -1 - node for node in flip["nodes"]]
            y = system.seeds.toarray()
            y[nodes] = 0
            row = np.maximum(solve(system._replace(seeds=scipy.sparse.csr_array(y)), tolerance=1e-10).scores.numpy()[6 + item], 0)
            whole = row / row.sum() / 2 + made.evidence["beside"][item] / 2
            assert made.classes[whole.argmax()] == flip["becomes"] != made.classes[made.predictions[item]]
        named += len(flips)
    assert named
