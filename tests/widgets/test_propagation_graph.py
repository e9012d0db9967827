"""The Python half of the PropagationGraph: what is drawn of an item, where its label comes from, what is decided."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse

from labelnb.results import Proposal
from labelnb.widgets.ego_graph import ego_graph
from labelnb.widgets.propagation_graph import PropagationGraph
from tests.widgets.fake_host import NAMES, FakeHost


def a_proposal(host: FakeHost, seeds: int = 8) -> Proposal:
    """zlap over made vectors, with some labels as further seeds."""
    from labelnb.methods.propagation import zlap

    rng = np.random.default_rng(0)
    centres = np.eye(len(NAMES), 12, dtype=np.float32)
    vectors = (centres[host.items.truth] + .5 * rng.standard_normal((len(host.items), 12))).astype(np.float32)
    labels = np.full(len(vectors), -1)
    chosen = rng.choice(len(vectors), seeds, replace=False)
    labels[chosen] = host.items.truth[chosen]
    return dataclasses.replace(zlap(vectors, centres, k=5, alpha=.5, labels=labels, safe=False), classes=NAMES)


def a_graph(n: int = 60, **options: object) -> tuple[FakeHost, PropagationGraph]:
    host = FakeHost(n)
    return host, PropagationGraph(host, a_proposal(host), **options)


def ask(graph: PropagationGraph, kind: str, **message: object) -> dict:
    sent: list[dict] = []
    graph.send = lambda content, buffers=None: sent.append(content)
    graph._route({"id": "1", "kind": kind, **message}, [])
    answer = next(answer for answer in sent if answer.get("id") == "1")
    assert answer["ok"], answer
    return answer


# The part of the graph


def small_graph() -> scipy.sparse.csr_array:
    """Two classes 0, 1 and items 0 ... 4 as nodes 2 ... 6."""
    edges = {(0, 2): .9, (2, 3): .5, (3, 4): .4, (3, 5): .8, (1, 5): .7, (5, 6): .1}
    dense = np.zeros((7, 7))
    for (a, b), weight in edges.items():
        dense[a, b] = dense[b, a] = weight
    return scipy.sparse.csr_array(dense)


def test_the_ego_graph_holds_the_item_its_strongest_neighbours_and_the_paths() -> None:
    paths = [{"nodes": [-1, 0, 1], "weight": .1}]
    drawn = ego_graph(small_graph(), 1, 2, paths=paths, neighbours=2)
    assert {node["node"]: node["ring"] for node in drawn["nodes"]} == {1: 0, 3: 1, 0: 1, -1: 2}
    assert drawn["degree"] == 3
    edges = {frozenset((edge["from"], edge["to"])): (edge["weight"], edge["path"]) for edge in drawn["edges"]}
    assert edges == {frozenset((1, 3)): (.8, None), frozenset((1, 0)): (.5, 0), frozenset((-1, 0)): (.9, 0)}


def test_the_ego_graph_keeps_to_its_size_and_leaves_out_a_path_that_does_not_fit_whole() -> None:
    paths = [{"nodes": [-2, 3, 1], "weight": 1}, {"nodes": [-1, 0, 1], "weight": 1}]
    drawn = ego_graph(small_graph(), 1, 2, paths=paths, neighbours=1, most=3)
    assert [node["node"] for node in drawn["nodes"]] == [1, 3, -2]
    assert len(ego_graph(small_graph(), 1, 2, sources=[-1, -2, 4], neighbours=3, most=5)["nodes"]) == 5


def test_an_item_without_edges_stands_alone() -> None:
    graph = scipy.sparse.csr_array((4, 4))
    assert ego_graph(graph, 1, 2) == {"nodes": [{"node": 1, "ring": 0}], "edges": [], "degree": 0}


# The widget


def test_it_begins_with_the_item_of_which_the_method_is_least_sure() -> None:
    _, graph = a_graph()
    sure = np.where(graph.result.predictions >= 0, graph.result.confidence, np.inf)
    assert graph.item == int(sure.argmin())
    assert a_graph(item="item-00007")[1].item == 7


def test_what_is_drawn_names_shares_that_are_the_whole() -> None:
    _, graph = a_graph()
    graph.focus(3)
    drawn = ask(graph, "ego")
    assert drawn["name"] == "item-00003"
    assert drawn["label"] == NAMES[graph.result.predictions[3]]
    assert sum(share for _, share in drawn["totals"]) == pytest.approx(1, abs=1e-3)
    assert drawn["rows"][0]["share"] == max(row["share"] for row in drawn["rows"])
    assert drawn["nodes"][0]["node"] == 3
    assert {edge["path"] for edge in drawn["edges"]} & {0}
    for path in drawn["paths"]:
        assert path["nodes"][-1] == 3
    seeds = {node["node"] for node in drawn["nodes"] if node.get("seed")}
    k = len(NAMES)
    assert seeds <= {int(row) - k for row in graph.result.evidence["node_seeds"].nonzero()[0] if row >= k}
    contributions = graph.explanation.contributions
    score = np.asarray(graph.result.evidence["scores"])[3]
    for position, name in enumerate(NAMES):
        assert sum(one["contribution"] for one in contributions if one["class"] == name) == pytest.approx(score[position], abs=1e-4)


def test_looking_elsewhere_and_back() -> None:
    _, graph = a_graph(item=5)
    assert not graph.back()
    graph.focus("item-00010")
    graph.item = 12
    assert graph.back()
    assert graph.item == 10
    assert graph.back()
    assert graph.item == 5
    assert not graph.back()
    with pytest.raises(IndexError, match="expected a position from 0 to 59"):
        graph.item = 60


def test_deciding_the_item_in_view() -> None:
    host, graph = a_graph(item=5)
    graph.accept()
    assert host.labels.values[5] == graph.result.predictions[5]
    assert host.log[-1][2]["proposal"] is graph.result
    graph.set("drum", item=6)
    assert host.labels.values[6] == NAMES.index("drum")
    assert host.log[-1][2]["proposal"] is None
    assert ask(graph, "standing", positions=[5, 6, 7])["items"][1]["label"]["classes"] == ["drum"]
    assert ask(graph, "take_back", uid="1")["n"] == 1
    assert not host.labels.known[6]


def test_nothing_proposed_cannot_be_accepted() -> None:
    host = FakeHost(4)
    graph = PropagationGraph(host, Proposal(np.zeros((4, 2), np.float32), classes=("apple", "boat")))
    with pytest.raises(ValueError, match="nothing is proposed for item-00000"):
        graph.accept()
    drawn = ask(graph, "ego")
    assert drawn["rows"] == []
    assert drawn["label"] is None


def test_a_proposal_without_a_graph_shows_its_scores() -> None:
    host = FakeHost(10)
    probabilities = np.full((10, 5), .1, np.float32)
    probabilities[np.arange(10), host.items.truth] = .6
    graph = PropagationGraph(host, Proposal(probabilities, classes=NAMES))
    assert graph.config["has_graph"] is False
    drawn = ask(graph, "focus", item=3)
    assert drawn["edges"] == []
    assert drawn["rows"][0]["class"] == NAMES[host.items.truth[3]]


def test_items_are_found_by_id_and_by_what_the_encoder_finds_near() -> None:
    _, graph = a_graph()
    assert ask(graph, "list", query="00042")["items"][0]["position"] == 42
    found = ask(graph, "list", query="boat")["items"]
    assert {graph.host.items.truth[item["position"]] for item in found[:5]} == {1}
    listed = ask(graph, "list", order="confidence", count=10)
    assert listed["total"] == 60
    sure = [item["confidence"] for item in listed["items"]]
    assert sure == sorted(sure, reverse=True)
    assert ask(graph, "list", order="confidence", start=50, count=40)["items"].__len__() == 10


def test_no_item_at_all() -> None:
    host = FakeHost(0)
    graph = PropagationGraph(host, Proposal(np.zeros((0, 5), np.float32), classes=NAMES))
    assert graph.item == -1
    assert ask(graph, "ego")["nodes"] == []


def test_bad_input_is_named() -> None:
    host = FakeHost(10)
    with pytest.raises(TypeError, match="expected a Proposal"):
        PropagationGraph(host, np.zeros((10, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one over 3 items, expected 10"):
        PropagationGraph(host, Proposal(np.eye(3, dtype=np.float32)))
    with pytest.raises(ValueError, match="neighbours: got 0"):
        PropagationGraph(host, Proposal(np.zeros((10, 5), np.float32), classes=NAMES), neighbours=0)
