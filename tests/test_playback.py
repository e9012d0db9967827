"""The rounds of a propagation: the power iteration written out, and its end the method's own solution."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from labelnb.methods.propagation import harmonic_functions, label_spreading, poisson_learning, zlap
from labelnb.playback import playback
from labelnb.results import Proposal


@pytest.fixture
def chain() -> scipy.sparse.csr_array:
    """Eight items in a row and one alone."""
    made = np.zeros((9, 9))
    for i in range(7):
        made[i, i + 1] = made[i + 1, i] = 1.0
    return scipy.sparse.csr_array(made)


LABELS = np.array([0, -1, -1, -1, -1, -1, -1, 1, -1])


@pytest.mark.parametrize(("method", "options"), [(label_spreading, {"alpha": 0.6}), (harmonic_functions, {}), (poisson_learning, {})])
def test_labels_travel_one_edge_a_round_and_end_at_the_solution(chain: scipy.sparse.csr_array, method, options) -> None:
    proposal = method(chain, LABELS, **options)
    made = playback(proposal, frames=200)
    assert made.classes[0].tolist() == [0, -1, -1, -1, -1, -1, -1, 1, -1]
    assert (made.classes[-1] == proposal.predictions).all()
    np.testing.assert_allclose(made.confidence[-1], proposal.confidence)
    first_seen = [int((made.classes[:, i] >= 0).argmax()) for i in range(8)]
    away = [min(i, 7 - i) for i in range(8)]
    late = 1 if method is poisson_learning else 0               # what a source sends is at the source itself after one round
    assert [made.rounds[t] for t in first_seen] == [0 if i in (0, 7) else away[i] + late for i in range(8)]
    assert (np.diff(made.rounds) > 0).all()
    assert made.distance[-2] < 1e-3
    assert (np.diff(made.reached) >= 0).all()
    assert made.reached[-1] == 8


def test_a_round_is_the_power_iteration(chain: scipy.sparse.csr_array) -> None:
    proposal = label_spreading(chain, LABELS, alpha=0.6)
    made = playback(proposal)
    w = chain.toarray()
    scale = np.divide(1, np.sqrt(w.sum(1)), out=np.zeros(9), where=w.sum(1) > 0)
    s, y = scale[:, None] * w * scale, np.zeros((9, 2))
    y[0, 0] = y[7, 1] = 1
    f = y.copy()
    for _ in range(3):
        f = 0.6 * s @ f + y
    third = made.classes[3]
    free = [i for i in range(8) if LABELS[i] < 0]
    total = f.sum(1)
    assert third[free].tolist() == [int(f[i].argmax()) if total[i] > 0 else -1 for i in free]
    np.testing.assert_allclose(made.confidence[3][free], [f[i].max() / total[i] if total[i] > 0 else 0 for i in free], atol=1e-6)


def test_class_names_are_seeds_too_and_frames_are_limited() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6))
    made = playback(zlap(vectors, np.eye(3, 6), alpha=0.9), frames=5)
    assert made.classes.shape == (5, 40)
    assert (made.classes[0] == -1).all()
    assert made.rounds.tolist()[:4] == [0, 1, 2, 3]


def test_what_is_no_linear_solve_is_refused() -> None:
    with pytest.raises(ValueError, match="no linear solve"):
        playback(Proposal(np.eye(3, dtype=np.float32)))
