from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from scones_local import program
from scones_local.program import StartFailed, kept_alive, run_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE_S = 20.0
COUNTS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
FAILS = "print('no', flush=True); raise SystemExit(3)"


def work(code: str, folder: Path) -> None:
    """Run Python code as a program that has work to do, in `folder`."""

    async def run() -> None:
        command = (sys.executable, "-c", code)
        async with run_program("The work", command, {}, folder / "log", folder) as program:
            await program.succeeds()

    asyncio.run(run())


def test_a_program_that_has_done_its_work_is_waited_for(tmp_path: Path) -> None:
    work("open('done', 'x')", tmp_path)
    assert (tmp_path / "done").exists()


def test_a_program_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(StartFailed) as caught:
        work("raise SystemExit('no stack today')", tmp_path)
    assert "The work ended with status 1" in str(caught.value)
    assert "no stack today" in str(caught.value)


@asynccontextmanager
async def alive(code: str, folder: Path) -> AsyncIterator[list[str]]:
    """Keep Python code alive; what it has printed so far, as it grows."""
    printed: list[str] = []

    async def read() -> None:
        while True:
            with suppress(FileNotFoundError):
                printed[:] = (folder / "log").read_text().split()
            await asyncio.sleep(0.01)

    command = (sys.executable, "-c", code)
    async with run_program("The server", command, {}, folder / "log") as running:
        reader = asyncio.create_task(read())
        async with kept_alive(running):
            yield printed
        seen = len(printed)
        await asyncio.sleep(2 * program.FIRST_PAUSE_S)
        assert len(printed) == seen
        reader.cancel()


async def until_printed(printed: list[str], lines: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(printed) < lines:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


def test_a_program_that_was_killed_starts_again_and_keeps_its_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with alive(COUNTS, tmp_path) as printed:
            for starts in (1, 2, 3):
                await until_printed(printed, starts)
                os.kill(int(printed[-1]), signal.SIGKILL)
            await until_printed(printed, 4)
            assert len(set(printed)) == 4
        with pytest.raises(ProcessLookupError):
            os.kill(int(printed[0]), 0)

    asyncio.run(run())
    assert caplog.text.count("The server ended with status -9") == 3


def test_a_program_that_always_ends_is_given_longer_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(program, "LONGEST_PAUSE_S", 0.04)

    async def run() -> None:
        async with alive(FAILS, tmp_path) as printed:
            await until_printed(printed, 5)

    asyncio.run(run())
    assert [pause for *_, pause in (record.args or () for record in caplog.records)][:5] == [
        0.01, 0.02, 0.04, 0.04, 0.04,
    ]  # fmt: skip
    assert "status 3" in caplog.text


def test_a_program_that_is_stopped_stays_stopped(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with alive(COUNTS, tmp_path) as printed:
            await until_printed(printed, 1)
        return printed

    (pid,) = asyncio.run(run())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
