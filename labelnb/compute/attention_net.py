"""Graph attention: two layers in which a node learns which of its neighbours to hear. The layers are PyTorch Geometric's.

Source: Velickovic et al. 2018, Graph Attention Networks (arXiv 1710.10903).
Reference code: https://github.com/pyg-team/pytorch_geometric (`GATConv`)
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import generator, within
from labelnb.compute.propagate import checked_weights

__all__ = ["AttentionNet", "require_geometric"]

HEADS = 8
"""Of the first layer; the hidden width is divided among them."""


def require_geometric() -> Any:
    """The module `torch_geometric.nn`.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to.
    """
    try:
        import torch_geometric.nn
    except ImportError as error:
        raise ImportError(
            "network='gat' needs PyTorch Geometric, which is not installed: pip install 'labelnb[graphs]', or take 'gcn', 'sage' or 'appnp'"
        ) from error
    return torch_geometric.nn


class AttentionNet(torch.nn.Module):
    """Two layers of graph attention, with eight heads and then one; `scores()` and `forward(nodes)` as in `GraphNet`.

    An edge of any weight above 0 is heard, how much is learned; every node hears itself too. First weights and dropout (on the features
    and the hidden layer; none on the attention) come from generators of their own. Memory in proportion to edges times hidden width.

    Raises
    ------
    ImportError
        If PyTorch Geometric is not installed.
    """

    def __init__(
        self, graph: Any, x: torch.Tensor | scipy.sparse.csr_array, outputs: int, *, hidden: int = 64, dropout: float = 0.5, seed: int = 0,
        dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        layers = require_geometric()
        draw = generator(seed)
        self.dropout = within("dropout", dropout, 0.0, 1.0, open_high=True)
        self._chance = generator(seed + 1, device)
        edges = scipy.sparse.csr_array(checked_weights(graph)).tocoo()
        self._edges = torch.from_numpy(np.stack([part.astype(np.int64) for part in edges.coords])).to(device)
        given = x if isinstance(x, torch.Tensor) else torch.from_numpy(x.toarray())
        self._x = given.to(device, dtype)
        heads = math.gcd(HEADS, hidden)
        with torch.random.fork_rng(devices=[]):                 # its own first weights, replaced below, draw from the global generator
            self.one = layers.GATConv(self._x.shape[1], hidden // heads, heads=heads).to(device, dtype)
            self.two = layers.GATConv(hidden, outputs, heads=1, concat=False).to(device, dtype)
        with torch.no_grad():
            for parameter in self.parameters():
                bound = math.sqrt(6.0 / (parameter.shape[-2] + parameter.shape[-1])) if parameter.ndim > 1 else 0.0
                parameter.copy_((torch.rand(parameter.shape, generator=draw, dtype=torch.float64) * 2 - 1) * bound)

    @property
    def first(self) -> list[torch.Tensor]:
        """Weights of the first layer, on which weight decay falls."""
        return [self.one.lin.weight]

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Scores (B, K) of the nodes, positions of any type, (B,) or (B, 1)."""
        return self.scores()[nodes.reshape(-1).long()]

    def scores(self) -> torch.Tensor:
        """Scores (N, K) of all nodes."""
        hidden = torch.nn.functional.elu(self.one(self._drop(self._x), self._edges))
        return self.two(self._drop(hidden), self._edges)  # type: ignore[no-any-return]

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        if self.dropout == 0 or not self.training:
            return x
        kept = torch.rand(x.shape, generator=self._chance, device=x.device) >= self.dropout
        return x * kept.to(x.dtype) / (1 - self.dropout)
