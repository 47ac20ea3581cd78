"""Make a service's zip for Lambda, and invoke what is in it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone, Failed, run
from scones_operations.building.archive import bytes_below, pack, sha256_of
from scones_operations.building.bytecode import compile_folder
from scones_operations.building.installing import install
from scones_operations.building.pruning import CLIENTS, prune
from scones_operations.building.smoke import smoke_test
from scones_operations.building.stripping import blank_unloaded_sections
from scones_operations.building.targets import ARCHITECTURES, Target, find_target, target_for_here
from scones_operations.repository import SERVICES, Package, find_package, find_root

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TooLarge", "Zip", "build_service", "fill", "main"]

LIMITS_MB = {"serializer": 10.0, "classifier": 6.5, "filter": 4.5}
"""Megabytes (10^6 bytes) that a zip for arm64 may have: the larger, the slower a cold start."""
OTHERS_ALLOWANCE = 1.1
"""How many times as much for the others: machine code of x86_64 is larger."""
UNPACKED_LIMIT_MB = 250.0
"""Lambda's own, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class TooLarge(Failed):
    """A zip is over its limit."""


@dataclass(frozen=True)
class Zip:
    """A built zip.

    Attributes:
        path: Where it lies.
        sha256: Of its bytes, in hexadecimal digits.
        size: In bytes.
        version: The service's own.
        service: Its name.
        arch: arm64, x86_64 or local.
    """

    path: Path
    sha256: str
    size: int
    version: str
    service: str
    arch: str


def build_service(
    root: Path, service: str, arch: str, out: Path | None = None, limit_mb: float | None = None
) -> Zip:
    """Build a service's zip, the same bytes from the same sources in any folder, and invoke it.

    Args:
        root: The repository.
        service: One of `SERVICES`.
        arch: arm64, x86_64, or local for this machine and the running Python.
        out: Folder of the zip; by default dist/ of the repository.
        limit_mb: In place of `LIMITS_MB`.

    Raises:
        CannotBeDone: No such service or architecture.
        Failed: It cannot be installed or compiled, does not work, or is too large.
    """
    if service not in SERVICES:
        raise CannotBeDone(f"{service} is no Lambda function: name {', '.join(SERVICES)}.")
    package, target = find_package(root, service), find_target(arch)
    path = (out or root / "dist") / f"{service}-{package.version}-{arch}.zip"
    with TemporaryDirectory() as name:
        folder = Path(name)
        _say(package, target, "installing")
        fill(folder, package, target)
        _refuse_over(UNPACKED_LIMIT_MB, bytes_below(folder), f"{service}, unpacked,")
        _invoke(folder, package, target)
        pack(folder, path)
    built = Zip(path, sha256_of(path), path.stat().st_size, package.version, service, arch)
    _refuse_over(limit_mb or _limit_mb(built), built.size, str(path))
    return built


def fill(folder: Path, service: Package, target: Target) -> None:
    """Make an empty folder into what Lambda unpacks.

    Raises:
        Failed: It cannot be installed or compiled.
    """
    install(service, target, folder)
    prune(folder, CLIENTS[service.name])
    blank_unloaded_sections(folder)
    if target.python:
        compile_folder(target.python, folder)
        return
    print(
        f"WARNING: no Python {target.version} is installed here, so the zip has no bytecode and "
        f"will start slower: install it, so that `python{target.version}` runs, and build again.",
        file=sys.stderr,
    )


def _invoke(folder: Path, service: Package, target: Target) -> None:
    """Invoke the folder itself if this machine can, else one built for here from the same lock."""
    here, python = target_for_here()
    if target.arch in {"local", here.arch} and target.python:
        _say(service, target, "invoking it")
        smoke_test(folder, service, target.python)
        return
    _say(service, target, f"cannot run here: invoking what the same lock gives for {here}")
    with TemporaryDirectory() as name:
        fill(Path(name), service, here)
        smoke_test(Path(name), service, python)


def _limit_mb(built: Zip) -> float:
    return LIMITS_MB[built.service] * (1 if built.arch == "arm64" else OTHERS_ALLOWANCE)


def _refuse_over(limit_mb: float, size: int, what: str) -> None:
    if size > limit_mb * 1e6:
        raise TooLarge(
            f"{what} has {size / 1e6:.2f} MB, more than {limit_mb:g}: leave more out "
            "(building/pruning.py) or, up to Lambda's own limits, allow more (--limit-mb)."
        )


def _say(service: Package, target: Target, what: str) -> None:
    print(f"{service.name} {service.version} for {target}: {what}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the named services, else all; returns the exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _build(options))


def _build(options: argparse.Namespace) -> int:
    root = find_root()
    for service in options.services or SERVICES:
        built = build_service(root, service, options.arch, options.out, options.limit_mb)
        print(f"{built.path}: {built.size / 1e6:.2f} MB, sha256 {built.sha256}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-ops build", description=__doc__)
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=", ".join(SERVICES))
    parser.add_argument(
        "--arch",
        choices=ARCHITECTURES,
        default="arm64",
        help="Lambda's, or local: this machine and the Python that runs this (default: arm64)",
    )
    parser.add_argument("--out", type=Path, help="folder of the zips (default: dist)")
    parser.add_argument(
        "--limit-mb",
        type=float,
        help="largest zip in 10^6 bytes (default for arm64: "
        f"{', '.join(f'{service} {limit:g}' for service, limit in LIMITS_MB.items())})",
    )
    return parser
