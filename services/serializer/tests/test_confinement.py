"""Work that runs out of memory or time, or crashes, has a name and leaves the process as it was."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from pathlib import Path

import pytest

from scones_serializer.confinement import Allowance, confined
from scones_serializer.errors import DecodingInterrupted, NotAnImage, TooManyPixels, TruncatedImage

PLENTY = Allowance(data_bytes=100_000_000, cpu_seconds=10)


def fail(error: BaseException) -> str:
    raise error


def end(number: int) -> str:
    faulthandler.disable()  # pytest's, which would tell all about it
    os.kill(os.getpid(), number)
    return "still here"


def for_ever() -> str:
    while True:
        """Nothing may stop this but the kernel."""


def test_answer_comes_back() -> None:
    assert confined(lambda: "scone", PLENTY) == "scone"


def test_answer_may_be_larger_than_a_pipe_holds() -> None:
    assert confined(lambda: "x" * 300_000, PLENTY) == "x" * 300_000


def test_named_error_comes_back() -> None:
    with pytest.raises(NotAnImage, match=r"^a text, wîth accents\.$"):
        confined(lambda: fail(NotAnImage("a text, wîth accents.")), PLENTY)


def test_work_changes_nothing_here() -> None:
    seen: list[int] = []

    def work() -> str:
        seen.append(1)
        return str(seen)

    assert (confined(work, PLENTY), seen) == ("[1]", [])


def test_memory_within_the_allowance_is_given() -> None:
    assert confined(lambda: str(len(bytes(90_000_000))), PLENTY) == "90000000"


def test_memory_over_the_allowance_is_too_much() -> None:
    with pytest.raises(TooManyPixels, match=r"too much memory .* upload a smaller one"):
        confined(lambda: str(len(bytes(2_000_000_000))), PLENTY)


def test_memory_in_small_pieces_is_counted_too() -> None:
    with pytest.raises(TooManyPixels, match="too much memory"):
        confined(lambda: str([str(number) for number in range(10_000_000)]), PLENTY)


def test_time_over_the_allowance_is_too_much() -> None:
    with pytest.raises(TooManyPixels, match="more than 1 s to decode"):
        confined(for_ever, PLENTY._replace(cpu_seconds=1))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE])
def test_crash_is_the_pictures(number: signal.Signals) -> None:
    with pytest.raises(TruncatedImage, match=f"crashed \\({number.name}\\)"):
        confined(lambda: end(number), PLENTY)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_end_that_somebody_else_made_is_not_the_pictures(number: signal.Signals) -> None:
    with pytest.raises(DecodingInterrupted, match=f"ended by {number.name}"):
        confined(lambda: end(number), PLENTY)


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), SystemExit(0), KeyboardInterrupt()])
def test_fault_of_ours_is_not_the_pictures(
    error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="status 1; see the log before"):
        confined(lambda: fail(error), PLENTY)
    assert type(error).__name__ in capfd.readouterr().err


def test_limits_hold_for_the_work_alone() -> None:
    kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_CORE)
    before = [resource.getrlimit(kind) for kind in kinds]
    confined(lambda: "scone", PLENTY)
    assert [resource.getrlimit(kind) for kind in kinds] == before


def test_nothing_is_left_open_or_running() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    confined(lambda: "scone", PLENTY)
    with pytest.raises(TruncatedImage):
        confined(lambda: end(signal.SIGSEGV), PLENTY)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
