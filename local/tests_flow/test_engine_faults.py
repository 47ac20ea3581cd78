"""The engine's conformance: each fault strikes where it says, and is journaled.

Beside `test_engine.py`, and for the same reason: a bare engine, one probing function, and a plan
of faults that each test changes.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from local.tests_flow.bare_engine import PROBE, REGION, ROLE, Engine, python

from scones_local.faults import PLAN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Json = dict[str, Any]
PATIENCE_S = 20.0
FIRST_S = 0.3
"""How long the first state of a run takes."""
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]


class FaultyEngine(Engine):
    """A bare engine with a folder of faults."""

    def __init__(self, work: Path) -> None:
        self.folder = work / "faults"
        self.folder.mkdir()
        super().__init__(work, self.folder)

    def plan(self, shares: Json) -> None:
        """Put a plan into force."""
        written = self.folder / "next.json"
        written.write_text(json.dumps(shares))
        written.replace(self.folder / PLAN)

    def journal(self, what: str, key: str) -> list[Json]:
        """The journal's lines of one kind about one key."""
        lines = (self.folder / "engine.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        return [line for line in told if (line["what"], line["key"]) == (what, key)]

    def attempts(self, key: str) -> list[tuple[str, int, str | None, str | None]]:
        """State, number, error and fault of each attempt in runs about one key."""
        names = ("state", "attempt", "error", "fault")
        told = self.journal("attempt", key)
        return [(line[names[0]], line[names[1]], line[names[2]], line[names[3]]) for line in told]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyEngine]:
    running = FaultyEngine(tmp_path_factory.mktemp("faulty"))
    running.wait()
    running.deploy("probe-filter", {"scones_probe.py": PROBE.read_text()})
    yield running
    running.stop()


@pytest.fixture
def engine(faulty: FaultyEngine) -> Iterator[FaultyEngine]:
    """The engine, on which nothing is broken yet."""
    faulty.plan({})
    yield faulty
    faulty.plan({})


def task(resource: str, arguments: Json, **more: Any) -> Json:
    """A workflow of one task that is tried again, and tells its error when it fails for good."""
    given = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments}
    return {
        "Probe": {
            **given,
            "TimeoutSeconds": 15,
            "Retry": RETRY,
            "Catch": CATCH,
            **more,
            "End": True,
        },
        "Caught": {"Type": "Succeed"},
    }


def call(**more: Any) -> Json:
    return task(
        "lambda:invoke",
        {"FunctionName": "probe-filter", "Payload": "{% $states.input.payload %}"},
        Output="{% $states.result.Payload %}",
        **more,
    )


def event(payload: Json | None = None, key: str | None = None) -> Json:
    """An S3 event of an upload that no other test has."""
    created = {"key": key or f"incoming/{uuid.uuid4()}", "etag": "an-etag", "version-id": "null"}
    return {"detail": {"object": created}, "payload": payload or {}}


def key_of(given: Json) -> str:
    key: str = given["detail"]["object"]["key"]
    return key


