"""Every failure of InvokeEndpoint by its code; test_wire.py shows that real answers parse so."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from scones_classifier import errors
from scones_classifier.endpoint import Answer, connect, invoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

REQUEST = {
    "EndpointName": "scones-test",
    "Body": b"image",
    "ContentType": "image/png",
    "Accept": "application/json",
    "InferenceId": "5c" * 32,
}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    with Stubber(connect()) as stub:
        yield stub


def call(stub: Stubber) -> Answer:
    return invoke(
        cast("SageMakerRuntimeClient", stub.client),
        endpoint="scones-test",
        image=b"image",
        content_type="image/png",
        inference_id="5c" * 32,
    )


def streamed(body: bytes) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(body), len(body))}


def test_answer_comes_with_its_variant(stub: Stubber) -> None:
    response = streamed(b"[0.97, 0.03]") | {"InvokedProductionVariant": "AllTraffic"}
    stub.add_response("invoke_endpoint", response, REQUEST)
    assert call(stub) == Answer(b"[0.97, 0.03]", "AllTraffic")


def test_answer_without_a_variant_is_kept_as_unknown(stub: Stubber) -> None:
    stub.add_response("invoke_endpoint", streamed(b"[1, 0]"), REQUEST)
    assert call(stub) == Answer(b"[1, 0]", "unknown")


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("ThrottlingException", 400, errors.EndpointThrottled),
        ("Throttling", 400, errors.EndpointThrottled),
        ("TooManyRequestsException", 429, errors.EndpointThrottled),
        ("ModelNotReadyException", 429, errors.EndpointThrottled),
        ("ServiceUnavailable", 503, errors.EndpointUnavailable),
        ("InternalFailure", 500, errors.EndpointUnavailable),
        ("InternalDependencyException", 530, errors.EndpointUnavailable),
        ("RequestTimeout", 408, errors.EndpointUnavailable),
        ("RequestTimeoutException", 408, errors.EndpointUnavailable),
        ("AccessDeniedException", 403, errors.EndpointAccessDenied),
        ("AccessDenied", 403, errors.EndpointAccessDenied),
        # Codes that no page of SageMaker's lists go by their HTTP status.
        ("UnheardOf", 429, errors.EndpointThrottled),
        ("UnheardOf", 500, errors.EndpointUnavailable),
        ("UnheardOf", 599, errors.EndpointUnavailable),
        ("ExpiredTokenException", 403, errors.EndpointAccessDenied),
        ("UnheardOf", 401, errors.EndpointAccessDenied),
        ("UnheardOf", 413, errors.EndpointRejectedRequest),
    ],
)
def test_error_code_becomes_a_named_fault(
    stub: Stubber, code: str, status: int, fault: type[Exception]
) -> None:
    stub.add_client_error("invoke_endpoint", code, "what AWS says", http_status_code=status)
    with pytest.raises(fault, match=f"^endpoint scones-test: {code}: what AWS says$"):
        call(stub)


@pytest.mark.parametrize("code", ["ValidationError", "ValidationException"])
def test_missing_endpoint_is_told_by_its_message(stub: Stubber, code: str) -> None:
    message = "Endpoint scones-test of account 123456789012 not found."
    stub.add_client_error("invoke_endpoint", code, message)
    with pytest.raises(errors.EndpointNotFound, match="scones-test of account"):
        call(stub)


@pytest.mark.parametrize("code", ["ValidationError", "ValidationException"])
def test_other_validation_errors_reject_the_request(stub: Stubber, code: str) -> None:
    message = "1 validation error detected: Value at 'inferenceId' failed to satisfy constraint"
    stub.add_client_error("invoke_endpoint", code, message)
    with pytest.raises(errors.EndpointRejectedRequest, match="inferenceId"):
        call(stub)


@pytest.mark.parametrize(
    ("original_status", "fault"),
    [
        (400, errors.ModelRejectedImage),
        (415, errors.ModelRejectedImage),
        (499, errors.ModelRejectedImage),
        (408, errors.ModelFailed),
        (429, errors.ModelFailed),
        (500, errors.ModelFailed),
        (503, errors.ModelFailed),
        (0, errors.ModelFailed),  # the container did not answer within its 60 s
    ],
)
def test_model_error_goes_by_the_containers_status(
    stub: Stubber, original_status: int, fault: type[Exception]
) -> None:
    stub.add_client_error(
        "invoke_endpoint",
        "ModelError",
        http_status_code=424,
        modeled_fields={"OriginalStatusCode": original_status, "OriginalMessage": "its message"},
    )
    with pytest.raises(fault, match=f"scones-test answered {original_status}: its message$"):
        call(stub)


def test_a_long_message_of_the_container_is_shortened(stub: Stubber) -> None:
    stub.add_client_error(
        "invoke_endpoint",
        "ModelError",
        modeled_fields={"OriginalStatusCode": 400, "OriginalMessage": "x" * 10_000},
    )
    with pytest.raises(errors.ModelRejectedImage) as raised:
        call(stub)
    assert len(str(raised.value)) < 400


def test_a_model_error_that_says_nothing_may_be_tried_again(stub: Stubber) -> None:
    stub.add_client_error("invoke_endpoint", "ModelError", http_status_code=424)
    with pytest.raises(errors.ModelFailed):
        call(stub)
