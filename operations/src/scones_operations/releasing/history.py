"""What git knows: commits, tags, what changed and what is not committed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "changed_files",
    "commit_of",
    "file_at",
    "last_tag",
    "make_tag",
    "parting",
    "uncommitted",
]


def commit_of(root: Path, name: str = "HEAD") -> str | None:
    """Full id of the commit that a tag, a branch or HEAD names; None when there is none."""
    done = _git(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")
    return done.stdout.strip() if done.returncode == 0 else None


def last_tag(root: Path, pattern: str, commit: str = "HEAD") -> str | None:
    """The newest tag like `pattern` before or at a commit; None when there is none."""
    done = _git(root, "describe", "--tags", "--abbrev=0", "--match", pattern, commit)
    return done.stdout.strip() if done.returncode == 0 else None


def make_tag(root: Path, tag: str) -> None:
    """Give HEAD an annotated tag."""
    _said(root, "tag", "--annotate", "--message", tag, tag)


def parting(root: Path, one: str, other: str) -> str:
    """The commit at which two histories parted."""
    return _said(root, "merge-base", one, other).strip()


def changed_files(root: Path, before: str | None, after: str) -> tuple[str, ...]:
    """Paths that differ between two commits; all there are when there is nothing before."""
    if before is None:
        told = _said(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", after)
    else:  # a file that moved away from a package has changed that package as well
        told = _said(root, "diff", "--name-only", "-z", "--no-renames", before, after)
    return tuple(filter(None, told.split("\0")))


def file_at(root: Path, commit: str, path: str) -> str | None:
    """A file's text as it was at a commit; None when it was not there."""
    done = _git(root, "show", f"{commit}:{path}")
    return done.stdout if done.returncode == 0 else None


def uncommitted(root: Path, folder: Path) -> tuple[str, ...]:
    """Paths below a folder that are changed, or new and not ignored."""
    told = _said(root, "status", "--porcelain", "-z", "--no-renames", "--", str(folder))
    return tuple(line[3:] for line in told.split("\0") if line)


def _said(root: Path, *arguments: str) -> str:
    done = _git(root, *arguments)
    if done.returncode != 0:
        raise CannotBeDone(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("git", "-C", str(root), *arguments), capture_output=True, text=True, check=False
    )
