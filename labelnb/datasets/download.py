"""Files of public data sets: fetched once from their homes into the cache, resumed after a break, checked, and never half there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from labelnb.places import cache_folder

__all__ = ["DownloadError", "RemoteFile", "find"]

TIMEOUT = 30.0
"""Seconds without a byte after which a home counts as not reachable."""
_BLOCK = 1 << 20


class DownloadError(OSError):
    """A data set's file is neither in the cache nor to be had; the message names it, its address and where to put it by hand."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set."""

    name: str
    """As it is called in the cache."""
    url: str
    """Its public home."""
    sha256: str | None = None
    """Of the whole file; None where its home publishes none and nobody vouches for one."""
    size: int | None = None
    """Bytes, where known."""


def find(dataset: str, remote: RemoteFile, folder: str | os.PathLike[str] | None = None) -> Path:
    """The path of a file: in `folder` if one is given, else in the cache, into which it is fetched where it is not there yet.

    Proxies are taken from the environment, as urllib does. Raises DownloadError.
    """
    if folder is not None:
        path = Path(folder).expanduser() / remote.name
        if not path.is_file():
            raise DownloadError(f"{dataset}: {remote.name} is not in {folder}; its home is {remote.url}")
        return path
    target = cache_folder() / dataset / remote.name
    if target.is_file():
        _verify(dataset, target, remote)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.with_name(target.name + ".lock")):
            if not target.is_file():
                _fetch(dataset, remote, target)
    except PermissionError as error:
        raise DownloadError(f"{dataset}: no permission to write to {target.parent}; set LABELNB_DATA to a folder of yours") from error
    return target


def _fetch(dataset: str, remote: RemoteFile, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        _stream(dataset, remote, part)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, socket.gaierror) as error:
        reason = getattr(error, "reason", None) or error
        have = (
            f"; {part.stat().st_size:,} bytes are here, the next call goes on from there" if part.exists() and part.stat().st_size else ""
        )
        raise DownloadError(
            f"{dataset}: {remote.name} is not in the cache and could not be fetched ({reason}){have}. "
            f"Fetch {remote.url} by other means and put it at {target}"
        ) from error
    try:
        _verify(dataset, part, remote)
    except DownloadError:
        part.unlink()
        raise
    os.replace(part, target)


def _stream(dataset: str, remote: RemoteFile, part: Path) -> None:
    """Append to `part` what it still lacks."""
    start = part.stat().st_size if part.exists() else 0
    if remote.size is not None and start >= remote.size:
        return
    request = urllib.request.Request(remote.url, headers={"User-Agent": "labelnb", **({"Range": f"bytes={start}-"} if start else {})})
    try:
        answer: Any = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing after what we have: the sum decides whether it is whole
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        length = int(answer.headers.get("Content-Length") or 0)
        done = start if answer.status == 206 else 0
        expected = done + length if length else None
        with _bar(f"{dataset}: {remote.name}", expected, done) as bar:
            while block := answer.read(_BLOCK):
                file.write(block)
                done += len(block)
                bar.update(len(block))
                if remote.size is not None and done > remote.size:
                    break
    if expected is not None and done < expected:
        raise ConnectionError(f"the connection ended after {done:,} of {expected:,} bytes")


def _bar(title: str, total: int | None, done: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=title, leave=False, disable=None)


def _verify(dataset: str, path: Path, remote: RemoteFile) -> None:
    size = path.stat().st_size
    wrong = None
    if remote.size is not None and size != remote.size:
        wrong = f"{size:,} bytes, expected {remote.size:,}"
    elif size == 0:
        wrong = "empty"
    elif remote.sha256 is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        wrong = None if found == remote.sha256 else f"SHA-256 {found[:16]}..., expected {remote.sha256[:16]}..."
    if wrong:
        raise DownloadError(f"{dataset}: {path} is damaged or another version ({wrong}); delete it and load again, or fetch {remote.url}")


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two processes do not write to the same part; where the system has no such lock, the sum finds what went wrong."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    file: IO[bytes]
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
