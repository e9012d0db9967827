"""ConSE: an image-text encoder made of an image classifier and a text encoder, with no paired data and no network access.

Source: Norouzi et al. 2013 (arXiv 1312.5650): the classes an image classifier finds most probable weigh the text vectors of their names.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from labelnb.checks import Range, positive_int, within
from labelnb.encoders.efficientnet import EfficientNet
from labelnb.encoders.encoder import EncoderError, TextEncoder, settings_fingerprint, unit
from labelnb.encoders.templates import NAME_TEMPLATES

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["ConSE"]


class ConSE:
    """Images and texts in one space, far below CLIP, yet real and without any download.

    An image is two unit vectors side by side: sqrt(1 - w) times the network's features, and sqrt(w) times the mean of the text vectors
    of its `top` most probable ImageNet classes. A text is zeros beside its own vector. So the cosine of two images mixes
    both parts, 1 - w to w, and the cosine of image and text is sqrt(w) times ConSE's.

    Parameters
    ----------
    device : where the networks run
    text : the text encoder: "minilm", "wordllama" (much faster, weaker), or None for the better one that is installed
    w : weight of the text side among images
    top : ImageNet classes that count (T in the paper)
    size : side in pixels to which images are resized
    """

    modalities = ("image", "text")
    templates = NAME_TEMPLATES
    batch_size = 64

    def __init__(
        self, device: str | torch.device = "cpu", *, text: Literal["minilm", "wordllama"] | None = None,
        w: Annotated[float, Range(0.0, 1.0)] = 0.5, top: int = 10, size: int = 128, temperature: float = 0.05,
    ) -> None:
        self.w, self.top = within("w", w, 0.0, 1.0), positive_int("top", top, high=1000)
        self.image_encoder = EfficientNet(device, size=size)
        self.text_encoder = _text_encoder(text, device)
        self.device = self.image_encoder.device
        self.name = f"conse:{self.text_encoder.name}"
        self.dim = self.image_encoder.dim + self.text_encoder.dim
        self.temperature = temperature
        self.class_vectors = self._class_vectors()              # (1000, D)
        self.fingerprint = settings_fingerprint(
            encoder="conse", image=self.image_encoder.fingerprint, text=self.text_encoder.fingerprint, w=w, top=top, names=imagenet_names())

    def _class_vectors(self) -> torch.Tensor:
        import torch

        names = [", ".join(lemmas) for lemmas in imagenet_names()]
        return torch.cat([self.text_encoder.encode_texts(names[start:start + 100]) for start in range(0, len(names), 100)])

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, size, size) uint8."""
        return self.image_encoder.prepare_image(image)

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared images."""
        import torch

        features, logits = self.image_encoder.logits(batch)
        best, at = logits.softmax(1).topk(self.top, dim=1)      # (B, top)
        meant = unit(torch.einsum("bt,btd->bd", best, self.class_vectors[at]))
        return torch.cat([unit(features) * (1 - self.w) ** 0.5, meant * self.w**0.5], dim=1)

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows: zeros, then the text's vector."""
        import torch

        vectors = self.text_encoder.encode_texts(texts)
        return torch.cat([vectors.new_zeros(len(vectors), self.image_encoder.dim), vectors], dim=1)


def imagenet_names() -> list[tuple[str, ...]]:
    """The lemmas of the 1,000 ImageNet classes in the order of the network's outputs, from timm."""
    from labelnb.torchvision_mend import mend_torchvision

    mend_torchvision()
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    return [tuple(lemma.strip() for lemma in info.index_to_description(index).split(",")) for index in range(info.num_classes())]


def _text_encoder(text: str | None, device: str | torch.device) -> TextEncoder:
    from labelnb.encoders.minilm import MiniLM, minilm_folder
    from labelnb.encoders.wordllama import WordLlama

    if text not in (None, "minilm", "wordllama"):
        raise EncoderError(f"conse: got text={text!r}, expected 'minilm' or 'wordllama'")
    if text == "wordllama" or (text is None and minilm_folder() is None):
        return WordLlama(device)
    return MiniLM(device)
