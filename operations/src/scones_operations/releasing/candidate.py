"""Whether a package may be released as it stands in the working tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone
from scones_operations.releasing.changelog import newest_version
from scones_operations.releasing.history import commit_of, uncommitted
from scones_operations.repository import Package, find_package

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Candidate", "find_candidate"]


@dataclass(frozen=True)
class Candidate:
    """A package whose version, changelog and tag agree, with nothing uncommitted.

    Attributes:
        package: The package.
        commit: What is checked out, in full.
        tagged: Whether its tag is there; if so, it is that commit.
    """

    package: Package
    commit: str
    tagged: bool


def find_candidate(root: Path, name: str, tag: str | None = None) -> Candidate:
    """Check the package of a name.

    Args:
        root: The repository.
        name: The package's.
        tag: What is said to be its tag; None for the tag of its version.

    Raises:
        CannotBeDone: Something does not agree; the message says what to do.
    """
    package = find_package(root, name)
    _check_names(package, tag or package.tag)
    if left := uncommitted(root, package.folder):
        raise CannotBeDone(f"Not committed, so in no release: {', '.join(left)}.")
    head = commit_of(root)
    if head is None:
        raise CannotBeDone(f"{root} has no commit yet.")
    tagged = commit_of(root, f"refs/tags/{package.tag}")
    if tagged not in {None, head}:
        raise CannotBeDone(
            f"{package.tag} is commit {str(tagged)[:7]}, and {head[:7]} is checked out: "
            f"`git checkout {package.tag}` first, or raise the version."
        )
    return Candidate(package, head, tagged is not None)


def _check_names(package: Package, tag: str) -> None:
    if tag != package.tag:
        raise CannotBeDone(
            f"{tag} is not the tag of {package.name} {package.version}, its version in "
            f"pyproject.toml: that is {package.tag}."
        )
    newest = newest_version((package.folder / "CHANGELOG.md").read_text(encoding="utf-8"))
    if newest != package.version:
        raise CannotBeDone(
            f"The newest dated section of {package.name}'s CHANGELOG.md is {newest}, the version "
            f"in pyproject.toml {package.version}: begin a section `## [{package.version}] - "
            "YYYY-MM-DD`, or raise the version."
        )
