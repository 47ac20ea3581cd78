"""SageMaker's `InvokeEndpoint`, in front of the real serving program.

What a caller meets here is what AWS answers, so that a client's error handling can be proven
without an account:

| what happens | HTTP | code | further fields |
| --- | --- | --- | --- |
| the endpoint does not exist | 400 | `ValidationError` | |
| inference id or custom attributes too long, a targeting header | 400 | `ValidationError` | |
| the body is over 6,291,456 bytes | 413 | `413` (AWS sends no error type) | |
| the program answers 4xx, 5xx or a redirect | 424 | `ModelError` | its status and text, log group |
| the program is slower than 60 s, or drops the connection | 424 | `ModelError` | status **0** |
| nothing listens at the program's address | 503 | `ServiceUnavailable` | |

Texts and codes are those that users of the service report (sagemaker-python-sdk#171 for 413,
amazon-sagemaker-examples#799 for the time limit, #2815 for the dropped connection). A time limit
is a `ModelError` whose `OriginalStatusCode` is 0, not 5xx: clients that retry must know it.
"""

from __future__ import annotations

import logging
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from scones_local.capture import CapturedInvocation
from scones_local.restjson import AwsError, rest_json_application, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiohttp.typedefs import Middleware

    from scones_local.capture import DataCapture

__all__ = ["EndpointSettings", "model_error", "serve_endpoint"]

LOGGER = logging.getLogger(__name__)
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the "
    "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
NO_RESPONSE = (
    "Amazon SageMaker could not get a response from the {} endpoint. This can occur when CPU or "
    "memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix this "
    "problem, use an instance type with more CPU capacity or memory."
)
BACKLOG = 1024
LONGEST = {INFERENCE_ID: 64, CUSTOM_ATTRIBUTES: 1024}
TARGETING = tuple(
    f"X-Amzn-SageMaker-{header}"
    for header in (
        "Target-Model", "Target-Variant", "Target-Container-Hostname", "Inference-Component",
        "Enable-Explanations", "Session-Id",
    )
)  # fmt: skip
FORWARDED = ("Content-Type", "Accept", CUSTOM_ATTRIBUTES)
"""SageMaker strips all other headers before its container sees the request."""
IDLE_CONNECTION_S = 2.0
"""Less than the 5 s after which ASGI servers close idle connections: none is used as it dies."""


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One endpoint with one variant.

    Attributes:
        name: The endpoint's name, as callers give it.
        model_url: Base URL of the serving program, without `/invocations`.
        variant: The production variant's name.
        account: The account named in errors.
        region: The region named in errors.
        port: Loopback port to answer on; 0 takes a free one.
        container_timeout_s: Seconds the serving program may take for one answer.
        max_body_bytes: The largest request body.
    """

    name: str
    model_url: str
    variant: str = "AllTraffic"
    account: str = "000000000000"
    region: str = "us-east-1"
    port: int = 0
    container_timeout_s: float = 60.0
    max_body_bytes: int = 6_291_456


@asynccontextmanager
async def serve_endpoint(
    settings: EndpointSettings,
    capture: DataCapture | None = None,
    layers: Sequence[Middleware] = (),
) -> AsyncIterator[str]:
    """Answer `InvokeEndpoint` on a loopback port while the context is open.

    Args:
        settings: The endpoint.
        capture: Where successful invocations are offered; None captures nothing.
        layers: Stand between the caller and the endpoint; the first is the outermost.

    Yields:
        The URL for `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`.
    """
    timeout = aiohttp.ClientTimeout(total=settings.container_timeout_s)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        application = rest_json_application(settings.max_body_bytes)
        application.middlewares.extend(layers)
        endpoint = _Endpoint(settings, session, capture)
        application.router.add_post("/endpoints/{name}/invocations", endpoint.invoke)
        async with serve(application, _listener(settings.port)) as url:
            yield url


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class _Endpoint:
    def __init__(
        self,
        settings: EndpointSettings,
        session: aiohttp.ClientSession,
        capture: DataCapture | None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._capture = capture
        self._invocations_url = f"{settings.model_url.rstrip('/')}/invocations"

    async def invoke(self, request: web.Request) -> web.Response:
        """`POST /endpoints/{name}/invocations`."""
        self._validate(request)
        body = await request.read()
        started = datetime.now(UTC)
        answer = await self._ask_model(request, body)
        if answer.status != web.HTTPOk.status_code:
            raise model_error(self._settings, answer.status, answer.body.decode(errors="replace"))
        if self._capture is not None:
            self._capture.offer(_captured(request, body, started, answer))
        return web.Response(
            body=answer.body,
            headers=answer.headers | {INVOKED_VARIANT: self._settings.variant},
        )

    def _validate(self, request: web.Request) -> None:
        name = request.match_info["name"]
        if name != self._settings.name:
            message = f"Endpoint {name} of account {self._settings.account} not found."
            raise AwsError(400, "ValidationError", message)
        for header, longest in LONGEST.items():
            if len(request.headers.get(header, "")) > longest:
                message = f"{header} has more than {longest} characters."
                raise AwsError(400, "ValidationError", message)
        for header in TARGETING:
            if header in request.headers:
                message = f"{header}: endpoint {name} has one variant with one model, and no other."
                raise AwsError(400, "ValidationError", message)

    async def _ask_model(self, request: web.Request, body: bytes) -> _Answer:
        headers = _only(FORWARDED, request.headers)
        try:
            async with self._session.post(
                self._invocations_url, data=body, headers=headers, allow_redirects=False
            ) as response:
                kept = _only(("Content-Type", CUSTOM_ATTRIBUTES), response.headers)
                return _Answer(response.status, kept, await response.read())
        except TimeoutError as error:
            raise model_error(self._settings, 0, TIMED_OUT) from error
        except aiohttp.ClientConnectorError as error:
            LOGGER.warning("no serving program at %s: %s", self._invocations_url, error)
            message = f"Endpoint {self._settings.name} has no healthy container."
            raise AwsError(503, "ServiceUnavailable", message) from error
        except aiohttp.ClientError as error:
            LOGGER.warning("the serving program broke off: %r", error)
            raise model_error(self._settings, 0, NO_RESPONSE.format(self._settings.name)) from error


def model_error(settings: EndpointSettings, status: int, text: str) -> AwsError:
    """What AWS makes of an answer other than 200; `status` 0 stands for no answer at all."""
    of_client = 400 <= status < 500  # noqa: PLR2004 - HTTP's own classes
    group = f"/aws/sagemaker/Endpoints/{settings.name}"
    message = (
        f"Received {'client' if of_client else 'server'} error ({status}) from primary with "
        f'message "{text}". See https://{settings.region}.console.aws.amazon.com/cloudwatch/'
        f"home?region={settings.region}#logEventViewer:group={group} in account "
        f"{settings.account} for more information."
    )
    return AwsError(
        424,
        "ModelError",
        message,
        OriginalStatusCode=status,
        OriginalMessage=text,
        LogStreamArn=f"arn:aws:logs:{settings.region}:{settings.account}:log-group:{group}",
    )


def _only(names: tuple[str, ...], headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def _captured(
    request: web.Request, body: bytes, started: datetime, answer: _Answer
) -> CapturedInvocation:
    return CapturedInvocation(
        when=started,
        inference_id=request.headers.get(INFERENCE_ID),
        custom_attributes=answer.headers.get(CUSTOM_ATTRIBUTES),
        request_type=request.headers.get("Content-Type"),
        request_body=body,
        response_type=answer.headers.get("Content-Type"),
        response_body=answer.body,
    )


def _listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
