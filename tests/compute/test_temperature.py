"""Temperature scaling: the temperature that made the data comes back; a grid cannot do better; few labels are held by the prior."""
import numpy as np
import pytest
import torch

from labelnb.compute.temperature import fit_temperature


def drawn(temperature: float, n: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and classes drawn by their softmax at the temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (n, 4))
    shares = np.exp(logits / temperature - (logits / temperature).max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    truth = (shares.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=3)
    return torch.from_numpy(logits), torch.from_numpy(truth)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_what_made_the_data_comes_back(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.04)


def test_no_temperature_of_a_fine_grid_is_likelier():
    logits, truth = drawn(2.0, 300)
    grid = np.exp(np.linspace(-3, 3, 2001))
    lost = [float(torch.nn.functional.cross_entropy(logits / t, truth)) for t in grid]
    found = fit_temperature(logits, truth)
    assert float(torch.nn.functional.cross_entropy(logits / found, truth)) <= min(lost) + 1e-6


def test_few_labels_are_held_by_the_prior_and_many_are_not():
    logits, truth = drawn(4.0)
    assert 1 < fit_temperature(logits[:4], truth[:4], prior=50) < 1.2
    assert fit_temperature(logits, truth, prior=50) == pytest.approx(4.0, rel=0.05)


def test_classes_out_of_the_question_do_no_harm():
    logits, truth = drawn(0.5, 5_000)
    out = torch.where(torch.nn.functional.one_hot(truth, 4).bool(), logits, torch.where(logits < -2, -torch.inf, logits))
    impossible = torch.full((100, 4), -torch.inf)
    impossible[:, 0] = 1.0
    with_them = fit_temperature(torch.cat([out, impossible]), torch.cat([truth, torch.full((100,), 3)]))
    assert with_them == fit_temperature(out, truth)
    assert fit_temperature(impossible, torch.full((100,), 3)) == 1.0
