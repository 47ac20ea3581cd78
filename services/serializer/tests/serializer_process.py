"""The process of picture_worker.py, from the side of a test."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Died", "Ended", "SerializerProcess"]

_WORKER = Path(__file__).parent / "picture_worker.py"


class Died(AssertionError):
    """A picture killed the process, or it killed itself for taking too long."""


class Ended(NamedTuple):
    """How a picture ended, the peaks of memory by then, and what the process has still."""

    outcome: str
    seconds: float
    peaks: dict[str, int]
    kept: int
    reason: str = ""


class SerializerProcess:
    """A serializer process that is sent one picture after the other; one that dies is followed.

    A picture that killed one is kept in `folder`, beside what the process said last.
    """

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self._folder = folder
        self._python = python
        self._started = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._started += 1
        with (self._folder / f"stderr-{self._started}.txt").open("wb") as errors:
            return subprocess.Popen(
                [self._python, "-X", "faulthandler", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> int:
        self._process.kill()
        self._process.communicate()
        return self._process.returncode

    def examine(self, name: str, body: bytes) -> Ended:
        """Send a picture and return how it ended.

        Raises:
            Died: with the picture's name and where it is kept.
        """
        line = self._said(body)
        if line:
            return Ended(**json.loads(line))
        status = self._end()
        kept = self._folder / hashlib.sha256(body).hexdigest()
        kept.write_bytes(body)
        self._process = self._start()
        raise Died(f"the serializer's process ended with {status} on {name!r}, kept in {kept}")

    def _said(self, body: bytes) -> bytes:
        sent, said = self._process.stdin, self._process.stdout
        assert sent is not None
        assert said is not None
        try:
            sent.write(b"%d\n%b" % (len(body), body))
            sent.flush()
        except BrokenPipeError:
            return b""
        return said.readline()
