"""Words that speak for a class are marked wherever a text is shown: on clusters, nodes and the map's cards as in a review."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelnb.results import Clusters
from labelnb.widgets import ClusterBoard, Explorer, PropagationGraph
from tests.widgets.fake_host import NAMES, FakeHost
from tests.widgets.test_propagation_graph import a_proposal

pytestmark = pytest.mark.browser


def worded(n: int = 40) -> FakeHost:
    return FakeHost(n, "text", texts=[f"the {NAMES[i % len(NAMES)]} in the picture, sample {i}" for i in range(n)])


def wait_for_marks(shown: Any, place: str) -> list[str]:
    """The marked words of a place, once there are some."""
    shown.page.wait_for_selector(f"{place} mark")
    shown.settle()
    return list(shown.page.locator(f"{place} mark").all_inner_texts())


def test_a_cluster_marks_what_is_typical_of_it(mount: Any) -> None:
    host = worded()
    board = ClusterBoard(host, Clusters(host.items.truth.copy()))
    shown = mount(board)
    assert set(wait_for_marks(shown, '.lnb-cluster[data-cluster="1"] .lnb-thumb')) == {"boat"}
    board.merge(1, 2)
    shown.settle()
    assert board.highlights().spans(1, "1") == [(4, 8)]
    assert board.highlights().spans(2, "1") == [(4, 9)], "counted anew: cloud is typical of what was merged"
    assert shown.errors == []


def test_nodes_and_seeds_mark_what_speaks_for_their_class(mount: Any) -> None:
    proposal = a_proposal(FakeHost(60))
    host = FakeHost(60, "text", texts=[f"the {NAMES[k]} in the picture, sample {i}" for i, k in enumerate(proposal.predictions)])
    shown = mount(PropagationGraph(host, proposal), width=1100)
    for place in (".lnb-node", ".lnb-why"):
        words = wait_for_marks(shown, place)
        assert words
        assert set(words) <= set(NAMES)
    assert shown.errors == []


def test_the_maps_cards_mark_what_speaks_for_the_label(mount: Any) -> None:
    host = worded()
    host.decide(np.arange(20), [NAMES[i % len(NAMES)] for i in range(20)])
    explorer = Explorer(host, host.xy)
    explorer.select([0, 1, 30])
    shown = mount(explorer)
    assert wait_for_marks(shown, ".lnb-grid .lnb-card") == ["apple", "boat"], "the third has no label"
    assert shown.errors == []
