"""A session of sixty things of three kinds, well apart, and one class that is none of them."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import labelnb as lnb

__all__ = ["TRUTH", "s"]

TRUTH = np.arange(60) % 3


@pytest.fixture
def s(tmp_path: Path) -> Iterator[lnb.Session]:
    rng = np.random.default_rng(0)
    with lnb.Session([f"thing {i}" for i in range(60)], classes=["old"], path=tmp_path / "s.lnb") as session:
        session.embed(np.eye(3, 8)[TRUTH] + .1 * rng.normal(size=(60, 8)))
        yield session
