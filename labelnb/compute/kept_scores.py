"""Scores gathered by blocks of classes: all of them, or the largest of every node, so that N x K need never be held."""
from __future__ import annotations

import torch

__all__ = ["KeptScores"]


class KeptScores:
    """Takes the scores of one block of classes after another, nodes in the order `place`."""

    def __init__(
        self, nodes: int, classes: int, keep: int | None, dtype: torch.dtype, device: torch.device, place: torch.Tensor | None,
    ) -> None:
        self.place = place
        self.most = None if keep is None else min(keep, classes)
        self.scores = torch.empty((nodes, classes if self.most is None else self.most), dtype=dtype, device=device)
        self.classes: torch.Tensor | None = None
        if self.most is not None:
            self.scores.fill_(-torch.inf)
            self.classes = torch.full(self.scores.shape, -1, dtype=torch.int64, device=device)

    def add(self, first: int, block: torch.Tensor) -> None:
        """Scores (N, B) of the classes from position `first` on."""
        if self.classes is None:
            if self.place is None:
                self.scores[:, first:first + block.shape[1]] = block
            else:
                self.scores[:, first:first + block.shape[1]][self.place] = block.to(self.scores.dtype)
            return
        positions = torch.arange(first, first + block.shape[1], device=block.device).expand(len(block), -1)
        together = torch.cat([self.scores, block.to(self.scores.dtype)], dim=1)
        names = torch.cat([self.classes, positions], dim=1)
        order = together.argsort(dim=1, descending=True, stable=True)[:, : self.most]            # equal scores: the lower class
        self.scores, self.classes = together.gather(1, order), names.gather(1, order)

    def ordered(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Scores and classes in the order of the nodes."""
        if self.classes is None or self.place is None:
            return self.scores, self.classes
        scores, classes = torch.empty_like(self.scores), torch.empty_like(self.classes)
        scores[self.place], classes[self.place] = self.scores, self.classes
        return scores, classes
