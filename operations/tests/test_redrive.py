"""Letters of a stage's queues through the workflow again, on moto's SQS and Step Functions."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from operations.tests.test_recovery_letters import dead_letter

from scones_operations.account import client
from scones_operations.recovery import reading
from scones_operations.recovery.letters import MALFORMED
from scones_operations.recovery.redrive import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUEUES = ("DeadLetterQueueUrl", "UndeliveredQueueUrl")
WORKFLOW = {
    "StateMachineType": "EXPRESS",
    "RoleArn": "arn:aws:iam::123456789012:role/any",
    "DefinitionString": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
}
TEMPLATE = {
    "Resources": {
        **{name: {"Type": "AWS::SQS::Queue"} for name in QUEUES},
        "WorkflowArn": {"Type": "AWS::StepFunctions::StateMachine", "Properties": WORKFLOW},
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in (*QUEUES, "WorkflowArn")},
}


@dataclass(frozen=True)
class Stage:
    """What `scones-dev-orchestration` has."""

    outputs: Mapping[str, str]

    def send(self, *bodies: str, queue: str = "DeadLetterQueueUrl", target: str = "") -> list[str]:
        attributes: Any = {"TARGET_ARN": {"DataType": "String", "StringValue": target}}
        return [
            client("sqs").send_message(
                QueueUrl=self.outputs[queue],
                MessageBody=body,
                MessageAttributes=attributes if target else {},
            )["MessageId"]
            for body in bodies
        ]

    def waiting(self, queue: str = "DeadLetterQueueUrl") -> int:
        """How many letters anybody may receive now."""
        name: Any = "ApproximateNumberOfMessages"
        told = client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=[name]
        )
        return int(told["Attributes"][name])

    def started(self) -> list[Any]:
        """Inputs of the workflow's executions."""
        states = client("stepfunctions")
        found = states.list_executions(stateMachineArn=self.outputs["WorkflowArn"])["executions"]
        told = [states.describe_execution(executionArn=one["executionArn"]) for one in found]
        return [json.loads(one["input"]) for one in told]

    def on_start(self, act: Any) -> None:
        """Have `act` called before each execution is started."""
        client("stepfunctions").meta.events.register("before-call.sfn.StartExecution", act)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.setattr(reading, "WAIT_S", 0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with mock_aws():
        boto3.setup_default_session()
        client("cloudformation").create_stack(
            StackName="scones-dev-orchestration", TemplateBody=json.dumps(TEMPLATE)
        )
        told = client("cloudformation").describe_stacks(StackName="scones-dev-orchestration")
        outputs = told["Stacks"][0]["Outputs"]
        # A letter counts as new from the second on in which the run begins.
        client("sqs").meta.events.register("after-call.sqs.GetQueueAttributes", a_minute_on)
        yield Stage({one["OutputKey"]: one["OutputValue"] for one in outputs})


def a_minute_on(http_response: Any, parsed: Any, **_: object) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = format_datetime(later, usegmt=True)


def upload(key: str) -> dict[str, str]:
    return {"image_data": "", "s3_bucket": "photos", "s3_key": key}


def test_letters_with_the_named_errors_start_the_workflow_and_are_gone(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.send(dead_letter(upload("a"), "EndpointThrottled"), dead_letter(upload("b"), "X"))
    stage.send(*(dead_letter(upload(f"text {n}"), "NotAnImage") for n in range(25)))
    assert main(["--error", "EndpointThrottled", "X"]) == 0
    assert sorted(one["s3_key"] for one in stage.started()) == ["a", "b"]
    assert stage.waiting() == 25
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "NotAnImage" in line)
    assert [cell.strip() for cell in row.split("│")[2:5]] == ["0", "25", "0"]


def test_the_workflow_is_told_whose_claim_it_may_take_over(stage: Stage) -> None:
    event: Any = {"detail": {"bucket": {"name": "photos"}, "object": {"key": "incoming/a.jpg"}}}
    stage.send(dead_letter(event, run="9a7f2c1e"), dead_letter(event, run=None))
    stage.send(dead_letter(upload("typed"), run="0b6c2f1e"))
    assert main(["--all"]) == 0
    started = sorted(stage.started(), key=lambda one: str(one.get("redrive_of", "")))
    claims = [{}, {"redrive_of": "0b6c2f1e"}, {"redrive_of": "9a7f2c1e"}]
    given: list[dict[str, Any]] = [event, upload("typed"), event]
    assert started == [{**one, **claim} for one, claim in zip(given, claims, strict=True)]


def test_a_letter_that_was_not_deleted_after_its_start_names_the_same_run_again(
    stage: Stage,
) -> None:
    def cut_off(**_: object) -> None:
        raise KeyboardInterrupt

    stage.send(dead_letter({"detail": {}}, run="9a7f2c1e"))
    events = client("sqs").meta.events
    events.register("before-call.sqs.DeleteMessage", cut_off)
    assert main(["--all"]) == 1
    events.unregister("before-call.sqs.DeleteMessage", cut_off)
    assert main(["--all"]) == 0
    # The workflow's claim is a compare-and-swap on that run, so that only one of these goes on.
    assert stage.started() == [{"detail": {}, "redrive_of": "9a7f2c1e"}] * 2
    assert stage.waiting() == 0


def test_all_letters_are_redriven_and_a_second_run_finds_none(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.send(*(dead_letter(upload(str(n))) for n in range(25)))
    assert main(["--all"]) == 0
    assert len(stage.started()) == 25
    assert main(["--all"]) == 0
    assert len(stage.started()) == 25
    assert "There are no letters." in capsys.readouterr().out


def test_one_letter_is_redriven_by_its_id_and_an_id_that_none_has_is_bad_input(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = stage.send(*(dead_letter(upload(str(n))) for n in range(12)))
    assert main(["--message", ids[11]]) == 0
    assert main(["--message", "absent"]) == 2
    assert "absent" in capsys.readouterr().err
    assert stage.started() == [upload("11")]
    assert stage.waiting() == 11


def test_what_cannot_be_redriven_is_named_and_stays(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = stage.send(dead_letter({"cut": "{"}), "no letter", dead_letter(upload("a")))
    assert main(["--all"]) == 0
    assert stage.started() == [upload("a")]
    assert stage.waiting() == 2
    told = capsys.readouterr().out
    assert all(f"{one} " in told for one in ids[:2])
    assert "(malformed)" in told


def test_an_input_that_step_functions_refuses_stays_and_the_others_go_on(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(params: Any, **_: object) -> None:
        if "bad" in params["body"].decode():
            told: Any = {"Error": {"Code": "InvalidExecutionInput", "Message": "too odd"}}
            raise ClientError(told, "StartExecution")

    stage.on_start(refuse)
    (bad, _) = stage.send(dead_letter(upload("bad")), dead_letter(upload("good")))
    assert main(["--all"]) == 0
    assert stage.started() == [upload("good")]
    assert f"{bad} bad cannot be redriven: Step Functions" in capsys.readouterr().out
    assert stage.waiting() == 1


def test_without_an_accepted_execution_no_letter_is_deleted(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.send(*(dead_letter(upload(str(n))) for n in range(12)))
    client("stepfunctions").delete_state_machine(stateMachineArn=stage.outputs["WorkflowArn"])
    assert main(["--all"]) == 1
    assert "StartExecution was refused" in capsys.readouterr().err
    assert stage.waiting() == 12


def test_an_interruption_gives_back_what_was_not_redriven(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(params: Any, **_: object) -> None:
        if len(stage.started()) == 2:
            raise KeyboardInterrupt

    stage.on_start(interrupt)
    stage.send(*(dead_letter(upload(str(n))) for n in range(12)))
    assert main(["--all"]) == 1
    assert len(stage.started()) == 2
    assert stage.waiting() == 10
    told = capsys.readouterr()
    assert "Interrupted" in told.err
    assert "NotAnImage" in told.out


@pytest.mark.parametrize(
    "options", [["--list"], ["--all", "--dry-run"], ["--all", "--discard", "--dry-run"]]
)
def test_listing_and_a_dry_run_change_nothing(
    stage: Stage, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stage.send(dead_letter(upload("[bold]a.jpg")), dead_letter(upload("b"), "X"))
    assert main(options) == 0
    assert stage.started() == []
    assert stage.waiting() == 2
    told = capsys.readouterr()
    assert "NotAnImage" in (told.err if "--discard" in options else told.out)


def test_discarded_letters_are_gone_and_stdout_has_all_that_they_said(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal, where rich takes stdout over
    bodies = [dead_letter(upload(str(n))) for n in range(12)]
    stage.send(*bodies, dead_letter(upload("good"), "X"))
    assert main(["--error", "NotAnImage", "--discard", "--yes"]) == 0
    assert stage.started() == []
    assert stage.waiting() == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["Body"] for line in lines) == sorted(bodies)


def test_what_cannot_be_redriven_can_be_discarded_with_its_attributes(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    queue, target = "UndeliveredQueueUrl", "arn:aws:sqs:eu-central-1:1:accepted"
    (event, _) = stage.send('{"detail": {}}', "no event", queue=queue, target=target)
    assert main(["--message", event, "--queue", "undelivered", "--discard", "--yes"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["MessageAttributes"]["TARGET_ARN"]["StringValue"] == target
    assert main(["--error", MALFORMED, "--queue", "undelivered", "--discard", "--yes"]) == 0
    assert stage.waiting(queue) == 0


def test_a_letter_that_cannot_be_written_down_is_not_discarded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError("no space left")

    stage.send(dead_letter(upload("a")))
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(OSError, match="no space"):
        main(["--all", "--discard", "--yes"])
    assert stage.waiting() == 1


@pytest.mark.parametrize(("typed", "status", "left"), [("dev", 0, 0), ("", 2, 1), ("yes", 2, 1)])
def test_before_letters_are_discarded_the_stages_name_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, left: int
) -> None:
    stage.send(dead_letter(upload("a")))
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["--all", "--discard"]) == status
    assert stage.waiting() == left


def test_the_list_shows_what_tells_letters_apart(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = stage.send(dead_letter(upload("[bold]a.jpg")), dead_letter(upload("b"), "X"))
    assert main(["--list", "--error", "NotAnImage"]) == 0
    told = capsys.readouterr().out
    assert all(text in told for text in (ids[0], "Serialize", "[bold]a.jpg", "because", "0 s"))
    assert ids[1] not in told


def test_undelivered_events_that_were_meant_for_the_workflow_start_it(stage: Stage) -> None:
    event = {"detail": {"bucket": {"name": "photos"}, "object": {"key": "incoming/a.jpg"}}}
    queue = "UndeliveredQueueUrl"
    stage.send(json.dumps(event), queue=queue, target=stage.outputs["WorkflowArn"])
    stage.send(json.dumps(event), queue=queue, target="arn:aws:sqs:eu-central-1:1:accepted")
    assert main(["--all", "--queue", "undelivered"]) == 0
    assert stage.started() == [event]
    assert stage.waiting(queue) == 1


def test_executions_start_no_faster_than_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, starts = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda pause: now.append(now.pop() + pause))
    stage.on_start(lambda **_: starts.append(now[0]))
    stage.send(*(dead_letter(upload(str(n))) for n in range(5)))
    assert main(["--all", "--per-second", "4"]) == 0
    assert starts == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    "options", [[], ["--discard"], ["--all", "--per-second", "0"], ["--all", "--error", "X"]]
)
def test_what_is_asked_for_must_be_clear(options: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2


def test_a_stage_that_was_not_deployed_is_bad_input(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--all", "--stage", "absent"]) == 2
    assert "scones-absent-orchestration" in capsys.readouterr().err
