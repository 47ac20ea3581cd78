"""Run-now starts what the schedule starts, and says in a sentence why it cannot."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from scones_monitoring.job.run_now import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "eu-west-1:123456789012"
SCHEDULE = f"arn:aws:scheduler:{ACCOUNT}:schedule/default/scones-dev-drift"
JOB_TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob"
MACHINE = f"arn:aws:states:{ACCOUNT}:stateMachine:scones-dev-drift"
JOB = {
    "ProcessingJobName": "scones-dev-drift-<aws.scheduler.execution-id>",
    "RoleArn": "arn:aws:iam::123456789012:role/job-of-the-report",
    "AppSpecification": {"ImageUri": "image"},
    "Environment": {"scheduled": "<aws.scheduler.scheduled-time>"},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 30}
    },
}


class Aws:
    """Stubbed clients by service, as `boto3.client` makes them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.stubs = {
            name: self._stub(name) for name in ("scheduler", "sagemaker", "stepfunctions")
        }

    def _stub(self, service: str) -> Stubber:
        client = boto3.client(
            service,  # type: ignore[call-overload]
            "eu-west-1",
            aws_access_key_id="id",
            aws_secret_access_key="key",
        )
        client.meta.events.register("provide-client-params", self._remember)
        stub = Stubber(client)
        stub.activate()
        return stub

    def _remember(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, params))

    def client(self, service: str) -> Any:
        return self.stubs[service].client

    def has_schedule(self, target: str, text: str) -> None:
        role = "arn:aws:iam::123456789012:role/clock"
        found = {"Arn": SCHEDULE, "Target": {"Arn": target, "RoleArn": role, "Input": text}}
        self.stubs["scheduler"].add_response(
            "get_schedule", found, {"Name": "scones-dev-drift", "GroupName": "default"}
        )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    made = Aws()
    monkeypatch.setattr(boto3, "client", made.client)
    yield made
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


def test_the_job_is_the_schedules_own_under_a_new_name(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.has_schedule(JOB_TARGET, json.dumps(JOB))
    arn = f"arn:aws:sagemaker:{ACCOUNT}:processing-job/one"
    aws.stubs["sagemaker"].add_response("create_processing_job", {"ProcessingJobArn": arn})
    assert main([]) == 0
    assert capsys.readouterr().out == f"{arn}\n"
    _, started = aws.asked[-1]
    assert re.fullmatch(r"scones-dev-drift-[0-9a-f]{16}", started.pop("ProcessingJobName"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", started.pop("Environment")["scheduled"])
    same = {name: JOB[name] for name in JOB if name not in {"ProcessingJobName", "Environment"}}
    assert started == same


def test_two_runs_have_two_names(aws: Aws) -> None:
    for number in range(2):
        aws.has_schedule(JOB_TARGET, json.dumps(JOB))
        arn = f"arn:aws:sagemaker:{ACCOUNT}:processing-job/{number}"
        aws.stubs["sagemaker"].add_response("create_processing_job", {"ProcessingJobArn": arn})
        main([])
    jobs = [params for name, params in aws.asked if name == "CreateProcessingJob"]
    assert len({job["ProcessingJobName"] for job in jobs}) == 2


def test_the_steps_of_more_than_one_machine_are_started(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.has_schedule(MACHINE, '{"run": "<aws.scheduler.execution-id>"}')
    arn = f"arn:aws:states:{ACCOUNT}:execution:scones-dev-drift:one"
    aws.stubs["stepfunctions"].add_response(
        "start_execution",
        {"executionArn": arn, "startDate": "2026-11-22T10:00:00Z"},
        {"stateMachineArn": MACHINE, "input": ANY},
    )
    assert main(["scones-dev-drift"]) == 0
    assert capsys.readouterr().out == f"{arn}\n"
    assert re.fullmatch(r"[0-9a-f]{16}", json.loads(aws.asked[-1][1]["input"])["run"])


@pytest.mark.parametrize(
    ("service", "operation", "code", "sentence"),
    [
        ("scheduler", "get_schedule", "ResourceNotFoundException", "There is no schedule "),
        ("scheduler", "get_schedule", "AccessDeniedException", "not allowed to GetSchedule"),
        ("sagemaker", "create_processing_job", "AccessDeniedException", "iam:PassRole"),
        ("sagemaker", "create_processing_job", "ResourceLimitExceeded", "ResourceLimitExceeded"),
    ],
)
def test_what_aws_refuses_ends_with_a_sentence(  # noqa: PLR0917
    aws: Aws,
    capsys: pytest.CaptureFixture[str],
    service: str,
    operation: str,
    code: str,
    sentence: str,
) -> None:
    if service != "scheduler":
        aws.has_schedule(JOB_TARGET, json.dumps(JOB))
    aws.stubs[service].add_client_error(operation, code, "it said no")
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


def test_a_schedule_of_something_else_is_not_started(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.has_schedule("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "{}")
    assert main([]) == 2
    assert "no drift report" in capsys.readouterr().err
    assert [name for name, _ in aws.asked] == ["GetSchedule"]


def test_without_a_region_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert main([]) == 2
    assert "region" in capsys.readouterr().err
