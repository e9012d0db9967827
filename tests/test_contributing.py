"""The worked example in CONTRIBUTING.md: it is what it says it is, and it runs."""
from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from labelnb.catalog import _read
from labelnb.ingredients import INGREDIENTS
from tests.methods.samples import sample

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf8")
METHOD, TEST = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def load_as(name: str, path: Path, source: str) -> ModuleType:
    path.write_text(source, encoding="utf8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    import labelnb.methods.pseudo_label as family

    module = load_as("contributing_example", tmp_path / "nearest_centroid.py", METHOD)
    monkeypatch.setattr(family, "nearest_centroid", module.nearest_centroid, raising=False)
    yield module
    del sys.modules["contributing_example"]


def test_catalogue_reads_the_example(example: ModuleType):
    method = _read(Path(example.__file__))
    assert (method.name, method.needs) == ("nearest_centroid", ("embeddings", "labels"))
    assert (method.widget, method.returns) == ("review", "Proposal")
    assert method.source.startswith("Snell")
    assert [each.name for each in method.hyperparameters] == ["temperature"]


def test_its_own_test_passes(example: ModuleType, tmp_path: Path):
    tests = load_as("contributing_example_test", tmp_path / "test_nearest_centroid.py", TEST)
    tests.test_agrees_with_the_definition_written_as_loops()
    assert example.nearest_centroid(**sample(("embeddings", "labels"))).probabilities.shape == (80, 4)


def test_it_refuses_what_it_says_it_refuses(example: ModuleType):
    values = sample(("embeddings", "labels"))
    with pytest.raises(ValueError, match=r"labels: classes at positions \[2\]"):
        example.nearest_centroid(values["embeddings"], np.where(values["labels"] == 2, -1, values["labels"]))
    with pytest.raises(ValueError, match="temperature"):
        example.nearest_centroid(**values, temperature=0)


def test_vocabulary_is_the_one_in_force():
    listed = TEXT.partition("named from one closed vocabulary")[2].partition(". The session fills")[0]
    assert re.findall(r"`(\w+)`", listed.partition(":")[2]) == list(INGREDIENTS)
