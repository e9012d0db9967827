"""open_clip with a tiny architecture and random weights: the loading, not the knowledge."""
from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from labelnb import encoders
from labelnb.encoders import EncoderError, open_clip
from labelnb.encoders.choice import OPEN_CLIP_CHOICES
from labelnb.torchvision_mend import mend_torchvision

mend_torchvision()
import open_clip as library  # noqa: E402

from tests.encoders import tiny_models  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open_clip")
    (folder / "Tiny-Test.json").write_text(json.dumps(tiny_models.OPEN_CLIP))
    library.add_model_config(folder / "Tiny-Test.json")
    return tiny_models.open_clip_weights(folder / "weights.safetensors")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No network, and an empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def pictures(n: int = 5) -> list[Image.Image]:
    rng = np.random.default_rng(3)
    return [Image.fromarray(rng.integers(0, 255, (50, 40 + i, 3), dtype=np.uint8)) for i in range(n)]


def test_a_local_file(weights: Path):
    encoder = encoders.get(f"open_clip:Tiny-Test@{weights}")
    assert encoder.modalities == ("image", "text") and encoder.dim == 24
    assert encoder.temperature == pytest.approx(1 / math.exp(encoder.network.logit_scale.item()))
    images, texts = encoder.encode_images(pictures()), encoder.encode_texts(["a cat", "a photo of a large dog"])
    assert images.shape == (5, 24) and texts.shape == (2, 24) and images.dtype == torch.float32
    torch.testing.assert_close(images.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(images, torch.cat([encoder.encode_images([picture]) for picture in pictures()]), atol=1e-4, rtol=0)
    torch.testing.assert_close(texts[:1], encoder.encode_texts(["a cat"]), atol=1e-4, rtol=0)
    again = encoders.get(encoder.name)
    assert again.fingerprint == encoder.fingerprint and torch.equal(again.encode_images(pictures()), images)


def test_it_is_what_open_clip_itself_gives(weights: Path):
    encoder = encoders.get(f"open_clip:Tiny-Test@{weights}")
    model, _, transform = library.create_model_and_transforms("Tiny-Test", pretrained=str(weights))
    with torch.no_grad():
        expected = model.eval().encode_image(torch.stack([transform(picture) for picture in pictures()]), normalize=True)
    torch.testing.assert_close(encoder.encode_images(pictures()), expected, atol=1e-5, rtol=0)


def test_a_plain_torch_file_of_tensors_serves_and_one_with_code_does_not(weights: Path, tmp_path: Path):
    plain = encoders.get(f"open_clip:Tiny-Test@{tiny_models.open_clip_weights(tmp_path / 'weights.pt')}")
    assert plain.fingerprint == encoders.get(f"open_clip:Tiny-Test@{weights}").fingerprint
    torch.save({"weights": Path("/")}, tmp_path / "code.pt")
    with pytest.raises(Exception, match="(?i)weights.only"):
        encoders.get(f"open_clip:Tiny-Test@{tmp_path / 'code.pt'}")


def test_a_local_folder(weights: Path, tmp_path: Path):
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": tiny_models.OPEN_CLIP, "preprocess_cfg": {"mean": [0.5] * 3}}))
    (tmp_path / "open_clip_model.safetensors").write_bytes(weights.read_bytes())
    encoder = encoders.get(f"open_clip:local-dir:{tmp_path}")
    # Same weights, other normalising: another encoder.
    assert encoder.dim == 24 and encoder.fingerprint != encoders.get(f"open_clip:Tiny-Test@{weights}").fingerprint


def test_weights_in_the_cache_are_found_without_the_network(weights: Path, offline: Path, monkeypatch: pytest.MonkeyPatch):
    snapshot = offline / "models--someone--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    (snapshot / "open_clip_model.safetensors").write_bytes(weights.read_bytes())
    about = {"hf_hub": "someone/tiny/", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "quick_gelu": True}
    monkeypatch.setattr(library, "get_pretrained_cfg", lambda model, tag: about if tag == "mine" else {})
    encoder = encoders.get("open_clip:Tiny-Test/mine")
    assert encoder.network.visual.preprocess_cfg["mean"] == (0.5, 0.5, 0.5)
    assert "QuickGELU" in repr(encoder.network)


def test_with_neither_cache_nor_network_the_error_names_the_ways_out(offline: Path):
    with pytest.raises(EncoderError) as caught:
        encoders.get("open_clip:ViT-B-32/laion2b_s34b_b79k")
    for said in ("ViT-B-32/laion2b_s34b_b79k", str(offline), "labelnb[offline]", "s.embed(array)", "local file"):
        assert said in str(caught.value)
    with pytest.raises(EncoderError, match="hf-hub:someone/thing"):
        encoders.get("open_clip:hf-hub:someone/thing")


def test_wrong_names_are_answered_with_close_ones(offline: Path, tmp_path: Path):
    with pytest.raises(EncoderError, match="did you mean one of .*ViT-B-32"):
        encoders.get("open_clip:ViT-B32/openai")
    with pytest.raises(EncoderError, match="no weights 'nonsense' for ViT-B-32; there are .*laion2b_s34b_b79k"):
        encoders.get("open_clip:ViT-B-32/nonsense")
    with pytest.raises(EncoderError, match="nothing at"):
        encoders.get(f"open_clip:ViT-B-32@{tmp_path / 'gone.safetensors'}")


def test_the_choices_are_weights_that_open_clip_knows():
    for name, repository in OPEN_CLIP_CHOICES.items():
        about = library.get_pretrained_cfg(*name.split("/"))
        assert about["hf_hub"].startswith(repository)


def test_loading_leaves_the_root_logger_as_it_was(weights: Path):
    root = logging.getLogger()
    before = root.level
    with open_clip._quiet():
        assert root.level >= logging.ERROR
    assert root.level == before
