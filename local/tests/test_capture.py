from __future__ import annotations

import asyncio
import base64
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from scones_local.capture import (
    CapturedInvocation,
    CaptureSettings,
    DataCapture,
    InvalidCaptureDestination,
    capture_invocations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.tests.conftest import Background, Eventually
    from mypy_boto3_s3 import S3Client

WHEN = datetime(2026, 11, 22, 10, 59, 7, 89_000, tzinfo=UTC)
KEY = re.compile(
    r"datacapture/scones/AllTraffic/2026/11/22/10/59-07-089"
    r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl"
)


PHOTO = CapturedInvocation(
    when=WHEN,
    inference_id="5f" * 32,
    request_type="image/png",
    request_body=b"\x89PNG",
    response_type="application/json",
    response_body=b"[0.97, 0.03]",
)
SETTINGS = CaptureSettings(
    destination="s3://captures/datacapture", endpoint="scones", first_backoff_s=0
)


class Shelf:
    """An object store that fails as often as it is told, in turn."""

    def __init__(self, *failing: bool, for_ever: bool = False) -> None:
        self.failing = list(failing)
        self.for_ever = for_ever
        self.objects: dict[str, bytes] = {}
        self.attempts = 0

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:  # noqa: N803
        self.attempts += 1
        if self.for_ever or (self.failing and self.failing.pop(0)):
            raise ConnectionError("S3 is gone")
        self.objects[Key] = Body
        return {}

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for body in self.objects.values() for line in body.splitlines()]


def captured(
    *invocations: CapturedInvocation,
    shelf: Shelf | None = None,
    settings: CaptureSettings = SETTINGS,
) -> tuple[DataCapture, Shelf]:
    """Offer invocations, stop at once, and give back what became of them."""
    shelf = shelf or Shelf()

    async def offer_all() -> DataCapture:
        async with capture_invocations(settings, shelf) as capture:
            for one in invocations:
                capture.offer(one)
        return capture

    return asyncio.run(offer_all()), shelf


@pytest.fixture
def s3() -> Iterator[S3Client]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="captures")
        yield client


def test_object_lies_where_and_reads_as_sagemaker_writes_it(s3: S3Client) -> None:
    async def offer_one() -> None:
        async with capture_invocations(SETTINGS, s3) as capture:
            capture.offer(PHOTO)

    asyncio.run(offer_one())

    (found,) = s3.list_objects_v2(Bucket="captures")["Contents"]
    assert KEY.fullmatch(found["Key"])
    text = s3.get_object(Bucket="captures", Key=found["Key"])["Body"].read().decode()
    event_id = json.loads(text)["eventMetadata"]["eventId"]
    UUID(event_id)
    assert text == (
        '{"captureData":{"endpointInput":{"observedContentType":"image/png","mode":"INPUT",'
        '"data":"iVBORw==","encoding":"BASE64"},"endpointOutput":{"observedContentType":'
        '"application/json","mode":"OUTPUT","data":"[0.97, 0.03]","encoding":"JSON"}},'
        f'"eventMetadata":{{"eventId":"{event_id}","inferenceId":"{"5f" * 32}",'
        '"inferenceTime":"2026-11-22T10:59:07Z"},"eventVersion":"0"}\n'
    )


@pytest.mark.parametrize(
    ("destination", "prefix"),
    [
        ("s3://captures", "scones/AllTraffic"),
        ("s3://captures/", "scones/AllTraffic"),
        ("s3://captures/a/b/", "a/b/scones/AllTraffic"),
    ],
)
def test_key_has_no_double_slash(destination: str, prefix: str) -> None:
    _, shelf = captured(PHOTO, settings=replace(SETTINGS, destination=destination))

    assert next(iter(shelf.objects)).startswith(f"{prefix}/2026/11/22/10/")


