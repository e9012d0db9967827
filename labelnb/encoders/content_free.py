"""Pictures with nothing in them: what a network sees in these, it sees in everything.

Source: Zhao et al. 2021, Calibrate Before Use (arXiv 2102.09690), who ask a language model about "N/A" to learn what it says anyway;
here an image network is shown blots, strokes and noise.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["content_free_pictures"]

SIDE = 192


def content_free_pictures(n: int = 200, *, seed: int = 0) -> list[Image.Image]:
    """`n` pictures: plain shapes on white, shaded shapes on white and on colours, and noise of several grains, in equal parts."""
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        kind = number % 4
        if kind == 3:
            grain = int(rng.choice([4, 8, 16, 48]))
            noise = Image.fromarray(rng.integers(0, 256, (grain, grain, 3)).astype(np.uint8))
            made.append(noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            continue
        ground = (255, 255, 255) if kind < 2 else _colour(rng)
        picture = _shapes(rng, ground)
        if kind > 0:
            light = np.linspace(0.7, 1.15, SIDE)[:, None, None]
            pixels = np.asarray(picture, np.float32)
            shaded = np.where((pixels != 255).any(axis=2, keepdims=True), pixels * light, pixels).clip(0, 255).astype(np.uint8)
            picture = Image.fromarray(shaded).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2))))
        made.append(picture)
    return made


def _shapes(rng: np.random.Generator, ground: tuple[int, ...]) -> Image.Image:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 7))):
        colour, (x, y), (width, height) = _colour(rng), rng.integers(0, 150, 2).tolist(), rng.integers(20, 150, 2).tolist()
        box = (x, y, x + width, y + height)
        corners = [tuple(point) for point in rng.integers(10, SIDE - 10, (int(rng.integers(3, 7)), 2)).tolist()]
        shape = int(rng.integers(0, 4))
        if shape == 0:
            draw.ellipse(box, fill=colour)
        elif shape == 1:
            draw.rounded_rectangle(box, radius=int(rng.integers(0, 20)), fill=colour)
        elif shape == 2:
            draw.polygon(corners, fill=colour)
        else:
            draw.line(corners, fill=colour, width=int(rng.integers(3, 20)))
    return picture


def _colour(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.integers(0, 256, 3).tolist())
