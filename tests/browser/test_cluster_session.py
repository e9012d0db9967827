"""Clusters that become labels, in a real JupyterLab: discover, name, split, merge, accept, take back; then the kernel is restarted."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import is_blank
from tests.browser.test_notebook import labels_on_disk, mean_light

pytestmark = pytest.mark.browser

SESSION = '''
import numpy as np
import labelnb as lnb

rng = np.random.default_rng(0)
words = [f"{{kind}} {{i}}" for i in range(40) for kind in ("apple", "lorry", "hammer")]
vectors = np.tile(np.eye(3, 8), (40, 1)) + 0.2 * rng.normal(size=(120, 8))
s = lnb.Session(words, classes=["fruit", "vehicle", "tool"], path={path!r})
s.embed(vectors)
'''
CLUSTERS = 'board = s.clustering.sela(n_clusters=3).widget(sort="number")\nboard'
STATE = "print(sorted(board.names.items()), board.counts['clusters'], s.labels.n_known, s.classes.version)"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "words.lnb"


def press(notebook, *keys: str) -> None:
    for key in keys:
        notebook.page.keyboard.press(key)


def focus(notebook, cluster: int) -> None:
    card = notebook.output(1).locator(f'.lnb-cluster[data-cluster="{cluster}"]')
    card.wait_for()
    card.focus()


def test_discover_name_split_merge_accept_undo_and_a_restart(lab, kept):
    with lab.notebook("cluster-session", [SESSION.format(path=str(kept)), CLUSTERS], height=1300) as notebook:
        notebook.run_all()
        view = notebook.output(1)
        view.locator(".lnb-cluster-chip").first.wait_for()
        sizes = notebook.python("print([len(board.members(c)) for c in range(3)])")
        words = notebook.python("print([board.proposals(c)[0].name for c in range(3)])")

        # Name the first by what its texts say, and accept it.
        focus(notebook, 0)
        press(notebook, "p")
        notebook.wait_python("print(board.names.get(0) == board.proposals(0)[0].name)", "True")
        press(notebook, "Enter")
        notebook.wait_python("print(s.labels.n_known == len(board.members(0)))", "True")
        assert notebook.python("print(s.classes.names[-1] == board.names[0], s.classes.version)") == "True 2"
        assert labels_on_disk(kept).count(3) == int(notebook.python("print(len(board.members(0)))"))

        # Split the second up into as many parts as there are, choose them all, and merge them again.
        focus(notebook, 1)
        press(notebook, "k")
        notebook.wait_python("print(board.counts['clusters'] > 3)", "True")
        parts = notebook.python("print(' '.join(str(c) for c in range(3, board._state.groups.count)))").split()
        for cluster in ("1", *parts):
            focus(notebook, int(cluster))
            press(notebook, " ")
        press(notebook, "m")
        notebook.wait_python("print([len(board.members(c)) for c in range(3)])", sizes)

        # Name it by typing, press the two wrong ones, accept the rest.
        focus(notebook, 1)
        press(notebook, "n")
        notebook.page.keyboard.type("Räder & <b>mehr</b>")
        press(notebook, "Tab")
        notebook.wait_python("print(board.names.get(1))", "Räder & <b>mehr</b>")
        thumbs = view.locator('.lnb-cluster[data-cluster="1"] .lnb-thumb')
        thumbs.nth(0).click()
        thumbs.nth(7).click()
        size = int(notebook.python("print(len(board.members(1)))"))
        press(notebook, "Enter")
        notebook.wait_python("print(int((s.labels.values == 4).sum()))", str(size - 2))
        assert notebook.python("print(sum(str(s.labels.label(i)) == 'not Räder & <b>mehr</b>' for i in range(120)))") == "2"
        assert view.locator("b").count() == 0
        done = notebook.python(STATE)

        # Take the last three steps back, and bring them again.
        focus(notebook, 2)
        press(notebook, "u")
        notebook.wait_python("print(int(s.labels.known.sum()) == len(board.members(0)), len(s.classes))", "True 4")
        press(notebook, "u", "u")
        notebook.wait_python("print(1 in board.names, board.counts['clusters'] > 3)", "False True")
        press(notebook, "r", "r", "r")
        notebook.wait_python(STATE, done)
        before = labels_on_disk(kept)
        picture = notebook.screenshot("cluster-session-light.png", view)
        assert not is_blank(picture)
        assert mean_light(picture) > 160
        notebook.set_theme("dark")
        notebook.picture_where(lambda picture: mean_light(picture) < 110, "cluster-session-dark.png", view)
        notebook.set_theme("light")

        # The kernel is gone; running the cells again gives the board back.
        notebook.restart()
        notebook.run_all()
        notebook.wait_python(STATE, done)
        assert notebook.python("print([board.proposals(c)[0].name for c in range(3)][2])") in words
        assert labels_on_disk(kept) == before
        view = notebook.output(1)
        view.locator('.lnb-cluster[data-cluster="1"] input.lnb-cluster-name').wait_for()
        assert view.locator('.lnb-cluster[data-cluster="1"] input.lnb-cluster-name').input_value() == "Räder & <b>mehr</b>"
        focus(notebook, 1)
        press(notebook, "u")
        notebook.wait_python("print(int(s.labels.known.sum()) == len(board.members(0)))", "True")
        assert notebook.errors == []


def test_names_stay_when_the_items_are_clustered_anew(lab, kept):
    with lab.notebook("cluster-again", [SESSION.format(path=str(kept)), CLUSTERS], height=1300) as notebook:
        notebook.run_all()
        notebook.python("[board.name(c, f'name {c}') for c in range(3)]")
        notebook.python("other = s.clustering.sela(n_clusters=4, seed=3)")
        told = notebook.python(
            "from labelnb.widgets import ClusterBoard\nagain = ClusterBoard(s, other)\n"
            "print(all(overlap >= .5 for _, overlap in again.kept_names.values()), len(again.kept_names) > 0,"
            " all(len(np.intersect1d(again.members(c), board.members(int(name[-1])))) >= len(again.members(c)) / 2"
            " for c, (name, _) in again.kept_names.items()))"
        )
        assert told == "True True True"
        assert notebook.errors == []
