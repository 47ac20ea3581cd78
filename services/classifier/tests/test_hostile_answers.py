"""Whatever an endpoint answers: probabilities or a documented fault, in bounded memory."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.classifier.tests.hostile_event_tally import Tally, fuzzed

from scones_classifier import errors
from scones_classifier.answer import TOLERANCE, probabilities
from scones_classifier.endpoint import MOST_ANSWER_BYTES, connect, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler

    from .conftest import FakeEndpoint, Reply

    Classify = Callable[..., str]

LABELS = ("bicycle", "motorcycle")
DOCUMENTED = (
    errors.EndpointAccessDenied,
    errors.EndpointNotFound,
    errors.EndpointRejectedRequest,
    errors.EndpointThrottled,
    errors.EndpointUnavailable,
    errors.MalformedAnswer,
    errors.ModelFailed,
    errors.ModelRejectedImage,
)
LONGEST_MESSAGE = 1024
"""Characters: as much of a reason as a dead letter keeps."""
RIGHT = "classified"
HUNDRED_MB = 100 << 20


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nclassifier, answers: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def classify(fake_endpoint: FakeEndpoint, tally: Tally) -> Classify:
    """Ask an endpoint that gives this reply every time; returns the name of the outcome."""
    client = connect()

    def named(reply: Reply, what: object) -> str:
        fake_endpoint.answers(reply)
        try:
            answer = invoke(
                client,
                endpoint="scones-test",
                image=b"\x89PNG",
                content_type="image/png",
                inference_id="5c" * 32,
            )
            outcome = read(answer.body)
        except DOCUMENTED as error:
            outcome = checked(error)
        tally.add(what, outcome)
        return outcome

    return named


def read(body: bytes) -> str:
    named = probabilities(body, LABELS)
    assert list(named) == list(LABELS)
    assert all(0 <= value <= 1 for value in named.values())
    assert abs(sum(named.values()) - 1) <= TOLERANCE
    return RIGHT


def checked(error: Exception) -> str:
    assert 0 < len(str(error)) <= LONGEST_MESSAGE
    assert str(error).encode(), "Lambda's runtime can send it"
    return type(error).__name__


def malformed(body: bytes, tally: Tally) -> None:
    with pytest.raises(errors.MalformedAnswer) as raised:
        read(body)
    tally.add(body, checked(raised.value))


# --- What a model says, under status 200 -------------------------------------------------------

WRONG_ANSWERS = [
    b"", b" ", b"\0", b"\n\n", b"null", b"true", b"0.97", b'"[0.97, 0.03]"', b"{}",
    b"[0.97 0.03]", b"[0.97, 0.03", b"0.97, 0.03]", b"[0.97, 0.03,]", b"[,]", b"[0.97, 0.03] 1",
    b"[0.97, 0.03][0.97, 0.03]", b"[0.97, 0.03]\n[0.97, 0.03]", b"[.97, .03]", b"[0,97, 0,03]",
    b"['0.97', '0.03']", b"(0.97, 0.03)", b"0.97,0.03", b"[97%, 3%]", b"[0x1, 0x0]", b"[01, 0]",
    b"[]", b"[1]", b"[1.0, 0.0, 0.0]", b"[[0.97, 0.03]]", b"[[0.97], [0.03]]", b"[[], []]",
    b"[0.97, [0.03]]", b'{"predictions": [0.97, 0.03]}', b'{"bicycle": 0.97, "motorcycle": 0.03}',
    b'[{"score": 0.97}, {"score": 0.03}]', b'["0.97", "0.03"]', b'["bicycle", 0.97]',
    b"[true, false]", b"[1, false]", b"[null, null]", b"[0.97, null]", b"[1, {}]",
    b"[NaN, NaN]", b"[NaN, 1]", b"[1, NaN]", b"[Infinity, 0]", b"[-Infinity, 1]", b"[1e309, 0]",
    b"[-0.97, 1.97]", b"[-1, 2]", b"[2, -1]", b"[97, 3]", b"[0.5, 0.6]", b"[0, 0]", b"[1, 1]",
    b"[0.4, 0.4]", b"[1e-300, 1e-300]", b"[1.5, -0.5]", b"[0.998, 0]", b"[1.0021, 0]",
    b"[1" + b"0" * 400 + b", 0]", b"[-1" + b"0" * 400 + b", 0]", b"[1" + b"0" * 5000 + b", 0]",
    b"9" * (6 << 20), b"[" + b"9" * (6 << 20), b"[" + b"0.5," * 100_000 + b"0.5]",
    b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900,
    b"[" + b"[" * 900 + b"]" * 900 + b", 0]", b"[0.97, " + b"[" * 500 + b"]" * 500 + b"]",
    b"\xff\xfe", b"[0.97, 0.03\xff]", b"\xc3\x28", b"\xed\xa0\x80", b"[0.97, \xd9\xa0.03]",
    b'["\\ud800", 1]', b'["' + b"x" * 100_000 + b'", 1]', b"\x93NUMPY\x01\0v\0{'descr'",
    gzip.compress(b"[0.97, 0.03]"), b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7",
    b"<html><body>502 Bad Gateway</body></html>", b"Internal Server Error", b"data: [0.97, 0.03]",
]  # fmt: skip

ODD_BUT_RIGHT = [
    b"[0.97, 0.03]",
    b"\t[ 0.97 ,\r\n0.03 ]\n",
    b"\xef\xbb\xbf[0.97, 0.03]",
    "[0.97, 0.03]".encode("utf-16"),
    "[0.97, 0.03]".encode("utf-32-be"),
    b"[1, 0]",
    b"[1, -0]",
    b"[-0.0, 1.0]",
    b"[9.7e-1, 30E-3]",
    b"[1e-400, 1]",
    b"[1.0009, -0.0009]",
    b"[0.9700000000000000000000000000000000000000000000000000001, 0.03]",
]


@pytest.mark.parametrize("body", WRONG_ANSWERS, ids=lambda body: ascii(body[:30]))
def test_wrong_answer_is_malformed(tally: Tally, body: bytes) -> None:
    malformed(body, tally)


@pytest.mark.parametrize("body", ODD_BUT_RIGHT, ids=ascii)
def test_odd_answer_that_says_it_all_is_read(tally: Tally, body: bytes) -> None:
    tally.add(body, read(body))


NUMBERS = st.integers() | st.floats() | st.floats(0, 1) | st.sampled_from([10**400, -(10**400)])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
NEAR = st.floats(0, 1).map(lambda p: json.dumps([p, 1 - p]).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good answer with bytes changed, lost or added."""
    body = bytearray(draw(NEAR))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


