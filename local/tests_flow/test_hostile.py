"""Hostile keys, inputs and pictures through the whole flow: each has one outcome, nothing dies."""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from botocore.config import Config
from local.tests_flow.conftest import PATIENCE_S, jpeg
from local.tests_flow.hostile_event_inputs import (
    INCOMING,
    good_events,
    hostile_events,
    hostile_pictures,
    strange_keys,
)

from scones_local.aws import REGION
from scones_local.traffic import QUEUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.tests_flow.conftest import Client

Json = dict[str, Any]
Outcomes = dict[str, list[tuple[str, Json]]]
"""Kinds of queues and their messages, by what a message is about."""

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
SEED = os.environ.get("FUZZ_SEED", "0")
AT_ONCE = 16
HERE: Any = {"LocationConstraint": REGION}
POOL = Config(max_pool_connections=AT_ONCE)
QUIET_S = 1.0
"""After the last awaited message, how long to look for ones that nobody awaits."""
PICTURE = jpeg((64, 48))


@pytest.fixture(autouse=True)
def living_workers(client: Client) -> Iterator[None]:
    """Every Lambda process that is there before a test is there after it."""
    before = workers()
    assert before
    yield
    assert before <= workers(), "a Lambda process died"


def workers() -> set[int]:
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "awslambdaric" in child.cmdline()
    }


@pytest.fixture
def chance() -> random.Random:
    return random.Random(None if SEED == "random" else int(SEED))


def await_outcomes(
    client: Client, wanted: set[str], about: Callable[[str, Json], str | None]
) -> Outcomes:
    """Take messages about what is wanted out of the queues, until each has one and a bit longer.

    Those of other tests stay.
    """
    found: Outcomes = {}
    deadline = time.monotonic() + PATIENCE_S
    while wanted - found.keys() and time.monotonic() < deadline:
        _take(client, wanted, about, found)
    time.sleep(QUIET_S)
    _take(client, wanted, about, found)
    return found


def _take(
    client: Client, wanted: set[str], about: Callable[[str, Json], str | None], found: Outcomes
) -> None:
    sqs = client.aws.client("sqs")
    for kind, output in QUEUES.items():
        url, others = client.stack.outputs[output], []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60
        ).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                subject = about(kind, body)
                if subject in wanted:
                    found.setdefault(subject, []).append((kind, body))
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                else:
                    others.append(message["ReceiptHandle"])
        for handle in others:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


def key_of(kind: str, body: Json) -> str | None:
    """The key that a message is about."""
    if kind in {"accepted", "review"}:
        return str(body["source"]["key"])
    event = body["input"] if kind == "dead_letter" else body
    try:
        return str(event["detail"]["object"]["key"])
    except (LookupError, TypeError):
        return None


def subject_of(kind: str, body: Json) -> str | None:
    """The execution that a dead letter is of; else the key."""
    return str(body["execution"]) if kind == "dead_letter" else key_of(kind, body)


def upload(client: Client, bodies: dict[str, bytes], bucket: str | None = None) -> None:
    s3, bucket = (
        client.aws.client("s3", config=POOL),
        bucket or client.stack.outputs["UploadBucket"],
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        put = [
            pool.submit(s3.put_object, Bucket=bucket, Key=key, Body=body)
            for key, body in bodies.items()
        ]
    for one in put:
        one.result()


def told(what: str, kinds: Counter[str]) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in sorted(kinds.items()))
    print(f"\nflow, {what}: {kinds.total()} distinct, seed {SEED}: {counts}")  # noqa: T201 - for -s


def name_of(kind: str, body: Json) -> str:
    return str(body["error"]["name"]) if kind == "dead_letter" else kind


def test_object_under_any_key_has_one_outcome_of_that_key(client: Client) -> None:
    keys = strange_keys()
    assert len(set(keys)) == len(keys)
    upload(client, dict.fromkeys(keys, PICTURE))
    found = await_outcomes(client, set(keys), key_of)
    assert {ascii(key): len(found.get(key, [])) for key in keys} == {ascii(key): 1 for key in keys}
    for key in keys:
        ((kind, body),) = found[key]
        if key.startswith(INCOMING):
            assert kind in {"accepted", "review"}
        else:
            assert (kind, body["error"]["name"]) == ("dead_letter", "NotIncoming")
    told("keys", Counter(name_of(*found[key][0]) for key in keys))


def test_hostile_input_of_the_workflow_has_one_outcome_and_never_fails_it(
    client: Client, chance: random.Random
) -> None:
    bucket = f"hostile-{uuid.uuid4()}"
    keys = [f"{at}.jpg" for at in range(12)]
    client.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=HERE)
    upload(client, dict.fromkeys(keys, PICTURE), bucket)
    good = list(good_events(bucket, keys))
    events = [*good, *hostile_events(f"{bucket}-not", chance, EXAMPLES)]
    assert len({json.dumps(event) for event in events}) == len(events) > 300

    answers = executed(client, events)
    failed = [
        (ascii(event)[:200], answer.get("error"), str(answer.get("cause"))[:300])
        for event, answer in zip(events, answers, strict=True)
        if answer["status"] != "SUCCEEDED"
    ]
    assert failed == []
    outputs = [json.loads(answer["output"]) for answer in answers]
    assert [output.get("decision") for output in outputs[: len(good)]] == ["review"] * len(good)
    assert {output["error"]["name"] for output in outputs[len(good) :]} == {
        "InvalidUpload", "ObjectNotFound",
    }  # fmt: skip
    kinds = ["review"] * len(good) + ["dead_letter"] * (len(events) - len(good))
    expected = {
        str(subject_of(kind, output)): [(kind, output)]
        for kind, output in zip(kinds, outputs, strict=True)
    }
    assert len(expected) == len(events)
    found = await_outcomes(client, set(expected), subject_of)
    assert [found.get(one) for one in expected if found.get(one) != expected[one]] == []
    told("inputs", Counter(map(name_of, kinds, outputs)))


def executed(client: Client, events: list[Any]) -> list[Json]:
    """Run the workflow on each, many at once; what Step Functions answers."""
    sfn = client.aws.client("stepfunctions", config=POOL)
    machine = client.stack.outputs["WorkflowArn"]

    def run(event: Any) -> Json:
        return dict(sfn.start_sync_execution(stateMachineArn=machine, input=json.dumps(event)))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, events))


def test_hostile_picture_has_one_outcome_that_says_what_is_wrong(
    client: Client, chance: random.Random
) -> None:
    place = f"{INCOMING}{uuid.uuid4()}/"
    bodies = {f"{place}{at}.jpg": body for at, body in enumerate(hostile_pictures(chance))}
    assert len(set(bodies.values())) == len(bodies)
    upload(client, bodies)
    found = await_outcomes(client, set(bodies), key_of)
    assert {key: len(found.get(key, [])) for key in bodies} == dict.fromkeys(bodies, 1)
    names = Counter(name_of(*found[key][0]) for key in bodies)
    assert names.keys() <= {
        "accepted", "review", "NotAnImage", "TruncatedImage", "TooManyPixels", "UnsupportedFormat",
    }  # fmt: skip
    told("pictures", names)
