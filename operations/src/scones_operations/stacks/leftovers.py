"""What is still there of a stage whose stacks are deleted, and holds data or costs money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scones_operations.account import client
from scones_operations.stacks.emptying import content, is_there
from scones_operations.stacks.parts import ENDPOINT, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from scones_operations.stacks.cloudformation import Stack

__all__ = ["Resource", "buckets", "leftovers", "resources", "waiting_messages"]

Resource = tuple[str, str]
"""CloudFormation's type, and the physical id."""
_STACK = re.compile(rf"scones-(?P<stage>.+)-(?:{'|'.join((ENDPOINT, *PARTS))})")


def resources(stacks: Iterable[Stack]) -> list[Resource]:
    """Everything that CloudFormation made for these stacks, and has not deleted yet."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return [
        (one["ResourceType"], one["PhysicalResourceId"])
        for stack in stacks
        for page in pages.paginate(StackName=stack.arn)
        for one in page["StackResourceSummaries"]
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def waiting_messages(made: Iterable[Resource]) -> dict[str, int]:
    """How many messages wait in each queue that is not empty, about."""
    counts = {}
    for queue in (physical for kind, physical in made if kind == "AWS::SQS::Queue"):
        told = client("sqs").get_queue_attributes(
            QueueUrl=queue,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        if waiting := sum(map(int, told.values())):
            counts[queue.rsplit("/", 1)[-1]] = waiting
    return counts


def buckets(stage: str, made: Iterable[Resource], usual: Iterable[str]) -> list[str]:
    """Buckets of the stage that are there, also those whose stack is gone already.

    Args:
        stage: The stage.
        made: What the stacks are made of.
        usual: Names that its buckets have.
    """
    of_stacks = {physical for kind, physical in made if kind == "AWS::S3::Bucket"}
    named = {*of_stacks, *usual}
    # CloudFormation chose the name of the endpoint's bucket.
    captures = re.compile(rf"scones-{stage}-{ENDPOINT}-captures-[a-z0-9]+")
    named |= {
        one["Name"]
        for one in client("s3").list_buckets()["Buckets"]
        if captures.fullmatch(one["Name"])
    }
    return sorted(bucket for bucket in named if is_there(bucket))


def leftovers(
    stage: str, made: Iterable[Resource], kept: Iterable[str], spared: Collection[str]
) -> Iterator[str]:
    """A line for each thing that is left.

    Args:
        stage: The stage.
        made: From `resources`, before the stacks were deleted.
        kept: From `buckets`.
        spared: Names of what belongs to a stack that is meant to be there.
    """
    for bucket in kept:
        count, size = content(bucket)
        yield f"bucket {bucket}: {count} versions of objects, {size / 1e6:.1f} MB"
    is_ours = _recogniser(stage)
    for kind, name in (*_log_groups(stage), *_alarms(stage), *_dashboards(stage)):
        if is_ours(name.rsplit("/", 1)[-1]) and name not in spared:
            yield f"{kind} {name}"
    for key in (physical for kind, physical in made if kind == "AWS::KMS::Key"):
        if state := _key_state(key):
            yield f"key {key}: {state}"


def _recogniser(stage: str) -> Callable[[str], bool]:
    """Whether a name is the stage's, and not that of another one whose name begins alike."""
    pages = client("cloudformation").get_paginator("describe_stacks").paginate()
    named = (_STACK.fullmatch(stack["StackName"]) for page in pages for stack in page["Stacks"])
    longer = {found["stage"] for found in named if found and found["stage"].startswith(f"{stage}-")}

    def begins(name: str, with_stage: str) -> bool:
        return f"{name}-".startswith(f"scones-{with_stage}-")

    return lambda name: begins(name, stage) and not any(begins(name, one) for one in longer)


def _log_groups(stage: str) -> Iterator[Resource]:
    pages = client("logs").get_paginator("describe_log_groups")
    for page in pages.paginate(logGroupNamePattern=f"scones-{stage}"):
        yield from (("log group", group["logGroupName"]) for group in page["logGroups"])


def _alarms(stage: str) -> Iterator[Resource]:
    pages = client("cloudwatch").get_paginator("describe_alarms")
    for page in pages.paginate(AlarmNamePrefix=f"scones-{stage}-"):
        yield from (("alarm", alarm["AlarmName"]) for alarm in page["MetricAlarms"])


def _dashboards(stage: str) -> Iterator[Resource]:
    pages = client("cloudwatch").get_paginator("list_dashboards")
    for page in pages.paginate(DashboardNamePrefix=f"scones-{stage}"):
        yield from (("dashboard", one["DashboardName"]) for one in page["DashboardEntries"])


def _key_state(key: str) -> str | None:
    """What becomes of a key; None when nothing is paid for it any more."""
    try:
        told = client("kms").describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    return None if told["KeyState"] == "PendingDeletion" else str(told["KeyState"])
