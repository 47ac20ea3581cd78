from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scones_local.chaos.nightmares import WORKER, nightmares

if TYPE_CHECKING:
    from collections.abc import Iterator

SLEEPING = [sys.executable, "-c", "import time; time.sleep(60)"]
PATIENCE_S = 20


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPING) as process:
        yield process
        process.kill()


def test_a_program_of_ours_is_killed_and_others_are_let_live(
    sleeper: subprocess.Popen[bytes],
) -> None:
    with subprocess.Popen([*SLEEPING, WORKER]) as worker:
        with nightmares(["workers-killed"], random.Random(1)) as counts:
            assert worker.wait(PATIENCE_S) == -9
        assert counts["workers-killed"] >= 1
    assert sleeper.poll() is None


def test_a_fork_is_killed_where_forks_are_meant_and_what_forked_it_lives() -> None:
    forking = "import os, time; os.fork() and print(os.wait()[1], flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", forking, WORKER], stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout
        with nightmares(["decoders-killed"], random.Random(1)) as counts:
            assert worker.stdout.readline() == b"9\n"
        assert counts["decoders-killed"] >= 1
        assert worker.poll() is None
        worker.kill()


def test_without_such_a_program_nothing_happens(sleeper: subprocess.Popen[bytes]) -> None:
    with nightmares(["workers-killed", "endpoint-killed"], random.Random(1)) as counts:
        pass
    assert not counts
    assert sleeper.poll() is None
