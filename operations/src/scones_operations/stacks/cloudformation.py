"""One CloudFormation stack: what is there, and how it is created, changed and deleted."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from scones_operations.account import CannotBeDone, Failed, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

__all__ = ["Stack", "apply_stack", "delete_stack", "find_stack", "settled", "stack_name"]

PAUSE_S = 5.0
"""Between two looks at a stack that CloudFormation is busy with; the local engine needs less."""
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_BUSY = "_IN_PROGRESS"
_CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
"""Roles without names; and SAM's transform, which CloudFormation counts as a macro."""


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it.

    Attributes:
        name: `scones-<stage>-<part>`.
        arn: Its id, which no other stack ever has.
        status: CREATE_COMPLETE, UPDATE_IN_PROGRESS, ...
        parameters: Their values.
        outputs: Their values; those whose condition is false are absent.
        updated: When it was last changed; None for one that never was.
    """

    name: str
    arn: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    updated: datetime | None = None


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
        told.get("LastUpdatedTime"),
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
        Failed: It was refused, or failed and was undone; the message gives the reasons.
    """
    before = find_stack(name)
    if before is not None:
        _check_changeable(before)
    asked = _request(name, template, parameters, before)
    cloudformation = client("cloudformation")
    try:
        if before is None:
            arn = cloudformation.create_stack(**asked, OnFailure="DELETE")["StackId"]
        else:
            arn = cloudformation.update_stack(**asked)["StackId"]
    except ClientError as error:
        if before is not None and "No updates are to be performed" in str(error):
            tell(f"{name} is as it should be.")
            return before
        told = error.response["Error"]
        raise Failed(f"{name}: {error.operation_name} was refused: {told['Message']}") from error
    return settled(name, arn, asked["ClientRequestToken"], tell)


def settled(name: str, arn: str, token: str, tell: Callable[[str], None]) -> Stack:
    """Wait until CloudFormation is done with what it was asked to do to a stack.

    Args:
        name: The stack's.
        arn: The stack's, in case that it is deleted because it could not be created.
        token: The request's, which each event of it carries.
        tell: Gets a line for each event that is worth one.

    Raises:
        Failed: It could not be done and was undone; the message gives the resources' reasons.
    """
    stack = _wait(name, tell)
    if stack is None or stack.status not in _GOOD:
        raise Failed(f"{name}: {_reasons(arn, token)}")
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
    token = str(uuid.uuid4())
    client("cloudformation").delete_stack(StackName=name, ClientRequestToken=token)
    left = _wait(name, tell)
    if left is not None:
        raise Failed(f"{name} is {left.status}: {_reasons(stack.arn, token)}")
    tell(f"{name} is deleted.")


def _check_changeable(stack: Stack) -> None:
    if stack.status in {*_GOOD, "UPDATE_ROLLBACK_COMPLETE"}:
        return
    if stack.status.endswith(_BUSY):
        advice = "wait until CloudFormation is done with it"
    elif stack.status == "UPDATE_ROLLBACK_FAILED":
        advice = f"`aws cloudformation continue-update-rollback --stack-name {stack.name}`"
    else:
        advice = f"`aws cloudformation delete-stack --stack-name {stack.name}`"
    raise CannotBeDone(f"{stack.name} is {stack.status}: {advice}, then try again.")


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
        "Tags": tags, "ClientRequestToken": str(uuid.uuid4()), **body,
    }  # fmt: skip


def _wait(name: str, tell: Callable[[str], None]) -> Stack | None:
    """Look until CloudFormation is done; at first often, for what takes only a moment."""
    pause = 0.1
    while (stack := find_stack(name)) is not None and stack.status.endswith(_BUSY):
        if pause == PAUSE_S:
            tell(f"{name} is {stack.status} ...")
        time.sleep(pause)
        pause = min(pause * 1.5, PAUSE_S)
    return stack


def _reasons(arn: str, token: str) -> str:
    """Why resources failed in one operation, the first reason first."""
    told = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(list(_events(arn)))
        if event.get("ClientRequestToken") == token
        and "FAILED" in event["ResourceStatus"]
        # What was only stopped because something else had failed.
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return "; ".join(told) or "CloudFormation gives no reason; its events are in the console."


def _events(arn: str) -> Iterator[Any]:
    """Events, the newest first; of a stack that was deleted too, as long as it is asked by ARN."""
    pages = client("cloudformation").get_paginator("describe_stack_events")
    for page in pages.paginate(StackName=arn):
        yield from page["StackEvents"]
