"""Roll back: stop a deployment under way, or go back to the version before.

While a deployment runs, an alarm is rung that makes SageMaker return all traffic to the present
fleet. After it, the endpoint moves at once, without a canary, to the version that was deployed
before, or to the newest approved one with a lower number. The bad version is marked Rejected.

Exit status: 0 rolled back, 1 it failed, 2 there is nothing to roll back to, or bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, Failed, client, run
from scones_model.aws.deployment import carry_out, planned
from scones_model.aws.endpoint import brake, describe_endpoint, package_of, traffic
from scones_model.aws.events import failures, follow, told_so_far
from scones_model.aws.packages import (
    APPROVED,
    REJECTED,
    approved_to_deploy,
    judge,
    newest_approved,
    read,
    short,
)
from scones_model.aws.requests import Request, send, show
from scones_model.aws.stack import PAUSE, Stack, existing_stack, stage_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.aws.packages import Package

__all__ = ["NothingToGoBackTo", "main"]

STUCK = "UPDATE_ROLLBACK_FAILED"
_MOVING = ("Updating", "RollingBack")


class NothingToGoBackTo(CannotBeDone):
    """There is no other version that could be deployed instead."""


def main(argv: Sequence[str] | None = None) -> int:
    """Roll back, or show what would; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _roll_back(options))


def _roll_back(options: argparse.Namespace) -> int:
    # In this order: whatever happens to the stack from now on is seen.
    told = told_so_far(existing_stack(options.stage).arn)
    stack = existing_stack(options.stage)
    if not (stack.busy or stack.status == STUCK):
        return _go_back(stack, options)
    if not stack.status.startswith("UPDATE_"):
        raise NothingToGoBackTo(
            f"{stack.name} is {stack.status}, there is nothing before it: "
            f"`scones-model destroy --stage {options.stage}` when that is done."
        )
    bad = _under_way(stack, options.stage)
    wanted = _wanted(stack, options.to)
    asked = _stopping(stack, options)
    if options.dry_run:
        show([*asked, *_rejection(bad, options)])
        return 0
    stack = _stop(stack, asked, options.stage, told if asked else set())
    present = stack.parameters["ModelPackageArn"]
    if stack.status == "UPDATE_COMPLETE" or wanted not in ("", present):
        return _go_back(stack, options)  # it came too late, or the present version is bad as well
    print(f"{short(present)} serves, as before.")
    if bad != present:
        _reject(bad, options)
    return 0


# --- a deployment under way ----------------------------------------------------------------------


def _wanted(stack: Stack, version: int | None) -> str:
    """ARN of the version that was asked for; raises what says that it may not be deployed."""
    if version is None:
        return ""
    return approved_to_deploy(read(stack.parameters["ModelPackageArn"]).group, version).arn


def _under_way(stack: Stack, stage: str) -> str:
    """ARN of the package that is being deployed."""
    endpoint = describe_endpoint(stage)
    pending = endpoint.get("PendingDeploymentSummary") if endpoint else None
    coming = package_of(pending["EndpointConfigName"]) if pending else ""
    return coming or stack.parameters["ModelPackageArn"]


def _stopping(stack: Stack, options: argparse.Namespace) -> list[Request]:
    """What stops it; nothing when it is on its way back, or done but for cleaning up."""
    name = {"StackName": stack.arn}
    if stack.status == STUCK:
        return [Request("cloudformation", "ContinueUpdateRollback", name)]
    if stack.status != "UPDATE_IN_PROGRESS":
        return []
    endpoint = describe_endpoint(options.stage)
    if endpoint and endpoint["EndpointStatus"] in _MOVING:
        # CancelUpdateStack would have CloudFormation update an endpoint that is being updated,
        # which SageMaker refuses.
        return [brake(options.stage, on=True, reason=options.reason)]
    return [Request("cloudformation", "CancelUpdateStack", name)]


def _stop(stack: Stack, asked: Sequence[Request], stage: str, told: set[str]) -> Stack:
    """Stop it and wait until CloudFormation has undone the rest; raises Failed."""
    for request in asked:
        send(request)
        if request.operation == "SetAlarmState":
            _wait_until_back(stage)
            # Now, as CloudFormation may still have to update the endpoint.
            send(brake(stage, on=False, reason="the endpoint is back"))
    stack, events = follow(stack.arn, told, print, lambda: traffic(describe_endpoint(stage)))
    if stack.status == STUCK:
        raise Failed(
            f"{stack.name} is {STUCK}: "
            + "; ".join(f"{one.resource}: {one.reason}" for one in failures(events)[-2:])
            + f"\nMend that, and `scones-model rollback --stage {stage}` again."
        )
    return stack


def _wait_until_back(stage: str) -> None:
    last = ""
    while (endpoint := describe_endpoint(stage)) and endpoint["EndpointStatus"] in _MOVING:
        said = traffic(endpoint)
        if said != last:
            print(said)
        last = said
        time.sleep(PAUSE)


# --- to the version before -----------------------------------------------------------------------


def _go_back(stack: Stack, options: argparse.Namespace) -> int:
    present = read(stack.parameters["ModelPackageArn"])
    target = _target(stack, present, options.to)
    told = client("cloudformation").get_template(StackName=stack.arn, TemplateStage="Original")
    # At once: the version is known, and while a canary was watched the bad one would go on. With
    # nothing before it, rolling back twice goes further back, not forth again.
    settings = {"TrafficShift": "ALL_AT_ONCE", "PreviousModelPackageArn": ""}
    asked = planned(target, options.stage, str(told["TemplateBody"]), settings)
    if options.dry_run:
        show([*asked, *_rejection(present.arn, options)])
        return 0
    carry_out(asked, target, options.stage, print)
    print(f"{target} is deployed in the place of {present}.")
    _reject(present.arn, options)
    return 0


def _target(stack: Stack, present: Package, version: int | None) -> Package:
    if version is not None:
        target = approved_to_deploy(present.group, version)
        if target.arn == present.arn:
            raise NothingToGoBackTo(f"{target} is what is deployed.")
        return target
    before = stack.parameters.get("PreviousModelPackageArn", "")
    if before:
        target = read(before)
        if target.approval == APPROVED:
            return target
    found = newest_approved(present.group, besides=present.arn, below=present.version)
    if found is None:
        raise NothingToGoBackTo(
            f"No version of {present.group} before {present.version} is approved: "
            "approve one, or name one by --to."
        )
    return found


def _rejection(arn: str, options: argparse.Namespace) -> list[Request]:
    return [] if options.keep else [judge(read(arn), REJECTED, options.reason)]


def _reject(arn: str, options: argparse.Namespace) -> None:
    for request in _rejection(arn, options):
        send(request)
        print(f"{short(arn)} is marked Rejected: {request.parameters['ApprovalDescription']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model rollback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--stage", type=stage_name, default="dev", help="part of every name (dev)")
    add("--to", type=int, metavar="VERSION", help="to this one; it must be approved")
    add("--reason", default="rolled back by hand", help="kept with the rejection")
    add("--keep", action="store_true", help="do not reject the version that is left")
    add("--dry-run", action="store_true", help="print the requests instead of sending them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
