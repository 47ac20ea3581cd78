"""An event that comes again, and a claim that a run left behind, seen from outside."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from local.tests_flow.conftest import ROOT, jpeg

if TYPE_CHECKING:
    from local.tests_flow.conftest import Client

Json = dict[str, Any]
NO_IMAGE = b"this is text\n"


def event_of(client: Client, body: bytes) -> Json:
    """An upload's event as S3 would send it, of an object whose own event cannot be told from it.

    The object is not under incoming/, so that no event of the engine's comes beside this one.
    """
    bucket = client.stack.outputs["UploadBucket"]
    key = f"repeated/{uuid.uuid4()}.jpg"
    put = client.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    client.outcome(key)  # rule OtherUploaded's letter
    version = {"version-id": put["VersionId"], "etag": put["ETag"].strip('"')}
    return {"detail": {"bucket": {"name": bucket}, "object": {"key": key, **version}}}


def key_of(event: Json) -> str:
    key: str = event["detail"]["object"]["key"]
    return key


def record(client: Client, upload: str) -> Json:
    """The ledger's item, as plain values."""
    table = client.stack.outputs["LedgerTableName"]
    found = client.aws.client("dynamodb").get_item(TableName=table, Key={"upload": {"S": upload}})
    return {name: next(iter(value.values())) for name, value in found["Item"].items()}


def claim_for_another(client: Client, upload: str, **others: Json) -> None:
    """Put an item into the ledger as a run left it that is not ours."""
    table = client.stack.outputs["LedgerTableName"]
    item: Any = {"upload": {"S": upload}, "run": {"S": "another"}, **others}
    client.aws.client("dynamodb").put_item(TableName=table, Item=item)


def messages_about(client: Client, key: str) -> int:
    """How many messages name a key, in all queues; they are taken out."""
    time.sleep(0.5)  # for one that should not come
    count = 0
    for output in ("AcceptedQueueUrl", "ReviewQueueUrl", "DeadLetterQueueUrl"):
        count += len(list(client._messages(client.stack.outputs[output], key)))
    return count


def test_a_repeated_event_has_no_outcome_of_its_own(client: Client) -> None:
    event = event_of(client, jpeg())
    decision = client.run_workflow(event)
    again = [client.run_workflow(event) for _ in range(3)]
    upload = decision["inference_id"]
    assert again == [{"already_claimed": upload}] * 3
    assert messages_about(client, key_of(event)) == 1
    assert record(client, upload)["outcome"] == decision["decision"]


def test_a_repeated_event_of_what_is_no_image_leaves_one_dead_letter(client: Client) -> None:
    event = event_of(client, NO_IMAGE)
    letter = client.run_workflow(event)
    assert set(client.run_workflow(event)) == {"already_claimed"}
    assert messages_about(client, key_of(event)) == 1
    assert record(client, letter["inference_id"])["outcome"] == "dead_letter"


def test_a_letter_is_redriven_once_however_often_it_is_sent(client: Client) -> None:
    event = event_of(client, NO_IMAGE)
    letter = client.run_workflow(event)
    redriven = client.run_workflow({**event, "redrive_of": letter["run"]})
    assert redriven["error"]["name"] == "NotAnImage"
    again = client.run_workflow({**event, "redrive_of": letter["run"]})
    assert again == {"already_claimed": letter["inference_id"]}
    assert messages_about(client, key_of(event)) == 2


@pytest.mark.parametrize(
    ("left", "is_free"),
    [
        ({"lease_until": {"N": "9999999999"}}, False),
        ({"lease_until": {"N": "1000000000"}}, True),
        ({"lease_until": {"N": "1000000000"}, "outcome": {"S": "accepted"}}, False),
        ({"lease_until": {"N": "9999999999"}, "outcome": {"S": "unsent"}}, True),
    ],
    ids=["under way", "crashed", "settled", "unsent"],
)
def test_a_claim_is_free_again_when_its_run_cannot_live_or_could_not_say_what_failed(
    client: Client, left: Json, is_free: bool
) -> None:
    event = event_of(client, jpeg())
    decision = client.run_workflow(event)
    claim_for_another(client, decision["inference_id"], **left)
    output = client.run_workflow(event)
    assert ("decision" in output) == is_free
    assert (record(client, decision["inference_id"])["run"] != "another") == is_free
    messages_about(client, key_of(event))


def test_an_outcome_that_was_asked_for_is_recorded_beside_the_events(client: Client) -> None:
    event = event_of(client, jpeg())
    decision = client.run_workflow(event)
    of_event = record(client, decision["inference_id"])
    asked = {"s3_bucket": event["detail"]["bucket"]["name"], "s3_key": key_of(event)}
    assert client.run_workflow({"image_data": "", **asked}) == decision
    both = record(client, decision["inference_id"])
    assert both["requested_outcome"] == both["outcome"] == decision["decision"]
    assert both["run"] == of_event["run"] != both["requested_run"]
    messages_about(client, key_of(event))


IDENTITIES = json.loads((ROOT / "contracts" / "upload" / "identity.json").read_text())


@pytest.mark.parametrize("known", IDENTITIES, ids=lambda known: known["inference_id"][:8])
def test_the_workflow_names_an_upload_as_the_contract_says(client: Client, known: Json) -> None:
    named = {"key": known["key"], "etag": known["etag"], "version-id": known["version_id"]}
    event = {"detail": {"bucket": {"name": known["bucket"]}, "object": named}}
    letter = client.run_workflow(event)
    assert letter["inference_id"] == known["inference_id"]
    assert record(client, known["inference_id"])["outcome"] == "dead_letter"
    assert client.outcome(known["key"])[1] == letter


def test_a_name_that_is_no_text_is_a_dead_letter_and_no_failed_execution(client: Client) -> None:
    named = {"key": "incoming/half a pair \ud800", "etag": "1"}
    letter = client.run_workflow({"detail": {"bucket": {"name": "some-bucket"}, "object": named}})
    assert (letter["error"]["name"], letter["inference_id"]) == ("InvalidUpload", None)
