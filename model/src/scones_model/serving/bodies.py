"""The bodies of requests under way: each bounded, and all of them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from scones_model.serving.refusal import RETRY_SECONDS, Refused

__all__ = ["MAX_BODY", "MAX_HELD", "SMALL_BODY", "Bodies", "Gone", "Receive"]

MAX_BODY = 6_291_456
"""Bytes; what SageMaker's InvokeEndpoint lets through."""

MAX_HELD = 33_554_432
"""Bytes of all bodies that have come and are not answered yet."""

SMALL_BODY = 16_384
"""Bytes; up to these a body is taken while large ones fill the memory there is for bodies."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Gone(Exception):
    """The client left before its body was complete: nobody waits for an answer."""


class Bodies:
    """Reads bodies, and counts what they hold until they are answered."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def claim(self) -> Iterator[Claim]:
        """The memory of one body, given back when the block ends."""
        claim = Claim()
        try:
            yield claim
        finally:
            self._held -= claim.size

    async def read(self, claim: Claim, receive: Receive, announced: int) -> bytes:
        """A whole body; refused once it, or all bodies together, are over their limit.

        `announced` is its length by its header, 0 when it has none. Raises Refused or Gone.
        """
        _check(announced)
        parts, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            parts.append(part)
            self._take(claim, len(part))
            more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take(self, claim: Claim, size: int) -> None:
        claim.size += size
        self._held += size
        _check(claim.size)
        if self._held > MAX_HELD and claim.size > SMALL_BODY:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"The pictures under way fill the {MAX_HELD} bytes there are for them; try again.",
                retry_after=str(RETRY_SECONDS),
            )


class Claim:
    """Bytes that one body holds."""

    def __init__(self) -> None:
        self.size = 0


def _check(size: int) -> None:
    if size > MAX_BODY:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is over the limit of {MAX_BODY} bytes."
        )
