"""Fixtures of the widget tests."""
from tests.widgets.chromium import chromium, mount

__all__ = ["chromium", "mount"]
