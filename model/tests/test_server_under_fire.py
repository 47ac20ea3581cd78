"""Slow, greedy, rude and many clients, and what becomes of the others."""

from __future__ import annotations

import io
import json
import resource
import selectors
import shutil
import signal
import socket
import struct
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.tests.serving_program import Server, png, serving
from model.tests.tiny_model import write_tiny_model
from PIL import Image

from scones_model.serving.answering import MAX_LARGE
from scones_model.serving.bodies import MAX_BODY, MAX_HELD
from scones_model.serving.connection import (
    MAX_AHEAD,
    MAX_CONNECTIONS,
    MAX_HEAD,
    MAX_HEADERS,
)
from scones_model.serving.inference import Classifier, ModelUnavailable
from scones_model.serving.metadata import ModelMetadata
from scones_model.serving.serve import InvalidSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST_MEMORY_MB = 800
"""As model/README.md states it."""

POST = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n"
PING = b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server(shipped_model: Path) -> Iterator[Server]:
    with serving(shipped_model.parent) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(shipped_model: Path) -> Iterator[Server]:
    with serving(shipped_model.parent, SCONES_REQUEST_SECONDS="0.4") as running:
        yield running


@pytest.fixture(scope="module")
def small() -> bytes:
    """A PNG as the serializer makes it."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return png(Image.fromarray(pixels))


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def with_length(body: bytes, announced: int | None = None) -> bytes:
    length = len(body) if announced is None else announced
    return POST + b"content-length: %d\r\n\r\n" % length + body


def chunked(parts: Iterable[bytes]) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return POST + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer; status 0 when the server closed instead."""
    got = b""
    try:
        while b"\r\n\r\n" not in got:
            got += read_some(client)
        head, _, body = got.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers["content-length"]):
            body += read_some(client)
    except ConnectionError:
        return 0, {}, got
    return int(status.split()[1]), headers, body


def read_some(client: socket.socket) -> bytes:
    part = client.recv(65536)
    if not part:
        raise ConnectionResetError
    return part


