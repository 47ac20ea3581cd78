"""Measure what a cold start costs: processor time of importing a handler and making its clients.

    python operations/bench/coldstart.py [--rounds 7]

Each built service, unpacked from its zip, is compared with the course's Lambda, which has the
SageMaker SDK in its zip, and with itself unslimmed: the same lock, nothing left out, no bytecode,
as `sam build` leaves it. All are for the same Python: Lambda's own where it is installed (then
the zips are those of this machine's architecture), else the running one (arch `local`). Each
measurement is a fresh process that sees nothing but the folder and the standard library and writes
no bytecode, as /var/task is read-only; they take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track
from rich.table import Table

from scones_operations.building.archive import sha256_of
from scones_operations.building.build import build_service
from scones_operations.building.installing import install, install_lock
from scones_operations.building.smoke import handler_of
from scones_operations.building.targets import target_for_here
from scones_operations.repository import SERVICES, find_package, find_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_operations.building.targets import Target
    from scones_operations.repository import Package

HERE = Path(__file__).parent
COURSE = "course"
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "ENDPOINT_NAME": "vehicles",
    "LABELS": "bicycle,motorcycle",
    "CONFIDENCE_THRESHOLD": "0.9",
    "ROUTES": '{"bicycle": {"orders": "nearby", "loading_bay": "A"}}',
}
"""What Lambda and the templates set."""


@dataclass(frozen=True)
class Contender:
    """Something to start: a module in a folder, under a name."""

    name: str
    folder: Path
    module: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, measure, print the medians and write all measurements down."""
    options = _parser().parse_args(arguments)
    root = find_root(HERE)
    target, python = target_for_here()
    work = root / "build/coldstart"
    contenders = [_course(work, target)]
    for service in (find_package(root, name) for name in SERVICES):
        contenders += [_unslimmed(work, service, target), _built(root, work, service, target)]
    costs: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for count in track(range(options.rounds + 1), "Measuring"):
        for contender in contenders:
            cost = _cpu_seconds(contender, python)
            if count:  # the first round only fills the disk's cache
                costs[contender.name].append(cost)
    _show(costs, str(target))
    _save(options.out, costs, str(target))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("build/bench/coldstart.json"))
    return parser


def _course(work: Path, target: Target) -> Contender:
    """The course's Lambda; its SDK is large, so it is installed once for a lock."""
    lock = HERE / "requirements-course.txt"
    folder = work / f"{COURSE}-{target.arch}-{target.version}-{sha256_of(lock)[:12]}"
    if not folder.exists():
        print("installing the course's SageMaker SDK")
        unfinished = _empty(work / "unfinished")
        install_lock(lock, target, unfinished)
        unfinished.rename(folder)
    shutil.copy(HERE / "course_lambda.py", folder)
    return Contender(COURSE, folder, "course_lambda")


def _unslimmed(work: Path, service: Package, target: Target) -> Contender:
    folder = _empty(work / f"{service.name}-unslimmed")
    install(service, target, folder)
    return Contender(f"{service.name} unslimmed", folder, _module(service))


def _built(root: Path, work: Path, service: Package, target: Target) -> Contender:
    folder = _empty(work / service.name)
    with zipfile.ZipFile(build_service(root, service.name, target.arch, work).path) as archive:
        archive.extractall(folder)
    return Contender(service.name, folder, _module(service))


def _module(service: Package) -> str:
    return handler_of(service).rpartition(".")[0]


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _cpu_seconds(contender: Contender, python: Path) -> float:
    """User and system time of a fresh process that imports the module."""
    program = (
        f"import sys; sys.path.insert(0, {str(contender.folder)!r}); import {contender.module}"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        (str(python), "-I", "-S", "-B", "-c", program),
        env={**ENVIRONMENT, "LAMBDA_TASK_ROOT": str(contender.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{contender.name} cannot be imported:\n{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _show(costs: dict[str, list[float]], target: str) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("medians of processor time")
    for title in ("seconds", "less than the course's", "less than unslimmed"):
        table.add_column(title, justify="right")
    for name, seconds in costs.items():
        table.add_row(
            name,
            f"{statistics.median(seconds):.3f}",
            "" if name == COURSE else _times_less(costs[COURSE], seconds),
            _times_less(costs[f"{name} unslimmed"], seconds) if name in SERVICES else "",
        )
    console = Console(highlight=False)
    console.print(table)
    rounds = len(costs[COURSE])
    load = os.getloadavg()[0]
    console.print(f"{target}; {rounds} rounds; {os.cpu_count()} cores, load {load:.1f}")


def _times_less(baseline: Sequence[float], ours: Sequence[float]) -> str:
    """The median of the rounds' ratios: within a round the machine's load is much the same."""
    ratios = [theirs / own for theirs, own in zip(baseline, ours, strict=True)]
    return f"{statistics.median(ratios):.1f}x"


def _save(path: Path, costs: dict[str, list[float]], target: str) -> None:
    document = {
        "target": target,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "cpu_seconds": costs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