@pytest.mark.parametrize("destination", ["captures/datacapture", "https://captures/a", "s3:///a"])
def test_destination_that_is_no_s3_uri_is_refused(destination: str) -> None:
    with pytest.raises(InvalidCaptureDestination, match=r"write s3://bucket/prefix"):
        CaptureSettings(destination=destination, endpoint="scones")


def test_unknown_inference_id_and_content_types_are_left_out() -> None:
    _, shelf = captured(replace(PHOTO, inference_id=None, request_type=None, response_type=None))

    (record,) = shelf.records()
    assert set(record["eventMetadata"]) == {"eventId", "inferenceTime"}
    assert set(record["captureData"]["endpointInput"]) == {"mode", "data", "encoding"}


def test_custom_attributes_of_the_program_are_kept() -> None:
    _, shelf = captured(replace(PHOTO, custom_attributes="model=7"))

    assert shelf.records()[0]["eventMetadata"]["customAttributes"] == "model=7"


@pytest.mark.parametrize(
    ("content_type", "body", "encoding", "data"),
    [
        ("application/json", b"[1]", "JSON", "[1]"),
        ("Application/JSON; charset=utf-8", '["ü"]'.encode(), "JSON", '["ü"]'),
        ("text/csv", b"1,2\n", "CSV", "1,2\n"),
        ("application/x-image", b"[1]", "BASE64", "WzFd"),
        ("application/json", b"\xff", "BASE64", "/w=="),
        (None, b"", "BASE64", ""),
    ],
)
def test_encoding_follows_the_content_type(
    content_type: str | None, body: bytes, encoding: str, data: str
) -> None:
    _, shelf = captured(replace(PHOTO, response_type=content_type, response_body=body))

    output = shelf.records()[0]["captureData"]["endpointOutput"]
    assert (output["encoding"], output["data"]) == (encoding, data)


def test_output_without_a_matching_content_type_header_is_base64_too() -> None:
    _, shelf = captured(PHOTO, settings=replace(SETTINGS, json_content_types=frozenset()))

    output = shelf.records()[0]["captureData"]["endpointOutput"]
    assert (output["encoding"], base64.b64decode(output["data"])) == ("BASE64", b"[0.97, 0.03]")


def test_objects_hold_at_most_thirty_records_and_together_all() -> None:
    ids = [f"photo-{number}" for number in range(65)]
    capture, shelf = captured(*(replace(PHOTO, inference_id=one) for one in ids))

    sizes = [body.count(b"\n") for body in shelf.objects.values()]
    assert sizes == [30, 30, 5]
    assert [record["eventMetadata"]["inferenceId"] for record in shelf.records()] == ids
    assert (capture.counts.written, capture.counts.objects, capture.counts.dropped) == (65, 3, 0)


def test_records_of_two_hours_lie_in_two_folders() -> None:
    _, shelf = captured(replace(PHOTO, when=WHEN + timedelta(minutes=1)), PHOTO)

    assert [key.split("/")[-2] for key in shelf.objects] == ["10", "11"]


def test_lone_record_is_written_while_the_endpoint_goes_on(
    background: Background, eventually: Eventually
) -> None:
    shelf = Shelf()
    hasty = replace(SETTINGS, longest_wait_s=0.01)
    capture = background.enter(capture_invocations(hasty, shelf))

    background.call(capture.offer, PHOTO)

    eventually(lambda: len(shelf.objects) == 1)


def test_full_batch_does_not_wait(background: Background, eventually: Eventually) -> None:
    shelf = Shelf()
    patient = replace(SETTINGS, longest_wait_s=3600, records_per_object=2)
    capture = background.enter(capture_invocations(patient, shelf))

    background.call(capture.offer, PHOTO)
    background.call(capture.offer, PHOTO)

    eventually(lambda: len(shelf.records()) == 2)


def test_failed_put_is_tried_again_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    capture, shelf = captured(PHOTO, shelf=Shelf(True, True, False))

    assert len(shelf.records()) == 1
    assert (capture.counts.failed_puts, capture.counts.dropped) == (2, 0)
    assert "S3 is gone" in caplog.text


