"""What a stage's stacks are made of, and what is still there once they are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scones_operations.account import client
from scones_operations.stacks.emptying import content, is_there

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scones_operations.stacks.cloudformation import Stack

__all__ = ["buckets", "leftovers", "resources", "waiting_messages"]

Resource = tuple[str, str]
"""CloudFormation's type, and the physical id."""
ELSEWHERE = (
    "Container images in ECR, model packages and their files, and training or Processing jobs' "
    "output are not a stage's: look at them yourself."
)


def resources(stacks: Iterable[Stack]) -> list[Resource]:
    """Everything that CloudFormation made for these stacks."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return [
        (one["ResourceType"], one["PhysicalResourceId"])
        for stack in stacks
        for page in pages.paginate(StackName=stack.arn)
        for one in page["StackResourceSummaries"]
        if one.get("PhysicalResourceId")
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


def buckets(made: Iterable[Resource], usual: Mapping[str, str]) -> list[str]:
    """Buckets of the stage that are there, also those whose stack is gone already."""
    of_stacks = {physical for kind, physical in made if kind == "AWS::S3::Bucket"}
    return sorted(bucket for bucket in of_stacks | set(usual.values()) if is_there(bucket))


def leftovers(made: Iterable[Resource], kept: Iterable[str]) -> Iterator[str]:
    """A line for each thing that holds data or costs money, and is still there.

    Args:
        made: From `resources`, before the stacks were deleted.
        kept: From `buckets`.
    """
    for bucket in kept:
        count, size = content(bucket)
        yield f"bucket {bucket}: {count} versions of objects, {size / 1e6:.1f} MB"
    for kind, physical in made:
        if kind == "AWS::Logs::LogGroup" and _has_log_group(physical):
            yield f"log group {physical}"
        if kind == "AWS::KMS::Key" and (state := _key_state(physical)):
            yield f"key {physical}: {state}"


def _has_log_group(name: str) -> bool:
    found = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in found)


def _key_state(key: str) -> str | None:
    """What becomes of a key; None when nothing is paid for it any more."""
    try:
        told = client("kms").describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    return None if told["KeyState"] == "PendingDeletion" else str(told["KeyState"])
