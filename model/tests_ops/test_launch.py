from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from scones_model.aws import launch
from scones_model.aws.watch import JobFailed, console_link, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sagemaker import SageMakerClient


PLACE = "s3://scones-pictures/vehicles"
ROLE = "arn:aws:iam::123456789012:role/scones-training"


def test_the_job_is_created_as_the_dry_run_shows(
    started: dict[str, Any], dry_runs: dict[str, list[dict[str, Any]]]
) -> None:
    job, shown = started["job"], dry_runs["script"][-1]["parameters"]
    alike = ("RoleArn", "ResourceConfig", "EnableManagedSpotTraining", "HyperParameters")
    assert {name: job[name] for name in alike} == {name: shown[name] for name in alike}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200}
    assert job["CheckpointConfig"]["S3Uri"].startswith(f"{PLACE}/jobs/")


def test_waiting_ends_with_the_model_and_its_metrics(started: dict[str, Any]) -> None:
    printed, job = started["printed"], started["job"]
    assert printed["job"] == job["TrainingJobName"]
    assert printed["console"] == console_link(printed["job"], "eu-west-1")
    assert printed["model"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert printed["metrics"] == {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}


@mock_aws
def test_an_empty_channel_is_told_before_the_job_is_created(
    capsys: pytest.CaptureFixture[str],
) -> None:
    location: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket="scones-pictures", CreateBucketConfiguration=location)
    assert launch.main([PLACE, "--role", ROLE]) == 2
    assert f"There is nothing in {PLACE}/train/" in capsys.readouterr().err
    assert not boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]


@mock_aws
def test_what_aws_refuses_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main([PLACE, "--role", ROLE]) == 1
    assert "NoSuchBucket" in capsys.readouterr().err


@pytest.fixture
def sagemaker() -> Iterator[tuple[SageMakerClient, Stubber]]:
    client = boto3.client(
        "sagemaker", "eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(client) as stub:
        yield client, stub


def described(status: str, *steps: tuple[str, str], **more: object) -> dict[str, object]:
    return {
        "TrainingJobName": "job",
        "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/job",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
        "TrainingJobStatus": status,
        "SecondaryStatus": "Training",
        "StoppingCondition": {},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "CreationTime": 0,
        "SecondaryStatusTransitions": [
            {"Status": step, "StartTime": 0, "StatusMessage": message} for step, message in steps
        ],
        **more,
    }


def test_each_step_is_told_once(sagemaker: tuple[SageMakerClient, Stubber]) -> None:
    client, stub = sagemaker
    first, second = ("Starting", "Preparing"), ("Training", "Training image is ready")
    stub.add_response("describe_training_job", described("InProgress", first))
    stub.add_response("describe_training_job", described("InProgress", first, second))
    stub.add_response(
        "describe_training_job",
        described("Completed", first, second, TrainingTimeInSeconds=90, BillableTimeInSeconds=27),
    )
    told: list[str] = []
    outcome = wait(client, "job", told.append, pause=0)
    assert told == ["Starting: Preparing", "Training: Training image is ready"]
    assert outcome["model"] == "s3://bucket/model.tar.gz"
    assert (outcome["seconds"], outcome["billable_seconds"]) == (90, 27)


def test_a_failed_job_tells_what_training_left_in_its_failure_file(
    sagemaker: tuple[SageMakerClient, Stubber],
) -> None:
    client, stub = sagemaker
    reason = "AlgorithmError: /opt/ml/input/data/train has no class subfolders., exit code: 1"
    stub.add_response("describe_training_job", described("Failed", FailureReason=reason))
    with pytest.raises(JobFailed, match="has no class subfolders"):
        wait(client, "job", print, pause=0)


def test_a_job_that_ran_out_of_time_tells_which_limit_to_raise(
    sagemaker: tuple[SageMakerClient, Stubber],
) -> None:
    client, stub = sagemaker
    stopped = described("Stopped", SecondaryStatus="MaxWaitTimeExceeded")
    stub.add_response("describe_training_job", stopped)
    with pytest.raises(JobFailed, match=r"MaxWaitTimeExceeded.*--max-wait"):
        wait(client, "job", print, pause=0)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_link_goes_to_the_partitions_console(region: str, host: str) -> None:
    assert console_link("job", region).startswith(f"https://{host}/")
