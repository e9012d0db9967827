"""Banks of names: where they come from, that each name stands once, and that none is fetched."""
from __future__ import annotations

import subprocess
import sys

import pytest

from labelnb import datasets
from labelnb.cluster_banks import BANKS, name_bank


def test_the_bank_of_emoji_is_what_ships_with_labelnb():
    names = name_bank()
    items = datasets.load("emoji")
    assert set(items.frame.column("name").to_pylist()) | set(items.truth_names) <= set(names)
    assert {"food", "animal"} <= set(names), "what several things are kinds of"
    assert "potassium" not in names
    assert names == name_bank("emoji")


@pytest.mark.parametrize("name", sorted(BANKS))
def test_a_bank_holds_each_name_once_and_no_empty_one(name):
    names = name_bank(name)
    assert len(names) >= 400
    assert len(set(names)) == len(names)
    assert all(one == one.strip() and one for one in names)


def test_banks_join_and_a_list_is_its_own():
    assert set(name_bank("emoji+wordnet")) == {*name_bank("emoji"), *name_bank("wordnet")}
    assert name_bank([" cat ", "cat", "", "dog"]) == ("cat", "dog")
    assert len(name_bank("imagenet")) > 990
    with pytest.raises(ValueError, match=r"got the bank 'animals', expected 'emoji', 'imagenet', 'wordnet'"):
        name_bank("animals")


def test_no_bank_is_read_before_it_is_asked_for():
    told = subprocess.run(
        [sys.executable, "-c", "import sys, labelnb.cluster_banks; print('pyarrow' in sys.modules, 'timm' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )
    assert told.stdout.strip() == "False False"
