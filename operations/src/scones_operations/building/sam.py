"""Show that AWS's own tool builds the services as well: `sam validate`, `sam build`, invoke.

What ships is our zip, smaller and the same from build to build; who knows SAM can use SAM.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone, Failed
from scones_operations.building.smoke import smoke_test
from scones_operations.building.targets import LAMBDA_PYTHON, target_for_here
from scones_operations.repository import find_package

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SamFailed", "check_with_sam"]

FUNCTION = "Function"
"""The function's name in the services' templates, and so of the folder that SAM builds."""
# Nothing is sent to a region, but cfn-lint checks against one.
REGION = "eu-central-1"


class SamFailed(Failed):
    """SAM refuses a template or cannot build it."""


def check_with_sam(root: Path, service: str, sam: str = "sam") -> None:
    """Validate a service's template, build it without Docker, and invoke what came out.

    Args:
        root: The repository.
        service: One of `SERVICES`.
        sam: The program.

    Raises:
        CannotBeDone: SAM builds with the function's Python alone, and this machine has none.
        SamFailed: SAM says what is wrong.
        DoesNotWork: What it built cannot be invoked, or answers something else.
    """
    package = find_package(root, service)
    template = str(package.folder / "template.yaml")
    here, python = target_for_here()
    if here.arch == "local":
        raise CannotBeDone(f"sam build needs Python {LAMBDA_PYTHON} on this machine: install it.")
    _run((sam, "validate", "--lint", "--template", template, "--region", REGION), python)
    with TemporaryDirectory() as name:
        built = Path(name, "built")  # beside which SAM writes a build.toml
        build = (
            sam, "build", "--template", template, "--build-dir", str(built), "--region", REGION,
        )  # fmt: skip
        manifest = str(package.folder / "requirements.txt")
        # For this machine's architecture, so that it can be invoked.
        chosen = ("--parameter-overrides", f"Architecture={here.arch}")
        _run((*build, "--manifest", manifest, *chosen), python)
        smoke_test(built / FUNCTION, package, python)


def _run(command: Sequence[str], python: Path) -> None:
    """Run SAM, which looks for the function's Python by its name."""
    path = os.pathsep.join((str(python.parent), os.environ["PATH"]))
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise SamFailed(f"this failed: {shlex.join(command)}\n{said}")
