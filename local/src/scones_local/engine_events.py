"""What the engine replaces in S3 and EventBridge: the versions in events, and dead letters."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3, sqs, stepfunctions

__all__ = ["install", "is_there"]

Json = dict[str, Any]

current_version: ContextVar[str | None] = ContextVar("current_version", default=None)


def fire_s3_event(*arguments: Any, version_id: str | None = None, **named: Any) -> None:  # noqa: ANN401
    """Wrap `s3._fire_s3_event`: ministack knows the version and leaves it out of the event."""
    token = current_version.set(version_id)
    try:
        original_fire_s3_event(*arguments, version_id=version_id, **named)
    finally:
        current_version.reset(token)


def dispatch_event(event: Json, view: object = None) -> None:
    """Wrap `eventbridge._dispatch_event`: name the object's version, as S3's events do."""
    version = current_version.get()
    if version and event["Source"] == "aws.s3":
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    original_dispatch_event(event, view)


def is_there(arn: str) -> bool:
    """Whether a rule's target exists; of kinds that no rule of ours has, ministack judges."""
    if ":states:" in arn:
        return stepfunctions._resolve_state_machine_arn(arn) is not None
    return ":sqs:" not in arn or sqs._queue_by_arn(arn) is not None


def invoke_target(target: Json, event: Json, rule: Json, view: Any = None) -> None:  # noqa: ANN401
    """Wrap `eventbridge._invoke_target`: a target that is gone sends the event to its queue.

    ministack logs such an event and drops it; AWS retries, then uses the target's dead-letter
    queue, with these attributes on the message.
    """
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue_arn or is_there(target["Arn"]):
        original_invoke_target(target, event, rule, view)
        return
    attributes = {
        "ERROR_CODE": "RESOURCE_NOT_FOUND",
        "ERROR_MESSAGE": "The target does not exist.",
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    view = view or eventbridge._pattern_event_view(event)
    message = {
        "MessageBody": json.dumps(view.event_with_detail()),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    sqs._act_send_message(message, sqs._queue_by_arn(queue_arn)["url"])


original_fire_s3_event = s3._fire_s3_event
original_dispatch_event = eventbridge._dispatch_event
original_invoke_target = eventbridge._invoke_target


def install() -> None:
    """Put the replacements in ministack's modules."""
    s3._fire_s3_event = fire_s3_event
    eventbridge._dispatch_event = dispatch_event
    eventbridge._invoke_target = invoke_target
