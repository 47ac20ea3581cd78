"""X-Ray on one machine: the daemon that SDKs send documents to, and the API that reads them back.

The daemon's UDP socket and the HTTP API share one port number, as they do in AWS's daemon, so that
one address serves as `AWS_XRAY_DAEMON_ADDRESS` and, with `http://` before it, as
`AWS_ENDPOINT_URL_XRAY`. Nothing that arrives stops the collector: what is no document is counted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_local.restjson import serve
from scones_local.tracestore import CollectorSettings, TraceStore
from scones_local.xrayapi import xray_application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["TraceCollector", "collect_traces"]

LOGGER = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
"""Room for a burst while the event loop is busy; the kernel cuts it to `net.core.rmem_max`."""
DATAGRAMS_AT_ONCE = 256
LARGEST_DATAGRAM = 65_536
BIND_ATTEMPTS = 20


@dataclass(frozen=True)
class TraceCollector:
    """A running collector.

    Attributes:
        daemon_address: `127.0.0.1:port`, for `AWS_XRAY_DAEMON_ADDRESS`.
        url: The HTTP API, for `AWS_ENDPOINT_URL_XRAY`.
        store: The traces.
    """

    daemon_address: str
    url: str
    store: TraceStore


@asynccontextmanager
async def collect_traces(
    settings: CollectorSettings | None = None,
) -> AsyncIterator[TraceCollector]:
    """Receive documents and answer the X-Ray API while the context is open."""
    store = TraceStore(settings or CollectorSettings())
    udp, tcp = _one_port(store.settings.port)
    loop = asyncio.get_running_loop()
    with udp, tcp:
        loop.add_reader(udp, _receive, udp, store)
        try:
            async with serve(xray_application(store), tcp) as url:
                yield TraceCollector(url.removeprefix("http://"), url, store)
        finally:
            loop.remove_reader(udp)
            LOGGER.info("X-Ray collector: %s", store.counts)


def _one_port(port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same port number, which the kernel cannot give in one step."""
    for _ in range(BIND_ATTEMPTS - 1):
        with suppress(OSError):
            return _bound(port)
    return _bound(port)


def _bound(port: int) -> tuple[socket.socket, socket.socket]:
    tcp = socket.create_server((LOOPBACK, port))
    try:
        return _datagram_socket(tcp.getsockname()[1]), tcp
    except OSError:
        tcp.close()
        raise


def _datagram_socket(port: int) -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        udp.bind((LOOPBACK, port))
    except OSError:
        udp.close()
        raise
    return udp


def _receive(udp: socket.socket, store: TraceStore) -> None:
    """Take what waits, in bounded portions: the loop has other work too."""
    with suppress(BlockingIOError):
        for _ in range(DATAGRAMS_AT_ONCE):
            store.put_datagram(udp.recv(LARGEST_DATAGRAM))
