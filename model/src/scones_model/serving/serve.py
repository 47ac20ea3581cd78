"""The endpoint's program: `GET /ping` and `POST /invocations` on ONNX Runtime.

One ASGI application, the same as a local process, in its container and on SageMaker. It answers as
the built-in image classification algorithm does: a JSON list of probabilities in class order.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from scones_model.data.images import TooManyPixels, UnreadableImage, fit_to, read_rgb
from scones_model.serving.inference import Classifier, ModelUnavailable, find_model

__all__ = ["MAX_BODY", "Application", "InvalidSettings", "Settings", "main"]

MAX_BODY = 6_291_456
"""Bytes; what SageMaker's InvokeEndpoint lets through."""

FORMATS: Mapping[str, tuple[str, ...]] = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG",),
    "application/x-image": ("PNG", "JPEG"),
}
"""Pillow's formats for each content type."""

METHODS = {"/ping": "GET", "/invocations": "POST"}
DRAIN_SECONDS = 20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class InvalidSettings(ValueError):
    """An environment variable has a value the server cannot start with."""


class _Refused(Exception):
    """An answer other than 200: its status, its message and perhaps a header."""

    def __init__(self, status: HTTPStatus, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class _Gone(Exception):
    """The client left before its body was complete: nobody waits for an answer."""


@dataclass(frozen=True)
class Settings:
    """Where the model lies and where the server listens."""

    model_dir: Path
    host: str
    port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read SM_MODEL_DIR, SCONES_HOST and SAGEMAKER_BIND_TO_PORT; raises InvalidSettings."""
        port = environment.get("SAGEMAKER_BIND_TO_PORT", "8080")
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):  # noqa: PLR2004
            raise InvalidSettings(
                f"SAGEMAKER_BIND_TO_PORT is {port!r}; it must be a port number from 1 to 65535."
            )
        return cls(
            model_dir=Path(environment.get("SM_MODEL_DIR", "/opt/ml/model")),
            host=environment.get("SCONES_HOST", "127.0.0.1"),
            port=int(port),
        )


class Application:
    """The ASGI application; it starts without a model too, so that `/ping` can say why."""

    def __init__(self, model_dir: Path) -> None:
        self._classifier: Classifier | None = None
        self._reason = ""
        try:
            self._classifier = Classifier(find_model(model_dir))
        except ModelUnavailable as error:
            self._reason = str(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            answer = await self._answer(scope, receive)
            await _send(send, HTTPStatus.OK, answer)
        except _Refused as refusal:
            await _send(send, refusal.status, {"error": str(refusal)}, refusal.headers)
        except _Gone:
            return

    async def _answer(self, scope: Scope, receive: Receive) -> object:
        path = scope["path"]
        method = METHODS.get(path)
        if method is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"There are {' and '.join(METHODS)} here.")
        if scope["method"] != method:
            raise _Refused(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {method} only.", allow=method
            )
        classifier = self._ready()
        if path == "/ping":
            return {"labels": classifier.metadata.labels}
        return await _invocation(classifier, scope, receive)

    def _ready(self) -> Classifier:
        if self._classifier is None:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, self._reason)
        return self._classifier


async def _invocation(classifier: Classifier, scope: Scope, receive: Receive) -> list[float]:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    formats = FORMATS.get(kind)
    if formats is None:
        raise _Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The content type {kind!r} is not taken; send {', '.join(FORMATS)}.",
        )
    body = await _body(receive, int(headers.get(b"content-length", "0")))
    # A large photo takes a while to decode: in a thread it delays no ping and no other call.
    return await asyncio.to_thread(_classify, classifier, body, formats)


async def _body(receive: Receive, announced: int) -> bytes:
    """The request's body; refused before or while it is read once it is over MAX_BODY bytes."""
    body, size, more = bytearray(), announced, True
    while more and size <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        size = max(announced, len(body))
        more = message.get("more_body", False)
    if size > MAX_BODY:
        raise _Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is over the limit of {MAX_BODY} bytes."
        )
    return bytes(body)


def _classify(classifier: Classifier, body: bytes, formats: tuple[str, ...]) -> list[float]:
    about = classifier.metadata
    width, height = about.size
    try:
        image = read_rgb(
            body, background=about.pad_color, formats=formats, at_least=(2 * width, 2 * height)
        )
    except (TooManyPixels, UnreadableImage) as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
    fitted = fit_to(image, about.size, about.fit, about.pad_color)
    probabilities: list[float] = classifier.probabilities(np.asarray(fitted)[None])[0].tolist()
    return probabilities


async def _send(
    send: Send, status: HTTPStatus, answer: object, headers: Mapping[str, str] | None = None
) -> None:
    body = json.dumps(answer, allow_nan=False).encode()
    every = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": status.value,
            "headers": [(name.encode(), value.encode()) for name, value in every.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then finish what is under way; status 2 for bad settings."""
    parser = argparse.ArgumentParser(
        prog="scones-model serve",
        description=__doc__,
        epilog="Environment: SM_MODEL_DIR (/opt/ml/model), SAGEMAKER_BIND_TO_PORT (8080), "
        "SCONES_HOST (127.0.0.1).",
    )
    # SageMaker runs `docker run <image> serve`.
    parser.add_argument("serve", nargs="?", choices=["serve"], help="accepted and ignored")
    parser.parse_args(argv)
    try:
        settings = Settings.from_environment(os.environ)
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return 2
    uvicorn.run(
        Application(settings.model_dir),
        host=settings.host,
        port=settings.port,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
