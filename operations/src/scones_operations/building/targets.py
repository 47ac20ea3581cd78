"""What a zip is built for: an architecture of Lambda's, or this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import uv

from scones_operations.account import CannotBeDone

__all__ = ["ARCHITECTURES", "LAMBDA_PYTHON", "UV", "Target", "find_target", "target_for_here"]

LAMBDA_PYTHON = "3.13"
"""Python of the functions' Runtime in services/*/template.yaml."""
ARCHITECTURES = ("arm64", "x86_64", "local")
# Not the older manylinux2014, for which Pillow 13 has no wheels: an older Pillow would be taken.
_PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
_MACHINES = {"arm64": "arm64", "aarch64": "arm64", "x86_64": "x86_64", "AMD64": "x86_64"}

UV = uv.find_uv_bin()
"""Found once and here: threads that look for it at the same time find half of `sysconfig` there."""


@dataclass(frozen=True)
class Target:
    """Where a zip will run.

    Attributes:
        arch: arm64 or x86_64 on Lambda, or local.
        platform: uv's name of the platform; None is this machine's.
        version: Of Python, such as 3.13.
        python: An interpreter of that version on this machine, if there is one.
    """

    arch: str
    platform: str | None
    version: str
    python: Path | None

    def __str__(self) -> str:
        return f"{self.arch}, Python {self.version}"


def find_target(arch: str) -> Target:
    """The target of that name.

    Raises:
        CannotBeDone: There is none.
    """
    if arch == "local":
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Target(arch, None, version, Path(sys.executable))
    if arch not in _PLATFORMS:
        raise CannotBeDone(f"{arch} is no architecture: name {', '.join(ARCHITECTURES)}.")
    return Target(arch, _PLATFORMS[arch], LAMBDA_PYTHON, _python(LAMBDA_PYTHON))


def target_for_here() -> tuple[Target, Path]:
    """Lambda's own target where this machine can run it, else local; and an interpreter for it."""
    arch = _MACHINES.get(platform.machine())
    if arch and platform.libc_ver()[0] == "glibc":
        target = find_target(arch)
        if target.python:
            return target, target.python
    return find_target("local"), Path(sys.executable)


@cache
def _python(version: str) -> Path | None:
    """An interpreter of that version, if one is installed; nothing is downloaded."""
    command = ("python", "find", "--system", "--no-project", "--no-python-downloads", version)
    # A pyenv shim refuses to run a version that is installed but not selected.
    found = subprocess.run(
        [UV, *command],
        env={**os.environ, "PYENV_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None
