"""Sentence vectors by any model of sentence-transformers, with the pooling and normalising that its authors chose.

Source: Reimers and Gurevych 2019 (arXiv 1908.10084), https://www.sbert.net. Extra `labelnb[sentence]`.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labelnb.encoders.encoder import unit, weights_fingerprint
from labelnb.encoders.templates import TEXT_TEMPLATES
from labelnb.encoders.weights import hub_options, loading

if TYPE_CHECKING:
    import torch

__all__ = ["SentenceEncoder"]


class SentenceEncoder:
    """Texts to sentence vectors.

    Parameters
    ----------
    model : name on the hub, or a local folder
    device : where the network runs; on CUDA in mixed precision
    prompt : text put before every text, such as "query: " for models of the E5 family
    """

    modalities = ("text",)
    templates = TEXT_TEMPLATES
    batch_size = 32

    def __init__(self, model: str, device: str | torch.device = "cpu", *, prompt: str = "", temperature: float = 0.055) -> None:
        import torch

        self.name = f"sentence-transformers:{model}"
        self.device = torch.device(device)
        self.prompt, self.temperature = prompt, temperature
        with loading(self.name, model):
            from sentence_transformers import SentenceTransformer

            options = hub_options(model)
            safe = {"use_safetensors": True}
            self.network = SentenceTransformer(model, device=str(self.device), model_kwargs=safe, **options)
        self.network.eval()
        settings = {"prompt": prompt, "length": self.network.max_seq_length, "modules": str(self.network)}
        self.fingerprint = weights_fingerprint(self.network, encoder="sentence_transformers", **settings)
        self.dim = int(self.encode_texts(["a"]).shape[1])

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows."""
        import torch

        with torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            asked = [self.prompt + text for text in texts]
            made = self.network.encode(asked, batch_size=len(asked) or 1, convert_to_tensor=True, show_progress_bar=False)
        # sentence-transformers computes in inference mode; a copy can be used where gradients are.
        return unit(made).clone()
