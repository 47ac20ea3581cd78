"""Download a published archive once, checked by its md5, with a progress bar."""

from __future__ import annotations

import hashlib
import http.client
import queue
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CIFAR100_MD5", "CIFAR100_URL", "CouldNotDownload", "download"]

CIFAR100_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
CIFAR100_MD5 = "eb9058c3a382ffc7106e4002c42a8d85"

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
_CHUNK = 1 << 18


class CouldNotDownload(RuntimeError):
    """The archive could not be had: no network, a refusal, or not the published bytes."""


def download(url: str, md5: str, target: Path, connect_seconds: float = CONNECT_SECONDS) -> Path:
    """Fetch `url` to `target` unless it is there; raises CouldNotDownload.

    `target` appears only when complete and right, so a file found there was checked before.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        part = Path(folder) / target.name
        try:
            with _opened(url, connect_seconds) as response:
                found = _copy(response, part)
        except (OSError, http.client.HTTPException) as error:
            raise CouldNotDownload(f"{url} could not be downloaded: {error}.") from error
        if found != md5:
            raise CouldNotDownload(
                f"{url} sent other bytes than were published (md5 {found}, not {md5})."
            )
        part.replace(target)
    return target


def _opened(url: str, seconds: float) -> http.client.HTTPResponse:
    """The open response, within `seconds` in all.

    urllib's timeout covers neither the name lookup nor several addresses tried in turn, which can
    take a minute without a network; so a thread that may be left behind does the waiting.
    """
    answers: queue.Queue[http.client.HTTPResponse | Exception] = queue.Queue()
    threading.Thread(target=_open, args=(url, answers.put), daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _open(url: str, put: Callable[[http.client.HTTPResponse | Exception], None]) -> None:
    try:
        put(urllib.request.urlopen(url, timeout=READ_SECONDS))  # noqa: S310 - the caller's URL
    except (OSError, http.client.HTTPException) as error:
        put(error)


def _copy(response: http.client.HTTPResponse, target: Path) -> str:
    """Write the body to `target` under a progress bar; its md5 in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    with _progress() as bar, target.open("wb") as file:
        task = bar.add_task("downloading CIFAR-100", total=response.length)
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            bar.advance(task, len(chunk))
    return digest.hexdigest()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
