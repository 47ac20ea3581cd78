"""What becomes of uploads while parts of the system are gone. Each test has a stack of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from local.tests_flow.conftest import ROOT, Client, jpeg

from scones_local.aws import connect
from scones_local.stack import StackSettings
from scones_local.supervisor import supervised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    settings = StackSettings(ROOT, ROOT / ".nox", tmp_path, ROOT / "model" / "weights")
    with supervised(settings) as running:
        yield Client(connect(running.environment), running)


def test_a_dead_endpoint_is_tried_again_by_the_workflow_and_then_named(client: Client) -> None:
    (server,) = (
        child
        for child in psutil.Process().children(recursive=True)
        if "scones_model.serving.serve" in child.cmdline()
    )
    server.kill()
    kind, letter = client.outcome(client.upload(jpeg(), "photo.jpg"))
    assert kind == "dead_letter"
    assert (letter["failed_state"], letter["retries"]) == ("Classify", 2)
    assert letter["error"]["name"] == "EndpointUnavailable"


def test_an_upload_whose_workflow_is_gone_is_kept_as_the_event_it_was(client: Client) -> None:
    machine = client.stack.outputs["WorkflowArn"]
    client.aws.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    key = client.upload(jpeg(), "photo.jpg")
    kind, event = client.outcome(key)
    assert kind == "undelivered"
    assert event["detail"]["object"]["key"] == key
