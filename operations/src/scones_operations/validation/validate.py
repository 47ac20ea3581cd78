"""`scones-ops validate`: check every template, policy and workflow, without an account.

It needs what the lock requirements-validate.txt installs: `make validate` sees to that.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from scones_operations.account import CannotBeDone, run
from scones_operations.repository import find_root
from scones_operations.validation.checks import find_checks
from scones_operations.validation.linting import require_programs
from scones_operations.validation.templates import find_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_operations.validation.checks import Check

__all__ = ["main"]


@dataclass(frozen=True)
class _Outcome:
    """What became of a check.

    Attributes:
        findings: A sentence for each fault.
        missing: What this machine lacks to make it; empty if it was made.
        seconds: How long it took.
    """

    findings: list[str]
    missing: str
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status, 1 if anything was found."""
    _parser().parse_args(argv)
    return run(_validate)


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="scones-ops validate",
        description="Check every template, policy and workflow, without an account.",
    )


def _validate() -> int:
    root = find_root()
    require_programs()
    templates = find_templates(root)
    checks = find_checks(root, templates)
    found = _report(checks, Console())
    print(f"{len(templates)} templates, {len(checks)} checks, findings: {found}")
    return 1 if found else 0


def _report(checks: Sequence[Check], console: Console) -> int:
    """Make the checks, so many at a time as there are cores; how much they find, shown in turn."""
    found = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool, console.status("") as status:
        outcomes = [pool.submit(_make, check) for check in checks]
        for check, coming in zip(checks, outcomes, strict=True):
            status.update(f"{escape(check.name)}...")
            outcome = coming.result()
            found += len(outcome.findings)
            console.print(_line(check.name, outcome), highlight=False, soft_wrap=True)
            for finding in outcome.findings:
                console.print(escape(indent(finding, "    ")), highlight=False, soft_wrap=True)
    return found


def _make(check: Check) -> _Outcome:
    start = time.monotonic()
    findings, missing = [], ""
    try:
        findings = list(check.find())
    except CannotBeDone as error:
        missing = str(error)
    return _Outcome(findings, missing, time.monotonic() - start)


def _line(name: str, outcome: _Outcome) -> str:
    if outcome.missing:
        return f"[yellow]-[/] {escape(f'{name}: not checked. {outcome.missing}')}"
    mark = "[red]✗[/]" if outcome.findings else "[green]✓[/]"
    return f"{mark} {escape(name)}, {outcome.seconds:.1f} s"
