"""The backfill's command against moto's S3, and Map Runs, which moto lacks, of our own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from scones_operations.account import CannotBeDone, client
from scones_operations.recovery import maprun
from scones_operations.recovery.backfill import Place, _execution_name, main

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "scones-dev-uploads"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:scones-dev-backfill"
EXECUTION = MACHINE.replace(":stateMachine:", ":execution:")
PLACE = f"s3://{BUCKET}/incoming/"
OUTPUTS = {"orchestration": {"UploadBucket": BUCKET}, "backfill": {"BackfillArn": MACHINE}}


@dataclass
class States:
    """Step Functions with one state machine, whose runs end at the third look."""

    ends_as: dict[str, Any] = field(default_factory=lambda: {"status": "SUCCEEDED"})
    failed: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)
    resumed: list[str] = field(default_factory=list)
    looks: int = 0

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.runs:
            refuse("ExecutionAlreadyExists", "StartExecution")
        self.runs[arn] = json.loads(input)

    def redrive_execution(self, *, executionArn: str) -> None:  # noqa: N803
        self.resumed.append(executionArn)
        self.looks = -2  # as often the answer is an old one yet

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn in self.failed:
            why = {"error": self.failed[executionArn], "cause": "why"}
            return why if not why["error"] else {**why, "input": '{"s3_key": "a.jpg", "size": 1}'}
        if executionArn not in self.runs:
            refuse("ExecutionDoesNotExist", "DescribeExecution")
        self.looks += 1
        if self.resumed:
            old = self.looks < 1
            return self.ends_as if old else {"status": "SUCCEEDED", "redriveCount": 1}
        return {"status": "RUNNING"} if self.looks < 3 else self.ends_as

    def list_map_runs(self, **_: object) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": "map-run"}] if self.looks > 1 else []}

    def describe_map_run(self, **_: object) -> dict[str, Any]:
        bad = len(self.failed)
        counts = {"total": 12, "succeeded": 12 - bad, "failed": bad, "timedOut": 0, "aborted": 0}
        return {"itemCounts": counts}

    def get_paginator(self, _: str) -> States:
        return self

    def paginate(self, *, mapRunArn: str, statusFilter: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert mapRunArn == "map-run"
        listed = self.failed if statusFilter == "FAILED" else {}
        yield {"executions": [{"executionArn": one} for one in listed]}


def refuse(code: str, operation: str) -> None:
    told: Any = {"Error": {"Code": code, "Message": "as on AWS"}}
    raise ClientError(told, operation)


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    made = States()
    with mock_aws():
        boto3.setup_default_session()
        monkeypatch.setattr(maprun, "client", lambda _: made)
        for part, outputs in OUTPUTS.items():
            template = {
                "Resources": {"Any": {"Type": "AWS::SQS::Queue"}},
                "Outputs": {name: {"Value": value} for name, value in outputs.items()},
            }
            client("cloudformation").create_stack(
                StackName=f"scones-dev-{part}", TemplateBody=json.dumps(template)
            )
        where: Any = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        for key in ("incoming/", "incoming/a.jpg", "incoming/b/", "incoming/b/c.jpg", "other/d"):
            body = b"" if key.endswith("/") else b"photo"
            client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        yield made


def test_a_run_is_started_over_the_prefix_and_followed_to_its_end(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PLACE, "--name", "again", "--max-concurrency", "3"]) == 0
    ((arn, asked),) = states.runs.items()
    assert arn.startswith(f"{EXECUTION}:again-")
    assert asked == {"bucket": BUCKET, "prefix": "incoming/", "max_concurrency": 3}
    told = capsys.readouterr().out
    assert "2 objects of 10 bytes; 2 folder markers" in told
    assert "total 12, succeeded 12, failed 0" in told


def test_the_same_command_joins_the_run_or_shows_its_end_and_starts_nothing(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PLACE, "--no-wait"]) == 0
    assert states.looks == 0
    assert main([PLACE]) == 0
    assert main([PLACE, "--max-concurrency", "50"]) == 0
    assert len(states.runs) == 1
    assert capsys.readouterr().out.count("was started before") == 2
    assert main([PLACE, "--name", "another"]) == 0
    assert len(states.runs) == 2


def test_two_commands_at_once_start_one_run(states: States) -> None:
    for _ in range(2):
        maprun.start(MACHINE, "name", {"bucket": BUCKET})
    assert len(states.runs) == 1


def test_objects_without_an_outcome_are_named_and_make_the_command_fail(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    states.failed = {"child-1": "States.Timeout", "child-2": ""}
    assert main([PLACE]) == 1
    told = capsys.readouterr().out
    assert "\na.jpg: FAILED: States.Timeout: why" in told
    assert "\nchild-2: FAILED: why" in told


def test_where_the_outcomes_are_written_is_told(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    written = {"ResultWriterDetails": {"Bucket": "artifacts", "Key": "backfill/1/manifest.json"}}
    states.ends_as["output"] = json.dumps({"MapRunArn": "map-run", **written})
    assert main([PLACE]) == 0
    assert "s3://artifacts/backfill/1/manifest.json" in capsys.readouterr().out


def test_a_run_that_failed_says_why_and_can_be_resumed(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    states.ends_as = {"status": "FAILED", "error": "States.ItemReaderFailed", "cause": "denied"}
    assert main([PLACE]) == 1
    assert "FAILED: States.ItemReaderFailed: denied." in capsys.readouterr().err
    assert main([PLACE, "--resume"]) == 0
    assert states.resumed == list(states.runs)


def test_nothing_is_resumed_that_was_not_started(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PLACE, "--resume"]) == 2
    assert "to resume" in capsys.readouterr().err
    assert states.resumed == []


def test_step_functions_own_reason_is_told_where_a_run_cannot_be_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = boto3.client("stepfunctions", region_name="eu-central-1")
    arn = f"{EXECUTION}:again"
    with Stubber(real) as stubber:
        stubber.add_response(
            "describe_execution",
            {
                "executionArn": arn,
                "stateMachineArn": MACHINE,
                "status": "RUNNING",
                "startDate": datetime(2026, 11, 25, tzinfo=UTC),
            },
            {"executionArn": arn},
        )
        stubber.add_client_error(
            "redrive_execution", "ExecutionNotRedrivable", "it is RUNNING", 400, None,
            {"executionArn": arn},
        )  # fmt: skip
        monkeypatch.setattr(maprun, "client", lambda _: real)
        with pytest.raises(CannotBeDone, match="it is RUNNING"):
            maprun.resume(arn)


def test_a_dry_run_counts_and_starts_nothing(
    states: States, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"s3://{BUCKET}", "--dry-run"]) == 0
    assert "3 objects" in capsys.readouterr().out
    assert main([f"s3://{BUCKET}/[/odd]", "--dry-run"]) == 0
    assert "0 objects" in capsys.readouterr().out
    assert states.runs == {}


@pytest.mark.parametrize(
    ("place", "options", "told"),
    [
        ("s3://another-bucket/incoming/", [], f"may read {BUCKET} only"),
        (f"s3://{BUCKET}/absent/", [], "no object"),
        ("incoming/", [], "s3://bucket/prefix"),
        (PLACE, ["--name", "a:b"], "--name a:b"),
        (PLACE, ["--name", "x" * 61], "60"),
        (PLACE, ["--stage", "absent"], "scones-absent-orchestration"),
    ],
)
def test_what_cannot_be_backfilled_is_said_before_anything_starts(
    states: States, place: str, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([place, *options]) == 2
    assert told in capsys.readouterr().err
    assert states.runs == {}


def test_an_interrupted_wait_leaves_the_run_alone(
    states: States, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    assert main([PLACE]) == 1
    assert "goes on" in capsys.readouterr().err


@given(st.text(), st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True))
def test_any_prefix_gives_a_name_that_step_functions_takes(prefix: str, name: str) -> None:
    given_name = _execution_name(Place(BUCKET, prefix), name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", given_name)
    assert given_name != _execution_name(Place(BUCKET, f"{prefix}x"), name)
