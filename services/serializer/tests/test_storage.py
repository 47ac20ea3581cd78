from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from scones_serializer.errors import (
    ObjectAccessDenied,
    ObjectNotFound,
    ObjectTooLarge,
    StorageUnavailable,
)
from scones_serializer.events import ObjectReference
from scones_serializer.storage import read_object

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from mypy_boto3_s3 import S3Client

    from .conftest import FakeS3

PHOTO = ObjectReference("scones-uploads", "incoming/a bicycle+1.jpg")


def client(url: str) -> S3Client:
    """Return a client that asks once, so that no test waits for a retry."""
    once = Config(
        connect_timeout=1,
        read_timeout=0.2,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
    )
    return boto3.client("s3", endpoint_url=url, config=once)


def until_the_client_gives_up(request: BaseHTTPRequestHandler) -> None:
    request.connection.recv(1)


def test_object_comes_with_the_identity_that_s3_gives_it(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"bytes", x_amz_version_id="v7")
    stored = read_object(client(fake_s3.url), PHOTO, max_bytes=5)
    assert stored.body == b"bytes"
    assert stored.source.model_dump() == {
        "bucket": "scones-uploads",
        "key": "incoming/a bicycle+1.jpg",
        "version_id": "v7",
        "etag": "0f343b09",
    }


def test_version_null_of_a_suspended_bucket_is_no_identity(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"bytes", x_amz_version_id="null")
    assert read_object(client(fake_s3.url), PHOTO, max_bytes=5).source.version_id is None


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a b+c.jpg", "/scones-uploads/a%20b%2Bc.jpg?"),
        ("a%20b.jpg", "/scones-uploads/a%2520b.jpg?"),
        ("/leading.png", "/scones-uploads//leading.png?"),
        ("grün-🚲.jpg", "/scones-uploads/gr%C3%BCn-%F0%9F%9A%B2.jpg?"),
        ("a\nb.png", "/scones-uploads/a%0Ab.png?"),
    ],
)
def test_key_is_asked_for_as_it_is(fake_s3: FakeS3, key: str, path: str) -> None:
    fake_s3.answers(b"bytes")
    read_object(client(fake_s3.url), PHOTO._replace(key=key, version_id="v7"), max_bytes=5)
    assert fake_s3.paths[0].startswith(path)
    assert "versionId=v7" in fake_s3.paths[0]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchKey", 404),
        ("NoSuchVersion", 404),
        ("NoSuchBucket", 404),
        ("404", 404),
        ("InvalidArgument", 400),
        ("MethodNotAllowed", 405),
    ],
)
def test_missing_object_is_named(fake_s3: FakeS3, code: str, status: int) -> None:
    fake_s3.refuses(code, status)
    with pytest.raises(ObjectNotFound, match=f"{code} for s3://scones-uploads/incoming/a bicycle"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


@pytest.mark.parametrize(
    "code", ["AccessDenied", "403", "InvalidObjectState", "KMS.DisabledException"]
)
def test_denied_object_is_named(fake_s3: FakeS3, code: str) -> None:
    fake_s3.refuses(code, 403)
    with pytest.raises(ObjectAccessDenied, match=f"{code} for s3://scones-uploads/"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("ServiceUnavailable", 503),
        ("InternalError", 500),
        ("RequestTimeout", 400),
        ("Throttling", 400),
        ("TooManyRequests", 429),
    ],
)
def test_busy_storage_is_worth_another_try(fake_s3: FakeS3, code: str, status: int) -> None:
    fake_s3.refuses(code, status)
    with pytest.raises(StorageUnavailable, match=f"{code} for s3://scones-uploads/.*try again"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


def test_fault_of_the_deployment_keeps_s3s_own_code(fake_s3: FakeS3) -> None:
    fake_s3.refuses("AuthorizationHeaderMalformed", 400)
    with pytest.raises(ClientError, match="AuthorizationHeaderMalformed"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


def test_refused_connection_is_worth_another_try() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(StorageUnavailable, match="EndpointConnectionError"):
            read_object(client(url), PHOTO, max_bytes=5)


def test_silence_is_worth_another_try(fake_s3: FakeS3) -> None:
    fake_s3.reply = until_the_client_gives_up
    with pytest.raises(StorageUnavailable, match="ReadTimeoutError"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


def test_body_that_ends_early_is_worth_another_try(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"half", Content_Length="8")
    with pytest.raises(StorageUnavailable, match="did not answer in full"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=8)


def test_body_with_another_checksum_is_worth_another_try(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"damaged on the way", x_amz_checksum_crc32="AAAAAA==")
    with pytest.raises(StorageUnavailable, match="FlexibleChecksumError"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=100)


def test_size_in_the_event_refuses_without_asking_s3(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"six...")
    with pytest.raises(ObjectTooLarge, match=r"has 6 bytes or more, over the limit of 5"):
        read_object(client(fake_s3.url), PHOTO._replace(size=6), max_bytes=5)
    assert fake_s3.paths == []


def test_size_in_the_answer_refuses_before_the_body(fake_s3: FakeS3) -> None:
    fake_s3.answers(b"", Content_Length="1000000000000")
    with pytest.raises(ObjectTooLarge, match="1,000,000,000,000 bytes"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)


def test_size_of_an_unannounced_body_is_enforced_while_reading(fake_s3: FakeS3) -> None:
    chunked = b"6\r\nlonger\r\n0\r\n\r\n"
    fake_s3.answers(chunked, Content_Length="", Transfer_Encoding="chunked")
    with pytest.raises(ObjectTooLarge, match="has 6 bytes"):
        read_object(client(fake_s3.url), PHOTO, max_bytes=5)
