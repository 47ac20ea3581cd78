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
    IncompleteReadError,
)
from urllib3.exceptions import HTTPError

from scones_classifier.errorbody import LONGEST_TEXT, make_readable
from scones_classifier.errors import (
    EndpointAccessDenied,
    EndpointNotFound,
    EndpointRejectedRequest,
    EndpointThrottled,
    EndpointUnavailable,
    MalformedAnswer,
    ModelFailed,
    ModelRejectedImage,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

__all__ = ["MOST_ANSWER_BYTES", "Answer", "connect", "invoke"]

# Patience for one small image, in seconds; template.yaml's Timeout is reckoned from it.
CONNECT_TIMEOUT = 2
READ_TIMEOUT = 10
ATTEMPTS = 3

MOST_ANSWER_BYTES = 1 << 20
"""A longer answer is not read to its end: this is room for 50,000 classes."""
_CHUNK_BYTES = 1 << 16

# What breaks off an answer has names of botocore's own; but where it reads an error's body it lets
# urllib3's through, and of a Content-Length that is no number Python's.
_BROKEN_CONNECTION = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    HTTPError,
    ValueError,
)

_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
"""Of a container, or of a proxy before it: no fault of the picture's."""
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
    client = boto3.client("sagemaker-runtime", config=config)
    client.meta.events.register("before-parse.sagemaker-runtime.InvokeEndpoint", make_readable)
    return client


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
        MalformedAnswer: It is longer than `MOST_ANSWER_BYTES`.
    """
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint,
            Body=image,
            ContentType=content_type,
            Accept="application/json",
            InferenceId=inference_id,
        )
        return Answer(_read(response["Body"]), response.get("InvokedProductionVariant", "unknown"))
    except ClientError as error:
        raise _named(error, endpoint) from error
    except _BROKEN_CONNECTION as error:
        said = str(error)[:LONGEST_TEXT]
        raise EndpointUnavailable(f"no answer from endpoint {endpoint}: {said}") from error


def _read(body: StreamingBody) -> bytes:
    answer = bytearray()
    for chunk in body.iter_chunks(_CHUNK_BYTES):
        answer += chunk
        if len(answer) > MOST_ANSWER_BYTES:
            body.close()  # else the rest would be in the way of the next answer
            raise MalformedAnswer(f"over {MOST_ANSWER_BYTES:,} bytes, read no further")
    return bytes(answer)


def _named(error: ClientError, endpoint: str) -> Exception:
    told = error.response.get("Error", {})  # botocore reads none under status 300
    code, message = told.get("Code", "Unknown"), told.get("Message", "")
    if code == "ModelError":
        return _model_error(cast("dict[str, Any]", error.response), endpoint)
    fault = _BY_CODE.get(code) or _by_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
    # SageMaker has no code of its own for a missing endpoint, only this sentence.
    if fault is EndpointRejectedRequest and "not found" in message.lower():
        fault = EndpointNotFound
    return fault(f"endpoint {endpoint}: {code[:LONGEST_TEXT]}: {message[:LONGEST_TEXT]}")


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
    message = str(response.get("OriginalMessage", ""))[:LONGEST_TEXT]
    # Below 400 is SageMaker's way to say that the container did not answer in its 60 s (it
    # reports status 0): a fault of the model's side, like 5xx.
    of_picture = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    rejected = of_picture and status not in _BUSY
    fault = ModelRejectedImage if rejected else ModelFailed
    return fault(f"the model behind endpoint {endpoint} answered {status}: {message}")
