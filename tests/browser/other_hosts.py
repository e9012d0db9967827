"""Notebook 7 and marimo on loopback, in a browser, for tests of the widgets there."""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat

__all__ = ["running_notebook_7", "running_marimo"]

OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
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
    port = _free_port()
    command = [
        sys.executable, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        f"--JupyterNotebookApp.app_settings_dir={settings}", f"--ServerApp.root_dir={notebooks}",
    ]
    own = {variable: str(folder / variable.lower()) for variable in OWN_FOLDERS}
    with _server(command, f"http://127.0.0.1:{port}/api/status", folder / "notebook.log", {**os.environ, **own}):
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
    port = _free_port()
    command = [sys.executable, "-m", "marimo", "run", str(app), "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with _server(command, f"http://127.0.0.1:{port}/health", folder / "marimo.log", {**os.environ, "HOME": str(folder)}):
        yield f"http://127.0.0.1:{port}/"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(command: list[str], url: str, log: Path, environment: dict[str, str], seconds: float = 120) -> Iterator[None]:
    with log.open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)
        try:
            _await_answer(server, url, log, seconds)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_answer(server: subprocess.Popen[bytes], url: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{' '.join(command_of(server))} did not start; its log ends:\n{log.read_text()[-3000:]}")
        time.sleep(0.3)


def command_of(server: subprocess.Popen[bytes]) -> list[str]:
    """The command that a process was started with."""
    return [str(part) for part in server.args] if isinstance(server.args, list) else [str(server.args)]
