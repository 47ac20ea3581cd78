"""boto3 against a real HTTP server: what is sent, what botocore retries, what breaks on the way."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from scones_classifier import endpoint, errors
from scones_classifier.endpoint import Answer, connect, invoke

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from .conftest import FakeEndpoint, Reply


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


def call() -> Answer:
    return invoke(
        connect(),
        endpoint="scones-test",
        image=b"\x89PNG",
        content_type="image/png",
        inference_id="5c" * 32,
    )


def reply(status: int, body: bytes, **headers: str) -> Reply:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return send


def failure(status: int, code: str, **fields: object) -> Reply:
    return reply(status, json.dumps(fields).encode(), x_amzn_errortype=code)


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)


def hang_up_halfway(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "12")
    request.end_headers()
    request.wfile.write(b"[0.97")


def stay_silent(request: BaseHTTPRequestHandler) -> None:
    request.connection.settimeout(5)
    with suppress(TimeoutError):  # a client without patience of its own sees us hang up instead
        request.rfile.read(1)


def test_request_carries_the_image_and_its_inference_id(fake_endpoint: FakeEndpoint) -> None:
    fake_endpoint.answers(reply(200, b"[0.97, 0.03]", x_amzn_invoked_production_variant="blue"))
    assert call() == Answer(b"[0.97, 0.03]", "blue")
    ((path, headers, body),) = fake_endpoint.requests
    assert (path, body) == ("/endpoints/scones-test/invocations", b"\x89PNG")
    assert headers["x-amzn-sagemaker-inference-id"] == "5c" * 32
    assert headers["content-type"] == "image/png"
    assert headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("status", "code", "fields", "fault", "attempts"),
    [
        (400, "ThrottlingException", {"message": "slow"}, errors.EndpointThrottled, 3),
        (429, "UnheardOf", {}, errors.EndpointThrottled, 3),
        (429, "ModelNotReadyException", {"Message": "cold"}, errors.EndpointThrottled, 1),
        (503, "ServiceUnavailable", {"Message": "busy"}, errors.EndpointUnavailable, 3),
        (500, "InternalFailure", {"Message": "oops"}, errors.EndpointUnavailable, 3),
        (530, "InternalDependencyException", {}, errors.EndpointUnavailable, 1),
        (424, "ModelError", {"OriginalStatusCode": 500}, errors.ModelFailed, 1),
        (424, "ModelError", {"OriginalStatusCode": 400}, errors.ModelRejectedImage, 1),
        (400, "ValidationError", {"Message": "Endpoint x not found."}, errors.EndpointNotFound, 1),
        (400, "ValidationError", {"Message": "too long"}, errors.EndpointRejectedRequest, 1),
        (403, "AccessDeniedException", {"Message": "no"}, errors.EndpointAccessDenied, 1),
    ],
)
def test_botocore_retries_only_what_it_knows_as_transient(
    fake_endpoint: FakeEndpoint,
    *,
    status: int,
    code: str,
    fields: dict[str, object],
    fault: type[Exception],
    attempts: int,
) -> None:
    fake_endpoint.answers(failure(status, code, **fields))
    with pytest.raises(fault):
        call()
    assert len(fake_endpoint.requests) == attempts


def test_containers_message_arrives(fake_endpoint: FakeEndpoint) -> None:
    fields = {"OriginalStatusCode": 415, "OriginalMessage": "image/tiff is not served"}
    fake_endpoint.answers(failure(424, "ModelError", Message="Received client error", **fields))
    with pytest.raises(errors.ModelRejectedImage, match="answered 415: image/tiff is not served"):
        call()


def test_one_failed_attempt_is_made_good(fake_endpoint: FakeEndpoint) -> None:
    fake_endpoint.answers(failure(503, "ServiceUnavailable"), hang_up, reply(200, b"[1, 0]"))
    assert call().body == b"[1, 0]"
    assert len(fake_endpoint.requests) == 3


def test_closed_connection_is_unavailable_after_three_attempts(
    fake_endpoint: FakeEndpoint,
) -> None:
    fake_endpoint.answers(hang_up)
    with pytest.raises(errors.EndpointUnavailable, match="no answer from endpoint scones-test"):
        call()
    assert len(fake_endpoint.requests) == 3


def test_answer_cut_short_is_unavailable(fake_endpoint: FakeEndpoint) -> None:
    fake_endpoint.answers(hang_up_halfway)
    with pytest.raises(errors.EndpointUnavailable):
        call()
    assert len(fake_endpoint.requests) == 1


def test_silence_is_unavailable_after_three_attempts(
    fake_endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "READ_TIMEOUT", 0.05)
    fake_endpoint.answers(stay_silent)
    with pytest.raises(errors.EndpointUnavailable, match="Read timeout"):
        call()
    assert len(fake_endpoint.requests) == 3


def test_refused_connection_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
        with pytest.raises(errors.EndpointUnavailable, match="Could not connect"):
            call()
