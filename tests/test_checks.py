"""Bad input is refused before any work, by name and position."""

import numpy as np
import pytest
import torch

from labelnb import checks


def test_unit_rows_normalises_and_keeps_double():
    rows = checks.unit_rows([[3.0, 4.0], [0.0, 2.0]])
    assert torch.allclose(rows, torch.tensor([[0.6, 0.8], [0.0, 1.0]], dtype=rows.dtype))
    assert checks.unit_rows(np.ones((2, 3))).dtype == torch.float64
    assert checks.unit_rows(np.ones((2, 3), np.float16)).dtype == torch.float32
    assert checks.unit_rows(np.ones((2, 3)), keep_double=False).dtype == torch.float32


def test_unit_rows_takes_read_only_and_reversed_memory():
    array = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    array.flags.writeable = False
    assert checks.unit_rows(array).shape == (3, 2)
    assert torch.allclose(checks.unit_rows(array[::-1]), checks.unit_rows(array).flip(0))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((0, 4)), "nothing to work on"),
        (np.ones(4), r"expected \(N, D\)"),
        (np.array([[1.0, np.nan], [1, 1]]), "NaN or infinity in rows 0"),
        (np.array([[1.0, 1.0], [0, 0]]), "rows 1 are all zeros"),
        ([["a", "b"]], "embed the items first"),
        ([[1.0], [1.0, 2.0]], "unequal length"),
    ],
)
def test_unit_rows_refuses(value, words):
    with pytest.raises((ValueError, TypeError), match=words):
        checks.unit_rows(value)


def test_many_bad_rows_are_counted():
    bad = np.ones((20, 2))
    bad[3:] = np.inf
    with pytest.raises(ValueError, match="3, 4, 5, 6, 7 and 12 more"):
        checks.unit_rows(bad)


def test_class_rows_is_the_mean_of_unit_prompts():
    x = torch.eye(2)
    prompts = torch.tensor([[[2.0, 0.0], [0.0, 5.0]], [[0.0, 1.0], [float("nan")] * 2]])
    rows = checks.class_rows(prompts, x)
    assert torch.allclose(rows, torch.tensor([[2**-0.5, 2**-0.5], [0.0, 1.0]]))


def test_class_rows_refuses_another_space_and_classes_without_prompts():
    with pytest.raises(ValueError, match="same image-text encoder"):
        checks.class_rows(np.ones((2, 3)), torch.eye(2))
    with pytest.raises(ValueError, match="classes 1 have no prompt"):
        checks.class_rows(np.array([[[1.0, 0]], [[np.nan, np.nan]]]), torch.eye(2))
    with pytest.raises(ValueError, match="zero or holds NaN"):
        checks.class_rows(np.array([[[1.0, np.nan]]]), torch.eye(2))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1], r"expected \(3,\)"),
        ([0, -2, 1], "items 1 hold a value below -1"),
        ([0, 5, 1], "items 1 hold a class position of 3 or more"),
        ([0.5, 0, 1], "fractions"),
        ([0, np.nan, 1], "fractions or NaN"),
        (["cat", "dog", "cat"], "expected numbers"),
    ],
)
def test_class_labels_refuses(labels, words):
    with pytest.raises((ValueError, TypeError), match=words):
        checks.class_labels(labels, 3, n_classes=3)


def test_class_labels_can_ask_for_all():
    assert checks.class_labels([0, -1, 1], 3).tolist() == [0, -1, 1]
    with pytest.raises(ValueError, match="items 1 have no label"):
        checks.class_labels([0, -1, 1], 3, unknown=False)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.5, 0.2]], "do not sum to 1"),
        ([[1.5, -0.5]], "not scores or logits"),
        ([[np.inf, 0]], "NaN or infinity"),
        ([0.5, 0.5], r"expected \(N, K\)"),
    ],
)
def test_probability_rows_refuses(rows, words):
    with pytest.raises(ValueError, match=words):
        checks.probability_rows(rows)


def test_probability_rows_lets_a_row_abstain():
    assert checks.probability_rows([[0.0, 0.0], [0.25, 0.75]]).sum().item() == 1


def test_hyperparameters_are_named():
    assert checks.within("alpha", 0.3, 0, 1) == 0.3
    with pytest.raises(ValueError, match=r"alpha: got 1, expected a number in \[0, 1\)"):
        checks.within("alpha", 1, 0, 1, open_high=True)
    for bad in (True, "2", float("nan")):
        with pytest.raises(ValueError, match="alpha"):
            checks.within("alpha", bad, 0, 2)
    with pytest.raises(ValueError, match="k: got 2.0, expected a whole number of at least 1"):
        checks.positive_int("k", 2.0)
    with pytest.raises(ValueError, match="at most 3"):
        checks.positive_int("k", 4, high=3)


def test_generator_leaves_the_global_one_alone():
    before = torch.random.get_rng_state()
    first = torch.rand(3, generator=checks.generator(5))
    assert torch.equal(first, torch.rand(3, generator=checks.generator(5)))
    assert torch.equal(before, torch.random.get_rng_state())