def ask(server: Server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    with connected(server) as client:
        client.sendall(request)
        return read_answer(client)


def is_cut_off(client: socket.socket, trickle: bytes, pause: float = 0.05) -> bool:
    """Whether the server closes the connection of a client that sends a little now and then."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.sendall(trickle)
        except ConnectionError:
            return True
        time.sleep(pause)
    return False


def assert_serves(server: Server, small: bytes) -> None:
    assert server.ask("GET", "/ping")[0] == 200
    assert server.classify(small)[0] == 200


# Slow clients.


@pytest.mark.parametrize(
    ("beginning", "trickle"),
    [
        (b"", b"\r\n"),
        (b"POST /invoc", b"a"),
        (POST, b"x-a: b\r\n"),
        (with_length(b"", announced=6000), b"x"),
        (POST + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (with_length(b"", announced=MAX_BODY + 1), b"x"),
        (PING, b"\r\n"),
        (PING + b"GET /pi", b"x"),
    ],
    ids=["nothing", "url", "headers", "body", "chunks", "refused-body", "after", "second"],
)
def test_slow_client_is_cut_off_and_others_are_served(
    hasty: Server, small: bytes, beginning: bytes, trickle: bytes
) -> None:
    with connected(hasty) as client:
        client.sendall(beginning)
        assert_serves(hasty, small)
        assert is_cut_off(client, trickle)


def test_silent_client_is_cut_off(hasty: Server) -> None:
    with connected(hasty) as client:
        assert client.recv(1) == b""


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel does it, on Linux")
def test_client_that_never_reads_is_cut_off(hasty: Server) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.connect(("127.0.0.1", hasty.port))
        assert is_cut_off(client, PING, pause=0.01)


def test_patient_client_keeps_its_connection_between_requests(hasty: Server, small: bytes) -> None:
    with connected(hasty) as client:
        for _ in range(3):
            client.sendall(with_length(small))
            assert read_answer(client)[0] == 200
            time.sleep(0.6)


def test_two_hundred_slow_clients_stop_nobody(server: Server, small: bytes) -> None:
    with ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(connected(server))
            client.sendall(with_length(small[:100], len(small)) if number % 2 else POST)
        assert_serves(server, small)


# Bodies.


def test_body_in_chunks_is_answered_as_one_with_a_length(server: Server, small: bytes) -> None:
    whole = ask(server, with_length(small))
    assert whole[0] == 200
    assert ask(server, chunked([small]))[2] == whole[2]
    bytewise = [small[at : at + 1] for at in range(len(small))]
    assert ask(server, chunked(bytewise))[2] == whole[2]


def test_body_is_asked_for_when_the_client_waits_to_be_asked(server: Server, small: bytes) -> None:
    with connected(server) as client:
        head = POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(small)
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(small)
        assert read_answer(client)[0] == 200


def test_oversize_is_refused_instead_of_asked_for(server: Server) -> None:
    head = POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY + 1)
    assert ask(server, head)[0] == 413


def test_large_bodies_are_told_to_come_again_while_others_fill_the_memory(
    server: Server, small: bytes
) -> None:
    places = MAX_HELD // MAX_BODY
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        for _ in range(places + 2):
            client = stack.enter_context(connected(server))
            answers.register(client, selectors.EVENT_READ)
            client.sendall(with_length(b"x" * (MAX_BODY - 1), MAX_BODY))
        wait_until(lambda: len(answers.select(0)) == 2)
        for key, _ in answers.select():
            assert isinstance(key.fileobj, socket.socket)
            status, headers, body = read_answer(key.fileobj)
            assert (status, headers["retry-after"]) == (503, "1")
            assert b"try again" in body
        assert_serves(server, small)
    # The memory of those who left is free again; x is no picture.
    wait_until(lambda: ask(server, with_length(b"x" * MAX_BODY))[0] == 400)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# What is no HTTP, or hardly.


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"content-length: many\r\n\r\n",
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: +3\r\n\r\nabc",
        POST + b"content-length: 1_0\r\n\r\n",
        POST + b"content-length: \r\n\r\n",
        POST + b"content-length: 99999999999999999999999\r\n\r\n",
        POST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\nsome\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        POST + b"transfer-encoding: gzip\r\n\r\n",
        b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 2 * MAX_HEAD),
        b"GET /%s" % (b"a" * 20 * MAX_HEAD),
        POST + b"x: %s\r\n\r\n" % (b"a" * 20 * MAX_HEAD),
        POST + b"x: y\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n1;%s\r\n" % (b"a" * 20 * MAX_HEAD),
        POST + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * (MAX_HEADERS + 1),
        b"GET /ping HTTP/9.9\r\n\r\n",
        b"GET http://[ping HTTP/1.1\r\n\r\n",
        b"GET /p\xffng HTTP/1.1\r\n\r\n",
        b"GET /ping\x00 HTTP/1.1\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nx\x00: y\r\n\r\n",
        b"BREW /ping HTTP/1.1\r\n\r\n",
        b"CONNECT host:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        bytes(range(256)) * 100,
    ],
)
def test_what_is_no_http_is_answered_400_and_the_end(
    server: Server, small: bytes, request_bytes: bytes
) -> None:
    with connected(server) as client:
        with suppress(ConnectionError):  # it may be closed before all of it has come
            client.sendall(request_bytes)
        status, headers, _ = read_answer(client)
        assert status in {0, 400}
        if status:
            assert headers["connection"] == "close"
    assert_serves(server, small)


def test_seeded_noise_around_http_never_ends_the_server(server: Server, small: bytes) -> None:
    random = np.random.default_rng(6)
    good = with_length(small)
    for _ in range(60):
        at, added, dropped = (int(each) for each in random.integers((0, 1, 0), (160, 40, 40)))
        request = good[:at] + random.bytes(added) + good[at + dropped :]
        with connected(server) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            assert read_answer(client)[0] in {0, 200, 400, 404, 405, 413, 415}
    assert server.process.poll() is None
    assert_serves(server, small)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"HEAD /ping", 405),
        (b"OPTIONS /invocations", 405),
        (b"DELETE /invocations", 405),
        (b"PUT /ping", 405),
        (b"GET /ping/", 404),
        (b"GET //ping", 404),
        (b"GET /../ping", 404),
        (b"GET /ping%00", 404),
        (b"GET /%2e%2e/%ff%fe", 404),
        (b"GET /pi%6Eg", 200),
        (b"GET /ping?%ff=&&;#x", 200),
        (b"GET http://else/ping", 200),
    ],
)
def test_every_method_and_path_has_an_answer(
    server: Server, request_line: bytes, status: int
) -> None:
    with connected(server) as client:
        client.sendall(request_line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    is_head = request_line.startswith(b"HEAD")
    assert answer.endswith(b"\r\n\r\n") if is_head else json.loads(answer.split(b"\r\n\r\n")[1])


def test_offer_of_another_protocol_is_passed_over_where_no_body_comes_with_it(
    server: Server, small: bytes
) -> None:
    """As Java's client makes it; to the parser, what follows is that other protocol's."""
    offer = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMA\r\n"
    status, headers, _ = ask(server, PING.replace(b"host: x\r\n", offer))
    assert (status, headers["connection"]) == (200, "close")
    status, _, body = ask(server, with_length(small).replace(b"host: x\r\n", offer))
    assert status == 400
    assert b"without an offer to upgrade" in body


def test_requests_ahead_of_their_answers_are_answered_in_order(
    server: Server, small: bytes
) -> None:
    with connected(server) as client:
        client.sendall(with_length(small) + PING + with_length(b"no picture") + PING)
        answers = b""
        while answers.count(b"HTTP/1.1") < 4 or not answers.endswith(b"}"):
            answers += read_some(client)
    statuses = [int(part[1:4]) for part in answers.split(b"HTTP/1.1")[1:]]
    assert statuses == [200, 200, 400, 200]


def test_client_far_ahead_of_its_answers_is_cut_off(server: Server, small: bytes) -> None:
    with connected(server) as client:
        client.sendall(with_length(small) + PING * 10 * MAX_AHEAD)
        assert b"".join(iter(lambda: read_or_end(client), b"")).count(b"HTTP/1.1") <= 1 + MAX_AHEAD
    assert_serves(server, small)


def read_or_end(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except ConnectionError:
        return b""


# Rude clients.


@pytest.mark.parametrize("sent", ["half", "whole"])
def test_clients_that_leave_disturb_nobody(server: Server, small: bytes, sent: str) -> None:
    request = with_length(small)
    for _ in range(100):
        client = connected(server)
        client.sendall(request if sent == "whole" else request[:-100])
        # Reset instead of a polite end.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert_serves(server, small)


# Many clients.


def test_two_hundred_at_once_are_all_answered(server: Server, small: bytes) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(200)]
        for client in clients:
            client.sendall(with_length(small))
        answers = [read_answer(client) for client in clients]
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1


def test_when_too_many_large_pictures_wait_the_next_are_told_to_come_again(
    server: Server, small: bytes
) -> None:
    large = png(Image.new("1", (3000, 3000)))
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(3 * MAX_LARGE)]
        for client in clients:
            client.sendall(with_length(large))
        assert_serves(server, small)
        answers = [read_answer(client) for client in clients]
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= MAX_LARGE
    assert {headers["retry-after"] for status, headers, _ in answers if status == 503} == {"1"}


def test_connections_over_the_limit_are_closed_and_the_others_served(
    shipped_model: Path, small: bytes, many_files: None
) -> None:
    with serving(shipped_model.parent) as server:
        with ExitStack() as stack:
            first = stack.enter_context(connected(server))
            for _ in range(MAX_CONNECTIONS - 1):
                stack.enter_context(connected(server))
            one_more = stack.enter_context(connected(server))
            assert read_or_end(one_more) == b""
            first.sendall(with_length(small))
            assert read_answer(first)[0] == 200
        wait_until(lambda: ask(server, PING)[0] == 200)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Hostile pictures.


def test_mutated_pictures_are_answered_or_refused_by_name(server: Server, small: bytes) -> None:
    random = np.random.default_rng(7)
    photo = io.BytesIO()
    Image.effect_noise((60, 40), 90).convert("RGB").save(photo, "JPEG")
    connection = server.connect()
    for number in range(200):
        kind, good = (("png", small), ("jpeg", photo.getvalue()))[number % 2]
        picture = bytearray(good[: random.integers(1, len(good))] if number % 5 == 0 else good)
        for _ in range(random.integers(1, 8)):
            picture[random.integers(0, len(picture))] = random.integers(0, 256)
        headers = {"content-type": f"image/{kind}"}
        connection.request("POST", "/invocations", bytes(picture), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status in {200, 400}
        assert len(answer) == 2 if response.status == 200 else answer["error"]
    connection.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process's peak")
def test_memory_is_bounded_whatever_pictures_come(server: Server) -> None:
    """After all that this module's server has been through, and the worst pictures at once."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(2)]
        for client, mode in zip(clients, ("RGBA", "I;16"), strict=True):
            client.sendall(with_length(png(Image.new(mode, (5000, 5000)))))
        assert [read_answer(client)[0] for client in clients] == [200, 200]
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak) / 1024 < MOST_MEMORY_MB


