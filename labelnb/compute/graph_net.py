"""Small neural networks on a graph: two layers of GCN, GraphSAGE with means, or APPNP; sparse products only, trained by the one loop.

Sources: Kipf and Welling 2017, Semi-Supervised Classification with Graph Convolutional Networks (arXiv 1609.02907); Hamilton et al. 2017,
Inductive Representation Learning on Large Graphs (arXiv 1706.02216); Gasteiger et al. 2019, Predict then Propagate (arXiv 1810.05997).

Why not PyTorch Geometric's layers, whose scores and gradients these are to 1e-10: they take features dense and draw dropout from the global
generator. A hundred epochs of GCN on Cora, bags of words, one thread of a busy machine: .3 s of processor time and 39 MiB here, 6.7 s and
80 MiB (52 with a sparse adjacency) there. What it has and this has not, attention, comes from it (`attention_net`).
"""
from __future__ import annotations

import math
import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
import torch

from labelnb.checks import as_tensor, class_labels, finite_rows, generator, positive_int, within
from labelnb.compute.attention_net import AttentionNet, require_geometric
from labelnb.compute.propagate import checked_weights
from labelnb.compute.train import Training, cross_entropy, train

__all__ = ["GraphFit", "GraphNet", "Kind", "graph_net", "known_kind", "smoothing"]

Kind = Literal["gcn", "sage", "appnp", "gat"]


def known_kind(kind: Any, name: str = "kind") -> Kind:
    """The kind, if it is one and can be had here.

    Raises
    ------
    ValueError
        If it is none.
    ImportError
        If it is `gat` and PyTorch Geometric is not installed.
    """
    if kind not in ("gcn", "sage", "appnp", "gat"):
        raise ValueError(f"{name}: got {kind!r}, expected 'gcn', 'sage', 'appnp' or 'gat'")
    if kind == "gat":
        require_geometric()
    return kind  # type: ignore[no-any-return]


class GraphFit(NamedTuple):
    """A trained network and what it says of every node."""

    probabilities: torch.Tensor
    """(N, K) softmax of the scores."""
    scores: torch.Tensor
    """(N, K) before the softmax."""
    net: GraphNet | AttentionNet
    """The network, in evaluation mode."""
    training: Training
    """What happened."""


class Sparse:
    """A constant sparse matrix and its transpose, for products with gradients on any device; its values may be masked in between."""

    def __init__(self, matrix: Any, dtype: torch.dtype, device: torch.device | str) -> None:
        csr = scipy.sparse.csr_array(matrix)
        csr.sum_duplicates()
        where = scipy.sparse.csr_array((np.arange(1, csr.nnz + 1), csr.indices, csr.indptr), shape=csr.shape).T.tocsr()
        self._forward, self._backward = (
            tuple(torch.from_numpy(part.astype(np.int64)).to(device) for part in (each.indptr, each.indices)) for each in (csr, where)
        )
        self._order = torch.from_numpy(where.data.astype(np.int64) - 1).to(device)
        self.values = torch.from_numpy(csr.data.astype(np.float64)).to(device, dtype)
        self.shape = csr.shape

    def times(self, dense: torch.Tensor, values: torch.Tensor | None = None) -> torch.Tensor:
        """The product with a dense (columns, D) matrix."""
        return _Product.apply(dense, self, self.values if values is None else values)  # type: ignore[no-any-return]

    def product(self, dense: torch.Tensor, values: torch.Tensor, *, transposed: bool) -> torch.Tensor:
        """The same without gradients."""
        indptr, indices = self._backward if transposed else self._forward
        shape = (self.shape[1], self.shape[0]) if transposed else self.shape
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            held = values[self._order] if transposed else values
            return torch.sparse_csr_tensor(indptr, indices, held, shape, check_invariants=False) @ dense


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dense: torch.Tensor, matrix: Sparse, values: torch.Tensor) -> torch.Tensor:
        ctx.matrix, ctx.values = matrix, values
        return matrix.product(dense, values, transposed=False)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.matrix.product(gradients[0].contiguous(), ctx.values, transposed=True), None, None


def smoothing(graph: Any, kind: Kind = "gcn") -> scipy.sparse.csr_array:
    """What a layer multiplies by: D^-1/2 (W + I) D^-1/2 with D the row sums of W + I; for `sage` D^-1 W, rows of zeros where alone.

    W are the weights without the diagonal.
    """
    w = scipy.sparse.csr_array(checked_weights(graph), dtype=np.float64, copy=True)
    w.setdiag(0)
    w.eliminate_zeros()
    degree = np.asarray(w.sum(axis=1)).ravel() + (kind != "sage")
    if kind == "sage":
        rows = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
        return scipy.sparse.csr_array(scipy.sparse.diags_array(rows) @ w)
    scale = scipy.sparse.diags_array(1 / np.sqrt(degree))
    return scipy.sparse.csr_array(scale @ (w + scipy.sparse.eye_array(w.shape[0])) @ scale)


