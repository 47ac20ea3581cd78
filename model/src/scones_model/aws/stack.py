"""The endpoint's CloudFormation stack: what is there, and the change sets that change it."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, Failed, client, unless_missing
from scones_model.aws.requests import Request, send

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "NoStack",
    "Stack",
    "StackBusy",
    "change_set",
    "existing_stack",
    "find_stack",
    "prepare",
    "read_stack",
    "resources",
    "stack_name",
    "stage_name",
]

PAUSE = 5.0
"""Seconds between two looks at something that AWS is busy with."""

_NOTHING_TO_CHANGE = ("didn't contain changes", "no updates are to be performed")


class NoStack(CannotBeDone):
    """Nothing is deployed in that stage."""


class StackBusy(CannotBeDone):
    """The stack is in a state in which nothing can be deployed to it."""


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    arn: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith("_IN_PROGRESS")


def stage_name(text: str) -> str:
    """A stage, for argparse: as the template takes it."""
    if not re.fullmatch("[a-z]([a-z0-9-]{0,14}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError("up to 16 of a-z, 0-9 and -, beginning with a letter")
    return text


def stack_name(stage: str) -> str:
    """Of the stage's endpoint."""
    return f"scones-{stage}-endpoint"


def find_stack(stage: str) -> Stack | None:
    """The stage's stack; None when there is none, or only a change set that would create it."""
    stack = unless_missing(lambda: read_stack(stack_name(stage)))
    return None if stack is None or stack.status == "REVIEW_IN_PROGRESS" else stack


def existing_stack(stage: str) -> Stack:
    """The stage's stack; raises NoStack."""
    stack = find_stack(stage)
    if stack is None:
        raise NoStack(
            f"There is no stack {stack_name(stage)} in this account and region: "
            "`scones-model deploy` makes it."
        )
    return stack


def read_stack(name: str) -> Stack:
    """The stack with this name or ARN; by its ARN a deleted one too."""
    told = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return Stack(
        name=told["StackName"],
        arn=told["StackId"],
        status=told["StackStatus"],
        reason=told.get("StackStatusReason", ""),
        parameters={
            one["ParameterKey"]: one["ParameterValue"] for one in told.get("Parameters", [])
        },
        outputs={one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", [])},
    )


def resources(stack: Stack, kind: str = "") -> list[str]:
    """Names (physical ids) of the stack's resources, of one type if it is given."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return [
        one["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack.arn)
        for one in page["StackResourceSummaries"]
        if kind in ("", one["ResourceType"]) and one.get("PhysicalResourceId")
    ]


def change_set(stage: str, template: str, parameters: Mapping[str, str]) -> list[Request]:
    """Makes a change set of the stage's stack, which is created if need be, and carries it out."""
    creates = find_stack(stage) is None
    chosen = {
        "StackName": stack_name(stage),
        "ChangeSetName": f"scones-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}",
    }
    made = {
        **chosen,
        "ChangeSetType": "CREATE" if creates else "UPDATE",
        "TemplateBody": template,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "project", "Value": "scones"}, {"Key": "stage", "Value": stage}],
        # What could not be created would cost money, and be in the way of the next try.
        **({"OnStackFailure": "DELETE"} if creates else {}),
    }
    return [
        Request("cloudformation", "CreateChangeSet", made),
        Request("cloudformation", "ExecuteChangeSet", chosen),
    ]


def prepare(made: Request) -> Sequence[str]:
    """Make a change set; returns a line for each change, and none when there is nothing to do.

    Raises Failed with CloudFormation's reason.
    """
    send(made)
    which = {name: made.parameters[name] for name in ("StackName", "ChangeSetName")}
    while True:
        told = client("cloudformation").describe_change_set(**which)
        if told["Status"] == "CREATE_COMPLETE":
            lines = [_line(dict(one.get("ResourceChange", {}))) for one in told["Changes"]]
            # There are none when outputs alone change: https://github.com/aws/aws-cdk/pull/2029
            return lines or ["Modify outputs"]
        if told["Status"] == "FAILED":
            break
        time.sleep(PAUSE)
    send(Request("cloudformation", "DeleteChangeSet", which))
    reason = told.get("StatusReason", "no reason given")
    if any(words in reason.lower() for words in _NOTHING_TO_CHANGE):
        return []
    raise Failed(f"CloudFormation cannot make the change set: {reason}")


def _line(change: Mapping[str, object]) -> str:
    by = {"True": " (a new one, then the old one goes)", "Conditional": " (perhaps a new one)"}
    how = by.get(str(change.get("Replacement")), "")
    return f"{change['Action']} {change['LogicalResourceId']}, {change['ResourceType']}{how}"
