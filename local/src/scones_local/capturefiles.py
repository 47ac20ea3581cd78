"""Data Capture files in a folder: copied from S3, read back, written as if it were S3.

Also ground truth, the labels that belong to captures, in the format of SageMaker Model Monitor.
"""

from __future__ import annotations

import base64
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

__all__ = ["CapturedImage", "FolderStore", "Label", "copy_captures", "write_ground_truth"]

PATIENCE_S = 15.0
"""How long captures may take to be written, on a busy machine."""


@dataclass(frozen=True)
class CapturedImage:
    """What the endpoint was sent.

    Attributes:
        inference_id: The caller's id.
        body: The picture's file.
    """

    inference_id: str
    body: bytes


@dataclass(frozen=True)
class Label:
    """What a picture really shows.

    Attributes:
        when: When it was sent, aware, UTC.
        inference_id: Of its prediction.
        name: The class.
    """

    when: datetime
    inference_id: str
    name: str


class FolderStore:
    """An object store whose objects are files: the key is the path below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:  # noqa: ARG002, N803 - S3's
        """Write one file."""
        _write(self._folder / Key, Body)
        return {}


def copy_captures(
    s3: S3Client, source: str, folder: Path, awaited: Collection[str]
) -> list[CapturedImage]:
    """Copy an endpoint's captures; wait until those with the awaited inference ids are there.

    Args:
        s3: Where they are.
        source: `s3://bucket/prefix/endpoint`; the keys after that prefix become paths.
        folder: Where the copies go.
        awaited: Captures are written late: it looks again until it has all of these.

    Returns:
        All that could be had within `PATIENCE_S`.
    """
    address = urlsplit(source)
    endpoint = address.path.strip("/")
    above = len(endpoint.rpartition("/")[0]) + 1
    found: dict[str, list[CapturedImage]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        for key in _keys(s3, address.netloc, f"{endpoint}/"):
            if key not in found:
                body = s3.get_object(Bucket=address.netloc, Key=key)["Body"].read()
                _write(folder / key[above:], body)
                found[key] = _images(body)
        images = [image for of_key in found.values() for image in of_key]
        missing = set(awaited) - {image.inference_id for image in images}
        if not missing or time.monotonic() > deadline:
            return images
        time.sleep(0.1)


def _keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _images(body: bytes) -> list[CapturedImage]:
    records = [json.loads(line) for line in body.splitlines()]
    return [
        CapturedImage(
            record["eventMetadata"]["inferenceId"],
            base64.b64decode(record["captureData"]["endpointInput"]["data"]),
        )
        for record in records
        if "inferenceId" in record["eventMetadata"]
    ]


def write_ground_truth(folder: Path, labels: Iterable[Label]) -> None:
    """Write labels to `folder/yyyy/mm/dd/hh/labels.jsonl`, one of them a line."""
    hours: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        record = {
            "groundTruthData": {"data": label.name, "encoding": "CSV"},
            "eventMetadata": {"eventId": label.inference_id},
            "eventVersion": "0",
        }
        hours[f"{label.when:%Y/%m/%d/%H}"].append(json.dumps(record) + "\n")
    for hour, lines in hours.items():
        _write(folder / hour / "labels.jsonl", "".join(lines).encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
