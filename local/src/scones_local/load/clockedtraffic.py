"""Uploads that start on a clock, and what becomes of each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scones_local.load.openloop import call_on_clock, due_times
from scones_local.load.steps import Answered
from scones_local.traffic import PREFIX, QUIET_S, Traffic, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import boto3

    from scones_local.pictures import Picture
    from scones_local.traffic import Outcome

__all__ = ["ClockedTraffic"]

SOON_S = 0.2
"""How long after a step's start its first call is due."""


class ClockedTraffic(Traffic):
    """Uploads whose `sent_at` is when they were due: their latency counts from then.

    Args:
        session: Where the stack is.
        outputs: Of the stack.
        pictures: Sent one after the other, again and again, under a new key each time.
        on_outcome: Called for every outcome, in a receiver's thread.
    """

    def __init__(
        self,
        session: boto3.Session,
        outputs: Mapping[str, str],
        pictures: Sequence[Picture],
        on_outcome: Callable[[Upload, Outcome], None],
    ) -> None:
        super().__init__(session, outputs, on_outcome)
        self._pictures = [(picture, picture.path.read_bytes()) for picture in pictures]

    def send_on_clock(self, rate: float, count: int) -> list[Answered]:
        """Upload `count` pictures, `rate` a second; return once each has an outcome.

        Returns as well when nothing arrives any more.
        """
        folder = f"load-{time.time_ns()}"
        sent: list[Upload] = []

        def put(number: int, due: float) -> None:
            picture, body = self._pictures[number % len(self._pictures)]
            upload = Upload(picture, f"{PREFIX}{folder}/{number}-{picture.name}", due)
            with self._lock:
                self.uploads[upload.key] = upload
                sent.append(upload)
            bucket = self._outputs["UploadBucket"]
            answer = self._s3.put_object(Bucket=bucket, Key=upload.key, Body=body)
            upload.version_id = answer.get("VersionId")

        call_on_clock(put, due_times(time.time() + SOON_S, rate, count))
        self._wait_for(sent)
        return [Answered(upload.sent_at, _at(upload)) for upload in sent]

    def _wait_for(self, uploads: Sequence[Upload]) -> None:
        with self._arrived:
            while not all(upload.outcomes for upload in uploads):
                if not self._arrived.wait(QUIET_S):
                    return


def _at(upload: Upload) -> float | None:
    return upload.outcomes[0].at if upload.outcomes else None
