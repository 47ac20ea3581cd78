"""Start a program of the stack, wait for its first answer, and end it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from asyncio.subprocess import PIPE, STDOUT
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Program", "StartFailed", "free_port", "kept_alive", "run_program"]

LOGGER = logging.getLogger(__name__)
PATIENCE_S = 60.0
"""How long a program may take to answer for the first time, on a busy machine."""
DRAIN_S = 10.0
"""How long a program may take to finish what it is doing when asked to end."""

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
WELL_AFTER_S = 30.0
"""A program that has run for so long has recovered: its next pause is the first one again."""


class StartFailed(RuntimeError):
    """A program did not come up; the message ends with the last lines of its log."""


class Program:
    """One program: its process, and its next one if it is started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        folder: Path | None,
    ) -> None:
        self._name = name
        self._command = command
        self._environment = dict(environment)
        self._log = log
        self._folder = folder
        self._process: Process

    async def start(self, log_mode: str = "wb") -> None:
        """Start the program."""
        with self._log.open(log_mode) as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdin=PIPE, stdout=output, stderr=STDOUT,
                start_new_session=True, cwd=self._folder,
            )  # fmt: skip

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

    async def start_again_for_ever(self) -> None:
        """Start the program again whenever it ends, after a pause that grows while it fails."""
        pauses = _pauses()
        while True:
            started = time.monotonic()
            status = await self._process.wait()
            if time.monotonic() - started > WELL_AFTER_S:
                pauses = _pauses()
            pause = next(pauses)
            LOGGER.warning(
                "%s ended with status %s; it starts again in %.1f s", self._name, status, pause
            )
            await asyncio.sleep(pause)
            try:
                await self.start("ab")
            except OSError:
                LOGGER.exception("%s does not start", self._name)

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
    program = Program(name, command, environment, log, folder)
    await program.start()
    try:
        yield program
    finally:
        await program.stop()


@asynccontextmanager
async def kept_alive(program: Program) -> AsyncIterator[None]:
    """Start the program again whenever it ends, as SageMaker does a container, in this context."""
    task = asyncio.create_task(program.start_again_for_ever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_S)


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
