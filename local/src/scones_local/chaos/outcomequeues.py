"""An outside client of the four queues: what comes is entered in the book.

Outcomes are taken out of their queues. Dead letters are only held, as long as they are watched, and
then let go: so `scones-ops redrive` finds them as it would without a watcher.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scones_local.traffic import QUEUES, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import boto3

    from scones_local.chaos.uploadbook import UploadBook

__all__ = ["OutcomeQueues"]

LETTERS = "dead_letter"
HOLD_S = 3600
"""How long a letter that is held stays hidden; longer than any phase."""
TAKING_S = 30
"""How long another message is hidden while it is entered and deleted."""
BATCH = 10
"""SQS's most for one request."""


class OutcomeQueues:
    """Receivers of all four queues.

    Args:
        session: Where the queues are.
        outputs: Of the stack; they name the queues.
        book: Takes what comes.
        on_letter: Gets the body of each dead letter, once a receipt.
    """

    def __init__(
        self,
        session: boto3.Session,
        outputs: Mapping[str, str],
        book: UploadBook,
        on_letter: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._session = session
        self._urls = {kind: outputs[name] for kind, name in QUEUES.items()}
        self._book = book
        self._on_letter = on_letter
        self._held: dict[str, str] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Receive while the context is open; at its end letters are let go."""
        stopping = threading.Event()
        receivers = [
            threading.Thread(target=self._receive, args=(kind, stopping), daemon=True)
            for kind in QUEUES
        ]
        for receiver in receivers:
            receiver.start()
        try:
            yield
        finally:
            stopping.set()
            for receiver in receivers:
                receiver.join()
            self._let_go()

    def _receive(self, kind: str, stopping: threading.Event) -> None:
        sqs, url = self._session.client("sqs"), self._urls[kind]
        hidden_s = HOLD_S if kind == LETTERS else TAKING_S
        while not stopping.is_set():
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp"],
                VisibilityTimeout=hidden_s,
            )
            messages: Sequence[Any] = answer.get("Messages", [])
            for message in messages:
                self._enter(kind, message)
            if kind != LETTERS:
                self._delete(sqs, url, messages)

    def _enter(self, kind: str, message: Mapping[str, Any]) -> None:
        outcome, message_id = Outcome.read(kind, message), message["MessageId"]
        if kind == LETTERS:
            if message_id not in self._held:
                self._on_letter(outcome.body)
            self._held[message_id] = message["ReceiptHandle"]
        self._book.receive(kind, message_id, outcome.key, outcome.version_id)

    def _delete(self, sqs: Any, url: str, messages: Sequence[Any]) -> None:  # noqa: ANN401
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
        ]
        if entries:
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    def _let_go(self) -> None:
        sqs, handles = self._session.client("sqs"), list(self._held.values())
        for first in range(0, len(handles), BATCH):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[first : first + BATCH])
            ]
            sqs.change_message_visibility_batch(QueueUrl=self._urls[LETTERS], Entries=entries)
        self._held.clear()
