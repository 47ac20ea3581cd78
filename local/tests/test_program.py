from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from scones_local.program import StartFailed, run_program

if TYPE_CHECKING:
    from pathlib import Path


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
