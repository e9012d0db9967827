"""Changed edges and the solution that follows, against the definition and against a dense solve from the start."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.compute.propagate import normalised, propagate
from labelnb.compute.rewire import resolve, rewired

ALPHA = 0.9


def a_graph(count: int = 60, seed: int = 0) -> np.ndarray:
    """(N, N) symmetric weights, about five edges a node."""
    rng = np.random.default_rng(seed)
    half = np.triu(np.where(rng.random((count, count)) < 5 / count, rng.uniform(0.2, 1, (count, count)), 0), 1)
    return half + half.T


def by_loops(weights: np.ndarray, edits: list[list[float]], first: int = 0) -> np.ndarray:
    """The definition of an edit, cell by cell."""
    made = weights.copy()
    inside = weights[first:, first:]
    unit = inside[inside > 0].mean()
    for a, b, factor, strength in edits:
        for other in range(len(inside)) if b < 0 else [int(b)]:
            if b < 0 and other == a:
                continue
            for i, j in ((int(a), other), (other, int(a))):
                made[first + i, first + j] = factor * made[first + i, first + j] + strength * unit
    return made


def dense_solution(weights: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    degree = weights.sum(1)
    scale = np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    return np.linalg.solve(np.eye(len(weights)) - ALPHA * scale[:, None] * weights * scale, seeds)


EDITS = {
    "cut": [[0, 1, 0, 0]], "weigh": [[2, 3, 0.5, 0]], "add": [[0, 40, 0, 1.5]], "node": [[5, -1, 0.2, 0]], "nothing": [],
    "several": [[0, 40, 0, 1], [0, -1, 0.5, 0], [0, 40, 0, 0], [7, 8, 0, 2], [7, 8, 0.25, 0], [7, -1, 2, 0]],
}


@pytest.fixture
def graph() -> np.ndarray:
    made = a_graph()
    made[0, 1] = made[1, 0] = made[2, 3] = made[3, 2] = 0.7
    made[0, 40] = made[40, 0] = made[7, 8] = made[8, 7] = 0
    return made


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("first", [0, 4])
def test_edits_are_what_they_are_defined_to_be(graph: np.ndarray, kind: str, first: int) -> None:
    whole = np.zeros((len(graph) + first, len(graph) + first))
    whole[first:, first:] = graph
    if first:
        whole[:first, first:], whole[first:, :first] = 0.3, 0.3
    made = rewired(scipy.sparse.csr_array(whole), EDITS[kind], first=first)
    np.testing.assert_allclose(made.toarray(), by_loops(whole, EDITS[kind], first), atol=1e-12)
    assert (made.data > 0).all()


def test_the_graph_that_was_given_stays_as_it_was(graph: np.ndarray) -> None:
    given = scipy.sparse.csr_array(graph)
    rewired(given, EDITS["several"])
    np.testing.assert_array_equal(given.toarray(), graph)


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("classes", [2, 30])
def test_the_new_solution_is_that_of_the_new_system(graph: np.ndarray, kind: str, classes: int) -> None:
    rng = np.random.default_rng(1)
    seeds = np.zeros((60, classes))
    seeds[rng.choice(60, classes, replace=False), np.arange(classes)] = 1
    after = seeds.copy()
    if kind == "several":
        after[seeds[:, 0] > 0] = np.eye(classes)[1]             # a seed of another class
    old = normalised(scipy.sparse.csr_array(graph))
    new = normalised(rewired(scipy.sparse.csr_array(graph), EDITS[kind]))
    found = resolve(old, new, dense_solution(graph, seeds), seeds, after, alpha=ALPHA, tolerance=1e-9)
    np.testing.assert_allclose(found.scores, dense_solution(by_loops(graph, EDITS[kind]), after), atol=1e-7)
    assert found.residual <= 1e-9
    if kind in ("cut", "weigh") and classes == 30:
        assert found.columns == 4, "a changed edge is of rank four at most"
    if kind == "nothing":
        assert found.columns == 0


def test_an_old_solution_that_was_not_converged_is_finished(graph: np.ndarray) -> None:
    seeds = np.eye(60, 30)
    s = normalised(scipy.sparse.csr_array(graph))
    rough = propagate(s, seeds, alpha=ALPHA, normalise="none", tolerance=1e-2).scores.numpy()
    found = resolve(s, normalised(rewired(scipy.sparse.csr_array(graph), EDITS["cut"])), rough, seeds, seeds, alpha=ALPHA, tolerance=1e-9)
    assert found.residual <= 1e-9
    np.testing.assert_allclose(found.scores, dense_solution(by_loops(graph, EDITS["cut"]), seeds), atol=1e-7)


@pytest.mark.parametrize(("edits", "said"), [
    ([[0, 1, 0]], "shape"), ([[0, 1, -1, 0]], "negative"), ([[0, 0.5, 1, 0]], "fractions"), ([[0, 1, np.nan, 0]], "NaN"),
    ([[0, 60, 0, 0]], "expected positions"), ([[-1, 2, 0, 0]], "expected positions"), ([[3, 3, 0, 0]], "joins two"),
    ([[3, -1, 1, 1]], "joins two"),
])
def test_edits_that_mean_nothing_are_refused(graph: np.ndarray, edits: list, said: str) -> None:
    with pytest.raises((ValueError, IndexError), match=f"graph_edits.*{said}"):
        rewired(scipy.sparse.csr_array(graph), edits)
