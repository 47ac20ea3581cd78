from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_local.chaos.outcomequeues import OutcomeQueues
from scones_local.chaos.uploadbook import Sent, UploadBook
from scones_local.traffic import QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 20
DECISION = {"source": {"key": "incoming/a", "version_id": "v1"}, "decision": "accepted"}
LETTER = {
    "input": {"detail": {"object": {"key": "incoming/b", "version-id": "v2"}}},
    "error": {"name": "NotAnImage", "reason": "text"},
}


class Queues:
    """Four queues, a watcher of them, and what it was told."""

    def __init__(self, session: boto3.Session) -> None:
        self.sqs = session.client("sqs")
        self.outputs = {
            output: self.sqs.create_queue(QueueName=kind)["QueueUrl"]
            for kind, output in QUEUES.items()
        }
        self.book, self.letters = UploadBook(), list[Any]()
        for key, version in (("incoming/a", "v1"), ("incoming/b", "v2")):
            self.book.add(Sent("phase", "plain", key, version, 1.0))
        self.watcher = OutcomeQueues(session, self.outputs, self.book, self.letters.append)

    def send(self, kind: str, body: dict[str, Any]) -> str:
        url = self.outputs[QUEUES[kind]]
        return self.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))["MessageId"]

    def waiting(self, kind: str) -> list[str]:
        """Ids of the messages that anybody could receive; they stay."""
        answer = self.sqs.receive_message(
            QueueUrl=self.outputs[QUEUES[kind]], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["MessageId"] for message in answer.get("Messages", [])]

    def watch(self) -> None:
        """Watch until both uploads have an outcome."""
        with self.watcher.watched():
            assert self.book.wait(lambda: all(sent.standing for sent in self.book), PATIENCE_S)


@pytest.fixture
def queues() -> Iterator[Queues]:
    with mock_aws():
        yield Queues(boto3.Session("test", "test", region_name="eu-central-2"))


def test_outcomes_are_taken_and_letters_are_there_for_a_redrive(queues: Queues) -> None:
    queues.send("accepted", DECISION)
    letter = queues.send("dead_letter", LETTER)
    queues.watch()
    assert [sent.outcome for sent in queues.book] == ["accepted", "dead_letter"]
    assert (queues.waiting("accepted"), queues.waiting("dead_letter")) == ([], [letter])
    assert queues.letters == [LETTER]


def test_a_letter_that_is_watched_again_is_still_one(queues: Queues) -> None:
    queues.send("accepted", DECISION)
    letter = queues.send("dead_letter", LETTER)
    for _ in range(2):
        queues.watch()
    *_, sent = queues.book
    assert (sent.standing, sent.doubled) == ({letter: "dead_letter"}, 0)
