"""The whole flow on the local engine, seen from outside."""

from __future__ import annotations

import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from local.tests_flow.conftest import ROOT, jpeg
from PIL import Image

from scones_local.traces import fetch_traces, inference_ids
from scones_local.tracetree import trace_tree

if TYPE_CHECKING:
    from local.tests_flow.conftest import Client

SERVICES = ["scones-local-serializer", "scones-local-classifier", "scones-local-filter"]


def fits(message: dict[str, Any], contract: str) -> None:
    """Check a message against the contract's schema."""
    schema = json.loads((ROOT / "contracts" / contract / "v1.schema.json").read_text())
    jsonschema.validate(message, schema)


def wait_for_trace(client: Client, inference_id: str, since: float) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for documents in fetch_traces(client.aws, since):
            if inference_id in inference_ids(documents):
                tree = trace_tree(documents)
                if len(tree.roots) == 1 and all(tree.find(name) for name in SERVICES):
                    return documents
        time.sleep(0.1)
    raise AssertionError(f"no whole trace is annotated with {inference_id}")


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "my photo + 50% é.JPG",
        "ünï/cødé 写真.jpeg",
        "a=b&c?d#e.jpg",
        "\ufffe\uffff.jpg",
    ],
)
def test_a_photo_is_decided_on_whatever_its_key(client: Client, name: str) -> None:
    key = client.upload(jpeg(), name)
    kind, decision = client.outcome(key)
    assert kind == {"accepted": "accepted", "review": "review"}[decision["decision"]]
    assert decision["source"]["key"] == key
    fits(decision, "decision")


def test_the_console_input_has_the_same_outcome_as_the_event(client: Client) -> None:
    key = client.upload(jpeg(orientation=6), "sideways.jpg")
    _, from_event = client.outcome(key)
    bucket = client.stack.outputs["UploadBucket"]
    output = client.run_workflow({"image_data": "", "s3_bucket": bucket, "s3_key": key})
    assert output == from_event
    client.outcome(key)  # the console's execution has sent a message of its own


def test_a_png_with_transparency_is_decided_on(client: Client) -> None:
    memory = io.BytesIO()
    Image.new("RGBA", (900, 700), (250, 10, 10, 90)).save(memory, "PNG")
    kind, decision = client.outcome(client.upload(memory.getvalue(), "logo.png"))
    assert kind in {"accepted", "review"}
    assert set(decision["probabilities"]) == {"bicycle", "motorcycle"}


@pytest.mark.parametrize(
    ("body", "name", "state", "error"),
    [
        (b"this is text\n", "text.jpg", "Serialize", "NotAnImage"),
        (b"", "empty.png", "Serialize", "NotAnImage"),
        (jpeg()[:20_000], "cut off.jpg", "Serialize", "TruncatedImage"),
    ],
)
def test_what_is_no_image_becomes_one_dead_letter_that_says_why(
    client: Client, body: bytes, name: str, state: str, error: str
) -> None:
    key = client.upload(body, name)
    kind, letter = client.outcome(key)
    assert kind == "dead_letter"
    fits(letter, "dead-letter")
    assert (letter["failed_state"], letter["error"]["name"]) == (state, error)
    assert letter["input"]["detail"]["object"]["key"] == key
    assert len(letter["error"]["reason"]) > 20


@pytest.mark.parametrize("name", ["photo", "photo.txt", "photo.Jpg"])
def test_what_is_an_image_is_decided_by_its_bytes_not_by_its_name(
    client: Client, name: str
) -> None:
    kind, _ = client.outcome(client.upload(jpeg(), name))
    assert kind in {"accepted", "review"}


def test_an_upload_outside_incoming_is_answered_for_as_well(client: Client) -> None:
    key = client.upload(jpeg(), "photo.jpg", prefix="elsewhere/")
    kind, letter = client.outcome(key)
    assert kind == "dead_letter"
    fits(letter, "dead-letter")
    assert (letter["failed_state"], letter["error"]["name"]) == ("Trigger", "NotIncoming")
    assert letter["input"]["detail"]["object"]["key"] == key


