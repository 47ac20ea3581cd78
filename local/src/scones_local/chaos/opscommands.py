"""`scones-ops`, run against a stack as a person runs it: in its own environment, by its options."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_local.stack import STAGE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["OpsCommands", "OpsFailed"]

ACCOUNTED = (0, 3)
"""How accounting ends: each upload is accounted for, or some are not."""
PATIENCE = "1s"
"""When accounting is asked, all events have been delivered."""
PER_SECOND = "50"
"""Redriven runs: more than the engine does, so that the engine sets the pace."""


class OpsFailed(RuntimeError):
    """A command ended with another status than it should; the message is what it said."""


@dataclass(frozen=True)
class OpsCommands:
    """The commands that a chaos run needs.

    Attributes:
        python: Interpreter of operations' environment.
        environment: Variables that reach the stack.
    """

    python: str
    environment: Mapping[str, str]

    def redrive_all(self) -> None:
        """Send every dead letter through the workflow again."""
        self._run("redrive", "--all", "--per-second", PER_SECOND)

    def discard(self, errors: Sequence[str]) -> set[str]:
        """Delete the letters with these errors; returns their SQS ids."""
        said = self._run("redrive", "--discard", "--yes", "--error", *errors)
        return {json.loads(line)["MessageId"] for line in said.splitlines() if line.strip()}

    def account(self, report: Path) -> dict[str, Any]:
        """What accounting says of the whole bucket, by the ledger; `report` is the file for it.

        It has no messages to go by: they have been taken out of their queues.
        """
        asked = ("--no-queues", "--patience", PATIENCE, "--json", str(report))
        self._run("account", *asked, ends_with=ACCOUNTED)
        told: dict[str, Any] = json.loads(report.read_text())
        return told

    def rerun_missing(self) -> None:
        """Have accounting run again what has no outcome; the ledger knows which these are."""
        self._run("account", "--rerun", "--no-queues", ends_with=ACCOUNTED)

    def _run(self, *arguments: str, ends_with: Collection[int] = (0,)) -> str:
        done = subprocess.run(
            [self.python, "-m", "scones_operations.cli", *arguments, "--stage", STAGE],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in ends_with:
            said = done.stderr.strip() or done.stdout.strip()
            raise OpsFailed(
                f"scones-ops {' '.join(arguments)} ended with {done.returncode}:\n{said}"
            )
        return done.stdout
