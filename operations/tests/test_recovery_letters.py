"""What the messages of the two queues say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_operations.accounting.identity import inference_id_of
from scones_operations.recovery.letters import MALFORMED, read_dead_letter, read_undelivered

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

CONTRACTS = Path(__file__).parents[2] / "contracts"
GOLDEN = CONTRACTS / "dead-letter" / "golden"
UPLOADS = CONTRACTS / "upload" / "golden"
WORKFLOW = "arn:aws:states:eu-central-1:123456789012:stateMachine:scones-dev"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def message(body: str, **attributes: str) -> MessageTypeDef:
    return {
        "MessageId": "0d1e2f3a",
        "Body": body,
        "Attributes": {"SentTimestamp": "1795590359145"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def dead_letter(upload: Any = None, error: str = "NotAnImage", **more: Any) -> str:
    told = {"name": error, "reason": "because", "cause": "{}"}
    letter = {"input": upload, "failed_state": "Serialize", "retries": 0, "error": told}
    return json.dumps({**letter, "execution": None, **more})


@pytest.mark.parametrize(
    ("name", "error", "state", "key"),
    [
        ("text-file", "NotAnImage", "Serialize", "incoming/notes.jpg"),
        ("not-incoming", "NotIncoming", "Trigger", "notes/photo.jpg"),
    ],
)
def test_the_contracts_letters_are_read_and_can_be_redriven(
    name: str, error: str, state: str, key: str
) -> None:
    body = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    letter = read_dead_letter(message(body))
    assert (letter.error, letter.failed_state, letter.key) == (error, state, key)
    told = json.loads(body)
    claimed = {"redrive_of": told["run"]} if told["run"] else {}
    assert json.loads(letter.input) == {**told["input"], **claimed}
    assert letter.run == (told["run"] or "")
    assert letter.obstacle == ""


def test_a_letter_that_names_its_upload_and_one_whose_event_does_agree() -> None:
    event = json.loads((UPLOADS / "versioned-event.json").read_text(encoding="utf-8"))
    named = read_dead_letter(message(dead_letter(event, inference_id="f0" * 32, run="r")))
    told_by_event = read_dead_letter(message(dead_letter(event, inference_id=None, run=None)))
    assert named.inference_id == "f0" * 32
    assert told_by_event.inference_id == inference_id_of(event)
    assert read_dead_letter(message(dead_letter({"s3_key": "a"}))).inference_id == ""


@pytest.mark.parametrize("before", [{}, {"redrive_of": "the run before"}])
def test_a_redrive_names_the_run_that_wrote_the_letter(before: dict[str, str]) -> None:
    event = {"detail": {}, **before}
    letter = read_dead_letter(message(dead_letter(event, run="9a7f")))
    assert json.loads(letter.input) == {"detail": {}, "redrive_of": "9a7f"}


@pytest.mark.parametrize("more", [{}, {"run": None}, {"run": ""}, {"run": 1}])
def test_a_letter_without_a_run_is_redriven_as_its_input_came(more: dict[str, Any]) -> None:
    letter = read_dead_letter(message(dead_letter({"detail": {}}, **more)))
    assert json.loads(letter.input) == {"detail": {}}
    assert letter.run == ""


@pytest.mark.parametrize("upload", [None, "text", 1, ["a"]])
def test_what_is_no_object_is_redriven_as_it_came_whoever_wrote_its_letter(upload: Any) -> None:
    assert json.loads(read_dead_letter(message(dead_letter(upload, run="r"))).input) == upload


def test_an_input_that_was_cut_cannot_be_redriven() -> None:
    letter = read_dead_letter(message(dead_letter({"cut": '{"s3_bucket": "photos", "s3_'})))
    assert "too long" in letter.obstacle
    assert letter.error == "NotAnImage"


@given(JSON)
def test_any_input_is_sent_as_it_came(upload: Any) -> None:
    assert json.loads(read_dead_letter(message(dead_letter(upload))).input) == upload


def test_an_input_of_other_letters_is_no_longer_than_it_was() -> None:
    key = "写" * 60_000  # three bytes each; escaped they would be six, and too many
    letter = read_dead_letter(message(dead_letter({"s3_key": key})))
    assert len(letter.input.encode()) < 262_144


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"input": {}, "failed_state": "Serialize", "error": null}',
        '{"input": {}, "failed_state": "Serialize", "error": {"name": "X"}}',
        '{"input": {}, "failed_state": 1, "error": {"name": "X", "reason": "y"}}',
    ],
)
def test_what_is_no_letter_says_so_and_cannot_be_redriven(body: str) -> None:
    letter = read_dead_letter(message(body))
    assert letter.error == MALFORMED
    assert letter.obstacle
    assert letter.reason == body


@given(st.text() | JSON.map(json.dumps))
def test_no_message_is_too_odd_to_be_read(body: str) -> None:
    for letter in (read_dead_letter(message(body)), read_undelivered(message(body), WORKFLOW)):
        assert letter.id == "0d1e2f3a"


def test_an_undelivered_event_is_itself_the_input() -> None:
    event = json.loads((GOLDEN / "not-incoming.json").read_text(encoding="utf-8"))["input"]
    told = {"ERROR_CODE": "RESOURCE_NOT_FOUND", "ERROR_MESSAGE": "gone", "TARGET_ARN": WORKFLOW}
    letter = read_undelivered(message(json.dumps(event), **told), WORKFLOW)
    assert (letter.error, letter.reason) == ("RESOURCE_NOT_FOUND", "gone")
    assert letter.key == "notes/photo.jpg"
    assert json.loads(letter.input) == event
    assert letter.obstacle == ""


@pytest.mark.parametrize(
    ("event", "inference_id"),
    [
        ({"detail": {"inference_id": "f0" * 32, "source": {}}}, "f0" * 32),
        ({"detail": "text"}, ""),
        ({"detail": {"inference_id": None}}, ""),
    ],
)
def test_an_undelivered_outcome_names_its_upload(event: Any, inference_id: str) -> None:
    letter = read_undelivered(message(json.dumps(event), TARGET_ARN="arn"), WORKFLOW)
    assert letter.inference_id == inference_id


def test_an_event_that_was_meant_for_a_queue_is_not_sent_to_the_workflow() -> None:
    target = "arn:aws:sqs:eu-central-1:123456789012:scones-dev-accepted"
    letter = read_undelivered(message('{"detail": {}}', TARGET_ARN=target), WORKFLOW)
    assert target in letter.obstacle


@pytest.mark.parametrize("body", ['{"detail": {}}', "no JSON", "[]"])
def test_what_eventbridge_did_not_send_is_not_redriven(body: str) -> None:
    assert read_undelivered(message(body), WORKFLOW).error == MALFORMED
