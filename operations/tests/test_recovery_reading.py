"""One pass over a queue, against a queue with a clock of its own."""

from __future__ import annotations

import itertools
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from scones_operations.recovery import reading
from scones_operations.recovery.reading import HOLD_S, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = 1_795_590_359.0


class Queue:
    """SQS's visibility, by a clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = START
        self.messages: dict[str, float] = {}  # id, and since when or from when on it is visible
        self.sent: dict[str, float] = {}
        self.before_receive: Callable[[], None] = lambda: None
        self._numbers = itertools.count()

    def send(self, *ids: str) -> None:
        for one in ids:
            self.messages[one], self.sent[one] = self.now, self.now

    def visible(self) -> list[str]:
        return [one for one, since in self.messages.items() if since <= self.now]

    def get_queue_attributes(self, **_: object) -> dict[str, Any]:
        hidden = len(self.messages) - len(self.visible())
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.visible())),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
            },
            "ResponseMetadata": {"HTTPHeaders": {"date": formatdate(self.now, usegmt=True)}},
        }

    def receive_message(self, *, VisibilityTimeout: int, **_: object) -> dict[str, Any]:  # noqa: N803
        self.before_receive()
        found = self.visible()[:10]
        self.messages |= dict.fromkeys(found, self.now + VisibilityTimeout)
        return {"Messages": [self.delivery(one) for one in found]} if found else {}

    def delivery(self, known: str) -> dict[str, Any]:
        return {
            "MessageId": known,
            "ReceiptHandle": f"{known} {next(self._numbers)}",
            "Body": known,
            "Attributes": {"SentTimestamp": str(int(self.sent[known] * 1000))},
        }

    def change_message_visibility_batch(self, *, Entries: Any, **_: object) -> None:  # noqa: N803
        assert 0 < len(Entries) <= 10
        assert len({one["Id"] for one in Entries}) == len(Entries)
        for one in Entries:
            known = one["ReceiptHandle"].partition(" ")[0]
            if known in self.messages:
                self.messages[known] = self.now + one["VisibilityTimeout"]

    def delete_message(self, *, ReceiptHandle: str, **_: object) -> None:  # noqa: N803
        self.messages.pop(ReceiptHandle.partition(" ")[0], None)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    made = Queue()
    made.send(*map(str, range(35)))
    made.now += 60
    monkeypatch.setattr(reading, "client", lambda _: made)
    monkeypatch.setattr("time.monotonic", lambda: made.now)
    yield made
    assert sorted(made.visible()) == sorted(made.messages), "something is still hidden"


def test_every_message_is_read_once_and_is_visible_when_the_pass_is_over(queue: Queue) -> None:
    with Reading("queue") as pass_over:
        assert (pass_over.waiting, pass_over.hidden) == (35, 0)
        assert [one["Body"] for one in pass_over.messages()] == list(map(str, range(35)))
        assert queue.visible() == []
    assert len(queue.visible()) == 35


def test_what_is_deleted_is_gone_and_the_rest_is_not(queue: Queue) -> None:
    with Reading("queue") as pass_over:
        for message in pass_over.messages():
            if int(message["Body"]) % 5:
                pass_over.delete(message)
    assert queue.visible() == ["0", "5", "10", "15", "20", "25", "30"]


def test_however_long_it_takes_nothing_becomes_visible_meanwhile(queue: Queue) -> None:
    read = []
    with Reading("queue") as pass_over:
        for message in pass_over.messages():
            read.append(message["Body"])
            queue.now += HOLD_S / 5
            assert not set(queue.visible()) & set(read)
    assert read == list(map(str, range(35)))


def test_a_pass_that_is_broken_off_gives_everything_back(queue: Queue) -> None:
    def break_off() -> None:
        with Reading("queue") as pass_over:
            next(pass_over.messages())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert len(queue.visible()) == 35


def test_what_is_sent_during_the_pass_is_left_alone(queue: Queue) -> None:
    with Reading("queue") as pass_over:
        queue.now += 1
        queue.send("new")
        assert "new" not in [one["Body"] for one in pass_over.messages()]
    assert "new" in queue.visible()


def test_it_ends_although_something_new_comes_all_the_time(queue: Queue) -> None:
    def send() -> None:
        queue.now += 1
        queue.send(f"new-{queue.now}")

    queue.before_receive = send
    with Reading("queue") as pass_over:
        assert len(list(pass_over.messages())) == 35


def test_empty_receives_before_the_end_do_not_end_it(queue: Queue) -> None:
    kept = queue.messages
    turns = itertools.cycle([True, False, False])

    def sample() -> None:
        queue.messages = kept if next(turns) else {}

    queue.before_receive = sample
    with Reading("queue") as pass_over:
        assert len(list(pass_over.messages())) == 35
        queue.messages = kept


def test_a_second_delivery_is_not_read_again_and_a_deleted_one_is_deleted_again(
    queue: Queue,
) -> None:
    read = []
    with Reading("queue") as pass_over:
        for message in pass_over.messages():
            read.append(message["Body"])
            if message["Body"] == "3":
                pass_over.delete(message)
            if message["Body"] in {"3", "4"}:
                queue.messages[message["Body"]] = queue.now  # the copy of a server that was away
    assert read == list(map(str, range(35)))
    assert "3" not in queue.messages
    assert "4" in queue.visible()
