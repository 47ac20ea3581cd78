"""Invoking the SageMaker endpoint, with each of its failures named."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name for it
    HTTPClientError,
)

from scones_classifier.errors import (
    EndpointAccessDenied,
    EndpointNotFound,
    EndpointRejectedRequest,
    EndpointThrottled,
    EndpointUnavailable,
    ModelFailed,
    ModelRejectedImage,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

__all__ = ["Answer", "connect", "invoke"]

# Patience for one small image, in seconds; template.yaml's Timeout is reckoned from it.
CONNECT_TIMEOUT = 2
READ_TIMEOUT = 10
ATTEMPTS = 3

_SHOWN = 300  # characters of the container's message that an error quotes

_BY_CODE: dict[str, type[Exception]] = {
    "ModelNotReadyException": EndpointThrottled,
    "Throttling": EndpointThrottled,
    "ThrottlingException": EndpointThrottled,
    "TooManyRequestsException": EndpointThrottled,
    "InternalDependencyException": EndpointUnavailable,
    "InternalFailure": EndpointUnavailable,
    "RequestTimeout": EndpointUnavailable,
    "RequestTimeoutException": EndpointUnavailable,
    "ServiceUnavailable": EndpointUnavailable,
    "AccessDenied": EndpointAccessDenied,
    "AccessDeniedException": EndpointAccessDenied,
}


class Answer(NamedTuple):
    """What the endpoint answered, unread, and the production variant that did."""

    body: bytes
    variant: str


def connect() -> SageMakerRuntimeClient:
    """A client of the SageMaker runtime in the region and with the credentials at hand."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return boto3.client("sagemaker-runtime", config=config)


def invoke(
    client: SageMakerRuntimeClient,
    *,
    endpoint: str,
    image: bytes,
    content_type: str,
    inference_id: str,
) -> Answer:
    """Send one image to the endpoint.

    The inference id ends in the endpoint's Data Capture and is all that joins a captured
    prediction to its S3 object.

    Raises:
        EndpointThrottled, EndpointUnavailable, ModelFailed: The same request can succeed later.
        ModelRejectedImage, EndpointNotFound, EndpointAccessDenied, EndpointRejectedRequest: It
            will not.
    """
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint,
            Body=image,
            ContentType=content_type,
            Accept="application/json",
            InferenceId=inference_id,
        )
        return Answer(response["Body"].read(), response.get("InvokedProductionVariant", "unknown"))
    except ClientError as error:
        raise _named(error, endpoint) from error
    except (ConnectionError, HTTPClientError) as error:
        raise EndpointUnavailable(f"no answer from endpoint {endpoint}: {error}") from error


def _named(error: ClientError, endpoint: str) -> Exception:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code == "ModelError":
        return _model_error(cast("dict[str, Any]", error.response), endpoint)
    fault = _BY_CODE.get(code) or _by_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
    # SageMaker has no code of its own for a missing endpoint, only this sentence.
    if fault is EndpointRejectedRequest and "not found" in message.lower():
        fault = EndpointNotFound
    return fault(f"endpoint {endpoint}: {code}: {message}")


def _by_status(status: int) -> type[Exception]:
    """The fault behind a code that AWS has not documented."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return EndpointThrottled
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return EndpointUnavailable
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return EndpointAccessDenied
    return EndpointRejectedRequest


def _model_error(response: dict[str, Any], endpoint: str) -> Exception:
    status = response.get("OriginalStatusCode", 0)
    message = str(response.get("OriginalMessage", ""))[:_SHOWN]
    # Below 400 is SageMaker's way to say that the container did not answer in its 60 s (it
    # reports status 0): a fault of the model's side, like 5xx.
    rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    fault = ModelRejectedImage if rejected else ModelFailed
    return fault(f"the model behind endpoint {endpoint} answered {status}: {message}")
