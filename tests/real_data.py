"""Real measuring data that is not part of the repository, for tests that measure more than the embedded data can show.

A test asks for a file by name and is skipped, with the reason, where the file is not there.
"""
from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["data_folder", "real_data"]


def data_folder() -> Path:
    """The folder named by LABELNB_TEST_DATA, else `shared/data` beside the checkout."""
    named = os.environ.get("LABELNB_TEST_DATA")
    return Path(named).expanduser() if named else Path(__file__).parents[1].parent / "shared" / "data"


def real_data(name: str) -> Path:
    """Path of the file `name` in the folder of measuring data; skips the calling test where it is missing."""
    path = data_folder() / name
    if not path.exists():
        pytest.skip(f"{name}: no such measuring data; set LABELNB_TEST_DATA to a folder that holds it")
    return path
