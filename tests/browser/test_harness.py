"""The harness itself, on the smallest widget there is: what the tests beside it rely on must hold before they mean anything."""
from __future__ import annotations

import pytest

from tests.browser.chromium import is_blank

pytestmark = pytest.mark.browser

COUNTER = '''
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
        const button = document.createElement("button");
        const show = () => button.textContent = "count " + model.get("value");
        button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
        model.on("change:value", show); show(); el.append(button);
    } };"""
    value = traitlets.Int(0).tag(sync=True)
counter = Counter()
counter
'''


def test_a_click_reaches_the_kernel_and_the_kernel_the_page(lab):
    with lab.notebook("harness", [COUNTER, "print('second cell')"]) as notebook:
        notebook.run_all()
        assert notebook.text(1) == "second cell\n"
        button = notebook.output(0).get_by_role("button")
        button.click()
        button.click()
        notebook.wait_python("print(counter.value)", "2")
        notebook.python("counter.value = 7")
        notebook.page.get_by_text("count 7").wait_for()
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            notebook.python("1 / 0")
        notebook.set_theme("dark")
        assert not is_blank(notebook.screenshot("harness-dark.png"))
        notebook.restart()
        assert notebook.python("print('counter' in globals())") == "False"
        assert notebook.errors == []


def test_a_failing_cell_fails_the_test(lab):
    cell = "raise ValueError('as it should')"
    with lab.notebook("harness-error", [cell]) as notebook, pytest.raises(AssertionError, match="as it should"):
        notebook.run_all()


def test_an_empty_picture_is_blank():
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(buffer, "png")
    assert is_blank(buffer.getvalue())