def test_a_missing_object_is_named_in_the_dead_letter(client: Client) -> None:
    bucket = client.stack.outputs["UploadBucket"]
    key = 'incoming/never "uploaded" \\ é.jpg'
    event = {"image_data": "", "s3_bucket": bucket, "s3_key": key}
    letter = client.run_workflow(event)
    assert letter["error"]["name"] == "ObjectNotFound"
    assert key in letter["error"]["reason"]
    assert letter["input"] == event
    assert client.outcome(key) == ("dead_letter", letter)


def test_an_input_of_another_shape_becomes_a_dead_letter_with_that_input(client: Client) -> None:
    letter = client.run_workflow({"hello": "never-seen-before"})
    assert letter["error"]["name"] == "InvalidUpload"
    assert client.outcome("never-seen-before")[0] == "dead_letter"


def test_an_input_too_large_to_repeat_is_cut_in_its_dead_letter(client: Client) -> None:
    key = "incoming/large-never-uploaded.jpg"
    event = {"s3_bucket": "absent-bucket", "s3_key": key, "image_data": "x" * 250_000}
    letter = client.run_workflow(event)
    assert letter["error"]["name"] == "ObjectNotFound"
    assert key in letter["input"]["cut"]
    assert len(json.dumps(letter)) < 10_000
    assert client.outcome(key) == ("dead_letter", letter)


def test_overwriting_does_not_change_what_the_first_event_names(client: Client) -> None:
    s3 = client.aws.client("s3")
    key = client.upload(jpeg(), "twice.jpg")
    bucket = client.stack.outputs["UploadBucket"]
    s3.put_object(Bucket=bucket, Key=key, Body=jpeg((800, 600)))
    decisions = [client.outcome(key)[1] for _ in range(2)]
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert {d["source"]["version_id"] for d in decisions} == {v["VersionId"] for v in versions}
    assert len({decision["inference_id"] for decision in decisions}) == 2


def test_one_upload_leaves_one_trace_with_the_workflow_and_all_three_services(
    client: Client,
) -> None:
    since = time.time()
    key = client.upload(jpeg(), "traced.jpg")
    _, decision = client.outcome(key)
    tree = trace_tree(wait_for_trace(client, decision["inference_id"], since))
    assert tree.root.name == "scones-local"
    states = [span.name for span in tree.root.children]
    assert states[:4] == ["Claim", "Serialize", "Classify", "Filter"]
    assert states[-1] == "Settle"
    annotations = {k: v for _, span in tree.walk() for k, v in span.annotations.items()}
    assert annotations["image_key"] == key
    assert annotations["label"] == decision["label"]
    assert annotations["decision"] == decision["decision"]
    assert [span.status for _, span in tree.walk() if span.status != "ok"] == []


def test_data_capture_holds_the_picture_and_the_answer_under_the_inference_id(
    client: Client,
) -> None:
    _, decision = client.outcome(client.upload(jpeg(), "captured.jpg"))
    record = wait_for_capture(client, decision["inference_id"])
    image = Image.open(io.BytesIO(base64.b64decode(record["endpointInput"]["data"])))
    assert (image.format, image.size) == ("PNG", (32, 32))
    assert json.loads(record["endpointOutput"]["data"]) == [
        decision["probabilities"][label] for label in ("bicycle", "motorcycle")
    ]


def wait_for_capture(client: Client, inference_id: str) -> dict[str, Any]:
    bucket, prefix = client.stack.captures.removeprefix("s3://").split("/", 1)
    s3 = client.aws.client("s3")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            for line in map(json.loads, body.splitlines()):
                if line["eventMetadata"]["inferenceId"] == inference_id:
                    captured: dict[str, Any] = line["captureData"]
                    return captured
        time.sleep(0.2)
    raise AssertionError(f"no capture of {inference_id}")


def test_the_bucket_that_was_deployed_is_private_encrypted_and_versioned(client: Client) -> None:
    s3, bucket = client.aws.client("s3"), client.stack.outputs["UploadBucket"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert blocked
    assert all(blocked.values())
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Effect"] == "Deny"