ANY_ANSWER = (
    st.binary(max_size=60)
    | damaged()
    | st.lists(NUMBERS, min_size=2, max_size=2).map(lambda made: json.dumps(made).encode())
    | VALUES.map(lambda made: json.dumps(made).encode())
)


@fuzzed
@given(body=ANY_ANSWER)
def test_any_answer_is_probabilities_or_malformed(tally: Tally, body: bytes) -> None:
    try:
        outcome = read(body)
    except errors.MalformedAnswer as error:
        outcome = checked(error)
    tally.add(body, outcome)


# --- What comes over the wire ------------------------------------------------------------------


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    """Send these, and the body's length unless another is given; no connection is used again."""
    sent = {"Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    if not sent.keys() & {"Content-Length", "Transfer-Encoding"}:
        sent["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return raw(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode("latin-1") + body)


def raw(everything: bytes) -> Reply:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        with suppress(OSError):  # the client may have heard enough
            request.wfile.write(everything)

    return send


def reset(request: BaseHTTPRequestHandler) -> None:
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


ERROR_BODIES = {
    "empty": b"",
    "html": b"<html><body>" + b"x" * 100_000 + b"</body></html>",
    "text": b"upstream connect error",
    "null": b"null",
    "true": b"true",
    "number": b"418",
    "not a number": b"NaN",
    "text in quotes": b'"no"',
    "list": b"[]",
    "list of errors": b'[{"message": "no"}]',
    "bad utf-8": b"\xff\xfe\xfd",
    "bom": b"\xef\xbb\xbf{}",
    "half a character": b'{"message": "\\ud800"}',
    "deep list": b"[" * 100_000,
    "deep object": b'{"message":' * 100_000,
    "endless number": b'{"message": ' + b"9" * 5000 + b"}",
    "message is null": b'{"message": null}',
    "message is a number": b'{"Message": 5}',
    "message is an object": b'{"message": {"a": 1}}',
    "message without end": json.dumps({"message": "m" * (6 << 20)}).encode(),
    "type is a number": b'{"__type": 5}',
    "type is null": b'{"__type": null}',
    "type is a list": b'{"__type": []}',
    "code is a number": b'{"code": 5}',
    "code is a list": b'{"code": []}',
    "code is an object": b'{"Code": {"x": 1}}',
    "code is a colon": b'{"code": ":::"}',
    "twice the same": b'{"message": "a", "message": "b"}',
    "gzip": gzip.compress(b'{"message": "no"}'),
}

BY_STATUS = {
    300: errors.EndpointRejectedRequest,
    301: errors.EndpointRejectedRequest,
    307: errors.EndpointRejectedRequest,
    400: errors.EndpointRejectedRequest,
    401: errors.EndpointAccessDenied,
    403: errors.EndpointAccessDenied,
    404: errors.EndpointRejectedRequest,
    418: errors.EndpointRejectedRequest,
    429: errors.EndpointThrottled,
    500: errors.EndpointUnavailable,
    502: errors.EndpointUnavailable,
    503: errors.EndpointUnavailable,
    599: errors.EndpointUnavailable,
    999: errors.EndpointUnavailable,
}


@pytest.mark.parametrize("status", BY_STATUS)
def test_error_without_a_readable_body_goes_by_its_status(classify: Classify, status: int) -> None:
    for what, body in ERROR_BODIES.items():
        outcome = classify(reply(status, body), [status, body])
        assert outcome == BY_STATUS[status].__name__, what


@pytest.mark.parametrize("what", ERROR_BODIES)
def test_model_error_without_a_readable_body_may_be_tried_again(
    classify: Classify, what: str
) -> None:
    sent = reply(424, ERROR_BODIES[what], X_Amzn_ErrorType="ModelError")
    # A type in the body counts before the header's.
    other = what.startswith(("type is", "code is"))
    assert classify(sent, ["ModelError", what]) in {
        "ModelFailed", *(["EndpointRejectedRequest"] if other else []),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (b"400", errors.ModelRejectedImage),
        (b"499", errors.ModelRejectedImage),
        (b"500", errors.ModelFailed),
        (b"0", errors.ModelFailed),
        (b"-1", errors.ModelFailed),
        (b"true", errors.ModelFailed),
        (b"null", errors.ModelFailed),
        (b'"abc"', errors.ModelFailed),
        (b"4.5e2", errors.ModelFailed),
        (b"[400]", errors.ModelFailed),
        (b"{}", errors.ModelFailed),
        (b"NaN", errors.ModelFailed),
        (b"4" + b"0" * 400, errors.ModelFailed),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_containers_status_counts_only_if_it_is_one(
    classify: Classify, said: bytes, fault: type[Exception]
) -> None:
    body = b'{"OriginalStatusCode": %b, "OriginalMessage": %b}' % (said, said)
    sent = reply(424, body, X_Amzn_ErrorType="ModelError")
    assert classify(sent, body) == fault.__name__


@pytest.mark.parametrize("kind", ["", ":", "::", "#", "a#b:c", "\xff", "x" * 60_000, "None", "5"])
def test_strange_error_type_goes_by_its_status(classify: Classify, kind: str) -> None:
    assert classify(reply(400, b"{}", X_Amzn_ErrorType=kind), [400, kind]) == (
        "EndpointRejectedRequest"
    )
    assert classify(reply(500, b"{}", X_Amzn_ErrorType=kind), [500, kind]) == "EndpointUnavailable"


def test_server_that_errs_in_no_words_is_asked_three_times(
    classify: Classify, fake_endpoint: FakeEndpoint
) -> None:
    assert classify(reply(503, b"[]"), "503 []") == "EndpointUnavailable"
    assert len(fake_endpoint.requests) == 3


BROKEN = {
    "nothing": b"",
    "newlines": b"\r\n" * 10,
    "no HTTP": b"garbage\r\n\r\n",
    "zeros": bytes(100_000),
    "a status that is no number": b"HTTP/1.1 abc Said\r\n\r\n",
    "a status of five digits": b"HTTP/1.1 99999 Said\r\n\r\n",
    "a status below all": b"HTTP/1.1 020 Said\r\nContent-Length: 0\r\n\r\n",
    "HTTP of the future": b"HTTP/9.9 200 Said\r\n\r\n",
    "to be continued": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 Said\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 Said\r\n" + b"X: x\r\n" * 200 + b"\r\n[1, 0]",
    "two lengths": b"HTTP/1.1 200 Said\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\n[1, 0]",
}


@pytest.mark.parametrize("what", BROKEN)
def test_answer_that_is_no_http_is_unavailable(classify: Classify, what: str) -> None:
    assert classify(raw(BROKEN[what]), BROKEN[what]) == "EndpointUnavailable"


def test_connection_that_is_reset_is_unavailable(classify: Classify) -> None:
    assert classify(reset, "reset") == "EndpointUnavailable"


FRAMINGS = {
    "too long": ({"Content-Length": "10"}, b"[1, 0]"),
    "far too long": ({"Content-Length": "9" * 30}, b"[1, 0]"),
    "bad chunk": ({"Transfer-Encoding": "chunked"}, b"zz\r\n[1, 0]"),
    "negative chunk": ({"Transfer-Encoding": "chunked"}, b"-5\r\n[1, 0]"),
    "chunk cut off": ({"Transfer-Encoding": "chunked"}, b"6\r\n[1"),
    "no last chunk": ({"Transfer-Encoding": "chunked"}, b"6\r\n[1, 0]\r\n"),
    "no chunk": ({"Transfer-Encoding": "chunked"}, b""),
    "not a number": ({"Content-Length": "six"}, b"[1, 0]"),
    "negative": ({"Content-Length": "-6"}, b"[1, 0]"),
}


@pytest.mark.parametrize("what", FRAMINGS)
def test_answer_whose_end_cannot_be_told_is_unavailable(classify: Classify, what: str) -> None:
    headers, body = FRAMINGS[what]
    assert classify(reply(200, body, **headers), [200, what]) == "EndpointUnavailable"


@pytest.mark.parametrize("what", FRAMINGS)
def test_error_whose_end_cannot_be_told_has_a_name(classify: Classify, what: str) -> None:
    headers, body = FRAMINGS[what]
    assert classify(reply(500, body, **headers), [500, what]) == "EndpointUnavailable"
    rejected = {"EndpointRejectedRequest", "EndpointUnavailable"}  # as far as it got
    assert classify(reply(400, body, **headers), [400, what]) in rejected


@pytest.mark.parametrize(
    "sent",
    [
        reply(200, b""),
        reply(204),
        reply(206, b"[1,"),
        raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        reply(200, gzip.compress(b"[1, 0]"), Content_Encoding="gzip"),
        reply(200, b"<html></html>", Content_Type="text/html"),
        reply(299, b"{}"),
    ],
    ids=["empty", "no content", "a part", "another protocol", "gzip", "html", "299"],
)
def test_success_that_says_something_else_is_malformed(
    classify: Classify, sent: Reply, request: pytest.FixtureRequest
) -> None:
    assert classify(sent, request.node.name) == "MalformedAnswer"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirection_is_not_followed(
    classify: Classify, fake_endpoint: FakeEndpoint, status: int
) -> None:
    sent = reply(status, Location=f"{fake_endpoint.url}/elsewhere")
    assert classify(sent, status) == "EndpointRejectedRequest"
    assert {path for path, *_ in fake_endpoint.requests} == {"/endpoints/scones-test/invocations"}


class Flood:
    """An answer of 100 MB, announced or in one endless chunk; notes how much of it was taken."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.sent = 0
        self.over = threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        piece = b"0.5, " * 20_000
        with suppress(OSError):
            request.wfile.write(b"HTTP/1.1 200 Said\r\n" + self.head)
            while self.sent < HUNDRED_MB:
                self.sent += request.connection.send(piece)
        self.over.set()


@pytest.mark.parametrize(
    "head",
    [
        f"Content-Length: {HUNDRED_MB}\r\n\r\n".encode(),
        b"\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n{HUNDRED_MB:x}\r\n".encode(),
    ],
    ids=["announced", "until it hangs up", "in one chunk"],
)
def test_answer_of_100_mb_is_given_up_after_the_first(classify: Classify, head: bytes) -> None:
    flood = Flood(head)
    tracemalloc.start()
    try:
        assert classify(flood, ["flood", head]) == "MalformedAnswer"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert flood.over.wait(10)
    assert flood.sent < HUNDRED_MB, "the connection was closed"
    assert peak < 8 * MOST_ANSWER_BYTES


STATUSES = st.sampled_from(sorted(BY_STATUS)) | st.integers(200, 999)
FIELDS = st.sampled_from(
    ["message", "Message", "__type", "code", "Code", "OriginalStatusCode", "OriginalMessage"]
)
CODES = st.sampled_from(["ModelError", "ThrottlingException", "ValidationError", "UnheardOf", ":"])
JSON_BODIES = st.dictionaries(FIELDS, VALUES | CODES | st.integers(0, 600), max_size=5)
BODIES = st.binary(max_size=80) | (JSON_BODIES | VALUES).map(lambda made: json.dumps(made).encode())


@fuzzed
@given(status=STATUSES, body=BODIES | ANY_ANSWER, kind=CODES)
def test_any_answer_over_http_ends_in_a_documented_way(
    classify: Classify, status: int, body: bytes, kind: str
) -> None:
    outcome = classify(reply(status, body, X_Amzn_ErrorType=kind), [status, body, kind])
    assert outcome in {RIGHT, *(each.__name__ for each in DOCUMENTED)}
