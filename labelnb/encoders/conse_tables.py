"""What ConSE knows beforehand: a vector for each ImageNet class, and what the network sees where there is nothing.

Both take a while to compute, so that they are kept in `conse.safetensors`, under the fingerprints of the encoders that they were computed
with; for other encoders or sizes they are computed anew. `python -m labelnb.encoders.conse_tables` writes the file.
"""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labelnb.encoders.content_free import content_free_pictures
from labelnb.encoders.encoder import TextEncoder, unit

if TYPE_CHECKING:
    import torch

    from labelnb.encoders.efficientnet import EfficientNet

__all__ = ["FILE", "class_descriptions", "class_vectors", "prior_logits", "write"]

FILE = Path(__file__).with_name("conse.safetensors")


def class_descriptions() -> tuple[list[str], list[str]]:
    """Names, and names with their WordNet glosses, of the 1,000 ImageNet classes in the order of the network's outputs, from timm."""
    from labelnb.torchvision_mend import mend_torchvision

    mend_torchvision()
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    positions = range(info.num_classes())
    return [info.index_to_description(p) for p in positions], [info.index_to_description(p, detailed=True) for p in positions]


def class_vectors(encoder: TextEncoder) -> torch.Tensor:
    """(1000, D) unit rows: of each ImageNet class, the mean of the vectors of its names and of its gloss."""
    kept = _kept(f"classes.{encoder.fingerprint}")
    return unit(compute_class_vectors(encoder) if kept is None else kept)


def prior_logits(network: EfficientNet) -> torch.Tensor:
    """(1000,) mean logits over pictures with nothing in them."""
    kept = _kept(f"prior.{network.fingerprint}")
    return compute_prior_logits(network) if kept is None else kept.float()


def compute_class_vectors(encoder: TextEncoder, positions: slice = slice(None)) -> torch.Tensor:
    """`class_vectors` without the file, of some classes."""
    import torch

    names, glosses = (texts[positions] for texts in class_descriptions())
    parts = []
    for texts in (names, glosses):
        rows = [encoder.encode_texts(texts[start:start + 64]).cpu() for start in range(0, len(texts), 64)]
        parts.append(torch.cat(rows))
    return unit(parts[0] + parts[1])


def compute_prior_logits(network: EfficientNet) -> torch.Tensor:
    """`prior_logits` without the file."""
    import torch

    pictures = content_free_pictures()
    rows = [
        network.logits(torch.stack([network.prepare_image(picture) for picture in pictures[start:start + 50]]))[1].cpu()
        for start in range(0, len(pictures), 50)
    ]
    return torch.cat(rows).mean(0)


def write(path: Path = FILE) -> None:
    """Compute everything and write the file. Class vectors are kept in half precision: they are averaged anyway."""
    import torch
    from safetensors.torch import save_file

    from labelnb.encoders.efficientnet import EfficientNet
    from labelnb.encoders.minilm import MiniLM
    from labelnb.encoders.wordllama import WordLlama

    network = EfficientNet()
    tables = {f"prior.{network.fingerprint}": compute_prior_logits(network)}
    for encoder in (MiniLM(), WordLlama()):
        tables[f"classes.{encoder.fingerprint}"] = compute_class_vectors(encoder).to(torch.float16)
    save_file(tables, str(path))
    path.chmod(0o644)


def _kept(name: str) -> torch.Tensor | None:
    from safetensors import safe_open

    if not FILE.exists():
        return None
    with safe_open(str(FILE), framework="pt") as tables:
        return tables.get_tensor(name) if name in tables.keys() else None  # noqa: SIM118 - safetensors' own


if __name__ == "__main__":
    write()
