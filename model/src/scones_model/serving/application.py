"""The ASGI application: `GET /ping` and `POST /invocations`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from scones_model.serving.answering import Answering
from scones_model.serving.bodies import Bodies, Gone, Receive
from scones_model.serving.inference import Classifier, ModelUnavailable, find_model
from scones_model.serving.refusal import Refused

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Application"]

FORMATS: Mapping[str, tuple[str, ...]] = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG",),
    "application/x-image": ("PNG", "JPEG"),
}
"""Pillow's formats for each content type."""

METHODS = {"/ping": "GET", "/invocations": "POST"}

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """It starts without a model too, so that `/ping` can say why.

    The model is read once: another one, or one that comes later, is served after a restart.
    """

    def __init__(self, model_dir: Path) -> None:
        self._classifier: Classifier | None = None
        self._reason = ""
        self._bodies = Bodies()
        try:
            self._classifier = Classifier(find_model(model_dir))
        except ModelUnavailable as error:
            self._reason = str(error)
        else:
            self._answering = Answering(self._classifier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            answer = await self._answer(scope, receive)
            await _send(send, HTTPStatus.OK, answer)
        except Refused as refusal:
            await _send(send, refusal.status, {"error": str(refusal)}, refusal.headers)
        except Gone:
            return

    async def _answer(self, scope: Scope, receive: Receive) -> object:
        path = scope["path"]
        method = METHODS.get(path)
        if method is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"There are {' and '.join(METHODS)} here.")
        if scope["method"] != method:
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {method} only.", allow=method
            )
        if self._classifier is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, self._reason)
        if path == "/ping":
            return {"labels": self._classifier.metadata.labels}
        return await self._invocation(scope, receive)

    async def _invocation(self, scope: Scope, receive: Receive) -> list[float]:
        headers = dict(scope["headers"])
        if b"upgrade" in headers:  # the parser takes the body for the other protocol's
            raise Refused(HTTPStatus.BAD_REQUEST, "Send pictures without an offer to upgrade.")
        formats = _formats(headers.get(b"content-type", b""))
        with self._bodies.claim() as claim:
            announced = int(headers.get(b"content-length", b"0"))
            body = await self._bodies.read(claim, receive, announced)
            return await self._answering.answer(body, formats)


def _formats(content_type: bytes) -> tuple[str, ...]:
    kind = content_type.decode("latin-1").partition(";")[0].strip().lower()
    formats = FORMATS.get(kind)
    if formats is None:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The content type {kind!r} is not taken; send {', '.join(FORMATS)}.",
        )
    return formats


async def _send(
    send: Send, status: HTTPStatus, answer: object, headers: Mapping[str, str] | None = None
) -> None:
    body = json.dumps(answer, allow_nan=False).encode()
    more = [(name.encode(), value.encode()) for name, value in headers.items()] if headers else []
    every = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *more,
    ]
    await send({"type": "http.response.start", "status": status.value, "headers": every})
    await send({"type": "http.response.body", "body": body})
