"""Settings of every test run, of the tests, the doctests and the notebooks alike; set before anything imports numpy or torch."""
from __future__ import annotations

import os
import tempfile

import pytest

# Many small pieces of work: threads only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# No test may reach a model hub; code that needs one must say so by a clear error.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# No test reads or writes the sessions and caches of the person who runs it.
os.environ["LABELNB_HOME"] = tempfile.mkdtemp(prefix="labelnb-tests-")
# A traceback with a temporary path is no use in a notebook that is checked; nor is a debugger's notice about frozen modules.
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine or this run is not meant for."""
    reasons: dict[str, str] = {}
    if os.environ.get("LABELNB_NIGHTLY") != "1":
        reasons["nightly"] = "takes minutes; set LABELNB_NIGHTLY=1 to run it"
    if os.environ.get("LABELNB_NETWORK") != "1":
        reasons["network"] = "fetches public data; set LABELNB_NETWORK=1 to run it"
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        if not torch.cuda.is_available():
            reasons["gpu"] = "no CUDA device on this machine"
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_unconfigure() -> None:
    import shutil

    shutil.rmtree(os.environ["LABELNB_HOME"], ignore_errors=True)
