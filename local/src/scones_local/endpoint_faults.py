"""The faults that `InvokeEndpoint` is given, and its journal, as a layer around the endpoint.

| fault | what the caller meets |
| --- | --- |
| endpoint-slow | no answer for 12 s, longer than the classifier's patience; then the model's |
| endpoint-throttles | 429 `ThrottlingException`, which SageMaker's model of its API does not have |
| endpoint-fails | in turn 503 `ServiceUnavailable`, 500 `InternalFailure`, `ModelError` of a 500 |
| endpoint-malformed | 200 with what is no list of probabilities, in turn of every wrong shape |
| endpoint-denied | 403 `AccessDeniedException` |
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from aiohttp import web

from scones_local.endpoint import INFERENCE_ID, INVOKED_VARIANT, model_error
from scones_local.faults import ENDPOINT_FAULTS, Faults
from scones_local.journal import ENDPOINT_JOURNAL, Journal
from scones_local.restjson import AwsError

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.typedefs import Handler, Middleware

    from scones_local.endpoint import EndpointSettings

__all__ = ["MALFORMED", "inject"]

SLOW_S = 12.0
"""More than the 10 s for which the classifier waits."""
LOOK_S = 0.1
"""How often a slow answer looks whether its client is still there."""
DENIED = "The role is not authorized to perform: sagemaker:InvokeEndpoint"
MALFORMED = (
    "I am sorry, Dave.",
    '{"probabilities": [0.9, 0.1]}',
    "[]",
    "[1.0]",
    "[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]",
    "[NaN, NaN]",
    "[Infinity, 0.0]",
    "[[0.9, 0.1]]",
    "[0.97, 0.0",
    '["0.9", "0.1"]',
    "[null, 1.0]",
    "[true, false]",
    "[9.7, -8.7]",
    "[0.9, 0.9]",
    "null",
    "",
)
"""Wrong for a model of two classes, as of any number: text, other JSON, too few, too many, no
numbers, cut off, no probabilities, a sum other than 1, nothing."""


def inject(settings: EndpointSettings, folder: Path) -> Middleware:
    """A layer that injects the faults of a folder's plan and journals every invocation there."""
    layer = _FaultyLayer(settings, Faults(folder), Journal(folder / ENDPOINT_JOURNAL))

    @web.middleware
    async def injected(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await layer.answer(request, handler)

    return injected


class _FaultyLayer:
    def __init__(self, settings: EndpointSettings, faults: Faults, journal: Journal) -> None:
        self._faults = faults
        self._journal = journal
        self._malformed = cycle(MALFORMED)
        self._failures = cycle(
            [
                partial(AwsError, 503, "ServiceUnavailable", "The endpoint is not available."),
                partial(AwsError, 500, "InternalFailure", "An internal failure occurred."),
                partial(model_error, settings, 500, "the model fell over"),
            ]
        )

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._faults.first(ENDPOINT_FAULTS)
        said = "none"
        try:
            response = await self._with(fault, request, handler)
            said = str(response.status)
        except AwsError as error:
            said = error.code or str(error.status)
            raise
        finally:
            answer = said if _is_there(request) else "gone"
            named = request.headers.get(INFERENCE_ID)
            self._journal.write(inference_id=named, answer=answer, fault=fault)
        return response

    async def _with(
        self, fault: str | None, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        match fault:
            case "endpoint-throttles":
                raise AwsError(429, "ThrottlingException", "Rate exceeded")
            case "endpoint-denied":
                raise AwsError(403, "AccessDeniedException", DENIED)
            case "endpoint-fails":
                failure = next(self._failures)
                raise failure()
            case "endpoint-malformed":
                headers = {INVOKED_VARIANT: "AllTraffic", "Content-Type": "application/json"}
                return web.Response(text=next(self._malformed), headers=headers)
            case "endpoint-slow" if not await _is_there_after(SLOW_S, request):
                return web.Response()  # for nobody
        return await handler(request)


def _is_there(request: web.Request) -> bool:
    """Whether the client still waits; aiohttp tells a handler in no other way."""
    return request.transport is not None and not request.transport.is_closing()


async def _is_there_after(seconds: float, request: web.Request) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while _is_there(request) and (left := end - loop.time()) > 0:  # noqa: ASYNC110 - no event
        await asyncio.sleep(min(left, LOOK_S))
    return _is_there(request)
