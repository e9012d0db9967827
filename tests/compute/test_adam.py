"""Adam against torch's own."""
from __future__ import annotations

import torch

from labelnb.compute.adam import Adam


def test_takes_the_same_steps_as_torchs():
    draw = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 3, generator=draw, dtype=torch.float64), torch.randn(2, generator=draw, dtype=torch.float64)]
    ours, theirs = [p.clone() for p in start], [p.clone().requires_grad_() for p in start]
    mine, peer = Adam(ours, 0.05), torch.optim.Adam(theirs, lr=0.05)
    for _ in range(20):
        gradients = [torch.randn(p.shape, generator=draw, dtype=torch.float64) for p in start]
        mine.step(gradients)
        for p, g in zip(theirs, gradients, strict=True):
            p.grad = g
        peer.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b.detach())
