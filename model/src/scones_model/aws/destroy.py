"""Destroy a stage's endpoint: delete its stack, and look that nothing is left that costs money.

Captures stay in their bucket unless --captures is given, and versions in the registry unless
--packages; what stays is listed.

Exit status: 0 nothing is left but that, 1 something is, 2 it was not confirmed, or bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, Failed, client, run, unless_missing
from scones_model.aws.events import failures, follow, told_so_far
from scones_model.aws.leftovers import deleted_objects, of_endpoint, size
from scones_model.aws.packages import arns, read, short
from scones_model.aws.place import Place, place
from scones_model.aws.requests import Request, send, show
from scones_model.aws.stack import Stack, StackBusy, read_stack, resources, stack_name, stage_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NotConfirmed", "PackagesInUse", "main"]


class NotConfirmed(CannotBeDone):
    """The stage's name was not typed."""


class PackagesInUse(CannotBeDone):
    """Another stage runs a version of the group."""


def main(argv: Sequence[str] | None = None) -> int:
    """Destroy, or show what would; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _destroy(options))


def _destroy(options: argparse.Namespace) -> int:
    stack = _present(options.stage)
    buckets = resources(stack, "AWS::S3::Bucket") if stack else []
    if options.packages:
        _check_unused(options.packages, options.stage)
    if options.dry_run:
        show(_all_requests(stack, buckets, options))
        return 0
    if not options.yes:
        _confirm(options.stage)
    made = resources(stack) if stack else []
    if stack:
        _delete(stack)
    for bucket in buckets:
        _remove_bucket(bucket, captures=options.captures)
    for request in _without_packages(options.packages):
        send(request)
    return _report(options, made, buckets)


def _present(stage: str) -> Stack | None:
    """The stack in whatever state; raises StackBusy when it cannot be deleted now."""
    stack = unless_missing(lambda: read_stack(stack_name(stage)))
    if stack and stack.status.startswith("UPDATE_") and stack.busy:
        raise StackBusy(
            f"{stack.name} is {stack.status}: wait, or stop that first with "
            f"`scones-model rollback --stage {stage}`."
        )
    return stack


def _confirm(stage: str) -> None:
    print(f"This deletes the endpoint of stage {stage}: who calls it gets errors.")
    if input(f"Type {stage} to go on: ").strip() != stage:
        raise NotConfirmed("Nothing was deleted.")


def _deletion(stack: Stack) -> Request:
    return Request("cloudformation", "DeleteStack", {"StackName": stack.arn})


def _delete(stack: Stack) -> None:
    told = told_so_far(stack.arn)
    send(_deletion(stack))
    stack, events = follow(stack.arn, told, print, lambda: "")
    if stack.status != "DELETE_COMPLETE":
        raise Failed(
            f"{stack.name} is {stack.status}, and may cost money still: "
            + "; ".join(f"{one.resource}: {one.reason}" for one in failures(events))
        )


# --- what a stack does not delete ----------------------------------------------------------------


def _remove_bucket(bucket: str, *, captures: bool) -> None:
    """An empty bucket goes; one with captures only when asked."""
    for request in deleted_objects(Place(bucket, "")) if captures else []:
        send(request)
    if size(Place(bucket, "")) == (0, 0):
        send(Request("s3", "DeleteBucket", {"Bucket": bucket}))


def _check_unused(group: str, stage: str) -> None:
    pages = client("cloudformation").get_paginator("describe_stacks")
    for page in pages.paginate():
        for stack in page["Stacks"]:
            given = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
            used = short(given.get("ModelPackageArn", ""))
            if used.startswith(f"{group.lower()}:") and stack["StackName"] != stack_name(stage):
                raise PackagesInUse(f"{stack['StackName']} runs {used}: destroy that stage first.")


def _without_packages(group: str | None) -> list[Request]:
    """Deletes a group's versions, their files, and the group."""
    if not group:
        return []
    requests = []
    for arn in arns(group):
        requests += deleted_objects(place(read(arn).model_url).above)
        requests.append(Request("sagemaker", "DeleteModelPackage", {"ModelPackageName": arn}))
    named = {"ModelPackageGroupName": group}
    return [*requests, Request("sagemaker", "DeleteModelPackageGroup", named)]


def _all_requests(
    stack: Stack | None, buckets: Sequence[str], options: argparse.Namespace
) -> list[Request]:
    requests = [_deletion(stack)] if stack else []
    for bucket in buckets:
        at = Place(bucket, "")
        requests += deleted_objects(at) if options.captures else []
        if options.captures or size(at) == (0, 0):
            requests.append(Request("s3", "DeleteBucket", {"Bucket": bucket}))
    return requests + _without_packages(options.packages)


# --- what is left --------------------------------------------------------------------------------


def _report(options: argparse.Namespace, made: Sequence[str], buckets: Sequence[str]) -> int:
    left = of_endpoint(options.stage, made)
    for line in left:
        print(f"STILL THERE: {line}")
    if not left:
        print(f"Nothing is left of the endpoint of stage {options.stage}.")
    for bucket in buckets:
        _tell_of_bucket(bucket)
    if made and not options.packages:
        print(
            "The registry's versions stay, with their files in S3: --packages GROUP deletes them."
        )
    return 1 if left else 0


def _tell_of_bucket(bucket: str) -> None:
    found = unless_missing(lambda: size(Place(bucket, "")))
    if found:
        objects, length = found
        print(
            f"Captures stay: {objects} objects, {length:,} bytes in s3://{bucket}, which cost a "
            f"little; `aws s3 rb --force s3://{bucket}` deletes them."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model destroy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--stage", type=stage_name, default="dev", help="part of every name (dev)")
    add("--captures", action="store_true", help="delete the captures, too")
    add("--packages", metavar="GROUP", help="delete this group's versions and their files, too")
    add("--yes", action="store_true", help="do not ask for the stage's name to be typed")
    add("--dry-run", action="store_true", help="print the requests instead of sending them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
