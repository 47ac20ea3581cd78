"""What X-Ray, log and metrics receive, in a process that believes it runs on Lambda."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from .conftest import FakeEndpoint

TRACE = "1-6745a0b1-0123456789abcdef01234567"
SEGMENT = "53995c3f42cd8ad8"
SCRIPT = """
import json, sys
from types import SimpleNamespace
from scones_classifier.handler import handler
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="r"
)
handler(json.load(sys.stdin), context)
"""


def bicycle(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "12")
    request.end_headers()
    request.wfile.write(b"[0.97, 0.03]")


def broken(request: BaseHTTPRequestHandler) -> None:
    request.send_response(424)
    request.send_header("x-amzn-ErrorType", "ModelError")
    request.send_header("Content-Length", "27")
    request.end_headers()
    request.wfile.write(b'{"OriginalStatusCode": 500}')


def invoke(message: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Invoke the handler in a process of its own; the subsegments it sent, all that it printed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        environment = os.environ | {
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent={SEGMENT};Sampled=1",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "POWERTOOLS_METRICS_NAMESPACE": "Scones/test",
        }
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=json.dumps(message),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        daemon.setblocking(False)
        return received(daemon), run.stdout + run.stderr


def received(daemon: socket.socket) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    while True:
        try:
            header, document = daemon.recv(65_536).split(b"\n", 1)
        except BlockingIOError:
            return documents
        assert json.loads(header) == {"format": "json", "version": 1}
        documents.append(json.loads(document))


def test_call_and_handler_are_subsegments_of_lambdas_trace(
    fake_endpoint: FakeEndpoint, message: dict[str, Any]
) -> None:
    fake_endpoint.answers(bicycle)
    (call, handler), _ = invoke(message)
    assert (handler["trace_id"], handler["parent_id"]) == (TRACE, SEGMENT)
    assert (call["trace_id"], call["parent_id"]) == (TRACE, handler["id"])
    assert call["namespace"] == "aws"
    assert call["aws"]["operation"] == "InvokeEndpoint"
    annotations = handler["annotations"]
    assert annotations["Service"] == "classifier"
    assert annotations["inference_id"] == message["inference_id"]
    assert annotations["image_key"] == message["source"]["key"]
    assert annotations["label"] == "bicycle"
    assert "metadata" not in handler  # the response, which may outgrow a datagram


def test_a_fault_is_on_the_trace_by_name(
    fake_endpoint: FakeEndpoint, message: dict[str, Any]
) -> None:
    fake_endpoint.answers(broken)
    (*_, handler), _ = invoke(message)
    assert handler["fault"] is True
    assert handler["cause"]["exceptions"][0]["type"] == "ModelFailed"
    assert handler["annotations"]["inference_id"] == message["inference_id"]


def test_a_stages_metrics_are_in_its_own_namespace(
    fake_endpoint: FakeEndpoint, message: dict[str, Any]
) -> None:
    fake_endpoint.answers(bicycle)
    _, printed = invoke(message)
    assert set(re.findall(r'"Namespace": ?"([^"]+)"', printed)) == {"Scones/test"}


def test_image_is_in_no_trace_and_no_log(
    fake_endpoint: FakeEndpoint, message: dict[str, Any]
) -> None:
    fake_endpoint.answers(bicycle)
    documents, printed = invoke(message)
    assert message["inference_id"] in json.dumps(documents)
    assert message["inference_id"] in printed
    assert message["image_data"] not in json.dumps(documents)
    assert message["image_data"] not in printed
