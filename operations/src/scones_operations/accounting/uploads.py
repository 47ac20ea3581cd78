"""The uploads that a bucket holds: every version of every object, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scones_operations.account import client
from scones_operations.accounting.identity import inference_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef, ObjectVersionTypeDef

__all__ = ["Page", "Upload", "list_uploads"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of an object, which one event told of.

    Attributes:
        bucket: Its bucket.
        key: As stored.
        version_id: S3's; None where it was stored without versioning.
        etag: Without the quotes that S3 puts around it.
        size: In bytes.
        uploaded: When, by S3's clock.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    uploaded: datetime

    @property
    def inference_id(self) -> str:
        """The id under which its outcome is recorded."""
        return inference_id(self.bucket, self.key, self.version_id, self.etag)

    @property
    def event(self) -> dict[str, Any]:
        """What of S3's event `Object Created` the workflow reads."""
        told: dict[str, Any] = {"key": self.key, "etag": self.etag, "size": self.size}
        if self.version_id is not None:
            told["version-id"] = self.version_id
        return {"detail": {"bucket": {"name": self.bucket}, "object": told}}


class Page(NamedTuple):
    """Some uploads, and the time by AWS's clock before they were listed."""

    now: datetime
    uploads: list[Upload]


def list_uploads(bucket: str, prefix: str) -> Iterator[Page]:
    """Every version whose key begins with the prefix; a delete marker is no upload."""
    listed = client("s3").get_paginator("list_object_versions")
    for page in listed.paginate(Bucket=bucket, Prefix=prefix):
        yield Page(_asked_at(page), [_upload(bucket, one) for one in page.get("Versions", [])])


def _asked_at(page: ListObjectVersionsOutputTypeDef) -> datetime:
    return parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])


def _upload(bucket: str, one: ObjectVersionTypeDef) -> Upload:
    version = one["VersionId"]
    return Upload(
        bucket,
        one["Key"],
        None if version == "null" else version,
        one["ETag"].strip('"'),
        one["Size"],
        one["LastModified"],
    )
