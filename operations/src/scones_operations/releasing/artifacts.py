"""The artifact bucket of a stage: what was built, and which bytes each released version is.

`<package>/<version>/` holds every build of a version that was deployed, and for each kind (an
architecture, or wheel) that was released `<kind>.json`, which is written once and never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scones_operations.account import CannotBeDone, client
from scones_operations.stacks.outputs import stage_outputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scones_operations.repository import Package

__all__ = ["artifact_bucket", "check_release", "record_release", "upload"]


def artifact_bucket(stage: str) -> str:
    """Name of the stage's bucket.

    Raises:
        CannotBeDone: There is none yet.
    """
    return stage_outputs(stage, "artifacts")["ArtifactBucket"]


def upload(stage: str, path: Path, key: str, tell: Callable[[str], None]) -> dict[str, str]:
    """Bring a file into the bucket unless it is there; returns its Bucket and Key."""
    bucket = artifact_bucket(stage)
    if not _is_there(bucket, key):
        tell(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB go to s3://{bucket}/{key}")
        client("s3").upload_file(str(path), bucket, key)
    return {"Bucket": bucket, "Key": key}


def check_release(stage: str, package: Package, kind: str, sha256: str) -> None:
    """See that a version was not released to the stage with other bytes.

    Raises:
        CannotBeDone: It was.
    """
    s3, key = client("s3"), _record_key(package, kind)
    try:
        body = s3.get_object(Bucket=artifact_bucket(stage), Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return
    released = json.loads(body)
    if released["sha256"] != sha256:
        raise CannotBeDone(
            f"{package.name} {package.version} ({kind}) was released to {stage} from commit "
            f"{released['commit'][:7]} as {released['sha256']}, and this build is {sha256}: raise "
            "the version. (If nothing was changed, build with the same Python and uv as then.)"
        )


def record_release(stage: str, package: Package, kind: str, sha256: str, commit: str) -> None:
    """Write down which bytes a version is, before they serve anybody.

    Raises:
        CannotBeDone: It is other bytes already.
    """
    record = {"sha256": sha256, "commit": commit, "tag": package.tag}
    try:
        client("s3").put_object(
            Bucket=artifact_bucket(stage),
            Key=_record_key(package, kind),
            Body=json.dumps(record, indent=2).encode(),
            ContentType="application/json",
            IfNoneMatch="*",  # of two who release at the same time, one comes too late
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }:
            raise
        check_release(stage, package, kind, sha256)


def _record_key(package: Package, kind: str) -> str:
    return f"{package.name}/{package.version}/{kind}.json"


def _is_there(bucket: str, key: str) -> bool:
    try:
        client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return False
    return True
