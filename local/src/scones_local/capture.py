"""SageMaker Data Capture: successful invocations, written to S3 as AWS writes them.

One JSON object a line in `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/<mm-ss-mmm-uuid>.jsonl` (UTC,
the hour of the invocation). Like the real one, it works on the side and to the best of its ability:
an invocation never waits for it nor fails by it. What it could not keep is counted and logged.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

__all__ = [
    "CaptureCounts",
    "CaptureSettings",
    "CapturedInvocation",
    "DataCapture",
    "InvalidCaptureDestination",
    "ObjectStore",
    "capture_invocations",
]

LOGGER = logging.getLogger(__name__)
RECORD_BYTES = 1024
"""Memory of a waiting record beside its bodies, rounded up."""


class InvalidCaptureDestination(ValueError):
    """The destination is no `s3://bucket/prefix`."""


class ObjectStore(Protocol):
    """The part of boto3's S3 client that captures need; called from one worker thread at a time."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:  # noqa: N803
        """Store one object."""


@dataclass(frozen=True, kw_only=True)
class CaptureSettings:
    """What CloudFormation calls `DataCaptureConfig`, and the bounds of this stand-in.

    Attributes:
        destination: `s3://bucket/prefix`, without endpoint and variant.
        endpoint: The endpoint's name, a part of the key.
        variant: The production variant's name, a part of the key.
        json_content_types: Media types that stay JSON text; all others become base64.
        csv_content_types: Media types that stay CSV text.
        records_per_object: The most lines of one object.
        longest_wait_s: Seconds until an incomplete object is written.
        put_attempts: How often an object is tried before its records are given up.
        first_backoff_s: Seconds before the second attempt; doubles with each further one.
        max_pending_bytes: Bodies waiting to be written; what comes on top is dropped.
    """

    destination: str
    endpoint: str
    variant: str = "AllTraffic"
    json_content_types: frozenset[str] = frozenset({"application/json"})
    csv_content_types: frozenset[str] = frozenset({"text/csv"})
    records_per_object: int = 30
    longest_wait_s: float = 1.0
    put_attempts: int = 5
    first_backoff_s: float = 0.2
    max_pending_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse a destination that is no S3 URI.

        Raises:
            InvalidCaptureDestination: It lacks the scheme or the bucket.
        """
        if not self.destination.startswith("s3://") or not self.bucket:
            message = f"{self.destination!r} is no capture destination: write s3://bucket/prefix."
            raise InvalidCaptureDestination(message)

    @property
    def bucket(self) -> str:
        """The bucket of the destination."""
        return urlsplit(self.destination).netloc

    @property
    def prefix(self) -> str:
        """Key prefix of this endpoint and variant, without a leading, trailing or double slash."""
        of_destination = urlsplit(self.destination).path.strip("/")
        return "/".join(filter(None, (of_destination, self.endpoint, self.variant)))


@dataclass(frozen=True, kw_only=True)
class CapturedInvocation:
    """One successful invocation.

    Attributes:
        when: When the endpoint received it; aware, UTC.
        inference_id: The caller's id, the only link between a capture and its S3 object.
        custom_attributes: What the serving program sent back as custom attributes.
        request_type: `Content-Type` of the request.
        request_body: The bytes sent to the serving program.
        response_type: `Content-Type` of the answer.
        response_body: The bytes it answered.
    """

    when: datetime
    inference_id: str | None
    custom_attributes: str | None = None
    request_type: str | None
    request_body: bytes
    response_type: str | None
    response_body: bytes

    @property
    def size(self) -> int:
        """Bytes it takes in memory, about."""
        return RECORD_BYTES + len(self.request_body) + len(self.response_body)


@dataclass
class CaptureCounts:
    """What became of the invocations: `offered == written + dropped` once the context is closed.

    Attributes:
        offered: Successful invocations seen.
        written: Records that lie in S3.
        dropped: Records lost, for want of room or because S3 kept failing.
        objects: Objects that lie in S3.
        failed_puts: Attempts to write an object that failed.
    """

    offered: int = 0
    written: int = 0
    dropped: int = 0
    objects: int = 0
    failed_puts: int = 0


@asynccontextmanager
async def capture_invocations(
    settings: CaptureSettings, store: ObjectStore
) -> AsyncIterator[DataCapture]:
    """Write what is offered while the context is open; write what is left when it closes."""
    capture = DataCapture(settings, store)
    writer = asyncio.create_task(capture.write_until_closed())
    try:
        yield capture
    finally:
        capture.close()
        await writer
        LOGGER.info("data capture: %s", capture.counts)


class DataCapture:
    """Takes invocations at once and writes them in batches, behind the callers' backs."""

    def __init__(self, settings: CaptureSettings, store: ObjectStore) -> None:
        self.counts = CaptureCounts()
        self._settings = settings
        self._store = store
        self._pending: deque[CapturedInvocation] = deque()
        self._held_bytes = 0
        self._closed = False
        self._anything = asyncio.Event()
        self._enough = asyncio.Event()

    def offer(self, invocation: CapturedInvocation) -> None:
        """Remember an invocation, or drop and count it when too much waits; returns at once."""
        self.counts.offered += 1
        if self._closed:
            self._drop(1, "it came after the stop")
            return
        if self._held_bytes + invocation.size > self._settings.max_pending_bytes:
            self._drop(1, "too much is waiting to be written")
            return
        self._held_bytes += invocation.size
        self._pending.append(invocation)
        self._signal()

    def close(self) -> None:
        """Let `write_until_closed` write what is pending and return."""
        self._closed = True
        self._signal()

    async def write_until_closed(self) -> None:
        """Write full batches at once, and others when their oldest record has waited enough."""
        while True:
            await self._anything.wait()
            # Not wait_for: before Python 3.12 it drops a cancellation that comes as the wait ends,
            # and with it a Ctrl-C (python/cpython#86296).
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.longest_wait_s):
                    await self._enough.wait()
            if not self._pending:
                return
            for hour in _hours(self._take_batch()):
                await self._write(hour)

    def _signal(self) -> None:
        _set(self._anything, on=self._closed or bool(self._pending))
        full = len(self._pending) >= self._settings.records_per_object
        _set(self._enough, on=self._closed or full)

    def _take_batch(self) -> list[CapturedInvocation]:
        size = min(len(self._pending), self._settings.records_per_object)
        batch = [self._pending.popleft() for _ in range(size)]
        self._signal()
        return batch

    async def _write(self, records: list[CapturedInvocation]) -> None:
        if await self._store_with_retries(records):
            self.counts.written += len(records)
            self.counts.objects += 1
        else:
            self._drop(len(records), f"s3://{self._settings.bucket} kept failing")
            self._give_up_the_rest_when_closed()
        self._held_bytes -= sum(record.size for record in records)

    async def _store_with_retries(self, records: list[CapturedInvocation]) -> bool:
        key = object_key(self._settings.prefix, records[0].when)
        for attempt in range(self._settings.put_attempts):
            if attempt:
                await asyncio.sleep(self._settings.first_backoff_s * 2 ** (attempt - 1))
            try:
                await asyncio.to_thread(self._store_object, key, records)
            except Exception as error:  # noqa: BLE001 - whatever it is, later records must go on
                self.counts.failed_puts += 1
                LOGGER.warning("s3://%s/%s not written: %r", self._settings.bucket, key, error)
            else:
                return True
        return False

    def _store_object(self, key: str, records: list[CapturedInvocation]) -> None:
        lines = [capture_line(record, self._settings) for record in records]
        self._store.put_object(
            Bucket=self._settings.bucket,
            Key=key,
            Body="".join(lines).encode(),
            ContentType="application/x-jsonlines",
        )

    def _give_up_the_rest_when_closed(self) -> None:
        """Keep a stop short: a store that is gone would fail every further batch as slowly."""
        if self._closed and self._pending:
            self._drop(len(self._pending), "S3 is failing and the endpoint is stopping")
            self._pending.clear()

    def _drop(self, records: int, reason: str) -> None:
        self.counts.dropped += records
        LOGGER.error("data capture lost %d record(s): %s", records, reason)


