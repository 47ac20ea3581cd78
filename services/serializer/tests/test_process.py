"""What a process that believes it runs on Lambda sends to X-Ray and prints as logs and metrics."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from PIL import Image

if TYPE_CHECKING:
    from .conftest import FakeS3

TRACE = "1-6745a0b1-0123456789abcdef01234567"
SEGMENT = "53995c3f42cd8ad8"
KEY = "incoming/a bicycle+1.jpg"
SCRIPT = """
import json, sys
from types import SimpleNamespace
from scones_serializer.handler import handler
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1769, invoked_function_arn="arn", aws_request_id="r"
)
for message in json.load(sys.stdin):
    answer = handler(message, context)
json.dump(answer, sys.stderr)
"""


MESSAGE = {"image_data": "", "s3_bucket": "scones-uploads", "s3_key": KEY}


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


PHOTO = encoded(Image.effect_noise((32, 32), 64))


class Run(NamedTuple):
    """What one invocation left behind."""

    code: int
    printed: list[dict[str, Any]]
    stderr: str
    traced: list[dict[str, Any]]

    def answer(self) -> dict[str, Any]:
        """The handler's answer."""
        answer: dict[str, Any] = json.loads(self.stderr)
        return answer

    def log(self) -> dict[str, Any]:
        """The last log line."""
        return [line for line in self.printed if "level" in line][-1]

    def metrics(self, namespace: str = "Scones") -> dict[str, Any]:
        """All metrics of a namespace, by name."""
        blobs = [line for line in self.printed if "_aws" in line]
        return {
            metric["Name"]: blob[metric["Name"]]
            for blob in blobs
            for each in blob["_aws"]["CloudWatchMetrics"]
            if each["Namespace"] == namespace
            for metric in each["Metrics"]
        }


def invoke(s3: FakeS3, *messages: dict[str, str], **settings: str) -> Run:
    """Invoke the handler with each message in turn, in a process of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        environment = os.environ | {
            "AWS_ENDPOINT_URL_S3": s3.url,
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent={SEGMENT};Sampled=1",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
        }
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=json.dumps(messages),
            env=environment | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = [json.loads(line) for line in ended.stdout.splitlines()]
        return Run(ended.returncode, printed, ended.stderr, received(daemon))


def received(daemon: socket.socket) -> list[dict[str, Any]]:
    daemon.setblocking(False)
    documents: list[dict[str, Any]] = []
    while True:
        try:
            header, document = daemon.recv(65_536).split(b"\n", 1)
        except BlockingIOError:
            return documents
        assert json.loads(header) == {"format": "json", "version": 1}
        documents.append(json.loads(document))


@pytest.fixture(scope="module")
def serialized(fake_s3: FakeS3) -> Run:
    fake_s3.answers(PHOTO)
    return invoke(fake_s3, MESSAGE)


@pytest.fixture(scope="module")
def refused(fake_s3: FakeS3) -> Run:
    fake_s3.answers(b"a text named .jpg")
    return invoke(fake_s3, MESSAGE)


def test_reading_and_decoding_are_subsegments_of_lambdas_trace(serialized: Run) -> None:
    reading, decoding, handling = serialized.traced
    assert {document["trace_id"] for document in serialized.traced} == {TRACE}
    assert handling["parent_id"] == SEGMENT
    assert reading["parent_id"] == decoding["parent_id"] == handling["id"]
    assert (reading["namespace"], reading["aws"]["operation"]) == ("aws", "GetObject")
    assert decoding["name"] == "## scones_serializer.handler._encoded"


def test_trace_is_found_by_key_and_inference_id(serialized: Run) -> None:
    assert serialized.traced[-1]["annotations"] == {
        "ColdStart": True,
        "Service": "serializer",
        "image_key": KEY,
        "inference_id": serialized.answer()["inference_id"],
    }


def test_log_tells_what_was_serialized(serialized: Run) -> None:
    log = serialized.log()
    assert (log["level"], log["message"]) == ("INFO", "upload serialized")
    assert (log["service"], log["bucket"]) == ("serializer", "scones-uploads")
    assert (log["image_key"], log["inference_id"]) == (KEY, serialized.answer()["inference_id"])


def test_metrics_count_uploads_and_bytes(serialized: Run) -> None:
    assert serialized.metrics() == {
        "ColdStart": [1],
        "UploadsSerialized": [1],
        "ObjectBytes": [len(PHOTO)],
    }


def test_a_stages_metrics_are_in_its_own_namespace(fake_s3: FakeS3) -> None:
    fake_s3.answers(PHOTO)
    run = invoke(fake_s3, MESSAGE, POWERTOOLS_METRICS_NAMESPACE="Scones/test")
    assert run.metrics("Scones/test").keys() == {"ColdStart", "UploadsSerialized", "ObjectBytes"}
    assert run.metrics("Scones") == {}


def test_picture_is_in_no_log_metric_or_trace(serialized: Run) -> None:
    told = json.dumps([serialized.printed, serialized.traced])
    assert serialized.answer()["image_data"][:64] not in told


def test_fault_is_on_the_trace_by_name(refused: Run) -> None:
    _, decoding, handling = refused.traced
    assert decoding["cause"]["exceptions"][0]["type"] == "NotAnImage"
    assert handling["fault"] is True
    assert handling["annotations"]["image_key"] == KEY


def test_fault_is_logged_and_counted_by_name(refused: Run) -> None:
    log = refused.log()
    assert (log["level"], log["error"], log["image_key"]) == ("WARNING", "NotAnImage", KEY)
    assert "upload a photo" in log["reason"]
    assert refused.metrics()["UploadsRefused"] == [1]
    assert "UploadsSerialized" not in refused.metrics()


def test_fault_ends_the_invocation_under_its_name(refused: Run) -> None:
    assert refused.code != 0
    assert "scones_serializer.errors.NotAnImage: " in refused.stderr


def test_log_names_no_upload_of_an_earlier_invocation(fake_s3: FakeS3) -> None:
    fake_s3.answers(PHOTO)
    log = invoke(fake_s3, MESSAGE, {}).log()
    assert log["error"] == "InvalidUpload"
    assert "image_key" not in log


def test_unusable_setting_stops_the_function_at_start(fake_s3: FakeS3) -> None:
    fake_s3.answers(PHOTO)
    run = invoke(fake_s3, MESSAGE, IMAGE_FIT="stretch")
    assert run.code != 0
    assert "InvalidSettings: IMAGE_FIT='stretch'" in run.stderr
    assert fake_s3.paths == []
