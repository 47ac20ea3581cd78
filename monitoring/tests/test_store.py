from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from scones_monitoring.capture.s3 import S3Prefix
from scones_monitoring.capture.store import Folder, open_store
from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scones_monitoring.capture.store import Store

CONTENT = {
    "vehicles/blue/2026/11/22/10/a.jsonl": b"first\nsecond\n",
    "vehicles/blue/2026/11/22/11/a.jsonl": b"third\n",
    "vehicles/blue/2026/11/23/00/a.jsonl": b"fourth\n",
    "with space/\u00e4+%.jsonl": b"odd",
    "top.jsonl": b"top",
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        place = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket="captures", CreateBucketConfiguration=place)  # type: ignore[arg-type]
        yield


@pytest.fixture(params=["folder", "prefix", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, aws: None) -> Store:
    if request.param == "folder":
        for name, content in CONTENT.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        return open_store(str(tmp_path))
    prefix = "data/capture/" if request.param == "prefix" else ""
    for name, content in CONTENT.items():
        boto3.client("s3").put_object(Bucket="captures", Key=f"{prefix}{name}", Body=content)
    return open_store(f"s3://captures/{prefix}")


def test_every_file_is_listed_by_its_name_below_the_root(store: Store) -> None:
    found = {entry.name: entry.size for entry in store.entries(lambda _folder: True)}
    assert found == {name: len(content) for name, content in CONTENT.items()}


def test_folders_that_are_not_wanted_are_left_out(store: Store) -> None:
    names = {e.name for e in store.entries(lambda folder: not folder.endswith(("/10", "space")))}
    assert names == {name for name in CONTENT if "/10/" not in name and "space" not in name}


def test_files_are_streamed_in_the_order_they_are_asked_for(store: Store) -> None:
    names = sorted(CONTENT) * 8
    buffer = bytearray(100)
    read = []
    for name, stream in store.streams(names, refuse):
        size = stream.readinto(memoryview(buffer)) or 0
        read.append((name, bytes(buffer[:size])))
    assert read == [(name, CONTENT[name]) for name in names]


def refuse(name: str) -> None:
    raise AssertionError(f"{name} was refused")


def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(store: Store) -> None:
    refused: list[str] = []
    names = ["absent.jsonl", "top.jsonl", "vehicles", "with space/\u00e4+%.jsonl"]
    read = [name for name, _ in store.streams(names, refused.append)]
    assert read == ["top.jsonl", "with space/\u00e4+%.jsonl"]
    assert refused == ["absent.jsonl", "vehicles"]


def test_a_part_of_a_file_can_be_read(store: Store) -> None:
    assert store.tail("vehicles/blue/2026/11/22/10/a.jsonl", 6, 4) == b"seco"
    assert store.tail("top.jsonl", 1, 1000) == b"op"


def test_small_files_are_kept_and_absent_ones_are_none(store: Store) -> None:
    assert store.load("_summaries/x.json") is None
    store.save("_summaries/x.json", b"1")
    store.save("_summaries/x.json", b"2")
    assert store.load("_summaries/x.json") == b"2"
    store.save("_summaries/x.json", b"")
    assert store.load("_summaries/x.json") == b""


def test_another_stamp_tells_that_a_file_has_changed(store: Store) -> None:
    def stamp() -> str:
        return {e.name: e.stamp for e in store.entries(lambda _folder: True)}["top.jsonl"]

    before = stamp()
    store.save("top.jsonl", b"pot")
    assert stamp() != before


def test_a_store_can_be_handed_to_another_process(store: Store) -> None:
    assert list(store.entries(lambda _folder: True))
    assert pickle.loads(pickle.dumps(store)) == store  # noqa: S301 - our own


def test_the_root_is_written_as_a_person_would(tmp_path: Path) -> None:
    assert open_store("s3://bucket/some/prefix/").root == "s3://bucket/some/prefix"
    assert open_store("s3://bucket").root == "s3://bucket"
    assert open_store(str(tmp_path)).root == str(tmp_path.resolve())


@pytest.mark.parametrize("place", ["/absent/folder", "https://bucket/x", "s3:///x"])
def test_what_is_no_place_is_refused_with_what_would_be(place: str) -> None:
    with pytest.raises(NothingReadable, match="s3://bucket/prefix"):
        open_store(place)


def test_a_bucket_that_is_not_there_is_named(aws: None) -> None:
    with pytest.raises(FileNotFoundError, match=r"s3://absent/x: .*NoSuchBucket"):
        list(S3Prefix("absent", "x").entries(lambda _folder: True))


def test_days_are_listed_at_once(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 hours of a day are one request, not 24."""
    for name, content in CONTENT.items():
        boto3.client("s3").put_object(Bucket="captures", Key=name, Body=content)
    asked: list[str] = []
    store = S3Prefix("captures", "")
    events = store._client.meta.events
    events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: asked.append(params["Prefix"])
    )
    list(store.entries(lambda _folder: True))
    assert sorted(asked)[-2:] == ["vehicles/blue/2026/11/23/", "with space/"]
    assert not any("/22/1" in prefix for prefix in asked)


def test_a_folder_of_this_machine_is_read_with_one_open_file_at_a_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    streams = Folder(tmp_path).streams(["a", "b"], refuse)
    _, first = next(streams)
    next(streams)
    assert first.closed  # type: ignore[attr-defined]
