"""uvicorn's HTTP connection, with limits on what a client may send and how long it may take.

uvicorn bounds neither: it waits for a head or a body as long as the client keeps the connection,
and keeps a head of any length.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "MAX_AHEAD",
    "MAX_CONNECTIONS",
    "MAX_HEAD",
    "MAX_HEADERS",
    "REQUEST_SECONDS",
    "LimitedConnection",
    "connection_with",
]

REQUEST_SECONDS = 10.0
"""From the first byte of a request, or the connection's beginning, to the last of its body."""

MAX_CONNECTIONS = 900
"""At once; a process has 1,024 files by default."""

MAX_HEAD = 16_384
"""Bytes of a request line and headers, and of what a chunked body has beside its chunks."""

MAX_HEADERS = 100

MAX_AHEAD = 8
"""Requests that a client may send before it has the answer to an earlier one."""


class _OverLimit(ValueError):
    """Raised inside the parser, which stops there; uvicorn answers 400 and closes."""


class LimitedConnection(HttpToolsProtocol):
    """Closes the connection of whoever is over a limit."""

    request_seconds = REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._clock: asyncio.TimerHandle | None = None
        self._is_whole = False
        self._beside_bodies = 0
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        _give_up_on_one_who_does_not_read(transport, self.request_seconds)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock, which would keep the connection in memory."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; afterwards see whose turn it is, and whether too much has come beside bodies."""
        self._beside_bodies += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._beside_bodies > MAX_HEAD:
            self.send_400_response(f"The request's head is over {MAX_HEAD} bytes.")
        elif self._clock is None and self._is_clients_turn():
            self._start_clock()

    def on_message_begin(self) -> None:
        """A request's first byte has come: its time begins."""
        self._stop_clock()
        self._is_whole = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of a head, or after a chunked body."""
        if len(self.headers) >= MAX_HEADERS:
            raise _OverLimit
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, or put the request after those that came before it."""
        self._beside_bodies = 0
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD or len(self.pipeline) >= MAX_AHEAD:
            raise _OverLimit
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body has come."""
        self._beside_bodies = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here: the client may take its ease."""
        self._beside_bodies = 0
        self._is_whole = True
        self._stop_clock()
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """What follows is not HTTP to the parser: this answer is the connection's last."""
        self.shutdown()

    def _is_clients_turn(self) -> bool:
        return not self._is_whole or self.cycle.response_complete

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def connection_with(request_seconds: float) -> type[LimitedConnection]:
    """The class of connections whose requests may take that long to come."""
    settings: dict[str, Any] = {"request_seconds": request_seconds}
    return type("Connection", (LimitedConnection,), settings)


def _give_up_on_one_who_does_not_read(transport: asyncio.Transport, seconds: float) -> None:
    """Let the kernel close a connection whose answers are not taken; macOS has no such option."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, option, int(1000 * seconds))
