"""Buckets that outlive their stacks: how much is in them, and how they are emptied and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scones_operations.account import Failed, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

__all__ = ["content", "delete_bucket", "is_empty", "is_there"]


def is_there(bucket: str) -> bool:
    """Whether the account has the bucket."""
    try:
        client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            return False
        raise
    return True


def content(bucket: str) -> tuple[int, int]:
    """How many versions of objects a bucket holds, and their bytes: all of them are paid for."""
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    sizes = [one["Size"] for page in pages for one in page.get("Versions", [])]
    return len(sizes), sum(sizes)


def is_empty(bucket: str) -> bool:
    """Whether a bucket holds no version of any object."""
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return not any(page.get("Versions") for page in pages)


def delete_bucket(bucket: str, tell: Callable[[str], None]) -> None:
    """Delete every version of every object, then the bucket.

    Raises:
        Failed: S3 would not delete some object; the message gives the first one's reason.
    """
    gone = 0
    for batch in _batches(bucket):
        answer = client("s3").delete_objects(
            Bucket=bucket, Delete={"Objects": batch, "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise Failed(f"s3://{bucket}/{errors[0]['Key']}: {errors[0]['Message']}")
        gone += len(batch)
        tell(f"{bucket}: {gone} versions are deleted ...")
    client("s3").delete_bucket(Bucket=bucket)
    tell(f"{bucket} is deleted, and {gone} versions of objects with it.")


def _batches(bucket: str) -> Iterator[list[ObjectIdentifierTypeDef]]:
    """Versions and delete markers, a page at a time: as many as S3 deletes at one request."""
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