def object_key(prefix: str, when: datetime) -> str:
    """The key of a new object whose first record is of `when` (UTC)."""
    milliseconds = when.microsecond // 1000
    return f"{prefix}/{when:%Y/%m/%d/%H/%M-%S}-{milliseconds:03d}-{uuid4()}.jsonl"


def capture_line(invocation: CapturedInvocation, settings: CaptureSettings) -> str:
    """One record as its line of JSON, newline included."""
    metadata = {
        "eventId": str(uuid4()),
        "inferenceId": invocation.inference_id,
        "customAttributes": invocation.custom_attributes,
        "inferenceTime": f"{invocation.when:%Y-%m-%dT%H:%M:%SZ}",
    }
    record = {
        "captureData": {
            "endpointInput": _side(
                "INPUT", invocation.request_type, invocation.request_body, settings
            ),
            "endpointOutput": _side(
                "OUTPUT", invocation.response_type, invocation.response_body, settings
            ),
        },
        "eventMetadata": {name: value for name, value in metadata.items() if value is not None},
        "eventVersion": "0",
    }
    return json.dumps(record, separators=(",", ":")) + "\n"


def _side(
    mode: str, content_type: str | None, body: bytes, settings: CaptureSettings
) -> dict[str, str]:
    encoding, data = _encoded(content_type, body, settings)
    observed = {} if content_type is None else {"observedContentType": content_type}
    return observed | {"mode": mode, "data": data, "encoding": encoding}


def _encoded(content_type: str | None, body: bytes, settings: CaptureSettings) -> tuple[str, str]:
    """`(encoding, data)`; text that is no UTF-8 is kept as base64 rather than damaged."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    with suppress(UnicodeDecodeError):
        if media_type in settings.json_content_types:
            return "JSON", body.decode()
        if media_type in settings.csv_content_types:
            return "CSV", body.decode()
    return "BASE64", base64.b64encode(body).decode()


def _hours(records: list[CapturedInvocation]) -> list[list[CapturedInvocation]]:
    """The records by time, apart by the hour: an object lies in the folder of one hour."""
    by_time = sorted(records, key=lambda record: record.when)
    hours = groupby(by_time, key=lambda record: f"{record.when:%Y/%m/%d/%H}")
    return [list(of_hour) for _, of_hour in hours]


def _set(event: asyncio.Event, *, on: bool) -> None:
    if on:
        event.set()
    else:
        event.clear()
