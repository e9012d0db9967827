"""Encoders: items to unit vectors, one encoder a file.

`get` makes one by name, `choose` picks one for a modality and what is installed, `available` lists them; `embed` and `embed_classes` run
one over items and classes. Nothing heavy is imported before an encoder is made.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "available": "choice", "choose": "choice", "get": "choice", "plan": "choice", "Plan": "choice", "embed": "embedding",
    "EmbedOutcome": "embedding",
    "embed_classes": "class_prompts", "Encoder": "encoder", "ImageEncoder": "encoder", "TextEncoder": "encoder", "EncoderError": "encoder",
}

__all__ = [
    "Encoder", "EncoderError", "EmbedOutcome", "ImageEncoder", "Plan", "TextEncoder", "available", "choose", "embed", "embed_classes",
    "get", "plan",
]

if TYPE_CHECKING:
    from labelnb.encoders.choice import Plan, available, choose, get, plan
    from labelnb.encoders.class_prompts import embed_classes
    from labelnb.encoders.embedding import EmbedOutcome, embed
    from labelnb.encoders.encoder import Encoder, EncoderError, ImageEncoder, TextEncoder


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"labelnb.encoders has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"labelnb.encoders.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
