from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scones_local.load import expiry
from scones_local.load.expiry import Expiry
from scones_local.pictures import Picture
from scones_local.traffic import Outcome, Upload

if TYPE_CHECKING:
    from local.tests.conftest import Eventually

OUTPUTS = {"UploadBucket": "uploads", "LedgerTableName": "ledger"}
NOW = datetime.now(UTC)


class Cloud:
    """A session whose clients note what is deleted."""

    def __init__(self) -> None:
        self.deleted: list[tuple[str, str, str | None]] = []
        self.forgotten: list[str] = []
        self.captures = {
            "captures/e/old": NOW - timedelta(minutes=1),
            "captures/e/new": NOW + timedelta(days=1),
        }
        self.calls = 0

    def client(self, _service: str) -> Cloud:
        return self

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> None:  # noqa: N803
        self.calls += 1
        for one in Delete["Objects"]:
            self.deleted.append((Bucket, one["Key"], one.get("VersionId")))
            self.captures.pop(one["Key"], None)

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> None:  # noqa: N803
        (requests,) = RequestItems.values()
        assert 0 < len(requests) <= 25
        self.forgotten += [one["DeleteRequest"]["Key"]["upload"]["S"] for one in requests]

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Prefix) == ("captured", "captures/e/")
        return {"Contents": [{"Key": k, "LastModified": at} for k, at in self.captures.items()]}


def upload(name: str, inference_id: str | None) -> tuple[Upload, Outcome]:
    sent = Upload(Picture(Path(name), name, None), f"incoming/{name}", 1.0, f"version-{name}")
    body = {"inference_id": inference_id}
    return sent, Outcome("accepted", sent.key, sent.version_id, body, 2.0)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr(expiry, "EVERY_S", 0.005)
    return Cloud()


def test_what_is_old_enough_goes_with_version_ledger_item_and_captures(
    cloud: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "AGE_S", 0.0)
    run = Expiry(cloud, OUTPUTS, "s3://captured/captures/e")
    for number in range(30):
        run.add(*upload(str(number), f"id-{number}"))
    run.add(*upload("31", None))  # a letter that names nothing
    run.add(*upload("30", "id-0"))  # a second outcome
    with run:
        eventually(lambda: len(cloud.deleted) == 33)
    assert cloud.deleted.count(("captured", "captures/e/old", None)) == 1
    assert ("uploads", "incoming/7", "version-7") in cloud.deleted
    assert sorted(cloud.forgotten) == sorted(f"id-{number}" for number in range(30))
    assert list(cloud.captures) == ["captures/e/new"]


def test_what_is_young_stays(cloud: Any, eventually: Eventually) -> None:
    run = Expiry(cloud, OUTPUTS, "s3://captured/captures/e")
    run.add(*upload("young", "id"))
    with run:
        eventually(lambda: "captures/e/old" not in cloud.captures)
    assert (cloud.forgotten, len(cloud.deleted)) == ([], 1)
