"""Work on untrusted bytes in a process of its own, which may run out of memory, hang or crash.

A decoder is native code that a stranger's bytes steer: how much memory and time it takes, and
whether it survives, cannot be known from the outside. The kernel can say where it ends.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scones_serializer import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["Allowance", "confined"]

_OUT_OF_MEMORY = 3
_CRASHES = {
    -signal.SIGABRT,
    -signal.SIGBUS,
    -signal.SIGFPE,
    -signal.SIGILL,
    -signal.SIGSEGV,
}
_SMALLER = "upload a smaller one, without metadata"
_OWN_MEMORY = Path("/proc/self/statm")
_DATA_PAGES = 5  # private and writable, touched or not: what RLIMIT_DATA counts


class Allowance(NamedTuple):
    """What the work may take: memory beyond what this process has, and processor time."""

    data_bytes: int
    cpu_seconds: int


def confined(work: Callable[[], str], allowance: Allowance) -> str:
    """Return what `work` returns, or raise the SerializerError that it raises.

    It runs in a fork of this process: what it changes, and what memory it leaves in pieces, is gone
    with it.

    Raises:
        TooManyPixels: it needs more than the allowance.
        TruncatedImage: it crashed.
        DecodingInterrupted: somebody ended it, such as a kernel that is short of memory.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_exit(work, allowance, writing)
    os.close(writing)
    status = 0
    try:
        with open(reading, "rb") as pipe:  # noqa: PTH123 - no path
            said = pipe.read()
    finally:
        _, status = os.waitpid(child, 0)  # soon: its processor time is limited
    return _answer(os.waitstatus_to_exitcode(status), said, allowance)


def _work_and_exit(work: Callable[[], str], allowance: Allowance, writing: int) -> NoReturn:
    """Leave without any clean-up: all that is open belongs to the parent."""
    status = 1
    try:
        gc.disable()  # it would write to every page that is still shared with the parent
        _limit(allowance)
        said = json.dumps(_outcome(work))
        with open(writing, "wb") as pipe:
            pipe.write(said.encode("ascii"))
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001 - nothing may return into the parent's code
        traceback.print_exc()
    finally:
        os._exit(status)


def _limit(allowance: Allowance) -> None:
    if _OWN_MEMORY.exists():  # Linux alone counts here what is mapped, too
        pages = int(_OWN_MEMORY.read_text(encoding="ascii").split()[_DATA_PAGES])
        _lower(resource.RLIMIT_DATA, pages * resource.getpagesize() + allowance.data_bytes)
    _lower(resource.RLIMIT_CPU, allowance.cpu_seconds)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(kind, (limit, hard))


def _outcome(work: Callable[[], str]) -> dict[str, str]:
    try:
        return {"answer": work()}
    except errors.SerializerError as error:
        return {"error": type(error).__name__, "reason": str(error)}


def _answer(code: int, said: bytes, allowance: Allowance) -> str:
    if code == -signal.SIGXCPU:
        raise errors.TooManyPixels(
            f"the picture takes more than {allowance.cpu_seconds} s to decode: {_SMALLER}"
        )
    if code == _OUT_OF_MEMORY:
        raise errors.TooManyPixels(f"the picture takes too much memory to decode: {_SMALLER}")
    if code in _CRASHES:
        raise errors.TruncatedImage(
            f"the picture is damaged, its decoder crashed ({signal.Signals(-code).name}): "
            "upload the whole file again"
        )
    if code < 0:
        raise errors.DecodingInterrupted(
            f"the decoding process was ended by {signal.Signals(-code).name}: try again"
        )
    if code:  # a fault of ours, not the picture's
        raise RuntimeError(f"the decoding process ended with status {code}; see the log before")
    return _told(json.loads(said))


def _told(outcome: dict[str, str]) -> str:
    if "error" in outcome:
        error: type[errors.SerializerError] = getattr(errors, outcome["error"])
        raise error(outcome["reason"])
    return outcome["answer"]
