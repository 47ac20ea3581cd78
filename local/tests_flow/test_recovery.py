"""Dead letters, and what was in S3 before, through the workflow, as a user runs scones-ops."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from local.tests_flow.conftest import PATIENCE_S, ROOT, jpeg

if TYPE_CHECKING:
    from local.tests_flow.conftest import Client

SECOND_S = 1.1
"""A redrive leaves alone what was sent in the very second in which it begins."""
PYTHON = ROOT / ".nox" / "runtime-operations" / "bin" / "python"
PHOTOS = 10


def scones_ops(client: Client, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "scones_operations.cli", *arguments, "--stage", "local"],
        env={**os.environ, **client.stack.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def decisions(client: Client, key: str, count: int) -> list[dict[str, Any]]:
    """Wait for decisions on `key`, passing over its dead letters."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < deadline:
        for output in ("AcceptedQueueUrl", "ReviewQueueUrl"):
            found += client._messages(client.stack.outputs[output], key)
    assert len(found) == count
    return found


def left(client: Client, text: str) -> list[dict[str, Any]]:
    """Messages that name `text`, in whichever queue."""
    urls = [url for name, url in client.stack.outputs.items() if name.endswith("QueueUrl")]
    return [message for url in urls for message in client._messages(url, text)]


def waiting_letter(client: Client, key: str) -> dict[str, Any]:
    """Wait for the dead letter on `key`, and leave it where it is."""
    sqs, url = client.aws.client("sqs"), client.stack.outputs["DeadLetterQueueUrl"]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        for message in answer.get("Messages", []):
            body: dict[str, Any] = json.loads(message["Body"])
            if key in json.dumps(body, ensure_ascii=False) or json.dumps(key) in message["Body"]:
                time.sleep(SECOND_S)
                return body
        time.sleep(0.1)
    raise AssertionError(f"no dead letter names {key} after {PATIENCE_S} s")


def test_letters_of_a_fault_that_was_mended_become_outcomes_and_the_others_stay(
    client: Client,
) -> None:
    bucket = client.stack.outputs["UploadBucket"]
    key = f"incoming/{uuid.uuid4()}/late é.jpg"
    letter = client.run_workflow({"image_data": "", "s3_bucket": bucket, "s3_key": key})
    assert letter["error"]["name"] == "ObjectNotFound"
    text = client.run_workflow(
        {"image_data": "", "s3_bucket": bucket, "s3_key": client.upload(b"text", "text.jpg")}
    )["input"]["s3_key"]
    client.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=jpeg())
    (uploaded,) = decisions(client, key, 1)

    assert "would be redriven" in scones_ops(client, "redrive", "--all", "--dry-run").stdout
    listed = scones_ops(client, "redrive", "--list").stdout
    assert "ObjectNotFound" in listed
    assert "NotAnImage" in listed
    done = scones_ops(client, "redrive", "--error", "ObjectNotFound")
    assert done.returncode == 0, done.stderr
    (redriven,) = decisions(client, key, 1)
    assert redriven == uploaded

    listed = scones_ops(client, "redrive", "--list").stdout
    assert "ObjectNotFound" not in listed
    assert "NotAnImage" in listed

    done = scones_ops(client, "redrive", "--error", "NotAnImage")
    (row,) = (line for line in done.stdout.splitlines() if "NotAnImage" in line)
    # The upload's and the console's; each has failed again by now, and was not redriven again.
    assert [cell.strip() for cell in row.split("│")[2:5]] == ["2", "0", "0"]
    again = [client.outcome(text) for _ in range(2)]
    assert all("redrive-" in letter["execution"] for _, letter in again)
    assert left(client, text) == []


