from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

# Before any test imports the handler: it reads its settings and makes its client on import.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
    ENDPOINT_NAME="scones-test",
    LABELS="bicycle,motorcycle",
)

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class LambdaContext:
    """What Powertools reads of Lambda's context."""

    function_name: str = "scones-test-classifier"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:classifier:live"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"


@dataclass
class FakeEndpoint:
    """The SageMaker runtime on loopback: gives the replies in turn, the last one for ever."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def answers(self, *replies: Reply) -> None:
        self.replies[:] = replies


def serve(endpoint: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Invocations(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            turn = min(len(endpoint.requests), len(endpoint.replies) - 1)
            endpoint.requests.append((self.path, headers, body))
            endpoint.replies[turn](self)

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    return Invocations


@pytest.fixture
def fake_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    endpoint = FakeEndpoint(url="")
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve(endpoint))
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield endpoint
    server.shutdown()
    server.server_close()


@pytest.fixture
def context() -> LambdaContext:
    return LambdaContext()


@pytest.fixture
def message() -> dict[str, Any]:
    """A serialized-image v1 message whose image is eight recognisable bytes."""
    return {
        "inference_id": "5c" * 32,
        "source": {
            "bucket": "scones-uploads",
            "key": "incoming/a bicycle+1.jpg",
            "version_id": None,
            "etag": "0f343b0931126a20f133d67c2b018a3b",
        },
        "image_data": "iVBORw0KGgo=",
        "content_type": "image/png",
        "width": 32,
        "height": 32,
    }
