"""Image features by any vision model of transformers: DINOv2, DINOv3, ViT, ConvNeXt and others.

Source: Oquab et al. 2023 (DINOv2, arXiv 2304.07193), section 7: the class token of the last layer serves k-NN and linear probes.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from labelnb.encoders.encoder import rgb, unit, weights_fingerprint
from labelnb.encoders.weights import hub_options, loading

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["TransformersVision"]


class TransformersVision:
    """Images to one vector of a transformer's last layer. Reads no text.

    Parameters
    ----------
    model : name on the hub, or a local folder with config, image processor and safetensors weights
    device : where the network runs; on CUDA in mixed precision
    pooling : "cls" the class token (DINO), "mean" the mean of all tokens, "pooled" the model's own pooled output (ConvNeXt, ResNet)
    """

    modalities = ("image",)
    temperature = None
    templates = ()
    batch_size = 32

    def __init__(
        self, model: str, device: str | torch.device = "cpu", *, pooling: Literal["cls", "mean", "pooled"] | None = None,
        name: str | None = None,
    ) -> None:
        import torch

        if pooling not in (None, "cls", "mean", "pooled"):
            raise ValueError(f"pooling: got {pooling!r}, expected 'cls', 'mean' or 'pooled'")
        self.name = name or f"transformers:{model}"
        self.device = torch.device(device)
        with loading(self.name, model):
            from transformers import AutoImageProcessor, AutoModel

            options = hub_options(model)
            self.processor = AutoImageProcessor.from_pretrained(model, **options)
            self.network = AutoModel.from_pretrained(model, use_safetensors=True, dtype=torch.float32, **options).eval()
        flat = hasattr(self.network.config, "num_attention_heads")
        self.pooling = pooling or ("cls" if flat else "pooled")
        settings = {"pooling": self.pooling, "processor": self.processor.to_dict()}
        self.fingerprint = weights_fingerprint(self.network, encoder="transformers_vision", **settings)
        self.network.to(self.device)
        self.dim = self._measure()

    def _measure(self) -> int:
        from PIL import Image as Images

        return int(self.encode_images([Images.new("RGB", (64, 64))]).shape[1])

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, H, W) float32 as the model's own processor makes it."""
        prepared: torch.Tensor = self.processor(images=rgb(image), return_tensors="pt")["pixel_values"][0]
        return prepared

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared images."""
        import torch

        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            out = self.network(pixel_values=batch.to(self.device, non_blocking=True))
        if self.pooling == "pooled":
            return unit(out.pooler_output.flatten(1))
        states = out.last_hidden_state
        if states.ndim == 4:                                    # convolutional: (B, C, H, W)
            states = states.flatten(2).transpose(1, 2)
        return unit(states[:, 0] if self.pooling == "cls" else states.float().mean(1))

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))
