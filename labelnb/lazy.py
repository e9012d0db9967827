"""Packages whose attribute `name` is the function of the file `name.py`, and never the module of that name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["FunctionsFirst"]


class FunctionsFirst(ModuleType):
    """A package in which a file named after its one function gives way to that function.

    The import system hangs a submodule on its package under the submodule's name, whoever imports it first; where the file
    holds a function of that name, the function is what belongs there.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and callable(getattr(value, name, None)):
            value = getattr(value, name)
        super().__setattr__(name, value)
