"""Class names to vectors."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import labelnb as lnb
from labelnb.checks import class_rows
from labelnb.encoders import EncoderError, embed_classes


class Letters:
    """A text to how often each letter stands in it."""

    name, fingerprint, modalities, dim, temperature, templates = "letters", "l1", ("text",), 26, 0.1, ("{}", "about {}")

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        counts = torch.tensor([[text.count(chr(97 + i)) for i in range(26)] for text in texts], dtype=torch.float32)
        return counts / counts.norm(dim=1, keepdim=True).clamp_min(1e-9)


def test_one_vector_a_prompt_padded_with_nan():
    space = lnb.LabelSpace(("cat", "dog", "bird"), prompts={"dog": ("a hound", "a puppy", "a poodle")})
    made = embed_classes(space, Letters())
    assert made.shape == (3, 3, 26) and made.dtype == np.float32
    np.testing.assert_allclose(made[0, :2], Letters().encode_texts(["cat", "about cat"]).numpy())
    np.testing.assert_allclose(made[1], Letters().encode_texts(["a hound", "a puppy", "a poodle"]).numpy())
    assert np.isnan(made[0, 2]).all() and np.isnan(made[2, 2]).all()
    assert torch.isfinite(class_rows(made, torch.eye(26))).all()


def test_templates_can_be_given():
    made = embed_classes(["cat_fish"], Letters(), templates=["one {} here"])
    np.testing.assert_allclose(made[0, 0], Letters().encode_texts(["one cat fish here"])[0].numpy())


def test_many_classes_keep_their_order():
    names = ["".join(chr(97 + (i * 7 + j * j) % 26) for j in range(1 + i % 9)) + chr(97 + i % 26) for i in range(700)]
    names = list(dict.fromkeys(names))
    made = embed_classes(names, Letters(), templates=["{}"])
    np.testing.assert_allclose(made[:, 0], Letters().encode_texts(names).numpy())


def test_a_prompt_without_a_known_word_is_left_out_and_a_class_of_such_is_an_error():
    space = lnb.LabelSpace(("cat",), prompts={"cat": ("123", "cat")})
    made = embed_classes(space, Letters())
    assert np.isnan(made[0, 1]).all() and np.isfinite(made[0, 0]).all()
    with pytest.raises(EncoderError, match="class '42': letters knows no word of"):
        embed_classes(["cat", "42"], Letters(), templates=["{}"])


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="classes: none yet"):
        embed_classes([], Letters())
    with pytest.raises(ValueError, match="lack the place for the name"):
        embed_classes(["cat"], Letters(), templates=["a photo"])
    reader = Letters()
    reader.modalities = ("image",)                              # type: ignore[assignment]
    with pytest.raises(EncoderError, match="reads no text"):
        embed_classes(["cat"], reader)
