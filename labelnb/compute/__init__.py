"""The kernels: few, shared by all methods, written once in torch; the tensor's device decides where they run.

Each name is loaded when it is first used, so that importing this package imports nothing else.
"""
from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from labelnb.lazy import FunctionsFirst

_HOME = {
    "choose_device": "device",
    "KnnGraph": "knn", "knn_graph": "knn", "extend_knn_graph": "knn",
    "Propagation": "propagate", "propagate": "propagate", "contributions": "propagate", "strongest_paths": "paths",
    "Resolved": "rewire", "rewired": "rewire", "resolve": "rewire",
    "Projection": "project", "project": "project",
    "Transport": "sinkhorn", "sinkhorn": "sinkhorn",
    "KMeans": "kmeans", "kmeans": "kmeans",
    "Probe": "probe", "probe": "probe", "out_of_fold": "probe",
    "DawidSkene": "dawid_skene", "dawid_skene": "dawid_skene",
    "Training": "train", "train": "train",
    "Spectrum": "spectral", "spectrum": "spectral",
    "GraphFit": "graph_net", "graph_net": "graph_net",
}

__all__ = [
    "choose_device",
    "KnnGraph",
    "knn_graph",
    "extend_knn_graph",
    "Propagation",
    "propagate",
    "contributions",
    "strongest_paths",
    "Resolved",
    "rewired",
    "resolve",
    "Projection",
    "project",
    "Transport",
    "sinkhorn",
    "KMeans",
    "kmeans",
    "Probe",
    "probe",
    "out_of_fold",
    "DawidSkene",
    "dawid_skene",
    "Training",
    "train",
    "Spectrum",
    "spectrum",
    "GraphFit",
    "graph_net",
]

if TYPE_CHECKING:
    from labelnb.compute.dawid_skene import DawidSkene, dawid_skene
    from labelnb.compute.device import choose_device
    from labelnb.compute.graph_net import GraphFit, graph_net
    from labelnb.compute.kmeans import KMeans, kmeans
    from labelnb.compute.knn import KnnGraph, extend_knn_graph, knn_graph
    from labelnb.compute.paths import strongest_paths
    from labelnb.compute.probe import Probe, out_of_fold, probe
    from labelnb.compute.project import Projection, project
    from labelnb.compute.propagate import Propagation, contributions, propagate
    from labelnb.compute.rewire import Resolved, resolve, rewired
    from labelnb.compute.sinkhorn import Transport, sinkhorn
    from labelnb.compute.spectral import Spectrum, spectrum
    from labelnb.compute.train import Training, train


class _Kernels(FunctionsFirst):
    """This package: where a kernel is named as its file, the package's attribute is the function, never the module."""

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"labelnb.compute has no {name!r}; it has {', '.join(_HOME)}")
        return getattr(importlib.import_module(f"labelnb.compute.{_HOME[name]}"), name)

    def __dir__(self) -> list[str]:
        return sorted(_HOME)


sys.modules[__name__].__class__ = _Kernels
