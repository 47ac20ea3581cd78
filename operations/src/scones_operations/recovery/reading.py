"""One pass over an SQS queue that leaves in it what it does not delete."""

from __future__ import annotations

import itertools
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self

from scones_operations.account import client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_sqs.type_defs import MessageTypeDef

__all__ = ["Reading"]

HOLD_S = 600
"""How long a message is hidden at a time. So long does a killed command hide what it had read."""
WAIT_S = 1
"""A receive that waits asks all of SQS's servers, one that does not only a sample of them."""
ENOUGH = 3
"""Receives without anything new, one after another, that are taken for the queue's end."""
_BATCH = 10
"""SQS's most for one request."""


class Reading:
    """Everything that was in a queue when the pass began, each message once.

    What is read stays hidden from others, and from this pass, until it is deleted or the pass is
    over; then it is visible again at once. What is sent meanwhile is left alone, by SQS's clock.

    Attributes:
        waiting: About how many messages there are to read.
        hidden: About how many another reader has, or had until it was killed.
    """

    def __init__(self, url: str) -> None:
        self._sqs = client("sqs")
        self._url = url
        told = self._sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        self.waiting = int(told["Attributes"]["ApproximateNumberOfMessages"])
        self.hidden = int(told["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
        date = told["ResponseMetadata"]["HTTPHeaders"]["date"]
        self._began_ms = parsedate_to_datetime(date).timestamp() * 1000
        self._held: dict[str, tuple[str, float]] = {}  # receipt handle, and until when
        self._seen: set[str] = set()
        self._extend_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hide(self._held, 0)

    def messages(self) -> Iterator[MessageTypeDef]:
        """Messages with all their attributes, about in the order in which they were sent."""
        quiet = 0
        while quiet < ENOUGH:
            fresh = [one for one in self._receive() if self._take(one)]
            quiet = 0 if fresh else quiet + 1
            for message in fresh:
                self._extend()
                yield message

    def delete(self, message: MessageTypeDef) -> None:
        """Take a message out of the queue for good."""
        handle, _ = self._held[message["MessageId"]]
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)
        del self._held[message["MessageId"]]  # only now: what could not be deleted is given back

    def _receive(self) -> list[MessageTypeDef]:
        self._extend()
        return self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=WAIT_S,
            VisibilityTimeout=HOLD_S,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])

    def _take(self, message: MessageTypeDef) -> bool:
        """Hold a message; whether it is to be read now.

        SQS may deliver a message twice, and one that was deleted once more.
        """
        known, handle = message["MessageId"], message["ReceiptHandle"]
        deleted = known in self._seen and known not in self._held
        self._held[known] = (handle, time.monotonic() + HOLD_S)
        if deleted:
            self.delete(message)
        new = known not in self._seen
        self._seen.add(known)
        return new and int(message["Attributes"]["SentTimestamp"]) < self._began_ms

    def _extend(self) -> None:
        """Hide for longer what would soon be visible."""
        now = time.monotonic()
        if now < self._extend_at:
            return
        self._extend_at = now + HOLD_S / 4
        self._hide([known for known, (_, until) in self._held.items() if until < now + HOLD_S / 2])

    def _hide(self, known: Iterable[str], seconds: int = HOLD_S) -> None:
        """Set how long messages stay hidden; of those that SQS no longer holds nothing is said."""
        rest = iter(list(known))
        while some := list(itertools.islice(rest, _BATCH)):
            entries: Any = [
                {
                    "Id": str(number),
                    "ReceiptHandle": self._held[one][0],
                    "VisibilityTimeout": seconds,
                }
                for number, one in enumerate(some)
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            until = time.monotonic() + seconds
            self._held |= {one: (self._held[one][0], until) for one in some}
