"""One CloudFormation stack: what is there, and how it is created, changed and deleted."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from scones_operations.account import CannotBeDone, Failed, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Stack", "apply_stack", "delete_stack", "find_stack", "stack_name"]

PAUSE_S = 5.0
"""Between two looks at a stack that CloudFormation is busy with; the local engine needs less."""
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
"""Roles without names; and SAM's transform, which CloudFormation counts as a macro."""


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    arn: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


def stack_name(stage: str, part: str) -> str:
    """Name of the stack of one part of the system: serializer, orchestration, ..."""
    return f"scones-{stage}-{part}"


def find_stack(name: str) -> Stack | None:
    """The stack with this name or ARN; None when there is none."""
    try:
        told = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if told["StackStatus"] in {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}:
        return None
    return Stack(
        told["StackName"],
        told["StackId"],
        told["StackStatus"],
        {one["ParameterKey"]: one["ParameterValue"] for one in told.get("Parameters", [])},
        {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", [])},
    )


def apply_stack(
    name: str,
    template: Mapping[str, Any] | None,
    parameters: Mapping[str, str],
    tell: Callable[[str], None],
) -> Stack:
    """Create or change a stack and wait until it is done.

    Args:
        name: The stack's.
        template: What it shall be; None keeps the one that it has.
        parameters: Others keep the values that the stack has, or take the template's.
        tell: Gets a line for each event that is worth one.

    Raises:
        CannotBeDone: CloudFormation is busy with it, or must first be helped.
        Failed: It could not be done and was undone; the message gives the resources' reasons.
    """
    before = find_stack(name)
    if before is not None and before.status not in _DONE:
        raise CannotBeDone(f"{name} is {before.status}: wait, or delete it, then try again.")
    asked = _request(name, template, parameters, before)
    cloudformation = client("cloudformation")
    since = time.time()
    try:
        if before is None:
            arn = cloudformation.create_stack(**asked, OnFailure="DELETE")["StackId"]
        else:
            arn = cloudformation.update_stack(**asked)["StackId"]
    except ClientError as error:
        if before is not None and "No updates are to be performed" in str(error):
            tell(f"{name} is as it should be.")
            return before
        raise
    stack = _wait(name, since, tell)
    if stack is None or stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise Failed(f"{name}: {_reasons(arn, since)}")
    tell(f"{name} is {stack.status}.")
    return stack


def delete_stack(name: str, tell: Callable[[str], None]) -> None:
    """Delete a stack and wait until it is gone; nothing happens where there is none.

    Raises:
        Failed: Something of it could not be deleted; the message says what.
    """
    stack = find_stack(name)
    if stack is None:
        return
    since = time.time()
    client("cloudformation").delete_stack(StackName=name)
    left = _wait(name, since, tell)
    if left is not None:
        raise Failed(f"{name} is {left.status}: {_reasons(stack.arn, since)}")
    tell(f"{name} is deleted.")


def _request(
    name: str,
    template: Mapping[str, Any] | None,
    parameters: Mapping[str, str],
    before: Stack | None,
) -> Any:  # noqa: ANN401 - arguments of create_stack and of update_stack
    declared = set(before.parameters if before else ())
    if template is not None:
        declared &= set(template.get("Parameters", {}))
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in declared - set(parameters)]
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    body: dict[str, object] = {"UsePreviousTemplate": True}
    if template is not None:
        body = {"TemplateBody": json.dumps(template, separators=(",", ":"))}
    tags = [{"Key": "project", "Value": "scones"}]
    return {
        "StackName": name, "Parameters": [*kept, *given], "Capabilities": _CAPABILITIES,
        "Tags": tags, **body,
    }  # fmt: skip


def _wait(name: str, since: float, tell: Callable[[str], None]) -> Stack | None:
    """Look until CloudFormation is done; at first often, for what takes only a moment."""
    pause = 0.1
    while (stack := find_stack(name)) is not None and stack.status.endswith("_IN_PROGRESS"):
        if time.time() - since > PAUSE_S:
            tell(f"{name} is {stack.status} ...")
        time.sleep(pause)
        pause = min(pause * 1.5, PAUSE_S)
    return stack


def _reasons(name: str, since: float) -> str:
    failed = [event for event in _events(name) if event["Timestamp"].timestamp() >= since - 5]
    told = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(failed)
        if "FAILED" in event["ResourceStatus"]
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return "; ".join(told) or "CloudFormation gives no reason; its events are in the console."


def _events(name: str) -> Iterator[Any]:
    """Events, the newest first; of a stack that was deleted nothing can be told by name."""
    try:
        for page in (
            client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
        ):
            yield from page["StackEvents"]
    except ClientError:
        return
