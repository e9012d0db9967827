"""Files and folders that stand whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["new_file", "new_folder"]


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write to, in the target's folder; it becomes `target` when the block ends well, and is removed when it does not."""
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield made
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(made, target)
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, which takes its place when the block ends well; what was there goes only then."""
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    made.mkdir()
    try:
        yield made
        _put(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, target: Path) -> None:
    if not target.exists():
        os.rename(made, target)
        return
    old = target.with_name(f".{target.name}-old-{secrets.token_hex(4)}")
    os.rename(target, old)
    try:
        os.rename(made, target)
    except OSError:
        os.rename(old, target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
