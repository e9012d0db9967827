"""What a model of transformers reads, told by its config: the encoder that fits it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labelnb.encoders.encoder import Encoder, EncoderError
from labelnb.encoders.weights import hub_options, loading

if TYPE_CHECKING:
    import torch

__all__ = ["transformers_encoder"]


def transformers_encoder(model: str, device: str | torch.device = "cpu", **options: Any) -> Encoder:
    """The encoder for a model on the hub or in a local folder: dual where it has a vision and a text part, else images or texts.

    Raises
    ------
    EncoderError
        If it cannot be loaded, or is neither.
    """
    name = f"transformers:{model}"
    with loading(name, model):
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(model, **hub_options(model))
    if hasattr(config, "vision_config") and hasattr(config, "text_config"):
        from labelnb.encoders.transformers_dual import TransformersDual

        return TransformersDual(model, device, **options)
    if hasattr(config, "num_channels") or hasattr(config, "image_size"):
        from labelnb.encoders.transformers_vision import TransformersVision

        return TransformersVision(model, device, **options)
    if hasattr(config, "vocab_size"):
        from labelnb.encoders.transformers_text import TransformersText

        return TransformersText(model, device, **options)
    raise EncoderError(f"{name}: a model of type {config.model_type!r} reads neither images nor texts")
