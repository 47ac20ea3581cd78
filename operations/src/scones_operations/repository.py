"""The repository: where it is, and the packages in it that have a version of their own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from scones_operations.account import CannotBeDone

__all__ = ["RELEASED", "SERVICES", "Package", "find_package", "find_root"]

SERVICES = ("serializer", "classifier", "filter")
"""The Lambda functions; each is a folder below services/."""
RELEASED = (*SERVICES, "model", "monitoring")
"""What has tags: `serializer-v1.2.0`."""


@dataclass(frozen=True)
class Package:
    """One package of the repository.

    Attributes:
        name: Name of its folder, and prefix of its tags.
        folder: Where it is, below the repository's root.
        version: From its pyproject.toml.
    """

    name: str
    folder: Path
    version: str

    @property
    def tag(self) -> str:
        """The tag of this version."""
        return f"{self.name}-v{self.version}"


def find_root(start: Path | None = None) -> Path:
    """The repository that `start`, by default the working directory, is in.

    Raises:
        CannotBeDone: It is in none.
    """
    place = (start or Path.cwd()).resolve()
    for folder in (place, *place.parents):
        if (folder / "noxfile.py").exists() and (folder / "services").is_dir():
            return folder
    raise CannotBeDone(f"{place} is not in the repository: change into it.")


def find_package(root: Path, name: str) -> Package:
    """The package of that name in the repository at `root`.

    Raises:
        CannotBeDone: There is none.
    """
    if name not in RELEASED:
        raise CannotBeDone(f"{name} is no package to release: name {', '.join(RELEASED)}.")
    folder = root / ("services" if name in SERVICES else "") / name
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return Package(name, folder, project["project"]["version"])
