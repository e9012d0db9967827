"""A real JupyterLab on loopback, and one of its notebooks in a browser, for tests of what a person does there."""
from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat

from tests.browser.chromium import patient
from tests.browser.servers import free_port, own_folders, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

__all__ = ["Lab", "NotebookPage", "Server", "running_server"]

OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/completer-extension:manager": {"autoCompletion": False},
}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
READY = f"""async () => {{
    const panel = {NOTEBOOK};
    await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
}}"""


class Server(NamedTuple):
    """A running JupyterLab server."""

    url: str
    """Its address on loopback."""
    folder: Path
    """Where its notebooks live."""


class Lab:
    """A JupyterLab server seen through a browser."""

    def __init__(self, server: Server, browser: Browser, pictures: Path) -> None:
        self.url, self.folder, self.pictures = server.url, server.folder, pictures
        self._browser = browser

    @contextmanager
    def notebook(self, name: str, cells: Sequence[str], *, width: int = 1200, height: int = 900) -> Iterator[NotebookPage]:
        """Write `name`.ipynb with these code cells and open it in the browser. Take a name of its own for every test."""
        path = self.folder / f"{name}.ipynb"
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, path)
        context = self._browser.new_context(viewport={"width": width, "height": height})
        page = NotebookPage(context.new_page(), f"{self.url}/lab/tree/{path.name}?reset", path, self.pictures)
        try:
            page.open()
            yield page
        except BaseException:
            page.screenshot(f"{name}-failed.png")
            raise
        finally:
            page.shut_down()
            context.close()


class NotebookPage:
    """A notebook in JupyterLab, as a person at the screen has it."""

    def __init__(self, page: Any, address: str, path: Path, pictures: Path) -> None:
        self.page, self.address, self.path, self.pictures = page, address, path, pictures
        self.errors: list[str] = []
        """Errors that the page itself reported since it was opened."""
        patient(page)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self) -> None:
        """Load the notebook's address and wait until its kernel answers."""
        self.page.goto(self.address)
        self.page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context?.path === {self.path.name!r}")
        self._await(READY)

    def run_all(self, timeout: float = 240) -> None:
        """Run every cell; an AssertionError with the traceback if one fails."""
        self._await("() => window.jupyterapp.commands.execute('notebook:run-all-cells')", timeout)
        for number, cell in enumerate(self.cells()):
            for output in cell.get("outputs", ()):
                trace = COLOURS.sub("", "\n".join(output.get("traceback", ())))
                said = f"cell {number}: {output.get('ename')}: {output.get('evalue')}\n{trace}"
                assert output["output_type"] != "error", said

    def run_cell(self, number: int, timeout: float = 120) -> None:
        """Run one cell again."""
        self._await(f"""async () => {{
            const notebook = {NOTEBOOK}.content; notebook.deselectAll(); notebook.activeCellIndex = {number};
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }}""", timeout)

    def cells(self) -> list[dict[str, Any]]:
        """The cells with their outputs, as they would be saved."""
        found: list[dict[str, Any]] = self.page.evaluate(f"() => {NOTEBOOK}.context.model.toJSON().cells")
        return found

    def text(self, number: int) -> str:
        """What a cell printed."""
        return "".join("".join(output["text"]) for output in self.cells()[number]["outputs"] if output["output_type"] == "stream")

    def python(self, code: str, timeout: float = 120) -> str:
        """Run code in the notebook's kernel, outside any cell; gives what it printed, raises what it raised."""
        answer = self._await(f"""async () => {{
            const printed = []; let failed = null;
            const future = {NOTEBOOK}.sessionContext.session.kernel.requestExecute({{code: {json.dumps(code)}, store_history: false}});
            future.onIOPub = message => {{
                if (message.header.msg_type === 'stream') printed.push(message.content.text);
                if (message.header.msg_type === 'error') failed = message.content.ename + ': ' + message.content.evalue;
            }};
            await future.done;
            return [printed.join(''), failed];
        }}""", timeout)
        assert answer[1] is None, f"{code!r} raised {answer[1]}"
        return str(answer[0]).strip()

    def wait_python(self, code: str, expected: str, timeout: float = 120) -> None:
        """Wait until `code` prints `expected`."""
        end = time.monotonic() + timeout
        while (printed := self.python(code)) != expected:
            assert time.monotonic() < end, f"{code!r} still prints {printed!r} after {timeout} s, expected {expected!r}"
            self.page.wait_for_timeout(100)

    def picture_where(self, holds: Callable[[bytes], bool], name: str, part: Locator | None = None, timeout: float = 120) -> bytes:
        """The first screenshot for which `holds` is true; the last one taken is kept, and an AssertionError raised, where none is."""
        end = time.monotonic() + timeout
        while not holds(picture := self.screenshot(name, part)):
            assert time.monotonic() < end, f"{name} does not show what it should after {timeout} s"
            self.page.wait_for_timeout(100)
        return picture

    def output(self, number: int) -> Locator:
        """What the page shows below a cell."""
        found: Locator = self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-OutputArea-output").first
        return found

    def set_theme(self, which: str) -> None:
        """`dark` or `light`."""
        name = {"dark": "JupyterLab Dark", "light": "JupyterLab Light"}[which]
        self._await(f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: {name!r}}})")
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(which == 'light').lower()}'")

    def restart(self) -> None:
        """Restart the kernel, as after a crash: the outputs stay, what was in memory is gone."""
        self._await(f"async () => {{ const at = {NOTEBOOK}.sessionContext; await at.restartKernel(); await at.session.kernel.info; }}")

    def save(self) -> Path:
        """Save the notebook as Ctrl+S does; gives its path."""
        self._await(f"() => {NOTEBOOK}.context.save()")
        return self.path

    def reload(self) -> None:
        """Reload the browser's page; the kernel lives on."""
        self.save()
        self.page.goto(self.address)
        self.page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context?.path === {self.path.name!r}")
        self._await(READY)

    def screenshot(self, name: str, part: Locator | None = None) -> bytes:
        """A PNG of the page, or of a part of it; also kept under `name` in the folder of pictures."""
        picture: bytes = (part or self.page).screenshot()
        self.pictures.mkdir(parents=True, exist_ok=True)
        (self.pictures / name).write_bytes(picture)
        return picture

    def shut_down(self) -> None:
        """End the kernel."""
        if not self.page.is_closed():
            self._await(f"async () => {{ await {NOTEBOOK}?.sessionContext?.shutdown(); }}")

    def _await(self, script: str, timeout: float = 120) -> Any:
        """The value of an async function in the page; a TimeoutError rather than a hang where it never settles."""
        self.page.evaluate(f"""() => {{
            window.__settled = null;
            (async () => ({script})())().then(v => window.__settled = {{v}}, e => window.__settled = {{e: String(e)}});
        }}""")
        self.page.wait_for_function("window.__settled !== null", timeout=timeout * 1000)
        settled = self.page.evaluate("window.__settled")
        assert "e" not in settled, settled.get("e")
        return settled.get("v")


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """A JupyterLab server over `folder`/notebooks with settings and runtime files of its own; ended with all its kernels."""
    notebooks, settings = folder / "notebooks", folder / "settings"
    notebooks.mkdir(parents=True)
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(OVERRIDES))
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
        "--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
        f"--LabApp.app_settings_dir={settings}", f"--ServerApp.root_dir={notebooks}",
    ]
    url = f"http://127.0.0.1:{port}"
    with serving("JupyterLab", command, f"{url}/api/status", folder / "jupyterlab.log", own_folders(folder), seconds=180):
        yield Server(url, notebooks)
