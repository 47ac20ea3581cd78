"""From upload to message, with moto in place of S3."""

from __future__ import annotations

import copy
import io
import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from moto import mock_aws
from PIL import Image

from scones_serializer import errors
from scones_serializer.events import SerializedImage
from scones_serializer.handler import handler, s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from .conftest import LambdaContext

BUCKET = "scones-uploads"
KEY = "incoming/a bicycle+1.jpg"
EVENT = json.loads((Path(__file__).parent / "events" / "object-created.json").read_text())


@pytest.fixture
def bucket() -> Iterator[S3Client]:
    with mock_aws():
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def plain(colour: str) -> bytes:
    return png(Image.new("RGB", (40, 40), colour))


def upload(s3: S3Client, body: bytes, key: str = KEY) -> dict[str, Any]:
    """Put an object and return the event that S3 would send."""
    stored = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    event: dict[str, Any] = copy.deepcopy(EVENT)
    event["detail"]["object"] |= {
        "key": key,
        "size": len(body),
        "etag": stored["ETag"].strip('"'),
        "version-id": stored["VersionId"],
    }
    return event


def console(key: str = KEY) -> dict[str, str]:
    return {"image_data": "", "s3_bucket": BUCKET, "s3_key": key}


def decoded(message: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(message["image_data"], validate=True)))


def test_upload_becomes_one_message(bucket: S3Client, context: LambdaContext) -> None:
    event = upload(bucket, plain("red"))
    message = handler(event, context)
    created = event["detail"]["object"]
    assert message | {"image_data": "", "inference_id": ""} == {
        "inference_id": "",
        "source": {
            "bucket": BUCKET,
            "key": KEY,
            "version_id": created["version-id"],
            "etag": created["etag"],
        },
        "image_data": "",
        "content_type": "image/png",
        "width": 32,
        "height": 32,
    }
    assert decoded(message).size == (32, 32)
    assert SerializedImage.model_validate(json.loads(json.dumps(message))).model_dump() == message


def test_picture_of_the_models_size_arrives_unchanged(
    bucket: S3Client, context: LambdaContext
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    message = handler(upload(bucket, png(Image.fromarray(pixels))), context)
    assert np.array_equal(np.asarray(decoded(message)), pixels)


def test_console_input_gives_the_events_message(bucket: S3Client, context: LambdaContext) -> None:
    event = upload(bucket, plain("red"))
    assert handler(console(), context) == handler(event, context)


def test_same_event_twice_gives_the_same_message(bucket: S3Client, context: LambdaContext) -> None:
    event = upload(bucket, plain("red"))
    assert handler(event, context) == handler(event, context)


def test_event_of_an_overwritten_object_still_reads_its_own_version(
    bucket: S3Client, context: LambdaContext
) -> None:
    first, second = upload(bucket, plain("red")), upload(bucket, plain("blue"))
    messages = [handler(first, context), handler(second, context)]
    assert [decoded(each).getpixel((16, 16)) for each in messages] == [(255, 0, 0), (0, 0, 255)]
    assert messages[0]["inference_id"] != messages[1]["inference_id"]


def test_event_of_a_deleted_object_still_reads_its_own_version(
    bucket: S3Client, context: LambdaContext
) -> None:
    event = upload(bucket, plain("red"))
    bucket.delete_object(Bucket=BUCKET, Key=KEY)
    assert handler(event, context)["source"]["key"] == KEY
    with pytest.raises(errors.ObjectNotFound):
        handler(console(), context)


def test_object_of_an_unversioned_bucket_is_identified_by_its_content(
    bucket: S3Client, context: LambdaContext
) -> None:
    bucket.create_bucket(
        Bucket="plain-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    ids = set()
    for colour in ("red", "red", "blue"):
        bucket.put_object(Bucket="plain-bucket", Key=KEY, Body=plain(colour))
        message = handler(console() | {"s3_bucket": "plain-bucket"}, context)
        assert message["source"]["version_id"] is None
        ids.add(message["inference_id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    "key", ["a b+c.jpg", "a%20b.jpg", "/leading.png", "grün-🚲.jpg", "a\nb.png"]
)
def test_any_key_is_read_from_either_input(
    bucket: S3Client, context: LambdaContext, key: str
) -> None:
    event = upload(bucket, plain("red"), key)
    assert handler(event, context)["source"]["key"] == key
    assert handler(console(key), context) == handler(event, context)


def test_missing_object_is_named(bucket: S3Client, context: LambdaContext) -> None:
    with pytest.raises(errors.ObjectNotFound, match=r"s3://scones-uploads/gone\.png"):
        handler(console("gone.png"), context)


def test_missing_bucket_is_named(bucket: S3Client, context: LambdaContext) -> None:
    with pytest.raises(errors.ObjectNotFound, match="s3://elsewhere/"):
        handler(console() | {"s3_bucket": "elsewhere"}, context)


def test_large_object_is_refused(bucket: S3Client, context: LambdaContext) -> None:
    event = upload(bucket, b"")
    event["detail"]["object"]["size"] = 33_554_433
    with pytest.raises(errors.ObjectTooLarge, match="MAX_OBJECT_BYTES"):
        handler(event, context)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", errors.NotAnImage),
        (b"a text named .jpg", errors.NotAnImage),
        (b"8BPS\0\1", errors.UnsupportedFormat),
        (plain("red")[:60], errors.TruncatedImage),
        (png(Image.new("1", (8000, 8000))), errors.TooManyPixels),
    ],
)
def test_upload_that_is_no_good_picture_is_refused_by_name(
    bucket: S3Client, context: LambdaContext, body: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        handler(upload(bucket, body), context)


def test_malformed_input_is_refused_without_asking_s3(context: LambdaContext) -> None:
    with pytest.raises(errors.InvalidUpload, match="s3_key: Field required"):
        handler({"image_data": "", "s3_bucket": BUCKET}, context)
