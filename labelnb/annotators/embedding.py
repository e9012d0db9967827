"""An annotator that answers the class whose name lies nearest in the encoder's space: free, fast, and as good as the encoder."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnb.annotators.answers import Answer
from labelnb.checks import class_rows, unit_rows, within

__all__ = ["EmbeddingAnnotator"]


class EmbeddingAnnotator:
    """Zero-shot classification as an annotator: softmax over the cosines to the class vectors, its largest entry as the confidence.

    Parameters
    ----------
    embeddings : (N, D) vectors of the items
    class_embeddings : (K, D) or (K, P, D) vectors of the class names, from the same encoder
    classes : the K names
    temperature : of the softmax; the encoder's own where it has one, else about 0.05 for text encoders and 0.01 for CLIP. It changes the
        confidence, never the answer
    cost : price of one answer
    """

    reads = "positions"

    def __init__(
        self, embeddings: Any, class_embeddings: Any, classes: Sequence[str], *, temperature: float = 0.05, cost: float = 0.0,
    ) -> None:
        x = unit_rows(embeddings)
        names = class_rows(class_embeddings, x)
        self.classes, self.cost, self.batch_size = tuple(classes), float(cost), 4096
        if len(names) != len(self.classes):
            raise ValueError(f"class_embeddings: got {len(names)} rows for {len(self.classes)} classes; expected one a class")
        within("temperature", temperature, 0.0, 1e6, open_low=True)
        self._x, self._names, self._temperature = x, names, temperature

    def __call__(self, positions: np.ndarray) -> list[Answer]:
        """One answer for each of the positions."""
        shares = (self._x[positions] @ self._names.T / self._temperature).softmax(1)
        best = shares.max(1)
        return [Answer(self.classes[k], float(p)) for k, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
