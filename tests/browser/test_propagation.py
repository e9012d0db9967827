"""A graph questioned and edited in a real JupyterLab: from a key press to the journal on disk, and back."""
from __future__ import annotations

from pathlib import Path

import pytest

import labelnb as lnb
from tests.browser.chromium import is_blank

pytestmark = pytest.mark.browser

SESSION = '''
import numpy as np
import labelnb as lnb

rng = np.random.default_rng(1)
kinds = ("apple", "lorry", "hammer")
words = [f"{{kind}} {{i}}" for i in range(30) for kind in kinds]
vectors = np.tile(np.eye(3, 8), (30, 1)) + 0.45 * rng.normal(size=(90, 8))
s = lnb.Session(words, classes=["fruit", "vehicle", "tool"], path={path!r})
s.embed(vectors, class_embeddings=np.eye(3, 8))
s.label(np.arange(6), [s.classes.names[i % 3] for i in range(6)])
p = s.propagation.label_spreading(alpha=0.9)
'''


def edits_on_disk(path: Path) -> list[str]:
    """What another process reads from the journal at this moment."""
    with lnb.Session.open(path) as session:
        return [str(edit) for edit in session.graph.edits]


def test_cut_preview_commit_and_undo_reach_the_journal(lab, tmp_path: Path) -> None:
    path = tmp_path / "words.lnb"
    with lab.notebook("what_if", [SESSION.format(path=str(path)), "graph = p.widget(item=20)\ngraph"], height=1400) as notebook:
        notebook.run_all()
        shown = notebook.output(1)
        shown.locator('.lnb-node[data-ring="1"][data-kind="item"]').first.focus()
        events = int(notebook.python("print(len(s.history()))"))
        notebook.page.keyboard.press("-")
        shown.locator(".lnb-tried-summary", has_text="would change class").wait_for()
        a, b = notebook.python("print(*graph.pending['cut'][0])").split()
        assert a == "20"
        assert notebook.python("print(len(s.history()))") == str(events), "a preview is written nowhere"
        assert edits_on_disk(path) == []
        notebook.screenshot("propagation-what-if-light.png", shown)
        assert not is_blank(notebook.screenshot("propagation-map.png", shown.locator(".lnb-map")))
        notebook.page.keyboard.press("Shift+K")
        notebook.wait_python("print(len(s.graph.edits))", "1")
        names = notebook.python(f"print(s.items.ids[{a}], s.items.ids[{b}])").split()
        assert edits_on_disk(path) == [f"cut {names[0]} and {names[1]}"]
        kind = notebook.python("print(s.history()[-1].kind, s.history()[-1].n_items)")
        assert kind == "graph 2"
        assert notebook.python(f"print(float(graph.result.evidence['graph'][{a}, {b}]))") == "0.0"
        shown.locator('.lnb-node[data-ring="0"]').focus()
        notebook.page.keyboard.press("u")
        notebook.wait_python("print(len(s.graph.edits))", "0")
        assert edits_on_disk(path) == []
        notebook.page.keyboard.press("r")
        notebook.wait_python("print(len(s.graph.edits))", "1")
        notebook.restart()
        again = f"import labelnb as lnb; s = lnb.Session.open({str(path)!r}); print(len(s.graph.edits))"
        assert notebook.python(again, timeout=90) == "1", "the edit is there after the kernel is gone"
        assert notebook.errors == []


def test_the_rounds_play_in_the_dark(lab, tmp_path: Path) -> None:
    path = tmp_path / "words.lnb"
    with lab.notebook("rounds", [SESSION.format(path=str(path)), "graph = p.widget(item=20)\ngraph"], height=1400) as notebook:
        notebook.set_theme("dark")
        notebook.run_all()
        shown = notebook.output(1)
        shown.locator('.lnb-node[data-ring="0"]').focus()
        before = [cell["source"] for cell in notebook.cells()]
        for _ in range(3):
            notebook.page.keyboard.press(".")
        shown.locator(".lnb-play-text", has_text="Round").wait_for()
        notebook.page.keyboard.press("Shift+P")
        shown.locator(".lnb-play-text", has_text="Round 4").wait_for()
        notebook.page.keyboard.press("Shift+P")
        notebook.picture_where(lambda picture: not is_blank(picture), "propagation-rounds-dark.png", shown)
        assert [cell["source"] for cell in notebook.cells()] == before, "keys stay inside"
        assert notebook.errors == []
