"""What a function calls on AWS, on loopback: S3, a SageMaker endpoint and the X-Ray daemon."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Answer", "StandIn", "start"]

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What every request gets.

    Attributes:
        body: The object, or what the model says.
        headers: What AWS says of it.
    """

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class StandIn:
    """A running stand-in.

    Attributes:
        url: For `AWS_ENDPOINT_URL`.
        daemon: What X-Ray's documents are sent to.
    """

    url: str
    daemon: socket.socket

    @property
    def daemon_address(self) -> str:
        """For `AWS_XRAY_DAEMON_ADDRESS`."""
        return f"{LOOPBACK}:{self.daemon.getsockname()[1]}"

    def documents(self) -> list[dict[str, Any]]:
        """The segments that the daemon has received, in order."""
        received: list[dict[str, Any]] = []
        self.daemon.setblocking(False)
        while True:
            try:
                _, document = self.daemon.recv(65_536).split(b"\n", 1)
            except BlockingIOError:
                return received
            received.append(json.loads(document))


@contextmanager
def start(answer: Answer) -> Iterator[StandIn]:
    """Run a stand-in that gives the same answer to every request."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _requests(answer))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind((LOOPBACK, 0))
            yield StandIn(f"http://{LOOPBACK}:{server.server_port}", daemon)
    finally:
        server.shutdown()
        server.server_close()


def _requests(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(HTTPStatus.OK)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Requests
