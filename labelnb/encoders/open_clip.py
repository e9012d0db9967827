"""CLIP and its kin through open_clip: images and texts in one space, any architecture and weights it knows, or a local file.

Source: Radford et al. 2021 (arXiv 2103.00020); Cherti et al. 2023 (arXiv 2212.07143), https://github.com/mlfoundations/open_clip.
"""
from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnb.encoders.encoder import EncoderError, rgb, unit, weights_fingerprint
from labelnb.encoders.templates import IMAGE_TEMPLATES
from labelnb.encoders.weights import cached_file, loading, offline_message, online

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["OpenClip"]

WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names under which weights lie in a repository on the hub, safetensors first."""


class OpenClip:
    """Images and texts to unit vectors of one space.

    Parameters
    ----------
    model : `ARCHITECTURE/TAG` as `open_clip.list_pretrained()` lists them (`ViT-B-32/laion2b_s34b_b79k`), `ARCHITECTURE@FILE` with
        local weights (safetensors preferred; where the weights were trained with QuickGELU, take the `-quickgelu` architecture),
        `hf-hub:ORG/NAME`, or `local-dir:FOLDER`
    device : where the network runs; on CUDA in mixed precision

    Notes
    -----
    A file that is not safetensors goes through open_clip's `torch.load(weights_only=True)`, which reads tensors alone.
    """

    modalities = ("image", "text")
    templates = IMAGE_TEMPLATES
    batch_size = 32

    def __init__(self, model: str, device: str | torch.device = "cpu") -> None:
        import torch

        self.name = f"open_clip:{model}"
        self.device = torch.device(device)
        with loading(self.name, model.partition("@")[2] or model.removeprefix("local-dir:")), _quiet():
            import open_clip

            architecture, options = _resolve(self.name, model)
            _check_architecture(self.name, architecture)
            try:
                self.network, _, self._transform = open_clip.create_model_and_transforms(architecture, require_pretrained=True, **options)
                self._tokenizer = open_clip.get_tokenizer(architecture)
            except RuntimeError as error:
                raise EncoderError(f"{self.name}: {str(error).splitlines()[0][:300]}") from error
        self.network.eval()
        self.temperature = 1.0 / math.exp(float(self.network.logit_scale.detach().reshape(-1)[0]))
        self.fingerprint = weights_fingerprint(self.network, encoder="open_clip", preprocess=self.network.visual.preprocess_cfg)
        self.network.to(self.device)
        self.dim = self.encode_texts(["a"]).shape[1]

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, H, W) float32, resized and normalised as the weights were trained."""
        prepared: torch.Tensor = self._transform(rgb(image))
        return prepared

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared images."""
        import torch

        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            return unit(self.network.encode_image(batch.to(self.device, non_blocking=True)))

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))

    def prepare_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """The texts as tokens, on the CPU; they are cut at the network's context length (77 pieces for most)."""
        tokens: torch.Tensor = self._tokenizer(list(texts))
        return tokens

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows; texts are cut at the network's context length."""
        return self.forward_texts(self.prepare_texts(texts))

    def forward_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared texts."""
        import torch

        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            return unit(self.network.encode_text(tokens.to(self.device)))


def _resolve(name: str, model: str) -> tuple[str, dict[str, Any]]:
    """Architecture and options for open_clip; weights in the cache are named as a file, so that no network is asked for them."""
    import open_clip

    if "@" in model:
        architecture, file = model.split("@", 1)
        return architecture, {"pretrained": str(Path(file).expanduser())}
    if model.startswith("local-dir:"):
        return model, {}
    if model.startswith("hf-hub:"):
        config = cached_file(model.removeprefix("hf-hub:"), "open_clip_config.json")
        if not online():
            if config is None:
                raise EncoderError(offline_message(name, model))
            return f"local-dir:{config.parent}", {}
        return model, {}
    architecture, _, tag = model.partition("/")
    about = open_clip.get_pretrained_cfg(architecture, tag)
    if not about:
        _check_architecture(name, architecture)
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        there = ", ".join(tags) or "none"
        raise EncoderError(f"{name}: no weights {tag!r} for {architecture}; there are {there}; a local file is named {architecture}@FILE")
    # Weights trained with QuickGELU (OpenAI's) give other vectors under another activation, and open_clip would only warn.
    activation = {"force_quick_gelu": bool(about.get("quick_gelu", False))}
    kept = _cached(about)
    if kept is None:
        if not online():
            raise EncoderError(offline_message(name, f"{architecture}/{tag}"))
        return architecture, {"pretrained": tag, **activation}
    options = {f"image_{key}": about[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in about}
    return architecture, {"pretrained": str(kept), **activation, **options}


def _cached(about: dict[str, Any]) -> Path | None:
    """The weights of a tag where they lie in the hub's cache."""
    repo, _, file = str(about.get("hf_hub", "")).rpartition("/")
    if not repo:
        return None
    return cached_file(repo, *((file.rsplit(".", 1)[0] + ".safetensors", file) if file else WEIGHT_FILES))


def _check_architecture(name: str, architecture: str) -> None:
    import difflib

    import open_clip

    known = open_clip.list_models()
    if architecture.startswith(("hf-hub:", "local-dir:")) or architecture in known:
        return
    close = difflib.get_close_matches(architecture, known, 4)
    raise EncoderError(f"{name}: open_clip knows no architecture {architecture!r}; did you mean one of {close or known[:8]}?")


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip tells each step of loading through the root logger; only what went wrong is of use here."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        root.setLevel(before)
