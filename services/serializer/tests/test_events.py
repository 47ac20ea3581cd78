from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from scones_serializer.errors import InvalidUpload
from scones_serializer.events import ObjectReference, SerializedImage, Source, Upload

CONTRACTS = Path(__file__).parents[3] / "contracts"
EVENTS = Path(__file__).parent / "events"
EVENT: dict[str, Any] = json.loads((EVENTS / "object-created.json").read_text())
CONSOLE: dict[str, str] = json.loads((EVENTS / "console.json").read_text())


def event_with(path: str, value: object) -> dict[str, Any]:
    event: dict[str, Any] = copy.deepcopy(EVENT)
    *parents, name = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    place[name] = value
    return event


def event_without(path: str) -> dict[str, Any]:
    event = event_with(path, None)
    *parents, name = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    del place[name]
    return event


def test_event_names_the_version_that_was_created() -> None:
    assert Upload.parse(EVENT) == ObjectReference(
        bucket="scones-uploads",
        key="incoming/a bicycle+1.jpg",
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        size=184662,
    )


def test_event_of_an_unversioned_bucket_names_the_object_alone() -> None:
    assert Upload.parse(event_without("detail.object.version-id")).version_id is None


@pytest.mark.parametrize("reason", ["CopyObject", "CompleteMultipartUpload", "SomethingNew"])
def test_any_reason_of_creation_is_accepted(reason: str) -> None:
    assert Upload.parse(event_with("detail.reason", reason)) == Upload.parse(EVENT)


def test_console_input_names_the_newest_version() -> None:
    assert Upload.parse(CONSOLE) == ObjectReference("scones-uploads", "test/bicycle_s_000513.png")


@pytest.mark.parametrize(
    "key",
    [
        "a b+c.jpg",
        "a%20b%2Bc.jpg",
        "/leading/slash.png",
        "fahrrad/grün-自転車-🚲.jpg",
        "a\nb\0c.png",
    ],
)
def test_key_is_taken_as_it_is(key: str) -> None:
    assert Upload.parse(event_with("detail.object.key", key)).key == key
    assert Upload.parse(CONSOLE | {"s3_key": key}).key == key


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (event_without("detail.bucket"), "detail.bucket: Field required"),
        (event_without("detail.bucket.name"), "detail.bucket.name: Field required"),
        (event_without("detail.object.key"), "detail.object.key: Field required"),
        (event_with("detail", "text"), "detail: "),
        (event_with("detail.object.key", ""), "detail.object.key: "),
        (event_with("detail.object.key", 7), "detail.object.key: "),
        (event_with("detail.object.key", "é" * 513), "detail.object.key: "),
        (event_with("detail.object.key", "\ud800"), "detail.object.key: "),
        (event_with("detail.object.size", -1), "detail.object.size: "),
        (event_with("detail.object.version-id", ""), "detail.object.version-id: "),
        (event_with("detail.bucket.name", "no spaces"), "detail.bucket.name: "),
        (event_with("detail.bucket.name", "scones-uploads\n"), "detail.bucket.name: "),
        ({"image_data": "", "s3_key": "a"}, "s3_bucket: Field required"),
        ({"image_data": "", "s3_bucket": "scones"}, "s3_key: Field required"),
        ({}, "s3_bucket: Field required; s3_key: Field required"),
        ([], "input: neither"),
        (None, "input: neither"),
        ("text", "input: neither"),
    ],
)
def test_malformed_upload_is_refused_field_by_field(message: object, fault: str) -> None:
    with pytest.raises(InvalidUpload) as refusal:
        Upload.parse(message)
    assert fault in str(refusal.value)
    assert "s3_bucket" in str(refusal.value), "says what to send instead"


def test_refusal_repeats_none_of_the_input() -> None:
    with pytest.raises(InvalidUpload) as refusal:
        Upload.parse({"image_data": ["c2VjcmV0"], "s3_bucket": "scones"})
    assert "c2VjcmV0" not in str(refusal.value)
    assert "image_data" in str(refusal.value)


def source(key: str = "a.png", version_id: str | None = "v1", etag: str = "e1") -> Source:
    return Source(bucket="scones-uploads", key=key, version_id=version_id, etag=etag)


IDENTITIES = json.loads((CONTRACTS / "upload" / "identity.json").read_text())


@pytest.mark.parametrize("known", IDENTITIES, ids=lambda known: known["inference_id"][:8])
def test_inference_id_is_the_same_in_every_release(known: dict[str, Any]) -> None:
    version = None if known["version_id"] == "null" else known["version_id"]
    stored = Source(
        bucket=known["bucket"], key=known["key"], version_id=version, etag=known["etag"]
    )
    assert stored.inference_id() == known["inference_id"]


def test_inference_id_tells_objects_versions_and_contents_apart() -> None:
    sources = [
        source(),
        source(version_id="v2"),
        source(version_id=None),
        source(version_id=None, etag="e2"),
        source(key="a.png\nv1"),
        source(key='a.png", "v1'),
        source(key="a.png\0v1"),
    ]
    assert len({each.inference_id() for each in sources}) == len(sources)


def test_message_hides_the_picture_when_printed() -> None:
    image = SerializedImage(
        inference_id=source().inference_id(),
        source=source(),
        image_data="iVBORw0KGgo=",
        width=32,
        height=32,
    )
    assert "iVBORw0KGgo=" not in repr(image)


def test_schema_of_the_upload_shows_both_shapes() -> None:
    schema = json.dumps(Upload.model_json_schema())
    assert "s3_key" in schema
    assert "version-id" in schema
