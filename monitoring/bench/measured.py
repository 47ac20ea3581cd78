"""What a piece of work costs: done in a fresh process, which tells at its end what it has used."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cost", "child_environment", "cpu_seconds", "run_fresh", "tell_cost", "tell_output"]

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which `ru_maxrss` counts."""


@dataclass(frozen=True)
class Cost:
    """What a process and those it started have used.

    Attributes:
        cpu_s: Seconds of processor time, user and system, with starting Python and imports.
        work_s: Of these, what came after starting Python, imports and finding the input.
        wall_s: Seconds it took.
        peak_mb: Greatest resident memory; of several processes the sum, shared pages counted each.
        result: What came of it: work that was not done costs nothing.
    """

    cpu_s: float
    work_s: float
    wall_s: float
    peak_mb: float
    result: Mapping[str, float]


def child_environment(**more: str) -> dict[str, str]:
    """This environment, in which compiled modules are kept, as where a package is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **more}


def run_fresh(command: Sequence[str | Path], **environment: str) -> Cost:
    """Run a Python program that ends with `tell_cost`."""
    variables = child_environment(**environment)
    started = time.perf_counter()
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    wall = time.perf_counter() - started
    return Cost(wall_s=wall, **json.loads(done.stdout.splitlines()[-1]))


def cpu_seconds() -> float:
    """Processor time that this process has used, and those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def tell_cost(result: Mapping[str, float], begun: float, processes: int = 0) -> None:
    """Print, as the last line, what this process has used.

    Args:
        result: What came of it.
        begun: `cpu_seconds` when the work began.
        processes: How many worked for it at once.
    """
    cpu = cpu_seconds()
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * MAXRSS_UNIT
    peak = _own_peak() + processes * largest
    told = {"cpu_s": cpu, "work_s": cpu - begun, "peak_mb": peak / 1e6, "result": result}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def tell_output(folder: Path, windows: int, begun: float) -> None:
    """Tell the cost of what was written to a folder for so many windows."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    tell_cost({"windows": windows, "files": len(sizes), "output_mb": sum(sizes) / 1e6}, begun)


def _own_peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would not forget the process that started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT
