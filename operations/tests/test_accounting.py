"""A stage's uploads against its ledger and queues, on moto's S3, DynamoDB, SQS, Step Functions."""

from __future__ import annotations

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
from rich.progress import Progress

from scones_operations.account import client
from scones_operations.accounting.account import main
from scones_operations.accounting.identity import inference_id
from scones_operations.accounting.sightings import Sighting, Sightings
from scones_operations.recovery import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

BUCKET, TABLE = "scones-dev-uploads", "scones-dev-ledger"
QUEUES = {
    "accepted": "AcceptedQueueUrl",
    "review": "ReviewQueueUrl",
    "dead_letter": "DeadLetterQueueUrl",
    "undelivered": "UndeliveredQueueUrl",
}
WORKFLOW = {
    "StateMachineType": "EXPRESS",
    "RoleArn": "arn:aws:iam::123456789012:role/any",
    "DefinitionString": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
}
LEDGER = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "upload", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "upload", "KeyType": "HASH"}],
}
OUTPUTS = {"UploadBucket": "Uploads", "LedgerTableName": "Ledger", "WorkflowArn": "Workflow"}
TEMPLATE = {
    "Parameters": {"LedgerDays": {"Type": "Number", "Default": 20}},
    "Resources": {
        **{name: {"Type": "AWS::SQS::Queue"} for name in QUEUES.values()},
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
        "Ledger": {"Type": "AWS::DynamoDB::Table", "Properties": LEDGER},
        "Workflow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": WORKFLOW},
    },
    "Outputs": {
        name: {"Value": {"Ref": resource}}
        for name, resource in {**OUTPUTS, **{one: one for one in QUEUES.values()}}.items()
    },
}
HOUR_S = 3600


@dataclass(frozen=True)
class Photo:
    """An upload as S3 stored it."""

    key: str
    version: str
    etag: str

    @property
    def id(self) -> str:
        return inference_id(BUCKET, self.key, self.version, self.etag)

    @property
    def event(self) -> dict[str, Any]:
        told = {"key": self.key, "version-id": self.version, "etag": self.etag, "size": 5}
        return {"detail": {"bucket": {"name": BUCKET}, "object": told}}


@dataclass(frozen=True)
class Stage:
    """What `scones-dev-orchestration` has."""

    outputs: Mapping[str, str]
    folder: Path

    def upload(self, key: str = "incoming/a.jpg", body: bytes = b"photo") -> Photo:
        told = client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return Photo(key, told.get("VersionId", "null"), told["ETag"].strip('"'))

    def record(self, upload: str, **fields: Any) -> None:
        item = {"upload": upload, **fields}
        boto3.resource("dynamodb").Table(TABLE).put_item(Item=item)

    def settle(self, photo: Photo, outcome: str, **fields: Any) -> None:
        told = {"run": "run-1", "lease_until": 0, "outcome": outcome, "settled_at": 1}
        self.record(photo.id, **{**told, **fields})

    def send(self, queue: str, body: Any, target: str = "") -> str:
        attributes: Any = {"TARGET_ARN": {"DataType": "String", "StringValue": target}}
        return client("sqs").send_message(
            QueueUrl=self.outputs[QUEUES[queue]],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes=attributes if target else {},
        )["MessageId"]

    def decide(self, queue: str, photo: Photo) -> str:
        return self.send(queue, {"inference_id": photo.id, "source": {"key": photo.key}})

    def bodies(self) -> list[tuple[str, str]]:
        """All messages that anybody may receive now."""
        return sorted(
            (queue, one["Body"])
            for queue, output in QUEUES.items()
            for _ in range(20)
            for one in client("sqs")
            .receive_message(QueueUrl=self.outputs[output], MaxNumberOfMessages=10)
            .get("Messages", [])
        )

    def started(self) -> list[Any]:
        """Inputs of the workflow's executions, by key."""
        states = client("stepfunctions")
        arn = self.outputs["WorkflowArn"]
        found = states.list_executions(stateMachineArn=arn)["executions"]
        told = [states.describe_execution(executionArn=one["executionArn"]) for one in found]
        given = [json.loads(one["input"]) for one in told]
        return sorted(given, key=lambda one: str(one["detail"]["object"]["key"]))

    def account(self, *options: str) -> tuple[int, dict[str, Any]]:
        """The command's exit status and report; each upload must count once in it."""
        report = self.folder / "report.json"
        status = main(["--json", str(report), *options])
        told = json.loads(report.read_text())
        apart = sum(told[fate] for fate in ("under_way", "missing", "doubled", "doubtful"))
        assert told["uploaded"] == apart + sum(told["outcomes"].values())
        for fate in ("missing", "doubled", "doubtful"):
            assert told[fate] == len(told[f"{fate}_uploads"])
        return status, told