def test_records_that_s3_keeps_refusing_are_counted_as_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    capture, shelf = captured(PHOTO, PHOTO, shelf=Shelf(for_ever=True))

    assert (shelf.attempts, capture.counts.failed_puts) == (5, 5)
    assert capture.counts.dropped == 2
    assert "lost 2 record(s): s3://captures kept failing" in caplog.text


def test_stop_gives_a_dead_store_up_after_one_batch() -> None:
    many = [PHOTO for _ in range(300)]
    capture, shelf = captured(*many, shelf=Shelf(for_ever=True))

    assert shelf.attempts == 5
    assert capture.counts.dropped == 300


def test_what_exceeds_the_bound_of_memory_is_dropped_and_counted() -> None:
    big = replace(PHOTO, request_body=bytes(10_000))
    capture, shelf = captured(*[big] * 5, settings=replace(SETTINGS, max_pending_bytes=25_000))

    assert len(shelf.records()) == 2
    assert (capture.counts.offered, capture.counts.dropped) == (5, 3)


def test_written_records_make_room_for_new_ones(
    background: Background, eventually: Eventually
) -> None:
    shelf = Shelf()
    narrow = replace(SETTINGS, longest_wait_s=0.001, max_pending_bytes=PHOTO.size)
    capture = background.enter(capture_invocations(narrow, shelf))

    background.call(capture.offer, PHOTO)
    eventually(lambda: capture.counts.written == 1)
    background.call(capture.offer, PHOTO)
    eventually(lambda: capture.counts.written == 2)

    assert capture.counts.dropped == 0


def test_invocation_after_the_stop_is_counted_as_dropped() -> None:
    capture, _ = captured()

    capture.offer(PHOTO)

    assert capture.counts.dropped == 1


@given(
    offered=st.integers(0, 12),
    failing=st.lists(st.booleans(), max_size=30),
    room=st.integers(0, 12),
)
def test_every_offered_record_is_either_in_s3_or_counted_as_dropped(
    offered: int, failing: list[bool], room: int
) -> None:
    capture, shelf = captured(
        *[PHOTO] * offered,
        shelf=Shelf(*failing),
        settings=replace(
            SETTINGS,
            records_per_object=3,
            put_attempts=2,
            max_pending_bytes=room * PHOTO.size,
        ),
    )

    counts = capture.counts
    assert counts.offered == offered == counts.written + counts.dropped
    assert counts.written == len(shelf.records())


def test_cancelled_endpoint_still_writes_what_it_captured() -> None:
    shelf = Shelf()

    async def serve_until_cancelled() -> None:
        async with capture_invocations(SETTINGS, shelf) as capture:
            capture.offer(PHOTO)
            await asyncio.Event().wait()

    async def cancel() -> None:
        serving = asyncio.create_task(serve_until_cancelled())
        await asyncio.sleep(0)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    asyncio.run(cancel())

    assert len(shelf.records()) == 1


@pytest.mark.parametrize("turns", range(9))
@pytest.mark.parametrize("photos", [(), (PHOTO,)], ids=["nothing to write", "a batch that fills"])
def test_a_cancellation_while_it_closes_is_never_lost(
    photos: tuple[CapturedInvocation, ...], turns: int
) -> None:
    """asyncio.run makes a cancellation of Ctrl-C; it comes `turns` of the loop after the close."""

    async def close_and_be_cancelled() -> None:
        me, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert me is not None

        def cancel_after(left: int) -> None:
            loop.call_soon(cancel_after, left - 1) if left else me.cancel()

        async with capture_invocations(SETTINGS, Shelf()) as capture:
            for photo in photos:
                capture.offer(photo)
            await asyncio.sleep(0.01)  # the writer waits
            cancel_after(turns)
        await asyncio.sleep(1)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(close_and_be_cancelled())
