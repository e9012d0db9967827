"""ConSE: an image-text encoder made of an image classifier and a text encoder, with no paired data and no network access.

Source: Norouzi et al. 2013 (arXiv 1312.5650): the classes an image classifier finds most probable weigh the text vectors of their names.
Three changes. Zero-shot at 128 pixels with MiniLM (with WordLlama): accuracy on 2,000 images of CIFAR-10, mean accuracy over the 12 classes
of 361 emoji, and how often an emoji is among the first 10 for its own name:

| | CIFAR-10 | emoji | by name |
|---|---|---|---|
| as in the paper: 10 classes, their names | .378 (.270) | .191 (.140) | .147 (.139) |
| 60 classes, softmax at temperature 4, names and glosses | .449 (.415) | .206 (.204) | .235 (.188) |
| and texts centred on the mean ImageNet class | .517 (.452) | .200 (.210) | .205 (.191) |
| and logits less those for pictures with nothing in them | .511 (.457) | .284 (.286) | .224 (.216) |

The settings were chosen on these. On data not looked at before, paper and ours with MiniLM: 2,000 training images of CIFAR-10 .378, .515;
391 other emoji by their names, among the first 10 .118, .22; 287 of them in 19 odd groups such as "office supplies" .184, .16.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from labelnb.checks import Range, positive_int, within
from labelnb.encoders.conse_tables import class_descriptions, class_vectors, prior_logits
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
    w : weight of the text side among images. Neighbours were purest for .1 to .3 (class of 10 neighbours, CIFAR-10 and emoji: .67 and .62;
        with w = 1 .58 and .52)
    top : ImageNet classes that count (T in the paper, where it is 10)
    softness : temperature of the softmax over ImageNet classes
    size : side in pixels to which images are resized; 128 was as good as 160 and 192, at half the time. For other sizes the pictures
        with nothing in them are looked at first, which takes some seconds
    temperature : for zero-shot, where cosines with texts are at most sqrt(w); with w = .1, .035 suits photos and .09 drawings (least log
        loss), and .05 is off by .11 (ECE) for both

    Raises
    ------
    EncoderError
        If a package with weights is missing; it is named.
    """

    modalities = ("image", "text")
    templates = NAME_TEMPLATES
    batch_size = 64

    def __init__(
        self, device: str | torch.device = "cpu", *, text: Literal["minilm", "wordllama"] | None = None,
        w: Annotated[float, Range(0.0, 1.0)] = 0.1, top: int = 60, softness: float = 4.0, size: int = 128, temperature: float = 0.05,
    ) -> None:
        self.w, self.softness = within("w", w, 0.0, 1.0), within("softness", softness, 0.1, 100.0)
        self.top = positive_int("top", top, high=1000)
        self.image_encoder = EfficientNet(device, size=size)
        self.at_least = self.image_encoder.at_least
        self.text_encoder = _text_encoder(text, device)
        self.device = self.image_encoder.device
        self.name = f"conse:{self.text_encoder.name}"
        self.dim = self.image_encoder.dim + self.text_encoder.dim
        self.temperature = temperature
        vectors = class_vectors(self.text_encoder).to(self.device)
        # Most ImageNet classes are animals and household goods; without their common part a text is near to what it means, not to these.
        self.centre = vectors.mean(0)
        self.class_vectors = unit(vectors - self.centre)        # (1000, D)
        self.prior = prior_logits(self.image_encoder).to(self.device)
        self.fingerprint = settings_fingerprint(
            encoder="conse", image=self.image_encoder.fingerprint, text=self.text_encoder.fingerprint, w=w, top=top, softness=softness,
            classes=class_descriptions())

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, size, size) uint8."""
        return self.image_encoder.prepare_image(image)

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, dim) unit rows of prepared images."""
        import torch

        features, logits = self.image_encoder.logits(batch)
        best, at = ((logits - self.prior) / self.softness).softmax(1).topk(self.top, dim=1)      # (B, top)
        meant = unit(torch.einsum("bt,btd->bd", best, self.class_vectors[at]))
        return torch.cat([unit(features) * (1 - self.w) ** 0.5, meant * self.w**0.5], dim=1)

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows: zeros, then the text's vector; all zeros for a text without a known word."""
        import torch

        vectors = self.text_encoder.encode_texts(texts)
        known = vectors.norm(dim=1, keepdim=True) > 0
        meant = torch.where(known, unit(vectors - self.centre), vectors)
        return torch.cat([meant.new_zeros(len(meant), self.image_encoder.dim), meant], dim=1)


def _text_encoder(text: str | None, device: str | torch.device) -> TextEncoder:
    from labelnb.encoders.minilm import MiniLM, minilm_folder
    from labelnb.encoders.wordllama import WordLlama

    if text not in (None, "minilm", "wordllama"):
        raise EncoderError(f"conse: got text={text!r}, expected 'minilm' or 'wordllama'")
    if text == "wordllama" or (text is None and minilm_folder() is None):
        return WordLlama(device)
    return MiniLM(device)