def eventually(found: Callable[[], Any], count: int) -> Any:
    """Wait until there are so many lines."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found()) < count:
        assert time.monotonic() < deadline, f"{found()} instead of {count}"
        time.sleep(0.02)
    return found()


def test_a_run_without_faults_is_journaled_with_its_attempts(engine: FaultyEngine) -> None:
    given = event()
    output = engine.run(call(), given)
    assert output["attempt"] == 1
    (run,) = engine.journal("run", key_of(given))
    assert (run["version"], run["status"], run["fault"]) == ("an-etag", "SUCCEEDED", None)
    (attempt,) = engine.journal("attempt", key_of(given))
    assert attempt["execution"] == run["execution"]
    assert engine.attempts(key_of(given)) == [("Probe", 0, None, None)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("lambda-crash", "Runtime.ExitError"), ("lambda-timeout", "Sandbox.Timedout")],
)
def test_a_harmed_function_is_tried_again_and_a_new_process_answers(
    engine: FaultyEngine, fault: str, error: str
) -> None:
    pid = engine.run(call(), event())["pid"]
    engine.plan({f"{fault}:filter": 1})
    given = event()
    assert engine.run(call(), given)["Error"] == error
    assert engine.attempts(key_of(given)) == [("Probe", n, error, fault) for n in range(2)]
    engine.plan({f"{fault}:serializer": 1})
    assert engine.run(call(), event())["pid"] != pid


def test_the_answer_of_a_fast_function_is_lost_in_every_crash(engine: FaultyEngine) -> None:
    engine.plan({"lambda-crash": 1})
    errors = [engine.run(call(Retry=[]), event())["Error"] for _ in range(15)]
    assert set(errors) == {"Runtime.ExitError"}


def test_a_state_whose_time_is_over_before_its_functions_is_a_timeout(engine: FaultyEngine) -> None:
    given = event({"sleep_s": 0.9})
    output = engine.run(call(TimeoutSeconds=0.2, Retry=[]), given)
    assert output["Error"] == "States.Timeout"
    assert engine.attempts(key_of(given)) == [("Probe", 0, "States.Timeout", None)]


def test_a_refused_message_is_tried_again_and_other_queues_take_theirs(
    engine: FaultyEngine,
) -> None:
    client = engine.client("sqs")
    names = ("probe-review", "probe-dead-letter")
    urls = [client.create_queue(QueueName=name)["QueueUrl"] for name in names]
    engine.plan({"queue-refuses:dead-letter": 1})
    for url, sent in zip(urls, (True, False), strict=True):
        given = event()
        states = task("sqs:sendMessage", {"QueueUrl": url, "MessageBody": "{% $states.input %}"})
        output = engine.run(states, given)
        answer = client.receive_message(QueueUrl=url)
        assert ("Messages" in answer) is sent
        assert ("MessageId" in output) is sent
        error = None if sent else "SQS.AmazonSQSException"
        fault = None if sent else "queue-refuses"
        tries = 1 if sent else 2
        assert engine.attempts(key_of(given)) == [("Probe", n, error, fault) for n in range(tries)]


def test_a_refused_event_fails_by_the_name_that_aws_documents(engine: FaultyEngine) -> None:
    given = event()
    engine.plan({"bus-refuses": 1})
    entry = {"Source": "scones", "DetailType": "any", "Detail": "{}"}
    output = engine.run(task("events:putEvents", {"Entries": [entry]}), given)
    assert output["Error"] == "EventBridge.FailedEntry"
    assert {fault for *_, fault in engine.attempts(key_of(given))} == {"bus-refuses"}


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        ("ledger-refuses", "DynamoDB.InternalServerError", False),
        ("ledger-forgets", "DynamoDB.SdkClientException", True),
    ],
)
def test_a_ledger_fails_before_or_after_it_has_written(
    engine: FaultyEngine, fault: str, error: str, *, written: bool
) -> None:
    client = engine.client("dynamodb")
    client.create_table(
        TableName=fault,
        KeySchema=[{"AttributeName": "upload", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "upload", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    engine.plan({fault: 1})
    change = {
        "TableName": fault,
        "Key": {"upload": {"S": "one"}},
        "UpdateExpression": "SET run = :run",
        "ExpressionAttributeValues": {":run": {"S": "mine"}},
    }
    given = event()
    output = engine.run(task("dynamodb:updateItem", change), given)
    assert output["Error"] == error
    assert engine.attempts(key_of(given)) == [("Probe", n, error, fault) for n in range(2)]
    assert ("Item" in client.get_item(TableName=fault, Key=change["Key"])) is written


def fed_workflow(engine: FaultyEngine, states: Json) -> str:
    """A bucket whose uploads start an Express workflow of these states; gives its name."""
    name = f"fed-{uuid.uuid4()}"
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    machine = engine.client("stepfunctions").create_state_machine(
        name=name, type="EXPRESS", roleArn=ROLE, definition=json.dumps(definition)
    )["stateMachineArn"]
    s3, events = engine.client("s3"), engine.client("events")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "w", "Arn": machine, "RoleArn": ROLE}])
    return name


def upload(engine: FaultyEngine, bucket: str) -> str:
    key = f"incoming/{uuid.uuid4()}"
    engine.client("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
    return key


PASS = {"Pass": {"Type": "Pass", "End": True}}


def faults_of(engine: FaultyEngine, what: str, key: str, count: int) -> list[str | None]:
    told = eventually(lambda: engine.journal(what, key), count)
    assert {line["version"] for line in told} != {None}
    return sorted((line["fault"] for line in told), key=str)


def test_an_event_is_delivered_twice(engine: FaultyEngine) -> None:
    bucket = fed_workflow(engine, PASS)
    engine.plan({"event-duplicate": 1})
    key = upload(engine, bucket)
    assert faults_of(engine, "event", key, 2) == [None, "event-duplicate"]
    runs = eventually(lambda: engine.journal("run", key), 2)
    assert len({run["execution"] for run in runs}) == 2


def test_delayed_events_come_in_another_order(engine: FaultyEngine) -> None:
    bucket = fed_workflow(engine, PASS)
    engine.plan({"event-delay": 1})
    keys = [upload(engine, bucket) for _ in range(8)]
    for key in keys:
        assert faults_of(engine, "event", key, 1) == ["event-delay"]
    came = sorted(keys, key=lambda key: engine.journal("event", key)[0]["at"])
    assert came != keys


def test_an_execution_runs_twice_under_one_id_and_each_run_is_whole(engine: FaultyEngine) -> None:
    url = engine.client("sqs").create_queue(QueueName=f"twice-{uuid.uuid4()}")["QueueUrl"]
    sent = {"QueueUrl": url, "MessageBody": "{% $states.context.Execution.Id %}"}
    states = {"First": call()["Probe"], "Last": task("sqs:sendMessage", sent)["Probe"]}
    del states["First"]["End"], states["First"]["Catch"], states["Last"]["Catch"]
    states["First"] |= {"Next": "Last"}
    states["First"]["Arguments"]["Payload"] = {"sleep_s": FIRST_S}
    bucket = fed_workflow(engine, states)
    engine.plan({"execution-twice": 1})
    seen: list[bool] = []
    while set(seen) != {True, False} and len(seen) < 30:
        seen.append(ran_at_once(engine, upload(engine, bucket)))
    assert set(seen) == {True, False}
    queued = engine.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert queued["Attributes"]["ApproximateNumberOfMessages"] == str(2 * len(seen))


def ran_at_once(engine: FaultyEngine, key: str) -> bool:
    """Whether the second run had begun before the first ended; both must be whole."""
    assert faults_of(engine, "run", key, 2) == [None, "execution-twice"]
    first, second = sorted(engine.journal("run", key), key=lambda run: str(run["fault"]))
    assert first["execution"] == second["execution"]
    assert first["status"] == second["status"] == "SUCCEEDED"
    attempts = engine.journal("attempt", key)
    assert sorted((line["walk"], line["state"]) for line in attempts) == [
        (1, "First"), (1, "Last"), (2, "First"), (2, "Last"),
    ]  # fmt: skip
    begun = next(line for line in attempts if (line["walk"], line["state"]) == (2, "First"))
    return bool(begun["at"] - FIRST_S < first["at"])


READS = """
import boto3
from botocore.config import Config

