"""A running JupyterLab for the tests of this folder; every one of them carries the marker `browser`."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.jupyter_lab import Lab, Server, running_server


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One JupyterLab server for all tests."""
    with running_server(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="module")
def lab(chromium, jupyter_server: Server, pytestconfig: pytest.Config) -> Lab:
    """JupyterLab in a browser; pictures are kept in .test-output."""
    return Lab(jupyter_server, chromium, Path(pytestconfig.rootpath) / ".test-output")
