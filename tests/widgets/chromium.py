"""Widgets in plain Chromium, without a kernel: the built bundle on a page, a model like anywidget's, and the real Python half.

    def test_something(mount):
        host = FakeHost()
        shown = mount(Explorer(host, host.xy))          # renders the widget; returns a Mounted
        shown.page.locator(".lnb-class").first.click()  # Playwright's page
        shown.settle()                                  # until nothing is on the way between page and Python
        assert shown.errors == []                       # what the page logged as errors

`mount(widget, theme="dark", width=400)`; `mount(widget, busy=True)` is a kernel that answers nothing;
`shown.screenshot(path)`; `shown.unmount()` runs the widget's clean up;
`shown.again()` renders a second view of the same model. `shown.model_listeners()` counts what the widget still listens to.
"""
from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import patient

ORIGIN = "http://widget.test"
THEMES = {
    "light": {"layout-color0": "#fff", "layout-color1": "#fff", "layout-color2": "#eee", "ui-font-color0": "rgba(0,0,0,1)"},
    "dark": {"layout-color0": "#111", "layout-color1": "#212121", "layout-color2": "#424242", "ui-font-color0": "rgba(255,255,255,1)"},
}
"""JupyterLab's own values."""

HARNESS = (Path(__file__).parent / "harness.js").read_text(encoding="utf8")


class Mounted:
    """A widget on a page."""

    def __init__(self, page: Any, widget: Any, theme: str, width: int, busy: bool = False) -> None:
        self.page, self.widget = page, widget
        self.errors: list[str] = []
        self._out: list[dict[str, Any]] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        widget.send = self._send
        ours = [name for name in widget.keys if not name.startswith("_") and name not in ("layout", "tabbable", "tooltip")]
        widget.observe(self._trait_changed, names=ours)
        page.expose_function("toPython", self._from_page)
        traits = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
        files = {
            "/": (self._html(traits, theme, width), "text/html"), "/bundle.js": (widget._esm, "text/javascript"),
            "/harness.js": (HARNESS, "text/javascript"),
        }
        page.route(f"{ORIGIN}/**", lambda route: self._serve(route, files))
        patient(page)
        if busy:
            page.add_init_script("window.frames_dropped = true")
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{ORIGIN}/")
        page.wait_for_function("window.ready === true")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is on the way, and two frames more."""
        self.flush()
        self.page.wait_for_function("window.pending === 0")
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 20))))")
        self.page.wait_for_function("window.pending === 0")
        self.flush()

    def flush(self) -> None:
        """Hand what Python has sent to the page."""
        if self._out:
            messages, self._out = self._out, []
            self.page.evaluate("(messages) => deliver(messages)", messages)

    def screenshot(self, path: str | Path) -> None:
        """A picture of the whole widget."""
        self.settle()
        self.page.locator("#view").screenshot(path=str(path))

    def unmount(self) -> None:
        """What anywidget does when the output goes."""
        self.page.evaluate("() => { for (const stop of views.splice(0)) stop?.(); }")
        self.settle()

    def again(self) -> None:
        """A second view of the same model, below the first."""
        made = "const el = document.createElement('div'); el.id = 'second'; document.body.append(el);"
        self.page.evaluate(f"async () => {{ {made} await renderView(el); }}")
        self.settle()

    def model_listeners(self) -> int:
        """Callbacks that the widget has on its model."""
        return int(self.page.evaluate("modelListeners()"))

    def _html(self, traits: dict[str, Any], theme: str, width: int) -> str:
        variables = ";".join(f"--jp-{name}:{value}" for name, value in THEMES[theme].items())
        data = json.dumps(_plain(traits)).replace("<", "\\u003c")
        light = "true" if theme == "light" else "false"
        return (
            f"<!doctype html><meta charset=utf-8><style>body{{margin:0;background:var(--jp-layout-color0);{variables}}}</style>"
            f"<body data-jp-theme-light={light}><div id=view style='max-width:{width}px'></div>"
            f"<script id=traits type=application/json>{data}</script><script type=module src=/harness.js></script>"
        )

    def _serve(self, route: Any, files: dict[str, tuple[str, str]]) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path in files:
            body, kind = files[path]
            route.fulfill(body=body, content_type=f"{kind}; charset=utf-8")
        else:
            route.fulfill(status=204)

    def _from_page(self, content: str, buffers: list[str]) -> list[dict[str, Any]]:
        message = json.loads(content)
        if "traits" in message:
            self.widget.set_state(message["traits"])
        else:
            self.widget._handle_custom_msg(message, [memoryview(base64.b64decode(text)) for text in buffers])
        messages, self._out = self._out, []
        return messages

    def _send(self, content: dict[str, Any], buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self._out.append({"content": content, "buffers": [base64.b64encode(bytes(part)).decode() for part in buffers or ()]})

    def _trait_changed(self, change: dict[str, Any]) -> None:
        self._out.append({"trait": change["name"], "value": _plain(change["new"])})


def _plain(value: Any) -> Any:
    """A trait's value as JSON; bytes, which anywidget gives to the page as a DataView, are marked."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.fixture
def mount(chromium: Any) -> Iterator[Any]:
    """`mount(widget, theme="light", width=1000)` gives a Mounted; closed after the test."""
    contexts = []

    def mounted(widget: Any, theme: str = "light", width: int = 1000, busy: bool = False, **context: Any) -> Mounted:
        contexts.append(chromium.new_context(**context))
        return Mounted(contexts[-1].new_page(), widget, theme, width, busy)

    yield mounted
    for context in contexts:
        context.close()
