"""The table of methods is read from the sources and imports none of them."""

import subprocess
import sys

import pytest

import labelnb
from labelnb import catalog as read
from labelnb.ingredients import INGREDIENTS


def test_reading_the_catalogue_imports_no_method_and_no_framework():
    code = (
        "import sys, labelnb; table = labelnb.catalog(); assert len(table) >= 5; repr(table); table.to_markdown(); table._repr_html_();"
        "bad = [m for m in sys.modules if m == 'torch' or m.startswith(('labelnb.methods.', 'labelnb.compute'))]; print(bad)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rows_describe_the_functions():
    zlap = read("propagation")["zlap"]
    assert zlap.full_name == "propagation.zlap" and zlap.needs == ("embeddings", "class_embeddings") and "labels" in zlap.takes
    assert {h.name: h.default for h in zlap.hyperparameters}["alpha"] == "'auto'"
    assert zlap.returns == "Proposal" and zlap.rows == (150,) and zlap.source
    assert zlap.function.__name__ == "zlap"


def test_needs_filters_to_what_can_be_run_now():
    names = {m.full_name for m in read(needs=["embeddings"])}
    assert "clustering.sela" in names and "propagation.zlap" not in names
    assert "propagation.zlap" in {m.full_name for m in read(needs=["embeddings", "class_embeddings"])}


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match="expected one of .*propagation"):
        read("telepathy")
    with pytest.raises(KeyError, match="names 0 methods"):
        read()["nothing"]


def test_every_positional_parameter_is_an_ingredient():
    for method in read():
        assert set(method.needs) <= set(INGREDIENTS), method.full_name


def test_functions_stand_in_for_their_modules_whatever_is_imported_first():
    code = (
        "import labelnb.methods.propagation.zlap, labelnb.catalog, labelnb.load, labelnb;"
        "from labelnb.methods import propagation; from labelnb.methods.propagation import zlap;"
        "assert callable(zlap) and zlap is propagation.zlap and callable(labelnb.load) and callable(labelnb.catalog);"
        "print('zlap' in dir(propagation))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="it has"):
        labelnb.methods.propagation.nothing_of_that_name  # noqa: B018
    with pytest.raises(AttributeError, match="labelnb has no 'frobnicate'"):
        labelnb.frobnicate  # noqa: B018
