"""Install a service and its locked dependencies into a folder, for any platform."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from scones_operations.account import Failed
from scones_operations.building.targets import UV

if TYPE_CHECKING:
    from pathlib import Path

    from scones_operations.building.targets import Target
    from scones_operations.repository import Package

__all__ = ["NotInstalled", "install", "install_lock"]


class NotInstalled(Failed):
    """The locked dependencies could not be installed."""


def install(service: Package, target: Target, folder: Path) -> None:
    """Put the service's package and exactly its locked dependencies into the folder.

    Raises:
        NotInstalled: As `install_lock`.
    """
    install_lock(service.folder / "requirements.txt", target, folder)
    package = f"scones_{service.name}"
    source = service.folder / "src" / package
    shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))


def install_lock(lock: Path, target: Target, folder: Path) -> None:
    """Put exactly what a file of locked requirements names into the folder.

    Raises:
        NotInstalled: The index does not answer, a wheel is missing, a hash differs.
    """
    command = [
        UV, "pip", "install", "--quiet", "--python", sys.executable,
        "--target", str(folder), "--requirement", str(lock), "--require-hashes", "--no-deps",
        "--only-binary", ":all:", "--no-compile",
        "--link-mode", "copy",  # what is trimmed later must not be a link into uv's cache
    ]  # fmt: skip
    if target.platform:
        command += ["--python-platform", target.platform, "--python-version", target.version]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(
            f"{lock} cannot be installed for {target.arch}; uv says:\n{done.stderr.strip()}"
        )
