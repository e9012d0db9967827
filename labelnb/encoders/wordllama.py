"""WordLlama: the mean of static word-piece vectors taken from large language models; very fast, with no network access.

Source: Miller 2024, https://github.com/dleemiller/WordLlama (MIT); weights and tokenizer inside the package wordllama.
"""
from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelnb.encoders.encoder import EncoderError, settings_fingerprint, unit
from labelnb.encoders.templates import NAME_TEMPLATES

if TYPE_CHECKING:
    import torch

__all__ = ["WordLlama", "wordllama_files"]


class WordLlama:
    """English texts to 256 numbers, thousands of texts a second. Word order is lost: "dog bites man" equals "man bites dog"."""

    name = "wordllama"
    modalities = ("text",)
    dim = 256
    temperature = 0.07
    templates = NAME_TEMPLATES
    batch_size = 512

    def __init__(self, device: str | torch.device = "cpu") -> None:
        files = wordllama_files()
        if files is None:
            raise EncoderError("wordllama: the package is missing; pip install wordllama (19 MB with its weights)")
        import torch
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        # The package itself is not imported: doing so reconfigures the root logger of the whole process.
        weights, tokenizer = files
        self.device = torch.device(device)
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        table = load_file(weights)["embedding.weight"].astype(np.float32)
        sample = hashlib.sha256(table[::97].tobytes()).hexdigest()
        self.fingerprint = settings_fingerprint(encoder="wordllama", shape=table.shape, sample=sample)
        self.table = torch.from_numpy(table).to(self.device)

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(B, 256) unit rows; zeros for a text without words."""
        import torch

        pieces = [coded.ids for coded in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        ids = torch.tensor([piece for text in pieces for piece in text], dtype=torch.int64, device=self.device)
        starts = torch.tensor(np.concatenate([[0], np.cumsum([len(text) for text in pieces])])[:-1], dtype=torch.int64, device=self.device)
        return unit(torch.nn.functional.embedding_bag(ids.clamp_max(len(self.table) - 1), self.table, starts, mode="mean"))


def wordllama_files() -> tuple[Path, Path] | None:
    """Weights and tokenizer of the package, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    files = folder / "weights" / "l2_supercat_256.safetensors", folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
    return files if all(file.exists() for file in files) else None
