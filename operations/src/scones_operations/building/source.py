"""Pack a service without its dependencies, for where these are installed already."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from scones_operations.building.archive import pack, sha256_of
from scones_operations.building.build import Zip
from scones_operations.repository import find_package

__all__ = ["pack_source"]


def pack_source(root: Path, service: str) -> Zip:
    """Pack a service's own modules: the local engine has its dependencies in an environment."""
    package = find_package(root, service)
    path = root / "build" / "source" / f"{service}-{package.version}.zip"
    with TemporaryDirectory() as name:
        folder = Path(name) / "src"
        shutil.copytree(package.folder / "src", folder, ignore=shutil.ignore_patterns("*.pyc"))
        pack(folder, path)
    return Zip(path, sha256_of(path), path.stat().st_size, package.version, service, "local")