def handler(event, context):
    s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    try:
        return s3.get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read().decode()
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
"""


@pytest.mark.parametrize(
    ("fault", "code"), [("s3-denied", "AccessDenied"), ("s3-unavailable", "SlowDown")]
)
def test_a_functions_read_is_refused_and_nobody_elses(
    engine: FaultyEngine, fault: str, code: str
) -> None:
    variables = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{engine.port}", "AWS_REGION": REGION}
    secrets = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    engine.deploy(
        f"{fault}-reader",
        {"scones_serializer.py": READS},
        Handler="scones_serializer.handler",
        Environment={"Variables": {**variables, "AWS_DEFAULT_REGION": REGION, **secrets}},
        Timeout=10,
    )
    bucket = fed_workflow(engine, PASS)
    key = upload(engine, bucket)
    engine.plan({fault: 1})
    given = event({"bucket": bucket, "key": key})
    states = call()
    states["Probe"]["Arguments"]["FunctionName"] = f"{fault}-reader"
    assert engine.run(states, given) == code
    assert engine.attempts(key_of(given)) == [("Probe", 0, None, fault)]
    read = engine.client("s3").get_object(Bucket=bucket, Key=key)
    assert read["Body"].read() == key.encode()
    engine.plan({})
    assert engine.run(states, event(given["payload"])) == key


def test_nothing_of_this_is_there_without_a_plan() -> None:
    code = """if True:
        from ministack.services import eventbridge, s3, stepfunctions
        from scones_local import engine, engine_events
        before = [s3._get_object, stepfunctions._invoke_resource, type(stepfunctions._executions)]
        engine.install(engine.Functions.__new__(engine.Functions))
        after = [s3._get_object, stepfunctions._invoke_resource, type(stepfunctions._executions)]
        assert before == after
        assert stepfunctions._run_execution is engine.run_execution
        assert stepfunctions._execute_task is engine.execute_task
        assert eventbridge._invoke_target is engine_events.invoke_target
        """
    subprocess.run([python("engine"), "-c", code], check=True)
