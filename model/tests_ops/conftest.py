from __future__ import annotations

import json
import os
import socket
from contextlib import redirect_stdout
from io import StringIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from moto import mock_aws
from PIL import Image

from scones_model.aws import launch
from scones_model.data import dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "scones-pictures"
PLACE = f"s3://{BUCKET}/vehicles"
LOCATION: Any = {"LocationConstraint": "eu-west-1"}
ROLE = "arn:aws:iam::123456789012:role/scones-training"


@pytest.fixture(scope="session", autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A machine on which nobody has set up AWS, but for a region."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("AWS_", "SAGEMAKER_", "SCONES_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        yield


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures each of two classes, divided by `scones-model dataset`."""
    source, out = tmp_path_factory.mktemp("pictures"), tmp_path_factory.mktemp("data") / "set"
    random = np.random.default_rng(0)
    for label in ("plane", "ship"):
        (source / label).mkdir()
        for number in range(20):
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(source / label / f"{number}.png")
    assert dataset.main(["--folder", str(source), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "backbone.pt"
    path.write_bytes(b"weights")
    return path


def _launched(*options: str) -> Any:
    """What `scones-model launch` prints, read."""
    with redirect_stdout(StringIO()) as printed:
        assert launch.main([PLACE, "--role", ROLE, *options]) == 0
    return json.loads(printed.getvalue())


@pytest.fixture(scope="session")
def dry_runs(data_set: Path, backbone: Path) -> dict[str, list[dict[str, Any]]]:
    """Requests of jobs in script mode and with the built-in algorithm; no network is asked."""

    def refuse(*_: object) -> None:
        raise AssertionError("a dry run went to the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        return {
            "script": _launched(
                "--dry-run", "--hyperparameter", "epochs=3", "--backbone", str(backbone)
            ),
            "on demand": _launched("--dry-run", "--no-spot", "--without", "neither"),
            "built-in": _launched("--dry-run", "--builtin", "--data", str(data_set)),
        }


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> dict[str, Any]:
    """A job that was started on moto and waited for.

    `printed` is what the command printed, `job` what SageMaker then describes, and `channels` a
    folder with the channels that the command filled, as the job finds them.
    """
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")  # moto has no policy simulator
        s3 = boto3.resource("s3")
        bucket = s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=LOCATION)
        for channel in ("train", "calibration", "test", "neither"):
            bucket.put_object(Key=f"vehicles/{channel}/file", Body=b"content")
        options = ("--max-run", "600", "--hyperparameter", "epochs=3", "--wait")
        printed = _launched(*options, "--backbone", str(backbone))
        job = boto3.client("sagemaker").describe_training_job(TrainingJobName=printed["job"])
        channels = tmp_path_factory.mktemp("channels")
        for name in ("code", "sm_drivers", "backbone"):
            _download(bucket, job, name, channels)
    return {"printed": printed, "job": job, "channels": channels}


def _download(bucket: Any, job: Any, channel: str, folder: Path) -> None:
    """What SageMaker does with a channel: everything that begins with its prefix."""
    sources = {one["ChannelName"]: one["DataSource"] for one in job["InputDataConfig"]}
    prefix = sources[channel]["S3DataSource"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
    for found in bucket.objects.filter(Prefix=prefix):
        within = found.key.removeprefix(prefix).lstrip("/") or PurePosixPath(found.key).name
        path = folder / channel / within
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(found.key, str(path))
