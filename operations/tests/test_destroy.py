"""Deleting a stage: what goes, what stays, and what is said of it."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations.stacks import destroy
from scones_operations.stacks.destroy import main
from scones_operations.stacks.plan import stage_stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_operations.stacks.cloudformation import Stack

STAGE = "doomed"
UPLOADS = "scones-doomed-uploads-123456789012-eu-central-1"
QUEUE = "scones-doomed-dead-letter"


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An orchestration stack with a bucket that outlives it, and a queue."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    template = {
        "Resources": {
            "Uploads": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "Properties": {"BucketName": UPLOADS},
            },
            "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": QUEUE}},
        }
    }
    with mock_aws():
        boto3.setup_default_session()
        create("orchestration", template)
        versioned: Any = {"Status": "Enabled"}  # which moto does not take from the template
        s3 = boto3.client("s3")
        s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration=versioned)
        for _ in range(2):
            s3.put_object(Bucket=UPLOADS, Key="incoming/a.png", Body=b"abc")
        s3.delete_object(Bucket=UPLOADS, Key="incoming/a.png")
        yield


def create(part: str, template: dict[str, Any]) -> None:
    boto3.client("cloudformation").create_stack(
        StackName=f"scones-{STAGE}-{part}", TemplateBody=json.dumps(template)
    )


def stacks() -> list[str]:
    found = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return [stack["StackName"] for stack in found]


def buckets() -> list[str]:
    return [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]


def test_what_is_stored_stays_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", STAGE, "--yes"]) == 0
    assert (stacks(), buckets()) == ([], [UPLOADS])
    assert f"bucket {UPLOADS}: 2 versions of objects" in capsys.readouterr().out


def test_with_empty_every_version_and_marker_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", STAGE, "--yes", "--empty"]) == 0
    assert (stacks(), buckets()) == ([], [])
    assert f"Nothing is left of stage {STAGE}." in capsys.readouterr().out


def test_a_bucket_whose_stack_is_gone_is_found_by_its_name() -> None:
    main(["--stage", STAGE, "--yes"])
    assert main(["--stage", STAGE, "--yes", "--empty"]) == 0
    assert buckets() == []


def test_messages_that_will_be_lost_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert main(["--stage", STAGE, "--dry-run"]) == 0
    assert f"To be lost: 1 messages in {QUEUE}" in capsys.readouterr().out
    assert stacks() == [f"scones-{STAGE}-orchestration"]


@pytest.mark.parametrize("typed", ["", "doomed-not\n"])
def test_without_the_stages_name_nothing_is_deleted(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["--stage", STAGE, "--empty"]) == 2
    assert (len(stacks()), buckets()) == (1, [UPLOADS])


def test_the_endpoint_is_left_to_scones_model_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    create("endpoint", {"Resources": {"Any": {"Type": "AWS::SNS::Topic"}}})
    main(["--stage", STAGE, "--yes", "--empty"])
    assert stacks() == [f"scones-{STAGE}-endpoint"]
    assert f"scones-model destroy --stage {STAGE}" in capsys.readouterr().out


def test_another_stage_whose_name_begins_alike_is_left_alone() -> None:
    other = "scones-doomed-2-uploads-123456789012-eu-central-1"
    where: Any = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket=other, CreateBucketConfiguration=where)
    main(["--stage", STAGE, "--yes", "--empty"])
    assert buckets() == [other]


def test_an_empty_bucket_goes_without_being_asked_for() -> None:
    s3 = boto3.client("s3")
    found = s3.list_object_versions(Bucket=UPLOADS)
    for one in found["Versions"]:
        s3.delete_object(Bucket=UPLOADS, Key=one["Key"], VersionId=one["VersionId"])
    assert found["DeleteMarkers"]  # is still there, and nothing is stored by it
    assert main(["--stage", STAGE, "--yes"]) == 0
    assert buckets() == []


@pytest.mark.parametrize("empty", [[], ["--empty"]])
def test_captures_are_the_endpoints_as_long_as_it_is_there(empty: list[str]) -> None:
    bucket = f"scones-{STAGE}-endpoint-captures-1x2y3z"
    captures = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
    create(
        "endpoint", {"Resources": {"Captures": {**captures, "Properties": {"BucketName": bucket}}}}
    )
    boto3.client("s3").put_object(Bucket=bucket, Key="captures/a.jsonl", Body=b"{}")
    assert main(["--stage", STAGE, "--yes", *empty]) == 0
    assert bucket in buckets()
    boto3.client("cloudformation").delete_stack(StackName=f"scones-{STAGE}-endpoint")
    assert main(["--stage", STAGE, "--yes", *empty]) == 0
    assert (bucket in buckets()) is not bool(empty)


def test_what_deleted_stacks_left_is_listed_but_not_what_another_stage_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    create("2-filter", {"Resources": {"Any": {"Type": "AWS::SNS::Topic"}}})  # of stage doomed-2
    logs, metrics = boto3.client("logs"), boto3.client("cloudwatch")
    for stage in (STAGE, f"{STAGE}-2"):
        logs.create_log_group(logGroupName=f"/aws/lambda/scones-{stage}-filter")
        logs.create_log_group(logGroupName=f"/aws/vendedlogs/states/scones-{stage}")
        metrics.put_dashboard(DashboardName=f"scones-{stage}", DashboardBody='{"widgets": []}')
        metrics.put_metric_alarm(
            AlarmName=f"scones-{stage}-dead-letters", MetricName="any", Namespace="Any",
            EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Threshold=1,
            Period=60, Statistic="Sum",
        )  # fmt: skip
    assert main(["--stage", STAGE, "--yes", "--empty"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert told == [
        f"  log group /aws/lambda/scones-{STAGE}-filter",
        f"  log group /aws/vendedlogs/states/scones-{STAGE}",
        f"  alarm scones-{STAGE}-dead-letters",
        f"  dashboard scones-{STAGE}",
    ]


def test_while_cloudformation_is_busy_nothing_is_deleted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(stage: str) -> dict[str, Stack]:
        found = stage_stacks(stage)
        return {part: replace(stack, status="UPDATE_IN_PROGRESS") for part, stack in found.items()}

    monkeypatch.setattr(destroy, "stage_stacks", busy)
    assert main(["--stage", STAGE, "--yes", "--empty"]) == 2
    assert "scones-doomed-orchestration is UPDATE_IN_PROGRESS" in capsys.readouterr().err
    assert (len(stacks()), buckets()) == (1, [UPLOADS])
