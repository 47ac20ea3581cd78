from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from botocore.stub import Stubber
from botocore.validate import validate_parameters
from moto import mock_aws
from PIL import Image

from scones_model.aws import account, upload
from scones_model.data import dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

PLACE = "s3://scones-data/vehicles/v1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of twelve pictures, three of which are of none of the classes."""
    source = tmp_path_factory.mktemp("source")
    chance = np.random.default_rng(0)
    for place in ("in/bicycle", "in/cow", "in/tank", "none"):
        (source / place).mkdir(parents=True)
        for number in range(3):
            pixels = chance.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(source / place / f"{number}.png")
    folders = ["--folder", str(source / "in"), "--neither-folder", str(source / "none")]
    assert dataset.main(["--out", str(source / "out"), *folders]) == 0
    return source / "out"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="scones-data")
        yield client


def stored(s3: S3Client) -> dict[str, Any]:
    """What is in the bucket, by key."""
    return {
        entry["Key"]: s3.get_object(Bucket="scones-data", Key=entry["Key"])
        for entry in s3.list_objects_v2(Bucket="scones-data").get("Contents", ())
    }


def put(data: Path, *options: str) -> int:
    return upload.main([str(data), PLACE, *options])


def test_every_channel_is_where_a_job_looks_for_it(
    made: Path, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert put(made) == 0
    channels = json.loads(capsys.readouterr().out)
    assert list(channels) == [
        "train", "calibration", "test", "neither", "train_lst", "validation_lst",
    ]  # fmt: skip
    keys = [f"s3://scones-data/{key}" for key in stored(s3)]
    # A channel is all keys that begin with its URI: no key may be in two of them.
    found = {name: [key for key in keys if key.startswith(uri)] for name, uri in channels.items()}
    assert [len(of_channel) for of_channel in found.values()] == [3, 3, 3, 3, 1, 1]
    apart = {key.removeprefix(f"{PLACE}/") for key in keys} - {
        key.removeprefix(f"{PLACE}/") for of_channel in found.values() for key in of_channel
    }
    assert apart == {"manifest.json", "card.md", "contact-sheet.png"}


def test_lists_name_the_pictures_of_their_channels(made: Path, s3: S3Client) -> None:
    put(made)
    objects = stored(s3)
    for name, channel in (("train", "train"), ("validation", "calibration")):
        lines = objects[f"vehicles/v1/{name}_lst/{name}.lst"]["Body"].read().decode().splitlines()
        paths = {f"vehicles/v1/{channel}/{path}" for _, _, path in map(str.split, lines)}
        assert paths == {key for key in objects if key.startswith(f"vehicles/v1/{channel}/")}


def test_objects_are_whole_typed_and_encrypted(made: Path, s3: S3Client) -> None:
    put(made)
    objects = stored(s3)
    types = {key.rsplit(".")[-1]: answer["ContentType"] for key, answer in objects.items()}
    assert types == {
        "png": "image/png",
        "lst": "text/tab-separated-values",
        "json": "application/json",
        "md": "text/markdown; charset=utf-8",
    }
    assert {answer["ServerSideEncryption"] for answer in objects.values()} == {"AES256"}
    for path in made.rglob("*.png"):
        key = f"vehicles/v1/{path.relative_to(made)}"
        assert objects[key]["Body"].read() == path.read_bytes()


def test_upload_goes_on_where_it_was_cut_short(
    made: Path, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    put(made)
    s3.delete_object(Bucket="scones-data", Key="vehicles/v1/train_lst/train.lst")
    s3.put_object(Bucket="scones-data", Key="vehicles/v1/card.md", Body=b"half")
    assert put(made) == 0
    assert "2 objects put, 15 were there" in capsys.readouterr().err
    assert stored(s3)["vehicles/v1/card.md"]["Body"].read() == (made / "card.md").read_bytes()


def test_manifest_is_put_when_all_else_is(
    made: Path, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    client = upload._client()
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: order.append(params["Key"])
    )
    monkeypatch.setattr(upload, "_client", lambda: client)
    put(made)
    assert len(order) == 17
    assert order[-1] == "vehicles/v1/manifest.json"


def test_objects_of_another_data_set_are_refused(
    made: Path, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.put_object(Bucket="scones-data", Key="vehicles/v1/train/cow/old.png")
    assert put(made) == 2
    assert "1 objects in the channels" in (told := capsys.readouterr().err)
    assert "train/cow/old.png" in told
    assert list(stored(s3)) == ["vehicles/v1/train/cow/old.png"]


def test_what_else_lies_in_the_place_is_let_be(made: Path, s3: S3Client) -> None:
    for name in ("vehicles/v1/jobs/model.tar.gz", "vehicles/v1/notes.txt", "vehicles/v10/train/x"):
        s3.put_object(Bucket="scones-data", Key=name)
    assert put(made) == 0
    assert len(stored(s3)) == 17 + 3


def test_whole_bucket_can_be_the_place(made: Path, s3: S3Client) -> None:
    assert upload.main([str(made), "s3://scones-data"]) == 0
    assert "train_lst/train.lst" in stored(s3)
    assert upload.main([str(made), "s3://scones-data/"]) == 0
    assert len(stored(s3)) == 17


def test_dry_run_shows_the_requests_and_sends_none(
    made: Path, s3: S3Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as offline:
        offline.delattr(upload, "_client")
        assert put(made, "--dry-run") == 0
    shown = json.loads(capsys.readouterr().out)
    assert stored(s3) == {}
    shape = s3.meta.service_model.operation_model("PutObject").input_shape
    assert shape is not None
    for request in shown:
        assert (request["service"], request["operation"]) == ("s3", "PutObject")
        validate_parameters(request["parameters"], shape)
        assert (made / request["parameters"]["Body"]).is_file()
    put(made)
    assert {request["parameters"]["Key"] for request in shown} == stored(s3).keys()


def test_bucket_that_is_not_there_is_named(
    made: Path, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload.main([str(made), "s3://scones-absent/x"]) == 2
    assert "There is no bucket scones-absent: make it" in capsys.readouterr().err


def test_refused_access_says_what_is_needed(
    made: Path, s3: S3Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stubber(s3) as refusing:
        refusing.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
        monkeypatch.setattr(upload, "_client", lambda: s3)
        assert put(made) == 2
    assert "ListObjectsV2 in s3://scones-data/vehicles/v1 was refused" in (
        told := capsys.readouterr().err
    )
    assert "s3:PutObject" in told


def test_without_boto3_the_command_says_how_to_get_it(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(account, "find_spec", lambda _: None)
    assert put(made) == 2
    assert 'pip install -e "model[ops]"' in capsys.readouterr().err


@pytest.mark.usefixtures("s3")
def test_folder_that_is_no_data_set_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert put(tmp_path) == 2
    told = capsys.readouterr().err
    assert "has no train.lst, calibration.lst" in told
    assert "scones-model dataset" in told


@pytest.mark.usefixtures("s3")
def test_place_that_is_none_is_refused(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert upload.main([str(made), "/tmp/x"]) == 2
    assert "is no place in S3" in capsys.readouterr().err
