"""Notebook 7 and marimo on loopback, in a browser, for tests of the widgets there."""
from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat

from tests.browser.servers import free_port, own_folders, serving

__all__ = ["running_notebook_7", "running_marimo"]

SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}}


@contextmanager
def running_notebook_7(folder: Path, name: str, cells: Sequence[str]) -> Iterator[str]:
    """The address of a notebook with these cells in a running Notebook 7."""
    notebooks, settings = folder / "notebooks", folder / "settings"
    notebooks.mkdir(parents=True)
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(SETTINGS))
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, notebooks / f"{name}.ipynb")
    port = free_port()
    command = [
        sys.executable, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        f"--JupyterNotebookApp.app_settings_dir={settings}", f"--ServerApp.root_dir={notebooks}",
    ]
    with serving("Notebook 7", command, f"http://127.0.0.1:{port}/api/status", folder / "notebook.log", own_folders(folder)):
        yield f"http://127.0.0.1:{port}/notebooks/{name}.ipynb"


@contextmanager
def running_marimo(folder: Path, cells: Sequence[str]) -> Iterator[str]:
    """The address of a marimo app with these cells, run as an app (no editor)."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = []
    for number, text in enumerate(cells):
        lines = text.strip().splitlines()
        body = "\n".join(f"    {line}" for line in lines)
        bodies.append(f"@app.cell\ndef _{number}():\n{body}\n")
    app = folder / "app.py"
    app.write_text("import marimo\n\napp = marimo.App()\n\n\n" + "\n\n".join(bodies) + "\n\nif __name__ == \"__main__\":\n    app.run()\n")
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", str(app), "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with serving("marimo", command, f"http://127.0.0.1:{port}/health", folder / "marimo.log", {**os.environ, "HOME": str(folder)}):
        yield f"http://127.0.0.1:{port}/"
