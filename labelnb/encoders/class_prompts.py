"""Class names to vectors: every prompt of every class through the encoder's text side."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelnb.classes import LabelSpace
from labelnb.encoders.encoder import Encoder, EncoderError, TextEncoder

__all__ = ["embed_classes"]

BATCH = 256


def embed_classes(classes: LabelSpace | Sequence[str], encoder: Encoder, *, templates: Sequence[str] | None = None) -> np.ndarray:
    """One vector a prompt of each class.

    Parameters
    ----------
    classes : names, or a LabelSpace; a class with prompts of its own is represented by these, any other by its name in each template
    encoder : one that reads text
    templates : sentences with one `{}` each; the encoder's own by default

    Returns
    -------
    (K, P, D) float32, unit vectors; P is the largest number of prompts, and a class with fewer has rows of NaN at its end.

    Raises
    ------
    EncoderError
        If the encoder reads no text, or no prompt of a class holds a word that it knows.
    ValueError
        If there is no class, or a template has no `{}`.
    """
    space = LabelSpace.of(classes)
    if "text" not in encoder.modalities or not isinstance(encoder, TextEncoder):
        raise EncoderError(f"{encoder.name} reads no text, so it has no vectors for class names; take 'conse' or 'open_clip:...', which do")
    if not len(space):
        raise ValueError("classes: none yet; give names, such as s.classes = ['cat', 'dog']")
    chosen = tuple(encoder.templates if templates is None else templates) or ("{}",)
    plain = [template for template in chosen if "{}" not in template]
    if plain:
        raise ValueError(f"templates: {plain} lack the place for the name; expected sentences such as 'a photo of a {{}}.'")
    prompts = space.texts(chosen)
    texts = sorted({text for own in prompts for text in own}, key=lambda text: (len(text), text))
    rows = [encoder.encode_texts(texts[start:start + BATCH]).float().cpu().numpy() for start in range(0, len(texts), BATCH)]
    vectors = dict(zip(texts, np.concatenate(rows), strict=True))
    made = np.full((len(space), max(map(len, prompts)), encoder.dim), np.nan, np.float32)
    for position, own in enumerate(prompts):
        known = [vectors[text] for text in own if np.linalg.norm(vectors[text]) > 0]
        if not known:
            cure = f"give it prompts in plain English: classes={{{space[position]!r}: '...'}}"
            raise EncoderError(f"class {space[position]!r}: {encoder.name} knows no word of {own}; {cure}")
        made[position, :len(known)] = known
    return made
