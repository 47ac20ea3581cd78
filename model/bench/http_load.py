"""Calls over HTTP on plain sockets, which take the least of the processor from the server."""

from __future__ import annotations

import io
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["burst", "picture", "picture_request", "steady"]


def picture(side: int) -> bytes:
    """A PNG of `side` x `side` pixels."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def picture_request(side: int) -> bytes:
    """An invocation with a PNG of `side` x `side` pixels."""
    body = picture(side)
    head = (
        "POST /invocations HTTP/1.1\r\nhost: bench\r\ncontent-type: image/png\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def burst(port: int, request: bytes, connections: int, calls: int) -> tuple[list[float], float]:
    """Seconds of each call, and answers a second in all, of `connections` that are kept open.

    Each sends `calls` requests, one after another. Raises RuntimeError for an answer but 200.
    """
    with ExitStack() as stack, ThreadPoolExecutor(connections) as pool:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(connections)
        ]
        started = time.perf_counter()
        times = list(pool.map(lambda each: _calls(each, request, calls), sockets))
        taken = time.perf_counter() - started
    return [one for of_socket in times for one in of_socket], connections * calls / taken


def steady(
    port: int, request: bytes, connections: int, seconds: float
) -> tuple[list[float], float]:
    """As `burst`, for as long as it is told to, all connections in this one thread.

    Threads of the load would take turns with one another, and that would look like the server's.
    """
    times: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        started = time.perf_counter()
        for _ in range(connections):
            address = ("127.0.0.1", port)
            connection = stack.enter_context(socket.create_connection(address, timeout=60))
            connection.sendall(request)
            answers.register(connection, selectors.EVENT_READ, time.perf_counter())
        while answers.get_map():
            for key, _ in answers.select():
                asked = cast("socket.socket", key.fileobj)
                _read_answer(asked)
                now = time.perf_counter()
                times.append(now - key.data)
                if now > started + seconds:
                    answers.unregister(asked)
                    continue
                asked.sendall(request)
                answers.modify(asked, selectors.EVENT_READ, now)
        taken = time.perf_counter() - started
    return times, len(times) / taken


def _calls(connection: socket.socket, request: bytes, calls: int) -> Sequence[float]:
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        connection.sendall(request)
        _read_answer(connection)
        times.append(time.perf_counter() - started)
    return times


def _read_answer(connection: socket.socket) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"The server answered {answer.decode(errors='replace')}")
    (length,) = (
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if b"content-length" in line
    )
    while len(body) < length:
        body += _received(connection)


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise RuntimeError("The server closed the connection before it had answered.")
    return part
