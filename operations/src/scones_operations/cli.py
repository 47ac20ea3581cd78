"""The command line `scones-ops`: one word picks the module that does the work.

Each module is imported only when it is asked for, so that no command pays for another's imports.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = {
    "build": ("building", "make a service's zip for Lambda"),
    "due": ("releasing", "list what a range of commits makes due for release"),
    "release": ("releasing", "release one package; a service takes traffic by canary"),
    "rollback": ("releasing", "point a service's live alias at an earlier version"),
    "deploy": ("stacks", "create or change all stacks of a stage, in order"),
    "destroy": ("stacks", "delete all stacks of a stage, and list what still costs money"),
    "account": ("accounting", "compare uploads with outcomes: what is missing or doubled"),
    "redrive": ("recovery", "send dead letters through the workflow again"),
    "backfill": ("recovery", "run the workflow over objects that are in S3 already"),
    "validate": ("validation", "check every template, policy and workflow"),
    "cost": ("cost", "say what images and idle months cost"),
}
"""The room that holds each command's module, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    listing = "\n".join(f"  {name:<10}{meaning}" for name, (_, meaning) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="scones-ops",
        description=f"commands (each has its own --help):\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    room, _ = COMMANDS[arguments.command]
    module = importlib.import_module(f"scones_operations.{room}.{arguments.command}")
    status: int = module.main(arguments.rest)
    return status


if __name__ == "__main__":
    sys.exit(main())
