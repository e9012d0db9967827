"""Models with a few thousand random weights, saved as real ones are: the code that loads and runs them is the code that loads real ones."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "photo", "of", "the", "cat", "dog", "bird", "sat", "on", "mat", "and", "ran", "far", "away",
    ".", "about",
]
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


def seeded(make: Any) -> Any:
    """What `make` makes with weights drawn from a seed, the global generator left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=16, **named).save_pretrained(folder)


def text_model(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    seeded(lambda: BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **SMALL))).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def dinov2(folder: Path) -> Path:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=14, mlp_ratio=2)
    seeded(lambda: Dinov2Model(config)).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    return folder


def convnext(folder: Path) -> Path:
    from transformers import ConvNextConfig, ConvNextImageProcessor, ConvNextModel

    seeded(lambda: ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1], image_size=32))).save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    config = CLIPConfig(
        text_config={
            **SMALL, "vocab_size": len(WORDS), "max_position_embeddings": 16, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16}, projection_dim=20)
    seeded(lambda: CLIPModel(config)).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def siglip(folder: Path) -> Path:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    config = SiglipConfig(
        text_config={**SMALL, "vocab_size": len(WORDS), "max_position_embeddings": 16, "projection_size": 32},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16})
    seeded(lambda: SiglipModel(config)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def align(folder: Path) -> Path:
    from transformers import AlignConfig, AlignModel, EfficientNetImageProcessor

    config = AlignConfig(
        text_config={**SMALL, "vocab_size": len(WORDS), "max_position_embeddings": 64},
        vision_config={
            "image_size": 32, "width_coefficient": 0.2, "depth_coefficient": 0.1, "hidden_dim": 64, "initializer_range": 0.5},
        projection_dim=64)
    seeded(lambda: AlignModel(config)).save_pretrained(folder)
    EfficientNetImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


OPEN_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
}


def open_clip_weights(file: Path) -> Path:
    """Weights of the architecture OPEN_CLIP as safetensors, or as a plain torch file where the name ends in .pt."""
    import open_clip
    from safetensors.torch import save_file

    network = seeded(lambda: open_clip.CLIP(**json.loads(json.dumps(OPEN_CLIP))))
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    if file.suffix == ".pt":
        torch.save(weights, file)
    else:
        save_file(weights, str(file))
    return file
