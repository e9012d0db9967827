"""What every method of the catalogue keeps to, whatever it computes. A new method is covered without a change here.

Whether a method is right is for its own test file to say; these tests say that it can be found, called and trusted like all others.
"""
from __future__ import annotations

import json
import random
import re
import typing
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import labelnb as lnb
from labelnb import results
from labelnb.catalog import Method
from labelnb.checks import Range
from labelnb.ingredients import INGREDIENTS
from labelnb.metrics import adjusted_rand_index
from tests.methods.samples import BROKEN, MISMATCH, broken, classes_in_order, in_double, items_in_order, sample, wanted

ROOT = Path(__file__).parents[2]
WIDGETS = {
    "review": "ReviewGrid", "clusters": "ClusterBoard", "propagation": "PropagationGraph", "triage": "Triage", "explorer": "Explorer",
    "report": None,
}
METHODS = list(lnb.catalog())
every_method = pytest.mark.parametrize("method", METHODS, ids=[method.full_name for method in METHODS])
NOT_IN_A_SESSION = ("votes", "candidates", "multi_labels", "domains", "bags", "times", "patches", "annotator")
"""Ingredients that a caller hands over."""
OPTIONAL = ("labels",)
"""Ingredients that the tests hand over too where a method can use them beside what it needs."""


def optional(method: Method) -> tuple[str, ...]:
    return tuple(name for name in method.takes if name in OPTIONAL)


faults = pytest.mark.parametrize(("method", "name", "fault"), [
    pytest.param(method, name, fault, id=f"{method.full_name}-{name}-{fault}")
    for method in METHODS for name, fault in broken(method.needs, optional(method))
])


def call(method: Method, values: dict[str, Any], **more: Any) -> Any:
    return method.function(**values, **{**wanted(method.hyperparameters), **more})


def sampled(method: Method, **size: int) -> dict[str, Any]:
    return sample(method.needs, **size)


@cache
def plain(method: Method) -> Any:
    """The result on the sample, computed once."""
    return call(method, sampled(method))


@cache
def notebook_sources() -> str:
    """The cells of all notebooks, without their outputs."""
    notebooks = [json.loads(path.read_text(encoding="utf8")) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return "\n".join("".join(cell["source"]) for notebook in notebooks for cell in notebook["cells"])


def random_one(method: Method) -> bool:
    """Whether there is chance in the method: its results then agree as structures, not to the last digit."""
    return any(each.name == "seed" for each in method.hyperparameters)


def assert_same(method: Method, got: Any, expected: Any, tolerance: float = 1e-4) -> None:
    """That two results say the same: the same clusters by whatever number, the same classes, scores within the tolerance."""
    assert type(got) is type(expected)
    if isinstance(got, results.Clusters):
        assert adjusted_rand_index(got.assignment, expected.assignment) > (0.95 if random_one(method) else 1 - 1e-9)
    elif isinstance(got, results.Proposal) and random_one(method):
        assert np.mean(got.predictions == expected.predictions) > 0.97
    elif isinstance(got, results.Proposal):
        np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=tolerance)
    elif isinstance(got, results.Ranking) and random_one(method):
        scored = ~np.isnan(np.asarray(expected.scores))
        np.testing.assert_array_equal(~np.isnan(np.asarray(got.scores)), scored)
        assert np.corrcoef(rank(got.scores[scored]), rank(expected.scores[scored]))[0, 1] > 0.8
    elif isinstance(got, results.Ranking):
        np.testing.assert_allclose(got.scores, expected.scores, atol=tolerance, equal_nan=True)
        assert np.mean(got.flagged == expected.flagged) > 0.97
    elif isinstance(got, results.Votes):
        np.testing.assert_array_equal(got.votes, expected.votes)


def rank(scores: np.ndarray) -> np.ndarray:
    """The place of each score in their order."""
    return np.argsort(np.argsort(scores))


def taken(result: Any, order: np.ndarray) -> Any:
    """A result with its items in another order."""
    made = object.__new__(type(result))
    for name, value in vars(result).items():
        if name in ("probabilities", "assignment", "scores", "flagged", "votes") and value is not None:
            value = value[order]
        object.__setattr__(made, name, tuple(value[i] for i in order) if name == "reasons" else value)
    return made