class GraphNet(torch.nn.Module):
    """Two layers on a graph. `forward(nodes)` gives the scores of these nodes, (B, K); all nodes are computed, as each needs its
    neighbours.

    With A = `smoothing(graph)`: gcn: A relu(A X W1) W2; sage: the same with (X, A X) side by side before each weight; appnp: Z0 = relu(X
    W1) W2 and ten steps Z <- .9 A Z + .1 Z0. Biases in each layer; dropout on the input and the hidden layer while training.
    """

    def __init__(
        self, graph: Any, x: torch.Tensor | scipy.sparse.csr_array, outputs: int, *, kind: Kind = "gcn", hidden: int = 16,
        dropout: float = 0.5, seed: int = 0, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        if kind not in ("gcn", "sage", "appnp"):
            raise ValueError(f"kind: got {kind!r}, expected 'gcn', 'sage' or 'appnp'")
        draw = generator(seed)
        self.kind, self.dropout = kind, within("dropout", dropout, 0.0, 1.0, open_high=True)
        self._chance = generator(seed + 1, device)
        self._smooth = Sparse(smoothing(graph, kind), dtype, device)
        self._x: torch.Tensor | Sparse = Sparse(x, dtype, device) if scipy.sparse.issparse(x) else x.to(device, dtype)
        width = self._x.shape[1]
        parts = 2 if kind == "sage" else 1

        def glorot(rows: int, columns: int) -> torch.nn.Parameter:
            bound = math.sqrt(6.0 / (rows + columns))
            return torch.nn.Parameter(((torch.rand(rows, columns, generator=draw, dtype=torch.float64) * 2 - 1) * bound).to(device, dtype))

        self.first = torch.nn.ParameterList([glorot(width, hidden) for _ in range(parts)])
        self.second = torch.nn.ParameterList([glorot(hidden, outputs) for _ in range(parts)])
        self.first_bias = torch.nn.Parameter(torch.zeros(hidden, dtype=dtype, device=device))
        self.second_bias = torch.nn.Parameter(torch.zeros(outputs, dtype=dtype, device=device))

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        """Scores (B, K) of the nodes, positions of any type, (B,) or (B, 1)."""
        return self.scores()[nodes.reshape(-1).long()]

    def scores(self) -> torch.Tensor:
        """Scores (N, K) of all nodes."""
        hidden = torch.relu(self._layer(self._read, self.first, self.first_bias))
        if self.training:
            hidden = self._drop(hidden)
        scores = self._layer(lambda weight: hidden @ weight, self.second, self.second_bias)
        if self.kind == "appnp":
            start = scores
            for _ in range(_STEPS):
                scores = (1 - _RESTART) * self._smooth.times(scores) + _RESTART * start
        return scores

    def _layer(self, read: Any, weights: Any, bias: torch.Tensor) -> torch.Tensor:
        if self.kind == "sage":
            return read(weights[0]) + self._smooth.times(read(weights[1])) + bias  # type: ignore[no-any-return]
        made = read(weights[0])
        return (self._smooth.times(made) if self.kind == "gcn" else made) + bias  # type: ignore[no-any-return]

    def _read(self, weight: torch.Tensor) -> torch.Tensor:
        """The features times a weight; while training, dropout on the features."""
        if isinstance(self._x, Sparse):
            return self._x.times(weight, self._drop(self._x.values) if self.training else None)
        return (self._drop(self._x) if self.training else self._x) @ weight

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        if self.dropout == 0:
            return x
        kept = torch.rand(x.shape, generator=self._chance, device=x.device) >= self.dropout
        return x * kept.to(x.dtype) / (1 - self.dropout)


def graph_net(
    graph: Any,
    x: Any,
    targets: Any,
    *,
    n_classes: int | None = None,
    weights: Any = None,
    kind: Kind = "gcn",
    hidden: int = 16,
    epochs: int = 200,
    lr: float = 0.01,
    weight_decay: float = 5e-4,
    dropout: float = 0.5,
    validation: Any = None,
    patience: int | None = None,
    seed: int = 0,
) -> GraphFit:
    """Train a small network on the labelled nodes of a graph and predict all.

    Parameters
    ----------
    graph : (N, N) symmetric non-negative weights: scipy sparse, torch sparse or a KnnGraph
    x : (N, D) features of the nodes, dense or scipy sparse
    targets : (N,) class positions, -1 where unknown; or (N, K) distributions, rows of zeros where unknown
    n_classes : K; the largest class and one where not given
    weights : (N,) how much a labelled node counts in the loss beside the others; 1 where not given
    kind : `gcn`; `sage`, which keeps a node's own features apart from its neighbours' mean; `appnp`, which reaches ten steps far; `gat`,
        which learns whom to hear (by PyTorch Geometric, the extra `graphs`)
    hidden, epochs, lr, weight_decay, dropout : of the network; the defaults are those of Kipf and Welling, with weight decay on the first
        layer only and Adam on all labelled nodes at once
    validation : (N,) class positions of nodes held out, -1 elsewhere: the weights of the epoch of least loss on them are kept
    patience : with `validation`: stop after so many epochs without a lower loss
    seed : of the first weights and the dropout

    Returns
    -------
    GraphFit on the features' device.

    Raises
    ------
    ValueError
        If shapes do not fit or no node is labelled.

    Notes
    -----
    An epoch costs edges x hidden + N x D x hidden. Do not use it where neighbours are mostly of other classes; `sage` suffers least
    there.
    """
    features, dtype, device = _features(x)
    shape = features.shape
    count = checked_weights(graph).shape[0]
    if count != shape[0]:
        raise ValueError(f"graph: got {count} nodes for {shape[0]} rows of features; expected one node a row")
    goal, known, k = _goal(targets, count, n_classes, dtype)
    mass = torch.ones(len(known), dtype=dtype) if weights is None else as_tensor(weights, "weights", dtype=dtype).cpu()[known]
    if not float(mass.sum()) > 0:
        raise ValueError("weights: the labelled nodes have no weight at all; expected one above 0 at least")
    positive_int("hidden", hidden)
    given: dict[str, Any] = {"hidden": hidden, "dropout": dropout, "seed": seed, "dtype": dtype, "device": device}
    attends = known_kind(kind) == "gat"
    net = AttentionNet(graph, features, k, **given) if attends else GraphNet(graph, features, k, kind=kind, **given)

    def loss(scores: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        size = sum((weight**2).sum() for weight in net.first)
        return cross_entropy(scores, wanted) + 0.5 * weight_decay * size

    held = None
    if validation is not None:
        kept = class_labels(validation, count, n_classes=k, name="validation")
        held = (_numbers(torch.nonzero(kept >= 0).flatten(), device), kept[kept >= 0].to(device))
    training = train(
        net, _numbers(known, device), goal[known].to(device), epochs=epochs, batch_size=len(known), lr=lr, optimizer="adamw",
        weight_decay=0.0,
        schedule="constant", seed=seed, weights=(mass / mass.mean()).to(device), loss=loss, validation=held, patience=patience,
    )
    net.eval()
    with torch.no_grad():
        scores = net.scores()
    return GraphFit(scores.softmax(1), scores, net, training)


def _numbers(nodes: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Positions as the rows that the training loop hands to the network: exact up to 2^53."""
    return nodes.to(device, torch.float64)[:, None]


def _features(x: Any) -> tuple[torch.Tensor | scipy.sparse.csr_array, torch.dtype, torch.device]:
    """The features, sparse where that saves work; the type and device to work in."""
    if scipy.sparse.issparse(x):
        csr = scipy.sparse.csr_array(x)
        if not np.isfinite(csr.data).all():
            raise ValueError("x: NaN or infinity; expected finite features")
        return csr, torch.float64 if csr.dtype == np.float64 else torch.float32, torch.device("cpu")
    rows = finite_rows(x)
    if rows.device.type == "cpu" and rows.shape[1] >= 64 and float((rows != 0).float().mean()) < _SPARSE_BELOW:
        return scipy.sparse.csr_array(rows.numpy()), rows.dtype, rows.device
    return rows, rows.dtype, rows.device


def _goal(targets: Any, count: int, n_classes: int | None, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, int]:
    goal = as_tensor(targets, "targets", dtype=None).cpu()
    if goal.ndim == 2:
        if len(goal) != count or not bool(torch.isfinite(goal).all()) or bool((goal < 0).any()):
            raise ValueError(f"targets: got shape {tuple(goal.shape)}, expected ({count}, K) finite numbers of 0 or more")
        known, k, goal = torch.nonzero(goal.sum(1) > 0).flatten(), goal.shape[1], goal.to(dtype)
    else:
        goal = class_labels(goal, count, n_classes=n_classes, name="targets")
        known, k = torch.nonzero(goal >= 0).flatten(), n_classes or int(goal.max()) + 1
    if not len(known):
        raise ValueError("targets: no node is labelled; label one at least")
    return goal, known, k


_STEPS, _RESTART = 10, 0.1
"""Of APPNP."""
_SPARSE_BELOW = 0.1
"""Share of features that are not 0 below which a sparse product is the faster one on a CPU."""
