"""The engine's conformance: what we replaced in ministack behaves as AWS does.

A bare engine with one probing function, nothing of ours deployed. When an upgrade of ministack
breaks one of the replacements, one of these fails and names it (that states are spans of the trace
is shown in `test_flow.py`; which code runs, in `test_engine_code.py`).
"""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from local.tests_flow.bare_engine import CONCURRENCY, REGION, ROLE, python

if TYPE_CHECKING:
    from pathlib import Path

    from local.tests_flow.bare_engine import Engine


def call(**more: Any) -> dict[str, Any]:
    """A state that hands its input to the probe."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "probe", "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        **more,
    }


def caught(name: str) -> dict[str, Any]:
    """A state whose one Catch takes only errors of this name."""
    catch = {"ErrorEquals": [name], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
    return {"Probe": call(Catch=[catch], End=True), "Caught": {"Type": "Succeed"}}


def test_a_handlers_own_exception_reaches_catch_by_its_class_name(engine: Engine) -> None:
    output = engine.run(caught("Refused"), {"failures": 1})
    assert output["Error"] == "Refused"
    assert json.loads(output["Cause"])["errorMessage"] == "not yet"


@pytest.mark.parametrize(
    ("event", "error"),
    [({"crash": True}, "Runtime.ExitError"), ({"sleep_s": 30}, "Sandbox.Timedout")],
)
def test_a_crash_and_a_timeout_have_awss_names(
    engine: Engine, event: dict[str, Any], error: str
) -> None:
    assert engine.run(caught(error), event)["Error"] == error
    assert engine.run({"Probe": call(End=True)}, {})["attempt"] == 1


def test_retry_by_class_name_waits_and_then_succeeds(engine: Engine, tmp_path: Path) -> None:
    retry = {"ErrorEquals": ["Refused"], "IntervalSeconds": 1, "MaxAttempts": 2}
    event = {"failures": 1, "attempts": str(tmp_path / "attempts")}
    started = time.monotonic()
    output = engine.run({"Probe": call(Retry=[retry], End=True)}, event)
    assert output["attempt"] == 2
    assert time.monotonic() - started >= 1


def test_what_retry_does_not_name_is_tried_once(engine: Engine, tmp_path: Path) -> None:
    retry = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 2}
    catch = {"ErrorEquals": ["States.ALL"], "Output": "{% 'caught' %}", "Next": "Caught"}
    states = {
        "Probe": call(Retry=[retry], Catch=[catch], End=True),
        "Caught": {"Type": "Succeed"},
    }
    attempts = tmp_path / "attempts"
    assert engine.run(states, {"failures": 1, "attempts": str(attempts)}) == "caught"
    assert attempts.read_text() == "."


def test_all_functions_of_an_execution_share_one_trace(engine: Engine) -> None:
    keep = {"Assign": {"first": "{% $states.result.Payload.trace %}"}, "Output": {}}
    states = {
        "First": call(**keep, Next="Second"),
        "Second": call(Output=["{% $first %}", "{% $states.result.Payload.trace %}"], End=True),
    }
    roots = [header.split(";")[0] for header in engine.run(states, {})]
    others = [header.split(";")[0] for header in engine.run(states, {})]
    assert roots[0] == roots[1]
    assert others[0] == others[1] != roots[0]


def test_processes_stay_within_the_cap_and_are_used_again(engine: Engine) -> None:
    functions = engine.client("lambda")

    def pid(_: int) -> int:
        payload = json.dumps({"sleep_s": 0.1})
        answer = functions.invoke(FunctionName="probe", Payload=payload)
        found: int = json.load(answer["Payload"])["pid"]
        return found

    with ThreadPoolExecutor(8) as pool:
        pids = set(pool.map(pid, range(16)))
    assert len(pids) == CONCURRENCY
    assert engine.processes("probe") == pids


def test_provisioned_concurrency_starts_processes_before_the_first_event(engine: Engine) -> None:
    functions = engine.client("lambda")
    version = functions.publish_version(FunctionName="probe")["Version"]
    before = engine.processes("probe")
    functions.put_provisioned_concurrency_config(
        FunctionName="probe", Qualifier=version, ProvisionedConcurrentExecutions=CONCURRENCY
    )
    assert len(engine.processes("probe") - before) == CONCURRENCY


def test_the_wait_that_the_engine_leaves_out_is_still_the_one_in_ministack() -> None:
    code = """if True:
        import inspect
        from ministack.services import stepfunctions
        from scones_local.engine import _WorkflowClock
        wait = f"time.sleep({_WorkflowClock.START_DELAY_S})"
        assert inspect.getsource(stepfunctions).count(wait) == 1
        assert wait in inspect.getsource(stepfunctions._run_execution)
        """
    subprocess.run([python("engine"), "-c", code], check=True)


def test_an_upload_to_a_versioned_bucket_names_its_version(engine: Engine) -> None:
    s3, queue_url = engine.client("s3"), queue(engine, "versions")
    bucket(engine, "versioned", queue_url)
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="versioned", Key="a", Body=b"x")["VersionId"]
    event = receive(engine, queue_url)
    assert event["detail"]["object"]["version-id"] == version


def test_an_upload_whose_workflow_is_gone_goes_to_the_rules_dead_letter_queue(
    engine: Engine,
) -> None:
    queue_url = queue(engine, "undelivered")
    bucket(engine, "orphaned", None)
    machine = f"arn:aws:states:{REGION}:000000000000:stateMachine:deleted"
    events, arn = engine.client("events"), queue_arn(engine, queue_url)
    events.put_rule(Name="orphan", EventPattern=pattern("orphaned"))
    target = {"Id": "w", "Arn": machine, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": arn}}
    events.put_targets(Rule="orphan", Targets=[target])
    engine.client("s3").put_object(Bucket="orphaned", Key="photo.jpg", Body=b"x")
    assert receive(engine, queue_url)["detail"]["object"]["key"] == "photo.jpg"


def test_an_event_whose_queue_is_gone_goes_to_the_rules_dead_letter_queue(engine: Engine) -> None:
    kept, gone = queue(engine, "kept"), queue(engine, "gone")
    bucket(engine, "queueless", None)
    events = engine.client("events")
    events.put_rule(Name="queueless", EventPattern=pattern("queueless"))
    letters = {"Arn": queue_arn(engine, kept)}
    target = {"Id": "q", "Arn": queue_arn(engine, gone), "DeadLetterConfig": letters}
    events.put_targets(Rule="queueless", Targets=[target])
    engine.client("sqs").delete_queue(QueueUrl=gone)
    engine.client("s3").put_object(Bucket="queueless", Key="photo.jpg", Body=b"x")
    assert receive(engine, kept)["detail"]["object"]["key"] == "photo.jpg"


def queue(engine: Engine, name: str) -> str:
    url: str = engine.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url


def queue_arn(engine: Engine, url: str) -> str:
    answer = engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = answer["Attributes"]["QueueArn"]
    return arn


def pattern(name: str) -> str:
    return json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}})


def bucket(engine: Engine, name: str, queue_url: str | None) -> None:
    """A bucket that tells EventBridge; with a queue, a rule that sends its events there."""
    s3, events = engine.client("s3"), engine.client("events")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    if queue_url:
        events.put_rule(Name=name, EventPattern=pattern(name))
        target = {"Id": "q", "Arn": queue_arn(engine, queue_url)}
        events.put_targets(Rule=name, Targets=[target])


def receive(engine: Engine, queue_url: str) -> dict[str, Any]:
    sqs = engine.client("sqs")
    answer = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=10)
    event: dict[str, Any] = json.loads(answer["Messages"][0]["Body"])
    return event