def test_a_backfill_decides_on_every_object_as_its_upload_was_and_runs_once(
    client: Client,
) -> None:
    bucket = client.stack.outputs["UploadBucket"]
    prefix = f"incoming/{uuid.uuid4()}/"
    photos = [f"{prefix}{number:02} + é.jpg" for number in range(PHOTOS)]
    s3 = client.aws.client("s3")
    for number, key in enumerate(photos):
        s3.put_object(Bucket=bucket, Key=key, Body=jpeg((1600 + number, 1200)))
    s3.put_object(Bucket=bucket, Key=f"{prefix}notes.txt", Body=b"text")
    s3.put_object(Bucket=bucket, Key=prefix, Body=b"")
    uploaded = {key: client.outcome(key)[1] for key in photos}
    assert client.outcome(f"{prefix}notes.txt")[0] == "dead_letter"
    assert client.outcome(prefix)[0] == "dead_letter"  # the folder is an upload, no picture

    place = f"s3://{bucket}/{prefix}"
    counted = scones_ops(client, "backfill", place, "--dry-run").stdout
    assert f"{PHOTOS + 1} objects" in counted
    assert "1 folder markers" in counted
    done = scones_ops(client, "backfill", place)
    assert done.returncode == 0, done.stderr
    assert f"total {PHOTOS + 2}, succeeded {PHOTOS + 2}" in done.stdout
    for key in photos:
        kind, decision = client.outcome(key)
        assert kind in {"accepted", "review"}
        assert decision == uploaded[key]
    kind, letter = client.outcome(f"{prefix}notes.txt")
    assert (kind, letter["error"]["name"]) == ("dead_letter", "NotAnImage")
    assert left(client, prefix) == []  # the folder was skipped

    again = scones_ops(client, "backfill", place)
    assert again.returncode == 0
    assert "was started before" in again.stdout
    assert left(client, prefix) == []


def test_objects_of_a_bucket_that_the_stage_may_not_read_are_not_tried(client: Client) -> None:
    refused = scones_ops(client, "backfill", "s3://another-bucket/photos/")
    assert refused.returncode == 2
    assert client.stack.outputs["UploadBucket"] in refused.stderr


@pytest.mark.parametrize(
    ("error", "retries"), [("Sfn.StateMachineDoesNotExist", 1), ("SQS.AmazonSqsException", 0)]
)
def test_an_object_whose_workflow_cannot_start_or_fails_is_a_dead_letter_to_redrive(
    client: Client, error: str, retries: int
) -> None:
    states, role = client.aws.client("stepfunctions"), "arn:aws:iam::000000000000:role/any"
    failing = {
        "StartAt": "Fail",
        "States": {"Fail": {"Type": "Fail", "Error": error, "Cause": 'no "é"'}},
    }
    arn = states.create_state_machine(
        name=f"failing-{uuid.uuid4()}", definition=json.dumps(failing), roleArn=role
    )["stateMachineArn"]
    if error == "Sfn.StateMachineDoesNotExist":
        states.delete_state_machine(stateMachineArn=arn)
    definition = (ROOT / "orchestration" / "backfill.asl.json").read_text()
    for name, value in {
        **client.stack.outputs,
        "WorkflowArn": arn,
        "ArtifactBucket": "any",
    }.items():
        definition = definition.replace(f"${{{name}}}", value)
    changed = json.loads(definition)
    run = changed["States"]["RunOverObjects"]["ItemProcessor"]["States"]["RunWorkflow"]
    run["Retry"][1]["MaxAttempts"] = 1
    machine = states.create_state_machine(
        name=f"backfill-{uuid.uuid4()}", definition=json.dumps(changed), roleArn=role
    )["stateMachineArn"]
    key = client.upload(jpeg(), 'quoted "\\ufffe".jpg')
    _, uploaded = client.outcome(key)
    asked = {"bucket": client.stack.outputs["UploadBucket"], "prefix": key, "max_concurrency": 1}
    states.start_execution(stateMachineArn=machine, input=json.dumps(asked))

    letter = waiting_letter(client, key)
    schema = json.loads((ROOT / "contracts" / "dead-letter" / "v1.schema.json").read_text())
    jsonschema.validate(letter, schema)
    assert (letter["failed_state"], letter["retries"]) == ("Backfill", retries)
    assert letter["error"]["name"] == error
    done = scones_ops(client, "redrive", "--error", error)
    assert done.returncode == 0, done.stderr
    assert client.outcome(key)[1] == uploaded
