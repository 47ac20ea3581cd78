"""What X-Ray and metrics receive, in a process that believes it runs on Lambda."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from typing import Any

TRACE = "1-6745a0b1-0123456789abcdef01234567"
SEGMENT = "53995c3f42cd8ad8"
# botocore is on the path on Lambda, shipped or not, and slow to import. Here it cannot be imported,
# so that whatever comes to need it fails.
SCRIPT = """
import json, sys
from types import SimpleNamespace
sys.modules["botocore"] = None
from scones_filter.handler import handler
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="r"
)
handler(json.load(sys.stdin), context)
"""


def invoke(message: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Invoke the handler in a process of its own; the subsegments it sent, and what it printed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        environment = os.environ | {
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": f"Root={TRACE};Parent={SEGMENT};Sampled=1",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
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
        return received(daemon), run.stdout


def received(daemon: socket.socket) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    while True:
        try:
            header, document = daemon.recv(65_536).split(b"\n", 1)
        except BlockingIOError:
            return documents
        assert json.loads(header) == {"format": "json", "version": 1}
        documents.append(json.loads(document))


def test_handler_is_a_subsegment_of_lambdas_trace_without_botocore(message: dict[str, Any]) -> None:
    (handler,), _ = invoke(message)
    assert (handler["trace_id"], handler["parent_id"]) == (TRACE, SEGMENT)
    annotations = handler["annotations"]
    assert annotations["Service"] == "filter"
    assert annotations["inference_id"] == message["inference_id"]
    assert annotations["image_key"] == message["source"]["key"]
    assert annotations["label"] == "bicycle"
    assert annotations["decision"] == "accepted"
    assert "metadata" not in handler  # the response: off, as in every service


def test_a_fault_is_on_the_trace_by_name(message: dict[str, Any]) -> None:
    (handler,), _ = invoke(message | {"confidence": 2})
    assert handler["fault"] is True
    assert handler["cause"]["exceptions"][0]["type"] == "InvalidPrediction"


def test_a_stages_metrics_are_in_its_own_namespace(message: dict[str, Any]) -> None:
    _, printed = invoke(message)
    assert set(re.findall(r'"Namespace": ?"([^"]+)"', printed)) == {"Scones/test"}
