"""Roll a service back: point its alias `live` to an earlier version, all traffic at once.

By default that is the version that was live before this one; after a rollback the next older one. A
release under way is stopped: CodeDeploy gives the old version all traffic back.

Exit status: 0 rolled back, 1 AWS failed, 2 there is nothing to go back to.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from rich.console import Console

from scones_operations.account import CannotBeDone, client, run
from scones_operations.progress import telling
from scones_operations.releasing.publication import move_alias
from scones_operations.releasing.versions import function_name, published, traffic
from scones_operations.repository import SERVICES
from scones_operations.stacks.cloudformation import find_stack, stack_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scones_operations.releasing.versions import Version
    from scones_operations.stacks.cloudformation import Stack

__all__ = ["main", "target"]

PAUSE_S = 5.0
"""Between two looks at a stack that CloudFormation is busy with."""


def main(argv: Sequence[str] | None = None) -> int:
    """Roll one service back; returns the exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _roll_back(options))


def _roll_back(options: argparse.Namespace) -> int:
    with telling(Console(), f"{options.service} goes back ...") as tell:
        stack = _live_stack(options.stage, options.service)
        if stack.status.endswith("_IN_PROGRESS"):
            if options.dry_run:
                tell(f"{stack.name} is {stack.status}: what moves would be stopped.")
                return 0
            stack = _stop(stack, options.stage, options.service, tell)
            if stack.status == "UPDATE_ROLLBACK_COMPLETE" and options.to is None:
                return 0
        _go_back(stack, options, tell)
    return 0


def _live_stack(stage: str, service: str) -> Stack:
    stack = find_stack(stack_name(stage, service))
    if stack is None or not stack.parameters.get("LiveVersion"):
        raise CannotBeDone(f"{service} was never live in {stage}: there is nothing to go back to.")
    return stack


def _go_back(stack: Stack, options: argparse.Namespace, tell: Callable[[str], None]) -> None:
    versions = published(function_name(options.stage, options.service))
    wanted = target(versions, stack.parameters, options.to)
    notes = {stack.parameters["LiveVersion"]: "  <- live", wanted: "  <- back to this one"}
    for one in versions:
        tell(f"  {one}, {one.changed[:16]}{notes.get(one.number, '')}")
    if not options.dry_run:
        move_alias(stack, options.service, wanted, tell, back=True)


def target(versions: Sequence[Version], parameters: Mapping[str, str], to: str | None) -> str:
    """Number of the version to go back to.

    Args:
        versions: What is published.
        parameters: The stack's: LiveVersion and PreviousVersion.
        to: What was asked for; None for the version that was live before, else the next older one.

    Raises:
        CannotBeDone: There is no such version.
    """
    live, before = parameters["LiveVersion"], parameters.get("PreviousVersion", "")
    numbers = [one.number for one in versions]
    if to is not None:
        if to == live or to not in numbers:
            what = "is what is live" if to == live else "was never published, or is deleted"
            others = ", ".join(one for one in numbers if one != live) or "none"
            raise CannotBeDone(f"Version {to} {what}; others: {others}.")
        return to
    if before in numbers:
        return before
    older = [one for one in numbers if int(one) < int(live)]
    if not older:
        raise CannotBeDone(f"There is no version before {live}: name another by --to.")
    return max(older, key=int)


def _stop(stack: Stack, stage: str, service: str, tell: Callable[[str], None]) -> Stack:
    """Stop what moves; returns the stack when CloudFormation has undone the rest."""
    function = function_name(stage, service)
    if stack.status == "UPDATE_IN_PROGRESS":
        _stop_deployment(stack.name, function, tell)
    while stack.status.endswith("_IN_PROGRESS"):
        tell(f"{stack.name} is {stack.status} ...")
        time.sleep(PAUSE_S)
        stack = _live_stack(stage, service)
    tell(f"{stack.name} is {stack.status}: all calls go to {traffic(function)}.")
    return stack


def _stop_deployment(name: str, application: str, tell: Callable[[str], None]) -> None:
    """Have CodeDeploy give the old version its traffic back, which fails the stack's update."""
    codedeploy = client("codedeploy")
    try:
        running = codedeploy.list_deployments(
            applicationName=application,
            deploymentGroupName="live",
            includeOnlyStatuses=["Created", "Queued", "InProgress"],
        )["deployments"]
    except codedeploy.exceptions.ApplicationDoesNotExistException:
        running = []
    if not running:
        raise CannotBeDone(f"{name} is being changed, and no traffic moves yet: try again soon.")
    for deployment in running:
        codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
        tell(f"Deployment {deployment} is stopped.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops rollback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("service", choices=SERVICES, metavar="SERVICE", help=", ".join(SERVICES))
    add("--to", metavar="VERSION", help="to this version of its function: 1, 2, ...")
    stage = os.environ.get("STAGE") or "dev"
    add("--stage", default=stage, help="part of every name ($STAGE, else dev)")
    add("--dry-run", action="store_true", help="list the versions and say what would happen")
    return parser
