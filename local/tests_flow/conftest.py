"""The whole system, started once as `make up` starts it, and an outside client of it."""

from __future__ import annotations

import io
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.tests_flow.bare_engine import PROBE, Engine
from PIL import Image, ImageDraw

from scones_local.aws import connect
from scones_local.stack import RunningStack, StackSettings
from scones_local.supervisor import supervised
from scones_local.traffic import QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0


def jpeg(size: tuple[int, int] = (1600, 1200), orientation: int = 1) -> bytes:
    """A drawn bicycle of natural size, as a phone that was turned would save it."""
    picture = Image.new("RGB", size, (200, 210, 220))
    draw = ImageDraw.Draw(picture)
    width, height = size
    for centre in (0.3, 0.7):
        x, y, radius = width * centre, height * 0.65, height * 0.2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=0, width=20)
    draw.line((width * 0.3, height * 0.65, width * 0.5, height * 0.35), fill=0, width=20)
    exif = Image.Exif()
    exif[0x0112] = orientation
    memory = io.BytesIO()
    picture.save(memory, "JPEG", exif=exif)
    return memory.getvalue()


@dataclass(frozen=True)
class Client:
    """What an outside client does: put an object, start an execution, wait for an outcome."""

    aws: boto3.Session
    stack: RunningStack

    def upload(self, body: bytes, name: str, prefix: str = "incoming/") -> str:
        """Put an object under `prefix`; return its key, which no other test uses."""
        key = f"{prefix}{uuid.uuid4()}/{name}"
        bucket = self.stack.outputs["UploadBucket"]
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return key

    def outcome(self, key: str) -> tuple[str, dict[str, Any]]:
        """Wait for the message that names `key`: the kind of its queue, and the message."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for kind, output in QUEUES.items():
                for body in self._messages(self.stack.outputs[output], key):
                    return kind, body
            time.sleep(0.05)
        raise AssertionError(f"nothing names {key} after {PATIENCE_S} s")

    def _messages(self, queue_url: str, key: str) -> Iterator[dict[str, Any]]:
        sqs = self.aws.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        for message in answer.get("Messages", []):
            body = json.loads(message["Body"])
            if json.dumps(key) in message["Body"] or key in json.dumps(body, ensure_ascii=False):
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                yield body

    def run_workflow(self, event: dict[str, Any]) -> dict[str, Any]:
        """Run the workflow on an input as the console does; return its output."""
        answer = self.aws.client("stepfunctions").start_sync_execution(
            stateMachineArn=self.stack.outputs["WorkflowArn"], input=json.dumps(event)
        )
        assert answer["status"] == "SUCCEEDED"
        output: dict[str, Any] = json.loads(answer["output"])
        return output


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    weights = ROOT / "model" / "weights"
    settings = StackSettings(ROOT, ROOT / ".nox", tmp_path_factory.mktemp("stack"), weights)
    with supervised(settings) as running:
        yield running


@pytest.fixture
def client(stack: RunningStack) -> Client:
    """Of the stack that tests share; a test with its own stack had this process look there."""
    return Client(connect(stack.environment), stack)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A bare engine with the probe as its one function."""
    running = Engine(tmp_path_factory.mktemp("engine"))
    running.wait()
    running.deploy("probe", {"scones_probe.py": PROBE.read_text()})
    yield running
    running.stop()
