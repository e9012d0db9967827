"""What a person does with the widgets in a real JupyterLab, seen from the page, from the kernel and from the journal on disk."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labelnb as lnb
from tests.browser.chromium import is_blank

pytestmark = pytest.mark.browser

SESSION = '''
import numpy as np
import labelnb as lnb

rng = np.random.default_rng(0)
words = [f"{{kind}} {{i}}" for i in range(40) for kind in ("apple", "lorry", "hammer")]
centres = np.eye(3, 8)
vectors = np.tile(centres, (40, 1)) + 0.2 * rng.normal(size=(120, 8))
s = lnb.Session(words, classes=["fruit", "vehicle", "tool"], path={path!r})
s.embed(vectors, class_embeddings=centres)
p = s.zero_shot.clip(temperature=0.2)
'''
REVIEW = "grid = s.review(p)\ngrid"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "words.lnb"


def labels_on_disk(path: Path) -> list[int]:
    """What another process reads from the journal at this moment."""
    with lnb.Session.open(path) as session:
        return session.labels.values.tolist()


def cards(notebook, cell: int = 1):
    return notebook.output(cell).locator(".lnb-review-card")


def test_a_key_press_is_in_the_journal_and_undo_takes_it_back(lab, kept):
    with lab.notebook("review", [SESSION.format(path=str(kept)), REVIEW]) as notebook:
        notebook.run_all()
        first = cards(notebook).first
        first.click()
        position = int(notebook.python("print(int(grid.positions[0]))"))
        notebook.page.keyboard.press("3")
        notebook.wait_python(f"print(s.labels.values[{position}])", "2")
        assert labels_on_disk(kept)[position] == 2
        assert notebook.python(f"print(s.labels.by_person[{position}])") == "True"
        notebook.page.keyboard.press("u")
        notebook.wait_python(f"print(s.labels.values[{position}])", "-1")
        assert labels_on_disk(kept)[position] == -1
        assert notebook.errors == []


def test_keys_stay_inside_the_widget(lab, kept):
    with lab.notebook("keys", [SESSION.format(path=str(kept)), REVIEW, "z = 1"]) as notebook:
        notebook.run_all()
        cards(notebook).first.click()
        before = [cell["source"] for cell in notebook.cells()]
        for key in ("a", "b", "x", "c", "v", "d", "d", "m", "y", "0", "0", "j", "k", "Enter", "Escape", "z", "ArrowDown", "Shift+L"):
            notebook.page.keyboard.press(key)
        notebook.page.wait_for_timeout(300)
        assert [cell["source"] for cell in notebook.cells()] == before
        assert notebook.python("print('s' in globals())") == "True", "0, 0 restarted the kernel"
        assert notebook.page.locator(".jp-Dialog").count() == 0
        assert notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
        cards(notebook).first.click()
        notebook.page.keyboard.press("Control+s")
        notebook.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


def test_reloading_the_page_keeps_the_work(lab, kept):
    with lab.notebook("reload", [SESSION.format(path=str(kept)), REVIEW]) as notebook:
        notebook.run_all()
        notebook.python("s.label([0, 4], ['tool', 'fruit'])")
        notebook.reload()
        assert notebook.python("print(s.labels.n_known)") == "2"
        notebook.run_cell(1)
        cards(notebook).first.click()
        notebook.page.keyboard.press("1")
        notebook.wait_python("print(s.labels.n_known)", "3")
        assert sum(value >= 0 for value in labels_on_disk(kept)) == 3


def test_running_the_cell_again_leaves_one_live_view(lab, kept):
    with lab.notebook("again", [SESSION.format(path=str(kept)), REVIEW]) as notebook:
        notebook.run_all()
        for _ in range(6):
            notebook.run_cell(1)
        cards(notebook).first.wait_for()
        assert notebook.page.locator(".lnb-review-list").count() == 1
        notebook.python("s.label(0, 'tool')")
        cards(notebook).first.click()
        notebook.page.keyboard.press("2")
        notebook.wait_python("print(s.labels.n_known)", "2")
        assert notebook.errors == []


def test_a_restarted_kernel_finds_the_labels(lab, kept):
    with lab.notebook("restart", [SESSION.format(path=str(kept)), REVIEW]) as notebook:
        notebook.run_all()
        cards(notebook).nth(1).click()
        position = int(notebook.python("print(int(grid.positions[1]))"))
        notebook.page.keyboard.press("2")
        notebook.wait_python("print(s.labels.n_known)", "1")
        notebook.restart()
        assert notebook.python("print('s' in globals())") == "False"
        notebook.run_all()
        assert notebook.python("print(s.labels.n_known, s.labels.values.tolist().index(1))") == f"1 {position}"
        cards(notebook).first.wait_for()


CUT = """window.cut = false; window.sockets = []; const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
    constructor(...given) { super(...given); if (window.cut) this.close(); else window.sockets.push(this); }
};"""
CONNECTED = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.connectionStatus === 'connected'"


def test_decisions_made_without_a_connection_are_marked_and_kept_once_it_is_back(lab, kept):
    with lab.notebook("cut", [SESSION.format(path=str(kept)), REVIEW]) as notebook:
        page = notebook.page
        page.add_init_script(CUT)
        notebook.reload()
        notebook.run_all()
        cards(notebook).first.click()
        first, second = (int(one) for one in notebook.python("print(*grid.positions[:2])").split())
        page.evaluate("() => { window.cut = true; for (const one of window.sockets) one.close(); }")
        page.wait_for_function(f"() => !({CONNECTED})()")
        cards(notebook).first.click()
        page.keyboard.press("2")
        page.keyboard.press("3")
        notebook.output(1).locator(".lnb-save[data-state='unsaved']").wait_for()
        assert [cards(notebook).nth(n).get_attribute("data-standing") for n in (0, 1)] == ["unsaved", "unsaved"]
        assert "kept here and sent again" in notebook.output(1).locator(".lnb-save").inner_text()
        assert labels_on_disk(kept) == [-1] * 120
        page.evaluate("() => { window.cut = false; window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect(); }")
        notebook.output(1).locator(".lnb-save[data-state='saved']").wait_for()
        values = labels_on_disk(kept)
        assert (values[first], values[second], sum(value >= 0 for value in values)) == (1, 2, 2)
        with lnb.Session.open(kept) as session:
            assert sum(event.kind == "decision" for event in session.history()) == 2, "sent again, decided once"


def test_a_selection_of_most_of_100_000_points_comes_back_whole(lab, kept):
    many = f'''
import numpy as np
import labelnb as lnb
from labelnb.widgets import Explorer

rng = np.random.default_rng(1)
vectors = rng.normal(size=(100_000, 2)).astype(np.float32)
s = lnb.Session(vectors, classes=["left", "right"], path={str(kept)!r})
explorer = Explorer(s, vectors)
explorer
'''
    with lab.notebook("selection", [many]) as notebook:
        notebook.run_all()
        canvas = notebook.output(0).locator("canvas").first
        canvas.wait_for()
        notebook.picture_where(lambda picture: not is_blank(picture), "explorer-100k.png", notebook.output(0))
        box = canvas.bounding_box()
        corners = [(0.03, 0.97), (0.97, 0.97), (0.97, 0.15), (0.03, 0.15), (0.03, 0.95)]   # clear of the buttons at the top
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        notebook.page.mouse.move(*places[0])
        notebook.page.mouse.down()
        for place in places[1:]:
            notebook.page.mouse.move(*place, steps=8)
        notebook.page.mouse.up()
        notebook.wait_python("print(len(explorer.selection) > 90_000)", "True")
        notebook.python("explorer.label('left')")
        values = np.array(labels_on_disk(kept))
        assert (values == 0).sum() > 90_000
        assert notebook.errors == []


WIDGETS = {
    "explorer": "s.explore(method='pca')",
    "review": "s.review(p)",
    "clusters": "s.clustering.sela(n_clusters=3).widget()",
    "propagation": "s.propagation.zlap(k=5).widget()",
    "triage": "s.accept(p)\ns.label([0, 4, 8], ['tool', 'fruit', 'vehicle'])\ns.noisy.confident_learning().widget()",
    "votes": "found = [p.predictions, s.propagation.zlap(k=5).predictions, np.where(np.arange(120) % 4, -1, np.arange(120) % 3)]\n"
             "s.label(slice(0, 30), [s.classes.names[k % 3] for k in range(30)])\n"
             "lnb.Votes(np.stack(found, axis=1), sources=('names', 'graph', 'a rule'), classes=s.classes.names, session=s).widget()",
    "exception": "s.label(slice(0, 30), [s.classes.names[k % 3] for k in range(30)])\ns.review(p, checks=0.1)",
    "audit": "s.accept(p)\ns.audit(n=40, target=0.9).review()",
}


@pytest.mark.parametrize("name", WIDGETS)
def test_widget_shows_in_the_dark_theme(lab, kept, name):
    with lab.notebook(f"dark-{name}", [SESSION.format(path=str(kept)), WIDGETS[name]], height=1600) as notebook:
        notebook.run_all()
        notebook.set_theme("dark")
        view = notebook.page.locator(".lnb").first
        view.wait_for()
        notebook.picture_where(lambda picture: not is_blank(picture) and mean_light(picture) < 110, f"{name}-dark.png", view)
        notebook.set_theme("light")
        notebook.picture_where(lambda picture: mean_light(picture) > 160, f"{name}-light.png", view)
        assert notebook.errors == []


def test_the_cards_of_a_selection_stand_after_a_change_of_theme(lab, kept):
    cells = [SESSION.format(path=str(kept)), "w = s.explore(method='pca')\nw.select(range(9))\nw"]
    width = "() => document.querySelector('.lnb-grid .lnb-card')?.getBoundingClientRect().width > 100"
    with lab.notebook("theme-cards", cells) as notebook:
        notebook.run_all()
        notebook.page.wait_for_function(width)
        for theme in ("dark", "light"):
            notebook.set_theme(theme)
            shown = f"document.querySelector('.lnb').hasAttribute('data-dark') === {str(theme == 'dark').lower()}"
            notebook.page.wait_for_function(f"() => {shown}")
            notebook.page.wait_for_function(width)
        assert notebook.errors == []


def mean_light(picture: bytes) -> float:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        return float(np.asarray(image.convert("L")).mean())


def test_a_saved_notebook_shows_without_a_kernel(lab, kept):
    from nbconvert import HTMLExporter

    with lab.notebook("saved", [SESSION.format(path=str(kept)), REVIEW, "p"]) as notebook:
        notebook.run_all()
        path = notebook.save()
    page, _ = HTMLExporter().from_filename(str(path))
    assert "application/vnd.jupyter.widget-state+json" not in page, "the saved state would hide the static view"
    assert page.count("<strong>Proposal for 120 items, 3 classes") == 2, "the widget's cell and the result's cell each show it"
    assert page.count('src="data:image/png;base64') == 2
