"""Lets a torchvision whose compiled operators cannot be loaded be imported all the same.

A torchvision built against CUDA, beside the CPU build of torch, fails on import with `operator torchvision::nms does not exist`, and takes
timm, open_clip, sentence_transformers and parts of transformers down with it. All that is missing at import are the schemas of two
operators, so these are declared first. Transforms, models and data sets then work; nms and roi_align, which need compiled code,
raise torchvision's own clear error when called. Where torchvision is whole, or absent, nothing is done.
"""
from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

__all__ = ["mend_torchvision"]

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
"""The operators that `torchvision/_meta_registrations.py` refers to without asking whether they were loaded."""

_kept: list[Any] = []
"""The torch library that holds the schemas: they vanish with it."""


def mend_torchvision() -> bool:
    """Declare the missing operator schemas, if they are missing; call before the first import of torchvision.

    Returns
    -------
    bool : whether a work-around is in place; False where torchvision is whole, already imported, or not installed.

    Notes
    -----
    Imports torch, not torchvision. Cheap to call again.
    """
    if _kept:
        return True
    if "torchvision" in sys.modules:
        return False
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    import torch

    if _operators_load(Path(spec.origin).parent):
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _kept.append(library)
    return True


def _operators_load(folder: Path) -> bool:
    """Whether torchvision's compiled library loads beside this torch, as `torchvision.extension` will try it."""
    import torch

    for binary in [*folder.glob("_C.*"), *folder.glob("_C_*")]:
        try:
            torch.ops.load_library(str(binary))
        except OSError:
            continue
        if hasattr(torch.ops.torchvision, "nms"):
            return True
    return False
