"""The methods: one family a folder, one paper a file, one public function a file.

A family's package is lazy: `from labelnb.methods.propagation import zlap` imports that one file and gives its function. A new
method is a new file; nothing else has to be edited.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from labelnb.lazy import FunctionsFirst

__all__ = ["families"]

_HERE = Path(__file__).parent


def families() -> tuple[str, ...]:
    """Names of the families that have a folder here, in alphabetical order."""
    return tuple(sorted(path.name for path in _HERE.iterdir() if (path / "__init__.py").is_file()))


class _Family(FunctionsFirst):
    """A package whose attribute `name` is the function `name` of its file `name.py`, never the module of that name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not (Path(self.__path__[0]) / f"{name}.py").is_file():
            raise AttributeError(f"{self.__name__} has no method {name!r}; it has {', '.join(dir(self)) or 'none'}")
        importlib.import_module(f"{self.__name__}.{name}")
        return self.__dict__[name]

    def __dir__(self) -> list[str]:
        return sorted(path.stem for path in Path(self.__path__[0]).glob("*.py") if not path.stem.startswith("_"))


def lazy(package: str) -> None:
    """Make the named package a lazy family; called once, by its `__init__.py`."""
    sys.modules[package].__class__ = _Family
