"""Deploy an approved version: create the endpoint's stack, or move the endpoint to the version.

Shows what changes, changes it, and tells its course. A new model gets a part of the traffic first
(a canary) and the rest when no alarm has rung; else the endpoint goes back by itself, this command
says why, and the version is marked Rejected. An endpoint costs money by the hour until
`scones-model destroy`. Outputs of the stack are parameters of the services' stacks, also what the
model says of itself: labels, size, fit, colour, threshold.

Exit status: 0 deployed or nothing to change, 1 it failed or went back, 2 bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import scones_model
from scones_model.aws.account import CannotBeDone, run
from scones_model.aws.deployment import RolledBack, carry_out, planned
from scones_model.aws.packages import REJECTED, approved_to_deploy, judge
from scones_model.aws.requests import send, show
from scones_model.aws.stack import stage_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.aws.packages import Package

__all__ = ["TEMPLATE", "NoTemplate", "main", "setting", "template"]

TEMPLATE = Path(scones_model.__file__).parents[2] / "template.yaml"


class NoTemplate(CannotBeDone):
    """The template is not where it should be."""


def main(argv: Sequence[str] | None = None) -> int:
    """Deploy, or show what would; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _deploy(options))


def _deploy(options: argparse.Namespace) -> int:
    package = approved_to_deploy(options.group, options.version)
    asked = planned(package, options.stage, template(options.template), dict(options.set))
    if options.dry_run:
        show(asked)
        return 0
    try:
        stack = carry_out(asked, package, options.stage, print)
    except RolledBack as error:
        _reject(package, options, str(error))
        raise
    if stack is None:
        print(f"Nothing to change: {package} is deployed already.")
    else:
        print(f"{package} is deployed.")
        print("".join(f"{name}: {value}\n" for name, value in stack.outputs.items()), end="")
    return 0


def _reject(package: Package, options: argparse.Namespace, why: str) -> None:
    """Else it were the newest approved version still, to deploy and to compare others with."""
    if options.keep:
        return
    send(judge(package, REJECTED, f"In stage {options.stage}: {why}"))
    print(f"{package} is marked Rejected (--keep leaves it as it is).", file=sys.stderr)


def template(path: Path) -> str:
    """The template's text; raises NoTemplate."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NoTemplate(f"{path} cannot be read: --template model/template.yaml.") from error


def setting(text: str) -> tuple[str, str]:
    """`Name=value`, a parameter of the template."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("as in MinInstances=1")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model deploy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--group", required=True, help="model package group")
    add("--version", type=int, help="(the newest approved one)")
    add("--stage", type=stage_name, default="dev", help="part of every name (dev)")
    add("--set", type=setting, action="append", default=[], metavar="NAME=VALUE",
        help="a parameter of the template: MinInstances=1, BakeSeconds=300, ...")  # fmt: skip
    add("--keep", action="store_true", help="do not reject a version that an alarm has refused")
    add("--template", type=Path, default=TEMPLATE, help="(model/template.yaml)")
    add("--dry-run", action="store_true", help="print the requests instead of sending them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
