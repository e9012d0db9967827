"""The ClusterBoard and the PropagationGraph in a real JupyterLab: what is done by key there is in the journal, and is there again."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.test_notebook import SESSION, labels_on_disk

pytestmark = pytest.mark.browser

CLUSTERS = "board = s.clustering.sela(n_clusters=3).widget()\nboard"
GRAPH = "graph = s.propagation.zlap(k=5).widget()\ngraph"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "words.lnb"


def test_a_cluster_accepted_by_key_is_in_the_journal_and_there_again(lab, kept):
    with lab.notebook("clusters", [SESSION.format(path=str(kept)), CLUSTERS]) as notebook:
        notebook.run_all()
        card = notebook.output(1).locator(".lnb-cluster").first
        card.wait_for()
        card.focus()
        notebook.page.keyboard.press("2")
        notebook.page.keyboard.press("Enter")
        notebook.page.wait_for_function("document.querySelector('.lnb-cluster').dataset.standing === 'kept'")
        size = int(notebook.python("print(len(board.members(int(board._arranged[0]))))"))
        assert labels_on_disk(kept).count(1) == size
        assert notebook.python("print(s.labels.by_person.any())") == "False", "a cluster is accepted in bulk, not item by item"
        notebook.run_cell(1)
        notebook.page.wait_for_function("document.querySelectorAll('.lnb-cluster[data-standing=kept]').length === 1")
        notebook.output(1).locator(".lnb-cluster").first.focus()
        notebook.page.keyboard.press("u")
        notebook.wait_python("print(s.labels.n_known)", "0")
        assert labels_on_disk(kept).count(-1) == 120
        assert notebook.errors == []


def test_from_neighbour_to_neighbour_and_a_label_by_key(lab, kept):
    with lab.notebook("graph", [SESSION.format(path=str(kept)), GRAPH]) as notebook:
        notebook.run_all()
        near = notebook.output(1).locator('.lnb-node[data-ring="1"][data-kind="item"]').first
        near.wait_for()
        first = int(notebook.python("print(graph.item)"))
        near.focus()
        notebook.page.keyboard.press("Enter")
        notebook.wait_python(f"print(graph.item != {first})", "True")
        item = int(notebook.python("print(graph.item)"))
        notebook.page.wait_for_function("document.activeElement.dataset.ring === '0'")
        notebook.page.keyboard.press("3")
        notebook.wait_python(f"print(s.labels.values[{item}])", "2")
        assert labels_on_disk(kept)[item] == 2
        notebook.page.keyboard.press("Escape")
        notebook.wait_python("print(graph.item)", str(first))
        notebook.python(f"graph.focus({item})")
        notebook.page.wait_for_function("document.querySelector('.lnb-why-label').dataset.standing === 'kept'")
        assert notebook.errors == []
