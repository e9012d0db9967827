"""PyTorch Geometric: its graphs are taken wherever a graph is, and our networks give what its layers give with the same weights."""
from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch

import labelnb as lnb
from labelnb.compute.attention_net import AttentionNet
from labelnb.compute.graph_net import GraphNet, graph_net
from labelnb.graph import GraphWarning, user_graph
from labelnb.items import ItemError
from labelnb.methods.propagation import label_spreading, llm_gnn, tape

with warnings.catch_warnings():                                 # its own imports warn of what torch deprecates
    warnings.simplefilter("ignore")
    geometric = pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install 'labelnb[graphs]'")
    import torch_geometric.nn
    import torch_geometric.utils
    from torch_geometric.data import Data, HeteroData

N = 60


@pytest.fixture
def weights() -> scipy.sparse.csr_array:
    """Two groups of 30, weighted, symmetric; the last node stands alone."""
    rng = np.random.default_rng(0)
    near = (np.arange(N)[:, None] < N // 2) == (np.arange(N)[None] < N // 2)
    w = np.triu(rng.random((N, N)) * (rng.random((N, N)) < np.where(near, 0.25, 0.01)), 1)
    w = w + w.T
    w[-1] = w[:, -1] = 0
    return scipy.sparse.csr_array(w)


@pytest.fixture
def data(weights) -> Data:
    """The same as a Data: both directions of every edge, features, classes, and a mask of six nodes to train on."""
    edge_index, edge_weight = torch_geometric.utils.from_scipy_sparse_matrix(weights)
    made = Data(x=torch.randn(N, 5, generator=torch.Generator().manual_seed(0)), edge_index=edge_index, edge_weight=edge_weight)
    made.y = (torch.arange(N) >= N // 2).long()
    made.train_mask = torch.arange(N) % 10 == 0
    return made


def with_attribute(data: Data, shape: tuple[int, ...]) -> Data:
    made = data.clone()
    made.edge_attr = made.edge_weight.reshape(shape)
    del made.edge_weight
    return made


@pytest.mark.parametrize("form", ["edge_weight", "edge_attr", "edge_attr of one column", "one direction", "adj_t"])
def test_every_form_of_weights_gives_the_same_graph(data, weights, form):
    if form == "edge_attr":
        data = with_attribute(data, (-1,))
    elif form == "edge_attr of one column":
        data = with_attribute(data, (-1, 1))
    elif form == "one direction":
        upper = data.edge_index[0] < data.edge_index[1]
        data.edge_index, data.edge_weight = data.edge_index[:, upper], data.edge_weight[upper]
    elif form == "adj_t":
        from torch_geometric.transforms import ToSparseTensor

        with warnings.catch_warnings():                         # torch says that its CSR tensors are in beta
            warnings.simplefilter("ignore")
            data = ToSparseTensor(attr="edge_weight", layout=torch.sparse_csr)(data)
        assert data.edge_index is None
    made = user_graph(data, [str(i) for i in range(N)])
    np.testing.assert_allclose(made.toarray(), weights.toarray(), atol=1e-7)


def test_attributes_of_several_columns_are_no_weights(data):
    data.edge_attr = torch.ones((data.num_edges, 3))
    del data.edge_weight
    with pytest.warns(GraphWarning, match="holds no weights"):
        assert set(user_graph(data, [str(i) for i in range(N)]).data.tolist()) == {1.0}


def test_loaded_the_graph_keeps_its_weights_and_the_labels_of_the_mask(data, weights, tmp_path):
    items = lnb.load(data, label="y")
    assert items.modality == "node" and len(items) == N and items.vectors.shape == (N, 5)
    assert [i for i, given in enumerate(items.given) if given is not None] == list(range(0, N, 10))
    assert items.given[0] == "0" and items.given[50] == "1"
    with lnb.Session(items, classes=["0", "1"], path=tmp_path / "graph.lnb") as s:
        np.testing.assert_allclose(s.graph.matrix.toarray(), weights.toarray(), atol=1e-7)
        assert s.graph.alone().tolist() == [N - 1]
        for i in range(0, N, 10):
            s.label(str(i), items.given[i])
        found = s.propagation.label_spreading()
        assert (found.predictions[:-1] == data.y.numpy()[:-1]).mean() > 0.9 and found.predictions[-1] == -1
        given = s.propagation.label_spreading(graph=data)
        np.testing.assert_allclose(given.probabilities, found.probabilities, atol=1e-6)
    items.save(tmp_path / "kept")
    again = lnb.load(tmp_path / "kept")
    np.testing.assert_array_equal(again.edge_weights, items.edge_weights)
    assert again.fingerprint == items.fingerprint
    part = items[np.arange(N // 2)]
    assert part.edges.shape[1] == len(part.edge_weights) < len(items.edge_weights)


def test_weights_tell_graphs_apart(data):
    plain = data.clone()
    del plain.edge_weight
    assert lnb.load(plain).edge_weights is None
    assert lnb.load(plain).fingerprint != lnb.load(data).fingerprint


def test_a_session_takes_one_and_the_edits_hold(data, tmp_path):
    vectors = np.asarray(data.x)
    with lnb.Session(lnb.load(vectors), path=tmp_path / "graph.lnb") as s:
        s.graph.use(data)
        a, b = (int(end) for end in data.edge_index[:, 0])
        assert s.graph.matrix[a, b] > 0
        s.graph.cut(a, b)
        assert s.graph.matrix[a, b] == 0
        s.undo()
        assert s.graph.matrix[a, b] > 0


def test_methods_take_one_from_a_script(data, weights):
    known = np.where(data.train_mask, data.y, -1)
    direct, by_hand = (label_spreading(graph, known) for graph in (data, user_graph(data, _names())))
    np.testing.assert_array_equal(direct.probabilities, by_hand.probabilities)
    truth = [("first", "second")[int(k)] for k in data.y]
    annotator = lambda positions: [truth[i] for i in positions]
    for network in ("gcn", "sage", "appnp"):
        ours = llm_gnn(data, data.x, ["first", "second"], annotator, budget=10, network=network, epochs=20)
        same = llm_gnn(user_graph(data, _names()), data.x, ["first", "second"], annotator, budget=10, network=network, epochs=20)
        np.testing.assert_array_equal(ours.probabilities, same.probabilities)
    made = tape(data, data.x, known, ["first", "second"], annotator, epochs=60)
    assert (made.predictions == data.y.numpy()).mean() > 0.9


@pytest.mark.parametrize(("change", "said"), [
    (lambda d: setattr(d, "edge_weight", -d.edge_weight), "expected similarities of 0 or more"),
    (lambda d: setattr(d, "train_mask", torch.ones((N, 10), dtype=torch.bool)), "of several splits hand in one"),
    (lambda d: setattr(d, "y", torch.zeros((N, 4))), "expected .N,.: one class a node"),
    (lambda d: delattr(d, "y"), "no such tensor"),
])
def test_what_cannot_be_read_is_refused_by_name(data, change, said):
    change(data)
    with pytest.raises(ItemError, match=said):
        lnb.load(data, label="y")


def test_graphs_of_several_kinds_are_refused():
    with pytest.raises(ItemError, match="to_homogeneous"):
        lnb.load(HeteroData())


@pytest.mark.parametrize("kind", ["gcn", "sage", "appnp"])
def test_networks_give_what_the_layers_of_pytorch_geometric_give(data, weights, kind):
    """The same weights in its GCNConv, SAGEConv and APPNP, in float64: an implementation that shares no line with ours."""
    net = GraphNet(weights, data.x, 3, kind=kind, hidden=4, dtype=torch.float64, seed=3).eval()
    with torch.no_grad():
        net.first_bias.copy_(torch.linspace(-1, 1, 4)), net.second_bias.copy_(torch.linspace(0, 1, 3))
        theirs = _layers(net, kind, data)
        ours = net.scores()
    assert float(ours.std()) > 0.01
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-10)


def test_gradients_are_those_of_pytorch_geometric(data, weights):
    net = GraphNet(weights, data.x, 2, kind="gcn", hidden=4, dtype=torch.float64, seed=1).eval()
    first, second = _convolution(net.first[0], net.first_bias), _convolution(net.second[0], net.second_bias)
    edges, weight, x = data.edge_index, data.edge_weight.double(), data.x.double()
    theirs = torch.nn.functional.cross_entropy(second(first(x, edges, weight).relu(), edges, weight), data.y)
    ours = torch.nn.functional.cross_entropy(net.scores(), data.y)
    got = torch.autograd.grad(ours, [net.first[0], net.first_bias, net.second[0], net.second_bias])
    expected = torch.autograd.grad(theirs, [first.lin.weight, first.bias, second.lin.weight, second.bias])
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), (other.T if other.ndim == 2 else other).numpy(), atol=1e-10)


def _names() -> list[str]:
    return [str(i) for i in range(N)]


def _layers(net: GraphNet, kind: str, data: Data) -> torch.Tensor:
    edges, weight, x = data.edge_index, data.edge_weight.double(), data.x.double()
    if kind == "gcn":
        hidden = _convolution(net.first[0], net.first_bias)(x, edges, weight).relu()
        return _convolution(net.second[0], net.second_bias)(hidden, edges, weight)
    if kind == "appnp":
        start = (x @ net.first[0] + net.first_bias).relu() @ net.second[0] + net.second_bias
        return torch_geometric.nn.APPNP(10, 0.1)(start, edges, weight)
    # Its SAGEConv knows no weights: the weighted mean is told by a row-normalised adjacency, summed.
    degree = torch.zeros(N, dtype=torch.float64).index_add_(0, edges[1], weight)
    share = torch.sparse_coo_tensor(edges.flip(0), weight / degree[edges[1]], (N, N)).to_sparse_csr()
    hidden = _sage(net.first, net.first_bias)(x, share).relu()
    return _sage(net.second, net.second_bias)(hidden, share)


def _convolution(weight: torch.Tensor, bias: torch.Tensor) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        made = torch_geometric.nn.GCNConv(*weight.shape).double()
    made.lin.weight.data, made.bias.data = weight.detach().T.clone(), bias.detach().clone()
    return made


def _sage(weights: torch.nn.ParameterList, bias: torch.Tensor) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        made = torch_geometric.nn.SAGEConv(*weights[0].shape, aggr="sum").double()
    made.lin_r.weight.data, made.lin_l.weight.data, made.lin_l.bias.data = (
        part.detach().clone() for part in (weights[0].T, weights[1].T, bias)
    )
    return made


def test_attention_is_that_of_the_equations(data, weights):
    """GAT written out as loops from the paper's equations 1-6, one head after the other."""
    net = AttentionNet(weights, data.x, 3, hidden=8, dtype=torch.float64, seed=2).eval()
    adjacency = weights.toarray() > 0
    hidden = np.concatenate([_attended(net.one, data.x.double().numpy(), adjacency, head) for head in range(8)], axis=1)
    hidden = hidden + net.one.bias.detach().numpy()
    hidden = np.where(hidden > 0, hidden, np.expm1(hidden))
    expected = _attended(net.two, hidden, adjacency, 0) + net.two.bias.detach().numpy()
    np.testing.assert_allclose(net.scores().detach().numpy(), expected, atol=1e-10)


def _attended(layer: torch.nn.Module, x: np.ndarray, adjacency: np.ndarray, head: int) -> np.ndarray:
    source, target = (part.detach().numpy()[0, head] for part in (layer.att_src, layer.att_dst))
    width = len(source)
    made = x @ layer.lin.weight.detach().numpy().T[:, head * width: (head + 1) * width]
    out = np.zeros_like(made)
    for i in range(len(x)):
        near = [*np.flatnonzero(adjacency[i]).tolist(), i]
        energy = np.array([made[i] @ target + made[j] @ source for j in near])
        share = np.exp(np.where(energy > 0, energy, 0.2 * energy))
        out[i] = (share / share.sum()) @ made[near]
    return out


def test_attention_learns_repeats_itself_and_leaves_the_global_generator_alone(data, weights):
    known = np.where(data.train_mask, data.y, -1)
    before = torch.random.get_rng_state()
    fit = graph_net(weights, data.x, known, kind="gat", hidden=16, epochs=60, lr=0.02)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (fit.probabilities.argmax(1).numpy() == data.y.numpy())[:-1].mean() > 0.9
    again = graph_net(weights, scipy.sparse.csr_array(data.x.numpy()), known, kind="gat", hidden=16, epochs=60, lr=0.02)
    np.testing.assert_allclose(again.probabilities.numpy(), fit.probabilities.numpy(), atol=1e-5)
    annotator = lambda positions: [("first", "second")[int(data.y[i])] for i in positions]
    made = tape(data, data.x, known, ["first", "second"], annotator, network="gat", hidden=16, epochs=60)
    assert (made.predictions == data.y.numpy()).mean() > 0.9


def test_without_the_package_attention_is_refused_before_anything_is_paid(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    asked: list[int] = []
    with pytest.raises(ImportError, match=r"pip install 'labelnb\[graphs\]'"):
        llm_gnn(data, data.x, ["first", "second"], lambda positions: asked.extend(positions) or ["first"] * len(positions), network="gat")
    assert asked == []
