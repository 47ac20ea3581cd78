"""Memory and CPU time of each program of a stack, sampled while it works."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ProgramWatch", "Sample", "is_fork", "program_of"]

PROGRAMS = {
    "scones_local.engine": "engine",
    "scones_model.serving.serve": "serving",
    "scones_local": "supervisor",
}
"""What follows `python -m`, and what we call it."""
FUNCTION_CLIENT = "awslambdaric"
CLIENT = "client"
"""This process: it uploads and receives, and is no part of the stack."""
OTHER = "other"
EVERY_S = 1.0


@dataclass(frozen=True)
class Sample:
    """One look at every program.

    Attributes:
        uploads: How many were uploaded until then.
        rss_mb: Resident memory by program; pages that processes share count in each, but forks of
            functions do not.
        cpu_s: Processor time since their start, by program.
    """

    uploads: int
    rss_mb: Mapping[str, float]
    cpu_s: Mapping[str, float]


def program_of(command: Sequence[str]) -> str:
    """Name the program that a command line starts: a function by its service."""
    modules = [word for flag, word in pairwise(command) if flag == "-m"]
    if FUNCTION_CLIENT in modules:
        return command[-1].split(".")[0].removeprefix("scones_")
    return next((PROGRAMS[module] for module in modules if module in PROGRAMS), OTHER)


def is_fork(process: psutil.Process) -> bool:
    """Whether it is a function's fork: gone in a moment, and sharing most of its memory."""
    parent = process.parent()
    command = process.cmdline()
    return FUNCTION_CLIENT in command and parent is not None and parent.cmdline() == command


def _processor_s(process: psutil.Process, name: str) -> float:
    """Its own; a function's with that of the forks that it waited for."""
    times = process.cpu_times()
    own: float = times.user + times.system
    others = {CLIENT, OTHER, *PROGRAMS.values()}
    return own if name in others else own + times.children_user + times.children_system


class ProgramWatch:
    """Samples the stack that this process started, as long as the context is open."""

    def __init__(self, uploads: Callable[[], int]) -> None:
        self._uploads = uploads
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> ProgramWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> Sample:
        """Sample now."""
        memory: defaultdict[str, float] = defaultdict(float)
        processor: defaultdict[str, float] = defaultdict(float)
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # it ended while we looked
                if not process.cmdline() or is_fork(process):  # ended, and not yet waited for
                    continue
                name = CLIENT if process == own else program_of(process.cmdline())
                memory[name] += process.memory_info().rss / 1e6
                processor[name] += _processor_s(process, name)
        return Sample(self._uploads(), dict(memory), dict(processor))

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            self.samples.append(self.look())
            self._stopping.wait(max(0.0, EVERY_S - (time.monotonic() - started)))
