"""transformers and sentence-transformers from local folders of tiny models with random weights."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import labelnb as lnb
from labelnb import encoders
from labelnb.encoders import EncoderError
from labelnb.torchvision_mend import mend_torchvision

mend_torchvision()
from tests.encoders import tiny_models  # noqa: E402

KINDS = {
    "text_model": ("text",), "dinov2": ("image",), "convnext": ("image",), "clip": ("image", "text"), "siglip": ("image", "text"),
    "align": ("image", "text"),
}
TEXTS = ["a photo of the cat", "dog", "the bird sat on the mat and ran far away ."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = getattr(tiny_models, kind)(tmp_path_factory.mktemp(kind))
        return made[kind]

    return get


def pictures(n: int = 4) -> list[Image.Image]:
    rng = np.random.default_rng(2)
    return [Image.fromarray(rng.integers(0, 255, (40, 50 + i, 3), dtype=np.uint8)) for i in range(n)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_config_tells_what_a_model_reads(kind: str, folder: Callable[[str], Path]):
    encoder = encoders.get(f"transformers:{folder(kind)}")
    assert encoder.modalities == KINDS[kind] and encoder.name == f"transformers:{folder(kind)}"
    if "text" in encoder.modalities:
        rows = encoder.encode_texts(TEXTS)
        assert rows.shape == (3, encoder.dim) and rows.dtype == torch.float32
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(3))
        torch.testing.assert_close(rows, torch.cat([encoder.encode_texts([text]) for text in TEXTS]), atol=1e-4, rtol=0)
    if "image" in encoder.modalities:
        rows = encoder.encode_images(pictures())
        assert rows.shape == (4, encoder.dim)
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(4))
        torch.testing.assert_close(rows, torch.cat([encoder.encode_images([picture]) for picture in pictures()]), atol=1e-4, rtol=0)
    assert encoders.get(encoder.name).fingerprint == encoder.fingerprint


def test_mean_pooling_leaves_padding_out(folder: Callable[[str], Path]):
    from transformers import AutoModel, AutoTokenizer

    encoder = encoders.get(f"transformers:{folder('text_model')}")
    model, tokenizer = AutoModel.from_pretrained(folder("text_model")).eval(), AutoTokenizer.from_pretrained(folder("text_model"))
    for text, row in zip(TEXTS, encoder.encode_texts(TEXTS), strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        torch.testing.assert_close(row, torch.nn.functional.normalize(states.mean(0), dim=0), atol=1e-5, rtol=0)
    first = encoders.get(f"transformers:{folder('text_model')}", pooling="cls")
    assert first.fingerprint != encoder.fingerprint and not torch.allclose(first.encode_texts(TEXTS), encoder.encode_texts(TEXTS))
    with pytest.raises(ValueError, match="pooling: got 'max'"):
        encoders.get(f"transformers:{folder('text_model')}", pooling="max")


def test_dino_takes_the_class_token_and_convnext_its_pooled_output(folder: Callable[[str], Path]):
    from transformers import AutoModel

    for kind, pick in (("dinov2", lambda out: out.last_hidden_state[:, 0]), ("convnext", lambda out: out.pooler_output)):
        encoder = encoders.get(f"transformers:{folder(kind)}")
        batch = torch.stack([encoder.prepare_image(picture) for picture in pictures()])
        with torch.no_grad():
            expected = pick(AutoModel.from_pretrained(folder(kind)).eval()(pixel_values=batch))
        torch.testing.assert_close(encoder.forward_images(batch), torch.nn.functional.normalize(expected, dim=1), atol=1e-5, rtol=0)
    mean = encoders.get(f"transformers:{folder('convnext')}", pooling="mean")
    torch.testing.assert_close(mean.encode_images(pictures()).norm(dim=1), torch.ones(4))


@pytest.mark.parametrize(("kind", "temperature"), [("clip", np.exp(-2.6592)), ("siglip", None), ("align", 1.0)])
def test_the_temperature_is_the_models_own(kind: str, temperature: float | None, folder: Callable[[str], Path]):
    encoder = encoders.get(f"transformers:{folder(kind)}")
    own = encoder.network.logit_scale.exp().item() ** -1 if temperature is None else temperature
    assert encoder.temperature == pytest.approx(own, rel=1e-4)


def test_dual_features_agree_with_the_models_own_logits(folder: Callable[[str], Path]):
    encoder = encoders.get(f"transformers:{folder('clip')}")
    tokens = encoder.tokenizer(TEXTS, padding=True, return_tensors="pt")
    pixels = torch.stack([encoder.prepare_image(picture) for picture in pictures()])
    with torch.no_grad():
        logits = encoder.network(pixel_values=pixels, **tokens).logits_per_image
    cosines = encoder.forward_images(pixels) @ encoder.encode_texts(TEXTS).T
    torch.testing.assert_close(cosines / encoder.temperature, logits, atol=1e-4, rtol=1e-4)


def test_siglip_texts_are_padded_to_full_length(folder: Callable[[str], Path]):
    encoder = encoders.get(f"transformers:{folder('siglip')}")
    assert encoder.padding == {"padding": "max_length", "max_length": 16}


def test_a_whole_run_from_folder_to_classes(folder: Callable[[str], Path]):
    encoder = encoders.get(f"transformers:{folder('clip')}")
    outcome = encoders.embed(lnb.load(pictures(9)), encoder, batch_size=4, progress=False)
    assert outcome.vectors.shape == (9, 20) and encoders.embed_classes(["cat", "dog"], encoder).shape == (2, 8, 20)


def test_sentence_transformers_from_a_folder(folder: Callable[[str], Path], tmp_path: Path):
    made = pytest.importorskip("sentence_transformers")
    modules = made.models if hasattr(made, "models") else pytest.importorskip("sentence_transformers.models")
    transformer = modules.Transformer(str(folder("text_model")))
    made.SentenceTransformer(modules=[transformer, modules.Pooling(32)], device="cpu").save(str(tmp_path / "model"))
    encoder = encoders.get(f"sentence-transformers:{tmp_path / 'model'}")
    plain = encoders.get(f"transformers:{folder('text_model')}")
    torch.testing.assert_close(encoder.encode_texts(TEXTS), plain.encode_texts(TEXTS), atol=1e-5, rtol=0)
    prompted = encoders.get(f"sentence-transformers:{tmp_path / 'model'}", prompt="the ")
    torch.testing.assert_close(prompted.encode_texts(["cat"]), encoder.encode_texts(["the cat"]))
    assert prompted.fingerprint != encoder.fingerprint


def test_other_weights_have_another_fingerprint(folder: Callable[[str], Path], tmp_path: Path):
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder("text_model"))
    with torch.no_grad():
        model.encoder.layer[0].output.dense.bias += 0.01
    model.save_pretrained(tmp_path)
    tiny_models.save_tokenizer(tmp_path)
    assert encoders.get(f"transformers:{tmp_path}").fingerprint != encoders.get(f"transformers:{folder('text_model')}").fingerprint


def test_pickled_weights_are_refused(folder: Callable[[str], Path], tmp_path: Path):
    for path in folder("text_model").iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="expected config, tokenizer or image processor, and safetensors weights"):
        encoders.get(f"transformers:{tmp_path}")


def test_a_folder_that_is_not_there_or_holds_no_model(tmp_path: Path):
    with pytest.raises(EncoderError, match="nothing at"):
        encoders.get(f"transformers:{tmp_path / 'gone'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="could not be loaded"):
        encoders.get(f"transformers:{tmp_path / 'empty'}")
