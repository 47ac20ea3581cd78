"""Start a program of the stack, wait for its first answer, and end it."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import PIPE, STDOUT
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Program", "StartFailed", "free_port", "run_program"]

PATIENCE_S = 60.0
"""How long a program may take to answer for the first time, on a busy machine."""
DRAIN_S = 10.0
"""How long a program may take to finish what it is doing when asked to end."""


class StartFailed(RuntimeError):
    """A program did not come up; the message ends with the last lines of its log."""


class Program:
    """One running program."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self._name = name
        self._process = process
        self._log = log

    async def answers(self, url: str) -> None:
        """Wait until the program answers 200 at `url`.

        Raises:
            StartFailed: It ended, or took too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as client:
                while not await self._answers_now(client, url):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise self._failure(f"gave no answer within {PATIENCE_S:.0f} s") from None

    async def _answers_now(self, client: aiohttp.ClientSession, url: str) -> bool:
        if self._process.returncode is not None:
            raise self._failure(f"ended with status {self._process.returncode}")
        with suppress(aiohttp.ClientError):
            async with client.get(url) as response:
                return response.status == 200  # noqa: PLR2004
        return False

    def _failure(self, what: str) -> StartFailed:
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
        return StartFailed(f"{self._name} {what}. The end of {self._log}:\n{tail}")

    async def succeeds(self) -> None:
        """Wait until the program has done its work.

        Raises:
            StartFailed: It ended with another status than 0.
        """
        if status := await self._process.wait():
            raise self._failure(f"ended with status {status}")

    async def stop(self) -> None:
        """Ask the program to end; end it if it does not."""
        if self._process.stdin:
            self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def run_program(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    folder: Path | None = None,
) -> AsyncIterator[Program]:
    """Run `command`, in `folder`, while the context is open; what it prints goes to `log`.

    Its standard input stays open as long as this process lives, so that it can end with us. It
    gets a session of its own: a Ctrl-C is for whoever started the stack, who then ends it in order.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(environment), stdin=PIPE, stdout=output, stderr=STDOUT,
            start_new_session=True, cwd=folder,
        )  # fmt: skip
    program = Program(name, process, log)
    try:
        yield program
    finally:
        await program.stop()


def free_port(wanted: int = 0) -> int:
    """Return the loopback port `wanted`, or any free one if it is 0.

    Raises:
        StartFailed: Something listens on the port already.
    """
    try:
        with socket.create_server(("127.0.0.1", wanted)) as listener:
            port: int = listener.getsockname()[1]
    except OSError:
        raise StartFailed(f"Port {wanted} is taken: name another, as PORT=4567.") from None
    return port
