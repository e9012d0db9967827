"""clip against a classifier built by hand, and against open_clip's own construction."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from labelnb.methods.zero_shot import clip
from labelnb.torchvision_mend import mend_torchvision


def sample(n: int = 40, k: int = 5, p: int = 3, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(k, p, d)) * rng.uniform(0.5, 3, size=(k, p, 1))


def by_hand(x: np.ndarray, prompts: list[np.ndarray], temperature: float) -> tuple[np.ndarray, np.ndarray]:
    rows = []
    for of_class in prompts:
        mean = np.mean([v / np.sqrt((v * v).sum()) for v in of_class], axis=0)
        rows.append(mean / np.sqrt((mean * mean).sum()))
    cosines = np.array([[(v / np.sqrt((v * v).sum())) @ row for row in rows] for v in x])
    e = np.exp(cosines / temperature)
    return cosines, e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_and_probabilities_are_those_computed_by_hand(dtype):
    x, prompts = sample()
    cosines, probabilities = by_hand(x, list(prompts), 0.05)
    made = clip(x.astype(dtype), prompts.astype(dtype), temperature=0.05)
    np.testing.assert_allclose(made.evidence["scores"], cosines, atol=2e-6 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(made.probabilities, probabilities, atol=1e-4 if dtype == np.float32 else 1e-6)
    np.testing.assert_array_equal(made.predictions, cosines.argmax(1))


def test_padding_prompts_count_for_nothing():
    x, prompts = sample()
    padded = np.concatenate([prompts, np.full_like(prompts[:, :1], np.nan)], axis=1)
    padded[2, 1:] = np.nan
    cosines, _ = by_hand(x, [prompts[0], prompts[1], prompts[2, :1], prompts[3], prompts[4]], 0.05)
    made = clip(x, padded)
    np.testing.assert_allclose(made.evidence["scores"], cosines, atol=1e-12)
    assert np.isnan(made.evidence["prompt_scores"][:, :, 3]).all()
    assert np.isfinite(made.evidence["prompt_scores"][:, :2, :3]).all()


def test_each_prompt_has_its_own_cosine():
    x, prompts = sample()
    made = clip(x, prompts)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(made.evidence["prompt_scores"][:, 3, 1], unit @ prompts[3, 1] / np.linalg.norm(prompts[3, 1]), atol=1e-12)


def test_one_vector_a_class_has_no_prompts():
    x, prompts = sample()
    made = clip(x, prompts[:, 0])
    np.testing.assert_allclose(made.evidence["scores"], by_hand(x, list(prompts[:, :1]), 0.01)[0], atol=1e-12)
    assert "prompt_scores" not in made.evidence


def test_temperature_sharpens_and_never_reorders():
    x, prompts = sample()
    warm, cold = clip(x, prompts, temperature=0.5), clip(x, prompts, temperature=0.01)
    np.testing.assert_array_equal(warm.predictions, cold.predictions)
    assert (cold.confidence > warm.confidence).all()


def test_lengths_of_the_vectors_do_not_matter():
    x, prompts = sample()
    np.testing.assert_allclose(clip(7 * x, 0.1 * prompts).evidence["scores"], clip(x, prompts).evidence["scores"], atol=1e-12)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), "hot", 2.0])
def test_temperature_outside_its_range_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature"):
        clip(*sample(), temperature=temperature)


def test_equals_the_classifier_that_open_clip_builds():
    """open_clip.build_zero_shot_classifier with a small untrained text tower on the same token ids."""
    mend_torchvision()
    open_clip = pytest.importorskip("open_clip")
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    text = CLIPTextCfg(context_length=12, vocab_size=100, width=32, heads=2, layers=2)
    model = CLIP(24, CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32), text).eval()
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, generator=draw))

    def tokens(texts: list[str]) -> torch.Tensor:
        return torch.tensor([[1 + sum(map(ord, t[i::10])) % 98 for i in range(11)] + [99] for t in texts])

    names, templates = ["cat", "dog", "lorry"], ["a {}", "a photo of a {}", "{}!"]
    fill = [lambda name, t=t: t.format(name) for t in templates]
    theirs = open_clip.build_zero_shot_classifier(model, tokens, names, fill, device="cpu")                 # (D, K)
    with torch.no_grad():
        prompts = torch.stack([model.encode_text(tokens([t.format(n) for t in templates])) for n in names])  # (K, P, D), not normalised
        images = model.encode_image(torch.randn(6, 3, 32, 32, generator=draw), normalize=True)
    made = clip(images, prompts, temperature=0.01)
    np.testing.assert_allclose(made.evidence["scores"], (images @ theirs).numpy(), atol=1e-5)
    np.testing.assert_allclose(made.probabilities, (100 * images @ theirs).softmax(dim=1).numpy(), atol=1e-3)
