"""What an encoder is: weights that turn images, texts or both into unit vectors of one space."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["Encoder", "ImageEncoder", "TextEncoder", "EncoderError", "weights_fingerprint", "settings_fingerprint", "unit", "rgb"]


class EncoderError(RuntimeError):
    """An encoder cannot be had: a package or its weights are missing, or its name means nothing. The message holds the cure."""


@runtime_checkable
class Encoder(Protocol):
    """What every encoder tells of itself; plain attributes serve as well as properties."""

    @property
    def name(self) -> str:
        """`encoders.get(name)` gives the same encoder again."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights and settings: equal fingerprints give equal vectors. Part of the cache key."""
        ...

    @property
    def modalities(self) -> tuple[str, ...]:
        """("image",), ("text",) or ("image", "text"); with both, images and texts lie in one space."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def temperature(self) -> float | None:
        """Softmax temperature over cosines that suits zero-shot with this encoder; None where it reads no text."""
        ...

    @property
    def templates(self) -> tuple[str, ...]:
        """Sentences into which a class name is put, each with one `{}`; () where it reads no text."""
        ...


@runtime_checkable
class ImageEncoder(Encoder, Protocol):
    """Reads images. `prepare_image` runs in worker threads, `forward_images` on the device, and `encode_images` is both."""

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """One image, decoded, as the tensor the network takes (on the CPU)."""
        ...

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, ...) prepared images as (B, dim) float32 unit rows, on the encoder's device."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) float32 unit rows."""
        ...


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """Reads texts. One that also has `prepare_texts`, which runs in a thread, and `forward_texts`, on the device, is fed meanwhile."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) float32 unit rows, on the encoder's device; a row of zeros for a text without a single known word."""
        ...


def unit(rows: torch.Tensor) -> torch.Tensor:
    """`rows` as float32 of length 1; rows of zeros stay zeros."""
    rows = rows.float()
    return rows / rows.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def rgb(image: Image.Image) -> Image.Image:
    """`image` in RGB, what is transparent put on white: a drawing on transparent ground would otherwise come out on black."""
    if image.mode == "RGB":
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        from PIL import Image as Images

        layer = image.convert("RGBA")
        ground = Images.new("RGBA", layer.size, (255, 255, 255, 255))
        ground.alpha_composite(layer)
        return ground.convert("RGB")
    return image.convert("RGB")


def weights_fingerprint(module: Any, **settings: Any) -> str:
    """Hex digest of a network's weights and of the settings that change what it puts out.

    Of every tensor, name, shape, type and up to 4,096 evenly spaced values are read: fine-tuning moves them all, and a digest of
    every byte of a large network would take longer than loading it.
    """
    digest = hashlib.sha256(settings_fingerprint(**settings).encode())
    for name, tensor in sorted(module.state_dict().items()):
        flat = tensor.detach().flatten()
        step = max(1, flat.numel() // 4096)
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]


def settings_fingerprint(**settings: Any) -> str:
    """Hex digest of settings by name (JSON-ready values)."""
    import json

    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:32]
