"""The process that keeps a stack up: start it, say so, wait to be told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scones_local.aws import unproxied
from scones_local.program import StartFailed
from scones_local.stack import REACH, STAGE, RunningStack, StackSettings, run_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["AlreadyRunning", "start", "stop", "supervise", "supervised"]

LOCK = "supervisor.pid"
ALREADY = "A stack is up already in {}: `make down` stops that of `make up`, a demo ends by itself."
STOP_S = 20.0
"""How long a stack may take to write its last captures and end."""


class AlreadyRunning(RuntimeError):
    """Another supervisor keeps a stack up in the same work folder."""


def supervise(settings: StackSettings, *, with_parent: bool) -> None:
    """Keep the stack up until SIGTERM or, if `with_parent`, until standard input closes.

    Prints one line, the running stack as JSON, once everything answers.

    Raises:
        AlreadyRunning: The work folder is another supervisor's.
        StartFailed: A program did not come up, or the stacks could not be deployed.
    """
    settings.work.mkdir(parents=True, exist_ok=True)
    _hold(settings.work / LOCK)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_supervise(settings, with_parent=with_parent))


async def _supervise(settings: StackSettings, *, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    if with_parent:
        threading.Thread(target=_on_end_of_input, args=(loop, task), daemon=True).start()
    async with run_stack(settings) as running:
        with _told(settings.work / REACH, running):
            print(running.to_json(), flush=True)  # noqa: T201 - for the process that started us
            await asyncio.Event().wait()


@contextmanager
def _told(path: Path, running: RunningStack) -> Iterator[None]:
    """Leave in a file what programs that deploy to the stack need as variables."""
    variables = {"STAGE": STAGE, "ARCH": "local", **unproxied(running.environment)}
    path.write_text(json.dumps(variables, indent=2) + "\n")
    try:
        yield
    finally:
        path.unlink()


def _on_end_of_input(loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed: we are ending anyway
        loop.call_soon_threadsafe(task.cancel)


def _hold(path: Path) -> None:
    """Lock the work folder for as long as this process lives, and leave its id in the file.

    Nothing closes the descriptor before the very end: who waits for the lock waits for that.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(20):  # `_running` takes the lock as well, for a moment
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        time.sleep(0.02)
    else:
        raise AlreadyRunning(ALREADY.format(path.parent))
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def start(
    settings: StackSettings, *, with_parent: bool
) -> tuple[RunningStack, subprocess.Popen[str]]:
    """Start a supervisor and wait until its stack is up.

    Raises:
        AlreadyRunning: The work folder is another supervisor's.
        StartFailed: It ended instead; the message is what it said.
    """
    if _running(settings.work):
        raise AlreadyRunning(ALREADY.format(settings.work))
    settings.work.mkdir(parents=True, exist_ok=True)
    log = settings.work / "supervisor.log"
    command = [
        sys.executable, "-m", "scones_local", "serve", "--root", str(settings.root),
        "--environments", str(settings.environments), "--work", str(settings.work),
        "--model", str(settings.model), "--port", str(settings.port),
        "--traces", str(settings.traces),
        *(["--empty"] if settings.empty else []),
        *(["--faults", str(settings.faults)] if settings.faults else []),
        *(["--with-parent"] if with_parent else []),
    ]  # fmt: skip
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if with_parent else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline()
    except BaseException:
        _end(process)
        raise
    if not line:
        process.wait()
        raise StartFailed(log.read_text().strip() or f"The stack did not start; see {log}")
    return RunningStack.from_json(line), process


@contextmanager
def supervised(settings: StackSettings) -> Iterator[RunningStack]:
    """Keep a stack up while the context is open; it also ends if this process does."""
    running, process = start(settings, with_parent=True)
    try:
        yield running
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()


def stop(work: Path) -> bool:
    """End the supervisor of a work folder; False if there is none."""
    deadline = time.monotonic() + STOP_S
    asked = False
    while (pid := _running(work)) is not None:
        if not asked or time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if asked else signal.SIGTERM)
        asked = True
        time.sleep(0.05)
    (work / REACH).unlink(missing_ok=True)  # of a supervisor that was killed
    return asked


def _running(work: Path) -> int | None:
    """Return the process id of whoever holds the lock: a stale file's id may be anybody's."""
    try:
        with (work / LOCK).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        while not (written := (work / LOCK).read_text()):  # locked, and about to be written
            time.sleep(0.01)
        return int(written)
    return None
