"""A headless Chromium that is on the machine already: nothing is downloaded."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium_path", "headless_chromium", "is_blank", "patient"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]


def chromium_path() -> str | None:
    """Path of a Chromium or Chrome: LABELNB_CHROMIUM, else what is on the PATH; None where there is none."""
    named = os.environ.get("LABELNB_CHROMIUM")
    candidates = [named] if named else [*(shutil.which(name) for name in NAMES), *(MAC if sys.platform == "darwin" else ())]
    return next((path for path in candidates if path and Path(path).exists()), None)


@contextmanager
def headless_chromium() -> Iterator[Browser]:
    """A running browser; skips the calling test where there is none, or fails it where LABELNB_REQUIRE_BROWSER=1."""
    path = chromium_path()
    if path is None:
        say = "no Chromium or Chrome on this machine (on Debian and Ubuntu: apt-get install chromium); or name one by LABELNB_CHROMIUM"
        if os.environ.get("LABELNB_REQUIRE_BROWSER") == "1":
            pytest.fail(say)
        pytest.skip(say)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def patient(page: Page) -> None:
    """Let a page take as long as a slow machine needs; LABELNB_BROWSER_SLOWDOWN=8 makes it that much slower: a test must hold there."""
    page.set_default_timeout(120_000)
    slower = float(os.environ.get("LABELNB_BROWSER_SLOWDOWN", "1"))
    if slower > 1:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})


def is_blank(picture: bytes, *, colours: int = 8) -> bool:
    """Whether a PNG holds fewer than `colours` distinct colours: what an empty or crashed widget looks like."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        found = image.convert("RGB").getcolors(maxcolors=1 << 24)
    return len(found or ()) < colours
