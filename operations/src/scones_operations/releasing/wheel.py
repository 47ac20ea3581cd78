"""Build the wheel of a package that is no Lambda function."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uv

from scones_operations.account import Failed
from scones_operations.building.archive import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from scones_operations.repository import Package

__all__ = ["Wheel", "build_wheel"]


@dataclass(frozen=True)
class Wheel:
    """A built wheel.

    Attributes:
        path: Where it lies.
        sha256: Of its bytes, in hexadecimal digits.
    """

    path: Path
    sha256: str


def build_wheel(root: Path, package: Package) -> Wheel:
    """Build a package's wheel into dist/; a commit gives the same bytes each time.

    The packages' build backend, uv's own, writes neither times nor this machine's name into it.

    Raises:
        Failed: uv cannot build it; the message is what uv says.
    """
    out = root / "dist"
    done = subprocess.run(
        [uv.find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(out), package.folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{package.name} cannot be built; uv says:\n{done.stderr.strip()}")
    path = out / f"scones_{package.name}-{package.version}-py3-none-any.whl"
    return Wheel(path, sha256_of(path))
