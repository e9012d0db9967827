"""Sentence vectors by mean pooling over any text model of transformers.

Source: Reimers and Gurevych 2019 (arXiv 1908.10084), section 3: the mean of the token vectors, padding left out.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from labelnb.encoders.encoder import unit, weights_fingerprint
from labelnb.encoders.templates import TEXT_TEMPLATES
from labelnb.encoders.weights import hub_options, loading

if TYPE_CHECKING:
    import torch

__all__ = ["TransformersText"]


class TransformersText:
    """Texts to the mean of a transformer's last token vectors.

    Parameters
    ----------
    model : name on the hub, or a local folder with config, tokenizer and safetensors weights
    device : where the network runs
    pooling : "mean" of all tokens, or the first ("cls"), as the model was trained
    max_length : tokens after which a text is cut
    temperature : for zero-shot; with MiniLM the log loss was least at .052, .055 and .059 on WordNet glosses, AG News and Banking77
    """

    modalities = ("text",)
    templates = TEXT_TEMPLATES
    batch_size = 32

    def __init__(
        self, model: str, device: str | torch.device = "cpu", *, pooling: Literal["mean", "cls"] = "mean", max_length: int = 256,
        name: str | None = None, temperature: float = 0.055,
    ) -> None:
        import torch

        if pooling not in ("mean", "cls"):
            raise ValueError(f"pooling: got {pooling!r}, expected 'mean' or 'cls'")
        self.name = name or f"transformers:{model}"
        self.pooling, self.max_length, self.temperature = pooling, max_length, temperature
        self.device = torch.device(device)
        with loading(self.name, model):
            from transformers import AutoModel, AutoTokenizer

            options = hub_options(model)
            self.tokenizer = AutoTokenizer.from_pretrained(model, **options)
            self.network = AutoModel.from_pretrained(model, use_safetensors=True, dtype=torch.float32, **options).eval()
        self.dim = int(self.network.config.hidden_size)
        self.fingerprint = weights_fingerprint(self.network, encoder="transformers_text", pooling=pooling, max_length=max_length)
        self.network.to(self.device)

    def prepare_texts(self, texts: Sequence[str]) -> Any:
        """The texts as tokens, on the CPU."""
        return self.tokenizer(list(texts), padding=True, truncation=True, max_length=self.max_length, return_tensors="pt")

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, dim) unit rows."""
        return self.forward_texts(self.prepare_texts(texts))

    def forward_texts(self, tokens: Any) -> torch.Tensor:
        """(B, dim) unit rows of prepared texts."""
        import torch

        tokens = tokens.to(self.device)
        with torch.no_grad(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            states = self.network(**tokens).last_hidden_state
        if self.pooling == "cls":
            return unit(states[:, 0])
        mask = tokens["attention_mask"][:, :, None].float()
        return unit((states.float() * mask).sum(1) / mask.sum(1).clamp_min(1))
