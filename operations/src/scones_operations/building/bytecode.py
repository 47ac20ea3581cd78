"""Compile a folder's modules ahead: on Lambda nothing that Python compiles is kept."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from scones_operations.account import Failed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NotCompiled", "compile_folder"]

ROOT_ON_LAMBDA = "/var/task"
"""Where Lambda unpacks a zip; tracebacks name files below it."""


class NotCompiled(Failed):
    """A module is not valid Python for the target."""


def compile_folder(python: Path, folder: Path) -> None:
    """Put bytecode beside every module; the same sources give the same bytes in any folder.

    The interpreter must be of the version that will read it. Files are never compared with their
    sources (unchecked-hash), which stay for tracebacks.

    Raises:
        NotCompiled: Names the module.
    """
    command = (
        str(python), "-S", "-P", "-m", "compileall", "-q", "-f",
        "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", ROOT_ON_LAMBDA,
        str(folder),
    )  # fmt: skip
    # The seed orders what is hashed; -I would ignore it together with all other variables.
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        env={**others, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotCompiled(f"bytecode cannot be made:\n{(done.stdout + done.stderr).strip()}")
