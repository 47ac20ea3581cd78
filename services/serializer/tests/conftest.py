from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import moto  # noqa: F401 - puts its hooks into botocore before the handler makes its client
import pytest

# Before any test imports the handler: it reads its settings and makes its client on import.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
)

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class LambdaContext:
    """What Powertools reads of Lambda's context."""

    function_name: str = "scones-test-serializer"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:serializer:live"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"


@dataclass
class FakeS3:
    """S3 on loopback: gives every request the same reply, and remembers what was asked since."""

    url: str = ""
    reply: Reply | None = None
    paths: list[str] = field(default_factory=list)

    def answers(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Reply with these; a header that is given empty is not sent."""

        def reply(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            sent = {"Content_Length": str(len(body)), "ETag": '"0f343b09"'} | headers
            for name, value in sent.items():
                if value:
                    request.send_header(name.replace("_", "-"), value)
            request.end_headers()
            request.wfile.write(body)

        self.reply = reply
        self.paths.clear()

    def refuses(self, code: str, status: int) -> None:
        """Reply with one of S3's errors."""
        self.answers(f"<Error><Code>{code}</Code></Error>".encode(), status)


@pytest.fixture(scope="module")
def fake_s3() -> Iterator[FakeS3]:
    fake = FakeS3()

    class Objects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.paths.append(self.path)
            assert fake.reply is not None
            fake.reply(self)

        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def context() -> LambdaContext:
    return LambdaContext()
