"""What every test gets: a data folder of its own, and a browser where it asks for one."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import headless_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that fails runs once more, and the report lists it: browser, server and kernel are processes of their own."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for this test alone, so that no session or cache of another test is found."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LABELNB_HOME", str(home))
    return home


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium for the tests of a file; skips where there is none. Ended with the file: Playwright's event loop would
    be in the way of notebooks that are run later in the same process."""
    with headless_chromium() as browser:
        yield browser