def assert_sound(result: Any, items: int, classes: int | None) -> None:
    """That a result has the shapes, types and ranges that its type promises."""
    if isinstance(result, results.Report):
        assert result.title
        assert result.values or result.tables
        return
    assert len(result) == items
    if isinstance(result, results.Proposal):
        assert classes is None or result.probabilities.shape == (items, classes)
        assert result.probabilities.dtype == np.float32
        assert np.isfinite(result.probabilities).all()
        assert result.probabilities.min() >= 0
        sums = result.probabilities.sum(1)
        assert (np.isclose(sums, 1, atol=1e-4) | (sums == 0)).all()
        assert result.predictions.dtype == np.int64
        assert ((result.predictions == -1) == (sums == 0)).all()
        assert np.asarray(result.evidence["scores"]).shape == result.probabilities.shape, "raw scores belong in evidence['scores']"
    elif isinstance(result, results.Clusters):
        assert result.assignment.dtype == np.int64
        assert result.assignment.min() >= -1
        assert result.sizes.sum() == (result.assignment >= 0).sum()
        if result.probabilities is not None:
            np.testing.assert_allclose(result.probabilities.sum(1), 1, atol=1e-4)
    elif isinstance(result, results.Ranking):
        assert sorted(result.order.tolist()) == list(range(items))
        assert not np.isinf(result.scores).any()
        assert result.flagged.dtype == bool
    elif isinstance(result, results.Votes):
        assert result.votes.min() >= -1
        assert classes is None or result.votes.max() < classes
    for name in ("probabilities", "assignment", "scores", "votes"):
        array = getattr(result, name, None)
        assert array is None or not array.flags.writeable, f"{name} can be written to"


# Whether it can be found -------------------------------------------------------------------------------------------------------


def test_there_are_methods_to_test():
    first = {"zero_shot.clip", "propagation.zlap", "clustering.sela", "pseudo_label.curriculum_labeling", "noisy.confident_learning"}
    assert first <= {method.full_name for method in METHODS}


@every_method
def test_has_a_test_a_notebook_a_widget_and_a_paper(method: Method):
    own = ROOT / "tests" / "methods" / f"test_{method.name}.py"
    assert own.exists(), f"write {own.relative_to(ROOT)}: the method against an independent truth"
    assert re.search(rf"\b{method.name}\b", notebook_sources()), f"no notebook shows {method.name}"
    assert method.widget in WIDGETS, f"WIDGET = {method.widget!r}; expected one of {sorted(WIDGETS)}"
    assert WIDGETS[method.widget] is None or isinstance(getattr(lnb.widgets, WIDGETS[method.widget]), type)
    assert re.search(r"\b(19|20)\d\d\b", method.source), "the module's docstring needs 'Source: authors, year, where'"
    assert method.title, "the module's docstring needs a first line"
    assert hasattr(results, method.returns), f"returns {method.returns!r}; expected a type of labelnb.results"


@every_method
def test_signature_says_what_it_needs(method: Method):
    assert method.needs, "a method needs one ingredient at least"
    assert set(method.needs) | set(method.takes) <= set(INGREDIENTS), f"expected names of the vocabulary: {INGREDIENTS}"
    hints = typing.get_type_hints(method.function, include_extras=True)
    for each in method.hyperparameters:
        assert each.annotation, f"{each.name} has no type"
        assert hints[each.name] is not Any, f"{each.name}: Any makes no control"
        documented = method.function.__doc__ or ""
        assert re.search(rf"\b{each.name}\b", documented), f"the docstring does not say what {each.name} is"
    for section in ("Parameters", "Returns", "Raises"):
        assert section in (method.function.__doc__ or ""), f"the docstring has no {section}"


# Whether it can be called ------------------------------------------------------------------------------------------------------


@every_method
def test_result_has_its_shape_and_range(method: Method):
    result = plain(method)
    assert type(result).__name__ == method.returns
    assert_sound(result, 80, 4)


