"""Fixtures of the widget tests; the browser itself is the one of tests/conftest.py."""
from tests.widgets.chromium import mount
from tests.widgets.three_kinds import s

__all__ = ["mount", "s"]
