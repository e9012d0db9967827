"""Adam on plain tensors: the step of `train`, and of methods whose loop is another.

Source: Kingma and Ba 2015, Adam: a method for stochastic optimization (arXiv 1412.6980). Written out because the first step of any
`torch.optim` optimizer imports torch's compiler, which takes seconds; a head is often trained in less.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["Adam"]


class Adam:
    """Moves tensors in place by gradients that the caller has: betas .9 and .999, epsilon 1e-8, no weight decay."""

    def __init__(self, parameters: Sequence[torch.Tensor], lr: float) -> None:
        self.parameters, self.lr, self.steps = parameters, lr, 0
        self.first, self.second = [torch.zeros_like(p) for p in parameters], [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[torch.Tensor]) -> None:
        """One step against the gradients, one for each of the tensors."""
        self.steps += 1
        slow, fast = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for parameter, gradient, mean, square in zip(self.parameters, gradients, self.first, self.second, strict=True):
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            parameter.addcdiv_(mean, (square / fast).sqrt_().add_(1e-8), value=-self.lr / slow)
