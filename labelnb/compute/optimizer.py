"""The steps of the training loop: gradient descent with momentum, or Adam with decoupled weight decay."""
from __future__ import annotations

import torch

from labelnb.compute.adam import Adam

__all__ = ["Optimizer"]


class Optimizer:
    """SGD with Nesterov momentum, or AdamW (Loshchilov and Hutter 2019); not `torch.optim`'s, for the reason that `compute.adam` gives."""

    def __init__(self, head: torch.nn.Module, name: str, lr: float, momentum: float, weight_decay: float) -> None:
        if name not in ("sgd", "adamw"):
            raise ValueError(f"optimizer: got {name!r}, expected 'sgd' or 'adamw'")
        self.parameters = [p for p in head.parameters() if p.requires_grad]
        self.name, self.lr, self.momentum, self.weight_decay = name, lr, momentum, weight_decay
        self.velocity = [torch.zeros_like(p) for p in self.parameters] if name == "sgd" else []
        self.adam = Adam(self.parameters, lr) if name == "adamw" else None

    def moments(self) -> dict[str, torch.Tensor]:
        """The tensors that it remembers, by name."""
        kinds = {"velocity": self.velocity} if self.adam is None else {"first": self.adam.first, "second": self.adam.second}
        return {f"{kind}.{i}": value for kind, values in kinds.items() for i, value in enumerate(values)}

    @torch.no_grad()
    def step(self, gradients: tuple[torch.Tensor, ...]) -> None:
        """One step against the gradients, one for each parameter that learns."""
        if self.adam is not None:
            for parameter in self.parameters:
                parameter.mul_(1 - self.lr * self.weight_decay)
            self.adam.lr = self.lr
            self.adam.step(gradients)
            return
        for parameter, gradient, velocity in zip(self.parameters, gradients, self.velocity, strict=True):
            full = gradient.add(parameter, alpha=self.weight_decay)
            velocity.mul_(self.momentum).add_(full)
            parameter.sub_(full.add_(velocity, alpha=self.momentum), alpha=self.lr)
