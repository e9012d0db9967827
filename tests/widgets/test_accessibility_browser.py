"""axe-core finds nothing serious in any widget, light or dark, and in the states that a person meets."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelnb.results import Clusters
from labelnb.widgets import ClusterBoard, Explorer, ReviewGrid, Triage, VoteMatrix
from tests.widgets.fake_host import FakeHost
from tests.widgets.test_propagation_graph import a_graph
from tests.widgets.test_review_checks import a_checked_grid
from tests.widgets.test_review_grid import a_proposal
from tests.widgets.test_triage import a_ranking
from tests.widgets.test_vote_matrix import some_votes

AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
    const found = await axe.run('.lnb', { resultTypes: ['violations'] });
    const said = (node) => node.html + ' | ' + node.failureSummary;
    return found.violations.map((one) => ({ id: one.id, impact: one.impact, nodes: one.nodes.map(said) }));
}"""


def a_review() -> Any:
    _, grid = a_checked_grid(page_size=24)
    grid.set(int(grid.positions[0]), "boat")
    return grid


def texts() -> Any:
    host = FakeHost(24, "text", texts=[f"A text of some length, number {i}, that says something." for i in range(24)])
    return ReviewGrid(host, a_proposal(host), page_size=12)


def nothing() -> Any:
    return ReviewGrid(FakeHost(5), only=[])


def a_triage() -> Any:
    host = FakeHost(30)
    host.decide(list(range(30)), "apple")
    return Triage(host, a_ranking(host))


def a_matrix() -> Any:
    host = FakeHost(200)
    matrix = VoteMatrix(host, some_votes(host, 5))
    matrix.set(0, "drum")
    return matrix


def a_board() -> Any:
    host = FakeHost(60)
    return ClusterBoard(host, Clusters(host.items.truth.copy()))


def an_explorer() -> Any:
    host = FakeHost(600)
    host.decide(list(range(50)), "boat")
    explorer = Explorer(host, host.xy, proposal=a_proposal(host))
    explorer.select(range(30))
    return explorer


WIDGETS: dict[str, Callable[[], Any]] = {
    "review": a_review, "review of texts": texts, "empty review": nothing, "triage": a_triage, "votes": a_matrix, "clusters": a_board,
    "explorer": an_explorer, "propagation": lambda: a_graph()[1],
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", WIDGETS)
def test_nothing_serious(mount: Any, name: str, theme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `npm ci` in widgets/")
    shown = mount(WIDGETS[name](), theme=theme)
    shown.page.locator(".lnb-frame").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.settle()
    shown.page.add_script_tag(content=AXE.read_text(encoding="utf8"))
    found = shown.page.evaluate(RUN)
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert serious == [], "\n".join(f"{one['id']}: {one['nodes'][:3]}" for one in serious)
    assert np.all([one["impact"] in ("minor", "moderate") for one in found])
