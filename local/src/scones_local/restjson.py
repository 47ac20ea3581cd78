"""AWS's rest-json protocol on a loopback port: serving, request ids, and errors botocore reads.

botocore takes an error's code from the `x-amzn-ErrorType` header, else from `__type` in the body,
else from the HTTP status; its message from `message` or `Message`; and the fields of a modelled
error from the body.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from socket import socket

    from aiohttp.typedefs import Handler

__all__ = ["AwsError", "rest_json_application", "serve"]

LOGGER = logging.getLogger(__name__)
SHUTDOWN_S = 1.0
"""How long requests in flight may go on when a service stops."""


class AwsError(Exception):
    """An error answer of an AWS service.

    Args:
        status: The HTTP status.
        code: The error's type, or None where AWS sends none and clients use the status.
        message: What the caller reads.
        members: Further fields of the modelled error, as they stand in the body.
    """

    def __init__(self, status: int, code: str | None, message: str, **members: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = {"Message": message, **members}

    def response(self) -> web.Response:
        """The answer on the wire."""
        headers = {} if self.code is None else {"x-amzn-ErrorType": self.code}
        return web.json_response(self.body, status=self.status, headers=headers)


def rest_json_application(max_body_bytes: int) -> web.Application:
    """An application whose every answer, errors included, has AWS's shape and a request id."""
    return web.Application(middlewares=[_as_aws_answers], client_max_size=max_body_bytes)


@web.middleware
async def _as_aws_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await _answer(request, handler)
    response.headers["x-amzn-RequestId"] = str(uuid4())
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AwsError as error:
        return error.response()
    except web.HTTPRequestEntityTooLarge as error:
        # Coral, AWS's own HTTP stack, sends no error type here: clients see the code "413".
        limit = request.client_max_size
        message = f"HTTP content length exceeded {limit} bytes."
        return AwsError(error.status, None, message).response()
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        message = f"Nothing here answers {request.method} {request.path}."
        return AwsError(404, "UnknownOperationException", message).response()
    except Exception:
        LOGGER.exception("%s %s failed", request.method, request.path)
        return AwsError(
            500, "InternalFailure", "The local stand-in failed; see its log."
        ).response()


@asynccontextmanager
async def serve(application: web.Application, listener: socket) -> AsyncIterator[str]:
    """Answer on a bound socket while the context is open; gives the base URL."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
