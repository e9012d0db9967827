"""The widgets in Notebook 7 and in marimo: a key is in the journal, keys stay inside, the map is drawn."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import is_blank, patient
from tests.browser.other_hosts import running_marimo, running_notebook_7
from tests.browser.test_notebook import SESSION, labels_on_disk

pytestmark = pytest.mark.browser
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"
READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready; await panel.sessionContext.session.kernel.info;
}"""
EXPLORE = "explorer = s.explore(method='pca')\nexplorer"


def keep(page: Any, name: str) -> bytes:
    picture: bytes = page.screenshot()
    pictures = Path(__file__).parents[2] / ".test-output"
    pictures.mkdir(exist_ok=True)
    (pictures / name).write_bytes(picture)
    return picture


def wait_for_label(path: Path, page: Any, label: int) -> None:
    for _ in range(1200):
        if label in labels_on_disk(path):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"no label {label} on disk after two minutes")


def test_in_notebook_7(chromium: Any, tmp_path: Path) -> None:
    pytest.importorskip("notebook", reason="Notebook 7 is not installed: pip install notebook")
    kept = tmp_path / "words.lnb"
    with running_notebook_7(tmp_path / "host", "words", [SESSION.format(path=str(kept)), "grid = s.review(p)\ngrid", EXPLORE]) as address:
        context = chromium.new_context(viewport={"width": 1200, "height": 1400})
        page = context.new_page()
        patient(page)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(getattr(error, "stack", "") or error)))
        page.goto(address)
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel")
        page.evaluate(READY)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.locator(".lnb-map canvas").first.wait_for(state="attached")     # all cells have run: the last one takes the focus
        page.wait_for_function("""() => [...window.jupyterapp.shell.currentWidget.content.widgets]
            .every(cell => cell.model.type !== 'code' || !cell.promptNode?.textContent.includes('*'))""")
        page.locator(".lnb-review-card").first.click()
        page.wait_for_function("document.activeElement?.closest('.lnb') !== null")
        page.keyboard.press("3")
        wait_for_label(kept, page, 2)
        cells = page.evaluate(CELLS)
        for key in ("a", "b", "d", "d"):
            page.keyboard.press(key)
        page.wait_for_timeout(300)
        assert page.evaluate(CELLS) == cells, "a key reached the notebook"
        canvas = page.locator(".lnb-map canvas").first
        canvas.scroll_into_view_if_needed()
        for _ in range(600):
            if not is_blank(canvas.screenshot()):
                break
            page.wait_for_timeout(200)
        assert not is_blank(canvas.screenshot())
        keep(page, "notebook-7.png")
        assert [error for error in errors if "blob:" in error] == [], "widgets are blobs; other errors are the host's own"
        context.close()


def test_in_marimo(chromium: Any, tmp_path: Path) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed: pip install marimo")
    kept = tmp_path / "words.lnb"
    start = SESSION.format(path=str(kept)).strip() + "\ngrid = s.review(p)\nreturn grid, s"
    shown = "import marimo as mo\nmo.ui.anywidget(grid)\nreturn (mo,)"
    cells = [start, shown, "mo.ui.anywidget(s.explore(method='pca'))\nreturn"]
    with running_marimo(tmp_path / "host", cells) as address:
        context = chromium.new_context(viewport={"width": 1200, "height": 1200})
        page = context.new_page()
        patient(page)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(getattr(error, "stack", "") or error)))
        page.goto(address)
        card = page.locator(".lnb-review-card").first
        card.wait_for()
        card.click()
        page.keyboard.press("3")
        wait_for_label(kept, page, 2)
        page.locator(".lnb-map-legend .lnb-chip").first.wait_for()
        page.locator(".lnb-map-tools, .lnb-map-names, .lnb-map-note").evaluate_all("(over) => over.forEach((one) => one.remove())")
        while is_blank(page.locator(".lnb-map-surface").screenshot()):
            page.wait_for_timeout(200)
        assert not is_blank(keep(page, "marimo.png"))
        assert [error for error in errors if "blob:" in error] == []
        context.close()
