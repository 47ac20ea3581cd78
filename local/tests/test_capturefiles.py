from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from scones_local import capturefiles
from scones_local.capturefiles import (
    CapturedImage,
    FolderStore,
    Label,
    copy_captures,
    write_ground_truth,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from mypy_boto3_s3 import S3Client

SOURCE = "s3://captures/datacapture/scones"


def line(inference_id: str | None, body: bytes) -> bytes:
    metadata = {"eventId": "e"} | ({"inferenceId": inference_id} if inference_id else {})
    sent = {"data": base64.b64encode(body).decode(), "encoding": "BASE64"}
    record = {"captureData": {"endpointInput": sent}, "eventMetadata": metadata}
    return json.dumps(record).encode() + b"\n"


class LateS3:
    """Shows one more object each time it is asked what there is."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {
            f"datacapture/scones/AllTraffic/2026/11/22/10/{name}.jsonl": body
            for name, body in objects.items()
        }
        self.listed = 0
        self.fetched: list[str] = []

    def get_paginator(self, _name: str) -> LateS3:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert (Bucket, Prefix) == ("captures", "datacapture/scones/")
        self.listed = min(self.listed + 1, len(self.objects))
        yield {}
        yield {"Contents": [{"Key": key} for key in list(self.objects)[: self.listed]]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, io.BytesIO]:  # noqa: N803
        self.fetched.append(Key)
        return {"Body": io.BytesIO(self.objects[Key])}


def copy(s3: LateS3, folder: Path, awaited: set[str]) -> list[CapturedImage]:
    return copy_captures(cast("S3Client", s3), SOURCE, folder, awaited)


def test_copies_wait_for_captures_that_are_written_late(tmp_path: Path) -> None:
    s3 = LateS3(first=line("a", b"A") + line(None, b"?"), second=line("b", b"B"))
    images = copy(s3, tmp_path, {"a", "b"})
    assert images == [CapturedImage("a", b"A"), CapturedImage("b", b"B")]
    assert sorted(s3.fetched) == sorted(s3.objects)  # each once
    hour = tmp_path / "scones" / "AllTraffic" / "2026" / "11" / "22" / "10"
    assert (hour / "first.jsonl").read_bytes() == line("a", b"A") + line(None, b"?")
    assert (hour / "second.jsonl").exists()


def test_what_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturefiles, "PATIENCE_S", 0.0)
    images = copy(LateS3(first=line("a", b"A")), tmp_path, {"a", "never"})
    assert [image.inference_id for image in images] == ["a"]


def test_a_folder_stands_for_a_bucket(tmp_path: Path) -> None:
    FolderStore(tmp_path).put_object(Bucket="b", Key="x/y.jsonl", Body=b"1", ContentType="t")
    assert (tmp_path / "x" / "y.jsonl").read_bytes() == b"1"


def test_ground_truth_lies_by_the_hour_in_model_monitors_format(tmp_path: Path) -> None:
    labels = [
        Label(datetime(2026, 11, 22, 10, 59, tzinfo=UTC), "5f", "bicycle"),
        Label(datetime(2026, 11, 22, 11, 0, tzinfo=UTC), "60", "motorcycle"),
        Label(datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "61", "motorcycle"),
    ]
    write_ground_truth(tmp_path, labels)
    ten, eleven = sorted(tmp_path.rglob("*.jsonl"))
    assert ten.relative_to(tmp_path).parent.as_posix() == "2026/11/22/10"
    assert [json.loads(text) for text in eleven.read_text().splitlines()] == [
        {
            "groundTruthData": {"data": "motorcycle", "encoding": "CSV"},
            "eventMetadata": {"eventId": "60"},
            "eventVersion": "0",
        }
    ]
    ids = [json.loads(text)["eventMetadata"]["eventId"] for text in ten.read_text().splitlines()]
    assert ids == ["5f", "61"]
