"""Fifty runs of one cell leave one widget: in the page, in the kernel, and among the listeners and graphics contexts."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_notebook import SESSION

pytestmark = pytest.mark.browser

COUNT = """
window.counted = { listeners: 0, contexts: 0, lost: 0 };
for (const target of [window, document]) {
  const { addEventListener, removeEventListener } = target;
  const ours = new WeakMap();
  target.addEventListener = function (kind, callback, ...rest) {
    const kinds = (typeof callback === 'function' && ours.get(callback)) || new Set();
    if (typeof callback === 'function' && !kinds.has(kind) && new Error().stack.includes('blob:')) {
      ours.set(callback, kinds.add(kind));
      counted.listeners++;
    }
    return addEventListener.call(this, kind, callback, ...rest);
  };
  target.removeEventListener = function (kind, callback, ...rest) {
    if (typeof callback === 'function' && ours.get(callback)?.delete(kind)) counted.listeners--;
    return removeEventListener.call(this, kind, callback, ...rest);
  };
}
const { getContext } = HTMLCanvasElement.prototype;
const seen = new WeakSet();
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  const context = getContext.call(this, kind, ...rest);
  if (context && kind === 'webgl2' && !seen.has(context)) {
    seen.add(context); counted.contexts++;
    this.addEventListener('webglcontextlost', () => counted.lost++);
  }
  return context;
};
null;
"""
ALIVE = """
import gc
from labelnb.widgets import panel
gc.collect()
print(sum(one.comm is not None for one in panel._panels), len(s._listeners))
"""


@pytest.mark.parametrize("what", ["s.explore(method='pca')", "s.review(p)"])
def test_fifty_runs_leave_one_widget(lab: Any, tmp_path: Path, what: str) -> None:
    name = "leaks-map" if "explore" in what else "leaks-review"
    with lab.notebook(name, [SESSION.format(path=str(tmp_path / "words.lnb")), f"w = {what}\nw"]) as notebook:
        notebook.run_all()
        notebook.page.evaluate(COUNT)
        for run in range(50):
            notebook.run_cell(1)
            if "explore" in what and run < 12:             # maps that were drawn, so that there are contexts to give back
                notebook.page.wait_for_function(f"counted.contexts > {run}")
        notebook.page.locator(".lnb-frame").first.wait_for()
        notebook.wait_python(ALIVE, "1 1")                 # a widget without a view waits five seconds for one
        notebook.page.wait_for_function("document.querySelectorAll('.lnb').length === 1")
        notebook.page.wait_for_function("counted.contexts - counted.lost <= 1 && counted.listeners <= 2")
        assert notebook.page.evaluate("counted.contexts") >= (12 if "explore" in what else 0)
        assert notebook.errors == []
