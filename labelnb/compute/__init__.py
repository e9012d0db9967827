"""The kernels: few, shared by all methods, written once in torch; the tensor's device decides where they run.

Each name is loaded when it is first used, so that importing this package imports nothing else.
"""
from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_HOME = {
    "choose_device": "device",
    "KnnGraph": "knn", "knn_graph": "knn",
    "Propagation": "propagate", "propagate": "propagate", "contributions": "propagate", "strongest_paths": "propagate",
    "Projection": "project", "project": "project",
    "Transport": "sinkhorn", "sinkhorn": "sinkhorn",
    "KMeans": "kmeans", "kmeans": "kmeans",
    "Probe": "probe", "probe": "probe", "out_of_fold": "probe",
    "Training": "train", "train": "train",
}

__all__ = list(_HOME)


class _Kernels(ModuleType):
    """This package: where a kernel is named as its file, the package's attribute is the function, never the module."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"labelnb.compute has no {name!r}; it has {', '.join(_HOME)}")
        return getattr(importlib.import_module(f"labelnb.compute.{_HOME[name]}"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system hangs a submodule on its package under the submodule's name; the function belongs there.
        if isinstance(value, ModuleType) and callable(getattr(value, name, None)):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted(_HOME)


sys.modules[__name__].__class__ = _Kernels