@every_method
def test_call_leaves_no_trace(method: Method):
    values = sampled(method)
    before = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
    legacy = np.random.mtrand._rand.get_state
    states = torch.get_rng_state(), legacy()[1].copy(), random.getstate()
    settings = torch.is_grad_enabled(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    call(method, values)
    for name, value in before.items():
        np.testing.assert_array_equal(values[name], value, err_msg=f"{name} was changed")
    assert torch.equal(states[0], torch.get_rng_state()), "torch's global generator was used"
    assert np.array_equal(states[1], legacy()[1]), "NumPy's global generator was used"
    assert states[2] == random.getstate(), "Python's global generator was used"
    assert settings == (torch.is_grad_enabled(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


@every_method
def test_same_call_gives_the_same_result(method: Method):
    again = call(method, sampled(method))
    for name in ("probabilities", "assignment", "scores", "flagged", "votes"):
        if getattr(again, name, None) is not None:
            np.testing.assert_array_equal(getattr(again, name), getattr(plain(method), name))


@every_method
def test_tensors_and_lists_are_taken_too(method: Method):
    values = sampled(method)
    as_tensors = {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}
    as_lists = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
    assert_same(method, call(method, as_tensors), plain(method), tolerance=1e-6)
    assert_same(method, call(method, as_lists), plain(method))


# Whether it can be trusted -----------------------------------------------------------------------------------------------------


@every_method
def test_order_of_the_items_does_not_matter(method: Method):
    order = np.random.default_rng(2).permutation(80)
    assert_same(method, call(method, items_in_order(sampled(method), order)), taken(plain(method), order))


@every_method
def test_order_of_the_classes_does_not_matter(method: Method):
    order = np.array([2, 0, 3, 1])
    result, expected = call(method, classes_in_order(sampled(method), order)), plain(method)
    if isinstance(expected, results.Proposal):
        back = object.__new__(results.Proposal)
        for name, value in vars(result).items():
            object.__setattr__(back, name, value[:, np.argsort(order)] if name == "probabilities" else value)
        result = back
    elif isinstance(expected, results.Votes):
        pytest.skip("votes hold class positions; their own test has to say so")
    assert_same(method, result, expected)


@every_method
def test_float64_agrees_with_float32(method: Method):
    assert_same(method, call(method, in_double(sampled(method))), plain(method))


@every_method
def test_other_seeds_agree_on_clear_data(method: Method):
    if not random_one(method):
        assert "seed" not in typing.get_type_hints(method.function)
        return
    assert_same(method, call(method, sampled(method), seed=11), plain(method))


@faults
def test_broken_input_is_refused_by_name(method: Method, name: str, fault: str):
    values = sample((*method.needs, *optional(method)))
    values[name] = BROKEN[name][fault](values[name])
    with pytest.raises((ValueError, TypeError)) as caught:
        call(method, values)
    # Where two ingredients do not fit together, either may be named.
    right = (name, *values) if fault in MISMATCH else (name,)
    named = any(re.search(rf"\b{said.rstrip('s')}", str(caught.value)) for said in right)
    assert named, f"the message does not name {name}: {caught.value}"


@every_method
@pytest.mark.parametrize(("items", "classes"), [(1, 1), (2, 2), (20, 1)], ids=["one item", "two items", "one class"])
def test_smallest_inputs_work_or_are_refused_clearly(method: Method, items: int, classes: int):
    values = sampled(method, items=items, classes=classes)
    try:
        result = method.function(**values, **wanted(method.hyperparameters, classes))
    except ValueError as error:
        result, words = None, str(error)
    if result is None:
        names = (*method.needs, *method.takes, *(each.name for each in method.hyperparameters), "class", "item", "label")
        assert any(re.search(rf"\b{name}", words) for name in names), f"the message names nothing: {words}"
    else:
        assert_sound(result, items, None)


@every_method
def test_equal_items_are_no_trouble(method: Method):
    values = items_in_order(sampled(method), np.repeat(np.arange(20), 4))
    assert_sound(call(method, values), 80, None)


def _outside(annotation: Any) -> Any:
    """A value that a hyperparameter of this type has to refuse; None where every value of its type is fine."""
    parts = typing.get_args(annotation)
    ranges = [part for part in getattr(annotation, "__metadata__", ()) if isinstance(part, Range)]
    if ranges:
        return ranges[0].low - 1
    if typing.get_origin(annotation) is Literal:
        return "no such choice"
    inner = [_outside(part) for part in parts if part is not type(None)] if parts else []
    if any(value is not None for value in inner):
        return next(value for value in inner if value is not None)
    return -3 if annotation is int else None


@every_method
def test_hyperparameters_outside_their_range_are_refused_by_name(method: Method):
    hints = typing.get_type_hints(method.function, include_extras=True)
    checked = []
    for each in method.hyperparameters:
        value = None if each.name == "seed" else _outside(hints[each.name])
        if value is not None:
            with pytest.raises((ValueError, TypeError), match=each.name):
                call(method, sampled(method), **{each.name: value})
            checked.append(each.name)
    assert checked or all(each.name == "seed" for each in method.hyperparameters), "no hyperparameter has a range"


# Whether it works through a session --------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path):
    given = sample(("embeddings", "class_embeddings", "labels", "classes"))
    with lnb.Session(given["embeddings"], classes=list(given["classes"].names), path=tmp_path / "s.lnb") as made:
        made.embed(given["embeddings"], class_embeddings=given["class_embeddings"])
        known = np.flatnonzero(given["labels"] >= 0)
        made.label(known, [given["classes"].names[k] for k in given["labels"][known]])
        yield made


@every_method
def test_works_through_a_session_and_writes_no_label(method: Method, session: lnb.Session):
    before = session.labels.values.copy()
    given = {name: value for name, value in sampled(method).items() if name in NOT_IN_A_SESSION}
    result = getattr(getattr(session, method.family), method.name)(**given, **wanted(method.hyperparameters))
    assert_sound(result, 80, 4)
    assert result.session is session
    assert result.provenance.method == method.full_name
    assert set(result.provenance.parameters) | {"seed"} >= {each.name for each in method.hyperparameters}
    assert set(result.provenance.ingredients) >= set(method.needs) - {"annotator"}
    assert [event.number for event in session.journal.runs()] == [result.provenance.run]
    np.testing.assert_array_equal(session.labels.values, before)
    shown = result._repr_mimebundle_()
    assert {"text/plain", "text/html"} <= set(shown[0] if isinstance(shown, tuple) else shown)
    if WIDGETS[method.widget] is not None:
        widget = result.widget()
        try:
            assert type(widget).__name__ == WIDGETS[method.widget]
        finally:
            widget.close()


def test_duplicate_ids_are_refused_by_name():
    import pandas as pd

    with pytest.raises(ValueError, match="(?s)id.*twice"):
        lnb.load(pd.DataFrame({"key": ["a", "twice", "twice"], "words": ["x", "y", "z"]}), id="key", text="words")
