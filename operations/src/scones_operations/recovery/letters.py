"""What a message of the dead-letter queue or of the undelivered queue says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scones_operations.accounting.identity import inference_id_of

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

__all__ = ["MALFORMED", "Letter", "read_dead_letter", "read_undelivered"]

MALFORMED = "(malformed)"
"""In the place of an error's name."""


@dataclass(frozen=True)
class Letter:
    """One upload that had no outcome.

    Attributes:
        id: SQS's id of the message.
        sent: When it came into the queue.
        error: The fault's name.
        failed_state: The state of the workflow that gave up.
        key: The upload's key in S3; empty where it cannot be told.
        reason: Why, for a person.
        input: What the workflow is started with, as JSON.
        obstacle: Why it cannot be redriven; empty where it can.
        inference_id: The upload's; empty where it cannot be told.
        run: The walk through the workflow that wrote the letter; empty where none did.
    """

    id: str
    sent: datetime
    error: str
    failed_state: str
    key: str
    reason: str
    input: str
    obstacle: str = ""
    inference_id: str = ""
    run: str = ""


def read_dead_letter(message: MessageTypeDef) -> Letter:
    """Read a message of `contracts/dead-letter`; one that is none becomes a letter that says so.

    Its input names the run that wrote it, where one did: the workflow lets only one take over the
    claim of that run, however often the letter is redriven.
    """
    try:
        told = json.loads(message["Body"])
        upload, error = told["input"], told["error"]
        state, name, reason = (told["failed_state"], error["name"], error["reason"])
        if not all(isinstance(text, str) for text in (state, name, reason)):
            return _malformed(message)
    except (ValueError, LookupError, TypeError, RecursionError):
        return _malformed(message)
    cut = isinstance(upload, dict) and upload.keys() == {"cut"}
    obstacle = "its input was too long to be kept: start the workflow by hand" if cut else ""
    run = _text(told, "run")
    again = {**upload, "redrive_of": run} if run and isinstance(upload, dict) else upload
    return Letter(
        *_origin(message),
        name,
        state,
        _key(upload),
        reason,
        _compact(again),
        obstacle,
        _text(told, "inference_id") or inference_id_of(upload),
        run,
    )


def read_undelivered(message: MessageTypeDef, workflow: str) -> Letter:
    """Read an event that EventBridge could not deliver; what happened is in its attributes.

    Args:
        message: From a rule's DeadLetterConfig, received with all message attributes.
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        workflow: ARN of the workflow: what was meant for another target, a queue, is not for it.
    """
    try:
        event = json.loads(message["Body"])
    except (ValueError, RecursionError):
        return _malformed(message)
    said = {
        name: one.get("StringValue", "")
        for name, one in message.get("MessageAttributes", {}).items()
    }
    if not isinstance(event, dict) or "detail" not in event or "TARGET_ARN" not in said:
        return _malformed(message)
    target = said["TARGET_ARN"]
    obstacle = "" if target == workflow else f"it was meant for {target}, not for the workflow"
    return Letter(
        *_origin(message),
        said.get("ERROR_CODE", "Unknown"),
        "Trigger",
        _key(event),
        said.get("ERROR_MESSAGE", ""),
        _compact(event),
        obstacle,
        inference_id_of(event) or _text(event["detail"], "inference_id"),
    )


def _malformed(message: MessageTypeDef) -> Letter:
    body = message["Body"]
    obstacle = "it is no message of the workflow or of EventBridge: read it, then discard it"
    return Letter(*_origin(message), MALFORMED, "", "", body[:200], "", obstacle)


def _origin(message: MessageTypeDef) -> tuple[str, datetime]:
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return message["MessageId"], datetime.fromtimestamp(sent, UTC)


def _key(upload: Any) -> str:  # noqa: ANN401 - whatever once started the workflow
    """The key that an upload names in either of its shapes (`contracts/upload`)."""
    try:
        key = upload["detail"]["object"]["key"] if "detail" in upload else upload["s3_key"]
    except (LookupError, TypeError):
        return ""
    return key if isinstance(key, str) else ""


def _text(told: Any, name: str) -> str:  # noqa: ANN401 - any JSON
    """A field that older messages lack, and others have as null."""
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


def _compact(value: Any) -> str:  # noqa: ANN401 - any JSON
    # As it is, not escaped: of Step Functions' 262,144 bytes six would go for one letter of some.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