# SIGTERM.


def test_sigterm_lets_all_calls_under_way_finish_and_ends_with_0(
    shipped_model: Path, small: bytes
) -> None:
    with serving(shipped_model.parent) as server, ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(20)]
        for client in clients:
            client.sendall(with_length(small[:50], len(small)))
        idle = stack.enter_context(connected(server))
        assert_serves(server, small)  # what was sent before has arrived before this
        server.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        wait_until(lambda: is_refused(server))
        for client in clients:
            client.sendall(small[50:])
        assert {read_answer(client)[0] for client in clients} == {200}
        assert server.process.wait(timeout=30) == 0


def is_refused(server: Server) -> bool:
    try:
        connected(server).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_waits_no_longer_for_a_slow_client_than_others_would(
    shipped_model: Path, small: bytes
) -> None:
    hasty = serving(shipped_model.parent, SCONES_REQUEST_SECONDS="0.4")
    with hasty as server, connected(server) as client:
        client.sendall(with_length(small[:50], len(small)))
        assert_serves(server, small)
        server.process.send_signal(signal.SIGTERM)
        assert is_cut_off(client, b"x")
        assert server.process.wait(timeout=30) == 0


# The model's file.


def test_model_is_read_once_at_the_start(tmp_path: Path, shipped_model: Path, small: bytes) -> None:
    with serving(tmp_path) as server:
        shutil.copy(shipped_model, tmp_path)
        assert server.ask("GET", "/ping")[0] == 503
    with serving(tmp_path) as server:
        (tmp_path / shipped_model.name).unlink()
        assert_serves(server, small)


def test_model_whose_answers_are_no_probabilities_is_not_served(tmp_path: Path) -> None:
    about = ModelMetadata(
        labels=("red", "green", "blue"),
        input_width=8,
        input_height=8,
        fit="crop",
        pad_color=(0, 0, 0),
        temperature=1.0,
        threshold=0.5,
        command="",
        seed=0,
    )
    Classifier(write_tiny_model(tmp_path / "good.onnx", about))
    with pytest.raises(ModelUnavailable, match="no probabilities"):
        Classifier(write_tiny_model(tmp_path / "logs.onnx", about, "LogSoftmax"))


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "soon", ""])
def test_impossible_request_seconds_are_refused_by_name(seconds: str) -> None:
    with pytest.raises(InvalidSettings, match="SCONES_REQUEST_SECONDS"):
        Settings.from_environment({"SCONES_REQUEST_SECONDS": seconds})
