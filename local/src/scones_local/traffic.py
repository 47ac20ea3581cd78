"""Upload pictures to a running stack and receive what becomes of each.

An outside client: it uses S3, SQS and what the stack's CloudFormation outputs name, nothing else.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import boto3

    from scones_local.pictures import Picture

__all__ = ["Outcome", "Traffic", "Upload"]

QUEUES = {
    "accepted": "AcceptedQueueUrl",
    "review": "ReviewQueueUrl",
    "dead_letter": "DeadLetterQueueUrl",
    "undelivered": "UndeliveredQueueUrl",
}
PREFIX = "incoming/"
QUIET_S = 60.0
"""With nothing arriving for this long, what is missing is called lost."""
SETTLE_S = 1.0
"""After the last awaited outcome, how long to look for ones that nobody awaits."""


@dataclass(frozen=True)
class Outcome:
    """One message that names an upload.

    Attributes:
        kind: `accepted`, `review`, `dead_letter` or `undelivered`.
        key: The upload's key.
        version_id: The upload's version.
        body: The whole message.
        at: When the queue took it, in epoch seconds (to the millisecond).
    """

    kind: str
    key: str
    version_id: str | None
    body: Mapping[str, Any]
    at: float

    @classmethod
    def read(cls, kind: str, message: Mapping[str, Any]) -> Outcome:
        """Read a message of one of the four queues."""
        body = json.loads(message["Body"])
        key, version = _identity(kind, body)
        at = int(message["Attributes"]["SentTimestamp"]) / 1000
        return cls(kind, key, version, body, at)

    @property
    def reason(self) -> str:
        """Why it ended so, in words."""
        if self.kind == "dead_letter":
            error = self.body["error"]
            return f"{error['name']}: {error['reason']}"
        return str(self.body.get("reason", "EventBridge could not deliver the event"))


def _identity(kind: str, body: Mapping[str, Any]) -> tuple[str, str | None]:
    if kind in {"accepted", "review"}:
        return body["source"]["key"], body["source"]["version_id"]
    event = body["input"] if kind == "dead_letter" else body
    if "detail" not in event:
        return event["s3_key"], None
    uploaded = event["detail"]["object"]
    return uploaded["key"], uploaded.get("version-id")


@dataclass
class Upload:
    """One object put into the bucket, and every outcome that named it.

    Attributes:
        picture: What was uploaded.
        key: Its key.
        sent_at: Just before the upload, in epoch seconds.
        version_id: The version that S3 gave it.
        outcomes: As they came.
        failure: Why it never reached the bucket.
    """

    picture: Picture
    key: str
    sent_at: float
    version_id: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    failure: str | None = None

    @property
    def latency_ms(self) -> float | None:
        """From just before the upload until its outcome lay in a queue."""
        return (self.outcomes[0].at - self.sent_at) * 1000 if self.outcomes else None


class Traffic:
    """Uploads with a bounded number in flight, and the outcomes as they come in."""

    def __init__(
        self,
        session: boto3.Session,
        outputs: Mapping[str, str],
        on_outcome: Callable[[Upload, Outcome], None],
    ) -> None:
        self._session = session
        self._outputs = outputs
        self._on_outcome = on_outcome
        self._s3 = session.client("s3", config=Config(max_pool_connections=64))
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self.uploads: dict[str, Upload] = {}

    def send(self, pictures: Sequence[Picture], folder: str, in_flight: int) -> None:
        """Upload every picture under `incoming/<folder>/`; return when all have an outcome.

        At most `in_flight` uploads wait for their outcome at a time. Returns as well when nothing
        arrives any more: an upload without outcomes is lost.
        """
        with self.receiving(), ThreadPoolExecutor(in_flight) as pool:
            for _ in pool.map(lambda picture: self._upload(picture, folder), pictures):
                pass

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Receive outcomes while the context is open, and a moment longer, for unawaited ones."""
        receivers = [
            threading.Thread(target=self._receive, args=(kind,), daemon=True) for kind in QUEUES
        ]
        for receiver in receivers:
            receiver.start()
        try:
            yield
            self._stopping.wait(SETTLE_S)
        finally:
            self._stopping.set()
            for receiver in receivers:
                receiver.join()

    def _upload(self, picture: Picture, folder: str) -> None:
        upload = Upload(picture, f"{PREFIX}{folder}/{picture.name}", time.time())
        with self._lock:
            self.uploads[upload.key] = upload
        try:
            self._put(upload)
        except (OSError, UnicodeError, BotoCoreError, ClientError) as error:
            upload.failure = f"Could not be uploaded: {error}"
            return
        with self._arrived:
            while not upload.outcomes and self._arrived.wait(QUIET_S):
                pass

    def _put(self, upload: Upload) -> None:
        body = upload.picture.path.read_bytes()
        upload.sent_at = time.time()
        bucket = self._outputs["UploadBucket"]
        answer = self._s3.put_object(Bucket=bucket, Key=upload.key, Body=body)
        upload.version_id = answer.get("VersionId")

    def _receive(self, kind: str) -> None:
        queue_url = self._outputs[QUEUES[kind]]
        sqs = self._session.client("sqs")
        while not self._stopping.is_set():
            answer = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            for message in messages:
                self._record(Outcome.read(kind, message))
            if messages:
                done: Any = [
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ]
                sqs.delete_message_batch(QueueUrl=queue_url, Entries=done)

    def _record(self, outcome: Outcome) -> None:
        with self._arrived:
            upload = self.uploads.get(outcome.key)
            if upload is None:
                return  # somebody else's upload
            upload.outcomes.append(outcome)
            self._on_outcome(upload, outcome)
            self._arrived.notify_all()
