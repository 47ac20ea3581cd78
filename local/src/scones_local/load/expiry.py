"""Removes what a long run has stored, as lifecycle rules and a time to live do in the cloud.

The local S3 and DynamoDB live in memory: without this, what was uploaded would hide what leaks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3

    from scones_local.traffic import Outcome, Upload

__all__ = ["Expiry"]

AGE_S = 10.0
"""How long something stays: longer than a run still works on it after its outcome."""
EVERY_S = 2.0
KEYS_A_CALL = 1000
"""S3's most."""
ITEMS_A_CALL = 25
"""DynamoDB's most."""


class Expiry:
    """Deletes uploads, their ledger items and captures some seconds after the outcome.

    Args:
        session: Where the stack is.
        outputs: Of the stack; they name bucket and table.
        captures: `s3://` prefix of the Data Capture files.
    """

    def __init__(self, session: boto3.Session, outputs: Mapping[str, str], captures: str) -> None:
        self._s3 = session.client("s3")
        self._dynamodb: Any = session.client("dynamodb")
        self._bucket = outputs["UploadBucket"]
        self._table = outputs["LedgerTableName"]
        self._captures = urlsplit(captures)
        self._due: deque[tuple[float, Upload, Outcome]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Expiry:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def add(self, upload: Upload, outcome: Outcome) -> None:
        """Delete what belongs to this upload, later."""
        self._due.append((time.monotonic() + AGE_S, upload, outcome))

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            over = self._over()
            self._delete_uploads([upload for upload, _ in over])
            self._delete_items([outcome for _, outcome in over])
            self._delete_captures()

    def _over(self) -> list[tuple[Upload, Outcome]]:
        over: list[tuple[Upload, Outcome]] = []
        while self._due and self._due[0][0] < time.monotonic() and len(over) < KEYS_A_CALL:
            _, upload, outcome = self._due.popleft()
            over.append((upload, outcome))
        return over

    def _delete_uploads(self, uploads: list[Upload]) -> None:
        objects: Any = [{"Key": one.key, "VersionId": one.version_id} for one in uploads]
        if objects:
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    def _delete_items(self, outcomes: list[Outcome]) -> None:
        named = {outcome.body.get("inference_id") for outcome in outcomes}
        ids = sorted(filter(None, named))
        for first in range(0, len(ids), ITEMS_A_CALL):
            batch = [
                {"DeleteRequest": {"Key": {"upload": {"S": inference_id}}}}
                for inference_id in ids[first : first + ITEMS_A_CALL]
            ]
            self._dynamodb.batch_write_item(RequestItems={self._table: batch})

    def _delete_captures(self) -> None:
        bucket, prefix = self._captures.netloc, self._captures.path.strip("/")
        listed = self._s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")
        before = datetime.now(UTC) - timedelta(seconds=AGE_S)
        old: Any = [
            {"Key": entry["Key"]}
            for entry in listed.get("Contents", [])
            if entry["LastModified"] < before
        ]
        if old:
            self._s3.delete_objects(Bucket=bucket, Delete={"Objects": old, "Quiet": True})
