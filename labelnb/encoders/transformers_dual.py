"""Images and texts in one space by the dual encoders of transformers: CLIP, SigLIP, SigLIP 2, ALIGN and others.

Source: Radford et al. 2021 (CLIP, arXiv 2103.00020), Zhai et al. 2023 (SigLIP, arXiv 2303.15343), Jia et al. 2021 (ALIGN,
arXiv 2102.05918).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labelnb.encoders.encoder import EncoderError, rgb, unit, weights_fingerprint
from labelnb.encoders.templates import IMAGE_TEMPLATES
from labelnb.encoders.weights import hub_options, loading

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["TransformersDual"]


class TransformersDual:
    """Images and texts to unit vectors of one space, by a model with `get_image_features` and `get_text_features`.

    Parameters
    ----------
    model : name on the hub, or a local folder with config, processor and safetensors weights
    device : where the network runs; on CUDA in mixed precision
    """

    modalities = ("image", "text")
    templates = IMAGE_TEMPLATES
    batch_size = 32

    def __init__(self, model: str, device: str | torch.device = "cpu", *, name: str | None = None) -> None:
        import torch

        self.name = name or f"transformers:{model}"
        self.device = torch.device(device)
        with loading(self.name, model):
            from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

            options = hub_options(model)
            self.processor = AutoImageProcessor.from_pretrained(model, **options)
            self.tokenizer = AutoTokenizer.from_pretrained(model, **options)
            self.network = AutoModel.from_pretrained(model, use_safetensors=True, dtype=torch.float32, **options).eval()
        if not (hasattr(self.network, "get_image_features") and hasattr(self.network, "get_text_features")):
            kind = type(self.network).__name__
            raise EncoderError(f"{self.name}: {kind} does not put images and texts into one space; expected CLIP, SigLIP, ALIGN or alike")
        self.temperature = _temperature(self.network)
        self.padding = _padding(self.network.config)
        settings = {"processor": self.processor.to_dict(), "padding": self.padding}
        self.fingerprint = weights_fingerprint(self.network, encoder="transformers_dual", **settings)
        self.network.to(self.device)
        self.dim = int(self.encode_texts(["a"]).shape[1])

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, H, W) float32 as the model's own processor makes it."""
        prepared: torch.Tensor = self.processor(images=rgb(image), return_tensors="pt")["pixel_values"][0]
        return prepared

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared images."""
        import torch

        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            return unit(_features(self.network.get_image_features(pixel_values=batch.to(self.device, non_blocking=True))))

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))

    def prepare_texts(self, texts: Sequence[str]) -> Any:
        """The texts as tokens, on the CPU; they are cut at the network's context length."""
        return self.tokenizer(list(texts), truncation=True, return_tensors="pt", **self.padding)

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows; texts are cut at the network's context length."""
        return self.forward_texts(self.prepare_texts(texts))

    def forward_texts(self, tokens: Any) -> torch.Tensor:
        """(B, dim) unit rows of prepared texts."""
        import torch

        tokens = tokens.to(self.device)
        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            return unit(_features(self.network.get_text_features(**tokens)))


def _features(out: Any) -> torch.Tensor:
    """The projected vectors, whether the model gives them plainly (transformers 4) or inside an output (5)."""
    features: torch.Tensor = out.pooler_output if hasattr(out, "pooler_output") else out
    return features


def _temperature(network: Any) -> float:
    if hasattr(network, "logit_scale"):                         # kept as a logarithm: CLIP, SigLIP
        return 1.0 / math.exp(float(network.logit_scale.detach().reshape(-1)[0]))
    if hasattr(network, "temperature"):                         # ALIGN keeps the temperature itself
        return float(network.temperature.detach().reshape(-1)[0])
    return 0.01


def _padding(config: Any) -> dict[str, Any]:
    """SigLIP was trained with every text padded to full length and reads short ones wrongly otherwise; others are masked."""
    text = getattr(config, "text_config", config)
    length = int(getattr(text, "max_position_embeddings", 77))
    return {"padding": "max_length" if "siglip" in str(config.model_type) else True, "max_length": length}