def on(service: str, event: str, act: Callable[..., Any]) -> None:
    client(service).meta.events.register(event, act)


def later(**by: float) -> Callable[..., None]:
    """Have AWS's clock be so much later."""

    def shift(http_response: Any, parsed: Any, **_: object) -> None:
        now = datetime.now(UTC) + timedelta(**by)
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = format_datetime(now, usegmt=True)

    return shift


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.setattr(reading, "WAIT_S", 0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with mock_aws():
        boto3.setup_default_session()
        client("cloudformation").create_stack(
            StackName="scones-dev-orchestration", TemplateBody=json.dumps(TEMPLATE)
        )
        versioned: Any = {"Status": "Enabled"}
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioned)
        told = client("cloudformation").describe_stacks(StackName="scones-dev-orchestration")
        outputs = told["Stacks"][0]["Outputs"]
        # A message counts as new from the second on in which the pass begins.
        on("sqs", "after-call.sqs.GetQueueAttributes", later(minutes=1))
        yield Stage({one["OutputKey"]: one["OutputValue"] for one in outputs}, tmp_path)


@pytest.fixture
def two_days_on(stage: Stage) -> None:
    on("s3", "after-call.s3.ListObjectVersions", later(days=2))


def keys(told: dict[str, Any], fate: str) -> list[str]:
    return sorted(one["key"].removeprefix("incoming/") for one in told[f"{fate}_uploads"])


