"""Fixtures of the widget tests; the browser itself is the one of tests/conftest.py."""
from tests.widgets.chromium import mount

__all__ = ["mount"]
