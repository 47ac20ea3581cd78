"""A runtime to measure: its model in one process, its server in another, both waiting."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Contender", "Runtime", "started"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Runtime:
    """How to start one: `server` are the arguments to its Python."""

    python: str
    kind: str
    server: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Contender:
    """A started one; its server listens on `port`."""

    to_model: IO[str]
    from_model: IO[str]
    port: int

    def ask(self, pictures: int, calls: int) -> Any:  # noqa: ANN401 - any JSON
        """As `timed_model.py` answers."""
        self.to_model.write(json.dumps({"pictures": pictures, "calls": calls}) + "\n")
        self.to_model.flush()
        return json.loads(self.from_model.readline())


@contextmanager
def started(runtime: Runtime, model: Path) -> Iterator[Contender]:
    """Start both processes, wait until the server listens, and end them."""
    with TemporaryDirectory() as folder:
        shutil.copy(model, folder)
        port = _free_port()
        own = {"SM_MODEL_DIR": folder, "SAGEMAKER_BIND_TO_PORT": str(port)}
        environment = {**os.environ, **runtime.environment, **own}
        program = (HERE / "timed_model.py", runtime.kind, model)
        timed = subprocess.Popen(
            [runtime.python, *program],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        server = subprocess.Popen([runtime.python, *runtime.server], env=environment)
        try:
            _wait_until_listening(server, port)
            yield Contender(cast("IO[str]", timed.stdin), cast("IO[str]", timed.stdout), port)
        finally:
            for process in (timed, server):
                process.terminate()
                process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server ended instead of listening; its reason is above.")
