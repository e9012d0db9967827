"""What every test gets: a data folder of its own, seeds of its own, and markers that say why a test is skipped."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports numpy or torch: a test suite is many small pieces of work, and threads only get in their way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# No test may reach a model hub; code that would must say so by a clear error.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {
        "nightly": None if os.environ.get("LABELNB_NIGHTLY") == "1" else "takes minutes; set LABELNB_NIGHTLY=1 to run it",
        "network": None if os.environ.get("LABELNB_NETWORK") == "1" else "fetches public data; set LABELNB_NETWORK=1 to run it",
    }
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        reasons["gpu"] = None if torch.cuda.is_available() else "no CUDA device on this machine"
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder for this test alone: no test reads or writes the sessions and caches of the person who runs it."""
    home = tmp_path_factory.mktemp("labelnb-home")
    monkeypatch.setenv("LABELNB_HOME", str(home))
    yield home
