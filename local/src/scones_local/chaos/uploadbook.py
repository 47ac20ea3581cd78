"""The book of a chaos run: every upload, and which messages stand for its outcome.

Exactly one outcome means: of all messages that ever named the upload's bucket, key and version,
exactly one stands. A letter that was redriven no longer stands: its place is taken by what the
redrive led to. Messages are told apart by SQS's MessageId, so that one delivered twice is one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Sent", "UploadBook"]

LETTER = "dead_letter"
ORDER = "accepted"
LOST = "lost"


@dataclass(slots=True)
class Sent:
    """One version of an object that was put into the bucket.

    Attributes:
        phase: Name of the phase that sent it.
        form: How it was sent.
        key: Its key.
        version: The version that S3 gave it.
        at: When, in epoch seconds.
        gone: Whether this very version was deleted right after it was put.
        standing: Messages that stand for its outcome: SQS's id and the queue's kind.
        redriven: Ids of letters about it that were redriven.
        discarded: Whether its letter was discarded.
        failed: Whether a run for it ended without being able to say so to anybody.
        rerun: Whether accounting had to run it again.
        unsettled: Whether a run sent its outcome and could not record that.
        most: How many messages stood at a time, at most.
        missed: Whether it had neither outcome nor failed run when its phase was over.
    """

    phase: str
    form: str
    key: str
    version: str
    at: float
    gone: bool = False
    standing: dict[str, str] = field(default_factory=dict)
    redriven: set[str] = field(default_factory=set)
    discarded: bool = False
    failed: bool = False
    rerun: bool = False
    unsettled: bool = False
    most: int = 0
    missed: bool = False

    @property
    def outcome(self) -> str:
        """Its outcome's kind; that of the first message where there are several."""
        return next(iter(self.standing.values()), LOST)

    @property
    def is_lost(self) -> bool:
        """Whether nothing told of it, at the end or when its phase was over."""
        return self.missed or not self.standing

    @property
    def doubled(self) -> int:
        """Messages beyond the one that there should be, at any time."""
        return max(0, self.most - 1)

    @property
    def doubled_orders(self) -> int:
        """Accepted messages beyond the one that routes the order."""
        return max(0, list(self.standing.values()).count(ORDER) - 1)

    @property
    def is_told(self) -> bool:
        """Whether anything says what became of it: a message, or a failed run's record."""
        return self.failed or bool(self.standing)

    def stand(self, messages: Mapping[str, str]) -> None:
        """Enter messages about it; one that was taken for redriven was not."""
        self.standing.update(messages)
        self.redriven -= messages.keys()
        self.most = max(self.most, len(self.standing))

    def line(self) -> dict[str, Any]:
        """Describe it for `outcomes.jsonl`."""
        return {
            "phase": self.phase, "form": self.form, "key": self.key, "version_id": self.version,
            "outcome": self.outcome, "messages": self.standing, "redriven": len(self.redriven),
            "discarded": self.discarded, "rerun": self.rerun, "unsettled": self.unsettled,
            "lost": self.is_lost,
        }  # fmt: skip


class UploadBook:
    """All uploads of a run; threads may write and wait at once.

    Attributes:
        last_news: When the last message came, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.last_news = time.monotonic()
        self._sent: dict[tuple[str, str | None], Sent] = {}
        self._early: dict[tuple[str, str | None], dict[str, str]] = {}
        self._marks: dict[tuple[str, str | None], set[str]] = {}
        self._news = threading.Condition()

    def __iter__(self) -> Iterator[Sent]:
        return iter(list(self._sent.values()))

    def __len__(self) -> int:
        return len(self._sent)

    def of_phase(self, name: str) -> list[Sent]:
        """The uploads that a phase sent."""
        return [sent for sent in self if sent.phase == name]

    def find(self, key: str, version: str | None) -> Sent | None:
        """The upload of that key and version."""
        return self._sent.get((key, version))

    @property
    def strangers(self) -> int:
        """Messages that name what nobody uploaded."""
        return sum(len(messages) for messages in self._early.values())

    def add(self, sent: Sent) -> None:
        """Enter an upload; messages about it may have come before."""
        identity = (sent.key, sent.version)
        with self._news:
            self._sent[identity] = sent
            sent.stand(self._early.pop(identity, {}))
            for attribute in self._marks.pop(identity, ()):
                setattr(sent, attribute, True)
            self._news.notify_all()

    def receive(self, kind: str, message_id: str, key: str, version: str | None) -> None:
        """Enter a message; the same one again changes nothing."""
        identity = (key, version)
        with self._news:
            sent = self._sent.get(identity)
            if sent:
                sent.stand({message_id: kind})
            else:
                self._early.setdefault(identity, {})[message_id] = kind
            self.last_news = time.monotonic()
            self._news.notify_all()

    def fail(self, key: str, version: str | None) -> None:
        """Enter that a run ended with nothing sent."""
        self._mark(key, version, "failed")

    def leave_unsettled(self, key: str, version: str | None) -> None:
        """Enter that the ledger lacks an upload's outcome; its message came, or will."""
        self._mark(key, version, "unsettled")

    def _mark(self, key: str, version: str | None, attribute: str) -> None:
        with self._news:
            if sent := self._sent.get((key, version)):
                setattr(sent, attribute, True)
            else:
                self._marks.setdefault((key, version), set()).add(attribute)
            self._news.notify_all()

    def withdraw_letters(self, uploads: Iterable[Sent]) -> None:
        """Enter that all letters of these uploads are redriven; one seen again was not."""
        with self._news:
            for sent in uploads:
                letters = {one: kind for one, kind in sent.standing.items() if kind == LETTER}
                for message_id in letters:
                    del sent.standing[message_id]
                    sent.unsettled = False
                sent.redriven |= letters.keys()

    def wait(self, done: Callable[[], bool], quiet_s: float) -> bool:
        """Wait until `done`; False when nothing has come for `quiet_s` and it still is not."""
        with self._news:
            while not done():
                if not self._news.wait(quiet_s):
                    return done()
        return True
