"""permissive_flow against its definition: every set of labels tried; and outputs made from sources that are known."""
from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from labelnb.methods.propagation import permissive_flow


def library(seed: int = 0, sources: int = 60, outputs: int = 40, n_labels: int = 4, d: int = 8, noise: float = 0.05):
    """Outputs written from one source each, far nearer than all others; the sources' labels; and which source it was."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(sources, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = rng.integers(0, n_labels, sources)
    read = np.array([rng.choice(sources, 1) for _ in range(outputs)])
    made = x[read].mean(1) + noise * rng.normal(size=(outputs, d))
    return np.vstack([x, made]), np.append(y, np.full(outputs, -1)), read


def worth(x, output: int, context, temperature: float) -> float:
    """Log-likelihood of the output from these sources."""
    square = ((x[output] - x[list(context)]) ** 2).sum(1) if len(context) else np.array([np.inf])
    return float(np.log(np.exp(-square / temperature).sum() + 1e-300))


@pytest.mark.parametrize("lattice", ["sets", "levels"])
@pytest.mark.parametrize("loss", [0.02, 0.3])
def test_carried_labels_are_the_least_that_lose_little(lattice, loss):
    x, y, _ = library(noise=0.4)
    made = permissive_flow(x, y, k=6, temperature=0.5, loss=loss, lattice=lattice)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    for output in range(60, 100):
        context = np.argsort(((x[output] - x[:60]) ** 2).sum(1))[:6]
        full, found = worth(x, output, context, 0.5), None
        sets = [set(range(level + 1)) for level in range(4)] if lattice == "levels" else [
            set(chosen) for size in range(1, 5) for chosen in combinations(range(4), size)
        ]
        enough = [some for some in sets if worth(x, output, [s for s in context if y[s] in some], 0.5) >= full - loss - 1e-9]
        least = min(len(some) for some in enough)
        carried = set(np.flatnonzero(made.evidence["carried"][output]).tolist())
        if lattice == "levels":
            assert carried == {least - 1}
        else:
            assert len(carried) == least
            assert carried in enough
        found = worth(x, output, made.evidence["sources"][output][made.evidence["kept"][output]], 0.5)
        assert full - found == pytest.approx(made.evidence["lost"][output], abs=1e-6)
        assert set(np.flatnonzero(made.evidence["everything"][output])) == set(y[context])


def test_an_output_carries_the_label_of_what_it_was_made_from_and_not_of_its_context():
    x, y, read = library()
    made = permissive_flow(x, y)
    carried = made.evidence["carried"][60:]
    exact = [set(np.flatnonzero(row)) == {int(y[source[0]])} for row, source in zip(carried, read, strict=True)]
    assert np.mean(exact) > 0.9
    assert carried.sum(1).mean() < made.evidence["everything"][60:].sum(1).mean() / 2
    np.testing.assert_array_equal(made.predictions[:60], y[:60])


def test_nothing_may_be_lost_at_a_loss_of_zero_and_all_sources_count():
    x, y, _ = library(noise=0.4)
    made = permissive_flow(x, y, loss=0.0, temperature=5.0)
    np.testing.assert_array_equal(made.evidence["carried"][60:], made.evidence["everything"][60:])
    np.testing.assert_allclose(made.evidence["lost"], 0, atol=1e-8)


def test_outputs_without_a_source_are_refused():
    with pytest.raises(ValueError, match="labels: no item is a source"):
        permissive_flow(np.eye(3), [-1, -1, -1])
