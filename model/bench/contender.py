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

__all__ = ["Contender", "Runtime", "answering", "served", "started"]

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
    environment = {**os.environ, **runtime.environment}
    program = (HERE / "timed_model.py", runtime.kind, model)
    with (
        answering([runtime.python, *program], environment) as (to_model, from_model),
        served(runtime, model) as port,
    ):
        yield Contender(to_model, from_model, port)


@contextmanager
def served(runtime: Runtime, model: Path) -> Iterator[int]:
    """Start a server alone, tell its port once it listens, and end it."""
    with TemporaryDirectory() as folder:
        shutil.copy(model, folder)
        port = _free_port()
        own = {"SM_MODEL_DIR": folder, "SAGEMAKER_BIND_TO_PORT": str(port)}
        environment = {**os.environ, **runtime.environment, **own}
        server = subprocess.Popen([runtime.python, *runtime.server], env=environment)
        with _ending(server):
            _wait_until_listening(server, port)
            yield port


@contextmanager
def answering(
    command: Sequence[str | Path], environment: Mapping[str, str]
) -> Iterator[tuple[IO[str], IO[str]]]:
    """Start a program that answers each line of its input with a line, and end it."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with _ending(process):
        yield cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)


@contextmanager
def _ending(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(server: subprocess.Popen[Any], port: int) -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server ended instead of listening; its reason is above.")