@pytest.mark.usefixtures("two_days_on")
def test_each_upload_is_told_by_ledger_and_queues_and_the_queues_stay_as_they_were(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "taken waiting reviewed letter requested unsent cut crashed twice both never events"
    photo = {name: stage.upload(f"incoming/{name}") for name in names.split()}
    photo["other"], photo["handled"] = stage.upload("notes/other"), stage.upload("notes/handled")
    stage.settle(photo["taken"], "accepted")
    stage.settle(photo["waiting"], "accepted")
    stage.decide("accepted", photo["waiting"])
    stage.settle(photo["reviewed"], "review", requested_run="r", requested_outcome="accepted")
    stage.decide("review", photo["reviewed"])
    stage.decide("accepted", photo["reviewed"])
    stage.settle(photo["letter"], "dead_letter")
    stage.send("dead_letter", dead_letter(photo["letter"].event, run="run-1"))
    stage.record(photo["requested"].id, requested_outcome="review", requested_run="r")
    stage.settle(photo["unsent"], "unsent", unsent_reason="X: wait\na bit")
    stage.record(photo["cut"].id, run="run-2", lease_until=1)
    stage.decide("review", photo["cut"])
    stage.record(photo["crashed"].id, run="run-3", lease_until=1)
    stage.settle(photo["twice"], "dead_letter")
    for run in ("run-0", "run-1"):
        stage.send("dead_letter", dead_letter(photo["twice"].event, run=run))
    stage.settle(photo["both"], "accepted")
    stage.decide("accepted", photo["both"])
    stage.decide("review", photo["both"])
    stage.send("undelivered", photo["events"].event, target=stage.outputs["WorkflowArn"])
    stage.send("dead_letter", dead_letter(photo["other"].event, inference_id=None, run=None))
    stage.send("dead_letter", dead_letter({"s3_bucket": BUCKET, "s3_key": "incoming/typed"}))
    before = 12
    assert sum(map(waiting, stage.outputs.items())) == before

    status, told = stage.account()
    assert status == 3
    assert told["uploaded"] == 14
    assert told["outcomes"] == {
        "accepted": 2,
        "review": 2,
        "dead_letter": 2,
        "undelivered": 1,
        "requested": 1,
        "not_incoming": 1,
        "forgotten": 0,
    }
    assert keys(told, "missing") == ["never", "unsent"]
    assert keys(told, "doubled") == ["both", "twice"]
    assert told["messages"] == {"accepted": 3, "review": 3, "dead_letter": 5, "undelivered": 1}
    assert (told["unnamed"], told["extra"]) == (1, {"messages": 0, "records": 0})
    assert sum(map(waiting, stage.outputs.items())) == before
    out = capsys.readouterr().out
    assert "missing 'incoming/never'" in out
    assert "not even its dead letter could be sent: X: wait\\na bit" in out
    assert "1 messages name no version" in out


def waiting(output: tuple[str, str]) -> int:
    name: Any = "ApproximateNumberOfMessages"
    if output[0] not in QUEUES.values():
        return 0
    told = client("sqs").get_queue_attributes(QueueUrl=output[1], AttributeNames=[name])
    return int(told["Attributes"][name])


def test_where_each_upload_has_one_outcome_or_may_still_get_it_nothing_is_wrong(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.settle(stage.upload("incoming/a"), "review")
    stage.upload("incoming/just now")
    lease = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    stage.record(stage.upload("incoming/runs").id, run="run-1", lease_until=lease)
    status, told = stage.account()
    assert status == 0
    assert (told["uploaded"], told["under_way"], told["outcomes"]["review"]) == (3, 2, 1)
    assert "MISSING: no outcome" in capsys.readouterr().out


def test_a_short_patience_takes_for_missing_what_may_still_come(stage: Stage) -> None:
    stage.upload()
    on("s3", "after-call.s3.ListObjectVersions", later(minutes=2))
    assert stage.account("--patience", "5m")[0] == 0
    status, told = stage.account("--patience", "90s")
    assert (status, told["missing"]) == (3, 1)


def test_an_empty_bucket_is_accounted_for(stage: Stage) -> None:
    status, told = stage.account()
    assert (status, told["uploaded"]) == (0, 0)


@pytest.mark.usefixtures("two_days_on")
def test_every_version_is_an_upload_of_its_own_and_a_delete_marker_is_none(stage: Stage) -> None:
    first, second = stage.upload(body=b"first"), stage.upload(body=b"second")
    client("s3").delete_object(Bucket=BUCKET, Key=first.key)
    third = stage.upload(body=b"third")
    stage.settle(second, "accepted")
    _, told = stage.account()
    assert (told["uploaded"], told["outcomes"]["accepted"]) == (3, 1)
    assert {one["version_id"] for one in told["missing_uploads"]} == {first.version, third.version}


@pytest.mark.usefixtures("two_days_on")
def test_a_bucket_of_many_pages_is_read_to_its_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [stage.upload(f"incoming/{n % 23:02}", str(n).encode()) for n in range(130)]
    for photo in photos[:-1]:
        stage.settle(photo, "review")
    for n in range(5):
        client("s3").delete_object(Bucket=BUCKET, Key=f"incoming/{n:02}")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
    pages: list[Any] = []
    on("s3", "before-call.s3.ListObjectVersions", lambda **_: pages.append(1))
    _, told = stage.account()
    assert len(pages) > 15
    assert (told["uploaded"], told["outcomes"]["review"]) == (130, 129)
    (missing,) = told["missing_uploads"]
    assert missing["version_id"] == photos[-1].version


@pytest.mark.usefixtures("two_days_on")
def test_without_versions_the_etag_tells_uploads_apart(stage: Stage) -> None:
    unversioned: Any = {"Status": "Suspended"}
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=unversioned)
    stage.settle(stage.upload("incoming/a"), "accepted")
    lost = stage.upload("incoming/b")
    assert lost.version == "null"
    status, told = stage.account("--rerun")
    assert (status, told["uploaded"], told["outcomes"]["accepted"]) == (3, 2, 1)
    (missing,) = told["missing_uploads"]
    assert missing["version_id"] is None
    assert missing["inference_id"] == lost.id
    expected = {"key": "incoming/b", "etag": lost.etag, "size": 5}
    assert stage.started() == [{"detail": {"bucket": {"name": BUCKET}, "object": expected}}]


STRANGE = [
    "incoming/my photo + 50% é.JPG",
    "incoming/写真/🚲.png",
    "incoming/..//a\\b",
    "incoming/[bold]&lt;",
    'incoming/"quoted"\n\u009b31mred',  # a control sequence's introducer, in one character
    "incoming/" + "x" * 1000,
]


@pytest.mark.usefixtures("two_days_on")
@pytest.mark.parametrize("key", STRANGE, ids=ascii)
def test_a_strange_key_is_found_told_on_one_line_and_run_as_it_is(
    stage: Stage, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = stage.upload(key)
    status, told = stage.account("--rerun")
    assert status == 3
    assert [one["key"] for one in told["missing_uploads"]] == [key]
    assert stage.started() == [photo.event]
    (line,) = (one for one in capsys.readouterr().out.splitlines() if one.startswith("missing "))
    assert line.startswith(f"missing {key!r} {photo.version}: ")
    assert line.isprintable()
    stage.settle(photo, "accepted")
    assert stage.account()[0] == 0


@pytest.mark.usefixtures("two_days_on")
def test_what_is_missing_is_run_as_its_event_would_have_and_then_nothing_is_missing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(params: Any, **_: object) -> None:
        started = json.loads(json.loads(params["body"])["input"])["detail"]["object"]
        photo = Photo(started["key"], started["version-id"], started["etag"])
        stage.settle(photo, "dead_letter")

    lost = [stage.upload(f"incoming/{n:02}") for n in range(25)]
    stage.settle(stage.upload("incoming/fine"), "accepted")
    stage.settle(lost[3], "unsent", unsent_reason="X: y")
    on("stepfunctions", "before-call.sfn.StartExecution", run)
    status, told = stage.account("--rerun")
    assert (status, told["missing"]) == (3, 25)
    assert stage.started() == [photo.event for photo in lost]
    shown = capsys.readouterr().out
    assert shown.count("missing 'incoming/") == 20
    assert "5 more are missing: --json FILE" in shown
    assert "started for 25 of 25" in shown
    assert stage.account("--rerun")[0] == 0
    assert len(stage.started()) == 25


@pytest.mark.usefixtures("two_days_on")
def test_a_dry_run_starts_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.upload()
    assert stage.account("--rerun", "--dry-run")[0] == 3
    assert "would be started for 1" in capsys.readouterr().out
    assert stage.started() == []


@pytest.mark.usefixtures("two_days_on")
def test_reruns_start_no_faster_than_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    now, starts = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda pause: now.append(now.pop() + pause))
    for n in range(4):
        stage.upload(f"incoming/{n}")
    on("stepfunctions", "before-call.sfn.StartExecution", lambda **_: starts.append(now[0]))
    stage.account("--rerun", "--no-queues", "--per-second", "4")
    assert starts == []  # without the queues nothing is known to be missing
    stage.account("--rerun", "--per-second", "4")
    assert [one - starts[0] for one in starts] == [0, 0.25, 0.5, 0.75]


@pytest.mark.usefixtures("two_days_on")
def test_an_input_that_step_functions_refuses_is_named_and_the_others_go_on(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(params: Any, **_: object) -> None:
        if "bad" in params["body"].decode():
            told: Any = {"Error": {"Code": "InvalidExecutionInput", "Message": "too odd"}}
            raise ClientError(told, "StartExecution")

    stage.upload("incoming/bad")
    good = stage.upload("incoming/good")
    on("stepfunctions", "before-call.sfn.StartExecution", refuse)
    assert stage.account("--rerun")[0] == 3
    assert stage.started() == [good.event]
    shown = capsys.readouterr()
    assert "'incoming/bad': Step Functions does not take its input: too odd" in shown.err
    assert "started for 1 of 2" in shown.out


@pytest.mark.usefixtures("two_days_on")
def test_an_interrupted_rerun_says_how_far_it_came_and_the_report_is_written(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_: object) -> None:
        if len(stage.started()) == 2:
            raise KeyboardInterrupt

    for n in range(4):
        stage.upload(f"incoming/{n}")
    on("stepfunctions", "before-call.sfn.StartExecution", interrupt)
    status, told = stage.account("--rerun")
    assert (status, told["missing"]) == (1, 4)
    shown = capsys.readouterr()
    assert "started for 2 of 4" in shown.out
    assert "Interrupted" in shown.err


@pytest.mark.parametrize("where", ["s3.ListObjectVersions", "sqs.ReceiveMessage"])
def test_an_interrupted_comparison_leaves_every_message_where_it_was(
    stage: Stage, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = iter(range(100))

    def interrupt(**_: object) -> None:
        if where.startswith("s3") or next(turns) == 2:
            raise KeyboardInterrupt

    photo = stage.upload()
    for _ in range(12):
        stage.decide("accepted", photo)
    on(where.partition(".")[0], f"before-call.{where}", interrupt)
    assert main([]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert sum(map(waiting, stage.outputs.items())) == 12


@pytest.mark.usefixtures("two_days_on")
@pytest.mark.parametrize("queue", QUEUES)
def test_what_another_reader_has_makes_doubtful_what_it_might_answer_and_is_not_run(
    stage: Stage, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    crashed = stage.upload("incoming/crashed")
    stage.record(crashed.id, run="run-1", lease_until=1)
    stage.decide(queue, crashed)
    client("sqs").receive_message(QueueUrl=stage.outputs[QUEUES[queue]])
    status, told = stage.account("--rerun")
    assert (status, told["doubtful"], told["missing"]) == (3, 1, 0)
    assert told["hidden"] == {name: int(name == queue) for name in QUEUES}
    assert f"1 messages of {queue} could not be read" in capsys.readouterr().out
    assert stage.started() == []


@pytest.mark.usefixtures("two_days_on")
def test_what_another_reader_took_meanwhile_counts_as_not_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = stage.upload("incoming/crashed")
    stage.record(crashed.id, run="run-1", lease_until=1)
    stage.decide("review", crashed)
    url = stage.outputs["ReviewQueueUrl"]

    def take(params: Any, **_: object) -> None:
        if url in str(params) and waiting(("ReviewQueueUrl", url)):
            boto3.client("sqs").receive_message(QueueUrl=url)

    on("sqs", "before-call.sqs.ReceiveMessage", take)
    status, told = stage.account()
    assert (status, told["doubtful"], told["hidden"]["review"]) == (3, 1, 1)


@pytest.mark.usefixtures("two_days_on")
def test_without_the_queues_the_ledger_tells_and_no_message_is_touched(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.settle(stage.upload("incoming/a"), "accepted")
    stage.settle(stage.upload("incoming/b"), "unsent")
    stage.upload("incoming/c")
    asked: list[str] = []
    for call in ("ReceiveMessage", "GetQueueAttributes"):
        on("sqs", f"before-call.sqs.{call}", lambda **_: asked.append("it"))
    status, told = stage.account("--no-queues")
    assert (status, told["messages"], asked) == (3, {}, [])
    assert (keys(told, "missing"), keys(told, "doubtful")) == (["b"], ["c"])
    assert "The queues were not read" in capsys.readouterr().out


@pytest.mark.usefixtures("two_days_on")
def test_nothing_is_ever_deleted_and_every_message_can_be_received_afterwards(
    stage: Stage,
) -> None:
    deleted: list[Any] = []
    on("sqs", "before-call.sqs.DeleteMessage", lambda **_: deleted.append(1))
    on("sqs", "before-call.sqs.DeleteMessageBatch", lambda **_: deleted.append(1))
    photos = [stage.upload(f"incoming/{n}") for n in range(12)]
    for queue in QUEUES:
        for photo in photos:
            stage.decide(queue, photo)
        stage.send(queue, "no JSON")
    stage.account("--rerun")
    assert deleted == []
    assert len(stage.bodies()) == 4 * 13


@pytest.mark.usefixtures("two_days_on")
def test_messages_and_records_of_what_was_deleted_for_good_are_extra_and_no_fault(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, kept = stage.upload("incoming/gone"), stage.upload("incoming/kept")
    for photo in (gone, kept):
        stage.settle(photo, "accepted")
        stage.decide("accepted", photo)
    client("s3").delete_object(Bucket=BUCKET, Key=gone.key, VersionId=gone.version)
    stage.record(
        "9a7f2c1e-4b6d-4e8a-b3c5-7d9e1f2a3b4c", requested_run="r"
    )  # a request that read nothing
    status, told = stage.account()
    assert (status, told["uploaded"], told["extra"]) == (0, 1, {"messages": 1, "records": 1})
    assert "1 records are of uploads that the bucket no longer holds" in capsys.readouterr().out
    # Of a part of the bucket it cannot be told what is not in the bucket.
    _, told = stage.account("--prefix", "incoming/k")
    assert (told["uploaded"], told["extra"]) == (1, {"messages": None, "records": None})


def test_what_is_older_than_the_ledgers_memory_is_passed_over_or_said_to_be_forgotten(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (datetime.now(UTC) - timedelta(days=21)).isoformat()
    stage.upload("incoming/unknown")
    stage.settle(stage.upload("incoming/known"), "review")
    # By S3's clock so long ago; LedgerDays is 20.
    on("s3", "after-call.s3.ListObjectVersions", aged(timedelta(days=20, hours=12)))
    on("dynamodb", "after-call.dynamodb.DescribeTable", begun(datetime(2020, 1, 1, tzinfo=UTC)))
    status, told = stage.account()
    assert (status, told["uploaded"], told["older"]) == (0, 0, 2)
    assert "2 uploads from before" in capsys.readouterr().out
    status, told = stage.account("--since", old)
    assert (status, told["older"]) == (0, 0)
    assert (told["outcomes"]["review"], told["outcomes"]["forgotten"]) == (1, 1)
    status, told = stage.account("--since", "22d")
    assert (status, told["outcomes"]["forgotten"]) == (0, 1)


def test_what_was_uploaded_before_there_was_a_ledger_is_not_run_again(stage: Stage) -> None:
    stage.upload("incoming/long ago")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    on("dynamodb", "after-call.dynamodb.DescribeTable", begun(tomorrow))
    status, told = stage.account("--since", "2d", "--patience", "0s", "--rerun", "--dry-run")
    assert (status, told["uploaded"], told["older"]) == (0, 0, 1)


def begun(at: datetime) -> Callable[..., None]:
    def shift(parsed: Any, **_: object) -> None:
        parsed["Table"]["CreationDateTime"] = at

    return shift


def aged(by: timedelta) -> Callable[..., None]:
    def shift(http_response: Any, parsed: Any, **_: object) -> None:
        for one in parsed.get("Versions", []):
            one["LastModified"] -= by

    return shift


@pytest.mark.usefixtures("two_days_on")
def test_a_message_that_sqs_delivers_twice_counts_once(stage: Stage) -> None:
    photo = stage.upload()
    stage.settle(photo, "accepted")
    stage.decide("accepted", photo)

    def again(parsed: Any, **_: object) -> None:
        parsed["Messages"] = [one for one in parsed.get("Messages", []) for _ in range(2)]

    on("sqs", "after-call.sqs.ReceiveMessage", again)
    status, told = stage.account()
    assert (status, told["messages"]["accepted"], told["doubled"]) == (0, 1, 0)


def test_sightings_say_which_run_sent_a_letter_and_are_taken_once(stage: Stage) -> None:
    photo = stage.upload()
    message = stage.send("dead_letter", dead_letter(photo.event, run="run-1", inference_id=None))
    for body in ("no JSON", "[]", '{"inference_id": 1}', "{}"):
        stage.send("review", body)
    sightings = Sightings()
    with Progress(disable=True) as progress:
        sightings.read(stage.outputs, progress)
    assert (sightings.left, sightings.unnamed, sightings.unread) == (1, 4, set())
    assert sightings.take(photo.id) == [Sighting("dead_letter", message, "run-1")]
    assert sightings.take(photo.id) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--stage", "absent"], "scones-absent-orchestration"),
        (["--json", "absent/report.json"], "no folder absent"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_read(
    stage: Stage, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    on("s3", "before-call.s3.ListObjectVersions", lambda **_: asked.append("it"))
    assert main(options) == 2
    assert told in capsys.readouterr().err
    assert asked == []


def test_a_stage_of_before_the_ledger_is_told_how_to_get_one(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    template: Any = json.loads(json.dumps(TEMPLATE))
    del template["Outputs"]["LedgerTableName"]
    client("cloudformation").update_stack(
        StackName="scones-dev-orchestration",
        TemplateBody=json.dumps(template),
    )
    assert main([]) == 2
    assert "scones-ops deploy --stage dev" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_said(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_what_aws_refuses_is_said(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.upload()
    client("dynamodb").delete_table(TableName=TABLE)
    assert main([]) == 1
    assert "DescribeTable was refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--dry-run"],
        ["--since", "yesterday"],
        ["--patience", "10"],
        ["--rerun", "--per-second", "0"],
    ],
)
def test_what_is_asked_for_must_be_clear(options: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2
