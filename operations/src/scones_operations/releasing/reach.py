"""What a changed file reaches: a package's artifact, a stack, or neither."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from scones_operations.repository import RELEASED, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STACKS", "folder_of", "reaching", "stacks_reached"]

_FOLDERS = frozenset({"src", "weights"})
_FILES = frozenset({"pyproject.toml", "requirements.txt", "template.yaml", "Dockerfile"})
STACKS = {
    "artifacts": ("operations/artifacts.yaml",),
    "orchestration": ("orchestration/template.yaml", "orchestration/workflow.asl.json"),
    "backfill": ("orchestration/backfill.yaml", "orchestration/backfill.asl.json"),
    "observability": ("observability/template.yaml",),
}
"""Stacks that hold no package of their own: what each is made of."""


def folder_of(package: str) -> str:
    """A package's folder below the repository's root."""
    return f"services/{package}" if package in SERVICES else package


def reaching(package: str, files: Iterable[str]) -> tuple[str, ...]:
    """Those files that become a part of the package's artifact, or of the stack that runs it.

    Tests, documents and locks of test environments do not.
    """
    assert package in RELEASED  # noqa: S101 - the callers name packages from there
    home = PurePosixPath(folder_of(package))
    return tuple(
        path
        for path in files
        if PurePosixPath(path).is_relative_to(home)
        and _is_part(PurePosixPath(path).relative_to(home))
    )


def _is_part(path: PurePosixPath) -> bool:
    return not _FOLDERS.isdisjoint(path.parts[:1]) or str(path) in _FILES


def stacks_reached(files: Iterable[str]) -> tuple[str, ...]:
    """Stacks without a package that the files are a part of; `scones-ops deploy` changes them."""
    changed = set(files)
    return tuple(name for name, parts in STACKS.items() if changed & set(parts))
