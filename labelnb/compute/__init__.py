"""The kernels: few, shared by all methods, written once in torch; the tensor's device decides where they run.

Each name is loaded when it is first used, so that importing this package imports nothing else.
"""
from __future__ import annotations

import importlib
import sys
from typing import Any

from labelnb.lazy import FunctionsFirst

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


class _Kernels(FunctionsFirst):
    """This package: where a kernel is named as its file, the package's attribute is the function, never the module."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"labelnb.compute has no {name!r}; it has {', '.join(_HOME)}")
        return getattr(importlib.import_module(f"labelnb.compute.{_HOME[name]}"), name)

    def __dir__(self) -> list[str]:
        return sorted(_HOME)


sys.modules[__name__].__class__ = _Kernels
