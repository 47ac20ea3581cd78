"""What the messages in a stage's queues say of uploads, read without taking one out."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from scones_operations.recovery.letters import read_dead_letter, read_undelivered
from scones_operations.recovery.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_sqs.type_defs import MessageTypeDef
    from rich.progress import Progress

    _Identify = Callable[[MessageTypeDef], tuple[str, str]]

__all__ = ["ACCEPTED", "DEAD_LETTER", "REVIEW", "UNDELIVERED", "Sighting", "Sightings"]

ACCEPTED, REVIEW, DEAD_LETTER, UNDELIVERED = "accepted", "review", "dead_letter", "undelivered"


class Sighting(NamedTuple):
    """One message that answers for an upload.

    Attributes:
        outcome: ACCEPTED, REVIEW or DEAD_LETTER; UNDELIVERED for an event that waits.
        message: SQS's id of it.
        run: The walk through the workflow that sent it; empty where that cannot be told.
    """

    outcome: str
    message: str
    run: str = ""


class Sightings:
    """The messages of all queues, by the upload that they answer for.

    Attributes:
        messages: How many were read, by queue.
        hidden: About how many could not be read, by queue.
        unread: Queues of which not every message was read.
        unnamed: Messages that name no version of an object, as letters of requests do.
    """

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.hidden: Counter[str] = Counter()
        self.unnamed = 0
        self.unread = set(_QUEUES)
        self._by_id: dict[str, list[Sighting]] = {}

    def read(self, outputs: Mapping[str, str], progress: Progress) -> None:
        """Read the queues that an orchestration stack's outputs name, one after another."""
        for outcome, (output, identify) in _QUEUES.items():
            with Reading(outputs[output]) as reading:
                bar = progress.add_task(f"messages, {outcome}", total=reading.waiting)
                for message in reading.messages():
                    self._add(outcome, message, identify)
                    progress.advance(bar)
            # What waited and did not come, another reader took, or SQS held back: it hides 120,000.
            taken = max(0, reading.waiting - self.messages[outcome])
            self.hidden[outcome] = reading.hidden + taken
            if not self.hidden[outcome]:
                self.unread.remove(outcome)

    def take(self, inference_id: str) -> list[Sighting]:
        """The messages of an upload, which nobody else will ask for."""
        return self._by_id.pop(inference_id, [])

    @property
    def left(self) -> int:
        """How many messages nobody has asked for."""
        return sum(map(len, self._by_id.values()))

    def _add(self, outcome: str, message: MessageTypeDef, identify: _Identify) -> None:
        self.messages[outcome] += 1
        inference_id, run = identify(message)
        if inference_id:
            sighting = Sighting(outcome, message["MessageId"], run)
            self._by_id.setdefault(inference_id, []).append(sighting)
        else:
            self.unnamed += 1


def _of_decision(message: MessageTypeDef) -> tuple[str, str]:
    try:
        told = json.loads(message["Body"])["inference_id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        told = ""
    return (told if isinstance(told, str) else "", "")


def _of_letter(message: MessageTypeDef) -> tuple[str, str]:
    letter = read_dead_letter(message)
    return letter.inference_id, letter.run


def _of_undelivered(message: MessageTypeDef) -> tuple[str, str]:
    return read_undelivered(message, workflow="").inference_id, ""


_QUEUES: Mapping[str, tuple[str, _Identify]] = {
    ACCEPTED: ("AcceptedQueueUrl", _of_decision),
    REVIEW: ("ReviewQueueUrl", _of_decision),
    DEAD_LETTER: ("DeadLetterQueueUrl", _of_letter),
    UNDELIVERED: ("UndeliveredQueueUrl", _of_undelivered),
}
"""Each queue's output of the orchestration stack, and whose a message of it is."""
