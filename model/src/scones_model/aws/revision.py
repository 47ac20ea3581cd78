"""The commit that this package was checked out at."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["commit"]


def commit() -> str:
    """Its hash, with `-dirty` when the checkout was edited since; empty outside a checkout."""
    describe = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    command = ("git", "--no-optional-locks", "-C", str(Path(__file__).parent), *describe)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
