"""Read one object from S3, and give each way in which that fails its name."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from botocore import exceptions as boto

from scones_serializer.errors import (
    InvalidUpload,
    ObjectAccessDenied,
    ObjectNotFound,
    ObjectTooLarge,
    SerializerError,
    StorageUnavailable,
)
from scones_serializer.events import ObjectReference, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

__all__ = ["StoredObject", "read_object"]

_NOT_FOUND = {
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "InvalidArgument",  # the only argument left unchecked is the version id: not one of this bucket
    "MethodNotAllowed",  # the version is a delete marker
}
_DENIED = {"AccessDenied", "InvalidObjectState"}  # the latter: archived, not restored
_UNAVAILABLE = {"InternalError", "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}
_UNAVAILABLE_STATUS = {429, 500, 502, 503, 504}
_BROKEN_CONNECTION = (
    boto.HTTPClientError,
    boto.ConnectionError,
    boto.IncompleteReadError,
    boto.FlexibleChecksumError,
)
# Some names, such as those that end in --x-s3, are of a kind of bucket with rules of its own.
_NO_SUCH_NAME = (boto.EndpointResolutionError, boto.ParamValidationError)
_CHUNK_BYTES = 1 << 20


class StoredObject(NamedTuple):
    """An object's bytes and which object they are."""

    source: Source
    body: bytes


def read_object(s3: S3Client, wanted: ObjectReference, max_bytes: int) -> StoredObject:
    """Return the object's bytes; of the version that `wanted` names, if it names one.

    Raises:
        ObjectTooLarge: by the event's size, S3's answer or the bytes themselves, whichever first.
        InvalidUpload: botocore cannot ask for a bucket of this name.
        ObjectNotFound, ObjectAccessDenied, StorageUnavailable: what S3 answered.
        botocore.exceptions.ClientError: an answer that is none of these (say, a bucket of another
            region): a fault of the deployment, kept under S3's own code.
    """
    _refuse_over(max_bytes, wanted.size, wanted)
    with _named_faults(wanted):
        if wanted.version_id is None:
            answer = s3.get_object(Bucket=wanted.bucket, Key=wanted.key)
        else:
            answer = s3.get_object(
                Bucket=wanted.bucket, Key=wanted.key, VersionId=wanted.version_id
            )
        _refuse_over(max_bytes, answer.get("ContentLength"), wanted)
        body = _read(answer["Body"], max_bytes, wanted)
    source = Source(
        bucket=wanted.bucket,
        key=wanted.key,
        version_id=_lasting_version(answer.get("VersionId")),
        etag=answer["ETag"].strip('"'),
    )
    return StoredObject(source, body)


def _lasting_version(version_id: str | None) -> str | None:
    # While versioning is suspended every new object is the version "null": that names no content.
    return None if version_id == "null" else version_id


def _refuse_over(max_bytes: int, size: int | None, wanted: ObjectReference) -> None:
    if size is not None and size > max_bytes:
        raise ObjectTooLarge(
            f"{_name(wanted)} has {size:,} bytes or more, over the limit of {max_bytes:,} "
            "(MAX_OBJECT_BYTES): upload a smaller picture"
        )


def _read(body: StreamingBody, max_bytes: int, wanted: ObjectReference) -> bytes:
    read = BytesIO()  # which gives its bytes away without a copy
    for chunk in body.iter_chunks(_CHUNK_BYTES):
        read.write(chunk)
        _refuse_over(max_bytes, read.tell(), wanted)
    return read.getvalue()


@contextmanager
def _named_faults(wanted: ObjectReference) -> Iterator[None]:
    try:
        yield
    except boto.ClientError as error:
        fault = _fault(error)
        if fault is None:
            raise
        name, advice = fault
        code = error.response["Error"]["Code"]
        raise name(f"S3 answered {code} for {_name(wanted)}: {advice}") from error
    except _NO_SUCH_NAME as error:
        raise InvalidUpload(
            f"{_name(wanted)} is no object of a general purpose bucket: correct bucket and key"
        ) from error
    except _BROKEN_CONNECTION as error:
        raise StorageUnavailable(
            f"S3 did not answer in full for {_name(wanted)} ({type(error).__name__}): try again"
        ) from error


def _fault(error: boto.ClientError) -> tuple[type[SerializerError], str] | None:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _UNAVAILABLE or status in _UNAVAILABLE_STATUS:
        return StorageUnavailable, "try again"
    if code in _NOT_FOUND or status == HTTPStatus.NOT_FOUND:
        return ObjectNotFound, "upload it again, or correct bucket and key"
    if code in _DENIED or status == HTTPStatus.FORBIDDEN:
        return ObjectAccessDenied, (
            "let the function's role read (and decrypt) it, and restore it if it is archived"
        )
    return None


def _name(wanted: ObjectReference) -> str:
    version = f" (version {wanted.version_id})" if wanted.version_id else ""
    return f"s3://{wanted.bucket}/{wanted.key}{version}"
