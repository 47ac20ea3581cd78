"""The Lambda Runtime API of one process: it asks for invocations and brings the answers.

Interface: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import socket
import sys
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Invocation", "Outcome", "RuntimeServer"]


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: the handler's JSON, or Lambda's error object."""

    body: bytes
    failed: bool

    @classmethod
    def fault(cls, kind: str, message: str) -> Outcome:
        """Name an error as the Lambda service does when a handler could not."""
        body = {"errorType": kind, "errorMessage": message}
        return cls(json.dumps(body).encode(), failed=True)


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a handler.

    Attributes:
        payload: The event as JSON.
        arn: What the caller named.
        trace_header: The caller's place in its trace.
        deadline: When the function's timeout ends, in epoch seconds.
        request_id: Names the invocation.
        interrupt: Called when the process has the event; nothing that it then says is heard.
    """

    payload: bytes
    arn: str
    trace_header: str
    deadline: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    interrupt: Callable[[], None] | None = None


class _RuntimeApi(BaseHTTPRequestHandler):
    """The four calls that a runtime makes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one segment an answer
    server: RuntimeServer

    def do_GET(self) -> None:
        """Hand over the next invocation; wait until there is one."""
        self.server.initialised.set()
        invocation = self.server.inbox.get()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_header,
        }
        self.server.deaf = invocation.interrupt is not None
        self._answer(200, invocation.payload, headers)
        if invocation.interrupt:
            invocation.interrupt()

    def do_POST(self) -> None:
        """Take an answer, an error, or the news that the handler could not be imported."""
        announced = int(self.headers["Content-Length"])
        body = self.rfile.read(announced)
        # The process died while it answered: `_watch` reports that.
        if len(body) < announced or self.server.deaf:
            self.close_connection = True
            return
        self.server.put(Outcome(body, failed=self.path.endswith("/error")))
        self._answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Stay silent: the handler's own log says what matters."""


class RuntimeServer(ThreadingHTTPServer):
    """One process's own server.

    Attributes:
        inbox: Invocations that the process has not fetched yet; None ends it.
        outbox: Outcomes that nobody has taken yet.
        initialised: Set once the handler is imported, or could not be.
        deaf: Whether the process's end is planned, so that it may not answer any more.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApi)
        self.inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self.outbox: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.initialised = threading.Event()
        self.deaf = False

    def put(self, outcome: Outcome) -> None:
        """Hand an outcome over; a runtime that reports one has, in any case, initialised."""
        self.outbox.put(outcome)
        self.initialised.set()

    def handle_error(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: Any,  # noqa: ANN401 - as inherited
    ) -> None:
        """Stay silent about a process that died: who waits for its answer is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host name, which can take seconds."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
