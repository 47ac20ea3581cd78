"""Deleting a stage: what goes, what stays, and what is said of it."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations.stacks.destroy import main

if TYPE_CHECKING:
    from collections.abc import Iterator

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
