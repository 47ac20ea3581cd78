"""What becomes of uploads while parts of the system are gone. Each test has a stack of its own."""

from __future__ import annotations

import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from local.tests_flow.conftest import PATIENCE_S, ROOT, Client, jpeg

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


def servers(client: Client) -> list[psutil.Process]:
    """The stack's serving program, if it is there now: not yet, while it is starting again."""
    port, found = client.stack.model_url.rpartition(":")[2], []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.environ().get("SAGEMAKER_BIND_TO_PORT") == port:
                found.append(child)
    return found


@contextmanager
def dying_again_and_again(client: Client) -> Iterator[None]:
    """Kill the serving program, and whatever is started in its place, before it can answer."""
    mended = threading.Event()

    def kill() -> None:
        while not mended.wait(0.05):
            for server in servers(client):
                with suppress(psutil.NoSuchProcess):
                    server.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        mended.set()
        thread.join()


def test_a_dead_endpoint_is_tried_again_by_the_workflow_and_then_named(client: Client) -> None:
    with dying_again_and_again(client):
        while servers(client):
            time.sleep(0.02)
        kind, letter = client.outcome(client.upload(jpeg(), "photo.jpg"))
    assert kind == "dead_letter"
    assert (letter["failed_state"], letter["retries"]) == ("Classify", 2)
    assert letter["error"]["name"] == "EndpointUnavailable"


def test_an_endpoint_that_was_killed_is_started_again_and_serves_the_next_upload(
    client: Client,
) -> None:
    (killed,) = servers(client)
    killed.kill()
    killed.wait(PATIENCE_S)
    wait_until_answers(f"{client.stack.model_url}/ping")
    (again,) = servers(client)
    assert again.pid != killed.pid
    assert client.outcome(client.upload(jpeg(), "photo.jpg"))[0] in {"accepted", "review"}


def wait_until_answers(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(url):  # noqa: S310 - our own
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


def test_an_upload_whose_workflow_is_gone_is_kept_as_the_event_it_was(client: Client) -> None:
    machine = client.stack.outputs["WorkflowArn"]
    client.aws.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    key = client.upload(jpeg(), "photo.jpg")
    kind, event = client.outcome(key)
    assert kind == "undelivered"
    assert event["detail"]["object"]["key"] == key
