"""How a chaos run uploads: steadily, with a bounded number in flight, in several forms.

| form | what happens |
| --- | --- |
| `plain` | a picture is put |
| `overwritten` | two pictures, one after the other, under one key: two uploads |
| `deleted` | a picture is put, and that very version deleted at once |
| `marked` | a picture is put, and a delete marker over it: the version can still be read |
| `text`, `empty`, `truncated` | what is put under an image's name is none, or half of one |
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scones_local.chaos.uploadbook import Sent
from scones_local.traffic import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

    from scones_local.chaos.faultplan import Phase
    from scones_local.chaos.uploadbook import UploadBook
    from scones_local.pictures import Picture

__all__ = ["Uploader", "forms_of"]

PLAIN, OVERWRITTEN, DELETED, MARKED = "plain", "overwritten", "deleted", "marked"
PUTS = {OVERWRITTEN: 2}
"""Uploads of a form, where they are not one."""
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "text": lambda _: b"This is no photo of a vehicle.\n",
    "empty": lambda _: b"",
    "truncated": lambda body: body[: len(body) // 2],
}


def forms_of(phase: Phase, count: int) -> Iterator[str]:
    """The forms of a phase, in turn, until they come to `count` uploads."""
    left = count
    for form in itertools.cycle(phase.forms):
        if left <= 0:
            return
        fitting = form if PUTS.get(form, 1) <= left else PLAIN
        left -= PUTS.get(fitting, 1)
        yield fitting


@dataclass(kw_only=True)
class Uploader:
    """Uploads to one bucket, each entered in the book.

    Attributes:
        session: Where the bucket is.
        bucket: Its name.
        folder: Below `incoming/`; every run has one of its own.
        pictures: Sent in turn, for ever.
        book: Takes what was sent, and knows when it has its outcome.
        quiet_s: With nothing coming for this long, an upload is not waited for any longer.
        failures: Puts that S3 did not take, by the error's name.
    """

    session: boto3.Session
    bucket: str
    folder: str
    pictures: Iterator[Picture]
    book: UploadBook
    quiet_s: float
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._s3 = self.session.client("s3", config=Config(max_pool_connections=64))

    def send(
        self, phase: Phase, count: int, in_flight: int, on_told: Callable[[int], None]
    ) -> None:
        """Send a phase's uploads; return when each has an outcome or was waited for long enough.

        Args:
            phase: Says in which forms.
            count: Uploads.
            in_flight: Keys whose outcome is awaited at a time.
            on_told: Gets the number of uploads that a key stood for, when it is done.
        """
        folder = f"{PREFIX}{self.folder}/{re.sub('[^a-z0-9]+', '-', phase.name)}"

        def send_one(number: int, form: str) -> None:
            self._send_one(phase, f"{folder}/{number:06}.jpg", form)
            on_told(PUTS.get(form, 1))

        forms = list(forms_of(phase, count))
        with ThreadPoolExecutor(phase.in_flight or in_flight) as pool:
            for _ in pool.map(send_one, range(len(forms)), forms):
                pass

    def _send_one(self, phase: Phase, key: str, form: str) -> None:
        try:
            sent = [self._put(phase, key, form) for _ in range(PUTS.get(form, 1))]
        except (BotoCoreError, ClientError) as error:
            self.failures[type(error).__name__] += 1
            return
        self.book.wait(lambda: all(one.standing or one.failed for one in sent), self.quiet_s)

    def _put(self, phase: Phase, key: str, form: str) -> Sent:
        body = next(self.pictures).path.read_bytes()
        at = time.time()
        change = CHANGES.get(form)
        answer = self._s3.put_object(
            Bucket=self.bucket, Key=key, Body=change(body) if change else body
        )
        sent = Sent(phase.name, form, key, answer["VersionId"], at)
        self.book.add(sent)
        self._remove(sent)
        return sent

    def _remove(self, sent: Sent) -> None:
        named: Any = {DELETED: {"VersionId": sent.version}, MARKED: {}}.get(sent.form)
        if named is not None:
            self._s3.delete_object(Bucket=self.bucket, Key=sent.key, **named)
            sent.gone = sent.form == DELETED
