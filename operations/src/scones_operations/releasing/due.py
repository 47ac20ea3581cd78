"""Say what is due for release: which packages a range of commits changed, and which stacks.

A package is due when what changed reaches its artifact: its src, its locked requirements, its
pyproject.toml, its template. Without a range each package is compared with its own last tag. A
version that has no tag yet may still change; one that has one must be raised.

Exit status: 0; with --check 1 when a version must be raised, or has no section in its changelog.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from scones_operations.account import CannotBeDone, run
from scones_operations.releasing.changelog import newest_version
from scones_operations.releasing.history import changed_files, commit_of, file_at, last_tag, parting
from scones_operations.releasing.reach import folder_of, reaching, stacks_reached
from scones_operations.repository import RELEASED, find_root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Due", "find_due", "main"]


@dataclass(frozen=True)
class Due:
    """How a package stands at the end of a range of commits.

    Attributes:
        package: Its name.
        since: What it is compared with: a tag or a commit; None when there is nothing before.
        files: What changed and reaches its artifact.
        before: Its version then; None when it was not there.
        version: Its version now.
        released: Whether that version has a tag.
        raised: Whether nothing that reaches the artifact changed since that tag, if there is one.
        noted: Whether its changelog's newest section is that version.
    """

    package: str
    since: str | None
    files: tuple[str, ...]
    before: str | None
    version: str
    released: bool
    raised: bool
    noted: bool

    @property
    def ready(self) -> bool:
        """Whether version and changelog are raised as far as the change needs it."""
        return not self.files or (self.raised and self.noted)

    @property
    def advice(self) -> str:
        """What to do about it."""
        if not self.files:
            return "-"
        if not self.raised:
            return f"raise the version, {self.version}"
        if not self.noted:
            return f"begin [{self.version}] in its changelog"
        return "released" if self.released else f"make release PACKAGE={self.package}"


def find_due(root: Path, package: str, since: str | None, until: str = "HEAD") -> Due:
    """See how a package stands between two commits; all of it is new without a first one."""
    folder = folder_of(package)
    version = _version(root, until, folder)
    if version is None:
        raise CannotBeDone(f"There is no {folder}/pyproject.toml at {until}.")
    tag = f"refs/tags/{package}-v{version}"
    released = commit_of(root, tag) is not None
    return Due(
        package,
        since,
        reaching(package, changed_files(root, since, until)),
        _version(root, since, folder) if since else None,
        version,
        released,
        not (released and reaching(package, changed_files(root, tag, until))),
        newest_version(file_at(root, until, f"{folder}/CHANGELOG.md") or "") == version,
    )


def _version(root: Path, commit: str, folder: str) -> str | None:
    text = file_at(root, commit, f"{folder}/pyproject.toml")
    if text is None:
        return None
    version: str = tomllib.loads(text)["project"]["version"]
    return version


def main(argv: Sequence[str] | None = None) -> int:
    """Say what is due; returns the exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _due(find_root(), options))


def _due(root: Path, options: argparse.Namespace) -> int:
    if options.range is None:
        found = [find_due(root, name, last_tag(root, f"{name}-v*")) for name in RELEASED]
        since, until = last_tag(root, "*-v*"), "HEAD"
    else:
        since, until = _ends(root, options.range)
        found = [find_due(root, name, since, until) for name in RELEASED]
    console = Console()
    console.print(_table(found))
    for one in found:
        for path in one.files if one.since else ():
            console.print(f"  {one.package}: {path}", highlight=False, soft_wrap=True)
    stacks = stacks_reached(changed_files(root, since, until))
    console.print(f"Stacks to deploy (changed since {since or 'the beginning'}): "
                  f"{', '.join(stacks) or 'none'}.", highlight=False, soft_wrap=True)  # fmt: skip
    return int(options.check and not all(one.ready for one in found))


def _ends(root: Path, given: str) -> tuple[str, str]:
    """First and last commit of a range as git writes it: `A..B`, `A...B`, or `A` for `A..HEAD`."""
    first, dots, last = given.partition("...")
    if dots:
        return parting(root, first or "HEAD", last or "HEAD"), last or "HEAD"
    first, _, last = given.partition("..")
    for name in (first or "HEAD", last or "HEAD"):
        if commit_of(root, name) is None:
            raise CannotBeDone(f"{name} is no commit: fetch it, or name another range.")
    return first or "HEAD", last or "HEAD"


def _table(found: Sequence[Due]) -> Table:
    table = Table("package", "since", "version", "files", "to do", box=box.SIMPLE)
    for one in found:
        versions = (
            one.version if one.before == one.version else f"{one.before or 'none'} -> {one.version}"
        )
        since = one.since or "never released"
        table.add_row(one.package, since, versions, str(len(one.files)), one.advice)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops due",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("range", nargs="?", metavar="RANGE", help="main..HEAD, origin/main...HEAD")
    parser.add_argument("--check", action="store_true", help="exit 1 when a version is not raised")
    return parser
