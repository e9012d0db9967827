"""What every test gets: a data folder of its own."""
from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for this test alone, so that no session or cache of another test is found."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LABELNB_HOME", str(home))
    return home
