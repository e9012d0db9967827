"""A server on loopback for the length of a block: started, waited for, ended."""
from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["free_port", "own_folders", "serving"]

OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_folders(folder: Path) -> dict[str, str]:
    """The environment with all of Jupyter's folders inside `folder`, so that nothing of the user's is read or written."""
    return {**os.environ, **{name: str(folder / name.lower()) for name in OWN_FOLDERS}}


@contextmanager
def serving(
    name: str, command: Sequence[str], answers: str, log: Path, environment: dict[str, str], seconds: float = 120,
) -> Iterator[None]:
    """`command` runs while the block does, from the moment on that the address `answers` gives 200."""
    with log.open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)
        try:
            _await_answer(name, server, answers, log, seconds)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_answer(name: str, server: subprocess.Popen[bytes], url: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} did not start; its log ends:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)
