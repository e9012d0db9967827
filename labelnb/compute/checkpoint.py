"""A run kept on disk as one file: tensors in safetensors, everything else as JSON in its header; no pickle, whole or not at all."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from labelnb.atomic import new_file

__all__ = ["keep", "kept"]

FORMAT = 1


def keep(path: Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> None:
    """Write the file, or leave the one that was there: killed at any moment, one of the two stands."""
    from safetensors.torch import save_file

    held = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    with new_file(path) as made:
        save_file(held, made, metadata={"about": json.dumps({"format": FORMAT, **about})})


def kept(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """What `keep` wrote there; None where there is no file.

    Raises
    ------
    ValueError
        If the file is damaged, something else, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}      # noqa: SIM118 - it is no mapping
    except (SafetensorError, KeyError, ValueError) as error:
        cure = "remove it to begin anew, or give another path"
        raise ValueError(f"checkpoint: {path} is not one that can be read ({error}); {cure}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"checkpoint: {path} was written by another version of labelnb; remove it to begin anew, or give another path")
    return tensors, about
