"""All that an account holds of the types that our templates have, asked of each service's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

PARTS = {
    "AWS::CloudFormation::Stack",
    "AWS::Events::EventBusPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
"""Types that are gone with what they belong to."""


def _buckets(aws: boto3.Session) -> Iterator[str]:
    for found in aws.client("s3").list_buckets()["Buckets"]:
        yield found["Name"]


def _rules(aws: boto3.Session) -> Iterator[str]:
    events = aws.client("events")
    for bus in events.list_event_buses()["EventBuses"]:
        for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            yield rule["Arn"]


def _keys(aws: boto3.Session) -> Iterator[str]:
    """Keys that are not waiting to be deleted."""
    kms = aws.client("kms")
    for key in kms.list_keys()["Keys"]:
        if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield key["KeyArn"]


def _listed(service: Any, operation: str, name: str) -> Callable[[boto3.Session], Iterator[str]]:
    """What a list operation tells, by one member of each entry, or the entry itself."""

    def found(aws: boto3.Session) -> Iterator[str]:
        client = aws.client(service)
        answers = (
            client.get_paginator(operation).paginate()
            if client.can_paginate(operation)
            else [getattr(client, operation)()]
        )
        for answer in answers:
            for value in answer.values():
                if isinstance(value, list):
                    for entry in value:
                        yield entry[name] if name else entry

    return found


LISTS: dict[str, Callable[[boto3.Session], Iterator[str]]] = {
    "AWS::CloudWatch::Alarm": _listed("cloudwatch", "describe_alarms", "AlarmName"),
    "AWS::CloudWatch::CompositeAlarm": _listed("cloudwatch", "describe_alarms", "AlarmName"),
    "AWS::CloudWatch::Dashboard": _listed("cloudwatch", "list_dashboards", "DashboardName"),
    "AWS::DynamoDB::Table": _listed("dynamodb", "list_tables", ""),
    "AWS::Events::EventBus": _listed("events", "list_event_buses", "Name"),
    "AWS::Events::Rule": _rules,
    "AWS::IAM::Role": _listed("iam", "list_roles", "RoleName"),
    "AWS::KMS::Key": _keys,
    "AWS::Lambda::Function": _listed("lambda", "list_functions", "FunctionName"),
    "AWS::Logs::LogGroup": _listed("logs", "describe_log_groups", "logGroupName"),
    "AWS::S3::Bucket": _buckets,
    "AWS::SNS::Subscription": _listed("sns", "list_subscriptions", "SubscriptionArn"),
    "AWS::SNS::Topic": _listed("sns", "list_topics", "TopicArn"),
    "AWS::SQS::Queue": _listed("sqs", "list_queues", ""),
    "AWS::Scheduler::Schedule": _listed("scheduler", "list_schedules", "Arn"),
    "AWS::StepFunctions::StateMachine": _listed("stepfunctions", "list_state_machines", "name"),
}


def resources(aws: boto3.Session) -> dict[str, list[str]]:
    """Names or ARNs by type."""
    return {kind: sorted(listed(aws)) for kind, listed in LISTS.items()}


def stacks(aws: boto3.Session) -> dict[str, dict[str, Any]]:
    """What CloudFormation says of each stack that is there."""
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {stack["StackName"]: dict(stack) for page in pages for stack in page["Stacks"]}


def types(aws: boto3.Session) -> set[str]:
    """Types of all that the stacks hold."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    return {
        one["ResourceType"]
        for name in stacks(aws)
        for page in pages.paginate(StackName=name)
        for one in page["StackResourceSummaries"]
    }
